"""What is no complete answer: each way has its kind."""

from __future__ import annotations

import asyncio
import errno
import gzip
import socket
import ssl
import struct
from typing import TYPE_CHECKING

import h2.exceptions
import h11
import httpcore
import pytest
import trustme

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import HttpAsk, HttpObservation, SilenceKind
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.body import UndecodableBody
from roadworthy.probes.http import observe, silence_of
from roadworthy.probes.wire import Wire
from tests.probes.http_servers import HOST, OK, closes, endless, h2_says, never, request_of, says, silence
from tests.probes.tls_servers import alerting

if TYPE_CHECKING:
    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Look, Talk


@pytest.mark.parametrize(
    ("headers", "then", "kind"),
    [
        ([(":status", "200")], b"\0\0\4\3\0\0\0\0\1\0\0\0\2", SilenceKind.RESET),  # RST_STREAM
        ([(":status", "200")], b"\0\0\x08\7\0\0\0\0\0\0\0\0\1\0\0\0\2", SilenceKind.CLOSED),  # GOAWAY
        ([(":status", "200")], b"\0\0\1\6\0\0\0\0\0?", SilenceKind.GARBLED),  # PING of one byte
        ([(":status", "two hundred")], b"", SilenceKind.GARBLED),
    ],
)
def test_http_2_that_breaks_off(
    headers: list[tuple[str, str]], then: bytes, kind: SilenceKind, ask_of: Look, h2_tls: ssl.SSLContext
) -> None:
    seen = silence(ask_of(h2_says(headers, then=then), url=f"https://{HOST}/", tls=h2_tls))
    assert seen.silence is kind, seen


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def continues(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 99)
        await writer.drain()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("talk", "kind", "detail"),
    [
        (never, SilenceKind.TIMED_OUT, "waiting for an answer"),
        (drips, SilenceKind.TIMED_OUT, "after its first bytes"),
        (continues, SilenceKind.TIMED_OUT, "after its first bytes"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", end=False), SilenceKind.TIMED_OUT, "after its first"),
        (closes, SilenceKind.CLOSED, "waiting for an answer: Server disconnected"),
        (says(b"HTTP/1.1 200 OK\r\nX-Cut: "), SilenceKind.CLOSED, "after its first bytes"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), SilenceKind.CLOSED, "received 2 bytes, expected 9"),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            SilenceKind.CLOSED,
            "incomplete chunked",
        ),
        (resets, SilenceKind.RESET, "waiting for an answer: Connection reset by peer"),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), SilenceKind.GARBLED, "it began with b'SSH-2.0-OpenSSH_9.6"),
        (says(b"hello"), SilenceKind.GARBLED, "it began with b'hello'"),
        (says(b"\x15\x03\x01\x00\x02\x02\x46"), SilenceKind.GARBLED, "it began with"),
        (says(b"HTTP/3.0 200 OK\r\n\r\n"), SilenceKind.GARBLED, "HTTP/3.0"),
        (says(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), SilenceKind.GARBLED, "illegal header line"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
            SilenceKind.GARBLED,
            "conflicting Content-Length",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n"),
            SilenceKind.GARBLED,
            "illegal chunk header",
        ),
        (endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 999), SilenceKind.GARBLED, "too long"),
        (endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 9999), SilenceKind.GARBLED, "too long"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nplain"), SilenceKind.GARBLED, "the body is no gzip"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 99)[:-4]),
            SilenceKind.GARBLED,
            "gzip ends early",
        ),
    ],
)
def test_what_is_no_complete_answer_is_silence(
    talk: Talk, kind: SilenceKind, detail: str, ask_of: Look, bench: Bench
) -> None:
    bench.patience_s = 0.3
    seen = silence(ask_of(talk))
    assert seen.silence is kind, seen
    assert detail in seen.detail
    assert seen.elapsed_s > 0


def test_nobody_there_is_refused(bench: Bench, serve: Serve) -> None:
    async def look() -> HttpObservation:
        async with serve(never) as address:
            pass
        return await observe(HttpAsk.of(f"http://{HOST}/"), address, bench)

    assert silence(asyncio.run(look())).silence is SilenceKind.REFUSED


def test_no_way_there_is_not_observed(bench: Bench) -> None:
    with pytest.raises(NotObserved) as told:
        asyncio.run(observe(HttpAsk.of(f"http://{HOST}/"), Address("224.0.0.1", 80), bench))
    assert told.value.reason is Reason.UNREACHABLE


async def talks_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.shop.example ESMTP\r\n")
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (never, SilenceKind.TIMED_OUT),
        (closes, SilenceKind.TLS_FAILED),
        (talks_first, SilenceKind.TLS_FAILED),
    ],
)
def test_a_server_that_speaks_no_tls(talk: Talk, kind: SilenceKind, ask_of: Look, bench: Bench) -> None:
    bench.patience_s = 0.3
    seen = silence(ask_of(talk, url=f"https://{HOST}/"))
    assert seen.silence is kind, seen
    assert "in the TLS handshake" in seen.detail


def test_a_server_that_ends_the_handshake_is_quoted(bench: Bench) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    trustme.CA().issue_cert("another.example").configure_cert(context)
    with alerting(context) as address:
        seen = silence(asyncio.run(observe(HttpAsk.of(f"https://{HOST}/"), address, bench)))
    assert seen.silence is SilenceKind.TLS_FAILED
    assert "unrecognized name" in seen.detail


def test_a_client_certificate_that_is_wanted_is_a_tls_failure(bench: Bench) -> None:
    """With TLS 1.3 the server says so after the client believes that the handshake is done."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca = trustme.CA()
    ca.issue_cert("another.example").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with alerting(context) as address:
        seen = silence(asyncio.run(observe(HttpAsk.of(f"https://{HOST}/"), address, bench)))
    assert seen.silence is SilenceKind.TLS_FAILED, seen
    assert "certificate required" in seen.detail


H2_ERRORS = [
    error
    for error in vars(h2.exceptions).values()
    if isinstance(error, type) and issubclass(error, h2.exceptions.ProtocolError)
]


@pytest.mark.parametrize("error", H2_ERRORS)
def test_every_complaint_of_h2_is_about_the_peer(error: type[h2.exceptions.ProtocolError]) -> None:
    complaint = error.__new__(error)
    assert silence_of(complaint, Wire()) is SilenceKind.GARBLED
    assert silence_of(httpcore.LocalProtocolError(complaint), Wire()) is SilenceKind.GARBLED


@pytest.mark.parametrize(
    ("error", "doing", "kind"),
    [
        (TimeoutError(), "connecting", SilenceKind.TIMED_OUT),
        (ConnectionRefusedError(), "connecting", SilenceKind.REFUSED),
        (ConnectionResetError(), "connecting", SilenceKind.REFUSED),
        (ConnectionResetError(), "in the TLS handshake", SilenceKind.TLS_FAILED),
        (ConnectionAbortedError(), "in the TLS handshake", SilenceKind.TLS_FAILED),
        (ssl.SSLError(), "in the TLS handshake", SilenceKind.TLS_FAILED),
        (ssl.SSLError(), "waiting for an answer", SilenceKind.TLS_FAILED),
        (ConnectionResetError(), "waiting for an answer", SilenceKind.RESET),
        (BrokenPipeError(), "waiting for an answer", SilenceKind.RESET),
        (httpcore.WriteError(), "after its first bytes", SilenceKind.RESET),
        (httpcore.RemoteProtocolError(), "after its first bytes", SilenceKind.GARBLED),
        (httpcore.ConnectionNotAvailable(), "waiting for an answer", SilenceKind.CLOSED),
        (UndecodableBody(), "after its first bytes", SilenceKind.GARBLED),
        (OSError(errno.EMFILE, ""), "connecting", None),
        (httpcore.LocalProtocolError(h11.LocalProtocolError("")), "waiting for an answer", None),
        (NotObserved(Reason.UNREACHABLE, ""), "connecting", None),
        (KeyError(), "waiting for an answer", None),
    ],
)
def test_each_librarys_errors_are_mapped(error: Exception, doing: str, kind: SilenceKind | None) -> None:
    wire = Wire()
    wire.doing = doing
    assert silence_of(error, wire) is kind


def test_an_error_of_ones_own_is_no_state_of_the_peer(ask_of: Look) -> None:
    with pytest.raises(Exception, match=r"(?i)illegal header"):
        ask_of(says(OK), headers=(("x-bad", "a\r\nb"),))
