"""The way to a store: straight, through a host's SSH server, or through a command; with or without TLS.

A driver never connects by itself. It speaks to a listener of ours on loopback, which passes its bytes on, so that every
driver goes every way, a server that sends without end is cut off, and how a connection failed is known from the
connection itself and not from a driver's words.

    async with link(ask, address, bench) as way:
        driver.connect(way.ip, way.port)

    Ended         the connection did not come up: refused, silent, no TLS
    NotObserved   there is no route from here, or the vantage point failed
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Broke, Secured, StoreEnd
from roadworthy.probes.name import ascii_name
from roadworthy.probes.tcp import close, connect
from roadworthy.probes.trust import contexts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from asyncssh import SSHClientConnection

    from roadworthy.facts.base import Ask
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.target.models import Vantage

MOST_BYTES = 16 * 1024 * 1024
"""From one server in one conversation; what is looked at is small."""

CHUNK = 65536
TAIL = 4096
_SSH_CONNECT_FAILED = 2  # RFC 4254 section 5.1
_SSH_PROHIBITED = 1


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

    def close(self) -> None:
        """Ends it at once."""


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
    """What ended the conversation, where it was the server's side, or its flood."""
    tail: bytes = b""
    """The last bytes from the server, TLS taken off: a driver may not tell the code of a refusal."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def cut(self) -> None:
        """Ends all connections at once: to a driver that would rather not be cancelled, its server leaves."""
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def link(
    ask: Ask,
    address: Address,
    bench: Bench,
    *,
    tls: bool = False,
    wish: Callable[[Stream], Awaitable[bool]] | None = None,
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
        """The connection that is open, then new ones: some drivers have several."""
        return waiting.pop() if waiting else (await _open(ask, address, bench, tls=tls, wish=wish))[0]

    server = await asyncio.start_server(_passing(way, again), way.ip, 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        for task in way._tasks:  # noqa: SLF001 - our own
            task.cancel()
        for stream in waiting:
            stream.close()
        await asyncio.gather(*way._tasks, return_exceptions=True)  # noqa: SLF001 - as above


def _passing(
    way: Way, again: Callable[[], Awaitable[Stream]]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs it as one
        way._tasks.add(task)  # noqa: SLF001 - our own
        far = None
        try:
            far = await again()
            await _both_ways(way, far, reader, writer)
        except Ended as ended:
            way.ended = ended.broke
        except NotObserved as error:
            way.ended = Broke(end=StoreEnd.CLOSED, at="connecting again", detail=str(error)[:300])
        except asyncio.CancelledError:
            pass  # by us; asyncio's streams would report it as an error of the server's
        finally:
            close(writer)
            if far is not None:
                far.close()
            way._tasks.discard(task)  # noqa: SLF001 - our own

    return passing


async def _both_ways(way: Way, far: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async def up() -> None:
        while data := await reader.read(CHUNK):
            await far.write(data)

    async def down() -> None:
        while data := await far.read():
            way.received += len(data)
            way.tail = (way.tail + data)[-TAIL:]
            if way.received > MOST_BYTES:
                way.ended = Broke(end=StoreEnd.GARBLED, at="reading", detail=f"more than {MOST_BYTES >> 20} MiB came")
                return
            writer.write(data)
            await writer.drain()
        way.ended = way.ended or Broke(end=StoreEnd.CLOSED, at="reading")

    tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if isinstance(error := task.exception(), ssl.SSLError):
                way.ended = Broke(end=StoreEnd.NO_TLS, at="reading", detail=_words(error))
            elif isinstance(error, OSError):
                way.ended = way.ended or Broke(end=StoreEnd.CLOSED, at="reading", detail=str(error)[:200])
            elif error is not None:
                raise error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- streams ---------------------------------------------------------------------------------------------------------


async def _open(
    ask: Ask,
    address: Address,
    bench: Bench,
    *,
    tls: bool,
    wish: Callable[[Stream], Awaitable[bool]] | None = None,
) -> tuple[Stream, Secured | None]:
    """A connection; with TLS, a second one that trusts anybody where the first one does not trust."""
    plain = await _reach(ask, address, bench)
    if not (tls or await _granted(plain, wish, bench)):
        return plain, None
    trust = await bench.shared(contexts)
    try:
        return await _secure(plain, trust.verifying, ask.host, bench)
    except ssl.SSLCertVerificationError as error:
        distrust = error.verify_message or str(error)
    plain = await _reach(ask, address, bench)
    if not (tls or await _granted(plain, wish, bench)):
        return plain, None
    stream, secured = await _secure(plain, trust.blind, ask.host, bench)
    return stream, secured.model_copy(update={"distrust": distrust})


async def _granted(plain: Stream, wish: Callable[[Stream], Awaitable[bool]] | None, bench: Bench) -> bool:
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
    try:
        async with asyncio.timeout(bench.patience_s):
            if ask.via is None:
                return _Socket(*await connect(address))
            return await _from_vantage(ask.via, address, bench)
    except TimeoutError as error:
        raise Ended(StoreEnd.SILENT, "connecting") from error
    except ConnectionError as error:
        raise Ended(StoreEnd.REFUSED, "connecting") from error


async def _secure(plain: Stream, context: ssl.SSLContext, host: str, bench: Bench) -> tuple[Stream, Secured]:
    stream = _Tls(plain, context, ascii_name(host))
    try:
        async with asyncio.timeout(bench.patience_s):
            await stream.shake_hands()
    except ssl.SSLCertVerificationError:
        plain.close()
        raise
    except TimeoutError as error:
        plain.close()
        raise Ended(StoreEnd.NO_TLS, "the TLS handshake", f"no answer within {bench.patience_s:g} s") from error
    except (ssl.SSLError, OSError) as error:
        plain.close()
        raise Ended(StoreEnd.NO_TLS, "the TLS handshake", _words(error)) from error
    return stream, Secured(version=stream.version)


def _words(error: Exception) -> str:
    return (getattr(error, "reason", None) or str(error) or type(error).__name__).lower().replace("_", " ")[:200]


@dataclass
class _Socket:
    """Bytes of a TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> bytes:
        return await self.reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        close(self.writer)


class _Tls:
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
        await self._until_done(self._object.do_handshake)

    async def read(self) -> bytes:
        try:
            return await self._until_done(lambda: self._object.read(CHUNK))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def write(self, data: bytes) -> None:
        self._object.write(data)  # into memory: there is always room
        await self._flush()

    def close(self) -> None:
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


# --- vantage points --------------------------------------------------------------------------------------------------


async def _from_vantage(name: str, address: Address, bench: Bench) -> Stream:
    vantage = bench.network.vantages[name]
    host = await _host(name, bench) if vantage.ssh is not None else None
    if vantage.command is not None:
        words = [word.replace("{host}", address.ip).replace("{port}", str(address.port)) for word in vantage.command]
        return await _commanded(words, host)
    assert host is not None  # noqa: S101 - the model has one of both
    return await _forwarded(name, host, address)


async def _forwarded(name: str, host: SSHClientConnection, address: Address) -> Stream:
    import asyncssh  # noqa: PLC0415 - 0.15 s, and few targets have vantage points

    try:
        reader, writer = await host.open_connection(address.ip, address.port, encoding=None)
    except asyncssh.ChannelOpenError as error:
        if error.code == _SSH_CONNECT_FAILED:
            if "refused" in error.reason.lower():
                raise ConnectionRefusedError(error.reason) from error
            raise NotObserved(Reason.VANTAGE, f"{name} reaches {address} not: {error.reason}") from error
        why = "forwards no connections" if error.code == _SSH_PROHIBITED else f"refused a connection to {address}"
        raise NotObserved(Reason.VANTAGE, f"{name} {why}: {error.reason}") from error
    except (asyncssh.Error, OSError) as error:
        raise NotObserved(Reason.VANTAGE, f"{name}: {error}") from error
    return _Channel(reader, writer)


async def _commanded(words: list[str], host: SSHClientConnection | None) -> Stream:
    if host is not None:
        import shlex  # noqa: PLC0415 - of use to commands alone

        process = await host.create_process(shlex.join(words), encoding=None)
        return _Channel(process.stdout, process.stdin)
    try:
        here = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        raise NotObserved(Reason.VANTAGE, f"{words[0]}: {error.strerror}") from error
    return _Piped(here)


@dataclass
class _Channel:
    """Bytes of an SSH channel."""

    reader: Any
    writer: Any

    async def read(self) -> bytes:
        data: bytes = await self.reader.read(CHUNK)
        return data

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()


@dataclass
class _Piped:
    """Bytes of a command."""

    process: asyncio.subprocess.Process

    async def read(self) -> bytes:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        return await self.process.stdout.read(CHUNK)

    async def write(self, data: bytes) -> None:
        assert self.process.stdin is not None  # noqa: S101 - it is a pipe
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


async def _host(name: str, bench: Bench) -> SSHClientConnection:
    """The one SSH connection of a run to a vantage point."""
    return await bench.together(("ssh", name), lambda: _log_in(name, bench))


async def _log_in(name: str, bench: Bench) -> SSHClientConnection:
    import asyncssh  # noqa: PLC0415 - as above

    vantage = bench.network.vantages[name]
    user, host, port = vantage.login
    tunnel = await _host(vantage.through, bench) if vantage.through is not None else None
    try:
        connection = await asyncssh.connect(
            host,
            port,
            tunnel=tunnel,
            username=user or (),
            client_keys=[vantage.key_file] if vantage.key_file else (),
            passphrase=vantage.passphrase,
            known_hosts=_known_hosts(vantage),
            password_auth=False,
            kbdint_auth=False,
            connect_timeout=bench.patience_s,
            login_timeout=bench.patience_s,
            keepalive_interval=15,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise NotObserved(Reason.VANTAGE, f"{name}: the key of {host} is not a known one ({error})") from error
    except asyncssh.PermissionDenied as error:
        raise NotObserved(Reason.VANTAGE, f"{name}: {host} lets {user or 'us'} not in ({error})") from error
    except (asyncssh.Error, OSError, ValueError) as error:
        raise NotObserved(Reason.VANTAGE, f"{name}: {host}:{port}: {error or type(error).__name__}") from error
    bench.exits.push_async_callback(_leave, connection)
    return connection


def _known_hosts(vantage: Vantage) -> str:
    """Never none: a host that nobody knows is not logged into."""
    return vantage.known_hosts or str(Path.home() / ".ssh" / "known_hosts")


async def _leave(connection: SSHClientConnection) -> None:
    connection.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await connection.wait_closed()
