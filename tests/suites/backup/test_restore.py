from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.backups import RestoreCase
from roadworthy.facts.backups import Restored
from roadworthy.facts.base import Lane
from roadworthy.facts.store import Unseen
from tests.suites.backup.builders import NOTHING, case, found
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROMISED = {"restores": {"within": "30s", "has": {"users": 2}}}
NOT_TRIED = Unseen(unseen="failed", detail="not restored, as it speaks of more than its own database: USE `shop`;")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("backup/test_restore.py")


def test_that_it_is_restored(suite: ModuleType) -> None:
    check = suite.test_the_newest_backup_can_be_restored
    passes(check, case(RestoreCase, found(restored=Restored(took_s=30.0, rows={"users": 0})), **PROMISED))
    fails(check, case(RestoreCase, found(restored=Restored(took_s=30.1)), **PROMISED), "took 30.1 s")
    fails(check, case(RestoreCase, found(restored=Restored(too_slow=True)), **PROMISED), "not restored within 30s")
    refused = Restored(failed='ERROR:  role "shop" does not exist')
    fails(check, case(RestoreCase, found(restored=refused), **PROMISED), "can't be restored", 'role "shop"')
    left = Restored(left="roadworthy_restore_1: it is being accessed by other users")
    fails(check, case(RestoreCase, found(restored=left), **PROMISED), "could not be dropped: roadworthy_restore_1")
    left = Restored(too_slow=True, left="roadworthy_restore_1: it took too long")
    fails(
        check, case(RestoreCase, found(restored=left), **PROMISED), "not restored within 30s", "be dropped: roadworthy"
    )
    is_not_observed(check, case(RestoreCase, found(restored=NOT_TRIED), **PROMISED), "more than its own database")
    is_not_observed(check, case(RestoreCase, NOTHING, **PROMISED), "there is no backup")


def test_that_all_of_it_is_there(suite: ModuleType) -> None:
    check = suite.test_what_was_restored_is_all_there
    passes(check, case(RestoreCase, found(restored=Restored(rows={"users": 2})), **PROMISED))
    fails(check, case(RestoreCase, found(restored=Restored(rows={"users": 1})), **PROMISED), "users has 1 rows, 2 prom")
    fails(check, case(RestoreCase, found(restored=Restored(rows={"users": None})), **PROMISED), "no table users")
    is_not_observed(
        check, case(RestoreCase, found(restored=Restored(failed="x")), **PROMISED), "it was not restored: x"
    )
    is_not_observed(check, case(RestoreCase, found(restored=NOT_TRIED), **PROMISED), "more than its own")


def test_a_restore_is_made_apart_and_once() -> None:
    ask = case(RestoreCase, NOTHING, **PROMISED).ask
    assert ask.lane is Lane.ROUGH
    assert ask.once
