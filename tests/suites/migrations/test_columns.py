from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.migrations import MigrationsCase
from roadworthy.facts.migrations import ChangeSeen, ColumnState, MigrationsObservation, RecentRows
from roadworthy.facts.store import Unseen
from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.migrations.builders import SILENT, case

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

OPEN, NEVER_NULL = ColumnState(nullable=True), ColumnState(nullable=False)
BOTH: dict[str, Any] = {"new": OPEN, "old": OPEN}
SLOW = Unseen(unseen="took too long", detail="about 90,000,000 rows")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("migrations/test_columns.py")


def changed(phase: str, *seen: ChangeSeen | Unseen, old: str | None = "name") -> MigrationsCase:
    promised: dict[str, Any] = {"table": "customers", "new": "full_name", "phase": phase, "old": old}
    if phase == "dual-write":
        promised["recent"] = {"by": "created_at", "since": "2026-11-20T10:00:00Z"}
    observation = MigrationsObservation(observed_at=NOW, let_in=True, changes=seen)
    return case(MigrationsCase, observation, columns=[promised] * len(seen))


def test_each_phase_as_declared_passes(suite: ModuleType) -> None:
    check = suite.test_columns_are_in_their_declared_phase
    passes(check, changed("added", ChangeSeen(**BOTH)))
    passes(check, changed("added", ChangeSeen(new=ColumnState(nullable=False, default=True), old=OPEN)))
    passes(check, changed("added", ChangeSeen(new=OPEN), old=None))
    passes(check, changed("dual-write", ChangeSeen(**BOTH, recent=RecentRows(looked=100, lacking=0))))
    passes(check, changed("backfilled", ChangeSeen(**BOTH, has_null=False)))
    passes(check, changed("not-null", ChangeSeen(new=NEVER_NULL, old=OPEN)))
    passes(check, changed("dropped", ChangeSeen(new=NEVER_NULL)))


def test_a_phase_that_is_not_reached_fails(suite: ModuleType) -> None:
    check = suite.test_columns_are_in_their_declared_phase
    fails(check, changed("added", ChangeSeen(old=OPEN)), "customers.full_name, declared added: the column is not there")
    fails(check, changed("added", ChangeSeen(table_exists=False)), "the table is not there")
    lacking = ChangeSeen(**BOTH, recent=RecentRows(looked=100, lacking=1))
    fails(check, changed("dual-write", lacking), "1 of the 100 newest rows", "have name alone")
    fails(check, changed("backfilled", ChangeSeen(**BOTH, has_null=True)), "a row has NULL in it")
    fails(check, changed("not-null", ChangeSeen(**BOTH)), "it may be NULL")
    fails(check, changed("dropped", ChangeSeen(**BOTH)), "name is still there")


def test_a_phase_that_is_left_behind_fails(suite: ModuleType) -> None:
    check = suite.test_columns_are_in_their_declared_phase
    fails(check, changed("added", ChangeSeen(new=NEVER_NULL, old=OPEN)), "NOT NULL already")
    fails(check, changed("dual-write", ChangeSeen(new=NEVER_NULL, old=OPEN)), "NOT NULL already")
    fails(check, changed("backfilled", ChangeSeen(new=OPEN, has_null=False)), "name is gone already")
    fails(check, changed("not-null", ChangeSeen(new=NEVER_NULL)), "name is gone already")


def test_what_cannot_be_told_is_not_observed(suite: ModuleType) -> None:
    check = suite.test_columns_are_in_their_declared_phase
    is_not_observed(check, changed("backfilled", ChangeSeen(**BOTH, has_null=SLOW)), "took too long", "90,000,000")
    quiet = ChangeSeen(**BOTH, recent=RecentRows(looked=0, lacking=0))
    is_not_observed(check, changed("dual-write", quiet), "no row of customers was written since 2026-11-20")
    unindexed = Unseen(unseen="not supported", detail="no index begins with created_at")
    is_not_observed(check, changed("dual-write", ChangeSeen(**BOTH, recent=unindexed)), "no index")
    is_not_observed(check, changed("added", Unseen(unseen="not permitted", detail="x")), "not permitted")
    is_not_observed(check, case(MigrationsCase, SILENT, columns=[{"table": "t", "new": "n", "phase": "added"}]), "no")


def test_a_fault_outweighs_what_cannot_be_told(suite: ModuleType) -> None:
    check = suite.test_columns_are_in_their_declared_phase
    both = changed("backfilled", ChangeSeen(**BOTH, has_null=SLOW), ChangeSeen(**BOTH, has_null=True))
    fails(check, both, "a row has NULL in it")
