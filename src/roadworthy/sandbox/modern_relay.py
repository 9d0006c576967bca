"""A TLS terminator before nginx, with an OpenSSL that has post-quantum key exchange (`cryptography` brings it along).

OpenSSL works on memory and asyncio carries its bytes, all in one loop; the function is the whole life of one process.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from OpenSSL import SSL

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from pathlib import Path

    from roadworthy.sandbox.deployment import Tls

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
CHUNK = 64 * 1024


def relay(address: tuple[str, int], backend: tuple[str, int], tls: Tls, chain: Path, key: Path) -> None:
    """All as the edge would have it, and hybrid groups."""
    context = _context(tls, chain, key)

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*backend)
        except OSError as error:
            sys.stderr.write(f"{backend}: {error}\n")
            writer.close()
            return
        session = _Session(SSL.Connection(context), writer)
        with contextlib.suppress(OSError):
            await asyncio.gather(session.inwards(reader, inner_writer), session.outwards(inner_reader))
        writer.close()
        inner_writer.close()

    async def serve() -> None:
        await (await asyncio.start_server(connected, *address)).serve_forever()

    asyncio.run(serve())


def _context(tls: Tls, chain: Path, key: Path) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(str(chain))
    context.use_privatekey_file(str(key))
    context.set_min_proto_version(VERSIONS[min(tls.versions)])
    context.set_max_proto_version(VERSIONS[max(tls.versions)])
    context.set_options(SSL.OP_NO_RENEGOTIATION)
    context.set_session_id(b"sandbox")
    if tls.suites:
        context.set_cipher_list(":".join(tls.suites).encode())
    context.set_alpn_select_callback(_choose)
    return context


def _choose(_: SSL.Connection, offered: list[bytes]) -> bytes:
    return next((one for one in (b"h2", b"http/1.1") if one in offered), b"http/1.1")


class _Session:
    """One client: what it sends goes inwards in plain, what comes back goes outwards encrypted."""

    def __init__(self, client: SSL.Connection, writer: StreamWriter) -> None:
        self._client = client
        self._writer = writer
        self._waiting = b""
        client.set_accept_state()

    async def inwards(self, reader: StreamReader, inner: StreamWriter) -> None:
        """Until the client hangs up."""
        try:
            while data := await reader.read(CHUNK):
                self._client.bio_write(data)
                with contextlib.suppress(SSL.WantReadError):
                    while True:
                        inner.write(self._client.recv(CHUNK))
                self._send(b"")
                await inner.drain()
        except SSL.Error:
            self._flush()  # the alert
        inner.close()

    async def outwards(self, inner: StreamReader) -> None:
        """Until the server behind hangs up."""
        with contextlib.suppress(SSL.Error):
            while data := await inner.read(CHUNK):
                self._send(data)
                await self._writer.drain()
            self._client.shutdown()
        self._flush()
        self._writer.close()

    def _send(self, data: bytes) -> None:
        """Encrypts what there is to send, as soon as there is a session."""
        self._waiting += data
        with contextlib.suppress(SSL.WantReadError):
            self._client.do_handshake()
            while self._waiting:
                self._waiting = self._waiting[self._client.send(self._waiting[:CHUNK]) :]
        self._flush()

    def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                self._writer.write(self._client.bio_read(CHUNK))
