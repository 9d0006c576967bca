"""The public side of a store: who is let in, with TLS and without."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from typing import TYPE_CHECKING

import pytest
import trustme

from roadworthy.sandbox.stores.doors import Door, Speech, open_doors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real

SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSS_REQUEST = struct.pack("!II", 8, 80877104)
STARTUP = struct.pack("!II", 8, 196608)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def door(speech: Speech, *, plain: bool = True, tls: bool = True) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """An echo server behind a door; gives the public port and what a client trusts."""
    authority = trustme.CA()
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("db.shop.test").configure_cert(served)
    authority.configure_trust(trusting)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    behind = await asyncio.start_server(echo, "127.0.0.1", 0)
    public, private = free_port(), behind.sockets[0].getsockname()[1]
    opened = asyncio.create_task(
        open_doors((Door(("127.0.0.1", public), ("127.0.0.1", private), speech, plain),), served if tls else None)
    )
    async with asyncio.timeout(5):
        while not await listens(public):  # noqa: ASYNC110 - a port of another task: nothing tells that it is open
            await asyncio.sleep(0.005)
    try:
        yield public, trusting
    finally:
        opened.cancel()
        await asyncio.gather(opened, return_exceptions=True)
        behind.close()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.transport.abort()
    return True


async def echoed(port: int, data: bytes, context: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="db.shop.test" if context else None
    )
    writer.write(data)
    try:
        async with asyncio.timeout(5):
            return await reader.read(1000)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


def test_what_passes_through_a_door_is_untouched() -> None:
    async def scene() -> None:
        async with door(Speech.NOTHING) as (port, _):
            assert await echoed(port, SSL_REQUEST) == SSL_REQUEST

    asyncio.run(scene())


def test_tls_from_the_first_byte() -> None:
    async def scene() -> None:
        async with door(Speech.TLS) as (port, trusting):
            assert await echoed(port, b"PING", trusting) == b"PING"
            assert await echoed(port, b"PING") == b"PING"
        async with door(Speech.TLS, plain=False) as (port, trusting):
            assert await echoed(port, b"PING", trusting) == b"PING"
            assert await echoed(port, b"PING") == b""
        async with door(Speech.TLS, tls=False) as (port, trusting):
            assert await echoed(port, b"PING") == b"PING"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await echoed(port, b"PING", trusting)

    asyncio.run(scene())


async def wished(port: int, trusting: ssl.SSLContext) -> bytes:
    """What comes back through TLS that was wished for as PostgreSQL does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GSS_REQUEST)
    assert await reader.readexactly(1) == b"N"
    writer.write(SSL_REQUEST)
    if await reader.readexactly(1) == b"S":
        await writer.start_tls(trusting, server_hostname="db.shop.test")
    writer.write(STARTUP)
    try:
        return await reader.read(1000)
    finally:
        writer.transport.abort()


def test_the_wish_for_tls_as_postgresql_has_it() -> None:
    async def scene() -> None:
        async with door(Speech.POSTGRES) as (port, trusting):
            assert await wished(port, trusting) == STARTUP
            assert await echoed(port, STARTUP) == STARTUP
            assert await echoed(port, STARTUP, trusting) == STARTUP  # sslnegotiation=direct
        async with door(Speech.POSTGRES, tls=False) as (port, trusting):
            assert await wished(port, trusting) == STARTUP
        async with door(Speech.POSTGRES, plain=False) as (port, trusting):
            assert await wished(port, trusting) == STARTUP
            told = await echoed(port, STARTUP)
            assert told.startswith(b"E")
            assert b"28000" in told
            assert b"no encryption" in told

    asyncio.run(scene())


def test_a_guest_who_leaves_early_is_no_trouble() -> None:
    async def scene() -> None:
        async with door(Speech.POSTGRES) as (port, _):
            for first in (b"", b"\0", STARTUP[:7]):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(first)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            assert await echoed(port, STARTUP) == STARTUP

    asyncio.run(scene())
