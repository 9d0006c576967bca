"""The sandbox's WebSocket endpoints, met by the probe."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.websocket import WebsocketAsk, WebsocketObservation
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.websocket import observe
from roadworthy.sandbox.deployment import Page, Service
from roadworthy.sandbox.serving import _Site
from roadworthy.sandbox.sockets import Endpoint
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable

    Meet = Callable[..., WebsocketObservation]


@pytest.fixture
def meet() -> Meet:
    """Serves an endpoint and connects once."""

    def meets(endpoint: Endpoint, **fields: Any) -> WebsocketObservation:
        page = Page("/ws", "a WebSocket client is needed\n", "text/plain", 426, socket=endpoint)
        with _Site(Service("chat", ("chat",), ("127.0.0.1", 0), (page,))) as site:
            serving = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
            serving.start()
            try:
                return asyncio.run(_look(str(site.server_address[0]), int(site.server_address[1]), fields))
            finally:
                site.shutdown()
                serving.join()

    return meets


async def _look(ip: str, port: int, fields: dict[str, Any]) -> WebsocketObservation:
    bench = Bench(network=Network(), user_agent="roadworthy-tests", patience_s=1.0)
    async with bench.exits:
        ask = WebsocketAsk.of(f"http://chat.test:{port}/ws").model_copy(update=fields)
        return await observe(ask, Address(ip, port), bench)


def test_a_healthy_endpoint_does_all(meet: Meet) -> None:
    endpoint = Endpoint(origins=("https://www.test",), subprotocols=("chat.v1",))
    seen = meet(endpoint, origin="https://www.test", subprotocol="chat.v1", sends="hello", awaits="hello")
    assert (seen.opened, seen.messages, seen.subprotocol, seen.closed) == (True, ("hello",), "chat.v1", 1000)
    assert seen.ponged_s is not None
    assert meet(endpoint, origin="https://other.test", subprotocol="chat.v1").status == 403


def test_it_greets_and_answers_as_it_is_told_to(meet: Meet) -> None:
    assert meet(Endpoint(greets="0{}"), awaits="0{}").messages == ("0{}",)
    assert meet(Endpoint(answers="pong"), sends="ping", awaits="pong").messages == ("pong",)


def test_each_fault_is_seen(meet: Meet) -> None:
    assert meet(Endpoint(opens=False)).status == 503
    assert "Sec-WebSocket-Accept" in (meet(Endpoint(accepts_wrongly=True)).refused or "")
    mute = meet(Endpoint(pongs=False, replies=False), sends="hello", awaits="hello")
    assert (mute.opened, mute.ponged_s, mute.messages, mute.closed) == (True, None, (), 1000)
    assert meet(Endpoint(closes=False)).closed is None
