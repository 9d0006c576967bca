from roadworthy.cases.migrations import MigrationsCase, RecordCase
from roadworthy.check import check
from roadworthy.rules import migrations as rules

PSQL = "psql 'host={host} port={port} dbname={name} user={user}' -c "
MYSQL = "mysql -h {host} -P {port} -u {user} -p {name} -e "
MONGO = "mongosh 'mongodb://{host}:{port}/{name}' -u '{user}' --eval "
TABLES = (
    "\"SELECT table_schema, table_name FROM information_schema.tables WHERE LOWER(table_name) LIKE '%migration%' "
    "OR LOWER(table_name) LIKE '%version%' OR LOWER(table_name) LIKE '%changelog%' OR LOWER(table_name) LIKE "
    "'%flyway%'\""
)
ENTERED = ("DB-LOGIN", "DB-NAME", "DB-ENCRYPTED")
BY_HAND = {
    "postgresql": PSQL + TABLES,
    "mysql": MYSQL + TABLES,
    "mariadb": MYSQL + TABLES,
    "mongodb": MONGO + "'db.getCollectionNames()'",
}
"""Which table it is the target says; these show where it could be."""


@check(
    "MIG-TABLE",
    severity="critical",
    expects="migrations.tool",
    after=ENTERED,
    source="The tool's own manual: Laravel migrate:install, Flyway schema history, Alembic alembic_version",
    by_hand=BY_HAND,
    repair="Compare the database's name and schema with what the release is configured with; on a new database, "
    "run the migrations.",
)
def test_the_record_of_migrations_is_there(migrations: MigrationsCase) -> None:
    """A database without it was never migrated, or is not the one that the application uses."""
    fault = rules.missing_table(migrations.history)
    assert fault is None, fault


@check(
    "MIG-PENDING",
    severity="critical",
    expects="migrations.names",
    after=(*ENTERED, "MIG-TABLE"),
    source="Laravel migrate:status, Flyway info, alembic check, Django showmigrations",
    by_hand=BY_HAND,
    repair="Run the release's migrations, or roll the release back: its code expects tables and columns that are not "
    "there. What is out of order was merged later than it was written: rename it, or allow it in the tool.",
)
def test_every_migration_of_the_release_is_applied(migrations: MigrationsCase) -> None:
    """Code that runs ahead of its schema fails at the first query for what is not there yet, on some pages only."""
    names = rules.pending(migrations.expected, migrations.history)
    assert not names, rules.told_pending(migrations.expected, migrations.history, names)


@check(
    "MIG-UNKNOWN",
    severity="high",
    expects="migrations.names",
    after=(*ENTERED, "MIG-TABLE"),
    source="Flyway validate (ignoreMigrationPatterns); alembic: Can't locate revision",
    by_hand=BY_HAND,
    repair="Find out whose they are: a newer release that was rolled back without its schema, or another branch's. "
    "Name those of packages in `besides`.",
)
def test_no_migration_is_applied_that_the_release_does_not_have(migrations: MigrationsCase) -> None:
    """A schema that is ahead of the code, or was changed by somebody else's branch, is one that nobody has tested."""
    names = rules.unknown(migrations.expected, migrations.history)
    assert not names, f"{len(names)} applied that the release does not have: {rules.some(names)}"


@check(
    "MIG-FAILED",
    severity="critical",
    expects="migrations.tool",
    after=(*ENTERED, "MIG-TABLE"),
    source="Flyway repair; Knex migrate:unlock; Liquibase release-locks; Alembic branches",
    by_hand=BY_HAND,
    repair="Look at what the failed step has done already, put the schema right by hand, and only then repair the "
    "record (flyway repair, knex migrate:unlock, liquibase release-locks, alembic merge).",
)
def test_no_migration_failed_or_holds_the_lock(record: RecordCase) -> None:
    """A migration that broke off leaves half a change behind, and a lock that is held stops the next release."""
    faults = rules.wrongs(record.expected, record.history)
    assert not faults, "; ".join(faults)


@check(
    "MIG-VERSION",
    severity="critical",
    expects="migrations.version",
    after=(*ENTERED, "MIG-TABLE"),
    source="Alembic heads; Flyway info; golang-migrate version; the release's own notes",
    by_hand=BY_HAND,
    repair="Run the release's migrations; where the version is ahead, the release was rolled back without its schema.",
)
def test_the_database_is_at_the_promised_version(migrations: MigrationsCase) -> None:
    """A schema of another version than the code's is found out by customers, query by query."""
    fault = rules.other_version(migrations.expected, migrations.history)
    assert fault is None, fault
