"""Where hostile servers live: one thread with an event loop, in which any conversation is served on loopback."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable, Coroutine

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

T = TypeVar("T")


class Grounds:
    """Serves talks until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._talks: set[asyncio.Task[Any]] = set()
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._kept: list[socket.socket] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def serve(self, talk: Talk, tls: ssl.SSLContext | None = None, *, port: int = 0) -> int:
        """Serves connections with a coroutine of (reader, writer); the port."""
        return self.wait_for(self._serve(talk, tls, port))

    def answer_datagrams(self, answer: Callable[[bytes], list[bytes]]) -> int:
        """Answers every datagram with those that a function gives; the port."""
        return self.wait_for(self._answer(answer))

    def keep(self, kept: socket.socket) -> socket.socket:
        """Closed at the end, and not before."""
        self._kept.append(kept)
        return kept

    def close(self) -> None:
        self.wait_for(self._end())
        for kept in self._kept:
            kept.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, talk: Talk, tls: ssl.SSLContext | None, port: int) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._talks.add(task)
            try:
                with suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
                    await talk(reader, writer)
            finally:
                self._talks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(handle, "127.0.0.1", port, ssl=tls)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _answer(self, answer: Callable[[bytes], list[bytes]]) -> int:
        class Answering(asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                for datagram in answer(data):
                    self.transport.sendto(datagram, addr)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Answering, ("127.0.0.1", 0))
        self._datagrams.append(transport)
        return int(transport.get_extra_info("sockname")[1])

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for transport in self._datagrams:
            transport.close()
        talks = list(self._talks)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were aborted close


async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The one server here that behaves."""
    await reader.readuntil(b"\r\n\r\n")
    body = b'{"status": "ok"}'
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
