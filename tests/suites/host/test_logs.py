from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from roadworthy.cases.logs import ErrorsCase, LogsCase, RotationCase, SizeCase, WrittenCase
from roadworthy.facts.logs import ErrorKind, Errors, Log, LogsObservation, Oldest, Rotation
from roadworthy.facts.store import Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

C = TypeVar("C", bound=LogsCase)

PATH = "/var/log/nginx/error.log"
HIDDEN = Unseen(unseen="not permitted", detail=f"{PATH}: Permission denied")
SINCE = "2026-11-21T06:00:00Z"
KIND = ErrorKind(text="order # failed", count=2, first=NOW, last=NOW)


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_logs.py")


def of(of_kind: type[C], promised: dict[str, Any], *logs: Log, **unseen: Unseen) -> C:
    """The case of a host that promises this of logs."""
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test"}}},
            "components": {"app": {"host": "app", "logs": promised}},
        }
    )
    part = target.components["app"]
    expected, ask = next(iter(of_kind.looks(target, part)))
    hidden = {f"files {PATH}": one for one in unseen.values()}
    observed = LogsObservation(observed_at=NOW, now=NOW, logs=logs, unseen=hidden)
    return of_kind(target=target, name="app", component=part, expected=expected, ask=ask, address=None, seen=observed)


def log(**changes: Any) -> Log:
    """A healthy log in a file."""
    given: dict[str, Any] = {
        "source": "files",
        "name": PATH,
        "label": PATH,
        "size": 1024,
        "written": ago(60),
        "newest": ago(60),
        "oldest": Oldest(path=f"{PATH}.14.gz", written=ago(14 * 86400 - 60)),
        "rotations": (Rotation(by="/etc/logrotate.d/nginx", every="day", keep=14),),
        "errors": Errors(count=0, lines=100),
    }
    return Log(**given | changes)


def ago(seconds: float) -> Any:
    return NOW - timedelta(seconds=seconds)


def file(of_kind: type[C], promised: dict[str, Any], **changes: Any) -> C:
    """The same, of one file."""
    return of(of_kind, {"files": {PATH: promised}}, log(**changes))


def test_logs_that_are_there(suite: ModuleType) -> None:
    check = suite.test_the_logs_are_there
    passes(check, file(LogsCase, {"below": "1MiB"}))
    fails(check, file(LogsCase, {"below": "1MiB"}, absent="nothing is at /var/log"), f"{PATH}: nothing is at /var/log")
    is_not_observed(check, of(LogsCase, {"files": {PATH: {"below": "1MiB"}}}, one=HIDDEN), "not permitted")
    is_not_observed(check, of(LogsCase, {"files": {PATH: {"below": "1MiB"}}}), "was not looked at")
    services = {"projects": {"shop": {"services": ["api", "worker"], "written_within": "1h"}}}
    there = log(source="projects", name="shop", label="shop-api-1")
    gone = log(source="projects", name="shop", label="shop/worker", absent="there is no container of this service")
    fails(check, of(LogsCase, services, there, gone), "shop/worker: there is no container of this service")
    passes(check, of(LogsCase, services, there))


def test_logs_that_are_written(suite: ModuleType) -> None:
    check = suite.test_the_logs_are_written
    passes(check, file(WrittenCase, {"written_within": "1m"}))
    fails(check, file(WrittenCase, {"written_within": "59s"}), f"{PATH}: last written 1m ago, promised within 59s")
    old = {"newest": ago(7200), "written": ago(1)}
    fails(check, file(WrittenCase, {"written_within": "1h"}, **old), "last written 2h ago")
    passes(check, file(WrittenCase, {"written_within": "1h"}, newest=None))
    fails(check, file(WrittenCase, {"written_within": "1h"}, newest=None, written=ago(86400 * 3)), "3d ago")
    fails(check, file(WrittenCase, {"written_within": "1h"}, newest=None, written=None), "nothing was ever written")
    is_not_observed(check, file(WrittenCase, {"written_within": "1h"}, newest=HIDDEN), "not permitted")
    is_not_observed(check, file(WrittenCase, {"written_within": "1h"}, absent="gone"), "gone")


def test_sizes(suite: ModuleType) -> None:
    check = suite.test_the_logs_are_not_too_large
    passes(check, file(SizeCase, {"below": "1MiB"}, size=2**20))
    fails(check, file(SizeCase, {"below": "1MiB"}, size=2**20 + 1), f"{PATH} has 1.0 MiB, promised at most 1MiB")
    is_not_observed(check, file(SizeCase, {"below": "1MiB"}, absent="gone"), "gone")


def test_rotation(suite: ModuleType) -> None:
    check = suite.test_the_logs_are_rotated
    passes(check, file(RotationCase, {"rotated": {"every": "day", "keep": 14}, "oldest": "14d"}))
    passes(check, file(RotationCase, {"rotated": {"every": "week"}}))
    fails(check, file(RotationCase, {"rotated": {"every": "hour"}}), "is rotated every day", "promised every hour")
    fails(check, file(RotationCase, {"rotated": {"keep": 15}}), "14 old ones are kept (/etc/logrotate.d/nginx)")
    by_size = (Rotation(by="/etc/logrotate.conf", keep=3),)
    fails(check, file(RotationCase, {"rotated": {"every": "day"}}, rotations=by_size), "by its size alone")
    passes(check, file(RotationCase, {"rotated": {"keep": 3}}, rotations=by_size))
    fails(check, file(RotationCase, {"rotated": {"keep": 3}}, rotations=()), "Logrotate does not know it")
    older = Oldest(path=f"{PATH}.15.gz", written=ago(15 * 86400))
    fails(check, file(RotationCase, {"oldest": "14d"}, oldest=older), f"{PATH}.15.gz is 15d old, promised at most 14d")
    is_not_observed(check, file(RotationCase, {"rotated": {"keep": 3}}, rotations=HIDDEN), "not permitted")
    is_not_observed(check, file(RotationCase, {"oldest": "14d"}, absent="gone"), "gone")


def test_errors(suite: ModuleType) -> None:
    check = suite.test_the_logs_have_no_new_errors
    none, two = {"errors": {"since": SINCE, "at_most": 0}}, {"errors": {"since": SINCE, "at_most": 2}}
    passes(check, file(ErrorsCase, none))
    found = Errors(count=2, kinds=(KIND,))
    passes(check, file(ErrorsCase, two, errors=found))
    fails(
        check, file(ErrorsCase, none, errors=found), f"{PATH}: 2 errors since 2026-11-21 06:00:00 UTC: 2 times 'order"
    )
    many = Errors(count=9, kinds=(KIND,) * 4)
    fails(check, file(ErrorsCase, two, errors=many), "9 errors", "and 3 others")
    short = Errors(count=0, short="of it the last 8 MiB were read, which begin later")
    is_not_observed(check, file(ErrorsCase, none, errors=short), "last 8 MiB", "0 errors in what was read")
    fails(check, file(ErrorsCase, none, errors=found.model_copy(update={"short": "x"})), "at least 2 errors")
    undated = Errors(count=0, undated=2, kinds=(ErrorKind(text="failed", count=2),))
    is_not_observed(check, file(ErrorsCase, none, errors=undated), "2 errors have no time, such as 2 times 'failed'")
    passes(check, file(ErrorsCase, two, errors=undated))
    is_not_observed(check, file(ErrorsCase, none, errors=HIDDEN), "not permitted")
    is_not_observed(check, file(ErrorsCase, none, absent="gone"), "gone")


def test_all_sources_are_judged(suite: ModuleType) -> None:
    errors = {"errors": {"since": SINCE, "at_most": 0}}
    promised = {"units": {"nginx.service": errors}, "containers": {"api": errors}}
    unit = log(source="units", name="nginx.service", label="nginx.service", errors=Errors(count=2, kinds=(KIND,)))
    container = log(source="containers", name="api", label="api", errors=HIDDEN)
    fails(suite.test_the_logs_have_no_new_errors, of(ErrorsCase, promised, unit, container), "nginx.service: 2 errors")
