from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.workers import (
    AppsCase,
    AppUptimeCase,
    ModeCase,
    Pm2Case,
    RestartsCase,
    SavedCase,
    UnstableCase,
)
from roadworthy.facts.pm2 import Unit
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.queue.workers import HIDDEN, HOME, START, UNIT, app, case, instance, kept, saved

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

DEAD = kept(instances=(), saved=None, dead=f"{HOME}/rpc.sock: Connection refused")
BOOT: dict[str, Any] = {"pm2": {"user": "deploy", "resurrects": True}}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("queue/test_pm2.py")


def test_a_daemon_that_answers(suite: ModuleType) -> None:
    check = suite.test_the_daemon_of_pm2_answers
    passes(check, app(Pm2Case, kept()))
    fails(check, app(Pm2Case, DEAD), "rpc.sock: Connection refused")


def test_online(suite: ModuleType) -> None:
    check = suite.test_the_applications_are_online
    passes(check, app(AppsCase, kept()))
    passes(check, app(AppsCase, kept(instance(), instance(), instance(name="other", status="errored"))))
    fails(check, app(AppsCase, kept(instance())), "admin: 1 instances, 2 promised")
    fails(check, app(AppsCase, kept(*(instance(),) * 3)), "admin: 3 instances, 2 promised")
    errored = kept(instance(), instance(status="errored", user=None))
    fails(check, app(AppsCase, errored), "admin: 1 of 2 instances errored")
    fails(check, app(AppsCase, kept(instance(name="other"))), "PM2 knows of no such application, 2 promised")
    is_not_observed(check, app(AppsCase, DEAD), "Connection refused")


def test_mode(suite: ModuleType) -> None:
    check = suite.test_the_applications_run_in_their_mode
    passes(check, app(ModeCase, kept(), mode="cluster"))
    fails(check, app(ModeCase, kept(), mode="fork"), "admin runs in cluster mode, fork promised")
    is_not_observed(check, app(ModeCase, kept(instance(name="other")), mode="fork"), "no instance is there")


def test_restarts(suite: ModuleType) -> None:
    check = suite.test_the_applications_are_not_restarting
    passes(check, app(RestartsCase, kept(), restarts=1))
    fails(check, app(RestartsCase, kept(), restarts=0), "admin: started again 1 times, 0 promised")
    is_not_observed(check, app(RestartsCase, kept(instance(restarts=None)), restarts=0), "started again")


def test_unstable(suite: ModuleType) -> None:
    check = suite.test_the_applications_start_at_once
    passes(check, app(UnstableCase, kept(), unstable_restarts=0))
    ended = kept(instance(), instance(unstable=1))
    passes(check, app(UnstableCase, ended, unstable_restarts=1))
    fails(check, app(UnstableCase, ended, unstable_restarts=0), "ended right after its start 1 times, 0 promised")


def test_uptime(suite: ModuleType) -> None:
    check = suite.test_the_applications_have_been_up_for_long_enough
    passes(check, app(AppUptimeCase, kept(), uptime="10m"))
    fails(check, app(AppUptimeCase, kept(), uptime="601s"), "admin: up for 10m, 10m1s promised")
    is_not_observed(check, app(AppUptimeCase, kept(instance(status="stopped")), uptime="1m"), "is online")


def test_saved(suite: ModuleType) -> None:
    check = suite.test_the_applications_are_saved
    passes(check, app(SavedCase, kept(), saved=True))
    fails(check, app(SavedCase, kept(saved=None), saved=True), f"nothing was ever saved in {HOME}")
    fails(check, app(SavedCase, kept(saved=(saved(),)), saved=True), "saved with 1 instances, 2 promised")
    stopped = kept(saved=(saved(), saved(status="stopped")))
    fails(check, app(SavedCase, stopped, saved=True), "saved with 1 instances (1 more as not online), 2 promised")
    for change in ({"script": "/old/server.js"}, {"mode": "fork"}, {"words": "b2"}):
        other = kept(saved=(saved(), saved(start=START.model_copy(update=change))))
        fails(check, app(SavedCase, other, saved=True), "another script, mode or words")
    passes(check, app(SavedCase, kept(instance(name="other")), saved=True))  # that it does not run is told elsewhere
    is_not_observed(check, app(SavedCase, kept(saved=HIDDEN), saved=True), "not permitted")
    is_not_observed(check, app(SavedCase, DEAD, saved=True), "Connection refused")


def test_boot(suite: ModuleType) -> None:
    check = suite.test_pm2_is_resurrected_at_boot
    passes(check, case(Pm2Case, kept(), **BOOT))
    passes(check, case(Pm2Case, DEAD, **BOOT))
    passes(check, case(Pm2Case, kept(units=(Unit(name="pm2.service", user="deploy", resurrects=True),)), **BOOT))
    roots: dict[str, Any] = {"pm2": {"user": "root", "resurrects": True}}
    passes(check, case(Pm2Case, kept(units=(Unit(name="pm2.service", resurrects=True),)), **roots))
    fails(check, case(Pm2Case, kept(units=()), **BOOT), f"no enabled unit starts PM2 of {HOME} at boot")
    other = UNIT.model_copy(update={"name": "pm2-root.service", "home": "/root/.pm2", "user": "root"})
    fails(check, case(Pm2Case, kept(units=(other,)), **BOOT), "pm2-root.service is of another")
    empty = UNIT.model_copy(update={"resurrects": False})
    fails(check, case(Pm2Case, kept(units=(empty,)), **BOOT), "does not run `pm2 resurrect`")
    root = UNIT.model_copy(update={"user": ""})
    fails(check, case(Pm2Case, kept(units=(root,)), **BOOT), "starts PM2 as root, deploy promised")
    is_not_observed(check, case(Pm2Case, kept(units=HIDDEN), **BOOT), "not permitted")


def test_user(suite: ModuleType) -> None:
    check = suite.test_the_applications_run_as_their_user
    passes(check, app(Pm2Case, kept()))
    passes(check, app(Pm2Case, kept(instance(), instance(name="other", user="root"))))
    fails(check, app(Pm2Case, kept(instance(), instance(user="root"))), "admin runs as root, deploy promised")
    every = case(Pm2Case, kept(instance(name="other", user="root")), pm2={"user": "deploy"})
    fails(check, every, "other runs as root")
    is_not_observed(check, app(Pm2Case, kept(instance(status="stopped", user=None))), "none is running")
    is_not_observed(check, app(Pm2Case, kept(instance(user=HIDDEN))), "not permitted")
    is_not_observed(check, app(Pm2Case, DEAD), "Connection refused")
