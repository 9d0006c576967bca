"""Migrations in a real PostgreSQL, as each tool leaves them, and columns in every phase."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.migrations import (
    Applied,
    ChangeSeen,
    ChangeWanted,
    ColumnState,
    History,
    MigrationsAsk,
    MigrationsObservation,
    RecentRows,
    RecordWanted,
)
from roadworthy.facts.store import StoreEnd, Unseen
from roadworthy.probes.migrations import observe
from roadworthy.probes.migrations_documents import value_at
from tests.probes.postgresql_servers import Cluster, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.probes.bench import Bench

pytestmark = pytest.mark.real

PASSWORD = "only-in-this-test"
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
TABLES = (
    "CREATE TABLE migrations (id serial, migration text, batch int)",
    "INSERT INTO migrations (migration, batch) VALUES ('2026_02_b', 2), ('2025_01_a', 1), ('2026_01_a', 2)",
    "CREATE TABLE alembic_version (version_num text)",
    "INSERT INTO alembic_version VALUES ('bbb'), ('aaa')",
    "CREATE TABLE flyway_schema_history (installed_rank int, version text, type text, script text, success boolean)",
    """INSERT INTO flyway_schema_history VALUES (1, '1', 'BASELINE', '<< Flyway Baseline >>', true),
    (2, '1.10', 'SQL', 'V1_10__more.sql', true), (3, NULL, 'SQL', 'R__views.sql', true),
    (4, '2', 'SQL', 'V2__bad.sql', false)""",
    "CREATE TABLE databasechangelog (id text, author text, exectype text, orderexecuted int)",
    "INSERT INTO databasechangelog VALUES ('1', 'ann', 'EXECUTED', 1), ('2', 'ben', 'FAILED', 2)",
    "CREATE TABLE databasechangeloglock (id int, locked boolean, lockgranted timestamp, lockedby text)",
    "INSERT INTO databasechangeloglock VALUES (1, true, '2026-11-20 10:00:00', 'runner-7')",
    "CREATE TABLE django_migrations (id serial, app text, name text)",
    "INSERT INTO django_migrations (app, name) VALUES ('shop', '0001_initial')",
    "CREATE TABLE knex_migrations (id serial, name text)",
    "INSERT INTO knex_migrations (name) VALUES ('20260101_a.js')",
    "CREATE TABLE knex_migrations_lock (index serial, is_locked int)",
    "INSERT INTO knex_migrations_lock (is_locked) VALUES (0)",
    "CREATE TABLE schema_migrations (version text)",
    "INSERT INTO schema_migrations VALUES ('20260102'), ('20260101')",
    "CREATE SCHEMA meta",
    "CREATE TABLE meta.releases (nr int, dirty boolean, at int)",
    "INSERT INTO meta.releases VALUES (8, true, 2), (7, false, 1)",
    "CREATE TABLE hidden (version text)",
)
CUSTOMERS = (
    """CREATE TABLE customers (id serial, name text, full_name text, code text NOT NULL DEFAULT 'x', checked text,
    created_at timestamptz, seen timestamptz, CHECK (checked IS NOT NULL))""",
    "CREATE INDEX ON customers (created_at)",
    """INSERT INTO customers (name, full_name, checked, created_at) VALUES ('a', NULL, 'y', '2026-10-01'),
    ('b', 'b', 'y', '2026-11-02'), ('c', NULL, 'y', '2026-11-03'), ('d', 'd', 'y', '2026-11-04')""",
    "CREATE TABLE validated (late text)",
    "INSERT INTO validated VALUES (NULL)",
    "ALTER TABLE validated ADD CONSTRAINT late_given CHECK (late IS NOT NULL) NOT VALID",
    "CREATE TABLE marked (late text)",
    "ALTER TABLE marked ADD CONSTRAINT late_given NOT NULL late NOT VALID",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("migrations")) as made:
        made.execute("CREATE DATABASE shop", f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        made.execute(*TABLES, *CUSTOMERS)
        made.execute(
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO app",
            "GRANT USAGE ON SCHEMA meta TO app",
            "GRANT SELECT ON ALL TABLES IN SCHEMA meta TO app",
            "REVOKE ALL ON hidden FROM app",
        )
        yield made


@pytest.fixture
def look(server: Cluster, bench: Bench) -> Any:
    def looked(**asked: Any) -> MigrationsObservation:
        async def meet() -> MigrationsObservation:
            async with bench.exits:
                given: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "engine": "postgresql"}
                login = {"name": "shop", "username": "app", "password": PASSWORD}
                return await observe(MigrationsAsk(**given | login | asked), server.address, bench)

        return asyncio.run(meet())

    return looked


def history_of(look: Any, tool: str, table: str, **wanted: Any) -> Any:
    return look(record=RecordWanted.model_validate({"tool": tool, "table": table, **wanted})).history


def names(history: History) -> tuple[str, ...]:
    return tuple(entry.name for entry in history.applied)


def test_each_tool_in_its_own_order(look: Any) -> None:
    assert names(history_of(look, "laravel", "migrations")) == ("2025_01_a", "2026_01_a", "2026_02_b")
    assert names(history_of(look, "alembic", "alembic_version")) == ("aaa", "bbb")
    assert names(history_of(look, "django", "django_migrations")) == ("shop.0001_initial",)
    assert names(history_of(look, "rails", "schema_migrations")) == ("20260101", "20260102")
    unlocked = history_of(look, "knex", "public.knex_migrations")
    assert (names(unlocked), unlocked.locked, unlocked.lock_unseen) == (("20260101_a.js",), "", None)


def test_failures_and_locks(look: Any) -> None:
    flyway = history_of(look, "flyway", "flyway_schema_history")
    assert names(flyway) == ("V1", "V1.10", "R__views", "V2")
    assert [entry.failed for entry in flyway.applied] == [False, False, False, True]
    assert flyway.applied[0].state == "BASELINE"
    liquibase = history_of(look, "liquibase", "databasechangelog")
    assert liquibase.applied[1] == Applied(name="ben:2", state="FAILED", failed=True)
    assert liquibase.locked == "databasechangeloglock is held by runner-7 since 2026-11-20 10:00:00"


def test_a_table_of_ones_own(look: Any) -> None:
    own = history_of(look, "schema-version", "meta.releases", column="nr", order_by="at", dirty="dirty")
    assert own.applied == (Applied(name="7"), Applied(name="8", state="dirty", failed=True))


def test_a_table_that_is_not_there_and_one_that_is_hidden(look: Any) -> None:
    assert history_of(look, "schema-version", "nothing") == History(table="nothing", exists=False)
    assert history_of(look, "schema-version", "other.nothing").exists is False
    hidden = history_of(look, "schema-version", "hidden")
    assert isinstance(hidden, Unseen)
    assert hidden.unseen == "not permitted"
    other = history_of(look, "schema-version", "migrations", column="no_such_column")
    assert isinstance(other, Unseen)


def test_a_wrong_password_lets_nobody_look(look: Any) -> None:
    seen = look(password="another", record=RecordWanted(tool="laravel", table="migrations"))
    assert seen.refused is not None
    assert (seen.let_in, seen.history) == (False, None)
    assert "28P01" in seen.told


def test_nobody_there(bench: Bench, unused_tcp_port: int) -> None:
    from roadworthy.probes.bench import Address  # noqa: PLC0415 - only here

    ask = MigrationsAsk(host="127.0.0.1", port=unused_tcp_port, engine="postgresql", name="shop", username="app")
    seen = asyncio.run(observe(ask, Address("127.0.0.1", unused_tcp_port), bench))
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.REFUSED
    assert seen.transient


@pytest.fixture
def unused_tcp_port() -> int:
    from tests.probes.postgresql_servers import free_port  # noqa: PLC0415 - only here

    return free_port()


def change(look: Any, table: str = "customers", new: str = "full_name", **wanted: Any) -> Any:
    return look(changes=(ChangeWanted(table=table, new=new, **wanted),)).changes[0]


def test_columns_as_the_catalogue_has_them(look: Any) -> None:
    seen = change(look, old="name")
    assert seen == ChangeSeen(new=ColumnState(nullable=True), old=ColumnState(nullable=True))
    assert change(look, new="code").new == ColumnState(nullable=False, default=True)
    assert change(look, new="none", old="name").new is None
    assert change(look, table="nothing") == ChangeSeen(table_exists=False)


def test_what_makes_a_column_never_null(look: Any) -> None:
    assert change(look, new="checked").new.nullable is False
    assert change(look, table="validated", new="late").new.nullable is True
    assert change(look, table="marked", new="late").new.nullable is True


def test_whether_a_null_is_left(look: Any) -> None:
    assert change(look, nulls=True).has_null is True
    assert change(look, new="code", nulls=True).has_null is False
    assert change(look, new="name", nulls=True).has_null is False


def test_the_newest_rows_in_the_order_of_an_index(look: Any) -> None:
    recent = {"old": "name", "since": SINCE, "at_most": 2}
    assert change(look, by="created_at", **recent).recent == RecentRows(looked=2, lacking=1)
    assert change(look, by="created_at", **recent | {"at_most": 100}).recent == RecentRows(looked=3, lacking=1)
    unindexed = change(look, by="seen", **recent).recent
    assert unindexed == Unseen(unseen="not supported", detail="no index of customers begins with seen")


def test_what_takes_too_long_is_told_with_the_size_of_the_table(look: Any, server: Cluster) -> None:
    server.execute("CREATE TABLE IF NOT EXISTS large (a text)", "GRANT SELECT ON large TO app")
    server.execute("INSERT INTO large SELECT 'x' FROM generate_series(1, 1000)", "ANALYZE large")
    server.execute(
        "ALTER TABLE large RENAME TO large_rows",
        "CREATE VIEW large AS SELECT CASE WHEN pg_sleep(0.05) IS NOT NULL THEN a END AS b, a FROM large_rows",
        "GRANT SELECT ON large TO app",
    )
    seen = change(look, table="large", new="b", nulls=True)
    assert isinstance(seen.has_null, Unseen)
    assert seen.has_null.unseen == "took too long"
    assert "until the time-out" in seen.has_null.detail


def test_a_field_of_a_document() -> None:
    document = {"schema": {"version": 12.0, "more": {"x": 1}}, "name": "shop"}
    assert value_at(document, "schema.version") == "12"
    assert value_at(document, "name") == "shop"
    assert value_at(document, "schema.more") is None
    assert value_at(document, "schema.none.at.all") is None
