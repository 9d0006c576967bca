from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.migrations import MigrationsCase, RecordCase
from roadworthy.facts.migrations import Applied
from roadworthy.facts.store import Unseen
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.migrations.builders import NAMES, NO_TABLE, REFUSED, SILENT, case, recorded, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("migrations/test_record.py")


def of(tool: str, *names: str, **promised: Any) -> dict[str, Any]:
    return {"tool": tool, "names": names, **promised}


def test_the_table_is_there_or_not(suite: ModuleType) -> None:
    check = suite.test_the_record_of_migrations_is_there
    passes(check, case(MigrationsCase, recorded(*NAMES)))
    passes(check, case(MigrationsCase, recorded()))
    fails(check, case(MigrationsCase, NO_TABLE), "there is no migrations", "another database")
    is_not_observed(check, case(MigrationsCase, unreadable()), "not permitted")
    is_not_observed(check, case(MigrationsCase, REFUSED), "refused the login: 28P01")
    is_not_observed(check, case(MigrationsCase, SILENT), "no answer (connecting)")


def test_all_applied_passes(suite: ModuleType) -> None:
    check = suite.test_every_migration_of_the_release_is_applied
    passes(check, case(MigrationsCase, recorded(*NAMES)))
    passes(check, case(MigrationsCase, recorded(*NAMES, "2026_12_01_000000_of_the_next_release")))


def test_one_that_is_missing_fails(suite: ModuleType) -> None:
    check = suite.test_every_migration_of_the_release_is_applied
    fails(check, case(MigrationsCase, recorded(*NAMES[:2])), f"1 of 3 migrations pending: {NAMES[2]}")
    fails(check, case(MigrationsCase, recorded()), "3 of 3 migrations pending")
    late = case(MigrationsCase, recorded(NAMES[0], NAMES[2]))
    fails(check, late, NAMES[1], "out of order: later ones are applied")
    is_not_observed(check, case(MigrationsCase, NO_TABLE), "there is no migrations")
    is_not_observed(check, case(MigrationsCase, unreadable()), "not permitted")
    is_not_observed(check, case(MigrationsCase, SILENT), "no answer")


@pytest.mark.parametrize(
    ("promised", "applied"),
    [
        (of("flyway", "V1__create.sql", "V1.1__more.sql", "R__views.sql"), ("V1", "V1.1", "R__views")),
        (of("flyway", "1", "2", "10"), ("V1", "V2", "V10")),
        (of("django", "shop/0001_initial", "shop.0002_note"), ("shop.0001_initial", "shop.0002_note")),
        (of("knex", "20260101_a.ts", "20260102_b.ts"), ("20260101_a.js", "20260102_b.js")),
        (of("rails", "20260101000000", "20260102000000_add.rb"), ("20260101000000", "20260102000000")),
        (of("liquibase", "ann:1", "ben:2"), ("ann:1", "ben:2")),
        (of("alembic", "aaa", "bbb", "ccc"), ("ccc",)),
        (of("alembic", "a", "b", "c", parents={"b": ["a"], "c": ["a"]}), ("b", "c")),
        (of("schema-version", "1", "2"), ("1", "2")),
    ],
    ids=lambda value: value["tool"] if isinstance(value, dict) else "",
)
def test_every_tool_in_its_own_words(suite: ModuleType, promised: dict[str, Any], applied: tuple[str, ...]) -> None:
    whole = recorded(*applied)
    passes(suite.test_every_migration_of_the_release_is_applied, case(MigrationsCase, whole, **promised))
    passes(suite.test_no_migration_is_applied_that_the_release_does_not_have, case(MigrationsCase, whole, **promised))
    rest = "aaa" if promised["names"][0] == "aaa" else None
    fewer = recorded(*([rest] if rest else applied[:-1]))
    fails(suite.test_every_migration_of_the_release_is_applied, case(MigrationsCase, fewer, **promised), "pending")


def test_what_stands_for_others_counts(suite: ModuleType) -> None:
    check = suite.test_every_migration_of_the_release_is_applied
    based = recorded(Applied(name="V2", state="BASELINE"), "V3")
    passes(check, case(MigrationsCase, based, **of("flyway", "V1", "V2", "V3")))
    squashed = of("django", "shop.0001_squashed", replaces={"shop.0001_squashed": ["shop.0001_a", "shop.0002_b"]})
    passes(check, case(MigrationsCase, recorded("shop.0001_a", "shop.0002_b"), **squashed))
    fails(check, case(MigrationsCase, recorded("shop.0001_a"), **squashed), "1 of 1 migrations pending")
    undone = recorded("V1", Applied(name="V2"), Applied(name="V2", state="UNDO_SQL"))
    fails(check, case(MigrationsCase, undone, **of("flyway", "V1", "V2")), "pending: V2")
    failed = recorded("V1", Applied(name="V2", failed=True))
    passes(check, case(MigrationsCase, failed, **of("flyway", "V1", "V2")))  # it is told as failed


def test_known_ones_pass(suite: ModuleType) -> None:
    check = suite.test_no_migration_is_applied_that_the_release_does_not_have
    passes(check, case(MigrationsCase, recorded(*NAMES)))
    passes(check, case(MigrationsCase, recorded("2019_01_01_000000_squashed_since", *NAMES)))
    beside = {"tool": "laravel", "names": NAMES, "besides": ["*_create_tokens"]}
    passes(check, case(MigrationsCase, recorded(*NAMES, "2026_12_14_000001_create_tokens"), **beside))
    passes(check, case(MigrationsCase, recorded("shop.0001_a", "auth.0001_initial"), **of("django", "shop.0001_a")))
    passes(check, case(MigrationsCase, recorded(Applied(name="s", state="SCHEMA"), "V1"), **of("flyway", "V1")))


def test_those_of_another_release_fail(suite: ModuleType) -> None:
    check = suite.test_no_migration_is_applied_that_the_release_does_not_have
    newer = "2026_12_14_000001_create_tokens"
    fails(check, case(MigrationsCase, recorded(*NAMES, newer)), f"1 applied that the release does not have: {newer}")
    between = "2026_05_14_000001_of_a_branch"
    fails(check, case(MigrationsCase, recorded(NAMES[0], between, *NAMES[1:])), between)
    fails(check, case(MigrationsCase, recorded("zzz"), **of("alembic", "aaa", "bbb")), "zzz")
    fails(check, case(MigrationsCase, recorded("shop.0001_a", "shop.0002_b"), **of("django", "shop.0001_a")), "0002_b")
    is_not_observed(check, case(MigrationsCase, NO_TABLE), "there is no migrations")
    is_not_observed(check, case(MigrationsCase, unreadable()), "not permitted")


def test_a_record_in_order_passes(suite: ModuleType) -> None:
    check = suite.test_no_migration_failed_or_holds_the_lock
    passes(check, case(RecordCase, recorded(*NAMES)))
    passes(check, case(RecordCase, recorded(Applied(name="V1", failed=True), "V1"), **of("flyway", "V1")))
    ends = of("alembic", "a", "b", "c", parents={"b": ["a"], "c": ["a"]})
    passes(check, case(RecordCase, recorded("b", "c"), **ends))
    passes(check, case(RecordCase, recorded("b", "c"), tool="alembic", version=["b", "c"]))


def test_failures_locks_and_doubles_fail(suite: ModuleType) -> None:
    check = suite.test_no_migration_failed_or_holds_the_lock
    failed = recorded("V1", Applied(name="V2", failed=True))
    fails(check, case(RecordCase, failed, **of("flyway", "V1", "V2")), "1 failed half-way: V2")
    fails(check, case(RecordCase, recorded("a", locked="knex_migrations_lock is held"), **of("knex", "a")), "is held")
    fails(check, case(RecordCase, recorded(*NAMES, NAMES[2])), "twice", NAMES[2])
    fails(check, case(RecordCase, recorded("b", "c"), **of("alembic", "a", "b", "c")), "2 heads: b, c")
    fails(check, case(RecordCase, recorded("b", "c"), tool="alembic", version="c"), "2 heads")
    dirty = {"tool": "schema-version", "version": 7, "dirty": "dirty"}
    fails(check, case(RecordCase, recorded(Applied(name="7", failed=True)), **dirty), "1 failed half-way: 7")


def test_a_lock_that_cannot_be_seen_is_not_observed(suite: ModuleType) -> None:
    check = suite.test_no_migration_failed_or_holds_the_lock
    hidden = recorded("a", lock_unseen=Unseen(unseen="not permitted", detail="knex_migrations_lock"))
    is_not_observed(check, case(RecordCase, hidden, **of("knex", "a")), "not permitted", "knex_migrations_lock")
    is_not_observed(check, case(RecordCase, NO_TABLE), "there is no migrations")
    is_not_observed(check, case(RecordCase, SILENT), "no answer")


def test_tools_that_tell_no_failure_are_not_asked_for_one() -> None:
    with pytest.raises(StopIteration):
        case(RecordCase, recorded("1"), tool="rails", names=["1"])


def test_the_promised_version_passes(suite: ModuleType) -> None:
    check = suite.test_the_database_is_at_the_promised_version
    passes(check, case(MigrationsCase, recorded("7"), tool="schema-version", version=7))
    passes(check, case(MigrationsCase, recorded("6", "7"), tool="schema-version", version=7, order_by="id"))
    passes(check, case(MigrationsCase, recorded("b", "c"), tool="alembic", version=["c", "b"]))
    passes(check, case(MigrationsCase, recorded("V2", "V10", "R__views"), tool="flyway", version="10.0"))
    mongo = {"tool": "mongo", "table": "meta", "field": "schema.version", "version": "12"}
    passes(check, case(MigrationsCase, recorded("12"), "mongodb", **mongo))


def test_another_version_fails(suite: ModuleType) -> None:
    check = suite.test_the_database_is_at_the_promised_version
    one = {"tool": "schema-version", "version": 7}
    fails(check, case(MigrationsCase, recorded("6"), **one), "at version 6, promised is 7")
    fails(check, case(MigrationsCase, recorded("8"), **one), "at version 8")
    fails(check, case(MigrationsCase, recorded(), **one), "at version none")
    fails(check, case(MigrationsCase, recorded("V9"), tool="flyway", version="10"), "at version V9")
    fails(check, case(MigrationsCase, recorded("a"), tool="alembic", version=["b"]), "at version a")
    is_not_observed(check, case(MigrationsCase, recorded("6", "7"), **one), "order_by")
    is_not_observed(check, case(MigrationsCase, NO_TABLE, **one), "there is no")
    is_not_observed(check, case(MigrationsCase, REFUSED, **one), "28P01")
