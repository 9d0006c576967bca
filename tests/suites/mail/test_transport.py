from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.mail import MailCase
from roadworthy.facts.mail import NoPolicyAnswer
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.mail.builders import POLICY, case, domain, policy, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("mail/test_transport.py")


def served(text: str = POLICY, **changes: Any) -> MailCase:
    return case(MailCase, domain(policies=(policy(text, **changes),)))


def test_the_promised_mode_passes(suite: ModuleType) -> None:
    check = suite.test_senders_must_use_tls
    passes(check, served())
    passes(check, served(POLICY.replace("\r\n", "\n")))
    passes(check, case(MailCase, domain(), mx=["mx1.shop.test"], mta_sts="testing"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (POLICY.replace("enforce", "testing"), "mode is testing, enforce promised"),
        (POLICY.replace("enforce", "on"), "no mode"),
        (POLICY.replace("STSv1", "STSv2"), "version"),
        (POLICY.replace("*.mailer.test", "*.former.test"), "leaves out in.mailer.test"),
        (POLICY.replace("*.mailer.test", "*.test"), "leaves out in.mailer.test"),
        (POLICY.replace("2419200", "31557601"), "max_age"),
        ("<html>not found</html>", "no `name: value`"),
        ("", "version"),
    ],
)
def test_a_policy_that_does_not_hold_fails(suite: ModuleType, text: str, why: str) -> None:
    fails(suite.test_senders_must_use_tls, served(text), why)


def test_a_host_that_senders_do_not_accept_fails(suite: ModuleType) -> None:
    check = suite.test_senders_must_use_tls
    fails(check, served(status=301), "answered 301, not 200")
    fails(check, served(distrust="self-signed certificate"), "do not trust", "self-signed")
    silent = domain(policies=(NoPolicyAnswer(detail="mta-sts.shop.test: NXDOMAIN"),))
    fails(check, case(MailCase, silent), "no policy: mta-sts.shop.test: NXDOMAIN")


def test_an_address_that_can_not_be_reached_from_here_is_not_observed(suite: ModuleType) -> None:
    check = suite.test_senders_must_use_tls
    away = NoPolicyAnswer(address="[2001:db8::1]:443", detail="no route", unseen=True)
    is_not_observed(check, case(MailCase, domain(policies=(policy(), away))), "[2001:db8::1]:443: no route")
    bad = policy(POLICY.replace("enforce", "none"))
    fails(check, case(MailCase, domain(policies=(bad, away))), "mode is none")


def test_one_address_with_another_policy_is_named(suite: ModuleType) -> None:
    other = policy(POLICY.replace("enforce", "none"), address="192.0.2.81:443")
    seen = domain(policies=(policy(), other))
    fails(suite.test_senders_must_use_tls, case(MailCase, seen), "mode is none", "(at 192.0.2.81:443)")


def test_the_record_must_be_one_and_have_an_id(suite: ModuleType) -> None:
    check = suite.test_senders_must_use_tls
    fails(check, case(MailCase, told("_mta-sts", "v=STSv1;")), "no id")
    fails(check, case(MailCase, domain({"_mta-sts.shop.test TXT": ()})), "no STSv1 record")
    twice = domain({"_mta-sts.shop.test TXT": ("v=STSv1; id=1", "v=STSv1; id=2")})
    fails(check, case(MailCase, twice), "2 STSv1 records")
    is_not_observed(check, case(MailCase, domain({"_mta-sts.shop.test TXT": None})), "SERVFAIL")


def test_reports_on_tls(suite: ModuleType) -> None:
    check = suite.test_failed_tls_is_reported
    passes(check, case(MailCase, domain()))
    passes(check, case(MailCase, told("_smtp._tls", "v=TLSRPTv1;rua=mailto:a@b.test,https://b.test/tls")))
    fails(check, case(MailCase, told("_smtp._tls", "v=TLSRPTv1; rua=ftp://b.test")), "is no mailto: or https: address")
    fails(check, case(MailCase, domain({"_smtp._tls.shop.test TXT": ()})), "no TLSRPTv1 record")
    is_not_observed(check, case(MailCase, domain({"_smtp._tls.shop.test TXT": None})), "SERVFAIL")
