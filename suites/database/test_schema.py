# ruff: noqa: S608 - commands for people, not for a driver
from roadworthy.cases.database import ColumnsCase, DatabaseCase, IndexesCase, PoliciesCase, RowSecurityCase
from roadworthy.check import check
from roadworthy.rules import database_schema as rules

INSIDE = ("DB-ANSWERS", "DB-LOGIN", "DB-NAME")
PSQL = 'psql "host={host} port={port} user={user} dbname={name}"'
MYSQL = "mysql -h {host} -P {port} -u {user} -p"
MONGOSH = "mongosh 'mongodb://{host}:{port}/{name}' --tls --eval '%s' --username {user} --password"
COLUMNS = MYSQL + " -e 'SELECT * FROM information_schema.columns WHERE table_schema = DATABASE()' {name}"
INDEXES = MYSQL + " -e 'SELECT * FROM information_schema.statistics WHERE table_schema = DATABASE()' {name}"


@check(
    "DB-TABLES",
    severity="critical",
    expects="database.tables",
    after=INSIDE,
    source="PostgreSQL manual, Data Definition; MySQL information_schema.TABLES; MongoDB listCollections",
    by_hand={
        "postgresql": PSQL + " -c '\\dt *.*'",
        "mysql": MYSQL + " -e 'SHOW TABLES' {name}",
        "mariadb": MYSQL + " -e 'SHOW TABLES' {name}",
        "mongodb": MONGOSH % "db.getCollectionNames()",
    },
    repair="Run the migrations of this release against this database.",
)
def test_tables_are_there(database: DatabaseCase) -> None:
    """A table that is missing means that a migration did not run here, or that this is another database."""
    faults = rules.missing_tables(database.seen, database.expected)
    assert not faults, "; ".join(faults)


@check(
    "DB-COLUMNS",
    severity="high",
    expects="database.tables",
    after=(*INSIDE, "DB-TABLES"),
    source="PostgreSQL manual, Data Types, pg_attribute; MySQL information_schema.COLUMNS",
    by_hand={"postgresql": PSQL + " -c '\\d *.*'", "mysql": COLUMNS, "mariadb": COLUMNS, "mongodb": MONGOSH % "db"},
    repair="Run the migration that makes the column so; look for one that was marked as run and was not.",
)
def test_columns_are_as_promised(database: ColumnsCase) -> None:
    """The release reads and writes these columns; of another type or nullability they fail on the first odd row."""
    faults = rules.wrong_columns(database.seen, database.expected)
    assert not faults, "; ".join(faults)


@check(
    "DB-INDEXES",
    severity="high",
    expects="database.tables",
    after=(*INSIDE, "DB-TABLES"),
    source="PostgreSQL manual, pg_index (indisvalid); MySQL manual, Invisible Indexes; MongoDB listIndexes",
    by_hand={
        "postgresql": PSQL + " -c '\\di+ *.*'",
        "mysql": INDEXES,
        "mariadb": INDEXES,
        "mongodb": MONGOSH % "db.getCollectionNames().map(name => db[name].getIndexes())",
    },
    repair="Create it (CONCURRENTLY in PostgreSQL); drop and create one that is invalid.",
)
def test_indexes_are_there_and_valid(database: IndexesCase) -> None:
    """Without its index a query reads the whole table: fast in a test, and the end of the database in production."""
    faults = rules.wrong_indexes(database.seen, database.expected)
    assert not faults, "; ".join(faults)


@check(
    "DB-RLS",
    severity="critical",
    expects="database.tables",
    after=(*INSIDE, "DB-TABLES"),
    source="PostgreSQL manual, Row Security Policies; CVE-2024-10976",
    by_hand={
        "postgresql": PSQL
        + " -c 'SELECT oid::regclass, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relrowsecurity'"
    },
    repair="ALTER TABLE ... ENABLE ROW LEVEL SECURITY; FORCE it where the application owns its tables.",
)
def test_rows_are_kept_apart(database: RowSecurityCase) -> None:
    """Where tenants share tables, row-level security is what keeps one from reading another's rows."""
    faults = rules.unsecured_rows(database.seen, database.expected)
    assert not faults, "; ".join(faults)


@check(
    "DB-POLICIES",
    severity="high",
    expects="database.tables",
    after=(*INSIDE, "DB-TABLES"),
    source="PostgreSQL manual, Row Security Policies, pg_policies",
    by_hand={"postgresql": PSQL + " -c 'SELECT schemaname, tablename, policyname FROM pg_policies'"},
    repair="Create the policies that are missing, and drop those that nobody promised: permissive ones add up.",
)
def test_the_promised_policies_hold(database: PoliciesCase) -> None:
    """A policy too few hides rows from those who need them; one too many may open the table to everybody."""
    faults = rules.other_policies(database.seen, database.expected)
    assert not faults, "; ".join(faults)
