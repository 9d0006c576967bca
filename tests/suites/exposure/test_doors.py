from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.exposure import LoginCase, PortsCase
from roadworthy.facts.ports import PortsObservation, PortState
from roadworthy.target.models import Target
from tests.suites.healthy import NOW, answered, case_of, fails, is_not_observed, passes, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import HttpObservation


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("exposure/test_doors.py")


def shop(**exposure: Any) -> Target:
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": ["ports", "logins"]},
            "components": {"api": {"url": "https://api.shop.example", "exposure": exposure}},
        }
    )


def ports(own: PortState = PortState.OPEN, seen_from: str = "198.51.100.4", **states: PortState) -> PortsCase:
    seen = {int(port.strip("p")): state for port, state in states.items()}
    observation = PortsObservation(observed_at=NOW, states=seen, own=own, seen_from=seen_from)
    return case_of(PortsCase, observation, shop(closed_ports=["mysql", 9200]))


def test_closed_ports_pass(suite: ModuleType) -> None:
    check = suite.test_ports_take_no_connection
    passes(check, ports(p3306=PortState.REFUSED, p9200=PortState.SILENT))
    passes(check, ports(p3306=PortState.UNREACHABLE, p9200=PortState.SILENT))
    passes(check, ports(own=PortState.SILENT, p3306=PortState.REFUSED, p9200=PortState.SILENT))


def test_an_open_port_fails_and_says_from_where(suite: ModuleType) -> None:
    check = suite.test_ports_take_no_connection
    fails(
        check, ports(p3306=PortState.OPEN, p9200=PortState.SILENT), "3306 (mysql) takes connections from 198.51.100.4"
    )
    fails(check, ports(p3306=PortState.OPEN, p9200=PortState.OPEN), "3306 (mysql), 9200 (elasticsearch) take")
    fails(check, ports(seen_from="10.0.0.9", p3306=PortState.OPEN), "inside a private network")
    fails(check, ports(seen_from="192.0.2.7", p3306=PortState.OPEN), "from the machine itself")


def test_a_machine_without_life_tells_nothing(suite: ModuleType) -> None:
    lost = ports(own=PortState.SILENT, p3306=PortState.SILENT, p9200=PortState.UNREACHABLE)
    is_not_observed(suite.test_ports_take_no_connection, lost, "showed life")


def test_ports_are_asked_once_and_by_number() -> None:
    promised = shop(closed_ports=["mysql", 3306, "redis"])
    ((_, ask),) = PortsCase.looks(promised, promised.components["api"])
    assert ask.ports == (3306, 6379)
    assert ask.exchanges == 3


def login(seen: HttpObservation, **promised: Any) -> LoginCase:
    wanted = {"path": "/login", "json": {"email": "admin@shop.example", "password": "admin123"}, **promised}
    if "form" in promised:
        del wanted["json"]
    return case_of(LoginCase, seen, shop(refuses_logins=[wanted]))


def test_refused_credentials_pass(suite: ModuleType) -> None:
    check = suite.test_published_credentials_are_refused
    passes(check, login(answered('{"message":"Unauthorized"}', status=401)))
    passes(check, login(answered("{}", status=422), status=[422]))
    back = answered("", ("location", "/login"), status=302)
    passes(check, login(back, form={"user": "admin"}, back_to="/login"))


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (answered('{"access_token":"[redacted]"}'), "still work"),
        (answered('{"data":{"token": "abc"}}', status=201), "still work"),
        (answered("{}", ("set-cookie", "auth_session=[redacted]; HttpOnly")), "still work"),
        (answered('{"access_token":"[redacted]"}', status=302), "still work"),
        (answered('{"ok":true}'), "answered 200, promised 401 or 403"),
        (answered("", ("location", "/dashboard"), status=302), "answered 302 to /dashboard"),
        (answered("{}", status=422), "answered 422"),
    ],
)
def test_credentials_that_were_not_refused_fail(suite: ModuleType, seen: HttpObservation, told: str) -> None:
    fails(suite.test_published_credentials_are_refused, login(seen), told)


def test_a_form_that_leads_on_fails(suite: ModuleType) -> None:
    on = answered("", ("location", "https://api.shop.example/dashboard"), status=302)
    fails(suite.test_published_credentials_are_refused, login(on, form={"user": "a"}, back_to="/login"), "led on")


@pytest.mark.parametrize("status", [404, 405, 415, 419, 429, 500, 503])
def test_an_answer_that_is_no_word_on_the_credentials(suite: ModuleType, status: int) -> None:
    is_not_observed(suite.test_published_credentials_are_refused, login(answered("{}", status=status)), str(status))


def test_silence_is_no_refusal(suite: ModuleType) -> None:
    is_not_observed(suite.test_published_credentials_are_refused, login(silent()), "refused")


def test_what_is_sent_stands_in_no_report() -> None:
    case = login(answered(status=401))
    assert "admin123" not in str(case.expected)
    assert "admin123" in case.ask.content
