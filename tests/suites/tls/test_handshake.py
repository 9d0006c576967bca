from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.tls import TlsCase, TlsScanCase
from roadworthy.facts.tls import NoHandshakeKind
from tests.suites.healthy import fails, is_not_observed, passes, target
from tests.suites.tls.builders import refused, shaken, tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("tls/test_handshake.py")


def test_a_session_is_had_whatever_its_certificate(suite: ModuleType) -> None:
    passes(suite.test_a_modern_client_gets_a_session, tls(shaken(distrust=("self-signed certificate",))))


@pytest.mark.parametrize("kind", list(NoHandshakeKind))
def test_every_way_to_have_no_session_is_told(suite: ModuleType, kind: NoHandshakeKind) -> None:
    fails(suite.test_a_modern_client_gets_a_session, tls(refused(kind)), kind.value, "192.0.2.7:443")


def test_a_resumed_session_resumes(suite: ModuleType) -> None:
    passes(suite.test_a_session_resumes, tls(shaken(resumed=True), resumes=True))


def test_a_full_second_handshake_is_no_resumption(suite: ModuleType) -> None:
    fails(suite.test_a_session_resumes, tls(shaken(resumed=False), resumes=True), "full one")


def test_a_second_handshake_that_failed_tells_nothing(suite: ModuleType) -> None:
    is_not_observed(suite.test_a_session_resumes, tls(shaken(resumed=None), resumes=True), "second handshake failed")
    is_not_observed(suite.test_a_session_resumes, tls(refused(), resumes=True), "connection refused")


def test_a_ticket_lives_as_long_as_promised(suite: ModuleType) -> None:
    check = suite.test_a_session_ticket_lives_as_long_as_promised
    passes(check, tls(shaken(ticket_lifetime_s=600), session_lifetime="10m"))
    fails(check, tls(shaken(ticket_lifetime_s=599), session_lifetime="10m"), "lives for 599 s, 600 s promised")
    is_not_observed(check, tls(shaken(ticket_lifetime_s=None), session_lifetime="10m"), "no session ticket")
    fails(check, tls(shaken(resumed=False), session_lifetime="10m"), "do not resume at all")
    is_not_observed(check, tls(refused(), session_lifetime="10m"), "connection refused")


def test_resumption_is_asked_only_where_it_is_promised() -> None:
    asks = [
        ask
        for promised in ({"resumes": True}, {"session_lifetime": "10m"}, {"min_days_left": 3})
        for component in target(tls=promised).components.values()
        for _, ask in TlsCase.looks(target(tls=promised), component)
    ]
    assert [ask.resumption for ask in asks] == [True, True, False]


def test_a_component_without_a_tls_block_is_not_asked() -> None:
    promised = target(health={"path": "/up"})
    (component,) = promised.components.values()
    assert not [*TlsCase.looks(promised, component), *TlsScanCase.looks(promised, component)]
