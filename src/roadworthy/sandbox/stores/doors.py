"""The public side of a store: passes connections on to the real server, and speaks TLS where that one can't."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.sandbox.deployment import Tls

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_HANDSHAKE = b"\x16"
_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104  # PostgreSQL, "Message Formats"
CHUNK = 65536
MOST_PEEKS = 5000
"""A guest who says half a word has so many milliseconds for the rest."""


class Speech(StrEnum):
    """What a door understands of what passes through it."""

    NOTHING = "nothing"  # the server speaks TLS itself, or none is spoken
    TLS = "TLS from the first byte"
    POSTGRES = "PostgreSQL's wish for TLS"


@dataclass(frozen=True)
class Door:
    """One public address, and the server behind it."""

    public: tuple[str, int]
    private: tuple[str, int]
    speech: Speech = Speech.NOTHING
    plain: bool = True
    """Lets those in who come without TLS."""


def context_of(tls: Tls, chain: Path, key: Path) -> ssl.SSLContext:
    """TLS as a store is to speak it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    known = [version for version in tls.versions if version in _VERSIONS] or ["1.2", "1.3"]
    context.minimum_version, context.maximum_version = _VERSIONS[min(known)], _VERSIONS[max(known)]
    return context


async def open_doors(doors: tuple[Door, ...], context: ssl.SSLContext | None) -> None:
    """Serves until it is cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for door in doors:
            tasks.create_task(_open(door, context))


async def _open(door: Door, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    guests: set[asyncio.Task[None]] = set()
    with socket.create_server(door.public, backlog=256) as listening:
        listening.setblocking(False)
        while True:
            guest, _ = await loop.sock_accept(listening)
            task = asyncio.create_task(_admit(guest, door, context))
            guests.add(task)
            task.add_done_callback(guests.discard)


async def _admit(guest: socket.socket, door: Door, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError, ssl.SSLError, EOFError), guest:
        wants_tls = await _greeted(guest, door, context)
        if wants_tls is not None:
            await _pass(guest, door, context if wants_tls else None)


async def _greeted(guest: socket.socket, door: Door, context: ssl.SSLContext | None) -> bool | None:
    """Whether the guest wants TLS; None: it is not let in."""
    if door.speech is Speech.NOTHING:
        return False
    while True:
        first = await _peeked(guest, 1)
        if first == _HANDSHAKE:
            return True if context is not None else None
        if door.speech is Speech.TLS:
            return False if door.plain else None
        code = struct.unpack("!I", (await _peeked(guest, 8))[4:])[0]
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            if door.plain:
                return False
            await _refused(guest)
            return None
        loop = asyncio.get_running_loop()
        await loop.sock_recv(guest, 8)
        wanted = code == _SSL_REQUEST and context is not None
        await loop.sock_sendall(guest, b"S" if wanted else b"N")
        if wanted:
            return True


async def _peeked(guest: socket.socket, size: int) -> bytes:
    """The first bytes, left where they are.

    Raises:
        EOFError: the guest left before, or never says the rest.
    """
    for _ in range(MOST_PEEKS):
        await _readable(guest)
        data = guest.recv(size, socket.MSG_PEEK)
        if not data:
            raise EOFError
        if len(data) == size:
            return data
        await asyncio.sleep(0.001)  # the rest is on its way: nothing tells of it while the first part waits
    raise EOFError


async def _readable(guest: socket.socket) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(guest, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(guest)


async def _refused(guest: socket.socket) -> None:
    """PostgreSQL's own no to those who come in plain."""
    fields = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host, no encryption\0\0"
    message = b"E" + struct.pack("!I", len(fields) + 4) + fields
    await asyncio.get_running_loop().sock_sendall(guest, message)


async def _pass(guest: socket.socket, door: Door, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, guest, ssl=context)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        inner_reader, inner_writer = await asyncio.open_connection(*door.private)
    except OSError:
        transport.abort()
        return
    await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
