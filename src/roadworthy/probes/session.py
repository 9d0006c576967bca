"""HTTP requests to one address over as few connections as it takes: what several questions to one server go over.

As in `http`, TLS is spoken and not verified, and nothing is kept but the connection itself: no cookies, no redirects.
A body is read as far as is asked for; then its connection is given up, and the next request opens a new one.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple, cast

import httpcore

from roadworthy.facts.http import HttpVersion, SilenceKind
from roadworthy.probes.http import detail_of, silence_of
from roadworthy.probes.wire import Wire, tls_contexts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable
    from typing import Self

    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.http import Place

    Speaker = httpcore.AsyncHTTP11Connection | httpcore.AsyncHTTP2Connection
    Headers = tuple[tuple[str, str], ...]


LONGEST = 500


class Reply(NamedTuple):
    """An answer, as it was sent."""

    status: int
    headers: Headers
    content: bytes
    """The body's beginning, content coding and all."""
    whole: bool

    def header(self, name: str) -> str | None:
        """A header's first value, cut where it is longer than anybody would read."""
        return next((value[:LONGEST] for key, value in self.headers if key == name), None)


class Lost(NamedTuple):
    """No answer."""

    silence: SilenceKind
    detail: str


class Session:
    """Requests to one address under one name. Enter it; leaving ends its connection."""

    def __init__(self, place: Place, address: Address, bench: Bench, offers: HttpVersion = HttpVersion.BEST) -> None:
        self._place = place
        self._address = address
        self._bench = bench
        self._offers = offers
        self._wire = Wire()
        self._speaker: Speaker | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drop()

    @property
    def is_multiplexed(self) -> bool:
        """Whether many requests may be under way at once (HTTP/2)."""
        return isinstance(self._speaker, httpcore.AsyncHTTP2Connection)

    async def drop(self) -> None:
        """Ends the connection; the next request opens another."""
        self._speaker = None
        await self._wire.aclose()

    async def connect(self) -> Lost | None:
        """Opens the connection, unless there is one that can be used.

        Raises:
            NotObserved: there is no route from here.
        """
        if self._speaker is not None and (self._speaker.is_idle() or self.is_multiplexed) and not self._wire.ended:
            return None
        await self.drop()
        self._wire = Wire()
        try:
            async with asyncio.timeout(self._bench.patience_s):
                await self._wire.connect(self._address)
                if self._place.scheme == "https":
                    contexts = await self._bench.shared(tls_contexts)
                    await self._wire.secure(contexts[self._offers], self._place.host)
        except Exception as error:  # noqa: BLE001 - what is not the peer's doing is raised again
            return self._lost(error)
        speak = httpcore.AsyncHTTP2Connection if self._wire.alpn == "h2" else httpcore.AsyncHTTP11Connection
        self._speaker = speak(origin=self._url("/").origin, stream=self._wire)
        return None

    async def ask(
        self,
        target: str,
        *,
        method: str = "GET",
        headers: Headers = (),
        content: bytes = b"",
        most: int = 4096,
        shared: bool = False,
    ) -> Reply | Lost:
        """One request. A connection that was kept may have been closed meanwhile: then it goes over a new one.

        Args:
            target: path and query, percent-encoded.
            method: GET or POST.
            headers: more than the usual ones.
            content: the request's body.
            most: bytes of the answer's body that are read.
            shared: others are under way over the same connection, so that it is never given up; nor is the request
                sent a second time, as it is on a kept connection that the server has closed meanwhile.

        Raises:
            NotObserved: there is no route from here.
        """
        kept = self._speaker is not None
        reply = await self._ask_once(target, method, headers, content, most)
        if shared:
            return reply
        if isinstance(reply, Lost) and kept and reply.silence is not SilenceKind.TIMED_OUT:
            await self.drop()
            reply = await self._ask_once(target, method, headers, content, most)
        if isinstance(reply, Lost) or not reply.whole:
            await self.drop()
        return reply

    async def _ask_once(self, target: str, method: str, headers: Headers, content: bytes, most: int) -> Reply | Lost:
        if (lost := await self.connect()) is not None:
            return lost
        assert self._speaker is not None  # noqa: S101 - connect() made it
        own = {
            "host": self._place.authority,
            "user-agent": self._bench.user_agent,
            "accept": "*/*",
            "accept-encoding": "identity",
            **({"content-length": str(len(content))} if method == "POST" else {}),
            **dict(headers),
        }
        raw = [(name.encode(), value.encode()) for name, value in own.items()]
        request = httpcore.Request(method, self._url(target), headers=raw, content=content or None)
        try:
            async with asyncio.timeout(self._bench.patience_s):
                response = await self._speaker.handle_async_request(request)
                try:
                    body, whole = await _beginning(response.stream, most)
                finally:
                    await response.aclose()
        except Exception as error:  # noqa: BLE001 - as above
            return self._lost(error)
        return Reply(response.status, tuple(_text(*header) for header in response.headers), body, whole)

    def _url(self, target: str) -> httpcore.URL:
        place = self._place
        return httpcore.URL(
            scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=target.encode()
        )

    def _lost(self, error: Exception) -> Lost:
        if isinstance(error, ValueError):  # httpcore takes any :status for a number
            error = httpcore.RemoteProtocolError(str(error))
        kind = silence_of(error, self._wire)
        if kind is None:
            raise error
        return Lost(kind, detail_of(error, self._wire))


def _text(name: bytes, value: bytes) -> tuple[str, str]:
    return name.decode("latin-1").lower(), value.decode("utf-8", "replace")


async def _beginning(stream: object, most: int) -> tuple[bytes, bool]:
    """So many bytes of a body, and whether that is all of it."""
    content = bytearray()
    async with aclosing(cast("AsyncGenerator[bytes]", aiter(cast("AsyncIterable[bytes]", stream)))) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) > most:
                return bytes(content[:most]), False
    return bytes(content), True
