"""WebSocket: one connection to one address, kept for a few messages.

`websockets` knows the protocol (RFC 6455) and does no input or output; the connection below is the one that HTTP
exchanges use. All of a conversation has the time of one attempt: ping and message are sent together, and a share of the
time is kept for the closing handshake, so that a peer that never answers one of them is seen to do just that.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI

from roadworthy.facts.http import HttpVersion, SilenceKind
from roadworthy.facts.websocket import WebsocketObservation
from roadworthy.probes.http import Place, detail_of, silence_of
from roadworthy.probes.wire import Wire, tls_contexts

if TYPE_CHECKING:
    from roadworthy.facts.websocket import WebsocketAsk
    from roadworthy.probes.bench import Address, Bench

MOST_BYTES = 1024 * 1024
"""Of one conversation; who sends more is not listened to any longer."""
MOST_MESSAGES = 32
MESSAGE_KEPT = 2048
"""Characters of a message that are kept."""

_PING = b"roadworthy"
_CLOSING = 0.25
"""Of an attempt's time, for the closing handshake."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")
_LOG = logging.getLogger("roadworthy.probes.websocket")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False


async def observe(ask: WebsocketAsk, address: Address, bench: Bench) -> WebsocketObservation:
    """Connects, says what the ask has to say, and closes.

    Raises:
        NotObserved: there is no route from here.
    """
    talk = _Talk(ask, bench)
    until = asyncio.get_running_loop().time() + bench.patience_s
    try:
        async with asyncio.timeout_at(until - bench.patience_s * _CLOSING):
            await talk.open(address)
            await talk.converse()
    except Exception as error:
        if not talk.tells(error):
            raise
    try:
        async with asyncio.timeout_at(until):
            await talk.close()
    except Exception as error:
        if not talk.tells(error):
            raise
    finally:
        await talk.wire.aclose()
    return talk.observation()


class _Talk:
    """One connection, and what was seen of it."""

    def __init__(self, ask: WebsocketAsk, bench: Bench) -> None:
        self._ask = ask
        self._bench = bench
        self._place = Place.of(re.sub(r"^ws(?=s?:)", "http", ask.url))
        path, _, query = self._place.target.partition("?")
        uri = WebSocketURI(self._place.scheme == "https", self._place.host, self._place.port, path, query)
        self._protocol = ClientProtocol(
            uri,
            origin=Origin(ask.origin) if ask.origin else None,
            subprotocols=[Subprotocol(ask.subprotocol)] if ask.subprotocol else None,
            max_size=MOST_BYTES,
            logger=_LOG,
        )
        self.wire = Wire()
        self._began = datetime.now(UTC)
        self._first = b""
        self._ending = False
        self._part = bytearray()
        self._is_text = False
        self._pinged_s = 0.0
        self.seen: dict[str, Any] = {}
        self._messages: list[str] = []

    @property
    def _answered(self) -> bool:
        """The handshake was completed."""
        return self._protocol.state is not State.CONNECTING

    async def open(self, address: Address) -> None:
        """The handshake, up to the answer to it."""
        await self.wire.connect(address)
        if self._place.scheme == "https":
            await self.wire.secure((await self._bench.shared(tls_contexts))[HttpVersion.HTTP_1_1], self._place.host)
        request = self._protocol.connect()
        del request.headers["Host"]
        request.headers["Host"] = self._place.authority
        request.headers["User-Agent"] = self._bench.user_agent
        self._protocol.send_request(request)
        await self._flush()
        while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
            await self._hear()

    async def converse(self) -> None:
        """Ping and message, and what comes back."""
        self.wire.doing = "after the handshake"
        if self._protocol.state is State.OPEN:
            if self._ask.pings:
                self._protocol.send_ping(_PING)
                self._pinged_s = self.wire.elapsed_s
            if self._ask.sends is not None:
                self._protocol.send_text(self._ask.sends.encode())
            await self._flush()
        while self._protocol.state is State.OPEN and self._awaits_more():
            await self._hear()
        if self._protocol.parser_exc is not None:
            raise _Ended(f"broke the protocol: {self._protocol.parser_exc}"[:300])

    async def close(self) -> None:
        """The closing handshake, unless the peer began it."""
        self._ending = True
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            await self._flush()
        elif self._protocol.close_rcvd is not None:
            self.seen["closed_first"] = True
        if not self._ask.closes or self._protocol.close_sent is None:
            return
        while self._protocol.close_rcvd is None and self._protocol.parser_exc is None:
            await self._hear()

    def _awaits_more(self) -> bool:
        if self._ask.pings and "ponged_s" not in self.seen:
            return True
        if self._ask.awaits is None:
            return self._ask.sends is not None and not self._messages
        return not any(self._ask.awaits in message for message in self._messages)

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                await self.wire.write(data)

    async def _hear(self) -> None:
        data = await self.wire.read(65536)
        if len(self._first) < 4096:  # noqa: PLR2004 - enough to tell a status line and a few headers
            self._first += data[:4096]
        if self.wire.received > MOST_BYTES + 65536 or len(self._messages) >= MOST_MESSAGES:
            raise _Ended(f"more than was asked for: {self.wire.received} bytes, {len(self._messages)} messages")
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
            elif isinstance(event, Response):
                self.seen |= {"status": event.status_code, "server": event.headers.get("Server")}
                self.seen["told"] = " ".join(bytes(event.body).decode("utf-8", "replace")[:100].split())
        await self._flush()
        if not data and self._answered and self._protocol.close_rcvd is None:
            raise _Ended("closed without a close frame")

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and bytes(frame.data) == _PING:
            self.seen.setdefault("ponged_s", round(self.wire.elapsed_s - self._pinged_s, 6))
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.opcode is not Opcode.CONT:
            self._part.clear()
            self._is_text = frame.opcode is Opcode.TEXT
        self._part += frame.data
        if frame.fin:
            self._messages.append(self._text() if self._is_text else f"[{len(self._part)} bytes, binary]")

    def _text(self) -> str:
        try:
            return self._part.decode()[:MESSAGE_KEPT]
        except UnicodeDecodeError as error:
            raise _Ended(f"broke the protocol: a text message that is no UTF-8: {error}"[:300]) from error

    def tells(self, error: Exception) -> bool:
        """Keeps what an error says of the peer; False where it says nothing of it."""
        if isinstance(error, _Ended):
            if not self._answered:
                self.seen |= {"silence": SilenceKind.GARBLED, "detail": str(error)}
            elif not self._ending:
                self.seen["broke"] = str(error)
            return True
        kind = silence_of(error, self.wire)
        if kind is None:
            return False
        if not self._answered:
            told = _STATUS.match(self._first)
            if told is None:
                self.seen |= {"silence": kind, "detail": detail_of(error, self.wire)}
            else:
                self.seen["status"] = int(told[1])
        elif kind is not SilenceKind.TIMED_OUT and not self._ending:
            self.seen["broke"] = f"{kind.value} ({error})" if str(error) else kind.value
        return True

    def observation(self) -> WebsocketObservation:
        """All that was seen."""
        failed, close = self._protocol.handshake_exc, self._protocol.close_rcvd
        if failed is not None and not isinstance(failed, InvalidStatus):
            cause = failed.__cause__ or failed
            told = _STATUS.match(self._first)
            if told and int(told[1]) != 101:  # noqa: PLR2004 - RFC 9110 section 15.2.2
                self.seen["status"] = int(told[1])  # an old HTTP, or a body that never ends: the status is clear
            elif told:
                self.seen |= {"status": 101, "refused": f"101, and then no handshake: {cause}"[:300]}
            elif self._first:
                self.seen |= {"silence": SilenceKind.GARBLED, "detail": f"it began with {self._first[:24]!r}"}
            else:
                self.seen |= {"silence": SilenceKind.CLOSED, "detail": self.wire.doing}
        if close is not None:
            self.seen |= {"closed": close.code, "reason": close.reason[:100]}
        return WebsocketObservation(
            observed_at=self._began,
            subprotocol=self._protocol.subprotocol,
            messages=tuple(self._messages),
            elapsed_s=self.wire.elapsed_s,
            **self.seen,
        )


class _Ended(Exception):  # noqa: N818 - a state of the peer
    """The conversation is over before it was to end."""
