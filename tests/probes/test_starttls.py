from __future__ import annotations

import asyncio
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy.facts.tls import Handshake, NoHandshake, NoHandshakeKind, TlsAsk, TlsScanAsk
from roadworthy.probes import tls, tls_scan
from roadworthy.probes.bench import Bench
from roadworthy.probes.starttls import NoStarttls, upgrade
from roadworthy.target.network import Network
from tests.probes.tls_servers import HOST, Authority, server_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roadworthy.facts.tls import TlsObservation, TlsScanObservation
    from tests.probes.conftest import Serve, Talk

    Protocol = Literal["smtp", "postgres", "mysql"]

AUTHORITY = Authority()
GREETING = (
    b"\n8.0.35\0"
    + struct.pack("<I", 7)
    + b"12345678\0"
    + struct.pack("<HBHHB", 0x8000 | 0x0800 | 0x0200, 45, 2, 0x0008, 21)
    + bytes(10)
    + b"123456789012\0mysql_native_password\0"
)


def packet(payload: bytes, number: int = 0) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"220-mail.shop.example ESMTP\r\n220 at your service\r\n")
    assert (await reader.readline()).upper().startswith(b"EHLO ")
    writer.write(b"250-mail.shop.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
    if (await reader.readline()).upper() != b"STARTTLS\r\n":
        return False
    writer.write(b"220 go ahead\r\n")
    return True


async def postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    is_asked = await reader.readexactly(8) == struct.pack(">II", 8, 80877103)
    writer.write(b"S" if is_asked else b"E")
    return is_asked


async def mysql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(packet(GREETING))
    request = await reader.readexactly(36)
    return request[:4] == b"\x20\0\0\1" and bool(struct.unpack_from("<I", request, 4)[0] & 0x0800)


SERVERS = {"smtp": smtp, "postgres": postgres, "mysql": mysql}


def behind(protocol: Protocol, folder: Path) -> Talk:
    """A server that speaks TLS after its protocol's own words."""
    context = server_context(AUTHORITY.issue().write(folder), alpn=())

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await SERVERS[protocol](reader, writer):
            return
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()  # asyncio's start_tls would lose what is already here
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        with suppress(ssl.SSLError):
            while True:
                with suppress(ssl.SSLWantReadError):
                    server.do_handshake()
                    server.read(65536)
                writer.write(outgoing.read())
                await writer.drain()
                if not (data := await reader.read(65536)):
                    return
                incoming.write(data)
        writer.write(outgoing.read())
        await writer.drain()

    return talk


def says(words: bytes) -> Talk:
    """A server that says the same whatever it is asked."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return talk


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(network=Network(ca_file=AUTHORITY.ca_file(tmp_path)), user_agent="roadworthy-tests", patience_s=2.0)


@pytest.fixture
def shaken(serve: Serve, bench: Bench) -> Callable[[Talk, Protocol], TlsObservation]:
    def shaken(talk: Talk, protocol: Protocol) -> TlsObservation:
        async def run() -> TlsObservation:
            async with serve(talk) as address, bench.exits:
                ask = TlsAsk(host=HOST, port=address.port, starttls=protocol, resumption=True)
                return await tls.observe(ask, address, bench)

        return asyncio.run(run())

    return shaken


@pytest.mark.real
@pytest.mark.parametrize("protocol", ["smtp", "postgres", "mysql"])
def test_the_handshake_comes_behind_the_plain_words(
    shaken: Callable[[Talk, Protocol], TlsObservation], tmp_path: Path, protocol: Protocol
) -> None:
    seen = shaken(behind(protocol, tmp_path), protocol)
    assert isinstance(seen.result, Handshake), seen.result
    assert (seen.result.distrust, seen.result.alpn, seen.leaf.dns_names) == ((), None, (HOST,))


@pytest.mark.real
@pytest.mark.parametrize(
    ("protocol", "words", "told"),
    [
        ("smtp", b"220 mail\r\n250-mail\r\n250 SIZE 1000\r\n", "EHLO offers 'SIZE 1000', but not STARTTLS"),
        ("smtp", b"554 no service\r\n", "greeted with '554 no service'"),
        ("smtp", b"220 mail\r\n250 STARTTLS\r\n454 not now\r\n", "answered STARTTLS with '454 not now'"),
        ("smtp", b"220 mail\r\n", "closed the connection before TLS began"),
        ("smtp", b"220-x\r\n" * 100, "a reply of more than 64 lines"),
        ("smtp", b"220 " + b"x" * 100_000, "sent a line of more than"),
        ("postgres", b"N", "refuses TLS"),
        ("postgres", b"E", "answered SSLRequest with an error"),
        ("postgres", b"H", "answered SSLRequest with b'H'"),
        ("postgres", b"", "closed the connection"),
        ("mysql", packet(GREETING.replace(b"\x00\x8a", b"\x00\x82")), "8.0.35 offers no TLS"),
        ("mysql", packet(b"\xff\x69\x04Host is blocked"), "refused the connection: 'Host is blocked'"),
        ("mysql", packet(b"\t5.0\0"), "which is not MySQL"),
        ("mysql", b"HTTP/1.1 400 Bad Request\r\n", "which is not MySQL"),
        ("mysql", packet(GREETING)[:10], "closed the connection"),
    ],
)
def test_a_server_without_it_is_seen_without_it(
    shaken: Callable[[Talk, Protocol], TlsObservation], protocol: Protocol, words: bytes, told: str
) -> None:
    result = shaken(says(words), protocol).result
    assert isinstance(result, NoHandshake)
    assert result.failure is NoHandshakeKind.NO_STARTTLS, result
    assert told in result.detail


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.binary(max_size=200), protocol=st.sampled_from(["smtp", "postgres", "mysql"]))
def test_any_words_end_in_tls_or_in_its_absence(words: bytes, protocol: Protocol) -> None:
    class Deaf:
        def write(self, _: bytes) -> None:
            """What is said is not heard."""

    async def run() -> bool:
        reader = asyncio.StreamReader()
        reader.feed_data(words)
        reader.feed_eof()
        try:
            await upgrade(reader, Deaf(), protocol)  # type: ignore[arg-type]
        except NoStarttls:
            return False
        return True

    assert asyncio.run(run()) in (True, False)


@pytest.mark.real
@pytest.mark.parametrize("protocol", ["smtp", "postgres", "mysql"])
def test_the_scan_runs_behind_the_plain_words(serve: Serve, bench: Bench, tmp_path: Path, protocol: Protocol) -> None:
    async def run() -> TlsScanObservation:
        async with serve(behind(protocol, tmp_path)) as address, bench.exits:
            ask = TlsScanAsk(host=HOST, port=address.port, starttls=protocol)
            return await tls_scan.observe(ask, address, bench)

    seen = asyncio.run(run())
    assert set(seen.accepted) == {"1.2", "1.3"}, seen
    assert seen.vulnerabilities == ()
    assert ("ROBOT" in seen.undetermined) is (protocol == "mysql")


@pytest.mark.real
def test_there_is_nothing_to_scan_without_it(serve: Serve, bench: Bench) -> None:
    async def run() -> TlsScanObservation:
        async with serve(says(b"N")) as address, bench.exits:
            ask = TlsScanAsk(host=HOST, port=address.port, starttls="postgres")
            return await tls_scan.observe(ask, address, bench)

    seen = asyncio.run(run())
    assert not seen.reachable
    assert "the server does not offer TLS (refuses TLS (N))" in (seen.gave_up or "")
