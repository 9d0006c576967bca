"""Hostile HTTP/2 servers: frames written by hand, behind a real TLS handshake that agrees on h2."""

from __future__ import annotations

import asyncio
import struct
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import hpack

from tests.hostile import certificates
from tests.hostile.hostile import Hostile

if TYPE_CHECKING:
    import ssl

    from tests.hostile.grounds import Grounds, Talk

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
ONE = 1
"""The stream of the first request."""


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """RFC 9113 section 4.1."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def headers(*pairs: tuple[str, str]) -> bytes:
    return hpack.Encoder().encode([(":status", "200"), *pairs], huffman=False)


ANSWER = frame(HEADERS, headers(), flags=END_HEADERS, stream=ONE)


def bomb() -> bytes:
    """One header of 4 kB is kept in the dynamic table, then named thousands of times by one byte each."""
    return headers(("x", "y" * 3900)) + b"\xbe" * 12_000


def after(start: bytes, forever: bytes = b"", *, every_s: float = 0.0, reads: bool = True) -> Talk:
    """Sends its SETTINGS, waits for a request, sends `start`, and then goes on with `forever`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(SETTINGS))
        await reader.readuntil(b"SM\r\n\r\n")
        heard = b""
        while b"\x01\x05\x00\x00\x00\x01" not in heard and b"\x01\x04\x00\x00\x00\x01" not in heard:
            heard += await reader.read(65536) or _ended()
        listening = asyncio.create_task(_listen(reader)) if reads else None
        try:
            writer.write(start)
            while forever:
                writer.write(forever)
                await writer.drain()
                await asyncio.sleep(every_s)
            await writer.drain()
            await reader.read() if listening is None else await listening
        finally:
            if listening:
                listening.cancel()

    return talk


def _ended() -> bytes:
    raise EOFError


async def _listen(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


@cache
def h2_context() -> ssl.SSLContext:
    with TemporaryDirectory() as folder:
        context = certificates.context(Path(folder), [certificates.certificate(certificates.SAN)])
    context.set_alpn_protocols(["h2"])
    return context


def over_h2(grounds: Grounds, hostile: Hostile) -> int:
    return grounds.serve(hostile.talk, h2_context())


def hostile(name: str, talk: Talk, told: str, promises: str = "health: {path: /health, contains: well}") -> Hostile:
    return Hostile(name, talk, told, promises, where="url: https://127.0.0.1:{port}", serve=over_h2)


MANY = 2000
SERVERS = (
    hostile(
        "a flood of SETTINGS", after(b"", frame(SETTINGS, b"\0\3\0\0\0\x64") * MANY), "timed out|deadline|not HTTP"
    ),
    hostile(
        "SETTINGS whose answers nobody reads",
        after(b"", frame(SETTINGS) * MANY, reads=False),
        "timed out|deadline|not HTTP",
    ),
    hostile("a flood of PING", after(b"", frame(PING, b"12345678") * MANY), "timed out|deadline|not HTTP"),
    hostile(
        "PING whose answers nobody reads",
        after(b"", frame(PING, b"12345678") * MANY, reads=False),
        "timed out|deadline",
    ),
    hostile(
        "CONTINUATION without end",
        after(frame(HEADERS, headers(), stream=ONE), frame(CONTINUATION, b"\0\1x\1y" * 9, stream=ONE) * 99),
        "timed out|deadline|not HTTP",
    ),
    hostile(
        "empty CONTINUATION without end",
        after(frame(HEADERS, headers(), stream=ONE), frame(CONTINUATION, stream=ONE) * MANY),
        "timed out|deadline|not HTTP",
    ),
    hostile("RST_STREAM of the request", after(frame(RST_STREAM, b"\0\0\0\2", stream=ONE) * MANY), "connection reset"),
    hostile("RST_STREAM of others", after(b"", frame(RST_STREAM, b"\0\0\0\2", stream=7) * MANY), "not HTTP|timed out"),
    hostile(
        "a window beyond all bounds",
        after(frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff", stream=ONE) * 2),
        "not HTTP|reset|closed",
    ),
    hostile("a window of nothing", after(frame(WINDOW_UPDATE, b"\0\0\0\0") * 9), "not HTTP|closed"),
    hostile(
        "a flood of WINDOW_UPDATE", after(b"", frame(WINDOW_UPDATE, b"\0\0\0\1") * MANY), "timed out|deadline|not HTTP"
    ),
    hostile(
        "a flood of PRIORITY",
        after(b"", frame(PRIORITY, b"\0\0\0\5\1", stream=3) * MANY),
        "timed out|deadline|not HTTP",
    ),
    hostile("a flood of unknown frames", after(b"", frame(0xEE, b"?" * 99) * MANY), "timed out|deadline|not HTTP"),
    hostile(
        "promises that nobody wants",
        after(b"", frame(PUSH_PROMISE, b"\0\0\0\2" + headers(), flags=END_HEADERS, stream=ONE)),
        "not HTTP",
    ),
    hostile(
        "a header bomb",
        after(
            frame(HEADERS, bomb(), flags=END_HEADERS | END_STREAM, stream=ONE),
        ),
        "not HTTP",
    ),
    hostile(
        "header bombs one after another",
        after(b"", frame(HEADERS, bomb(), flags=END_HEADERS, stream=ONE)),
        "not HTTP",
    ),
    hostile("no HPACK", after(frame(HEADERS, b"\xff" * 99, flags=END_HEADERS, stream=ONE)), "not HTTP"),
    hostile(
        "a table of 4 GB", after(frame(HEADERS, b"\x3f\xe1\xff\xff\xff\x0f", flags=END_HEADERS, stream=ONE)), "not HTTP"
    ),
    hostile(
        "informational answers without end",
        after(b"", frame(HEADERS, hpack.Encoder().encode([(":status", "103")]), flags=END_HEADERS, stream=ONE) * 99),
        "timed out|deadline|not HTTP",
    ),
    hostile("an answer without end", after(ANSWER, frame(DATA, b"x" * 16384, stream=ONE) * 9), "cut|not HTTP"),
    hostile("an answer that drips", after(ANSWER, frame(DATA, b"x", stream=ONE), every_s=0.2), "timed out"),
    hostile("empty DATA without end", after(ANSWER, frame(DATA, stream=ONE) * MANY), "timed out|deadline|not HTTP"),
    hostile(
        "DATA of padding alone",
        after(ANSWER, frame(DATA, b"\xff" + b"\0" * 255, flags=8, stream=ONE) * 99),
        "timed|HTTP",
    ),
    hostile("an answer that never begins", after(b""), "timed out"),
    hostile("an answer that never ends", after(ANSWER), "timed out"),
    hostile("DATA before headers", after(frame(DATA, b"x", stream=ONE)), "not HTTP|timed out"),
    hostile("a frame of 16 MB", after(b"\xff\xff\xff\0\0\0\0\0\1", b"x" * 65536), "not HTTP"),
    hostile("GOAWAY with a speech", after(frame(GOAWAY, b"\0\0\0\0\0\0\0\x0b" + b"z" * 16000) * 99), "closed without"),
    hostile(
        "a status without end",
        after(frame(HEADERS, hpack.Encoder().encode([(":status", "2" * 9999)]), flags=5, stream=ONE)),
        "not HTTP",
    ),
    hostile("HTTP/1 where h2 was agreed on", after(b"HTTP/1.1 200 OK\r\n\r\n"), "not HTTP|timed out"),
)
