from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.cron import RenewalCase, RenewalTimeCase, TrialCase
from roadworthy.facts.base import Lane
from roadworthy.facts.renewal import Lineage, Trial
from roadworthy.facts.store import Unseen
from tests.suites.cron.builders import CALL, DENIED, NO_TIMERS, case, line, renewed, renewing, tab, timer
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

BY_TIMER = {**NO_TIMERS, "certbot.timer": timer(calendars=("*-*-* 00,12:00:00",))}
NO_SYSTEMD = Unseen(unseen="not supported", detail="no systemctl")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("cron/test_renewal.py")


def of(kind: type[Any], seen: Any, **promised: Any) -> Any:
    return case(kind, seen, renewal=promised)


def test_that_somebody_renews(suite: ModuleType) -> None:
    check = suite.test_renewal_is_called_by_the_clock

    def scheduled(**changes: Any) -> Any:
        return of(RenewalCase, renewing(**changes), scheduled=True)

    passes(check, scheduled())
    passes(check, scheduled(timers=NO_SYSTEMD))
    passes(check, scheduled(tabs=(), timers=BY_TIMER))
    fails(check, scheduled(tabs=()), "nothing calls certbot renew")
    fails(check, scheduled(tabs=(), timers=NO_SYSTEMD), "nothing calls certbot renew")
    fails(check, scheduled(daemons=()), "/etc/crontab:3: no cron daemon runs")
    off = {**NO_TIMERS, "certbot.timer": timer(active="inactive", enabled="masked")}
    fails(check, scheduled(tabs=(), timers=off), "certbot.timer is inactive (masked)")
    commented = tab(line("0 0 * * *", holds=CALL, commented=True), path="/etc/crontab", user="", mode=0o644)
    fails(check, scheduled(tabs=(commented,)), "/etc/crontab:3 is a comment")
    is_not_observed(check, scheduled(tabs=(), others=DENIED), "Permission denied")
    is_not_observed(check, scheduled(tabs=(), timers=DENIED), "Permission denied")
    is_not_observed(check, scheduled(daemons=DENIED), "Permission denied")
    passes(check, scheduled(daemons=DENIED, timers=BY_TIMER))


def test_that_debians_own_line_leaves_it_to_the_timer(suite: ModuleType) -> None:
    check = suite.test_renewal_is_called_by_the_clock
    own = line("0 */12 * * *", user="root", holds=CALL, without_systemd=True)
    tabs = (tab(own, path="/etc/cron.d/certbot", user="", mode=0o644),)
    passes(check, of(RenewalCase, renewing(tabs=tabs), scheduled=True))
    fails(check, of(RenewalCase, renewing(tabs=tabs, systemd=True), scheduled=True), "does nothing where systemd runs")


def test_when_it_is_renewed(suite: ModuleType) -> None:
    check = suite.test_renewal_is_called_when_it_is_promised
    passes(check, of(RenewalTimeCase, renewing(), scheduled="@daily"))
    passes(check, of(RenewalTimeCase, renewing(tabs=(), timers=BY_TIMER), scheduled="0 */12 * * *"))
    fails(
        check, of(RenewalTimeCase, renewing(), scheduled="0 1 * * *"), "/etc/crontab:3 (0 0 * * *); 0 1 * * * promised"
    )
    is_not_observed(check, of(RenewalTimeCase, renewing(tabs=()), scheduled="@daily"), "nothing calls")
    is_not_observed(check, of(RenewalTimeCase, renewing(others=DENIED), scheduled="0 1 * * *"), "Permission denied")


def test_which_names_are_renewed(suite: ModuleType) -> None:
    check = suite.test_every_name_is_renewed
    passes(check, of(RenewalCase, renewing(), names=["shop.example", "api.shop.example", "*.shop.example"]))
    fails(check, of(RenewalCase, renewing(), names=["shop.test"]), "shop.test is in none of shop.example")
    fails(check, of(RenewalCase, renewing(), names=["a.b.shop.example"]), "a.b.shop.example is in none")
    fails(check, of(RenewalCase, renewing(lineages=()), names=["shop.example"]), "in none of no certificates")
    by_hand = (Lineage(name="shop.example", names=("shop.example",), automatic=False),)
    fails(check, of(RenewalCase, renewing(lineages=by_hand), names=["shop.example"]), "autorenew is off")
    dark = (Lineage(name="shop.example", names=DENIED),)
    is_not_observed(check, of(RenewalCase, renewing(lineages=dark), names=["shop.example"]), "Permission denied")
    is_not_observed(check, of(RenewalCase, renewing(lineages=DENIED), names=["shop.example"]), "Permission denied")


def test_how_long_ago_it_ran(suite: ModuleType) -> None:
    check = suite.test_renewal_ran_lately
    passes(check, of(RenewalCase, renewing(last=renewed(86400)), ran_within="1d"))
    fails(check, of(RenewalCase, renewing(last=renewed(86401)), ran_within="1d"), "1d1s ago", "1d promised")
    fails(check, of(RenewalCase, renewing(last=None), ran_within="1d"), "tell of no renewal")
    is_not_observed(check, of(RenewalCase, renewing(last=DENIED), ran_within="1d"), "Permission denied")


def test_how_it_went(suite: ModuleType) -> None:
    check = suite.test_the_last_renewal_went_well
    passes(check, of(RenewalCase, renewing(), sound=True))
    failed = renewed(60, "Failed to renew certificate shop.example")
    fails(check, of(RenewalCase, renewing(last=failed), sound=True), "Failed to renew certificate shop.example")
    fails(check, of(RenewalCase, renewing(last=renewed(901, ended=False)), sound=True), "breaks off")
    is_not_observed(check, of(RenewalCase, renewing(last=renewed(899, ended=False)), sound=True), "under way")
    is_not_observed(check, of(RenewalCase, renewing(last=None), sound=True), "not looked at")


def test_a_trial(suite: ModuleType) -> None:
    check = suite.test_a_renewal_would_succeed

    def tried(trial: Any) -> Any:
        return of(TrialCase, renewing(trial=trial), dry_run={"within": "5m"})

    passes(check, tried(Trial(code=0, outcomes={"shop.example": "success"})))
    fails(
        check, tried(Trial(code=0, outcomes={}, last_words="No simulated renewals were attempted.")), "no certificate"
    )
    both = {"shop.example": "success", "api": "failure"}
    fails(check, tried(Trial(code=1, outcomes=both, last_words="1 renew failure(s)")), "api (failure) failed: 1 renew")
    fails(check, tried(Trial(code=1, outcomes={}, last_words="no plugin")), "no plugin")
    is_not_observed(check, tried(Unseen(unseen="took too long", detail="300 s")), "took too long")
    ask = tried(None).ask
    assert (ask.lane, ask.trial_s, ask.once) == (Lane.ROUGH, 300.0, True)
