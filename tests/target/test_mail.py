"""Promises on mail as they are written: what is taken, what is refused, and why."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.cases.mail import LoginCase, MailCase, RelayCase, SmtpCase, WrongLoginCase
from roadworthy.facts.base import Lane
from roadworthy.facts.smtp import Purpose, SmtpAsk
from roadworthy.target.fields import is_public
from roadworthy.target.models import Target

LOGIN = {"username": "app", "password": "let-me-in"}


def target(component: dict[str, Any], *allows: str, connect_to: tuple[str, ...] = ()) -> Target:
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": list(allows), "connect_to": list(connect_to)},
            "components": {"part": component},
        }
    )


def domain(**mail: Any) -> Target:
    return target({"domain": "Shop.test", "mail": mail})


def server(port: int = 587, *allows: str, **smtp: Any) -> Target:
    return target({"address": f"smtp.shop.test:{port}", "smtp": smtp}, *allows)


def ask_of(kind: Any, given: Target) -> Any:
    return next(iter(kind.looks(given, given.components["part"])))[1]


def test_one_ask_knows_all_that_is_promised() -> None:
    given = domain(
        spf={"permits": ["198.51.100.7", "2001:DB8::/64", "spf.mailer.test"]}, dkim={"selectors": ["S1"]}, tls_rpt=True
    )
    ask = ask_of(MailCase, given)
    assert (ask.host, ask.selectors, ask.senders) == ("shop.test", ("s1",), ("198.51.100.7", "2001:db8::"))
    assert not ask.policy_file
    assert ask_of(MailCase, domain(mta_sts="testing")).policy_file


def test_a_domain_is_asked_for_as_dns_has_it() -> None:
    given = target({"domain": "Bücher.example", "mail": {"tls_rpt": True}})
    assert ask_of(MailCase, given).host == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        ({}, "promises nothing"),
        ({"spf": {}}, "promises nothing"),
        ({"mx": []}, "at least 1 item"),
        ({"mx": ["10 mx.shop.test"]}, "a mail server is named as"),
        ({"spf": {"permits": ["198.51.100.7/24"]}}, "who may send"),
        ({"spf": {"ends": "+all"}}, "'-all' or '~all'"),
        ({"dkim": {"selectors": ["s1._domainkey.shop.test."]}}, "a selector is what stands before"),
        ({"dkim": {"selectors": ["s1"], "min_bits": 512}}, "greater than or equal to 1024"),
        ({"dmarc": {"alignment": {}}}, "give spf, dkim or both"),
        ({"dmarc": {"policy": "deny"}}, "'none', 'quarantine' or 'reject'"),
        ({"sends_nothing": True, "mx": ["mx.shop.test"]}, "sends_nothing says it all; mx"),
    ],
)
def test_what_makes_no_sense_is_refused(mail: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        domain(**mail)


def test_a_wrong_password_needs_leave() -> None:
    with pytest.raises(ValidationError, match=r"smtp.refuses_wrong_password.*allows: \[logins\]"):
        server(refuses_wrong_password=True)
    given = server(587, "logins", refuses_wrong_password=True)
    ask: SmtpAsk = ask_of(WrongLoginCase, given)
    assert (ask.lane, ask.purpose, ask.password) == (Lane.ROUGH, Purpose.WRONG_LOGIN, "")


def test_each_purpose_is_a_conversation_of_its_own() -> None:
    given = server(starttls=True, login=LOGIN, refuses_relay=True)
    asks: list[SmtpAsk] = [ask_of(kind, given) for kind in (SmtpCase, LoginCase, RelayCase)]
    assert [ask.purpose for ask in asks] == [Purpose.HELLO, Purpose.LOGIN, Purpose.RELAY]
    assert [ask.password for ask in asks] == ["", "let-me-in", ""]
    assert not list(WrongLoginCase.looks(given, given.components["part"]))


def test_tls_is_there_at_once_on_its_own_port_alone() -> None:
    def at_once(given: Target) -> bool:
        implicit: bool = ask_of(SmtpCase, given).implicit_tls
        return implicit

    assert at_once(server(465, refuses_relay=True))
    assert not at_once(server(465, starttls=True))
    assert not at_once(server(587, refuses_relay=True))
    assert at_once(server(2465, implicit_tls=True, refuses_relay=True))
    with pytest.raises(ValidationError, match="nothing before it"):
        server(465, implicit_tls=True, starttls=True)


def test_a_line_end_in_a_login_is_refused() -> None:
    with pytest.raises(ValidationError, match="neither may hold a line's end"):
        server(login={"username": "app\r\nDATA", "password": "x"})


def test_the_host_of_a_policy_can_be_led_elsewhere() -> None:
    part = {"domain": "shop.test", "mail": {"mta_sts": "enforce"}}
    assert target(part, connect_to=("mta-sts.shop.test:443:127.0.0.1:10443",)).network.connect_to
    with pytest.raises(ValidationError, match="is about no component"):
        target(part, connect_to=("www.shop.test:443:127.0.0.1:10443",))


def test_what_is_looked_up_in_public_is_no_secret() -> None:
    mail = ("components", "part", "mail")
    assert is_public((*mail, "dkim", "selectors", "0"))
    assert is_public((*mail, "mx", "1"))
    assert is_public((*mail, "spf", "permits", "0"))
    assert not is_public(("components", "part", "smtp", "login", "password"))
    assert not is_public(("components", "part", "smtp", "login", "username"))
