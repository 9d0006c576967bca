from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.mail import LoginCase, RelayCase, SmtpCase, WrongLoginCase
from roadworthy.facts.smtp import Broke, Secured, SmtpEnd
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.mail.builders import reply, spoken, talk

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

NOTHING: dict[str, Any] = {"greeting": None, "offers": None, "starttls": None, "secured": None, "offers_secured": None}
REFUSED = spoken(**NOTHING, broke=Broke(end=SmtpEnd.REFUSED, at="connecting"))
IN_TLS = {"offers": None, "starttls": None}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("mail/test_smtp.py")


def test_a_server_that_greets_and_answers_passes(suite: ModuleType) -> None:
    check = suite.test_the_server_speaks_smtp
    passes(check, talk(SmtpCase, spoken()))
    passes(check, talk(SmtpCase, spoken(**IN_TLS), 465, implicit_tls=True, refuses_relay=True))


def test_a_server_that_does_not_speak_fails(suite: ModuleType) -> None:
    check = suite.test_the_server_speaks_smtp
    fails(check, talk(SmtpCase, REFUSED), "connection refused")
    unwilling = spoken(**NOTHING | {"greeting": reply(554, "no SMTP service here")})
    fails(check, talk(SmtpCase, unwilling), "greeted with 554 no SMTP service here")
    deaf = spoken(**NOTHING | {"greeting": reply(220)}, broke=Broke(end=SmtpEnd.SILENT, at="the answer to EHLO"))
    fails(check, talk(SmtpCase, deaf), "no answer (the answer to EHLO)")
    plain = spoken(**NOTHING, broke=Broke(end=SmtpEnd.NO_TLS, at="the TLS handshake", detail="wrong version number"))
    fails(check, talk(SmtpCase, plain, 465, refuses_relay=True), "no TLS from the first byte", "wrong version number")


def test_starttls_that_works_passes(suite: ModuleType) -> None:
    passes(suite.test_tls_comes_up_on_demand, talk(SmtpCase, spoken()))


def test_starttls_that_does_not_work_fails(suite: ModuleType) -> None:
    check = suite.test_tls_comes_up_on_demand
    gone = {"starttls": None, "secured": None, "offers_secured": None}
    fails(check, talk(SmtpCase, spoken(offers=("SIZE 1", "XSTARTTLS"), **gone)), "does not offer STARTTLS")
    put_off = gone | {"starttls": reply(454, "TLS not available")}
    fails(check, talk(SmtpCase, spoken(**put_off)), "answered with 454 TLS not available")
    broke = Broke(end=SmtpEnd.NO_TLS, at="the TLS handshake", detail="unsupported protocol")
    fails(check, talk(SmtpCase, spoken(secured=None, offers_secured=None, broke=broke)), "unsupported protocol")
    early = Secured(version="1.3", early=12)
    fails(check, talk(SmtpCase, spoken(secured=early)), "12 bytes came in plain")
    is_not_observed(check, talk(SmtpCase, REFUSED), "connection refused")


def test_a_login_before_tls_fails(suite: ModuleType) -> None:
    check = suite.test_no_login_is_asked_for_before_tls
    passes(check, talk(SmtpCase, spoken(), refuses_plain_login=True))
    fails(check, talk(SmtpCase, spoken(offers=("STARTTLS", "AUTH PLAIN LOGIN"))), "offers AUTH PLAIN LOGIN before TLS")
    fails(check, talk(SmtpCase, spoken(offers=("STARTTLS", "AUTH=LOGIN"))), "offers AUTH LOGIN before TLS")
    is_not_observed(check, talk(SmtpCase, REFUSED), "connection refused")


def test_the_promised_login(suite: ModuleType) -> None:
    check = suite.test_the_credentials_are_accepted
    passes(check, talk(LoginCase, spoken(outcome=reply(235))))
    fails(check, talk(LoginCase, spoken(outcome=reply(535))), "answered with 535")
    fails(check, talk(LoginCase, spoken(offers_secured=("SIZE 1",), withheld="none")), "offers no login at all")
    distrusted = spoken(withheld="no login was sent: the certificate does not verify (self-signed certificate)")
    is_not_observed(check, talk(LoginCase, distrusted), "no login was sent", "self-signed")
    is_not_observed(check, talk(LoginCase, REFUSED), "connection refused")


def test_a_wrong_password(suite: ModuleType) -> None:
    check = suite.test_a_wrong_password_is_refused
    passes(check, talk(WrongLoginCase, spoken(outcome=reply(535))))
    fails(check, talk(WrongLoginCase, spoken(outcome=reply(235))), "a wrong password was answered with 235")
    is_not_observed(check, talk(WrongLoginCase, spoken(outcome=reply(454))), "put off the login")
    is_not_observed(check, talk(WrongLoginCase, REFUSED), "connection refused")


def test_a_relay_for_strangers(suite: ModuleType) -> None:
    check = suite.test_strangers_are_not_served
    passes(check, talk(RelayCase, spoken(outcome=reply(530, "5.7.0 Authentication required"))))
    passes(check, talk(RelayCase, spoken(accepted_sender=True, outcome=reply(554, "5.7.1 Relay access denied"))))
    fails(check, talk(RelayCase, spoken(accepted_sender=True, outcome=reply(250, "OK"))), "without a login", "250 OK")
    is_not_observed(check, talk(RelayCase, spoken(outcome=reply(450, "greylisted"))), "450 greylisted")
    unknown = reply(556, "5.1.10 does not accept mail").model_copy(update={"enhanced": "5.1.10"})
    is_not_observed(check, talk(RelayCase, spoken(accepted_sender=True, outcome=unknown)), "for its own sake")
    listed = reply(554, "5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org")
    is_not_observed(check, talk(RelayCase, spoken(accepted_sender=True, outcome=listed)), "not for relaying: 554")
    is_not_observed(check, talk(RelayCase, spoken(outcome=reply(550, "bogus null sender"))), "not for relaying: 550")
    passes(check, talk(RelayCase, spoken(accepted_sender=True, outcome=reply(550, "no"))))
    passes(check, talk(RelayCase, spoken(outcome=reply(550, "Authentication required"))))
    is_not_observed(check, talk(RelayCase, REFUSED), "connection refused")
