from roadworthy.cases.database import AnonymousCase, LoggedInCase, PublishedLoginCase, WrongPasswordCase
from roadworthy.check import check
from roadworthy.facts.database import DatabaseAsk
from roadworthy.rules import database as rules

LOGIN = {
    "postgresql": 'psql "host={host} port={port} user={user} dbname={name}" --password',
    "mysql": "mysql -h {host} -P {port} -u {user} -p {name}",
    "mariadb": "mariadb -h {host} -P {port} -u {user} -p {name}",
    "mongodb": "mongosh 'mongodb://{host}:{port}/{name}' --tls --username {user} --password",
}
WITHOUT = {
    "postgresql": 'psql "host={host} port={port} user={user} dbname={name}" --no-password',
    "mysql": "mysql -h {host} -P {port} -u {user} --skip-password",
    "mariadb": "mariadb -h {host} -P {port} -u {user} --skip-password",
    "mongodb": "mongosh 'mongodb://{host}:{port}/admin' --tls --eval 'db.adminCommand({{listDatabases: 1}})'",
}


@check(
    "DB-LOGIN",
    severity="critical",
    expects="database.login",
    after=("DB-ANSWERS", "DB-ENCRYPTED"),
    source="PostgreSQL manual, Client Authentication; MySQL manual, Access Control; MongoDB manual, Authentication",
    by_hand=LOGIN,
    repair="Compare the credentials with those that the application has; look at the server's log for why it refuses "
    "(a changed password, no entry for this host, an expired account).",
)
def test_the_login_is_accepted(database: LoggedInCase) -> None:
    """With credentials that the database refuses the application is down, and nothing inside can be looked at."""
    faults = rules.shut_out(database.seen, database.expected)
    assert not faults, "; ".join(faults)


@check(
    "DB-NAME",
    severity="critical",
    expects="database.name",
    after=("DB-ANSWERS", "DB-LOGIN"),
    source="PostgreSQL error codes (3D000); MySQL error reference (1044, 1049)",
    by_hand=LOGIN,
    repair="Create the database, or let the login into it (GRANT CONNECT); else correct the name in the target file.",
)
def test_the_database_is_there(database: LoggedInCase) -> None:
    """A server may be well and lack the one database that the application is about."""
    assert database.expected.name is not None
    faults = rules.elsewhere(database.seen, database.expected.name)
    assert not faults, "; ".join(faults)


@check(
    "DB-ANONYMOUS",
    severity="critical",
    expects="database.refuses_anonymous",
    after=("DB-ANSWERS",),
    source="PostgreSQL manual, Trust Authentication; MySQL manual, Securing the Initial Account; MongoDB manual, "
    "Enable Access Control; CWE-306",
    by_hand=WITHOUT,
    repair="PostgreSQL: no `trust` in pg_hba.conf. MySQL: mysql_secure_installation, or ALTER USER ... IDENTIFIED BY. "
    "MongoDB: security.authorization: enabled.",
)
def test_nobody_gets_in_without_a_password(database: AnonymousCase) -> None:
    """A database that asks for no password is found, copied and held to ransom within days."""
    who = f"{database.ask.username or 'whoever comes'} without a password"
    faults = rules.let_in(database.seen, who, by_name=True)
    assert not faults, "; ".join(faults)


@check(
    "DB-WRONG-PASSWORD",
    severity="critical",
    expects="database.refuses_wrong_password",
    after=("DB-ANSWERS",),
    source="PostgreSQL manual, Trust Authentication; CVE-2012-2122; CWE-287",
    by_hand=LOGIN,
    repair="Look at how the server checks passwords: `trust` in pg_hba.conf, a pooler that checks none, an account "
    "without one.",
)
def test_the_database_refuses_a_wrong_password(database: WrongPasswordCase) -> None:
    """A login that works proves nothing where any password works."""
    faults = rules.let_in(database.seen, f"{database.ask.username} with a wrong password", by_name=False)
    assert not faults, "; ".join(faults)


@check(
    "DB-DEFAULT-LOGINS",
    severity="critical",
    expects="database.refuses_logins",
    after=("DB-ANSWERS",),
    source="CWE-1392; OWASP ASVS 5.0 13.2.3",
    by_hand=LOGIN,
    repair="Change the password, or drop the account.",
)
def test_the_database_refuses_default_logins(database: PublishedLoginCase) -> None:
    """Credentials from a manual or a default are the first that anybody tries."""
    faults = rules.let_in(database.seen, _who(database.ask), by_name=True)
    assert not faults, "; ".join(faults)


def _who(ask: DatabaseAsk) -> str:
    return f"{ask.username or 'nobody'} with {'a password that everybody knows' if ask.published else 'no password'}"
