from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.queues import JobCase
from roadworthy.facts.queues import JobObservation
from roadworthy.facts.store import Broke, Refusal, StoreEnd
from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.queue.builders import JOB, case, tried

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("queue/test_consumed.py")


def job(**seen: Any) -> JobCase:
    return case(JobCase, tried(**seen), probe_job=JOB)


def test_a_job_that_is_done_passes(suite: ModuleType) -> None:
    check = suite.test_a_job_is_done_in_time
    passes(check, job(consumed_s=4.9))


def test_a_job_that_is_not_done_fails(suite: ModuleType) -> None:
    check = suite.test_a_job_is_done_in_time
    waits = job(last_in="waiting", ahead=3, taken_away=True)
    fails(
        check, waits, "after 5s the job is still waiting in default, with 3 jobs ahead of it; it was taken away again"
    )
    fails(check, job(last_in="reserved", taken_away=False), "still being worked on", "may still be there")
    fails(check, job(last_in="delayed", taken_away=True), "tried, failed and put off")
    fails(check, job(last_in="failed", taken_away=True), "the job failed; it was taken away again")


def test_a_job_that_was_not_put_in_is_not_observed(suite: ModuleType) -> None:
    check = suite.test_a_job_is_done_in_time
    refused = job(pushed=False, no=Refusal(code="NOPERM", message="no permissions"))
    is_not_observed(check, refused, "no job was put into default", "NOPERM")
    silent = JobObservation(observed_at=NOW, broke=Broke(end=StoreEnd.REFUSED, at="connecting"))
    is_not_observed(check, case(JobCase, silent, probe_job=JOB), "connection refused")


def test_a_job_that_was_lost_sight_of_is_not_observed(suite: ModuleType) -> None:
    check = suite.test_a_job_is_done_in_time
    is_not_observed(check, job(unsure="more than 20000 jobs", taken_away=True), "20000", "it was taken away again")
    broke = Broke(end=StoreEnd.CLOSED, at="LPOS")
    is_not_observed(check, job(broke=broke, taken_away=False), "closed", "may still be there")
