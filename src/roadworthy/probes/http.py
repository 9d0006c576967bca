"""HTTP: one exchange over a connection of its own, redirects followed by hand.

httpcore speaks the protocol (HTTP/1 by h11, HTTP/2 by h2); the connection below is ours, so that it goes to the very
address that was asked for, offers the ALPN that was asked for, and tells when each phase was over. TLS is not verified:
trust is judged by the TLS checks alone. Nothing is kept between exchanges: no cookies, no pool, no proxy.

Everything that is no complete answer is a `Silence` of a kind:

    TimeoutError                                    timed out, of the attempt as a whole: a drip is no answer either
    ConnectionError                                 refused, TLS failed or reset, by how far it had come
    ssl.SSLError                                    TLS failed
    httpcore.WriteError, an HTTP/2 stream reset     reset
    end of input, HTTP/2 GOAWAY                     closed without an answer
    h11's and h2's errors, an undecodable body      not HTTP
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, cast
from urllib.parse import quote, urljoin, urlsplit

import h2.events
import h2.exceptions
import httpcore

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import MOST_HOPS, Answer, Hop, HttpObservation, Silence, SilenceKind
from roadworthy.facts.name import NameState
from roadworthy.probes.bench import Address
from roadworthy.probes.body import UndecodableBody, decode, text_of, wire_limit
from roadworthy.probes.name import addresses_of, ascii_name
from roadworthy.probes.wire import Wire, tls_contexts
from roadworthy.target.routes import plain_name, routed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from roadworthy.facts.http import HttpAsk
    from roadworthy.probes.bench import Bench

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Statuses whose Location a client follows by itself (RFC 9110 section 15.4)."""

AS_GET = frozenset({301, 302, 303})
"""Redirects that turn a POST into a GET (Fetch Standard, HTTP-redirect fetch)."""

VERSIONS: dict[bytes, Literal["http/1.0", "http/1.1", "h2"]] = {
    b"HTTP/1.0": "http/1.0",
    b"HTTP/1.1": "http/1.1",
    b"HTTP/2": "h2",
}


class Place(NamedTuple):
    """A URL's parts, as they are asked for."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def of(cls, url: str) -> Place:
        """The place that an http(s) URL names; its fragment is the client's own.

        Raises:
            ValueError: it names none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http(s) URL")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(
            scheme=parts.scheme,
            host=ascii_name(plain_name(parts.hostname)),
            port=parts.port or {"https": 443, "http": 80}[parts.scheme],
            target=quote(target, safe="/%:=&?~#+!$,;'@()*[]"),
        )

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


async def observe(ask: HttpAsk, address: Address, bench: Bench) -> HttpObservation:
    """Asks once; with `ask.follow`, goes on where redirects lead, as long as they stay on the host.

    Raises:
        NotObserved: there is no route from here.
    """
    observed_at, until = datetime.now(UTC), asyncio.get_running_loop().time() + bench.patience_s
    place, hops, met = Place.of(ask.url), list[Hop](), set[Place]()
    loops, left_for = False, None
    while True:
        met.add(place)
        result = await exchange(ask, place, address, bench, until)
        if not ask.follow or isinstance(result, Silence) or (onward := _onward(place, result)) is None:
            break
        hops.append(Hop(url=str(place), status=result.status, location=result.one("location")))
        if ask.method == "POST" and result.status in AS_GET:
            ask = ask.model_copy(update={"method": "GET", "content": ""})
        if not isinstance(onward, Place):
            left_for = onward
            break
        if onward in met or len(hops) > MOST_HOPS:
            loops = True
            break
        place, address = onward, await _counterpart(address, place, onward, bench)
    return HttpObservation(observed_at=observed_at, result=result, hops=tuple(hops), loops=loops, left_for=left_for)


def _onward(place: Place, answer: Answer) -> Place | str | None:
    """Where a redirect leads: a place on the same host, else a URL; None where no client could follow."""
    locations = answer.all("location")
    if answer.status not in REDIRECTS or not locations:
        return None
    try:
        url = urljoin(str(place), locations[0])
        parts = urlsplit(url)
        onward = Place.of(url) if parts.scheme in ("http", "https") else None
    except ValueError:
        return None
    return onward if onward and onward.host == place.host else url


async def _counterpart(address: Address, place: Place, onward: Place, bench: Bench) -> Address:
    """Where to meet the next place on the same machine: the same ip, or the same position in what `connect_to` says."""
    if place.port == onward.port:
        return address
    if not routed(bench.network.connect_to, onward.host, onward.port):
        return Address(address.ip, onward.port)
    old, new = [(await addresses_of(p.host, p.port, bench))[0] for p in (place, onward)]
    if isinstance(new, NameState) or isinstance(old, NameState):
        raise NotObserved(Reason.NO_ADDRESS, f"connect_to leads {onward.authority} to a name without an address")
    if any(other.ip == address.ip for other in new):
        old, new = ([other for other in side if other.ip == address.ip] for side in (old, new))
    position = old.index(address) if address in old else 0
    return new[position if position < len(new) else 0]


async def exchange(ask: HttpAsk, place: Place, address: Address, bench: Bench, until: float) -> Answer | Silence:
    """One request at one address, given up at a time of the loop's clock.

    Raises:
        NotObserved: there is no route from here.
    """
    wire = Wire()
    try:
        async with asyncio.timeout_at(until):
            await wire.connect(address)
            if place.scheme == "https":
                await wire.secure((await bench.shared(tls_contexts))[ask.offers], place.host)
            return await _converse(ask, place, wire, bench.user_agent)
    except Exception as error:
        kind = silence_of(error, wire)
        if kind is None:
            raise
        return Silence(silence=kind, detail=detail_of(error, wire), elapsed_s=wire.elapsed_s, sent=wire.sent)
    finally:
        await wire.aclose()


async def _converse(ask: HttpAsk, place: Place, wire: Wire, user_agent: str) -> Answer:
    url = httpcore.URL(
        scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=place.target.encode()
    )
    speak = httpcore.AsyncHTTP2Connection if wire.alpn == "h2" else httpcore.AsyncHTTP11Connection
    request = httpcore.Request(
        ask.method, url, headers=_headers(ask, place, user_agent), content=ask.content.encode() or None
    )
    try:
        response = await speak(origin=url.origin, stream=wire).handle_async_request(request)
    except ValueError as error:  # httpcore takes any :status for a number
        raise httpcore.RemoteProtocolError(str(error)) from error
    version = VERSIONS.get(response.extensions["http_version"])
    if version is None:
        raise httpcore.RemoteProtocolError(f"the status line says {response.extensions['http_version']!r}")
    raw, whole = await _read(response.stream, wire_limit(ask.body_limit))
    headers = tuple((name.decode("latin-1").lower(), _value(value)) for name, value in response.headers)
    codings, media = (", ".join(v for k, v in headers if k == n) for n in ("content-encoding", "content-type"))
    content, cut = decode(raw, codings, ask.body_limit, whole=whole)
    return Answer(
        status=response.status,
        version=version,
        headers=headers,
        body=text_of(content, media),
        body_bytes=len(raw),
        truncated=cut or not whole,
        phases=wire.phases,
    )


def _headers(ask: HttpAsk, place: Place, user_agent: str) -> list[tuple[bytes, bytes]]:
    own = {"host": place.authority, "user-agent": user_agent, "accept": "*/*", "accept-encoding": "identity"}
    if ask.content or ask.method in ("POST", "PUT"):  # RFC 9110 section 8.6: there even where nothing follows
        own["content-length"] = str(len(ask.content.encode()))
    given = {name.lower() for name, _ in ask.headers}
    headers = [*((name, value) for name, value in own.items() if name not in given), *ask.headers]
    return [(name.encode("ascii"), value.encode()) for name, value in headers]


def _value(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")  # RFC 9110 section 5.5: what it once was


async def _read(stream: object, limit: int) -> tuple[bytes, bool]:
    """The body as it was sent, and whether that is all of it."""
    content = bytearray()
    async with aclosing(cast("AsyncGenerator[bytes]", aiter(cast("AsyncIterable[bytes]", stream)))) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) > limit:
                return bytes(content), False
    return bytes(content), True


def silence_of(error: Exception, wire: Wire) -> SilenceKind | None:  # noqa: PLR0911 - a table
    """Which kind of silence an error tells of; None where it is not the peer's doing."""
    said = error.args[0] if error.args else None
    match error:
        case TimeoutError():
            return SilenceKind.TIMED_OUT
        case ssl.SSLError():
            return SilenceKind.TLS_FAILED
        case ConnectionError() | httpcore.WriteError():
            return {"connecting": SilenceKind.REFUSED, "in the TLS handshake": SilenceKind.TLS_FAILED}.get(
                wire.doing, SilenceKind.RESET
            )
        case httpcore.RemoteProtocolError() if isinstance(said, h2.events.StreamReset):
            return SilenceKind.RESET if said.remote_reset else SilenceKind.GARBLED  # ours: against what broke its rules
        case httpcore.RemoteProtocolError() if isinstance(said, h2.events.ConnectionTerminated):
            return SilenceKind.CLOSED
        case httpcore.RemoteProtocolError() if wire.ended and _begins_like_http(wire):
            return SilenceKind.CLOSED
        case httpcore.ConnectionNotAvailable():
            return SilenceKind.CLOSED
        case httpcore.RemoteProtocolError() | h2.exceptions.ProtocolError() | UndecodableBody():
            return SilenceKind.GARBLED
        case httpcore.LocalProtocolError() if isinstance(said, h2.exceptions.ProtocolError):
            return SilenceKind.GARBLED  # httpcore takes h2's complaints of the peer for ones of itself
        case _:
            return None


def _begins_like_http(wire: Wire) -> bool:
    return wire.alpn == "h2" or b"HTTP/".startswith(wire.first_bytes[:5])


def detail_of(error: Exception, wire: Wire) -> str:
    """What was going on, and what the error adds to that."""
    if wire.first_bytes and not _begins_like_http(wire):
        return f"{wire.doing}: it began with {wire.first_bytes!r}"
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return f"{wire.doing}: {os.strerror(error.errno)}"
    words = re.sub(r" at 0x[0-9a-f]+", "", _words(error))  # h2's words may name a place in memory
    return f"{wire.doing}: {words}"[:300] if words else wire.doing


def _words(error: Exception) -> str:
    """The error's own words; those of h2's events are made here."""
    said = error.args[0] if error.args else None
    match said:
        case h2.events.StreamReset():
            by = "" if said.remote_reset else " by us, for what came on it"
            return f"HTTP/2 stream reset{by} ({_code(said.error_code)})"
        case h2.events.ConnectionTerminated():
            return f"HTTP/2 GOAWAY ({_code(said.error_code)}) {(said.additional_data or b'')[:80]!r}"
        case _:
            return str(error)


def _code(code: int | None) -> str:
    """RFC 9113 section 7, in its words where it has some."""
    return str(getattr(code, "name", code))
