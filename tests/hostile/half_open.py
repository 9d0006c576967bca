"""Ports that are there and let nobody in: a full queue, a connection that only the kernel knows."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.hostile.hostile import Hostile
from tests.hostile.http_1 import silent

if TYPE_CHECKING:
    from tests.hostile.grounds import Grounds


def full(grounds: Grounds, _: Hostile) -> int:
    """Listens, accepts nobody, and has as many waiting as its queue holds: more SYNs are left unanswered."""
    listening = grounds.keep(socket.socket())
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    port = int(listening.getsockname()[1])
    for _ in range(8):
        waiting = grounds.keep(socket.socket())
        waiting.setblocking(False)
        with suppress(BlockingIOError):
            waiting.connect(("127.0.0.1", port))
    return port


def unaccepted(grounds: Grounds, _: Hostile) -> int:
    """The kernel completes the connection, and nobody ever takes it from the queue."""
    listening = grounds.keep(socket.create_server(("127.0.0.1", 0), backlog=64))
    return int(listening.getsockname()[1])


SECURE = "url: https://127.0.0.1:{port}"
TLS = "tls: {min_days_left: 5}"

SERVERS = (
    Hostile("a full queue", silent, r"timed out.*connecting|silent", serve=full),
    Hostile("a full queue for TLS", silent, "timed out|no answer within", TLS, SECURE, serve=full),
    Hostile("nobody accepts", silent, r"timed out.*waiting for an answer", serve=unaccepted),
    Hostile("nobody accepts for TLS", silent, "timed out|no answer within", TLS, SECURE, serve=unaccepted),
)
