"""A page and its scripts, searched."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.http import MOST_SCRIPTS, Answer, ScriptsAsk, ScriptsObservation, Silence
from roadworthy.probes.bench import Bench
from roadworthy.probes.scripts import MOST_BYTES, observe, scripts_of
from roadworthy.target.network import Network
from tests.probes.http_servers import closes, request_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

    Read = Callable[..., ScriptsObservation]

API = "https://api.shop.example"
URL = "http://www.shop.example/"


def site(pages: dict[str, str], asked: list[str]) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await request_of(reader))[0].split()[1]
        asked.append(path)
        body = pages.get(path, "").encode()
        status = "200 OK" if path in pages else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return talk


@pytest.fixture
def read(serve: Serve, bench: Bench) -> Read:
    def look(talk: Talk, *wanted: str) -> ScriptsObservation:
        async def meet() -> ScriptsObservation:
            async with serve(talk) as address, bench.exits:
                return await observe(ScriptsAsk.of(URL, wanted or (API,)), address, bench)

        return asyncio.run(meet())

    return look


def test_the_page_itself_may_name_it(read: Read) -> None:
    asked: list[str] = []
    seen = read(site({"/": f'<script>api = "{API}/v1"</script><script src="/a.js"></script>'}, asked))
    assert seen.found == ((API, URL),)
    assert asked == ["/"]


def test_scripts_are_read_until_it_is_found(read: Read) -> None:
    asked: list[str] = []
    html = '<script src="a.js"></script><script src="/b.js?v=1"></script><script src="/c.js"></script>'
    escaped = API.replace("/", "\\/")
    seen = read(site({"/": html, "/a.js": "1", "/b.js?v=1": f'{{"url":"{escaped}"}}', "/c.js": "2"}, asked))
    assert seen.found == ((API, f"{URL}b.js?v=1"),)
    assert asked == ["/", "/a.js", "/b.js?v=1"]


@pytest.mark.parametrize("text", [f"{API}.evil.example", f"{API}-staging", f"{API}:8443", "http://api.shop.example"])
def test_a_longer_name_is_another(text: str, read: Read) -> None:
    assert read(site({"/": f'"{text}"'}, [])).found == ()


@pytest.mark.parametrize("text", [f"{API}/", f"{API}.", f"{API}: ", f'"{API}"', f"{API}?x"])
def test_what_may_follow_a_name(text: str, read: Read) -> None:
    assert read(site({"/": text}, [])).found == ((API, URL),)


def test_what_was_not_read_is_told(read: Read) -> None:
    asked: list[str] = []
    html = "".join(
        f'<script src="{src}"></script>' for src in ("/gone.js", "https://cdn.example/x.js", "/long.js", "/a.js")
    )
    seen = read(site({"/": html, "/long.js": "x" * (MOST_BYTES + 1), "/a.js": "1"}, asked))
    assert seen.read == (f"{URL}a.js",)
    assert dict(seen.unread) == {
        f"{URL}gone.js": "answered 404",
        "https://cdn.example/x.js": "on another host",
        f"{URL}long.js": "too long",
    }
    assert asked == ["/", "/gone.js", "/long.js", "/a.js"]


def test_only_so_many_scripts_are_read(read: Read) -> None:
    asked: list[str] = []
    html = "".join(f'<script src="/{n}.js"></script>' for n in range(MOST_SCRIPTS + 2))
    seen = read(site({"/": html}, asked))
    assert len(asked) == MOST_SCRIPTS + 1
    assert [why for _, why in seen.unread][-2:] == [f"more than {MOST_SCRIPTS}"] * 2


def test_what_there_was_no_time_for_is_told(serve: Serve) -> None:
    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await request_of(reader))[0].startswith("GET / "):
            html = b'<script src="/1.js"></script><script src="/2.js"></script><script src="/3.js"></script>'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(html), html))
            await writer.drain()
        else:
            await reader.read()

    async def meet() -> ScriptsObservation:
        network = Network.model_validate({"scan_timeout": "500ms"})
        bench = Bench(network=network, user_agent="roadworthy-tests", patience_s=0.3)
        async with serve(drips) as address, bench.exits:
            return await observe(ScriptsAsk.of(URL, (API,)), address, bench)

    seen = asyncio.run(meet())
    assert [why for _, why in seen.unread] == ["timed out", "timed out", "no time was left"]


def test_a_page_that_is_not_there_is_told(read: Read) -> None:
    seen = read(closes)
    assert isinstance(seen.page, Silence)
    assert seen.transient
    gone = read(site({}, []))
    assert isinstance(gone.page, Answer)
    assert gone.page.status == 404
    assert ScriptsObservation.model_validate_json(gone.model_dump_json()) == gone


def test_scripts_are_found_as_bundlers_write_them() -> None:
    html = (
        '<base href="/x/"><script defer src="/_next/a.js?dpl=1&amp;b=2"></script><link rel=modulepreload href=b.js>'
        "<link rel='preload' as='script' href='https://cdn.example/c.js#x'><link rel=preload as=style href=d.css>"
        '<SCRIPT SRC="b.js"></SCRIPT><script>1</script><script src="data:text/javascript,1"></script>'
        '<script src="https://[broken/"></script>'
    )
    assert scripts_of(html, "https://a.example/") == (
        "https://a.example/_next/a.js?dpl=1&b=2",
        "https://a.example/x/b.js",
        "https://cdn.example/c.js",
    )


@pytest.mark.parametrize("junk", ["<script ", "<script a=", '<link "', "<script" + " " * 1990, "<script src=<"])
def test_junk_takes_no_time(junk: str) -> None:
    began = time.monotonic()
    assert scripts_of(junk * (600_000 // len(junk)), "https://a.example/") == ()
    assert time.monotonic() - began < 2
