from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.backups import CompleteCase, SeriesCase
from roadworthy.facts.backups import Inside
from tests.suites.backup.builders import DAY_S, NO_RIGHT, NOTHING, backup, case, found
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("backup/test_series.py")


def read(**changes: Any) -> Inside:
    return Inside.model_validate({"size": 9000, "complete": True, "found": ("users", "roles"), "names": 2, **changes})


def test_how_old_the_newest_is(suite: ModuleType) -> None:
    check = suite.test_the_newest_backup_is_fresh
    passes(check, case(SeriesCase, found(backup(26 * 3600))))
    fails(check, case(SeriesCase, found(backup(27 * 3600))), "shop_20261120.sql.gz, is 1d3h old; 1d2h promised")
    fails(check, case(SeriesCase, NOTHING), "nothing is there: /var/backups/shop_*.sql.gz")


def test_a_time_to_come_is_no_fresh_one(suite: ModuleType) -> None:
    check = suite.test_the_newest_backup_is_fresh
    passes(check, case(SeriesCase, found(backup(-3600))))
    fails(check, case(SeriesCase, found(backup(-30 * DAY_S))), "shop_20261221.sql.gz, is of a time that is 30d ahead")


def test_a_copied_old_file_is_old(suite: ModuleType) -> None:
    check, long_ago = suite.test_the_newest_backup_is_fresh, backup(9 * DAY_S).changed
    fails(check, case(SeriesCase, found(backup(60, named_at=long_ago))), "is 9d old")
    fails(check, case(SeriesCase, found(backup(9 * DAY_S, named_at=NOW))), "is 9d old")  # touched names lie, too
    fails(check, case(SeriesCase, found(backups=(), unnamed=("shop.gz",)), named="shop_%Y"), "none is named as shop_%Y")


def test_what_is_being_written_is_no_backup_yet(suite: ModuleType) -> None:
    check, under_way = suite.test_the_newest_backup_is_fresh, backup(60, written=True)
    passes(check, case(SeriesCase, found(under_way, backup(25 * 3600))))
    fails(check, case(SeriesCase, found(under_way, backup(27 * 3600))), "1d3h old")
    fails(check, case(SeriesCase, found(under_way)), "is all there is, and still being written")


def test_how_long_the_newest_is(suite: ModuleType) -> None:
    check, promised = suite.test_the_newest_backup_is_not_empty, {"size_at_least": "1kB"}
    passes(check, case(SeriesCase, found(), **promised))
    fails(check, case(SeriesCase, found(backup(60, size=999)), **promised), "has 999 bytes; 1 kB promised")
    fails(check, case(SeriesCase, found(backup(60, size=0)), **promised), "is empty")
    is_not_observed(check, case(SeriesCase, NOTHING, **promised), "there is no backup")


def test_that_it_did_not_shrink(suite: ModuleType) -> None:
    check, promised = suite.test_the_newest_backup_did_not_shrink, {"shrinks_at_most": "30%"}
    before = found().backups[1:]
    passes(check, case(SeriesCase, found(backup(60, size=700), *before), **promised))
    fails(
        check, case(SeriesCase, found(backup(60, size=699), *before), **promised), "30% less than the 1 kB", "30% pro"
    )
    one_was_small = (backup(DAY_S, size=3), *before)
    fails(check, case(SeriesCase, found(backup(60, size=699), *one_was_small), **promised), "less than the 1 kB")
    is_not_observed(check, case(SeriesCase, found(backup(60)), **promised), "none before")
    is_not_observed(check, case(SeriesCase, NOTHING, **promised), "there is no backup")


def test_that_it_can_be_read(suite: ModuleType) -> None:
    check, promised = suite.test_the_newest_backup_can_be_read_to_its_end, {"intact": True}
    passes(check, case(SeriesCase, found(inside=read()), **promised))
    broken = read(broken="Compressed file ended before the end-of-stream marker was reached", complete=None)
    fails(check, case(SeriesCase, found(inside=broken), **promised), "shop_20261121", "ended before the end-of-stream")
    is_not_observed(check, case(SeriesCase, found(inside=NO_RIGHT), **promised), "password is required")
    is_not_observed(check, case(SeriesCase, NOTHING, **promised), "there is no backup")


def test_that_it_is_complete(suite: ModuleType) -> None:
    check, promised = suite.test_the_newest_backup_is_complete, {"intact": True}
    passes(check, case(CompleteCase, found(inside=read()), **promised))
    fails(check, case(CompleteCase, found(inside=read(complete=False)), **promised), "what mysqldump ends with")
    is_not_observed(check, case(CompleteCase, found(inside=read(complete=None)), **promised), "its end was not looked")
    is_not_observed(check, case(CompleteCase, found(inside=read(broken="cut")), **promised), "cut")
    with pytest.raises(StopIteration):
        case(CompleteCase, NOTHING, kind="other", **promised)
    is_not_observed(check, case(CompleteCase, found(inside=NO_RIGHT), **promised), "not permitted")


def test_what_is_in_it(suite: ModuleType) -> None:
    check, promised = suite.test_the_newest_backup_holds_what_it_must, {"holds": ["users", "roles"]}
    passes(check, case(SeriesCase, found(inside=read()), **promised))
    fails(check, case(SeriesCase, found(inside=read(found=("users",))), **promised), "lacks roles; 2 are in it")
    is_not_observed(check, case(SeriesCase, found(inside=read(broken="cut", found=())), **promised), "cut")
    is_not_observed(check, case(SeriesCase, found(inside=NO_RIGHT), **promised), "not permitted")


def test_that_they_are_encrypted(suite: ModuleType) -> None:
    check, promised = suite.test_backups_are_encrypted, {"encrypted": "openpgp"}
    hidden = backup(60, begins="openpgp")
    passes(check, case(SeriesCase, found(hidden, backup(DAY_S, begins="openpgp")), **promised))
    fails(check, case(SeriesCase, found(hidden, backup(DAY_S)), **promised), "shop_20261120.sql.gz (gzip)")
    fails(check, case(SeriesCase, found(backup(60, begins="age")), **promised), "not encrypted by openpgp", "(age)")
    is_not_observed(check, case(SeriesCase, found(hidden, backup(DAY_S, begins=None)), **promised), "may not be read")
    is_not_observed(check, case(SeriesCase, NOTHING, **promised), "there is no backup")


def test_that_they_are_private(suite: ModuleType) -> None:
    check, promised = suite.test_backups_are_private, {"private": True}
    passes(check, case(SeriesCase, found(), **promised))
    fails(check, case(SeriesCase, found(backup(60), backup(DAY_S, public=True)), **promised), "shop_20261120.sql.gz")
    fails(check, case(SeriesCase, found(backup(60, written=True, public=True)), **promised), "everybody on the host")
    is_not_observed(check, case(SeriesCase, NOTHING, **promised), "there is no backup")


def test_how_long_they_are_kept(suite: ModuleType) -> None:
    check, promised = suite.test_no_backup_is_kept_for_too_long, {"oldest": "30d"}
    passes(check, case(SeriesCase, found(backup(60), backup(30 * DAY_S)), **promised))
    fails(check, case(SeriesCase, found(backup(60), backup(31 * DAY_S)), **promised), "older than 30d", "(31d)")
    is_not_observed(check, case(SeriesCase, NOTHING, **promised), "there is no backup")


def test_how_many_are_kept(suite: ModuleType) -> None:
    check = suite.test_enough_backups_are_kept
    passes(check, case(SeriesCase, found(), keeps=7))
    fails(check, case(SeriesCase, found(), keeps=8), "7 are kept, 8 promised")
    fails(check, case(SeriesCase, found(backup(60, written=True), *found().backups), keeps=8), "7 are kept")
    is_not_observed(check, case(SeriesCase, NOTHING, keeps=7), "there is no backup")


def test_that_none_is_missing(suite: ModuleType) -> None:
    check, promised = suite.test_no_backup_is_missing, {"every": "25h"}
    passes(check, case(SeriesCase, found(), **promised))
    week = found().backups
    fails(check, case(SeriesCase, found(*week[:3], *week[4:]), **promised), "nothing for 2d after shop_20261117.sql.gz")
    passes(check, case(SeriesCase, found(backup(0), backup(25 * 3600)), **promised))
    fails(check, case(SeriesCase, found(backup(0), backup(25 * 3600 + 1)), **promised), "1d1h promised")
    forgotten = found(*week, backup(90 * DAY_S))
    passes(check, case(SeriesCase, forgotten, oldest="30d", **promised))
    is_not_observed(check, case(SeriesCase, found(backup(60)), **promised), "no two")
    is_not_observed(check, case(SeriesCase, NOTHING, **promised), "there is no backup")
