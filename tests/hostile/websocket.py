"""Hostile WebSocket servers: handshakes and frames that break RFC 6455, or never end."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import struct
from typing import TYPE_CHECKING

from tests.hostile.hostile import Hostile
from tests.hostile.http_1 import silent

if TYPE_CHECKING:
    from tests.hostile.grounds import Talk

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frames(start: bytes, forever: bytes = b"", *, headers: bytes = b"", every_s: float = 0.0) -> Talk:
    """Completes the handshake as it should, and then sends what it should not."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"(?i)sec-websocket-key:\s*(\S+)", asked)
        assert key
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())  # noqa: S324 - RFC 6455 section 4.2.2
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n" + headers + b"\r\n" + start
        )
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(every_s)
        await writer.drain()
        await reader.read()
        await asyncio.Event().wait()

    return talk


def handshakes(start: bytes, forever: bytes = b"") -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start)
        while forever:
            writer.write(forever)
            await writer.drain()
        await writer.drain()
        await reader.read()
        await asyncio.Event().wait()

    return talk


def hostile(name: str, talk: Talk, told: str = ".") -> Hostile:
    return Hostile(name, talk, told, "websocket: {path: /ws, pings: true, sends: hello, expects: hello}")


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

SERVERS = (
    hostile("a silent WebSocket", silent),
    hostile("a handshake that never ends", handshakes(SWITCH, b"X: y\r\n" * 999)),
    hostile("a handshake with another key", handshakes(SWITCH + b"Sec-WebSocket-Accept: AAAA\r\n\r\n")),
    hostile("an extension that nobody asked for", frames(b"", headers=b"Sec-WebSocket-Extensions: x-bomb\r\n")),
    hostile("a subprotocol that nobody asked for", frames(b"", headers=b"Sec-WebSocket-Protocol: evil\r\n")),
    hostile("a frame of 2^63 bytes", frames(b"\x81\x7f" + struct.pack(">Q", 2**63), b"x" * 65536)),
    hostile("a frame of 4 GB", frames(b"\x81\x7f" + struct.pack(">Q", 2**32), b"x" * 65536)),
    hostile("fragments without end", frames(b"\x01\x01x", b"\x00\x7e\x04\x00" + b"x" * 1024)),
    hostile("empty fragments without end", frames(b"\x01\x00", b"\x00\x00" * 999)),
    hostile("pings without end", frames(b"", b"\x89\x04ping" * 999)),
    hostile("pongs of others without end", frames(b"", b"\x8a\x04nope" * 999)),
    hostile("messages without end", frames(b"", b"\x81\x7e\x01\x00" + b"x" * 256)),
    hostile("a control frame of 1 kB", frames(b"\x89\x7e\x04\x00" + b"x" * 1024)),
    hostile("reserved bits", frames(b"\xf1\x02ok")),
    hostile("an opcode that nobody knows", frames(b"\x8b\x00\x83\x00")),
    hostile("masked frames", frames(b"\x81\x82\0\0\0\0ok")),
    hostile("text that is no UTF-8", frames(b"\x81\x04\xff\xfe\xc0\x80")),
    hostile("a close of one byte", frames(b"\x88\x01\x03")),
    hostile("a close with a strange code", frames(b"\x88\x02\x00\x01")),
    hostile("nothing after the handshake", frames(b"")),
    hostile("garbage after the handshake", frames(bytes(range(128, 256)) * 99)),
    hostile("frames that drip", frames(b"\x81\x7e\xff\xff", b"x", every_s=0.1)),
)
