"""The way to a store: straight, through a host's SSH server, or through a command; with or without TLS.

A driver never connects by itself. It speaks to a listener of ours on loopback, which passes its bytes on, so that every
driver goes every way, a server that sends without end is cut off, and how a connection failed is known from the
connection itself and not from a driver's words.

    async with link(ask, address, bench) as way:
        driver.connect(way.ip, way.port)

    Ended         the connection did not come up: refused, silent, no TLS
    NotObserved   there is no route from here, or the vantage point failed

What comes later is in the way. `way.ended` is the first thing by which the server's side ended a connection while the
driver still wanted it; that the server closes after the driver has left is no end. A vantage point that fails while the
driver talks is no state of the server: whatever the driver makes of it, the context ends with `NotObserved`.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved
from roadworthy.facts.store import Broke, Secured, StoreEnd
from roadworthy.probes import vantage
from roadworthy.probes.name import ascii_name
from roadworthy.probes.streams import CHUNK, Ended, Secure, Socket, Stream
from roadworthy.probes.tcp import close, connect
from roadworthy.probes.trust import contexts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from roadworthy.facts.base import Ask
    from roadworthy.probes.bench import Address, Bench

    Wish = Callable[[Stream], Awaitable[bool]]

__all__ = ["Ended", "Stream", "Way", "knock", "link"]

MOST_BYTES = 16 * 1024 * 1024
"""From one server in one conversation; what is looked at is small."""

TAIL = 4096
GOODBYE_S = 0.5
"""How long a server may take to close a connection that the driver has left; then it is cut."""


@dataclass
class Way:
    """Where a driver connects to, and what came of it."""

    ip: str = "127.0.0.1"
    port: int = 0
    secured: Secured | None = None
    """TLS that we speak for the driver; None: none was wanted."""
    received: int = 0
    """Bytes from the server, TLS taken off."""
    ended: Broke | None = None
    """What first ended a connection, where it was the server's side, or its flood."""
    failed: NotObserved | None = None
    """What is in the way of looking at all; the context raises it at its end."""
    tail: bytes = b""
    """The last bytes from the server, TLS taken off: a driver may not tell the code of a refusal."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _drivers: list[asyncio.StreamWriter] = field(default_factory=list)
    _over: bool = False

    def cut(self) -> None:
        """Ends all connections at once: to a driver that would rather not be cancelled, its server leaves."""
        for task in self._tasks:
            task.cancel()

    def note(self, error: BaseException) -> None:
        """Keeps what ended a connection, if it is the first.

        Raises:
            BaseException: it is nothing that a connection ends by.
        """
        if isinstance(error, NotObserved):
            self.failed = self.failed or error
        elif isinstance(error, Ended):
            self.ended = self.ended or error.broke
        elif isinstance(error, ssl.SSLError):
            self.ended = self.ended or Broke(end=StoreEnd.NO_TLS, at="reading", detail=_words(error))
        elif isinstance(error, OSError):
            self.ended = self.ended or Broke(end=StoreEnd.CLOSED, at="reading", detail=str(error)[:200])
        else:
            raise error

    def _took(self, data: bytes) -> bool:
        """Whether it is still not too much."""
        self.received += len(data)
        self.tail = (self.tail + data)[-TAIL:]
        if self.received > MOST_BYTES:
            self.note(Ended(StoreEnd.GARBLED, "reading", f"more than {MOST_BYTES >> 20} MiB came"))
        return self.received <= MOST_BYTES

    async def _leave(self) -> None:
        self._over = True
        task = asyncio.current_task()
        if self._tasks and not (task and task.cancelling()):
            await asyncio.wait(self._tasks, timeout=GOODBYE_S)
        self.cut()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._drivers:
            close(writer)
        for error in ended:
            if isinstance(error, Exception):
                raise error  # one of ours: what a connection ends by is noted


@asynccontextmanager
async def link(
    ask: Ask, address: Address, bench: Bench, *, tls: bool = False, wish: Wish | None = None
) -> AsyncIterator[Way]:
    """A way for a driver, open as long as the context.

    Args:
        ask: whose host, port and vantage point are meant.
        address: where to, as the vantage point reaches it.
        bench: what the probes share.
        tls: TLS from the first byte is spoken here; what a verifying client has against the certificate is in
            `way.secured.distrust`, and the driver decides what it sends.
        wish: asks for TLS on a new connection, in the protocol's own words; says whether it is spoken from then on.

    Raises:
        Ended: the server refused, was silent, or spoke no TLS.
        NotObserved: there is no route, or the vantage point failed.
    """
    way = Way()
    first, way.secured = await _open(ask, address, bench, tls=tls, wish=wish)
    waiting: list[Stream] = [first]

    async def again() -> Stream:
        """The connection that is open, then new ones: some drivers have several, and trust them as the first."""
        if waiting:
            return waiting.pop()
        stream, secured = await _open(ask, address, bench, tls=tls, wish=wish)
        if way.secured is not None and not way.secured.distrust and (secured is None or secured.distrust):
            stream.close()
            raise Ended(StoreEnd.NO_TLS, "connecting again", secured.distrust if secured else "there is none any more")
        return stream

    try:
        async with _listening(way, again):
            yield way
    except Exception as error:
        if way.failed is not None and error is not way.failed:
            raise way.failed from error
        raise
    finally:
        for stream in waiting:
            stream.close()
    if way.failed is not None:
        raise way.failed


async def knock(ask: Ask, address: Address, bench: Bench) -> None:
    """Sees whether a connection comes up, and leaves.

    Raises:
        Ended: it was refused, or nobody replied.
        NotObserved: there is no route, the vantage point failed, or its command does not tell.
    """
    stream = await _reach(ask, address, bench)
    try:
        if isinstance(stream, vantage.Command):
            await stream.settled(bench.patience_s)
    finally:
        stream.close()


@asynccontextmanager
async def _listening(way: Way, again: Callable[[], Awaitable[Stream]]) -> AsyncIterator[None]:
    server = await asyncio.start_server(_passing(way, again), way.ip, 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        await way._leave()  # noqa: SLF001 - our own


def _passing(
    way: Way, again: Callable[[], Awaitable[Stream]]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = None
        try:
            far = await again()
            await _Talk(way, far, reader, writer).run()
            writer.close()  # after what is still to be sent
        except (Ended, NotObserved, OSError) as error:
            way.note(error)
        finally:
            if not writer.is_closing():
                close(writer)
            if far is not None:
                far.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if way._over:  # noqa: SLF001 - our own
            close(writer)
            return
        task = asyncio.create_task(passing(reader, writer))
        way._tasks.add(task)  # noqa: SLF001 - our own
        way._drivers.append(writer)  # noqa: SLF001 - our own

    return connected


@dataclass
class _Talk:
    """One connection of a driver, passed on until either side has left."""

    way: Way
    far: Stream
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: bool = False
    """The driver has."""

    async def run(self) -> None:
        up, down = asyncio.create_task(self._up()), asyncio.create_task(self._down())
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            if not down.done():  # the server's last words, and its own end
                await asyncio.wait((down,), timeout=GOODBYE_S)
        finally:
            ended = [task for task in (down, up) if task.done()]
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        for task in ended:
            if (error := task.exception()) is not None and not (self.left and isinstance(error, OSError)):
                self.way.note(error)

    async def _up(self) -> None:
        while data := await self._from_driver():
            await self.far.write(data)
        self.left = True
        await self.far.finish()

    async def _from_driver(self) -> bytes:
        try:
            return await self.reader.read(CHUNK)
        except ConnectionError:
            return b""

    async def _down(self) -> None:
        while data := await self.far.read():
            if not self.way._took(data):  # noqa: SLF001 - our own
                return
            try:
                self.writer.write(data)
                await self.writer.drain()
            except ConnectionError:
                self.left = True
                return
        if not self.left:
            self.way.note(Ended(StoreEnd.CLOSED, "reading"))


# --- opening ---------------------------------------------------------------------------------------------------------


async def _open(
    ask: Ask, address: Address, bench: Bench, *, tls: bool, wish: Wish | None
) -> tuple[Stream, Secured | None]:
    """A connection; with TLS, a second one that trusts anybody where the first one does not trust."""
    if not tls and wish is None:
        return await _reach(ask, address, bench), None
    trust = await bench.shared(contexts)
    plain = await _reach(ask, address, bench)
    if not (tls or await _granted(plain, wish, bench)):
        return plain, None
    try:
        return await _secure(plain, trust.verifying, ask.host, bench)
    except ssl.SSLCertVerificationError as error:
        distrust = error.verify_message or str(error)
    plain = await _reach(ask, address, bench)
    if not (tls or await _granted(plain, wish, bench)):
        return plain, None
    stream, secured = await _secure(plain, trust.blind, ask.host, bench)
    return stream, secured.model_copy(update={"distrust": distrust})


async def _granted(plain: Stream, wish: Wish | None, bench: Bench) -> bool:
    """Whether the server grants a wish for TLS."""
    if wish is None:
        return False
    at = "the answer to a wish for TLS"
    try:
        async with asyncio.timeout(bench.patience_s):
            return await wish(plain)
    except BaseException as error:
        plain.close()
        if isinstance(error, TimeoutError):
            raise Ended(StoreEnd.SILENT, at) from error
        if isinstance(error, OSError):
            raise Ended(StoreEnd.CLOSED, at, str(error)) from error
        raise


async def _reach(ask: Ask, address: Address, bench: Bench) -> Stream:
    if ask.via is not None:
        return await vantage.reach(ask.via, address, bench)
    try:
        async with asyncio.timeout(bench.patience_s):
            return Socket(*await connect(address))
    except TimeoutError as error:
        raise Ended(StoreEnd.SILENT, "connecting") from error
    except ConnectionError as error:
        raise Ended(StoreEnd.REFUSED, "connecting") from error


async def _secure(plain: Stream, context: ssl.SSLContext, host: str, bench: Bench) -> tuple[Stream, Secured]:
    stream, at = Secure(plain, context, ascii_name(host)), "the TLS handshake"
    try:
        async with asyncio.timeout(bench.patience_s):
            await stream.shake_hands()
    except BaseException as error:
        plain.close()
        if isinstance(error, TimeoutError):
            raise Ended(StoreEnd.NO_TLS, at, f"no answer within {bench.patience_s:g} s") from error
        if isinstance(error, ssl.SSLEOFError | ConnectionError):
            raise Ended(StoreEnd.NO_TLS, at, "the server closed the connection") from error
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLCertVerificationError):
            raise Ended(StoreEnd.NO_TLS, at, _words(error)) from error
        raise
    return stream, Secured(version=stream.version)


def _words(error: Exception) -> str:
    return (getattr(error, "reason", None) or str(error) or type(error).__name__).lower().replace("_", " ")[:200]
