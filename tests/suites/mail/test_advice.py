from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.mail import MailCase
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.mail.builders import POLICY, case, domain, key, policy, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.mail import MailObservation

MX: dict[str, Any] = {"mx": ["mx1.shop.test", "in.mailer.test"]}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("mail/test_advice.py")


def undecided(seen: MailObservation) -> MailCase:
    """A domain that promises its exchangers and nothing else."""
    return case(MailCase, seen, **MX)


def test_best_practice_needs_no_advice(suite: ModuleType) -> None:
    passes(suite.test_mail_follows_best_practice, undecided(domain()))
    passes(suite.test_mail_follows_best_practice, case(MailCase, domain()))


def test_what_is_not_there_is_advised(suite: ModuleType) -> None:
    bare = domain({f"{name}shop.test TXT": () for name in ("", "_dmarc.", "_mta-sts.", "_smtp._tls.")}, policies=())
    told = ("no SPF record", "no DMARC record", "no MTA-STS")
    fails(suite.test_mail_follows_best_practice, undecided(bare), *told)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (told("", "v=spf1 ip4:198.51.100.1"), "SPF ends with ?all"),
        (told("", "v=spf1 ip4:198.51.100.300 -all"), "SPF: shop.test"),
        (told("", "v=spf1 ip4:198.0.0.0/6 -all"), "SPF lets 196.0.0.0/6 pass"),
        (told("_dmarc", "v=DMARC1; p=none; rua=mailto:a@shop.test"), "p=none"),
        (told("_dmarc", "v=DMARC1; p=reject; rua=mailto:a@shop.test; t=y"), "t=y"),
        (told("_dmarc", "v=DMARC1; p=reject; pct=50; rua=mailto:a@shop.test"), "pct=50 no longer counts"),
        (told("_dmarc", "v=DMARC1; p=reject"), "no rua"),
        (domain({"_smtp._tls.shop.test TXT": ()}), "without TLS-RPT"),
        (domain(policies=(policy(POLICY.replace("2419200", "86400")),)), "max_age is 86400 s"),
    ],
)
def test_each_deviation_is_told(suite: ModuleType, seen: MailObservation, why: str) -> None:
    fails(suite.test_mail_follows_best_practice, undecided(seen), why)


def test_what_the_target_decided_is_left_out(suite: ModuleType) -> None:
    passes(
        suite.test_mail_follows_best_practice,
        case(MailCase, told("_dmarc", "v=DMARC1; p=none"), **MX, dmarc={"policy": "reject", "reports": True}),
    )
    passes(suite.test_mail_follows_best_practice, case(MailCase, told("", "v=spf1 ?all"), **MX, spf={"ends": "-all"}))


def test_a_promise_that_today_is_not_enough_is_told(suite: ModuleType) -> None:
    seen = told("_dmarc", "v=DMARC1; p=none; rua=mailto:a@shop.test")
    fails(
        suite.test_mail_follows_best_practice,
        case(MailCase, seen, **MX, dmarc={"policy": "none"}),
        "p=none asks for nothing",
    )
    short = case(MailCase, told("s1._domainkey", key(1024)), **MX, dkim={"selectors": ["s1"]})
    fails(suite.test_mail_follows_best_practice, short, "DKIM key s1 has 1024 bits, 2048 are advised")


def test_a_failing_resolver_gives_no_advice(suite: ModuleType) -> None:
    is_not_observed(
        suite.test_mail_follows_best_practice, undecided(domain({"_dmarc.shop.test TXT": None})), "SERVFAIL"
    )
