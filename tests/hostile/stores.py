"""Hostile stores: servers on a database's port that say nothing, something else, too much, or a little at a time.

Each is asked by every product's own driver, in one run: a component of the target for each product.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from tests.hostile.hostile import Hostile
from tests.hostile.http_1 import silent
from tests.hostile.smtp import greets

if TYPE_CHECKING:
    from tests.hostile.grounds import Talk

PRODUCTS = ("postgresql", "mysql", "mongodb", "redis")
LOGIN = 'login: {{username: app, password: "${{env:NO_SUCH_STORE:-only-in-these-tests}}"}}'
REFUSALS = "refuses_anonymous: true, refuses_wrong_password: true"


async def leaves(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes at once."""
    writer.close()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Breaks off at the first word."""
    await reader.read(1)
    writer.transport.abort()


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it is told."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def answers(*parts: bytes, forever: bytes = b"", every_s: float = 0.0) -> Talk:
    """Waits to be spoken to, gives each part to one message, and then goes on or says nothing more."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            if not await reader.read(65536):
                return
            writer.write(part)
            await writer.drain()
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(every_s)
        await silent(reader, writer)

    return talk


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SSH = b"SSH-2.0-OpenSSH_9.2p1\r\n"
NOISE = os.urandom(4096)
TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
SERVER_HELLO_START = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"


def hostile(name: str, talk: Talk, told: str, *, tls: bool = False) -> Hostile:
    """A component for each product, all at one port; the first is called `hostile`."""
    secure = "encrypted: true, " if tls else ""
    parts = []
    for product in PRODUCTS:
        block = "cache: {{" if product == "redis" else f"database: {{{{engine: {product}, name: app, "
        parts.append(
            f"address: 127.0.0.1:{{port}}\n    tcp: {{{{open: true}}}}\n    {block}{secure}{LOGIN}, {REFUSALS}}}}}"
        )
    first, *others = zip(PRODUCTS, parts, strict=True)
    where = first[1] + "".join(f"\n  {product}:\n    {part}" for product, part in others)
    return Hostile(name, talk, told, promises="", where=where, network=", allows: [logins]")


LOST = "no answer|closed the connection|another protocol"

SERVERS = (
    hostile("a silent store", silent, "no answer|timed out|TLS failed"),
    hostile("a silent store that is to speak TLS", silent, "no answer|TLS failed", tls=True),
    hostile("a store that closes at once", leaves, "closed the connection|closed"),
    hostile("a store that closes at once and is to speak TLS", leaves, "closed the connection|TLS failed", tls=True),
    hostile("a store that breaks off at the first word", resets, LOST),
    hostile("a store that is an echo", echoes, "another protocol|no answer|TLS failed"),
    hostile("a store that is an SSH server", greets(SSH), "another protocol|no answer|TLS failed"),
    hostile("a store that is a web server", answers(HTTP), "another protocol|no answer"),
    hostile("a store that greets as a web server", greets(HTTP), "another protocol|no answer|TLS failed"),
    hostile("a store that makes noise", greets(NOISE), "another protocol|no answer|TLS failed"),
    hostile("a store that answers with noise", answers(NOISE, NOISE), "another protocol|no answer|closed"),
    hostile("a store that floods", greets(b"", NOISE * 16), "another protocol|MiB|TLS failed"),
    hostile("a store that floods with zeros", greets(b"", b"\0" * 65536), "another protocol|MiB|TLS failed"),
    hostile(
        "a store that floods with Redis' answers", greets(b"", b"+OK\r\n" * 9999), "another protocol|MiB|TLS failed"
    ),
    hostile("a store that floods with MySQL's packets", greets(b"", b"\x01\0\0\0\x0a" * 9999), "another protocol|MiB"),
    hostile(
        "a store whose answer is as long as can be", answers(b"\xff\xff\xff\x7f" * 9), "another protocol|no answer"
    ),
    hostile("a store that promises a gigabyte", answers(b"$1073741824\r\nx"), "another protocol|no answer"),
    hostile("a store of nested answers", answers(b"*1\r\n" * 99999), "another protocol|no answer|MiB"),
    hostile("a store that drips", greets(b"", b"\x0a", 0.05), "another protocol|no answer|TLS failed"),
    hostile("a store that drips its answer", answers(forever=b"S", every_s=0.05), "another protocol|no answer|TLS"),
    hostile("TLS that hangs", answers(b"S"), "TLS failed|another protocol|no answer", tls=True),
    hostile(
        "TLS that hangs in the middle", answers(b"S", SERVER_HELLO_START), "TLS failed|another|no answer", tls=True
    ),
    hostile("TLS that is refused", answers(b"S", TLS_ALERT, TLS_ALERT), "TLS failed|another|no answer", tls=True),
    hostile("TLS that is noise", answers(b"S", NOISE, NOISE), "TLS failed|another|no answer", tls=True),
    hostile("TLS that drips", answers(b"S", forever=b"\x16", every_s=0.05), "TLS failed|another|no answer", tls=True),
)
