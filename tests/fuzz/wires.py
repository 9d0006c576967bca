"""What reads bytes from a network: whole exchanges with a server on loopback that sends whatever it is told to."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from OpenSSL import crypto

from roadworthy.facts import HttpAsk, HttpObservation, TlsAsk, TlsObservation
from roadworthy.facts.base import Record, Seen
from roadworthy.probes import http, tls, tls_hello
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.certificates import read_certificate
from roadworthy.target.network import Network
from tests.fuzz.inputs import blobs
from tests.fuzz.parser import Parser
from tests.hostile import certificates
from tests.hostile.http_2 import ANSWER, CONTINUATION, DATA, END_HEADERS, GOAWAY, HEADERS, PING, SETTINGS, bomb, frame

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from roadworthy.facts.base import Ask, Observation

PATIENCE_S = 0.3


class Stage:
    """One event loop with one server, whose answer changes from input to input."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.says = b""
        self._runner = asyncio.Runner()
        self.port = self._run(self._start(context))

    def meet(self, probe: Any, ask: Ask, says: bytes) -> Observation:
        """What a probe makes of the answer; a record of it reads back as it was."""
        self.says = says
        return self._run(self._meet(probe, ask))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    async def _start(self, context: ssl.SSLContext | None) -> int:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=context)
        return int(self._server.sockets[0].getsockname()[1])

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read(65536)
            writer.write(self.says)
            await writer.drain()
            writer.close()

    async def _meet(self, probe: Any, ask: Ask) -> Observation:
        bench = Bench(network=Network(), user_agent="fuzz", patience_s=PATIENCE_S)
        started = datetime.now(UTC)
        async with bench.exits:
            seen: Observation = await probe(ask, Address("127.0.0.1", self.port), bench)
        record = Record(ask=ask, address="127.0.0.1:1", result=Seen(observation=seen), started=started, elapsed_s=0.1)
        assert Record.from_json(record.model_dump_json()) == record
        return seen


@cache
def stage(*, secure: bool = False) -> Stage:
    if not secure:
        return Stage()
    with TemporaryDirectory() as folder:
        context = certificates.context(Path(folder), [certificates.certificate(certificates.SAN)])
    context.set_alpn_protocols(["h2"])
    return Stage(context)


def read_http(says: bytes) -> None:
    ask = HttpAsk.of("http://shop.example/")
    assert isinstance(stage().meet(http.observe, ask, says), HttpObservation)


def read_h2(says: bytes) -> None:
    ask = HttpAsk.of("https://shop.example/")
    assert isinstance(stage(secure=True).meet(http.observe, ask, frame(SETTINGS) + says), HttpObservation)


def read_tls(says: bytes) -> None:
    ask = TlsAsk(host="shop.example", port=443)
    assert isinstance(stage().meet(tls.observe, ask, says), TlsObservation)


def read_hello(says: bytes) -> None:
    for ssl2 in (True, False):
        for with_group in (True, False):
            tls_hello.read_answer(says, ssl2=ssl2, with_group=with_group)


def read_der(der: bytes) -> None:
    with suppress(crypto.Error):
        received = crypto.load_certificate(crypto.FILETYPE_ASN1, der)
        read_certificate(received)


@cache
def flight() -> bytes:
    """What a real server answers to a hello of TLS 1.2, certificate and key exchange included."""
    with TemporaryDirectory() as folder:
        context = certificates.context(Path(folder), [certificates.certificate(certificates.SAN)])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(tls_hello.client_hello("1.2", (0xC02B, 0xC02C), host="shop.example"))
    with suppress(ssl.SSLWantReadError):
        server.do_handshake()
    return outgoing.read()


RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-16\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: br\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
    b"HTTP/1.0 503 \xff\r\nX: \xe9\r\n X\r\nSet-Cookie: a=b\r\n\r\nbody",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
)
FRAMES = (
    ANSWER + frame(DATA, b"ok", flags=1, stream=1),
    frame(HEADERS, bomb()[:300], flags=END_HEADERS, stream=1),
    frame(PING, b"12345678") + frame(GOAWAY, b"\0" * 8) + frame(CONTINUATION, b"x", stream=1),
)
DERS = tuple(
    one if isinstance(one, bytes) else one.public_bytes(certificates.Encoding.DER)
    for name in ("an extension that can't be read", "names that can't be read", "a negative serial", "an invalid date")
    for one in certificates.CHAINS[name][0]()
)
HELLOS = (flight(), b"\x15\3\3\0\2\2\x28", b"\x80\x0b\4\0\1\0\2\0\0\0\0\0\0")

PARSERS = (
    Parser("http-answer", read_http, blobs(*RESPONSES)),
    Parser("h2-answer", read_h2, blobs(*FRAMES)),
    Parser("tls-answer", read_tls, blobs(*HELLOS)),
    Parser("tls-hello", read_hello, blobs(*HELLOS)),
    Parser("certificate", read_der, blobs(*DERS), (ValueError,)),
)
