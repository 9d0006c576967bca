from roadworthy.cases.database import DatabaseCase
from roadworthy.check import check
from roadworthy.rules import database_rights as rules

INSIDE = ("DB-ANSWERS", "DB-LOGIN", "DB-NAME")
PSQL = 'psql "host={host} port={port} user={user} dbname={name}"'
GRANTS = "mysql -h {host} -P {port} -u {user} -p -e 'SHOW GRANTS'"


@check(
    "DB-GRANTS",
    severity="high",
    expects="database.grants",
    after=INSIDE,
    source="PostgreSQL manual, Privileges; MySQL manual, Privileges Provided by MySQL; CWE-250, CWE-272",
    by_hand={"postgresql": PSQL + " -c '\\dp *.*' -c '\\du {user}'", "mysql": GRANTS, "mariadb": GRANTS},
    repair="GRANT what is missing, and REVOKE what is too much: migrations may run under a login of their own.",
)
def test_the_login_may_do_what_was_promised(database: DatabaseCase) -> None:
    """Too little breaks the release; too much is what one injected statement can do."""
    assert database.expected.grants is not None
    faults = rules.other_grants(database.seen, database.expected.grants, database.expected.engine)
    assert not faults, "; ".join(faults)


@check(
    "DB-ROLES",
    severity="high",
    expects="database.roles",
    after=INSIDE,
    source="PostgreSQL manual, Role Membership; MySQL manual, Using Roles; MongoDB manual, Role-Based Access Control",
    by_hand={
        "postgresql": PSQL + " -c '\\du {user}'",
        "mysql": GRANTS,
        "mariadb": GRANTS,
        "mongodb": "mongosh 'mongodb://{host}:{port}/{name}' --tls "
        "--eval 'db.runCommand({{connectionStatus: 1}}).authInfo' --username {user} --password",
    },
    repair="Grant the role that is missing, and revoke the one that is too much.",
)
def test_the_login_has_its_roles(database: DatabaseCase) -> None:
    """A role brings rights with it, those that it is given later, too."""
    assert database.expected.roles is not None
    faults = rules.other_roles(database.seen, database.expected.roles)
    assert not faults, "; ".join(faults)
