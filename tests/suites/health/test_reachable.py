from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.health import NameCase, PortCase
from roadworthy.facts.name import NameObservation, NameState
from roadworthy.facts.tcp import TcpObservation, TcpState
from tests.suites.healthy import NOW, case_of, fails, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("health/test_reachable.py")


def name(state: NameState, *endpoints: str) -> NameCase:
    seen = NameObservation(observed_at=NOW, state=state, endpoints=endpoints, source="DNS")
    return case_of(NameCase, seen, target())


def port(state: TcpState) -> PortCase:
    return case_of(PortCase, TcpObservation(observed_at=NOW, state=state, connect_s=0.01), target())


def test_a_name_with_one_address_resolves(suite: ModuleType) -> None:
    passes(suite.test_the_name_leads_to_an_address, name(NameState.RESOLVED, "192.0.2.7:443"))


@pytest.mark.parametrize("state", [NameState.NXDOMAIN, NameState.NODATA])
def test_a_name_without_an_address_does_not(suite: ModuleType, state: NameState) -> None:
    fails(suite.test_the_name_leads_to_an_address, name(state), "api.shop.example", state.value)


def test_a_resolved_name_that_leads_nowhere_is_no_pass(suite: ModuleType) -> None:
    fails(suite.test_the_name_leads_to_an_address, name(NameState.RESOLVED), "no address")


@pytest.mark.parametrize("url", ["http://192.0.2.7:8001", "http://[2001:db8::7]:8001"])
def test_an_address_is_not_looked_up(url: str) -> None:
    literal = target(url)
    assert not list(NameCase.looks(literal, literal.components["api"]))


def test_an_open_port_is_reached(suite: ModuleType) -> None:
    passes(suite.test_the_port_accepts_connections, port(TcpState.OPEN))


@pytest.mark.parametrize("state", [TcpState.REFUSED, TcpState.SILENT])
def test_a_closed_port_is_not(suite: ModuleType, state: TcpState) -> None:
    fails(suite.test_the_port_accepts_connections, port(state), state.value)
