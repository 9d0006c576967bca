from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.mail import MailCase
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.mail.builders import case, domain

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.mail import MailObservation

PARKED = {
    "shop.test MX": ("0 .",),
    "shop.test TXT": ("v=spf1 -all",),
    "_dmarc.shop.test TXT": ("v=DMARC1; p=reject",),
}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("mail/test_exchangers.py")


def mail(seen: MailObservation) -> MailCase:
    return case(MailCase, seen)


def parked(**changes: tuple[str, ...] | None) -> MailCase:
    renamed = {name.replace("__", ".").replace("_TXT", " TXT").replace("_MX", " MX"): v for name, v in changes.items()}
    return case(MailCase, domain({**PARKED, **renamed}), sends_nothing=True)


def test_the_promised_exchangers_pass_in_any_order(suite: ModuleType) -> None:
    check = suite.test_mail_is_led_to_the_promised_servers
    passes(check, mail(domain()))
    passes(check, mail(domain({"shop.test MX": ("10 IN.mailer.test.", "10 mx1.shop.test")})))


def test_another_exchanger_and_a_missing_one_fail_together(suite: ModuleType) -> None:
    check = suite.test_mail_is_led_to_the_promised_servers
    changed = domain({"shop.test MX": ("10 mx1.shop.test", "5 mx.former.test")})
    fails(check, mail(changed), "does not name in.mailer.test", "names mx.former.test")
    fails(check, mail(domain({"shop.test MX": ()})), "no MX record")
    fails(check, mail(domain({"shop.test MX": ("0 .",)})), "null MX")


def test_a_failing_resolver_is_not_no_exchanger(suite: ModuleType) -> None:
    check = suite.test_mail_is_led_to_the_promised_servers
    is_not_observed(check, mail(domain({"shop.test MX": None})), "SERVFAIL")


def test_each_exchanger_needs_an_address_of_either_kind(suite: ModuleType) -> None:
    check = suite.test_every_mail_exchanger_has_an_address
    passes(check, mail(domain()))
    fails(check, mail(domain({"in.mailer.test AAAA": ()})), "in.mailer.test has no address")
    fails(check, mail(domain(aliases={"mx1.shop.test": "host.shop.test"})), "mx1.shop.test is an alias")
    is_not_observed(check, mail(domain({"mx1.shop.test A": None})), "SERVFAIL")


def test_a_parked_domain_says_three_things(suite: ModuleType) -> None:
    check = suite.test_a_domain_without_mail_says_so
    passes(check, parked())
    fails(check, parked(shop__test_MX=()), "no MX record")
    fails(check, parked(shop__test_TXT=("v=spf1 ~all",)), "v=spf1 ~all")
    fails(check, parked(shop__test_TXT=()), "not there")
    fails(check, parked(_dmarc__shop__test_TXT=("v=DMARC1; p=quarantine",)), "p=quarantine")
    fails(check, parked(_dmarc__shop__test_TXT=("v=DMARC1; p=reject; t=y",)), "t=y")
    is_not_observed(check, parked(shop__test_TXT=None), "SERVFAIL")
