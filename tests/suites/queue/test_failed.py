from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.queues import FailedCase
from roadworthy.facts.queues import FailedSeen
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.queue.builders import NO_RIGHT, SILENT, case, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SINCE = {"since": "2026-11-21T10:00:00+00:00", "at_most_since": 2}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("queue/test_failed.py")


def failed(promised: dict[str, Any], **seen: Any) -> FailedCase:
    return case(FailedCase, counted(FailedSeen(**seen)), "database", failed=promised)


def test_failed_jobs_in_all(suite: ModuleType) -> None:
    check = suite.test_few_jobs_have_failed
    passes(check, failed({"at_most": 3}, count=3))
    fails(check, failed({"at_most": 3}, count=4), "4 jobs failed, 3 promised")
    fails(check, failed({"at_most": 3}, count=1003), "1003 or more jobs failed")
    is_not_observed(check, failed({"at_most": 3}, count=NO_RIGHT), "not permitted")
    is_not_observed(check, case(FailedCase, SILENT, "database", failed={"at_most": 3}), "no answer")


def test_failed_jobs_since_the_deployment(suite: ModuleType) -> None:
    check = suite.test_no_job_failed_since_the_deployment
    passes(check, failed(SINCE, since=2))
    fails(check, failed(SINCE, since=3), "3 or more jobs failed since 2026-11-21 10:00:00 UTC, 2 promised")
    is_not_observed(check, failed(SINCE, since=NO_RIGHT), "not permitted")
    is_not_observed(check, case(FailedCase, SILENT, "database", failed=SINCE), "no answer")
