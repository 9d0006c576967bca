"""What runs in the sandbox's own processes: the services, a bare listener, the name server, the old TLS relay.

Each function here is the whole life of one process: it never returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from pathlib import Path

    from roadworthy.sandbox.deployment import Need, Page, Service, Store, Tls, Zone

TTL_S = 60
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_ALLOW_CLIENT_RENEGOTIATION = 1 << 8  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION of OpenSSL 3; `ssl` has no name for it


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


class _Site(_Server):
    """A service's pages, and the threads that ask what it depends on."""

    def __init__(self, service: Service) -> None:
        self.pages = {page.path: page for page in service.pages}
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
            self._answer(404, "application/json", b'{"error":"not found"}')
            return
        time.sleep(page.delay_s)
        if failed := site.unwell(page):
            self._answer(503, "application/json", json.dumps({"status": "error", "failed": failed}).encode())
            return
        charset = "" if page.media_type.endswith("json") else "; charset=utf-8"
        self._answer(page.status, page.media_type + charset, page.body.encode(), page.headers)

    do_HEAD = do_GET  # noqa: N815 - http.server finds methods by these names

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


def serve_names(zone: Zone) -> None:
    """An authoritative name server for everything, over UDP and TCP."""
    answers = {dns.name.from_text(name): ips for name, ips in zone.names.items()}

    class Datagrams(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            if reply := _reply(data, answers):
                self.transport.sendto(reply, address)

    async def stream(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                reply = _reply(await reader.readexactly(size), answers)
                if reply is None:
                    break
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
        writer.close()

    async def serve() -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, local_addr=zone.address)
        await (await asyncio.start_server(stream, *zone.address)).serve_forever()

    asyncio.run(serve())


def _reply(wire: bytes, names: dict[dns.name.Name, tuple[str, ...]]) -> bytes | None:
    try:
        question = dns.message.from_wire(wire)
        response = dns.message.make_response(question)
    except dns.exception.DNSException:
        return None
    response.flags |= dns.flags.AA
    for asked in question.question:
        found = names.get(asked.name)
        if found is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(asked.name, TTL_S, "IN", "A", *found))
        if not response.answer:
            soa = f"ns.sandbox. hostmaster.sandbox. 1 3600 600 86400 {TTL_S}"
            response.authority.append(dns.rrset.from_text(dns.name.root, TTL_S, "IN", "SOA", soa))
    return response.to_wire()


def relay(address: tuple[str, int], backend: tuple[str, int], tls: Tls, chain: Path, key: Path) -> None:
    """An old TLS terminator before nginx: all as the edge had, and clients may renegotiate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.options |= _ALLOW_CLIENT_RENEGOTIATION
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.minimum_version, context.maximum_version = _VERSIONS[min(tls.versions)], _VERSIONS[max(tls.versions)]
    if tls.suites:
        context.set_ciphers(":".join(tls.suites))

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
