from roadworthy.cases.database import DatabaseCase, PlainCase, TellingCase
from roadworthy.check import check
from roadworthy.rules import database as rules

PSQL = 'psql "host={host} port={port} user={user} dbname={name} sslmode=verify-full"'
MYSQL = "mysql -h {host} -P {port} -u {user} -p"
MONGOSH = "mongosh 'mongodb://{host}:{port}/{name}?tls=true' --username {user}"


@check(
    "DB-ANSWERS",
    severity="critical",
    expects="database",
    availability=True,
    after=("NAME-RESOLVES", "REACH-TCP"),
    source="PostgreSQL manual, Frontend/Backend Protocol; MySQL connection phase; MongoDB hello",
    by_hand={
        "postgresql": "pg_isready -h {host} -p {port}",
        "mysql": "mysqladmin -h {host} -P {port} ping",
        "mariadb": "mariadb-admin -h {host} -P {port} ping",
        "mongodb": "mongosh --host {host} --port {port} --tls --eval 'db.hello()'",
    },
    repair="Look at the server's log: is it starting, out of connections, or another program on its port?",
)
def test_the_database_answers(database: DatabaseCase) -> None:
    """Whatever needs the database fails as long as it does not speak."""
    faults = rules.speechless(database.seen, database.expected.engine)
    assert not faults, "; ".join(faults)


@check(
    "DB-PRODUCT",
    severity="high",
    expects="database.engine",
    after=("DB-ANSWERS", "DB-LOGIN", "DB-NAME"),
    source="MySQL VERSION(); MariaDB and MySQL compatibility notes; PostgreSQL version()",
    by_hand={
        "postgresql": PSQL + " -c 'SELECT version()'",
        "mysql": MYSQL + " -e 'SELECT VERSION(), @@version_comment'",
        "mariadb": MYSQL + " -e 'SELECT VERSION(), @@version_comment'",
        "mongodb": "mongosh --host {host} --port {port} --tls --eval 'db.version()'",
    },
    repair="Install the promised product, or correct the engine in the target file: what differs shows up late.",
)
def test_the_promised_product_answers(database: TellingCase) -> None:
    """What only speaks a product's protocol differs from it in syntax, defaults and limits."""
    faults = rules.other_product(database.seen, database.expected.engine)
    assert not faults, "; ".join(faults)


@check(
    "DB-VERSION",
    severity="high",
    expects="database.version",
    after=("DB-ANSWERS", "DB-LOGIN", "DB-NAME", "DB-PRODUCT"),
    source="PostgreSQL versioning policy; MySQL Releases: Innovation and LTS; MongoDB versioning",
    by_hand={
        "postgresql": PSQL + " -c 'SHOW server_version'",
        "mysql": MYSQL + " -e 'SELECT VERSION()'",
        "mariadb": MYSQL + " -e 'SELECT VERSION()'",
        "mongodb": "mongosh --host {host} --port {port} --tls --eval 'db.version()'",
    },
    repair="Upgrade the server, or promise the version that the application is now tested with.",
)
def test_the_promised_version_answers(database: DatabaseCase) -> None:
    """Queries are tested with one version; another one may plan, sort or refuse them otherwise."""
    assert database.expected.version is not None
    faults = rules.other_version(database.seen, database.expected.version)
    assert not faults, "; ".join(faults)


@check(
    "DB-ENCRYPTED",
    severity="critical",
    expects="database.encrypted",
    after=("DB-ANSWERS",),
    source="PostgreSQL manual, SSL Support (verify-full); MySQL manual, Using Encrypted Connections; MongoDB TLS; "
    "RFC 9325 section 3.2",
    by_hand={
        "postgresql": PSQL + " -c '\\conninfo'",
        "mysql": MYSQL + " --ssl-mode=VERIFY_IDENTITY -e '\\s'",
        "mariadb": MYSQL + " --ssl-verify-server-cert -e '\\s'",
        "mongodb": "openssl s_client -connect {host}:{port} -servername {host} -verify_return_error -brief </dev/null",
    },
    repair="Turn TLS on and give the server a certificate for this name, of an authority that clients trust "
    "(`network.ca_file` for one of your own).",
)
def test_the_way_to_the_database_is_encrypted(database: DatabaseCase) -> None:
    """Without TLS, or with anybody's certificate, whoever is on the way reads passwords and rows, or changes them."""
    faults = rules.unencrypted(database.seen)
    assert not faults, "; ".join(faults)


@check(
    "DB-PLAIN",
    severity="high",
    expects="database.refuses_plain",
    after=("DB-ANSWERS",),
    source="PostgreSQL manual, pg_hba.conf (hostssl); MySQL require_secure_transport; MongoDB net.tls.mode",
    by_hand={
        "postgresql": 'psql "host={host} port={port} user={user} dbname={name} sslmode=disable"',
        "mysql": MYSQL + " --ssl-mode=DISABLED",
        "mariadb": MYSQL + " --skip-ssl",
        "mongodb": "mongosh --host {host} --port {port} --eval 'db.hello()'",
    },
    repair="PostgreSQL: only hostssl lines in pg_hba.conf. MySQL and MariaDB: require_secure_transport = ON. MongoDB: "
    "net.tls.mode: requireTLS.",
)
def test_nobody_is_served_without_tls(database: PlainCase) -> None:
    """One client that is set up without TLS sends its password and all rows in plain, and nobody notices."""
    faults = rules.takes_plain(database.seen, database.expected.engine)
    assert not faults, "; ".join(faults)
