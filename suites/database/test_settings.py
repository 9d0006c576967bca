# ruff: noqa: S608 - commands for people, not for a driver
from roadworthy.cases.database import DatabaseCase
from roadworthy.check import check
from roadworthy.rules import database_contents as rules

INSIDE = ("DB-ANSWERS", "DB-LOGIN", "DB-NAME")
PSQL = 'psql "host={host} port={port} user={user} dbname={name}"'
MYSQL = "mysql -h {host} -P {port} -u {user} -p"
MONGOSH = "mongosh 'mongodb://{host}:{port}/{name}' --tls --eval '%s' --username {user} --password"


@check(
    "DB-CONNECTIONS",
    severity="high",
    expects="database.connections_below",
    after=INSIDE,
    source="PostgreSQL max_connections; MySQL manual, Too many connections (1040); MongoDB serverStatus.connections",
    by_hand={
        "postgresql": PSQL + " -c 'SELECT count(*) FROM pg_stat_activity' -c 'SHOW max_connections'",
        "mysql": MYSQL + " -e \"SHOW STATUS LIKE 'Threads_connected'; SELECT @@max_connections\"",
        "mariadb": MYSQL + " -e \"SHOW STATUS LIKE 'Threads_connected'; SELECT @@max_connections\"",
        "mongodb": MONGOSH % "db.serverStatus().connections",
    },
    repair="Look for who holds them (idle in transaction, a pool for each process); use a pooler, or allow more.",
)
def test_connections_are_left(database: DatabaseCase) -> None:
    """When the last connection is taken, every further request fails at once."""
    assert database.expected.connections_below is not None
    faults = rules.crowded(database.seen, database.expected.connections_below)
    assert not faults, "; ".join(faults)


@check(
    "DB-SETTINGS",
    severity="medium",
    expects="database.settings",
    after=INSIDE,
    source="PostgreSQL manual, Server Configuration; MySQL server system variables; MongoDB server parameters",
    by_hand={
        "postgresql": PSQL + " -c 'SHOW ALL'",
        "mysql": MYSQL + " -e 'SHOW GLOBAL VARIABLES'",
        "mariadb": MYSQL + " -e 'SHOW GLOBAL VARIABLES'",
        "mongodb": MONGOSH % 'db.adminCommand({{getParameter: "*"}})',
    },
    repair="Set it where the server reads it at its start, and load it (a restart, where the setting takes one).",
)
def test_settings_are_as_promised(database: DatabaseCase) -> None:
    """A setting that was changed in a file and never loaded, or lost with an upgrade, shows under load."""
    assert database.expected.settings is not None
    faults = rules.other_settings(database.seen, database.expected.settings)
    assert not faults, "; ".join(faults)


@check(
    "DB-CHARSET",
    severity="medium",
    expects="database.charset",
    after=INSIDE,
    source="MySQL manual, Database Character Set and Collation; PostgreSQL manual, Character Set Support",
    by_hand={
        "postgresql": PSQL + " -c 'SHOW server_encoding'",
        "mysql": MYSQL + " -e 'SELECT @@character_set_database' {name}",
        "mariadb": MYSQL + " -e 'SELECT @@character_set_database' {name}",
    },
    repair="MySQL: ALTER DATABASE ... CHARACTER SET, and convert the tables. PostgreSQL: dump and load.",
)
def test_the_database_has_its_character_set(database: DatabaseCase) -> None:
    """New tables take the database's character set; one that is too small refuses or cuts what people write."""
    assert database.expected.charset is not None
    faults = rules.other_charset(database.seen, database.expected.charset)
    assert not faults, "; ".join(faults)


@check(
    "DB-COLLATION",
    severity="low",
    expects="database.collation",
    after=INSIDE,
    source="MySQL manual, Database Character Set and Collation; PostgreSQL manual, Collation Support",
    by_hand={
        "postgresql": PSQL + " -c '\\l {name}'",
        "mysql": MYSQL + " -e 'SELECT @@collation_database' {name}",
        "mariadb": MYSQL + " -e 'SELECT @@collation_database' {name}",
    },
    repair="MySQL: ALTER DATABASE ... COLLATE, and convert the tables. PostgreSQL: dump and load.",
)
def test_the_database_has_its_collation(database: DatabaseCase) -> None:
    """With another collation searches find other rows, unique names clash, and joins of tables may be refused."""
    assert database.expected.collation is not None
    faults = rules.other_collation(database.seen, database.expected.collation)
    assert not faults, "; ".join(faults)


@check(
    "DB-EXTENSIONS",
    severity="high",
    expects="database.extensions",
    after=INSIDE,
    source="PostgreSQL manual, CREATE EXTENSION, pg_extension",
    by_hand={"postgresql": PSQL + " -c '\\dx'"},
    repair="CREATE EXTENSION in this database: an extension is installed for each one by itself.",
)
def test_extensions_are_installed(database: DatabaseCase) -> None:
    """Queries that need an extension fail in a database that was made anew without it."""
    assert database.expected.extensions is not None
    faults = rules.missing_extensions(database.seen, database.expected.extensions)
    assert not faults, "; ".join(faults)


@check(
    "DB-ARCHIVES",
    severity="high",
    expects="database.archives",
    after=INSIDE,
    source="PostgreSQL manual, Continuous Archiving and Point-in-Time Recovery, pg_stat_archiver",
    by_hand={"postgresql": PSQL + " -c 'TABLE pg_stat_archiver'"},
    repair="Run archive_command by hand as the server's user. Where little is written, set archive_timeout.",
)
def test_the_log_is_archived(database: DatabaseCase) -> None:
    """What is not archived can't be restored; and a log that can't be archived stays until the disk is full."""
    assert database.expected.archives is not None
    faults = rules.old_archives(database.seen, database.expected.archives)
    assert not faults, "; ".join(faults)
