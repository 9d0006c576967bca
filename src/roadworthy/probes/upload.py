"""Bodies of a given size: announced first, sent only where the server wants to see it (RFC 9110 section 10.1.1)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import h11
import httpcore

from roadworthy.facts.burst import UploadObservation
from roadworthy.facts.http import HttpVersion
from roadworthy.probes.http import Place, detail_of, silence_of
from roadworthy.probes.wire import Wire, tls_contexts

if TYPE_CHECKING:
    from roadworthy.facts.burst import UploadAsk
    from roadworthy.probes.bench import Address, Bench

WAITS_S = 1.5
"""For a server's word on the length alone; one that does not know `Expect` says nothing and waits for the body."""

CHUNK = 256 * 1024
KEPT = 200


async def observe(ask: UploadAsk, address: Address, bench: Bench) -> UploadObservation:
    """Sends the body as far as it takes to be answered.

    Raises:
        NotObserved: there is no route from here.
    """
    observed_at, wire = datetime.now(UTC), Wire()
    upload = _Upload(ask, wire, bench)
    try:
        await upload.run(address)
    except Exception as error:
        kind = silence_of(error, wire)
        if kind is None:
            raise
        return UploadObservation(
            observed_at=observed_at,
            silence=kind,
            detail=detail_of(error, wire),
            asked_for=upload.asked_for,
            sent_bytes=upload.sent,
            elapsed_s=wire.elapsed_s,
        )
    finally:
        await wire.aclose()
    return UploadObservation(
        observed_at=observed_at,
        status=upload.status,
        server=upload.server,
        start=" ".join(upload.body.decode("utf-8", "replace").split())[:KEPT],
        asked_for=upload.asked_for,
        sent_bytes=upload.sent,
        elapsed_s=wire.elapsed_s,
    )


class _Upload:
    """One request, spoken as HTTP/1.1: an answer may come before, while or after the body is sent."""

    def __init__(self, ask: UploadAsk, wire: Wire, bench: Bench) -> None:
        self._ask = ask
        self._wire = wire
        self._bench = bench
        self._place = Place.of(ask.url)
        self._spoken = h11.Connection(h11.CLIENT)
        self._heard = asyncio.Event()
        """A word came: 100, or the answer."""
        self.asked_for = False
        self.sent = 0
        self.status: int | None = None
        self.server: str | None = None
        self.body = b""

    async def run(self, address: Address) -> None:
        """Speaks until there is an answer."""
        async with asyncio.timeout(self._bench.patience_s):
            await self._wire.connect(address)
            if self._place.scheme == "https":
                contexts = await self._bench.shared(tls_contexts)
                await self._wire.secure(contexts[HttpVersion.HTTP_1_1], self._place.host)
        await self._write(self._request())
        hearing = asyncio.create_task(self._hear())
        hearing.add_done_callback(lambda _: self._heard.set())
        try:
            await self._send_body(hearing)
            async with asyncio.timeout(self._bench.patience_s):
                await hearing
        finally:
            hearing.cancel()

    def _request(self) -> h11.Request:
        headers = (
            ("Host", self._place.authority),
            ("User-Agent", self._bench.user_agent),
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(self._ask.size)),
            ("Expect", "100-continue"),
            ("Connection", "close"),
        )
        return h11.Request(method="POST", target=self._place.target, headers=list(headers))

    async def _send_body(self, hearing: asyncio.Task[None]) -> None:
        """Sends the body from when it is asked for, or nothing is said, to the answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(WAITS_S, self._bench.patience_s / 2)):
                await self._heard.wait()
        block = bytes(CHUNK)
        with suppress(httpcore.WriteError):  # a server that closes may have answered: what is heard counts
            while self.sent < self._ask.size and not hearing.done():
                part = block[: self._ask.size - self.sent]
                await self._write(h11.Data(data=part))
                self.sent += len(part)

    async def _write(self, event: h11.Request | h11.Data) -> None:
        async with asyncio.timeout(self._bench.patience_s):
            await self._wire.write(self._spoken.send(event) or b"")

    async def _hear(self) -> None:
        """Listens to the answer's head, and to what of its body comes along."""
        while self.status is None:
            self._spoken.receive_data(await self._wire.read(65536))
            try:
                self._understand()
            except h11.RemoteProtocolError as error:
                raise httpcore.RemoteProtocolError(str(error)) from error

    def _understand(self) -> None:
        while (event := self._spoken.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.InformationalResponse):
                self.asked_for = self.asked_for or event.status_code == 100  # noqa: PLR2004 - RFC 9110 section 15.2.1
                self._heard.set()
            elif isinstance(event, h11.Response):
                self.status = event.status_code
                servers = (value.decode("latin-1") for name, value in event.headers if name == b"server")
                self.server = next(servers, None)
            elif isinstance(event, h11.Data):
                self.body = (self.body + bytes(event.data))[: KEPT * 4]
            else:
                return
