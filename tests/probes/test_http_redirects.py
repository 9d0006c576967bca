"""Redirects: each told, none followed to another host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.http import Answer, HttpAsk, HttpObservation, SilenceKind
from roadworthy.probes.http import observe
from roadworthy.target.network import Network
from tests.probes.http_servers import HOST, OK, redirects, request_of, says, silence

if TYPE_CHECKING:
    import ssl

    from roadworthy.probes.bench import Bench
    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Look, Talk


def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(ask_of: Look) -> None:
    seen = ask_of(redirects({"/": "/shop"}))
    assert (seen.answer.status, seen.answer.one("location"), seen.hops) == (302, "/shop", ())


@pytest.mark.parametrize(("status", "then"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_post_is_followed_as_browsers_do(status: int, then: str, ask_of: Look) -> None:
    asked: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = await request_of(reader)
        body = [line for line in lines if line.startswith("content-length")]
        asked.append(f"{lines[0].split()[0]} {body[0] if body else ''}".strip())
        if len(asked) == 1:
            writer.write(f"HTTP/1.1 {status} x\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            writer.write(OK)

    assert ask_of(talk, method="POST", content="a=1", follow=True).answer.status == 200
    assert asked == ["POST content-length: 3", "POST content-length: 3" if then == "POST" else "GET"]


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
