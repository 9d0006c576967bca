"""The connection below one HTTP exchange: to one address, under one name, and on the clock."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpcore

from roadworthy.facts.http import HttpVersion, Phases
from roadworthy.probes.tcp import close, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.probes.bench import Address, Bench

READ_BYTES = 16 * 1024
"""At once: taking apart thousands of tiny frames or chunks takes a while, in which nothing else happens."""


class Wire(httpcore.AsyncNetworkStream):
    """What httpcore reads from and writes to. Waiting is bounded from outside, so its own time-outs are not used."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.doing = "connecting"
        self.connected_s: float | None = None
        self.tls_s: float | None = None
        self.first_byte_s: float | None = None
        self.first_bytes = b""
        self.received = 0
        self.sent = False
        """Something was sent, and may have been heard."""
        self.ended = False
        """The peer closed its side."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the exchange began."""
        return round(time.perf_counter() - self._started, 6)

    @property
    def phases(self) -> Phases:
        """When each phase was over, the last one now."""
        return Phases(
            connected_s=self.connected_s, tls_s=self.tls_s, first_byte_s=self.first_byte_s, total_s=self.elapsed_s
        )

    @property
    def alpn(self) -> str | None:
        """The protocol that was agreed on in the TLS handshake."""
        tls = self.get_extra_info("ssl_object")
        return tls.selected_alpn_protocol() if tls else None

    async def connect(self, address: Address) -> None:
        """Opens the connection; raises as `tcp.connect`."""
        self._reader, self._writer = await connect(address)
        self.connected_s = self.elapsed_s
        self.doing = "waiting for an answer"

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Speaks TLS from here on; the name is sent unless it is an IP address (RFC 6066 section 3)."""
        assert self._writer  # noqa: S101 - connect() comes first
        self.doing = "in the TLS handshake"
        await self._writer.start_tls(context, server_hostname=name)
        self.tls_s = self.elapsed_s
        self.doing = "waiting for an answer"

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109, ARG002 - httpcore's
        """The next bytes; none at the peer's end."""
        assert self._reader  # noqa: S101 - connect() comes first
        data = await self._reader.read(min(max_bytes, READ_BYTES))
        await asyncio.sleep(0)  # a peer that never lets up is no reason to let others, and the clock, wait
        if self.first_byte_s is None and data:
            self.first_byte_s, self.first_bytes = self.elapsed_s, data[:24]
            self.doing = "after its first bytes"
        self.received += len(data)
        self.ended = not data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109, ARG002 - httpcore's
        """Sends. That it fails says little: a server may answer without reading the request."""
        assert self._writer  # noqa: S101 - connect() comes first
        self.sent = True
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except ConnectionError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Ends the connection at once; may be called again."""
        if self._writer:
            close(self._writer)

    def get_extra_info(self, info: str) -> Any:
        """As asyncio's transports; None before there is a connection."""
        return self._writer.get_extra_info(info) if self._writer else None


@asynccontextmanager
async def tls_contexts(bench: Bench) -> AsyncIterator[dict[HttpVersion, ssl.SSLContext]]:  # noqa: ARG001 - for `Bench.shared`
    """A client that takes whatever TLS there is: what it is worth, the TLS checks say."""
    yield {offers: _context(offers) for offers in HttpVersion}


def _context(offers: HttpVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.set_alpn_protocols(offers.value.split(", "))
    return context
