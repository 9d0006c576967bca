"""WebSocket against real servers: the well-kept ones of `websockets`, and hand-made ones that are not."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from hashlib import sha1
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket
from websockets.typing import Origin, Subprotocol

from roadworthy.facts.http import SilenceKind
from roadworthy.facts.websocket import WebsocketAsk, WebsocketObservation
from roadworthy.probes.bench import Address
from roadworthy.probes.websocket import MOST_BYTES, observe
from tests.probes.http_servers import HOST, closes, endless, never, request_of, says

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from roadworthy.probes.bench import Bench
    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

    Look = Callable[..., WebsocketObservation]

URL = f"http://{HOST}/ws"
CLOSE = b"\x88\x02\x03\xe8"
"""A close frame with code 1000."""


@pytest.fixture
def look(serve: Serve, bench: Bench) -> Look:
    """Serves a talk and connects once."""

    def looks(talk: Talk, url: str = URL, *, tls: ssl.SSLContext | None = None, **fields: Any) -> WebsocketObservation:
        async def meet() -> WebsocketObservation:
            async with serve(talk, tls=tls) as address, bench.exits:
                return await observe(WebsocketAsk.of(url).model_copy(update=fields), address, bench)

        return asyncio.run(meet())

    return looks


@pytest.fixture
def meet(bench: Bench) -> Look:
    """Serves with a sound server and connects once."""

    def meets(
        handler: Callable[[ServerConnection], Awaitable[None]],
        url: str = URL,
        *,
        server: dict[str, Any] | None = None,
        **fields: Any,
    ) -> WebsocketObservation:
        async def meeting() -> WebsocketObservation:
            async with serve_websocket(handler, "127.0.0.1", 0, **server or {}) as served, bench.exits:
                address = Address("127.0.0.1", next(iter(served.sockets)).getsockname()[1])
                return await observe(WebsocketAsk.of(url).model_copy(update=fields), address, bench)

        return asyncio.run(meeting())

    return meets


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def accept(lines: list[str]) -> str:
    key = next(line.partition(": ")[2] for line in lines if line.lower().startswith("sec-websocket-key"))
    return b64encode(sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()  # noqa: S324 - RFC 6455


def opens(*frames: bytes, stays: bool = True, headers: str = "", wrong: bool = False) -> Talk:
    """Completes the handshake, sends raw frames, and listens or ends."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proof = "d3Jvbmc=" if wrong else accept(await request_of(reader))
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {proof}\r\n{headers}\r\n".encode()
        )
        for frame in frames:
            writer.write(frame)
        await writer.drain()
        if stays:
            await reader.read(-1)

    return talk


async def silently_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.close()


# A server that is well


def test_a_sound_server_is_told(meet: Look) -> None:
    seen = meet(echo, sends="ready?", awaits="ready?")
    assert seen.opened
    assert (seen.status, seen.messages, seen.closed, seen.closed_first, seen.broke) == (
        101,
        ("ready?",),
        1000,
        False,
        None,
    )
    assert seen.ponged_s is not None
    assert not seen.transient
    assert str(seen) == "opened"


def test_the_handshake_is_sent_under_the_urls_own_name(look: Look) -> None:
    asked: list[list[str]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    look(talk, url=f"http://{HOST}:8015/ws?EIO=4&transport=websocket", origin="https://www.shop.example")
    look(talk, url=f"ws://{HOST}/ws")
    assert asked[0][0] == "GET /ws?EIO=4&transport=websocket HTTP/1.1"
    assert {f"Host: {HOST}:8015", "Origin: https://www.shop.example", "User-Agent: roadworthy-tests"} <= set(asked[0])
    assert f"Host: {HOST}" in asked[1]
    assert not any(line.startswith("Origin") for line in asked[1])


def test_wss_is_spoken_over_tls_that_is_not_verified(meet: Look, tls: ssl.SSLContext) -> None:
    assert meet(echo, url=f"https://{HOST}/ws", server={"ssl": tls}).opened


def test_the_subprotocol_is_told(meet: Look) -> None:
    server = {"subprotocols": [Subprotocol("chat"), Subprotocol("graphql-transport-ws")]}
    assert meet(echo, server=server, subprotocol="graphql-transport-ws").subprotocol == "graphql-transport-ws"
    assert meet(echo, subprotocol="graphql-transport-ws").subprotocol is None


def test_an_origin_that_is_refused_is_told(meet: Look) -> None:
    server = {"origins": [Origin("https://www.shop.example")]}
    assert meet(echo, server=server, origin="https://www.shop.example").opened
    seen = meet(echo, server=server, origin="https://other.example")
    assert (seen.opened, seen.status) == (False, 403)


def test_listening_ends_when_the_awaited_message_is_there(meet: Look) -> None:
    async def greets(connection: ServerConnection) -> None:
        await connection.send('0{"sid": "x"}')
        await connection.send("more")
        await connection.wait_closed()

    began = time.monotonic()
    seen = meet(greets, awaits='"sid"')
    assert seen.messages[0] == '0{"sid": "x"}'
    assert time.monotonic() - began < 0.7


def test_binary_and_long_messages_are_told_shortly(meet: Look) -> None:
    async def sends(connection: ServerConnection) -> None:
        await connection.send(b"\0" * 300)
        await connection.send("x" * 5000)
        await connection.send(iter(["fra", "gments"]))
        await connection.wait_closed()

    seen = meet(sends, awaits="fragments")
    assert [seen.messages[0], len(seen.messages[1]), seen.messages[2]] == ["[300 bytes, binary]", 2048, "fragments"]


def test_a_server_that_closes_by_itself_is_told(meet: Look) -> None:
    async def leaves(connection: ServerConnection) -> None:
        await connection.close(1008, "no such origin")

    seen = meet(leaves)
    assert (seen.opened, seen.closed, seen.closed_first, seen.reason) == (True, 1008, True, "no such origin")
    assert seen.ponged_s is None


# One that does not do its part


def test_a_missing_pong_is_seen_within_the_attempt(look: Look) -> None:
    began = time.monotonic()
    seen = look(opens())
    assert seen.opened
    assert (seen.ponged_s, seen.closed, seen.broke) == (None, None, None)
    assert time.monotonic() - began < 1.3


def test_a_pong_of_another_ping_does_not_count(look: Look) -> None:
    assert look(opens(b"\x8a\x05other")).ponged_s is None


def test_a_close_that_is_not_answered_is_seen(look: Look) -> None:
    assert look(opens(b"\x8a\x0aroadworthy")).closed is None
    assert look(opens(b"\x8a\x0aroadworthy", CLOSE)).closed == 1000


@pytest.mark.parametrize(
    ("talk", "broke"),
    [
        (opens(stays=False), "closed without a close frame"),
        (opens(b"\x83\x00"), "broke the protocol"),  # an opcode that is not assigned
        (opens(b"\x81\x82\0\0\0\0hi"), "broke the protocol"),  # a server must not mask
        (opens(b"\x81\x02\xff\xfe"), "broke the protocol"),  # no UTF-8
        (opens(b"\x81\x7f\0\0\0\1\0\0\0\0"), "broke the protocol"),  # announces 4 GB
    ],
)
def test_a_connection_that_breaks_is_told(talk: Talk, broke: str, look: Look) -> None:
    seen = look(talk, awaits="never")
    assert seen.opened
    assert seen.broke is not None
    assert broke in seen.broke
    assert seen.transient


def test_a_peer_that_talks_without_end_is_not_listened_to(look: Look) -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await opens(stays=False)(reader, writer)
        while True:
            writer.write(b"\x82\x7e\xff\xff" + b"x" * 0xFFFF)
            await writer.drain()

    seen = look(floods, awaits="never")
    assert seen.broke is not None
    assert "more than was asked for" in seen.broke or "protocol" in seen.broke
    assert sum(map(len, seen.messages)) < MOST_BYTES


async def announces_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        writer.write(b"X-A: " + b"a" * 4000 + b"\r\n")
        await writer.drain()


def test_headers_without_end_open_nothing(look: Look) -> None:
    seen = look(announces_without_end)
    assert not seen.opened
    assert seen.refused or seen.silence is SilenceKind.GARBLED


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        (
            b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 4\r\n\r\ngone",
            404,
            "answered 404 from nginx: gone",
        ),
        (b"HTTP/1.1 426 Upgrade Required\r\n\r\n", 426, "answered 426"),
        (b"HTTP/1.0 400 Bad Request\r\n\r\n", 400, "answered 400"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "answered 200: ok"),
    ],
)
def test_an_answer_that_opens_nothing_is_told(answer: bytes, status: int, told: str, look: Look) -> None:
    seen = look(says(answer))
    assert (seen.opened, seen.status, str(seen)) == (False, status, told)


def test_a_status_counts_although_its_body_never_ends(look: Look) -> None:
    seen = look(says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\nno", end=False))
    assert (seen.opened, seen.status) == (False, 403)


@pytest.mark.parametrize(
    ("talk", "problem"),
    [
        (opens(wrong=True), "Sec-WebSocket-Accept"),
        (opens(headers="Sec-WebSocket-Extensions: permessage-deflate\r\n"), "extension"),
        (opens(headers="Sec-WebSocket-Protocol: chat\r\n"), "subprotocol"),
        (says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "Connection"),
    ],
)
def test_a_101_that_is_no_handshake_is_told(talk: Talk, problem: str, look: Look) -> None:
    seen = look(talk)
    assert not seen.opened
    assert seen.refused is not None
    assert problem in seen.refused


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (never, SilenceKind.TIMED_OUT),
        (silently_closes, SilenceKind.CLOSED),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), SilenceKind.GARBLED),
        (endless(b"HTTP/1.1 ", b"x" * 4096), SilenceKind.GARBLED),
    ],
)
def test_no_answer_has_its_kind(talk: Talk, kind: SilenceKind, look: Look) -> None:
    seen = look(talk)
    assert seen.silence is kind, seen
    assert seen.transient


def test_a_closed_port_refuses(bench: Bench) -> None:
    async def meeting() -> WebsocketObservation:
        async with bench.exits:
            return await observe(WebsocketAsk.of(URL), Address("127.0.0.1", 9), bench)

    assert asyncio.run(meeting()).silence is SilenceKind.REFUSED


def test_observations_survive_a_round_trip(meet: Look, look: Look) -> None:
    for seen in meet(echo, sends="a"), look(closes), look(opens(wrong=True)):
        assert WebsocketObservation.model_validate_json(seen.model_dump_json()) == seen


def test_a_message_is_not_sent_again_once_it_may_have_been_heard(meet: Look, look: Look) -> None:
    ask = WebsocketAsk.of(URL, sends="order")
    assert not ask.may_repeat(meet(echo, sends="order"))
    assert ask.may_repeat(look(closes))
    assert WebsocketAsk.of(URL).may_repeat(meet(echo))
