"""What runs in the sandbox's own processes: the services, a bare listener, the old TLS relay.

Each function here is the whole life of one process: it never returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import math
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any, cast

from roadworthy.sandbox import sockets
from roadworthy.sandbox.throttle import Counter

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from pathlib import Path

    from roadworthy.sandbox.deployment import Need, Page, Service, Store, Tls
    from roadworthy.sandbox.throttle import Door, Throttle

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_CURVES = {"P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1"}
_ALLOW_CLIENT_RENEGOTIATION = 1 << 8  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION of OpenSSL 3; `ssl` has no name for it


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


class _Site(_Server):
    """A service's pages, and the threads that ask what it depends on."""

    def __init__(self, service: Service) -> None:
        self.pages = {page.path: page for page in service.pages}
        self.missing = service.missing
        self.counter = Counter()
        self._checks = ThreadPoolExecutor(max_workers=16)
        super().__init__(service.address, _Visit)

    def turn(self, path: str) -> Page | None:
        """The page to answer now."""
        page = self.pages.get(path)
        if page is not None and page.then is not None:
            self.pages[path] = page.then
        return page

    def unwell(self, page: Page) -> list[str]:
        """What a page needs and is not well."""
        fine = self._checks.map(_is_well, page.needs)
        return [need.component for need, well in zip(page.needs, fine, strict=True) if not well]


class _Visit(BaseHTTPRequestHandler):
    """One connection to a site."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1  # headers and body leave together
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        site = cast("_Site", self.server)
        page = site.turn(self.path.partition("?")[0])
        if page is None:
            self._answer(404, "application/json", site.missing.encode())
            return
        if page.throttle is not None and page.door is None and self._refused(page.throttle, ""):
            return
        if page.socket is not None and self.headers.get("Upgrade"):
            self.close_connection = True
            sockets.converse(page.socket, self.connection, self.path, self.headers.items())
            return
        time.sleep(page.delay_s)
        if failed := site.unwell(page):
            self._answer(503, "application/json", json.dumps({"status": "error", "failed": failed}).encode())
            return
        known = [value for name, value in page.headers if name == "ETag"]
        if page.heeds_conditions and known and self.headers.get("If-None-Match") == known[0]:
            self._answer(304, None, b"", page.headers)
            return
        charset = "" if page.media_type.endswith("json") else "; charset=utf-8"
        self._answer(page.status, page.media_type + charset, page.body.encode(), page.headers)

    do_HEAD = do_GET  # noqa: N815 - http.server finds methods by these names

    def do_POST(self) -> None:
        """Takes what is sent, whatever becomes of it."""
        body = self._body()
        site = cast("_Site", self.server)
        page = site.pages.get(self.path.partition("?")[0])
        if page is not None and page.takes_any_method:
            self.do_GET()
        elif page is None:
            self._answer(404, "application/json", site.missing.encode())
        elif page.door is None:
            self._answer(405, "application/json", b'{"error":"method not allowed"}', (("Allow", "GET, HEAD"),))
        elif page.throttle is None or not self._refused(page.throttle, body):
            self._try(page.door, body)

    def _body(self) -> str:
        left = int(self.headers.get("Content-Length") or 0)
        kept = b""
        while left and (part := self.rfile.read(min(left, 65536))):
            left -= len(part)
            kept = (kept + part)[:65536]
        return kept.decode("utf-8", "replace")

    def _try(self, door: Door, body: str) -> None:
        if body in door.lets_in:
            self._answer(200, "application/json", door.opened.encode())
        elif door.back_to is not None:
            self._answer(302, "text/html", b"", (("Location", door.back_to),))
        else:
            self._answer(door.refuses, "application/json", door.body.encode())

    def _refused(self, throttle: Throttle, key: str) -> bool:
        """Whether the client has asked for the page, or tried this very thing, too often, and was told so."""
        wait_s = cast("_Site", self.server).counter.seconds_to_wait(throttle, (self.path.partition("?")[0], key))
        if wait_s is None:
            return False
        headers = (("Retry-After", str(math.ceil(wait_s))),) if throttle.retry_after else ()
        self._answer(throttle.status, "application/json", b'{"message":"Too Many Attempts."}', headers)
        return True

    def __getattr__(self, name: str) -> Any:
        """A method that nobody thought of: only some pages take it."""
        page = cast("_Site", self.server).pages.get(self.path.partition("?")[0]) if name.startswith("do_") else None
        if page is None or not page.takes_any_method:
            raise AttributeError(name)
        return self.do_GET

    def do_OPTIONS(self) -> None:
        self._answer(204, None, b"", (("Allow", "GET, HEAD, OPTIONS"),))

    def _answer(
        self, status: int, media_type: str | None, body: bytes, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.log_request(status)
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        if media_type is not None:
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def serve_pages(service: Service) -> None:
    """A service that answers its pages."""
    with _Site(service) as site:
        site.serve_forever()


def _is_well(need: Need) -> bool:
    try:
        if need.path is None:
            socket.create_connection(need.address, need.patience_s).close()
            return True
        connection = http.client.HTTPConnection(*need.address, timeout=need.patience_s)
        with contextlib.closing(connection):
            connection.request("GET", need.path)
            return connection.getresponse().status < 400  # noqa: PLR2004 - RFC 9110 section 15.5
    except (OSError, http.client.HTTPException):
        return False


def serve_nothing(store: Store) -> None:
    """A bare listener: accepts connections and says nothing."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                pass

    with _Server(store.address, Handler) as server:
        server.serve_forever()


def relay(address: tuple[str, int], backend: tuple[str, int], tls: Tls, chain: Path, key: Path) -> None:
    """An old TLS terminator before nginx: all as the edge had, and clients may renegotiate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.options |= _ALLOW_CLIENT_RENEGOTIATION
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.minimum_version, context.maximum_version = _VERSIONS[min(tls.versions)], _VERSIONS[max(tls.versions)]
    if tls.suites:
        context.set_ciphers(":".join(tls.suites))
    if curve := next((_CURVES[group] for group in tls.groups if group in _CURVES), None):
        context.set_ecdh_curve(curve)  # one alone: so old are such relays

    async def pipe(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*backend)
        except OSError as error:
            sys.stderr.write(f"{backend}: {error}\n")
            writer.close()
            return
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    async def serve() -> None:
        await (await asyncio.start_server(connected, *address, ssl=context)).serve_forever()

    asyncio.run(serve())
