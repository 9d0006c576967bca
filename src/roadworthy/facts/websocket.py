"""WebSocket: one handshake, and what was said after it (RFC 6455)."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from roadworthy.facts.base import Ask, NotObserved, Observation, Reason
from roadworthy.facts.http import TRANSIENT_STATUSES, SilenceKind


class WebsocketAsk(Ask):
    """One connection. As with HTTP, TLS is spoken but not verified."""

    kind: Literal["websocket"] = "websocket"
    url: str = Field(description="http(s)://, as the component's own; ws(s):// says the same.")
    origin: str | None = Field(None, description="The page that connects, as a browser would name it.")
    subprotocol: str | None = None
    pings: bool = True
    sends: str | None = None
    awaits: str | None = Field(None, description="Listening ends when a text message holds this.")
    closes: bool = Field(True, description="Waits for the answer to its close frame.")

    @classmethod
    def of(
        cls,
        url: str,
        *,
        origin: str | None = None,
        subprotocol: str | None = None,
        pings: bool = True,
        sends: str | None = None,
        awaits: str | None = None,
    ) -> WebsocketAsk:
        """An ask whose host and port are those of its URL."""
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80, "wss": 443, "ws": 80}[parts.scheme]
        return cls(
            host=parts.hostname or "",
            port=port,
            url=url,
            origin=origin,
            subprotocol=subprotocol,
            pings=pings,
            sends=sends,
            awaits=awaits,
        )

    def may_repeat(self, seen: Observation) -> bool:
        """A message that was sent may have been heard."""
        return self.sends is None or not (isinstance(seen, WebsocketObservation) and seen.opened)


class WebsocketObservation(Observation):
    """What came of it. `None` stands for what was not tried, or not got to."""

    kind: Literal["websocket"] = "websocket"
    status: int | None = Field(None, description="Of the answer to the handshake.")
    server: str | None = None
    told: str = Field("", description="The start of the body of an answer that opened nothing.")
    silence: SilenceKind | None = Field(None, description="In which way there was no answer to the handshake.")
    refused: str | None = Field(None, description="What keeps a 101 from opening a connection.")
    detail: str = ""
    subprotocol: str | None = None
    ponged_s: float | None = Field(None, description="Seconds until the pong that belongs to the ping.")
    messages: tuple[str, ...] = Field((), description="Text messages, each cut; binary ones as their size.")
    broke: str | None = Field(None, description="In which way the connection ended before it was to end.")
    closed: int | None = Field(None, description="The code of the peer's close frame.")
    closed_first: bool = Field(False, description="The peer closed by itself.")
    reason: str = ""
    elapsed_s: float

    @property
    def opened(self) -> bool:
        """Whether the handshake was completed."""
        return self.silence is None and self.refused is None and self.status == 101  # noqa: PLR2004 - RFC 9110

    @property
    def open_connection(self) -> WebsocketObservation:
        """Itself, for checks that can't say anything without a connection.

        Raises:
            NotObserved: the handshake was not completed.
        """
        if not self.opened:
            raise NotObserved(Reason.NO_ANSWER, str(self))
        return self

    def __str__(self) -> str:
        if self.silence is not None:
            return f"{self.silence.value} ({self.detail})" if self.detail else self.silence.value
        if self.refused is not None:
            return self.refused
        if not self.opened:
            by = f" from {self.server}" if self.server else ""
            return f"answered {self.status}{by}" + (f": {self.told}" if self.told else "")
        return f"opened{f', then {self.broke}' if self.broke else ''}"

    @property
    def transient(self) -> bool:
        """Silence, the answer of a service that is starting, or a connection that broke."""
        return self.silence is not None or self.status in TRANSIENT_STATUSES or self.broke is not None
