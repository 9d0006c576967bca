"""Places: what is kept of what stands there, over as few connections as it takes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import SilenceKind
from roadworthy.facts.paths import PathsAsk, Spot
from roadworthy.probes.paths import KEPT, MOST_BYTES, masked, observe
from roadworthy.rules.leaks import NOWHERE, leak_faults, places_of
from tests.probes.http_servers import never, request_of
from tests.probes.tls_servers import HOST, Authority, nginx

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.facts.paths import PathsObservation
    from roadworthy.probes.bench import Bench
    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk


class Shop:
    """A server of a few pages that counts its connections and requests."""

    def __init__(self, pages: dict[str, bytes], *, keeps: bool = True) -> None:
        self.pages = pages
        self.keeps = keeps
        self.connections = 0
        self.asked: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            request = await request_of(reader)
            self.asked.append(request[0].split()[1])
            body = self.pages.get(self.asked[-1].partition("?")[0])
            status = b"404 Not Found" if body is None else b"200 OK"
            close = b"" if self.keeps else b"Connection: close\r\n"
            head = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n"
            writer.write(head % (status, len(body or b""), close) + (body or b""))
            await writer.drain()
            if not self.keeps:
                return


def look(talk: Talk, serve: Serve, bench: Bench, *paths: str, scripts_of: str | None = None) -> PathsObservation:
    async def meet() -> PathsObservation:
        async with serve(talk) as address, bench.exits:
            ask = PathsAsk.of("http://shop.example", tuple(Spot(path=path) for path in paths), scripts_of)
            return await observe(ask, address, bench)

    return asyncio.run(meet())


@pytest.mark.parametrize(("keeps", "connections"), [(True, 1), (False, 3)])
def test_places_share_a_connection_as_long_as_it_lasts(
    serve: Serve, bench: Bench, *, keeps: bool, connections: int
) -> None:
    shop = Shop({"/a": b"one", "/b": b"two"}, keeps=keeps)
    seen = look(shop.talk, serve, bench, "/a", "/b?x=%27", "/c")
    assert [(glimpse.status, glimpse.start) for glimpse in seen.glimpses] == [(200, "one"), (200, "two"), (404, "")]
    assert shop.asked == ["/a", "/b?x=%27", "/c"]
    assert shop.connections == connections


def test_of_a_large_file_no_more_is_read_than_tells_what_it_is(serve: Serve, bench: Bench) -> None:
    shop = Shop({"/backup.zip": b"PK\3\4" + b"\0" * 40 * MOST_BYTES, "/text": b"a line\n" * MOST_BYTES, "/c": b"c"})
    archive, text, last = look(shop.talk, serve, bench, "/backup.zip", "/text", "/c").glimpses
    assert (archive.magic[:8], archive.start) == ("504b0304", "")
    assert len(text.start) == KEPT
    assert (last.start, shop.connections) == ("c", 3)


def test_values_of_settings_are_not_kept(serve: Serve, bench: Bench) -> None:
    env = b'APP_KEY="base64:c2VjcmV0"\nexport DB_PASSWORD=hunter2\n[core]\n\turl = https://me:hunter2@git.example\n'
    (glimpse,) = look(Shop({"/.env": env}).talk, serve, bench, "/.env").glimpses
    assert "APP_KEY=…" in glimpse.start
    assert "[core]" in glimpse.start
    assert "hunter2" not in glimpse.model_dump_json()
    assert "c2VjcmV0" not in glimpse.model_dump_json()


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"ref: refs/heads/main\n", "ref: refs/heads/main\n"),
        (b"password: hunter2\n", "password: …\n"),
        (b"    at Object.<anonymous> (/srv/app.js:1:7)\n", "    at Object.<anonymous> (/srv/app.js:1:7)\n"),
        (
            b"<!doctype html><style>a{b:c}</style><SCRIPT>x=1</SCRIPT><h1>So  it is",
            "<!doctype html><h1>So it is",
        ),
        (b"<html><script>never closed", "<html>"),
        (b"\x00\x01binary", ""),
        (b"\xff\xfe caf\xc3\xa9", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} café"),
    ],
)
def test_what_is_kept_of_a_body(body: bytes, kept: str) -> None:
    assert masked(body) == kept


def test_who_falls_silent_is_asked_no_more(serve: Serve, bench: Bench) -> None:
    bench.patience_s = 0.1
    calls = 0

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await never(reader, writer)

    with pytest.raises(NotObserved) as caught:
        look(counts, serve, bench, *(f"/{number}" for number in range(50)))
    assert caught.value.reason is Reason.NO_ANSWER
    assert "timed out" in caught.value.detail
    assert calls == 3


def test_one_place_may_be_cut_off(serve: Serve, bench: Bench) -> None:
    async def cuts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await request_of(reader))[0].split()[1]
        if path != "/attack":
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()

    first, cut, last = look(cuts, serve, bench, "/a", "/attack", "/b").glimpses
    assert (first.status, cut.status, last.status) == (404, None, 404)
    assert cut.silence in (SilenceKind.RESET, SilenceKind.CLOSED)


def test_source_maps_are_followed_on_the_own_host_alone(serve: Serve, bench: Bench) -> None:
    page = (
        b'<html><script src="/told.js"></script><script async src=hidden.js?v=2></script>'
        b'<script src="/none.js"></script>'
        b'<script src="/inline.js"></script><script src="https://cdn.example/x.js"></script><script>1</script></html>'
    )
    held = b'{"version":3,"sources":["../a.ts","../b.ts"],"mappings":"A"}'
    shop = Shop(
        {
            "/": page,
            "/told.js": b"x()\n//# sourceMappingURL=maps/told.js.map",
            "/maps/told.js.map": held,
            "/hidden.js": b"y()",
            "/hidden.js.map": held,
            "/none.js": b"z()",
            "/inline.js": b"z()\n//# sourceMappingURL=data:application/json;base64,e30=",
        }
    )
    seen = look(shop.talk, serve, bench, NOWHERE, scripts_of="/")
    found = {(found.script, found.at, found.sources) for found in seen.source_maps}
    assert found == {
        ("/told.js", "/maps/told.js.map", 2),
        ("/hidden.js?v=2", "/hidden.js.map", 2),
        ("/inline.js", "inline", 0),
    }
    assert (seen.page_status, seen.scripts) == (200, 4)


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"503 Service Unavailable", None])
def test_a_map_that_is_not_answered_is_told(serve: Serve, bench: Bench, status: bytes | None) -> None:
    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await request_of(reader))[0].split()[1]
        said = b"404 Not Found" if path == NOWHERE else status if path == "/app.js.map" else b"200 OK"
        body = b'<html><script src="/app.js"></script></html>' if path == "/" else b""
        if said:
            head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (said, len(body))
            writer.write(head + body)
            await writer.drain()

    seen = look(busy, serve, bench, NOWHERE, scripts_of="/")
    assert (seen.scripts, seen.source_maps) == (1, ())
    assert [told.partition(":")[0] for told in seen.scripts_unanswered] == ["/app.js.map"]


@pytest.mark.real
def test_a_sweep_of_nginx_over_one_connection(tmp_path: Path, bench: Bench) -> None:
    (tmp_path / "www" / "uploads").mkdir(parents=True)
    (tmp_path / "www" / ".env").write_text("APP_NAME=Shop\nDB_PASSWORD=hunter2\n")
    (tmp_path / "www" / "uploads" / "invoice.pdf").write_text("%PDF")
    directives = f"http2 on; root {tmp_path}/www; location /uploads/ {{ autoindex on; }} location ~ /\\. {{ }}"
    paths = (NOWHERE, *(path for kind in ("dot-files", "panels", "listings") for path in places_of(kind, HOST)))

    async def meet() -> PathsObservation:
        pem = Authority().issue(HOST).write(tmp_path)
        async with nginx(tmp_path, pem, directives) as address, bench.exits:
            ask = PathsAsk.of(f"https://{HOST}", tuple(Spot(path=path) for path in paths))
            return await observe(ask, address, bench)

    seen = asyncio.run(meet())
    assert all(glimpse.status for glimpse in seen.glimpses)
    assert leak_faults(seen, "dot-files", HOST, "") == ["/.env hands out an environment file"]
    assert leak_faults(seen, "listings", HOST, "") == ["/uploads/ hands out the list of a folder's files"]
    assert leak_faults(seen, "panels", HOST, "") == []
