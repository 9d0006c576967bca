from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.workers import (
    AutorestartCase,
    AutostartCase,
    CommandCase,
    FlappingCase,
    ProgramsCase,
    SupervisorCase,
    UptimeCase,
    UserCase,
)
from roadworthy.facts.supervisor import Drift, Log, Process
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.queue.workers import CONFIGURED, HIDDEN, ago, case, logged, process, program, supervised

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

DEAD = supervised(processes=(), dead="/var/run/supervisor.sock: Connection refused")
NONE = supervised(processes=(process(group="other"),))


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("queue/test_supervisor.py")


def configured(**changes: object) -> tuple[Process, ...]:
    return tuple(process(n, configured=CONFIGURED.model_copy(update=changes)) for n in (0, 1))


def test_supervisor_that_answers(suite: ModuleType) -> None:
    check = suite.test_supervisor_answers
    passes(check, program(SupervisorCase, supervised()))
    fails(check, program(SupervisorCase, DEAD), "supervisor.sock: Connection refused")


def test_running(suite: ModuleType) -> None:
    check = suite.test_all_processes_of_the_programs_run
    passes(check, program(ProgramsCase, supervised()))
    passes(check, program(ProgramsCase, supervised(process(), process(1), process(group="other", state="FATAL"))))
    fails(check, program(ProgramsCase, supervised(process())), "worker: 1 processes, 2 promised")
    three = supervised(process(), process(1), process(2))
    fails(check, program(ProgramsCase, three), "worker: 3 processes, 2 promised")
    stopped = supervised(process(), process(1, state="STOPPED", said="Nov 28 07:00 AM"))
    fails(check, program(ProgramsCase, stopped), "worker:worker_01 is STOPPED (Nov 28 07:00 AM)")
    fails(check, program(ProgramsCase, NONE), "worker: Supervisor knows of no such program, 2 promised")
    is_not_observed(check, program(ProgramsCase, DEAD), "Connection refused")


def test_one_process_by_its_whole_name(suite: ModuleType) -> None:
    check = suite.test_all_processes_of_the_programs_run
    promised = {"supervisor": {"programs": {"worker:worker_01": {"processes": 1}}}}
    passes(check, case(ProgramsCase, supervised(), **promised))
    fails(check, case(ProgramsCase, supervised(process()), **promised), "no such program")


def test_uptime(suite: ModuleType) -> None:
    check = suite.test_the_processes_have_been_up_for_long_enough
    passes(check, program(UptimeCase, supervised(), uptime="10m"))
    fails(check, program(UptimeCase, supervised(), uptime="601s"), "worker_00: up for 10m, 10m1s promised", "worker_01")
    one = supervised(process(), process(1, state="BACKOFF"))
    passes(check, program(UptimeCase, one, uptime="10m"))
    is_not_observed(
        check, program(UptimeCase, supervised(process(state="FATAL")), uptime="1m"), "no process of it runs"
    )
    is_not_observed(check, program(UptimeCase, supervised(process(started=None)), uptime="1m"), "started")
    is_not_observed(check, program(UptimeCase, NONE, uptime="1m"), "no process of it is there")


def test_flapping(suite: ModuleType) -> None:
    check = suite.test_no_process_flaps
    promised = {"restarts": {"at_most": 2, "within": "1h"}}
    passes(check, program(FlappingCase, supervised(log=logged(3000, 2000)), **promised))
    fails(
        check,
        program(FlappingCase, supervised(log=logged(3600, 2000, 1000)), **promised),
        "worker_00: ended 3 times, last with exit status 1; not expected; 2 in 1h promised",
    )
    passes(check, program(FlappingCase, supervised(log=logged(3601, 2000, 1000)), **promised))


def test_flapping_where_the_log_is_short(suite: ModuleType) -> None:
    check = suite.test_no_process_flaps
    promised = {"restarts": {"at_most": 0, "within": "1h"}}
    short = supervised(log=logged(begins=3599))
    is_not_observed(check, program(FlappingCase, short, **promised), "goes back to 2026-11-21 11:00:01 UTC")
    passes(check, program(FlappingCase, supervised(log=logged(begins=3600)), **promised))
    passes(check, program(FlappingCase, supervised(log=logged(begins=9, started=True)), **promised))
    fails(check, program(FlappingCase, supervised(log=logged(5, begins=9)), **promised), "ended 1 times")
    is_not_observed(check, program(FlappingCase, supervised(log=Log(begins=None)), **promised), "nowhere")
    is_not_observed(check, program(FlappingCase, supervised(log=HIDDEN), **promised), "not permitted")
    old = (process(0, started=ago(3601)), process(1, started=ago(3601)))
    passes(check, program(FlappingCase, supervised(*old, log=HIDDEN), **promised))


def test_user(suite: ModuleType) -> None:
    check = suite.test_the_processes_run_as_their_user
    passes(check, program(UserCase, supervised(), user="www-data"))
    passes(check, program(UserCase, supervised(*configured(user=None)), user="www-data"))
    root = supervised(process(user="root"), process(1))
    fails(check, program(UserCase, root, user="www-data"), "worker_00 runs as root, www-data promised")
    later = supervised(*configured(user="root"))
    fails(check, program(UserCase, later, user="www-data"), "worker_00 is configured to run as root")
    nobodys = CONFIGURED.model_copy(update={"user": None})
    stopped = supervised(process(state="STOPPED", user=None, configured=nobodys))
    is_not_observed(check, program(UserCase, stopped, user="www-data"), "names nobody")
    is_not_observed(check, program(UserCase, supervised(process(user=HIDDEN)), user="www-data"), "not permitted")
    is_not_observed(check, program(UserCase, supervised(process(configured=None)), user="www-data"), "configured")


def test_command(suite: ModuleType) -> None:
    check = suite.test_the_programs_run_their_command
    for same in (
        "/usr/bin/php /srv/artisan queue:work redis --sleep=3",
        "php '/srv/artisan'  queue:work redis --sleep=3",
        {"contains": "queue:work redis"},
        {"contains": ["--sleep=3", "/srv/artisan"]},
    ):
        passes(check, program(CommandCase, supervised(), command=same))
    other = "php /srv/artisan queue:work redis --sleep=30"
    fails(check, program(CommandCase, supervised(), command=other), "worker runs /usr/bin/php", "promised php /srv")
    elsewhere = other.replace("php", "/opt/php/bin/php")
    fails(check, program(CommandCase, supervised(), command=elsewhere), "worker runs /usr/bin/php")
    part = {"contains": ["queue:work database", "--sleep=3", "--sleep"]}
    fails(check, program(CommandCase, supervised(), command=part), "without queue:work database, --sleep")
    fails(
        check,
        program(CommandCase, supervised(*configured(runs=False)), command=CONFIGURED.command),
        "by another command",
    )
    torn = supervised(*configured(command="php 'artisan"))
    fails(check, program(CommandCase, torn, command=other), "runs php 'artisan")
    is_not_observed(check, program(CommandCase, NONE, command=other), "no process of it is there")


def test_autostart(suite: ModuleType) -> None:
    check = suite.test_the_programs_start_with_supervisor
    passes(check, program(AutostartCase, supervised(), autostart=True))
    passes(check, program(AutostartCase, supervised(*configured(autostart=False)), autostart=False))
    fails(check, program(AutostartCase, supervised(*configured(autostart=False)), autostart=True), "autostart is false")
    fails(check, program(AutostartCase, supervised(), autostart=False), "worker: autostart is true")


def test_autorestart(suite: ModuleType) -> None:
    check = suite.test_the_programs_are_started_again
    passes(check, program(AutorestartCase, supervised(), autorestart=True))
    unexpected = supervised(*configured(autorestart="unexpected"))
    passes(check, program(AutorestartCase, unexpected, autorestart="unexpected"))
    fails(check, program(AutorestartCase, unexpected, autorestart=True), "autorestart is unexpected, true promised")
    fails(check, program(AutorestartCase, supervised(), autorestart=False), "autorestart is true, false promised")
    hidden = supervised(*configured(autorestart=HIDDEN))
    is_not_observed(check, program(AutorestartCase, hidden, autorestart=True), "not permitted")


def test_none_failed(suite: ModuleType) -> None:
    check = suite.test_supervisor_gave_nothing_up
    promised = {"supervisor": {"none_failed": True}}
    passes(check, case(SupervisorCase, supervised(), **promised))
    passes(check, case(SupervisorCase, supervised(process(state="STOPPED"), process(1, state="EXITED")), **promised))
    for state in ("FATAL", "BACKOFF", "UNKNOWN"):
        gone = supervised(process(), process(group="mail", name="mail", state=state, said="can't find command"))
        fails(check, case(SupervisorCase, gone, **promised), f"mail:mail is {state} (can't find command)")
    is_not_observed(check, case(SupervisorCase, DEAD, **promised), "Connection refused")


def test_current(suite: ModuleType) -> None:
    check = suite.test_supervisor_runs_what_its_files_say
    promised = {"supervisor": {"as_configured": True}}
    passes(check, case(SupervisorCase, supervised(), **promised))
    drift = tuple(Drift(name=f"worker:worker_{n:02d}", what=("command", "autostart")) for n in (0, 1))
    fails(
        check,
        case(SupervisorCase, supervised(drift=drift), **promised),
        "worker: command, autostart (2 processes)",
    )
    is_not_observed(check, case(SupervisorCase, supervised(drift=HIDDEN), **promised), "not permitted")
    is_not_observed(check, case(SupervisorCase, DEAD, **promised), "Connection refused")
