"""Servers that no library would be any more: they answer one ClientHello as those of their time did, and hang up."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from roadworthy.probes.tls_hello import RETRY_RANDOM

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from tests.probes.http_servers import Talk

WIRE = {"SSL3": 0x0300, "1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70


def alert(description: int, level: int = 2) -> bytes:
    return struct.pack(">BHHBB", 21, 0x0301, 2, level, description)


def server_hello(
    version: str,
    suite: int,
    *,
    compression: int = 0,
    extensions: Sequence[tuple[int, bytes]] = (),
    retry: bool = False,
) -> bytes:
    """A ServerHello in a record of its own."""
    random = RETRY_RANDOM if retry else bytes(32)
    body = struct.pack(">H", min(WIRE[version], 0x0303)) + random + b"\0" + struct.pack(">HB", suite, compression)
    if extensions:
        block = b"".join(struct.pack(">HH", kind, len(data)) + data for kind, data in extensions)
        body += struct.pack(">H", len(block)) + block
    message = b"\2" + struct.pack(">I", len(body))[1:] + body
    return struct.pack(">BHH", 22, min(WIRE[version], 0x0303), len(message)) + message


def ssl2_server_hello(suites: Sequence[int]) -> bytes:
    specs = b"".join(struct.pack(">I", code)[1:] for code in suites)
    certificate = bytes(20)
    body = struct.pack(">BBBHHHH", 4, 0, 1, 2, len(certificate), len(specs), 16) + certificate + specs + bytes(16)
    return struct.pack(">H", 0x8000 | len(body)) + body


def offered(hello: bytes) -> tuple[int, list[int]]:
    """The version and the suites of a ClientHello."""
    session = hello[43]
    start = 44 + session
    count = struct.unpack_from(">H", hello, start)[0] // 2
    version = struct.unpack_from(">H", hello, 9)[0]
    return version, [struct.unpack_from(">H", hello, start + 2 + 2 * nth)[0] for nth in range(count)]


def accepts(version: str, suites: Sequence[int], refusal: bytes = alert(HANDSHAKE_FAILURE), **hello: int) -> Talk:
    """A server of one version and few suites, which prefers them in this order."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(65536)
        if said[:1] != b"\x16":
            return
        wanted, known = offered(said)
        common = [suite for suite in suites if suite in known]
        fits = wanted >= WIRE[version] and b"\x00\x2b\x00\x03\x02\x03\x04" not in said
        answer = server_hello(version, common[0], **hello) if common and fits else refusal
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return talk


def accepts_ssl2(suites: Sequence[int], to_others: bytes = b"") -> Talk:
    """A server of SSL 2.0 alone."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(65536)
        is_ssl2 = bool(said[0] & 0x80) and said[2:3] == b"\1"
        writer.write(ssl2_server_hello(suites) if is_ssl2 else to_others)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return talk
