"""Bursts and bodies, against the server whose limits most deployments have."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.burst import BurstAsk, BurstObservation, UploadAsk, UploadObservation
from roadworthy.facts.http import SilenceKind
from roadworthy.probes import burst, upload
from roadworthy.probes.burst import seconds_of
from tests.probes.http_servers import request_of
from tests.probes.tls_servers import HOST, Authority, nginx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roadworthy.probes.bench import Address, Bench
    from tests.probes.conftest import Serve

ZONE = "limit_req_zone $binary_remote_addr zone=api:1m rate=%s;"


@pytest.fixture
def limited(tmp_path: Path, bench: Bench) -> Callable[..., BurstObservation]:
    """A burst that meets nginx's limit_req."""

    def look(rate: str, directives: str, **fields: Any) -> BurstObservation:
        async def meet() -> BurstObservation:
            pem = Authority().issue(HOST).write(tmp_path)
            lines = f"{directives} limit_req_status 429; location = /up {{ try_files /none @up; }} "
            async with (
                nginx(tmp_path, pem, lines + 'location @up { return 200 "up"; }', ZONE % rate) as address,
                bench.exits,
            ):
                ask = BurstAsk.of(f"https://{HOST}/up", **{"first": 28, "refuses": (429,), **fields})
                return await burst.observe(ask, address, bench)

        return asyncio.run(meet())

    return look


def counted(seen: BurstObservation) -> list[Counter[int | None]]:
    return [Counter(shot.status for shot in shots) for shots in seen.rounds]


@pytest.mark.real
@pytest.mark.parametrize("http2", ["on", "off"])
def test_a_bucket_is_measured_to_the_request(limited: Callable[..., BurstObservation], http2: str) -> None:
    seen = limited("60r/m", f"http2 {http2}; limit_req zone=api burst=20 nodelay;", settles_s=1.1)
    assert seen.scout is not None
    assert seen.scout.status == 200
    (counts,) = counted(seen)
    assert sum(counts.values()) == 28
    assert counts[200] in (21, 22)  # at one a second, one more may come free


@pytest.mark.real
def test_a_limit_that_delays_is_measured_too(limited: Callable[..., BurstObservation]) -> None:
    seen = limited("50r/s", "http2 on; limit_req zone=api burst=20;", settles_s=0.5)
    (counts,) = counted(seen)
    assert counts[200] >= 21
    assert counts[429] >= 1


@pytest.mark.real
def test_where_nothing_is_refused_a_second_round_makes_sure(limited: Callable[..., BurstObservation]) -> None:
    seen = limited("60r/m", "http2 on; limit_req zone=api burst=200 nodelay;", recovers_s=0.1)
    assert counted(seen) == [Counter({200: 28}), Counter({200: 28})]
    assert seen.recovery is None


@pytest.mark.real
def test_a_larger_bucket_is_measured_in_the_second_round(limited: Callable[..., BurstObservation]) -> None:
    seen = limited("60r/m", "http2 on; limit_req zone=api burst=40 nodelay;", settles_s=1.1)
    total = sum(counted(seen), Counter[int | None]())
    assert total[200] in (41, 42)
    assert total[429] == 56 - total[200]


@pytest.mark.real
def test_more_than_a_connection_carries(limited: Callable[..., BurstObservation]) -> None:
    seen = limited("6000r/m", "http2 on; limit_req zone=api burst=120 nodelay;", first=150)
    assert len(seen.shots) >= 150
    assert all(shot.status in (200, 429) for shot in seen.shots)


@pytest.mark.real
def test_the_limit_lets_go_after_its_time(limited: Callable[..., BurstObservation]) -> None:
    seen = limited("10r/s", "http2 on; limit_req zone=api burst=5 nodelay;", first=20, recovers_s=0.3)
    assert seen.recovery is not None
    assert seen.recovery.status == 200
    assert seen.recovered_after_s is not None
    assert 0.3 <= seen.recovered_after_s < 1


def attempts(serve: Serve, bench: Bench, answers: list[bytes], **fields: Any) -> tuple[BurstObservation, list[str]]:
    """A series of attempts, the answers in turn, and what was sent."""
    sent: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await request_of(reader)
            length = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length"))
            sent.append((await reader.readexactly(length)).decode())
            writer.write(answers[min(len(sent), len(answers)) - 1])
            await writer.drain()

    async def meet() -> BurstObservation:
        async with serve(talk) as address, bench.exits:
            asked = {
                "method": "POST",
                "media_type": "application/json",
                "content": '{"email": "{invented}@x.test", "password": "{invented}"}',
                "first": 6,
                "together": False,
                "refuses": (429,),
            }
            return await burst.observe(BurstAsk.of("http://shop.example/login", **{**asked, **fields}), address, bench)

    return asyncio.run(meet()), sent


def said(status: bytes, *headers: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: 0\r\n%s\r\n" % (status, b"".join(h + b"\r\n" for h in headers))


WRONG, TOO_MANY = said(b"401 Unauthorized"), said(b"429 Too Many Requests", b"Retry-After: 0")


def test_attempts_end_with_the_first_refusal(serve: Serve, bench: Bench) -> None:
    seen, sent = attempts(serve, bench, [WRONG, WRONG, TOO_MANY, WRONG], recovers_s=0.05)
    assert [shot.status for shot in seen.shots] == [401, 401, 429]
    assert seen.shots[-1].retry_after == "0"
    assert seen.recovery is not None
    assert seen.recovery.status == 401
    assert len(sent) == 4
    (word,) = {json.loads(text)["email"].partition("@")[0] for text in sent}
    assert word.startswith("roadworthy-")
    assert json.loads(sent[0])["password"] == word


def test_each_series_invents_its_own_word(serve: Serve, bench: Bench) -> None:
    (_, first), (_, second) = (attempts(serve, bench, [TOO_MANY], first=1) for _ in range(2))
    assert first[0] != second[0]


def test_a_form_is_filled_in_as_well(serve: Serve, bench: Bench) -> None:
    form = {"media_type": "application/x-www-form-urlencoded", "content": "email={invented}%40x.test", "first": 1}
    _, sent = attempts(serve, bench, [WRONG], **form)
    assert sent[0].startswith("email=roadworthy-")


def test_an_earlier_lock_out_is_waited_for_once(serve: Serve, bench: Bench) -> None:
    seen, sent = attempts(serve, bench, [TOO_MANY, WRONG, WRONG, TOO_MANY])
    assert [shot.status for shot in seen.shots] == [401, 401, 429]
    assert len(sent) == 4
    locked = said(b"429 Too Many Requests", b"Retry-After: 3600")
    seen, sent = attempts(serve, bench, [locked])
    assert [shot.status for shot in seen.shots] == [429]
    assert len(sent) == 1


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("Sat, 21 Nov 2026 12:00:30", None),
        (None, None),
        ("٣", None),
    ],
)
def test_when_to_come_again(value: str | None, seconds: float | None) -> None:
    assert seconds_of(value, NOW) == seconds


def send(serve: Serve, bench: Bench, talk: Any, size: int) -> UploadObservation:
    async def meet() -> UploadObservation:
        async with serve(talk) as address, bench.exits:
            return await upload.observe(UploadAsk.of("http://shop.example/x", size), address, bench)

    return asyncio.run(meet())


async def swallow(reader: asyncio.StreamReader, size: int) -> None:
    while size > 0:
        part = await reader.read(65536)
        if not part:
            return
        size -= len(part)


def test_a_server_that_does_not_know_expect_gets_the_body(serve: Serve, bench: Bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await swallow(reader, 700_000)
        writer.write(b"HTTP/1.1 404 Not Found\r\nServer: old\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()

    seen = send(serve, bench, talk, 700_000)
    assert (seen.status, seen.server, seen.sent_bytes, seen.asked_for) == (404, "old", 700_000, False)


def test_an_answer_while_the_body_is_sent_ends_it(serve: Serve, bench: Bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await swallow(reader, 300_000)
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await swallow(reader, 50_000_000)

    seen = send(serve, bench, talk, 50_000_000)
    assert (seen.status, seen.asked_for) == (413, True)
    assert 300_000 <= seen.sent_bytes < 50_000_000


@pytest.mark.parametrize(
    ("answer", "silence"),
    [
        (b"", SilenceKind.CLOSED),
        (b"SSH-2.0-OpenSSH_9.2\r\n", SilenceKind.GARBLED),
        (b"HTTP/1.1 100 Continue\r\n\r\n", SilenceKind.CLOSED),
    ],
)
def test_a_server_that_says_nothing_of_use(serve: Serve, bench: Bench, answer: bytes, silence: SilenceKind) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer)
        writer.write_eof()
        await reader.read()

    assert send(serve, bench, talk, 1000).silence in (silence, SilenceKind.RESET)


def test_a_silent_server_is_given_up(serve: Serve, bench: Bench) -> None:
    bench.patience_s = 0.2

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
        await swallow(reader, 10**9)

    seen = send(serve, bench, talk, 1000)
    assert (seen.silence, seen.sent_bytes) == (SilenceKind.TIMED_OUT, 1000)


@pytest.fixture
def uploads(tmp_path: Path, bench: Bench) -> Callable[..., list[UploadObservation]]:
    def look(directives: str, *sizes: int) -> list[UploadObservation]:
        async def meet() -> list[UploadObservation]:
            async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = await request_of(reader)
                size = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length"))
                await swallow(reader, size)
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                writer.close()

            pem = Authority().issue(HOST).write(tmp_path)
            server = await asyncio.start_server(backend, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            lines = f"{directives} location = /x {{ proxy_pass http://127.0.0.1:{port}; }}"
            async with server, nginx(tmp_path, pem, lines) as address, bench.exits:
                return [await one(address, size) for size in sizes]

        async def one(address: Address, size: int) -> UploadObservation:
            return await upload.observe(UploadAsk.of(f"https://{HOST}/x", size), address, bench)

        return asyncio.run(meet())

    return look


@pytest.mark.real
def test_nginx_refuses_by_the_announced_length_alone(uploads: Callable[..., list[UploadObservation]]) -> None:
    within, over = uploads("client_max_body_size 2000000;", 2_000_000, 2_000_001)
    assert (within.status, within.sent_bytes, within.asked_for) == (404, 2_000_000, True)
    assert (over.status, over.sent_bytes, over.asked_for) == (413, 0, False)
