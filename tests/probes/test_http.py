"""What is asked, and how an answer is told."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from roadworthy.facts.http import HttpObservation, HttpVersion
from tests.probes.http_servers import HOST, OK, closes, h2_says, redirects, request_of, says

if TYPE_CHECKING:
    from tests.probes.http_servers import Look

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


async def hears(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with what it was sent, body included."""
    lines = await request_of(reader)
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    lines.append((await reader.readexactly(length)).decode())
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + "\n".join(lines).encode())


def test_a_body_is_sent_with_its_length(ask_of: Look) -> None:
    headers = (("Content-Type", "application/json"),)
    lines = ask_of(hears, method="POST", headers=headers, content='{"name": "Müller"}').answer.body.split("\n")
    assert lines[0] == "POST / HTTP/1.1"
    assert lines[-3:] == ["content-length: 19", "Content-Type: application/json", '{"name": "Müller"}']


@pytest.mark.parametrize(("method", "length"), [("POST", True), ("PUT", True), ("DELETE", False), ("TRACE", False)])
def test_an_empty_body_is_announced_where_one_is_expected(method: str, length: bool, ask_of: Look) -> None:  # noqa: FBT001
    lines = ask_of(hears, method=method).answer.body.split("\n")
    assert lines[0] == f"{method} / HTTP/1.1"
    assert ("content-length: 0" in lines) is length


def test_a_body_is_sent_over_http_2(ask_of: Look, h2_tls: ssl.SSLContext) -> None:
    talk = h2_says([(":status", "201")], b"made")
    assert ask_of(talk, url=f"https://{HOST}/", tls=h2_tls, method="POST", content="a=1").answer.status == 201


def test_the_environments_proxy_is_not_asked(ask_of: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert ask_of(says(OK)).answer.status == 200


# What is answered


def test_an_answer_is_told_as_it_was_sent(ask_of: Look) -> None:
    answer = ask_of(
        says(
            b"HTTP/1.1 503 Busy\r\nSet-Cookie: a=1\r\nX-Name:  M\xc3\xbcller \r\nSet-Cookie: b=2\r\n"
            b"X-Old: M\xfcller\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nsorry"
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


def test_http_2_answers_are_told_alike(ask_of: Look, h2_tls: ssl.SSLContext) -> None:
    headers = [(":status", "404"), ("x-twice", "1"), ("x-twice", "2")]
    answer = ask_of(h2_says(headers, b"a" * 9000, b"b" * 9000), url=f"https://{HOST}/", tls=h2_tls).answer
    assert (answer.status, answer.version) == (404, "h2")
    assert answer.headers == (("x-twice", "1"), ("x-twice", "2"))
    assert answer.body == "a" * 9000 + "b" * 9000


# The facts


def test_observations_survive_a_round_trip(ask_of: Look) -> None:
    for seen in ask_of(redirects({"/": "/a"}), follow=True), ask_of(closes):
        assert HttpObservation.model_validate_json(seen.model_dump_json()) == seen
