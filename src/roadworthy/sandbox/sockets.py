"""WebSocket in the sandbox: what a page's endpoint does, and the conversation that it has on a visitor's connection.

`websockets` knows the protocol; here are only the bytes, as the visit's own server holds the connection.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from socket import socket

_LOG = logging.getLogger("roadworthy.sandbox.sockets")


@dataclass(frozen=True)
class Endpoint:
    """What a WebSocket endpoint does."""

    origins: tuple[str, ...] = ()
    """Whose pages may connect; every one where none is named."""
    subprotocols: tuple[str, ...] = ()
    greets: str | None = None
    answers: str | None = None
    """To each message; None: the message itself."""
    opens: bool = True
    accepts_wrongly: bool = False
    pongs: bool = True
    replies: bool = True
    closes: bool = True


def converse(endpoint: Endpoint, connection: socket, path: str, headers: Iterable[tuple[str, str]]) -> None:
    """A conversation over a connection whose request was read; returns when it is over."""
    protocol = ServerProtocol(
        origins=[Origin(origin) for origin in endpoint.origins] or None,
        subprotocols=[Subprotocol(name) for name in endpoint.subprotocols] or None,
        select_subprotocol=None if endpoint.subprotocols else lambda _protocol, _offered: None,
        logger=_LOG,
    )
    request = Request(path, Headers(headers))
    protocol.receive_data(request.serialize())  # it wants to have read it itself
    protocol.events_received()
    response = protocol.accept(request) if endpoint.opens else protocol.reject(503, "busy\n")
    if endpoint.accepts_wrongly and "Sec-WebSocket-Accept" in response.headers:
        del response.headers["Sec-WebSocket-Accept"]
        response.headers["Sec-WebSocket-Accept"] = "c29tZWJvZHkgZWxzZSdzIGtleQ=="
    protocol.send_response(response)
    if protocol.state is State.OPEN and endpoint.greets is not None:
        protocol.send_text(endpoint.greets.encode())
    while True:
        for data in protocol.data_to_send():
            if data:
                connection.sendall(_without(data, endpoint))
        if protocol.state is not State.OPEN:
            return
        received = connection.recv(65536)
        if not received:
            return
        protocol.receive_data(received)
        for event in protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT and endpoint.replies:
                protocol.send_text(bytes(event.data) if endpoint.answers is None else endpoint.answers.encode())


def _without(data: bytes, endpoint: Endpoint) -> bytes:
    """A frame to send, unless the endpoint keeps frames of its kind back."""
    kept_back = (data[0] & 0x0F == Opcode.PONG and not endpoint.pongs) or (
        data[0] & 0x0F == Opcode.CLOSE and not endpoint.closes
    )
    return b"" if kept_back and not data.startswith(b"HTTP/") else data
