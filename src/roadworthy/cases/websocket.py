"""Cases of the WebSocket endpoint: a page that may connect, and one that may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from roadworthy.cases.base import Case
from roadworthy.facts.websocket import WebsocketAsk, WebsocketObservation
from roadworthy.rules.cors import STRANGER
from roadworthy.target.blocks.websocket import Websocket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target


class WebsocketCase(Case[Websocket, WebsocketAsk, WebsocketObservation]):
    """One conversation, as a page that may connect has it."""

    block: ClassVar[str | None] = "websocket"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Websocket, WebsocketAsk]]:
        """One connection, whatever is promised of it."""
        del target
        if promised := component.websocket:
            yield (
                promised,
                WebsocketAsk.of(
                    component.url_of(promised.path),
                    origin=promised.origins[0] if promised.origins else None,
                    subprotocol=promised.subprotocol,
                    pings=bool(promised.pings),
                    sends=promised.sends,
                    awaits=promised.expects,
                ),
            )


class StrangerCase(Case[Websocket, WebsocketAsk, WebsocketObservation]):
    """A page of another origin, which is refused. It pings, as some servers close a connection only then."""

    block: ClassVar[str | None] = "websocket"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Websocket, WebsocketAsk]]:
        """One connection."""
        del target
        if (promised := component.websocket) and promised.origins:
            url = component.url_of(promised.path)
            yield promised, WebsocketAsk.of(url, origin=STRANGER, subprotocol=promised.subprotocol)
