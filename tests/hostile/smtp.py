"""Hostile mail servers: greetings and replies that never end, that are none, or that mix plain text into TLS."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.hostile.hostile import Hostile
from tests.hostile.http_1 import silent

if TYPE_CHECKING:
    from tests.hostile.grounds import Talk


def greets(start: bytes, forever: bytes = b"", every_s: float = 0.0) -> Talk:
    """Speaks first."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(every_s)
        await writer.drain()
        await reader.read()
        await asyncio.Event().wait()

    return talk


def answers(*replies: bytes, forever: bytes = b"") -> Talk:
    """Greets, and answers one command after another; the last answer goes on for ever."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        for reply in replies:
            await reader.readuntil(b"\n")
            writer.write(reply)
            await writer.drain()
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()
        await asyncio.Event().wait()

    return talk


OFFERS = b"250-mail.example\r\n250 STARTTLS\r\n"
READY = b"220 go ahead\r\n"


def hostile(name: str, talk: Talk, told: str = "SMTP-|.") -> Hostile:
    return Hostile(name, talk, told, "smtp: {starttls: true}", where="address: 127.0.0.1:{port}")


SERVERS = (
    hostile("a silent mail server", silent),
    hostile("a greeting without end", greets(b"", b"220-" + b"x" * 400 + b"\r\n")),
    hostile("a greeting of one line without end", greets(b"220 ", b"x" * 65536)),
    hostile("a greeting that drips", greets(b"", b"2", 0.1)),
    hostile("a greeting of noise", greets(bytes(range(256)) * 99)),
    hostile("a greeting of another code on each line", greets(b"220-a\r\n250-b\r\n999 c\r\n")),
    hostile("HTTP instead of SMTP", greets(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    hostile("a greeting with terminal commands", greets(b"554 \x1b[2J\x07<script>\r\n")),
    hostile("offers without end", answers(b"", forever=b"250-X\r\n" * 999)),
    hostile("no offers at all", answers(b"250 mail.example\r\n")),
    hostile("STARTTLS and silence", answers(OFFERS, READY)),
    hostile("STARTTLS and noise", answers(OFFERS, READY + b"\xa5" * 9999)),
    hostile("STARTTLS and noise without end", answers(OFFERS, READY, forever=b"\x16\3\3\x40\0" + b"\xa5" * 999)),
    hostile("STARTTLS that is refused", answers(OFFERS, b"454 not now\r\n")),
)
