"""Hostile TLS servers: certificates, records, handshakes and silences."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.hostile import certificates
from tests.hostile.grounds import healthy
from tests.hostile.hostile import Hostile
from tests.hostile.http_1 import goes_on, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography import x509

    from tests.hostile.grounds import Grounds, Talk

WHERE = "url: https://127.0.0.1:{port}"
NAMED = "address: hostile.example:443"
ROUTED = ', connect_to: ["hostile.example:443:127.0.0.1:{port}"]'
PROMISES = "tls: {min_days_left: 5, min_key_bits: {ec: 256, rsa: 2048}}"
SCANNED = 'tls: {versions: ["1.2", "1.3"], vulnerabilities: none}'


def presenting(
    chain: Callable[[], Sequence[x509.Certificate | bytes]], holder: certificates.Key | None = None
) -> Callable[[Grounds, Hostile], int]:
    def serve(grounds: Grounds, hostile: Hostile) -> int:
        with TemporaryDirectory() as folder:
            context = certificates.context(Path(folder), chain(), holder)
        return grounds.serve(hostile.talk, context)

    return serve


def giant(grounds: Grounds, hostile: Hostile) -> int:
    key = certificates.giant_key()
    return presenting(lambda: [certificates.certificate(certificates.SAN, holder=key)], key)(grounds, hostile)


def with_tickets(grounds: Grounds, hostile: Hostile) -> int:
    """Sends thousands of session tickets behind the handshake."""
    with TemporaryDirectory() as folder:
        context = certificates.context(Path(folder), [certificates.certificate(certificates.SAN)])
    context.num_tickets = 2_000
    return grounds.serve(hostile.talk, context)


def tampered(change: Callable[[bytes], list[bytes]], *, every_s: float = 0.0) -> Talk:
    """A real handshake whose outgoing bytes go through `change`; its pieces are sent one by one."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with TemporaryDirectory() as folder:
            context = certificates.context(Path(folder), [certificates.certificate(certificates.SAN)])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                server.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return
            for piece in change(outgoing.read()):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_s)
            incoming.write(await reader.read(65536) or _ended())

    return talk


def _ended() -> bytes:
    raise EOFError


def garbled(flight: bytes) -> list[bytes]:
    """The first record whole, then noise in the shape of a record."""
    length = 5 + int.from_bytes(flight[3:5]) if len(flight) > 5 else 0
    return [flight[:length], b"\x17\x03\x03\x40\x00" + b"\xa5" * 0x4000] if length else []


def drip(flight: bytes) -> list[bytes]:
    return [flight[n : n + 1] for n in range(len(flight))]


def record(kind: int, payload: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(payload).to_bytes(2) + payload


def at_once(start: bytes, forever: bytes = b"") -> Talk:
    """Speaks as soon as the first bytes of the client are there."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(start)
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(0)
        await writer.drain()
        await reader.read()

    return talk


def raw(name: str, talk: Talk, told: str, promises: str = PROMISES) -> Hostile:
    return Hostile(name, talk, told, promises, where=WHERE)


SERVERS = (
    *(
        Hostile(name, healthy, told, PROMISES, where=NAMED, network=ROUTED, serve=presenting(chain))
        for name, (chain, told) in certificates.CHAINS.items()
    ),
    Hostile(
        "a key of 16 kbit",
        healthy,
        "self-signed|handshake|modulus|no answer within",
        PROMISES,
        NAMED,
        giant,
        is_slow=True,
        network=ROUTED,
    ),
    Hostile(
        "tickets without end",
        silent,
        "self-signed|no answer within",
        "tls: {resumes: true}",
        NAMED,
        with_tickets,
        is_slow=True,
        network=ROUTED,
    ),
    raw("silent TLS", silent, "timed out|no answer within"),
    raw("garbage instead of TLS", at_once(bytes(range(256)) * 400), "does not speak TLS"),
    raw("HTTP instead of TLS", at_once(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak TLS.*HTTP"),
    raw("SMTP instead of TLS", at_once(b"220 mail.example ESMTP\r\n"), "does not speak TLS.*220"),
    raw("garbage in the handshake", tampered(garbled), "handshake"),
    raw("a handshake that drips", tampered(drip, every_s=0.05), "no answer within|timed out"),
    raw("warnings without end", at_once(b"", record(21, b"\1\x5a") * 999), "handshake"),
    raw("an alert of no known kind", at_once(record(21, b"\2\xee")), "handshake"),
    raw("empty records without end", at_once(b"", record(22, b"") * 999), "handshake"),
    raw("cipher changes without end", at_once(b"", record(20, b"\1") * 999), "handshake"),
    raw("a record of 64 kB", at_once(b"\x16\3\3\xff\xff" + b"x" * 0xFFFF), "handshake"),
    raw(
        "a ServerHello of 16 MB",
        at_once(record(22, b"\2\xff\xff\xff" + b"\0" * 9000), record(22, b"\0" * 9000)),
        "handshake",
    ),
    raw("a ServerHello of noise", at_once(record(22, b"\2\0\0\x40" + b"\xa5" * 64)), "handshake"),
    raw("HelloRequest without end", at_once(b"", record(22, b"\0\0\0\0") * 999), "handshake|no answer within"),
    raw("half a record", at_once(b"\x16\3\3\1\0\2"), "no answer within|timed out"),
    raw("a scan that meets silence", silent, "timed out|no answer within", SCANNED),
    raw(
        "a scan that meets noise",
        at_once(record(22, b"\2\0\0\x40" + b"\xa5" * 64)),
        "handshake|scanner|gave up",
        SCANNED,
    ),
    raw("a scan that meets alerts", at_once(b"", record(21, b"\1\x5a") * 999), "handshake|scanner|gave up", SCANNED),
    raw("a scan that drips", tampered(drip, every_s=0.05), "no answer within|timed out", SCANNED),
    raw("an SSH banner on the TLS port", goes_on(b"SSH-2.0-x\r\n", b"x" * 999), "TLS|timed out|no answer"),
)
