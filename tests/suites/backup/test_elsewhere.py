from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.backups import OffsiteCase
from roadworthy.facts.backups import Copy, Elsewhere
from tests.suites.backup.builders import NO_RIGHT, NOTHING, case, found
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROMISED = {"offsite": {"s3": "shop-backups/daily/", "within": "26h", "same_size": True}}
MOUNTED = {"offsite": {"folder": "/mnt/backups", "within": "26h"}}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("backup/test_elsewhere.py")


def copies(age_s: float = 3600, size: int = 1000, name: str = "shop_20261121.sql.gz") -> Elsewhere:
    return Elsewhere(copies=(Copy(name=name, size=size, changed=NOW - timedelta(seconds=age_s)),))


def test_that_there_is_a_fresh_one(suite: ModuleType) -> None:
    check = suite.test_there_is_a_fresh_copy_elsewhere
    passes(check, case(OffsiteCase, found(elsewhere=copies(26 * 3600)), **PROMISED))
    fails(check, case(OffsiteCase, found(elsewhere=copies(27 * 3600)), **PROMISED), "is 1d3h old; 1d2h promised")
    fails(check, case(OffsiteCase, found(elsewhere=copies(-2 * 3600)), **PROMISED), "of a time that is 2h ahead")
    nothing = Elsewhere(detail="it lists nothing of that name")
    fails(check, case(OffsiteCase, found(elsewhere=nothing), **PROMISED), "no copy is at shop-backups/daily/: it lists")
    here = copies().model_copy(update={"same_disk": True})
    fails(
        check, case(OffsiteCase, found(elsewhere=here), **MOUNTED), "/mnt/backups is on the file system of the backups"
    )
    passes(check, case(OffsiteCase, found(elsewhere=copies()), **MOUNTED))
    is_not_observed(check, case(OffsiteCase, found(elsewhere=NO_RIGHT), **PROMISED), "not permitted")
    is_not_observed(check, case(OffsiteCase, found(), **PROMISED), "not looked at")


def test_that_it_is_as_long(suite: ModuleType) -> None:
    check = suite.test_the_copy_elsewhere_is_as_long
    passes(check, case(OffsiteCase, found(elsewhere=copies()), **PROMISED))
    fails(check, case(OffsiteCase, found(elsewhere=copies(size=999)), **PROMISED), "1000 bytes here and 999 there")
    passes(check, case(OffsiteCase, found(elsewhere=copies(name="shop_20261120.sql.gz")), **PROMISED))  # under way
    fails(check, case(OffsiteCase, found(elsewhere=copies(name="x.sql.gz")), **PROMISED), "none of the copies is named")
    is_not_observed(check, case(OffsiteCase, found(elsewhere=Elsewhere()), **PROMISED), "there is no copy")
    is_not_observed(check, case(OffsiteCase, found(elsewhere=NO_RIGHT), **PROMISED), "not permitted")
    is_not_observed(check, case(OffsiteCase, NOTHING, **PROMISED), "there is no backup")
