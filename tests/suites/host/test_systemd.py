from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.systemd import (
    ActiveCase,
    EnabledCase,
    RestartsCase,
    SystemdCase,
    TimerEnabledCase,
    TimerPlannedCase,
    TimerRanCase,
    UptimeCase,
    UserCase,
)
from roadworthy.facts.store import Unseen
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.host.services import FORBIDDEN, GONE, ago, case, systemd, timer, unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.cases.base import Case
    from roadworthy.facts.systemd import UnitSeen

WEB = "web.service"
WITHOUT = Unseen(unseen="not supported", detail="there is no systemctl here")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_systemd.py")


def of(kind: type[Case[Any, Any, Any]], key: str, value: object, seen: UnitSeen) -> Case[Any, Any, Any]:
    promised = {"units": {"web": {key: value}, "other": {"enabled": True, "active": True}}}
    return case(kind, systemd({WEB: seen, "other.service": unit()}), systemd=promised)


def of_timer(kind: type[Case[Any, Any, Any]], key: str, value: object, seen: UnitSeen) -> Case[Any, Any, Any]:
    return case(kind, systemd({"job.timer": seen}), systemd={"timers": {"job": {key: value}}})


def test_active(suite: ModuleType) -> None:
    check = suite.test_promised_units_are_active
    passes(check, of(ActiveCase, "active", True, unit()))
    passes(check, of(ActiveCase, "active", True, unit(sub="exited")))
    failed = unit(active="failed", sub="failed", result="exit-code")
    fails(check, of(ActiveCase, "active", True, failed), "web.service is failed (failed, exit-code)")
    dying = unit(active="activating", sub="auto-restart")
    fails(check, of(ActiveCase, "active", True, dying), "web.service is activating (auto-restart)")
    fails(check, of(ActiveCase, "active", True, GONE), "web.service is not-found")
    fails(check, of(ActiveCase, "active", True, unit(load="masked", active="inactive")), "web.service is masked")
    two = {"units": {"web": {"active": True}, "other": {"active": True}}}
    gone = systemd({WEB: GONE, "other.service": failed})
    fails(check, case(ActiveCase, gone, systemd=two), "web.service is not-found; other.service is failed")
    is_not_observed(check, case(ActiveCase, systemd(WITHOUT), systemd=two), "there is no systemctl here")


def test_enabled(suite: ModuleType) -> None:
    check = suite.test_promised_units_start_with_the_machine
    passes(check, of(EnabledCase, "enabled", True, unit()))
    for state in ("disabled", "static", "masked", "enabled-runtime", "indirect"):
        fails(check, of(EnabledCase, "enabled", True, unit(enabled=state)), f"web.service is {state}, promised enabled")
    fails(check, of(EnabledCase, "enabled", True, GONE), "web.service is not-found")


def test_restarts(suite: ModuleType) -> None:
    check = suite.test_promised_units_do_not_flap
    passes(check, of(RestartsCase, "max_restarts", 3, unit(restarts=3)))
    fails(check, of(RestartsCase, "max_restarts", 3, unit(restarts=4)), "restarted 4 times, promised 3 at most")
    passes(check, of(RestartsCase, "max_restarts", 0, unit(restarts=0)))
    fails(check, of(RestartsCase, "max_restarts", 0, unit(restarts=1)), "promised 0 at most")
    is_not_observed(check, of(RestartsCase, "max_restarts", 0, unit(restarts=None)), "does not count")
    is_not_observed(check, of(RestartsCase, "max_restarts", 0, GONE), "web.service is not-found")


def test_uptime(suite: ModuleType) -> None:
    check = suite.test_promised_units_have_been_up_for_a_while
    passes(check, of(UptimeCase, "up_for", "10m", unit(active_since=ago(minutes=10))))
    young = unit(active_since=ago(minutes=9, seconds=59))
    fails(check, of(UptimeCase, "up_for", "10m", young), "up for 9m59s, promised 10m")
    ended = unit(active="inactive", sub="dead", active_since=ago(days=1))
    fails(check, of(UptimeCase, "up_for", "10m", ended), "web.service is inactive (dead)")


def test_user(suite: ModuleType) -> None:
    check = suite.test_promised_units_run_as_the_promised_user
    passes(check, of(UserCase, "user", "deploy", unit(user="deploy")))
    fails(check, of(UserCase, "user", "deploy", unit(user="")), "started as root, promised deploy")
    passes(check, of(UserCase, "user", "root", unit(user="")))
    fails(check, of(UserCase, "user", "root", unit(user="www-data")), "started as www-data, promised root")


def test_timers_that_are_enabled(suite: ModuleType) -> None:
    check = suite.test_promised_timers_start_with_the_machine
    passes(check, of_timer(TimerEnabledCase, "enabled", True, timer()))
    fails(check, of_timer(TimerEnabledCase, "enabled", True, timer(enabled="disabled")), "job.timer is disabled")


def test_timers_that_trigger_again(suite: ModuleType) -> None:
    check = suite.test_promised_timers_trigger_again
    passes(check, of_timer(TimerPlannedCase, "planned", True, timer()))
    passes(check, of_timer(TimerPlannedCase, "planned", True, timer(planned=False, sub="running")))
    elapsed = timer(planned=False, sub="elapsed")
    fails(check, of_timer(TimerPlannedCase, "planned", True, elapsed), "is active (elapsed) and has no next time")
    stopped = timer(active="inactive", sub="dead", planned=False)
    fails(check, of_timer(TimerPlannedCase, "planned", True, stopped), "job.timer is inactive (dead)")
    fails(check, of_timer(TimerPlannedCase, "planned", True, GONE), "job.timer is not-found")


def test_timers_that_triggered(suite: ModuleType) -> None:
    check = suite.test_promised_timers_triggered_lately
    passes(check, of_timer(TimerRanCase, "ran_within", "1d", timer(triggered=ago(days=1))))
    late = timer(triggered=ago(days=1, seconds=1))
    fails(check, of_timer(TimerRanCase, "ran_within", "1d", late), "last triggered 1d1s ago, promised within 1d")
    fails(check, of_timer(TimerRanCase, "ran_within", "1d", timer(triggered=None)), "never triggered")
    odd = timer(triggered=Unseen(unseen="failed", detail="systemctl tells a time as '48y'"))
    is_not_observed(check, of_timer(TimerRanCase, "ran_within", "1d", odd), "48y")


def test_failed_units(suite: ModuleType) -> None:
    check = suite.test_no_unit_has_failed
    promised = {"none_failed": True}
    passes(check, case(SystemdCase, systemd(failed=()), systemd=promised))
    fails(check, case(SystemdCase, systemd(failed=("a.service",)), systemd=promised), "failed: a.service")
    many = tuple(f"{n}.service" for n in range(13))
    fails(check, case(SystemdCase, systemd(failed=many), systemd=promised), "9.service, 3 more")
    is_not_observed(check, case(SystemdCase, systemd(failed=FORBIDDEN), systemd=promised), "not permitted")


def test_all_cases_ask_the_same() -> None:
    everything = {
        "units": {"web": {"enabled": True, "active": True, "max_restarts": 1, "up_for": "1m", "user": "x"}},
        "timers": {"job": {"enabled": True, "planned": True, "ran_within": "1d"}},
        "none_failed": True,
    }
    kinds = (ActiveCase, EnabledCase, RestartsCase, UptimeCase, UserCase, TimerEnabledCase, TimerPlannedCase)
    asks = {case(kind, systemd(), systemd=everything).ask for kind in (*kinds, TimerRanCase, SystemdCase)}
    assert len(asks) == 1
    assert asks.pop().wanted == {"units": ["web.service", "job.timer"], "failed": True}


def test_a_unit_that_is_not_loaded_hides_no_other(suite: ModuleType) -> None:
    promised = {"units": {"web": {"max_restarts": 0, "user": "root"}, "other": {"max_restarts": 0}}}
    broken = unit(load="bad-setting", active="inactive", active_since=None)
    flapping = systemd({WEB: broken, "other.service": unit(restarts=7)})
    check = suite.test_promised_units_do_not_flap
    fails(check, case(RestartsCase, flapping, systemd=promised), "other.service was restarted 7 times")
    calm = systemd({WEB: broken, "other.service": unit()})
    is_not_observed(check, case(RestartsCase, calm, systemd=promised), "web.service is bad-setting")
    nobody = suite.test_promised_units_run_as_the_promised_user
    is_not_observed(nobody, case(UserCase, calm, systemd=promised), "web.service is bad-setting")
