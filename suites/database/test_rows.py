from roadworthy.cases.database import DatabaseCase
from roadworthy.check import check
from roadworthy.rules import database_contents as rules

INSIDE = ("DB-ANSWERS", "DB-LOGIN", "DB-NAME", "DB-TABLES")
SESSION = {
    "postgresql": 'psql "host={host} port={port} user={user} dbname={name}"',
    "mysql": "mysql -h {host} -P {port} -u {user} -p {name}",
    "mariadb": "mariadb -h {host} -P {port} -u {user} -p {name}",
    "mongodb": "mongosh 'mongodb://{host}:{port}/{name}' --tls --username {user} --password",
}


@check(
    "DB-ROWS",
    severity="high",
    expects="database.rows",
    after=INSIDE,
    source="The seeders of the release; CWE-250 for an account too many",
    by_hand=SESSION,
    repair="Run the seeders of this release; look at who is there too often before anything is deleted.",
)
def test_seed_rows_are_there(database: DatabaseCase) -> None:
    """Without its roles and first users an application starts, and lets nobody do anything."""
    assert database.expected.rows is not None
    faults = rules.wrong_rows(database.seen, database.expected.rows)
    assert not faults, "; ".join(faults)


@check(
    "DB-PUBLISHED-PASSWORDS",
    severity="critical",
    expects="database.published_passwords",
    after=INSIDE,
    source="CWE-1392, CWE-798; OWASP ASVS 5.0 6.3.2",
    by_hand=SESSION,
    repair="Give the account another password at once, and look at what it has done since it was made.",
)
def test_no_account_has_a_published_password(database: DatabaseCase) -> None:
    """The password of a seeded administrator stands in the repository, and is the first that anybody tries."""
    assert database.expected.published_passwords is not None
    faults = rules.known_passwords(database.seen, database.expected.published_passwords)
    assert not faults, "; ".join(faults)
