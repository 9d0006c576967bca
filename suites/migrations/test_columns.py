from roadworthy.cases.migrations import MigrationsCase
from roadworthy.check import check
from roadworthy.rules import migrations_phases as rules

COLUMNS = (
    '"SELECT table_name, column_name, is_nullable, column_default FROM information_schema.columns '
    "WHERE table_schema NOT IN ('information_schema', 'pg_catalog', 'mysql', 'sys', 'performance_schema') "
    'ORDER BY table_name, ordinal_position"'
)


@check(
    "MIG-PHASE",
    severity="high",
    expects="migrations.columns",
    after=("DB-LOGIN", "DB-NAME", "DB-ENCRYPTED", "MIG-PENDING"),
    source="Expand and contract: M. Fowler, Parallel Change, 2014; P. Sadalage, Evolutionary Database Design",
    by_hand={
        "postgresql": "psql 'host={host} port={port} dbname={name} user={user}' -c " + COLUMNS,
        "mysql": "mysql -h {host} -P {port} -u {user} -p {name} -e " + COLUMNS,
        "mariadb": "mysql -h {host} -P {port} -u {user} -p {name} -e " + COLUMNS,
    },
    repair="Do what is missing in this phase (backfill in small steps, then NOT NULL), or say in the target which "
    "phase it really is in. Do not go on to the next phase before this one is through.",
)
def test_columns_are_in_their_declared_phase(migrations: MigrationsCase) -> None:
    """A phase that is taken for done loses data: NOT NULL before the backfill fails, dropped before it is for good."""
    faults = rules.out_of_phase(migrations.expected.columns or (), migrations.changes)
    assert not faults, "; ".join(faults)
