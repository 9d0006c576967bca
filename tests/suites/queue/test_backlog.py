from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.queues import AgeCase, BacklogCase, DelayedCase, QueuesCase, ReservedCase
from roadworthy.facts.queues import Oldest
from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.queue.builders import JOB, NO_RIGHT, REFUSED, SILENT, case, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("queue/test_backlog.py")


def came(seconds_ago: float) -> Oldest:
    return Oldest(at=NOW - timedelta(seconds=seconds_ago))


def test_a_backlog(suite: ModuleType) -> None:
    check = suite.test_the_backlog_is_within_its_bound
    passes(check, case(BacklogCase, counted(waiting=10)))
    fails(check, case(BacklogCase, counted(waiting=11)), "default: 11 jobs wait, 10 promised")
    is_not_observed(check, case(BacklogCase, counted(waiting=NO_RIGHT)), "not permitted")
    is_not_observed(check, case(BacklogCase, SILENT), "no answer (connecting)")
    is_not_observed(check, case(BacklogCase, REFUSED), "not permitted", "WRONGPASS")


def test_a_queue_that_nobody_knows_of_is_not_empty(suite: ModuleType) -> None:
    check = suite.test_the_backlog_is_within_its_bound
    nowhere = counted(traces=False, looked_for=("rq:queue:default", "rq:queues"))
    is_not_observed(check, case(BacklogCase, nowhere, kind="rq"), "nothing says that there is a queue", "rq:queues")
    passes(check, case(BacklogCase, counted(), kind="rq"))
    passes(check, case(BacklogCase, nowhere))  # Laravel's idle queues leave no trace; advice says so


def test_the_oldest_job(suite: ModuleType) -> None:
    check = suite.test_no_job_waits_for_too_long
    passes(check, case(AgeCase, counted(oldest=came(60))))
    passes(check, case(AgeCase, counted(oldest=Oldest())))
    fails(check, case(AgeCase, counted(oldest=came(61))), "its oldest job has waited 1m1s, 1m promised")
    is_not_observed(check, case(AgeCase, counted(oldest=Oldest(silent="the next job does not say"))), "does not say")
    is_not_observed(check, case(AgeCase, counted(oldest=NO_RIGHT)), "not permitted")
    is_not_observed(check, case(AgeCase, SILENT), "no answer")


def test_jobs_that_are_put_off(suite: ModuleType) -> None:
    check, names = suite.test_few_jobs_are_put_off, {"default": {"delayed_at_most": 3}}
    passes(check, case(DelayedCase, counted(delayed=3), names=names))
    fails(check, case(DelayedCase, counted(delayed=4), names=names), "4 jobs are put off, 3 promised")
    is_not_observed(check, case(DelayedCase, counted(delayed=NO_RIGHT), names=names), "not permitted")
    is_not_observed(check, case(DelayedCase, SILENT, names=names), "no answer")


def test_jobs_that_are_worked_on(suite: ModuleType) -> None:
    check, names = suite.test_no_more_is_worked_on_than_there_are_workers, {"default": {"reserved_at_most": 4}}
    passes(check, case(ReservedCase, counted(reserved=4), names=names))
    fails(check, case(ReservedCase, counted(reserved=5), names=names), "5 jobs are being worked on, 4 promised")
    is_not_observed(check, case(ReservedCase, counted(reserved=NO_RIGHT), names=names), "not permitted")


def test_jobs_that_nobody_works_on_any_more(suite: ModuleType) -> None:
    check = suite.test_no_job_is_stuck
    passes(check, case(QueuesCase, counted(overdue=0), retry_after="90s"))
    fails(check, case(QueuesCase, counted(overdue=1), retry_after="90s"), "1 jobs have been worked on for more than")
    is_not_observed(check, case(QueuesCase, counted(overdue=NO_RIGHT), retry_after="90s"), "not permitted")
    is_not_observed(check, case(QueuesCase, SILENT, retry_after="90s"), "no answer")


def test_a_fault_outweighs_what_cannot_be_told(suite: ModuleType) -> None:
    check = suite.test_the_backlog_is_within_its_bound
    names = {"mail": {"at_most": 1}, "default": {"at_most": 1}}
    two = counted(waiting=2)
    both = two.model_copy(
        update={"queues": (*(two.queues or ()), *(counted(name="mail", waiting=NO_RIGHT).queues or ()))}
    )
    fails(check, case(BacklogCase, both, names=names), "default: 2 jobs wait, 1 promised")


def test_advice(suite: ModuleType) -> None:
    check = suite.test_nothing_about_queues_is_left_open
    passes(check, case(QueuesCase, counted()))
    nowhere = counted(traces=False, looked_for=("queues:default",))
    fails(check, case(QueuesCase, nowhere), "nothing is under queues:default (database 0 has 7 keys)", "wrong prefix")
    passes(check, case(QueuesCase, nowhere, probe_job=JOB))
    fails(check, case(QueuesCase, counted(), names={"default": {"at_most": 1}}), "a short queue may stand still")
    failed = {"failed": {"at_most": 3}}
    fails(check, case(QueuesCase, counted(), "database", **failed), "those since the deployment")
    is_not_observed(check, case(QueuesCase, SILENT), "no answer")
