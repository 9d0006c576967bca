"""Real servers on loopback for the probes: `serve` runs any conversation, however hostile, in the test's own loop."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import trustme

from roadworthy.facts.http import HttpAsk, HttpObservation
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.http import observe
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.probes.http_servers import Look, Talk


class Serve(Protocol):
    """Serves connections with a coroutine of (reader, writer) until the context ends."""

    def __call__(
        self, talk: Talk, *, tls: ssl.SSLContext | None = None, ip: str = "127.0.0.1"
    ) -> AbstractAsyncContextManager[Address]: ...


@asynccontextmanager
async def _serve(talk: Talk, *, tls: ssl.SSLContext | None = None, ip: str = "127.0.0.1") -> AsyncIterator[Address]:
    talks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(handle, ip, 0, ssl=tls)
    try:
        yield Address(ip, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@pytest.fixture
def serve() -> Serve:
    return _serve


@pytest.fixture
def bench() -> Bench:
    """What the probes of a run share; an attempt waits for one second."""
    return Bench(network=Network(), user_agent="roadworthy-tests", patience_s=1.0)


@pytest.fixture
def ask_of(serve: Serve, bench: Bench) -> Look:
    """Serves a talk and observes it once."""

    def look(
        talk: Talk, *, url: str = "http://shop.example/", tls: ssl.SSLContext | None = None, **fields: Any
    ) -> HttpObservation:
        async def meet() -> HttpObservation:
            async with serve(talk, tls=tls) as address, bench.exits:
                ask = HttpAsk.of(url).model_copy(update=fields)
                return await observe(ask, address, bench)

        return asyncio.run(meet())

    return look


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's context whose certificate nobody has a reason to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("another.example").configure_cert(context)
    return context


@pytest.fixture
def h2_tls(tls: ssl.SSLContext) -> ssl.SSLContext:
    tls.set_alpn_protocols(["h2"])
    return tls
