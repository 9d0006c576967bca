"""WebSocket endpoints: handshake, pong, answer, subprotocol, close, strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from roadworthy.cases.websocket import StrangerCase, WebsocketCase
from roadworthy.facts.http import SilenceKind
from roadworthy.facts.websocket import WebsocketObservation
from roadworthy.target.blocks.websocket import Websocket
from tests.suites.healthy import NOW, case_of, fails, is_not_observed, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROMISED: dict[str, Any] = {
    "path": "/ws?v=1",
    "pings": True,
    "sends": "ready?",
    "expects": "ready",
    "subprotocol": "chat.v1",
    "closes": True,
    "origins": ["https://www.shop.example"],
}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("health/test_websocket.py")


def seen(**changes: Any) -> WebsocketObservation:
    well = {
        "status": 101,
        "ponged_s": 0.01,
        "messages": ("ready?",),
        "subprotocol": "chat.v1",
        "closed": 1000,
        "elapsed_s": 0.1,
    }
    return WebsocketObservation(observed_at=NOW, **(well | changes))


def refused(status: int | None = 403, **changes: Any) -> WebsocketObservation:
    return WebsocketObservation(observed_at=NOW, status=status, elapsed_s=0.1, **changes)


def socket(observation: WebsocketObservation) -> WebsocketCase:
    return case_of(WebsocketCase, observation, target(websocket=PROMISED))


def stranger(observation: WebsocketObservation) -> StrangerCase:
    return case_of(StrangerCase, observation, target(websocket=PROMISED))


def test_the_page_that_may_connect_does_and_the_stranger_tries() -> None:
    ask, other = socket(seen()).ask, stranger(seen()).ask
    assert (ask.url, ask.origin, ask.sends, ask.awaits) == (
        "https://api.shop.example/ws?v=1",
        "https://www.shop.example",
        "ready?",
        "ready",
    )
    assert (other.origin, other.sends, other.pings) == ("https://roadworthy.invalid", None, True)


def test_what_is_sent_is_answered() -> None:
    with pytest.raises(ValidationError, match="say in expects what comes back"):
        Websocket(path="/ws", sends="ready?")
    with pytest.raises(ValidationError, match="single word"):
        Websocket(path="/ws", subprotocol="chat, super")
    assert Websocket(path="/ws", expects="sid").sends is None


def test_an_open_connection_passes(suite: ModuleType) -> None:
    passes(suite.test_the_handshake_is_completed, socket(seen()))
    passes(suite.test_the_handshake_is_completed, socket(seen(ponged_s=None, messages=(), closed=None)))


@pytest.mark.parametrize(
    ("observation", "told"),
    [
        (refused(404, server="nginx", told="gone"), "answered 404 from nginx: gone"),
        (refused(426), "did not get there"),
        (refused(200), "did not get there"),
        (refused(503), "answered 503"),
        (
            refused(101, refused="101, and then no handshake: invalid Sec-WebSocket-Accept header"),
            "Sec-WebSocket-Accept",
        ),
        (refused(None, silence=SilenceKind.TIMED_OUT, detail="waiting for an answer"), "timed out"),
        (seen(broke="broke the protocol: reserved bits must be 0"), "broke the protocol"),
    ],
)
def test_no_handshake_fails(suite: ModuleType, observation: WebsocketObservation, told: str) -> None:
    fails(suite.test_the_handshake_is_completed, socket(observation), told)


def test_a_pong_is_wanted(suite: ModuleType) -> None:
    passes(suite.test_a_ping_is_answered, socket(seen()))
    fails(suite.test_a_ping_is_answered, socket(seen(ponged_s=None)), "no pong")
    fails(
        suite.test_a_ping_is_answered,
        socket(seen(ponged_s=None, broke="connection reset")),
        "no pong: connection reset",
    )


@pytest.mark.parametrize("messages", [("ready",), ("hello", "not ready yet")])
def test_a_message_that_holds_the_text_passes(suite: ModuleType, messages: tuple[str, ...]) -> None:
    passes(suite.test_a_message_is_answered_as_promised, socket(seen(messages=messages)))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"messages": ()}, "no message came"),
        ({"messages": ("hello",)}, "'ready' did not come; what came: 'hello'"),
        ({"messages": (), "broke": "closed without a close frame"}, "the connection closed without a close frame"),
        ({"messages": (), "closed_first": True, "closed": 1011, "reason": "oops"}, "closed with 1011 (oops)"),
    ],
)
def test_another_answer_fails(suite: ModuleType, changes: dict[str, Any], told: str) -> None:
    fails(suite.test_a_message_is_answered_as_promised, socket(seen(**changes)), told)


def test_the_subprotocol_is_the_promised_one(suite: ModuleType) -> None:
    passes(suite.test_the_subprotocol_is_agreed_on, socket(seen()))
    fails(
        suite.test_the_subprotocol_is_agreed_on, socket(seen(subprotocol=None)), "none was agreed on, chat.v1 promised"
    )
    fails(suite.test_the_subprotocol_is_agreed_on, socket(seen(subprotocol="chat.v2")), "chat.v2")


def test_a_close_frame_is_wanted(suite: ModuleType) -> None:
    passes(suite.test_a_close_is_answered, socket(seen()))
    passes(suite.test_a_close_is_answered, socket(seen(closed=1001, closed_first=True)))
    fails(suite.test_a_close_is_answered, socket(seen(closed=None)), "was not answered")


@pytest.mark.parametrize(
    "observation",
    [
        refused(403),
        refused(401),
        refused(400),
        seen(ponged_s=None, messages=(), closed=1008, closed_first=True),
        seen(ponged_s=None, messages=(), closed=None, broke="closed without a close frame"),
    ],
)
def test_a_stranger_that_is_sent_away_passes(suite: ModuleType, observation: WebsocketObservation) -> None:
    passes(suite.test_a_strange_page_may_not_connect, stranger(observation))


@pytest.mark.parametrize("changes", [{}, {"messages": ()}, {"ponged_s": None}, {"ponged_s": None, "messages": ()}])
def test_a_stranger_that_is_let_in_fails(suite: ModuleType, changes: dict[str, Any]) -> None:
    fails(suite.test_a_strange_page_may_not_connect, stranger(seen(**changes)), "roadworthy.invalid may connect")


def test_an_endpoint_that_is_not_there_refuses_nobody(suite: ModuleType) -> None:
    for observation in (refused(404), refused(502), refused(200), refused(None, silence=SilenceKind.REFUSED)):
        is_not_observed(suite.test_a_strange_page_may_not_connect, stranger(observation))


def test_without_a_connection_nothing_else_can_be_told(suite: ModuleType) -> None:
    for check in (
        suite.test_a_ping_is_answered,
        suite.test_a_message_is_answered_as_promised,
        suite.test_the_subprotocol_is_agreed_on,
        suite.test_a_close_is_answered,
    ):
        is_not_observed(check, socket(refused(404)), "404")
