"""Bytes in both directions: over a socket, and TLS over anything that carries bytes.

A stream reads until there is nothing more to come. Where that is not the server's doing, it says so:

    Ended         the server's own state: it refused, it speaks no TLS
    NotObserved   the vantage point failed, and says nothing about the server
    OSError       the connection broke
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from roadworthy.facts.store import Broke, StoreEnd
from roadworthy.probes.tcp import close

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

CHUNK = 65536
"""Bytes that are read at once."""


class Ended(Exception):  # noqa: N818 - a state of the server, not an error of ours
    """A conversation did not come to its end."""

    def __init__(self, end: StoreEnd, at: str, detail: str = "") -> None:
        super().__init__(end.value)
        self.broke = Broke(end=end, at=at, detail=detail[:300])


class Stream(Protocol):
    """Bytes in both directions."""

    async def read(self) -> bytes:
        """Some bytes; none at the end."""

    async def write(self, data: bytes) -> None:
        """Returns when more may be written."""

    async def finish(self) -> None:
        """Says that no more will be written; what is on its way still arrives."""

    def close(self) -> None:
        """Ends it at once."""


@dataclass
class Socket:
    """Bytes of a TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        return await self.reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        """Returns when more may be written."""
        self.writer.write(data)
        await self.writer.drain()

    async def finish(self) -> None:
        """Closes one direction."""
        self.writer.write_eof()

    def close(self) -> None:
        """Ends it at once."""
        close(self.writer)


class Secure:
    """TLS over any stream: what asyncio offers for its own transports alone."""

    def __init__(self, inner: Stream, context: ssl.SSLContext, host: str) -> None:
        self.inner = inner
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)

    @property
    def version(self) -> str:
        """1.2, 1.3."""
        return (self._object.version() or "?").removeprefix("TLSv")

    async def shake_hands(self) -> None:
        """Makes TLS of it.

        Raises:
            ssl.SSLError: the server speaks none, or none that we take.
        """
        await self._until_done(self._object.do_handshake)

    async def read(self) -> bytes:
        """Some bytes; none at the end, with or without the server's goodbye.

        Raises:
            ssl.SSLError: an alert, which in TLS 1.3 may be the answer to the handshake; or noise.
        """
        try:
            data: bytes = await self._until_done(lambda: self._object.read(CHUNK))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        return data

    async def write(self, data: bytes) -> None:
        """Returns when more may be written."""
        left = memoryview(data)
        while left:
            left = left[self._object.write(left) :]  # into memory: there is always room
        await self._flush()

    async def finish(self) -> None:
        """Says goodbye (RFC 8446 section 6.1), so that the server has no broken connection to complain of."""
        with suppress(ssl.SSLError):
            self._object.unwrap()
        await self._flush()
        await self.inner.finish()

    def close(self) -> None:
        """Ends it at once."""
        self.inner.close()

    async def _until_done(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                if data := await self.inner.read():
                    self._in.write(data)
                else:
                    self._in.write_eof()
            except ssl.SSLError:
                with suppress(OSError):
                    await self._flush()  # the alert that says why
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if data := self._out.read():
            await self.inner.write(data)
