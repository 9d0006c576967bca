"""The HTTP probe against servers that behave, and against servers that do not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import struct
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import brotli
import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import Answer, HttpAsk, HttpObservation, HttpVersion, Silence, SilenceKind
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.http import observe
from roadworthy.target.models import Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probes.conftest import Serve, Talk

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOST = "shop.example"


async def request_of(reader: asyncio.StreamReader) -> list[str]:
    return (await reader.readuntil(b"\r\n\r\n")).decode().rstrip("\r\n").split("\r\n")


def says(*parts: bytes, end: bool = True) -> Talk:
    """Reads a request, sends the parts one by one, and closes or stays."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()

    return talk


@pytest.fixture
def ask_of(serve: Serve, bench: Bench) -> Callable[..., HttpObservation]:
    """Serves a talk and observes it once."""

    def look(
        talk: Talk, *, url: str = f"http://{HOST}/", tls: ssl.SSLContext | None = None, **fields: Any
    ) -> HttpObservation:
        async def meet() -> HttpObservation:
            async with serve(talk, tls=tls) as address, bench.exits:
                ask = HttpAsk.of(url).model_copy(update=fields)
                return await observe(ask, address, bench)

        return asyncio.run(meet())

    return look


Look = "Callable[..., HttpObservation]"


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    """A server's context whose certificate nobody has a reason to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("another.example").configure_cert(context)
    return context


def silence(observation: HttpObservation) -> Silence:
    assert isinstance(observation.result, Silence)
    assert observation.transient
    return observation.result


# What is asked


def test_the_request_is_sent_under_the_urls_own_name(ask_of: Look) -> None:
    asked: list[list[str]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(OK)

    ask_of(talk, url=f"http://{HOST}:8001/a%20b/ä?q=1#top")
    assert asked == [
        [
            "GET /a%20b/%C3%A4?q=1 HTTP/1.1",
            f"host: {HOST}:8001",
            "user-agent: roadworthy-tests",
            "accept: */*",
            "accept-encoding: identity",
        ]
    ]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Shop.Example.:80/", "shop.example"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("http://straße.example/", "xn--strae-oqa.example"),
        ("http://[2001:DB8::1]:8080/", "[2001:db8::1]:8080"),
    ],
)
def test_host_names_are_sent_as_ascii(url: str, host: str, ask_of: Look) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Host: " + lines[1].removeprefix("host: ").encode() + b"\r\n\r\n")

    assert ask_of(talk, url=url).answer.one("x-host") == host


def test_the_asks_headers_replace_the_probes_own(ask_of: Look) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = "\n".join(await request_of(reader)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)

    headers = (("Accept-Encoding", "gzip"), ("Origin", "https://www.shop.example"))
    assert ask_of(talk, method="OPTIONS", headers=headers).answer.body.split("\n") == [
        "OPTIONS / HTTP/1.1",
        f"host: {HOST}",
        "user-agent: roadworthy-tests",
        "accept: */*",
        "Accept-Encoding: gzip",
        "Origin: https://www.shop.example",
    ]


def test_the_environments_proxy_is_not_asked(ask_of: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert ask_of(says(OK)).answer.status == 200


# What is answered


def test_an_answer_is_told_as_it_was_sent(ask_of: Look) -> None:
    answer = ask_of(
        says(
            b"HTTP/1.1 503 Busy\r\nSet-Cookie: a=1\r\nX-Name:  M\xc3\xbcller \r\nSet-Cookie: b=2\r\nX-Old: M\xfcller\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nsorry"
        )
    ).answer
    assert answer.status == 503
    assert answer.version == "http/1.1"
    assert answer.headers == (
        ("set-cookie", "a=1"),
        ("x-name", "Müller"),
        ("set-cookie", "b=2"),
        ("x-old", "Müller"),
        ("content-type", "text/plain"),
        ("content-length", "5"),
    )
    assert (answer.body, answer.body_bytes, answer.truncated) == ("sorry", 5, False)


def test_phases_follow_one_another(ask_of: Look, tls: ssl.SSLContext) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        await asyncio.sleep(0.05)
        writer.write(b"k")

    phases = ask_of(talk, url=f"https://{HOST}/", tls=tls).answer.phases
    assert phases.connected_s is not None
    assert phases.tls_s is not None
    assert phases.first_byte_s is not None
    assert 0 < phases.connected_s < phases.tls_s < phases.first_byte_s < phases.total_s
    assert phases.total_s - phases.first_byte_s >= 0.04


def test_without_tls_there_is_no_tls_phase(ask_of: Look) -> None:
    assert ask_of(says(OK)).answer.phases.tls_s is None


def test_http_1_0_is_told(ask_of: Look) -> None:
    answer = ask_of(says(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")).answer
    assert (answer.version, answer.body) == ("http/1.0", "until the end")


def test_interim_answers_are_no_answers(ask_of: Look) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    answer = ask_of(says(b"HTTP/1.1 100 Continue\r\n\r\n", early, OK)).answer
    assert (answer.status, answer.one("link"), answer.body) == (200, None, "ok")


def test_an_answer_to_head_has_no_body(ask_of: Look) -> None:
    answer = ask_of(
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 999\r\n\r\n"), method="HEAD"
    ).answer
    assert (answer.body, answer.body_bytes, answer.truncated) == ("", 0, False)


def test_chunks_make_one_body(ask_of: Look) -> None:
    parts = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    answer = ask_of(says(*parts)).answer
    assert (answer.body, answer.body_bytes) == ("abcde", 5)


# HTTP over TLS


def test_the_certificate_is_not_judged_and_the_urls_name_is_sent(ask_of: Look) -> None:
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("another.example").configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    assert ask_of(says(OK), url="https://bücher.example:8443/", tls=context).answer.status == 200
    assert ask_of(says(OK), url="https://127.0.0.1/", tls=context).answer.status == 200
    assert names == ["xn--bcher-kva.example", None]


@pytest.mark.parametrize(
    ("offers", "spoken", "agreed"),
    [
        (HttpVersion.BEST, ["h2", "http/1.1"], "h2"),
        (HttpVersion.BEST, ["http/1.1"], "http/1.1"),
        (HttpVersion.H2, ["http/1.1", "h2"], "h2"),
        (HttpVersion.H2, ["http/1.1"], "None"),
        (HttpVersion.HTTP_1_1, ["h2", "http/1.1"], "http/1.1"),
        (HttpVersion.HTTP_1_1, ["h2"], "None"),
    ],
)
def test_alpn_offers_what_the_ask_says(
    offers: HttpVersion, spoken: list[str], agreed: str, ask_of: Look, tls: ssl.SSLContext
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        alpn = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        if alpn == "h2":
            await h2_says([(":status", "200"), ("x-alpn", alpn)])(reader, writer)
        else:
            await says(f"HTTP/1.1 200 OK\r\nX-Alpn: {alpn}\r\n\r\n".encode())(reader, writer)

    tls.set_alpn_protocols(spoken)
    answer = ask_of(talk, url=f"https://{HOST}/", tls=tls, offers=offers).answer
    assert (answer.one("x-alpn"), answer.version) == (agreed, "h2" if agreed == "h2" else "http/1.1")


def h2_says(headers: list[tuple[str, str]], *bodies: bytes, then: bytes = b"") -> Talk:
    """An HTTP/2 server that answers the first request, and may send raw bytes after it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = h2.config.H2Configuration(
            client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    connection.send_headers(event.stream_id, headers, end_stream=not bodies and not then)
                    for body in bodies:
                        connection.send_data(event.stream_id, body, end_stream=body is bodies[-1] and not then)
            writer.write(connection.data_to_send() + then)
            await writer.drain()

    return talk


@pytest.fixture
def h2_tls(tls: ssl.SSLContext) -> ssl.SSLContext:
    tls.set_alpn_protocols(["h2"])
    return tls


def test_http_2_answers_are_told_alike(ask_of: Look, h2_tls: ssl.SSLContext) -> None:
    headers = [(":status", "404"), ("x-twice", "1"), ("x-twice", "2")]
    answer = ask_of(h2_says(headers, b"a" * 9000, b"b" * 9000), url=f"https://{HOST}/", tls=h2_tls).answer
    assert (answer.status, answer.version) == (404, "h2")
    assert answer.headers == (("x-twice", "1"), ("x-twice", "2"))
    assert answer.body == "a" * 9000 + "b" * 9000


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


# Silence


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    await reader.read()
    await asyncio.Event().wait()


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
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    linger = struct.pack("ii", 1, 0)
    socket = writer.get_extra_info("socket")
    socket.setsockopt(1, 13, linger)


def endless(start: bytes, part: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()

    return talk


@pytest.mark.parametrize(
    ("talk", "kind", "detail"),
    [
        (never, SilenceKind.TIMED_OUT, "waiting for an answer"),
        (drips, SilenceKind.TIMED_OUT, "in the middle of the answer"),
        (continues, SilenceKind.TIMED_OUT, "in the middle of the answer"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", end=False), SilenceKind.TIMED_OUT, "in the middle"),
        (closes, SilenceKind.CLOSED, "waiting for an answer: Server disconnected"),
        (says(b"HTTP/1.1 200 OK\r\nX-Cut: "), SilenceKind.CLOSED, "in the middle of the answer"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), SilenceKind.CLOSED, "received 2 bytes, expected 9"),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            SilenceKind.CLOSED,
            "incomplete chunked",
        ),
        (resets, SilenceKind.RESET, "waiting for an answer: Connection reset by peer"),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), SilenceKind.GARBLED, "illegal status line"),
        (says(b"hello"), SilenceKind.GARBLED, "in the middle of the answer"),
        (says(b"\x15\x03\x01\x00\x02\x02\x46"), SilenceKind.GARBLED, "in the middle of the answer"),
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


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (never, SilenceKind.TIMED_OUT),
        (closes, SilenceKind.TLS_FAILED),
        (endless(b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"), SilenceKind.TLS_FAILED),
    ],
)
def test_a_server_that_speaks_no_tls(talk: Talk, kind: SilenceKind, ask_of: Look, bench: Bench) -> None:
    bench.patience_s = 0.3

    async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader.feed_data(b"\r\n\r\n")
        await talk(reader, writer)

    seen = silence(ask_of(at_once, url=f"https://{HOST}/"))
    assert seen.silence is kind, seen
    assert "in the TLS handshake" in seen.detail


def test_a_server_that_wants_another_protocol_ends_the_handshake(ask_of: Look) -> None:
    """RFC 7301 section 3.2: no_application_protocol; OpenSSL's servers do so only by their own callback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    trustme.CA().issue_cert("another.example").configure_cert(context)
    seen = silence(ask_of(says(OK), url=f"https://{HOST}/", tls=context))
    assert seen.silence is SilenceKind.TLS_FAILED
    assert "unrecognized name" in seen.detail.lower().replace("_", " ")


def test_a_client_certificate_that_is_wanted_is_a_tls_failure(ask_of: Look) -> None:
    """With TLS 1.3 the server says so after the client believes that the handshake is done."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca = trustme.CA()
    ca.issue_cert("another.example").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    seen = silence(ask_of(says(OK), url=f"https://{HOST}/", tls=context))
    assert seen.silence is SilenceKind.TLS_FAILED, seen


# Bodies


LIMIT = 10_000
GIB = 1 << 30


def compressed(coding: str, size: int) -> bytes:
    if coding == "br":
        compressor = brotli.Compressor(quality=1)
        return b"".join(compressor.process(bytes(1 << 20)) for _ in range(size >> 20)) + compressor.finish()
    deflater = zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "deflate": 15}[coding])
    return b"".join(deflater.compress(bytes(1 << 20)) for _ in range(size >> 20)) + deflater.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_bomb_does_not_go_off(coding: str, ask_of: Look) -> None:
    bomb = compressed(coding, GIB)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    tracemalloc.start()
    answer = ask_of(says(head + bomb), body_limit=LIMIT).answer
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.body, answer.truncated) == ("\0" * LIMIT, True)
    assert answer.body_bytes <= LIMIT + (1 << 17)
    assert peak < 8 << 20


def test_a_bomb_within_a_bomb_does_not_go_off(ask_of: Look) -> None:
    bomb = gzip.compress(gzip.compress(compressed("gzip", GIB >> 3)))
    answer = ask_of(
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\n\r\n" + bomb), body_limit=LIMIT
    ).answer
    assert (len(answer.body) <= LIMIT, answer.truncated) == (True, True)


def test_an_endless_body_is_read_to_the_limit(ask_of: Look, h2_tls: ssl.SSLContext) -> None:
    parts = endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 999)
    chunks = endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3e7\r\n" + b"x" * 999 + b"\r\n")
    for talk in parts, chunks:
        answer = ask_of(talk, body_limit=LIMIT).answer
        assert (answer.body, answer.truncated) == ("x" * LIMIT, True)
        assert answer.body_bytes <= LIMIT + (1 << 17)


@pytest.mark.parametrize(("size", "truncated"), [(LIMIT, False), (LIMIT + 1, True)])
@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_a_body_at_the_limit_is_whole(size: int, truncated: bool, coding: str, ask_of: Look) -> None:  # noqa: FBT001
    data = b"x" * size
    body = {"identity": data, "gzip": gzip.compress(data), "br": brotli.compress(data)}[coding]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answer = ask_of(says(head + body), body_limit=LIMIT).answer
    assert (answer.body, answer.truncated) == ("x" * LIMIT, truncated)
    assert answer.body_bytes == len(body)


# Redirects


def redirects(places: dict[str, str]) -> Talk:
    """Redirects as a map of path to location says; anything else is answered."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await request_of(reader))[0].split()[1]
        if location := places.get(path):
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            writer.write(OK)
        await writer.drain()

    return talk


def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(ask_of: Look) -> None:
    seen = ask_of(redirects({"/": "/shop"}))
    assert (seen.answer.status, seen.answer.one("location"), seen.hops) == (302, "/shop", ())


def test_redirects_are_followed_and_told(ask_of: Look) -> None:
    seen = ask_of(redirects({"/": "shop/", "/shop/": f"http://{HOST.upper()}/shop/de?x=ä b#top"}), follow=True)
    assert seen.answer.status == 200
    assert [(hop.url, hop.status, hop.location) for hop in seen.hops] == [
        (f"http://{HOST}/", 302, "shop/"),
        (f"http://{HOST}/shop/", 302, f"http://{HOST.upper()}/shop/de?x=ä b#top"),
    ]
    assert (seen.loops, seen.left_for) == (False, None)


def test_a_loop_ends_where_it_began(ask_of: Look) -> None:
    seen = ask_of(redirects({"/": "/a", "/a": "/b", "/b": "/a#again"}), follow=True)
    assert seen.loops
    assert [hop.url for hop in seen.hops] == [f"http://{HOST}{path}" for path in ("/", "/a", "/b")]
    assert seen.answer.status == 302


@pytest.mark.parametrize(("count", "loops"), [(10, False), (11, True)])
def test_ten_redirects_are_followed(count: int, loops: bool, ask_of: Look) -> None:  # noqa: FBT001
    places = {"/": "/1"} | {f"/{i}": f"/{i + 1}" for i in range(1, count)}
    seen = ask_of(redirects(places), follow=True)
    assert (seen.loops, seen.answer.status, len(seen.hops)) == (loops, 302 if loops else 200, count)


@pytest.mark.parametrize(
    ("location", "left_for"),
    [
        ("http://other.example/x", "http://other.example/x"),
        ("//other.example/x", "http://other.example/x"),
        (f"http://www.{HOST}/", f"http://www.{HOST}/"),
        ("shop://open", "shop://open"),
        ("http:///x", "http:///x"),
    ],
)
def test_another_host_is_named_and_not_asked(location: str, left_for: str, ask_of: Look) -> None:
    seen = ask_of(redirects({"/": location}), follow=True)
    assert (seen.left_for, seen.answer.status, len(seen.hops), seen.loops) == (left_for, 302, 1, False)


@pytest.mark.parametrize("location", ["http://[::1/", f"http://{HOST}:99999/", f"http://{HOST}:x/"])
def test_a_location_that_leads_nowhere_is_the_end(location: str, ask_of: Look) -> None:
    seen = ask_of(redirects({"/": location}), follow=True)
    assert (seen.answer.status, seen.hops, seen.left_for) == (302, (), None)


def test_a_redirect_into_silence_keeps_its_hops(ask_of: Look) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "GET / " in (await request_of(reader))[0]:
            writer.write(b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /gone\r\nContent-Length: 0\r\n\r\n")

    seen = ask_of(talk, follow=True)
    assert silence(seen).silence is SilenceKind.CLOSED
    assert [hop.status for hop in seen.hops] == [308]


@pytest.mark.parametrize("position", [0, 1])
def test_another_port_of_the_name_is_met_on_the_same_machine(
    position: int, serve: Serve, bench: Bench, tls: ssl.SSLContext
) -> None:
    """http:// to https://: the route of the new port at the same position, and TLS there."""
    tls.set_alpn_protocols(["http/1.1"])

    def named(name: bytes) -> Talk:
        return says(b"HTTP/1.1 200 OK\r\nX-Name: " + name + b"\r\nContent-Length: 0\r\n\r\n")

    async def look() -> HttpObservation:
        moved = redirects({"/": f"https://{HOST}/"})
        async with (
            serve(moved) as first,
            serve(moved) as second,
            serve(named(b"first"), tls=tls) as first_tls,
            serve(named(b"second"), tls=tls) as second_tls,
        ):
            ports = [(80, first), (80, second), (443, first_tls), (443, second_tls)]
            bench.network = Network(connect_to=tuple(f"{HOST}:{port}:{at}" for port, at in ports))
            return await observe(HttpAsk.of(f"http://{HOST}/", follow=True), (first, second)[position], bench)

    seen = asyncio.run(look())
    assert seen.answer.one("x-name") == ("first", "second")[position]
    assert [hop.url for hop in seen.hops] == [f"http://{HOST}/"]


def test_another_port_without_a_route_is_met_at_the_same_ip(serve: Serve, bench: Bench) -> None:
    async def look() -> HttpObservation:
        async with serve(says(OK)) as there, serve(redirects({"/": f"http://{HOST}:{there.port}/"})) as here:
            return await observe(HttpAsk.of(f"http://{HOST}/", follow=True), here, bench)

    seen = asyncio.run(look())
    assert isinstance(seen.result, Answer)
    assert seen.result.status == 200


# The facts


def test_observations_survive_a_round_trip(ask_of: Look) -> None:
    for seen in ask_of(redirects({"/": "/a"}), follow=True), ask_of(closes):
        assert HttpObservation.model_validate_json(seen.model_dump_json()) == seen


def test_an_error_of_ones_own_is_no_state_of_the_peer(ask_of: Look) -> None:
    with pytest.raises(Exception, match=r"(?i)illegal header"):
        ask_of(says(OK), headers=(("x-bad", "a\r\nb"),))
