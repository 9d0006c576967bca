"""HTTP: one exchange, redirects recorded and not blindly followed."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, Lane, Moment, NotObserved, Observation, Reason

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of a service that is starting, overloaded or being replaced (RFC 9110 section 15, RFC 6585)."""


UNHEARD_OF = "ROADWORTHY"
"""A method that nobody knows, and that therefore does nothing (RFC 9110 section 9.1)."""

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "ROADWORTHY"]

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", UNHEARD_OF})
"""Methods that do the same however often they are sent (RFC 9110 section 9.2.2)."""


MOST_HOPS = 10
"""Redirects in a row that are followed."""


class HttpVersion(StrEnum):
    """Which versions the client offers (ALPN on TLS)."""

    HTTP_1_1 = "http/1.1"
    H2 = "h2"
    BEST = "h2, http/1.1"


class HttpAsk(Ask):
    """One request. TLS is spoken but not verified: trust is judged by the TLS checks, so no secret goes with it."""

    kind: Literal["http"] = "http"
    url: str
    method: Method = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    content: str = Field("", description="The request's body, sent as UTF-8; what type it is of, a header says.")
    offers: HttpVersion = HttpVersion.BEST
    insists: bool = Field(True, description="Asked again where the failure may be a passing one.")
    follow: bool = Field(False, description="Redirects are followed, at most ten, and each is recorded.")
    body_limit: int = Field(256 * 1024, description="Bytes of the decoded body that are kept; the rest is not read.")

    @classmethod
    def of(
        cls,
        url: str,
        *,
        method: Method = "GET",
        headers: tuple[tuple[str, str], ...] = (),
        content: str = "",
        offers: HttpVersion = HttpVersion.BEST,
        follow: bool = False,
        lane: Lane = Lane.NORMAL,
        moment: Moment = Moment.START,
    ) -> HttpAsk:
        """An ask whose host and port are those of its URL."""
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        return cls(
            host=parts.hostname or "",
            port=port,
            url=url,
            method=method,
            headers=headers,
            content=content,
            offers=offers,
            follow=follow,
            lane=lane,
            moment=moment,
        )

    @property
    def exchanges(self) -> int:
        """One, and one for each redirect that is followed."""
        return 1 + MOST_HOPS if self.follow else 1

    def may_repeat(self, seen: Observation) -> bool:
        """Whether asking again does nothing twice: a POST that was on its way may have been heard."""
        if not self.insists:
            return False
        if self.method in REPEATABLE:
            return True
        return isinstance(seen, HttpObservation) and isinstance(seen.result, Silence) and not seen.result.sent


class Phases(Fact):
    """Seconds from the start of the exchange; None where a phase did not happen."""

    connected_s: float | None = None
    tls_s: float | None = None
    first_byte_s: float | None = None
    total_s: float


class Hop(Fact):
    """A redirect that was met: what was asked, what it said."""

    url: str
    status: int
    location: str | None


class Answer(Fact):
    """A complete HTTP answer."""

    outcome: Literal["answer"] = "answer"
    status: int
    version: Literal["http/1.0", "http/1.1", "h2"]
    headers: tuple[tuple[str, str], ...] = Field(description="In order, as sent, names in lower case, repeats kept.")
    body: str = Field(description="Decoded text, cut at the ask's limit; bytes that are no UTF-8 replaced.")
    body_bytes: int = Field(description="Bytes on the wire that were read, before decoding.")
    truncated: bool = False
    phases: Phases

    def all(self, name: str) -> tuple[str, ...]:
        """Every value that a header was sent with."""
        return tuple(value for key, value in self.headers if key == name.lower())

    def one(self, name: str) -> str | None:
        """A header's value, repeats joined as RFC 9110 section 5.3 allows; None where it was not sent."""
        return ", ".join(values) if (values := self.all(name)) else None

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case; empty where none was sent."""
        return (self.one("content-type") or "").split(";")[0].strip().lower()

    def parsed(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none, was cut, or names a member twice (readers differ on which one counts).
            RecursionError: it is nested more deeply than anybody reads.
        """
        if self.truncated:
            raise ValueError(f"the body is over {len(self.body)} characters and was cut")
        return json.loads(self.body, object_pairs_hook=_members, parse_constant=_no_number)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the member {name!r} is there twice")
        members[name] = value
    return members


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number (RFC 8259 section 6)")


class SilenceKind(StrEnum):
    """In which way there was no complete HTTP answer."""

    REFUSED = "connection refused"
    TIMED_OUT = "timed out"
    RESET = "connection reset"
    CLOSED = "closed without an answer"
    GARBLED = "not HTTP"
    TLS_FAILED = "TLS handshake failed"


class Silence(Fact):
    """No complete HTTP answer came."""

    outcome: Literal["silence"] = "silence"
    silence: SilenceKind
    detail: str
    elapsed_s: float
    sent: bool = Field(True, description="The request was on its way, so that it may have been heard.")


class HttpObservation(Observation):
    """One exchange with one address."""

    kind: Literal["http"] = "http"
    result: Annotated[Answer | Silence, Field(discriminator="outcome")]
    hops: tuple[Hop, ...] = Field((), description="Redirects met on the way to the answer, where the ask follows them.")
    loops: bool = Field(False, description="A redirect led to a place met before, or more than ten came in a row.")
    left_for: str | None = Field(None, description="A redirect to another host, which was not followed.")

    @property
    def answer(self) -> Answer:
        """The answer, for checks that can't say anything without one.

        Raises:
            NotObserved: there was none.
        """
        if isinstance(self.result, Silence):
            raise NotObserved(Reason.NO_ANSWER, f"{self.result.silence.value} ({self.result.detail})")
        return self.result

    def __str__(self) -> str:
        if isinstance(self.result, Silence):
            return f"{self.result.silence.value} ({self.result.detail})"
        return f"answered {self.result.status}"

    @property
    def transient(self) -> bool:
        """Silence, or the answer of a service that is starting."""
        return isinstance(self.result, Silence) or self.result.status in TRANSIENT_STATUSES


class HttpAgainAsk(Ask):
    """The same page twice at every address, and a third time only if it has changed."""

    kind: Literal["http-again"] = "http-again"
    url: str
    revalidates: bool = Field(False, description="Asks the third time, with the ETag or the date of the first answer.")

    per_address: ClassVar[bool] = False

    @property
    def exchanges(self) -> int:
        """Two or three at each address."""
        return 3 if self.revalidates else 2

    @classmethod
    def of(cls, url: str, *, revalidates: bool = False) -> HttpAgainAsk:
        """An ask whose host and port are those of its URL."""
        return cls(host=host_of(url), port=port_of(url), url=url, revalidates=revalidates)


class Visit(Fact):
    """What one address answered, one time after the other."""

    address: str
    first: Annotated[Answer | Silence, Field(discriminator="outcome")]
    second: Annotated[Answer | Silence, Field(discriminator="outcome")]
    conditional: Annotated[Answer | Silence, Field(discriminator="outcome")] | None = Field(
        None, description="The answer to If-None-Match or If-Modified-Since; None where there was nothing to ask with."
    )

    @property
    def silence(self) -> Silence | None:
        """The first of these that was no answer."""
        return next((a for a in (self.first, self.second, self.conditional) if isinstance(a, Silence)), None)


class HttpAgainObservation(Observation):
    """One page, asked for again and again."""

    kind: Literal["http-again"] = "http-again"
    visits: tuple[Visit, ...] = Field(description="One for each address, as many as are asked.")
    more: int = Field(0, description="Addresses that were not asked.")

    @property
    def transient(self) -> bool:
        """Silence, or the answer of a service that is starting."""
        firsts = [visit.first for visit in self.visits]
        return any(visit.silence for visit in self.visits) or any(
            isinstance(first, Answer) and first.status in TRANSIENT_STATUSES for first in firsts
        )


MOST_SCRIPTS = 32
"""Of one page that are read."""


class ScriptsAsk(Ask):
    """A page and the scripts of its own host, searched for texts."""

    kind: Literal["page-scripts"] = "page-scripts"
    url: str
    wanted: tuple[str, ...]

    many_exchanges: ClassVar[bool] = True

    @property
    def exchanges(self) -> int:
        """The page, and its scripts."""
        return 1 + MOST_SCRIPTS

    @classmethod
    def of(cls, url: str, wanted: tuple[str, ...]) -> ScriptsAsk:
        """An ask whose host and port are those of its URL."""
        return cls(host=host_of(url), port=port_of(url), url=url, wanted=wanted)


class ScriptsObservation(Observation):
    """Which of the texts are in the page or its scripts."""

    kind: Literal["page-scripts"] = "page-scripts"
    page: Annotated[Answer | Silence, Field(discriminator="outcome")]
    found: tuple[tuple[str, str], ...] = Field((), description="Each text that was found, with the URL that holds it.")
    read: tuple[str, ...] = Field((), description="The scripts that were read, whole.")
    unread: tuple[tuple[str, str], ...] = Field((), description="Scripts that were not, each with the reason.")

    @property
    def transient(self) -> bool:
        """Silence, or the answer of a service that is starting."""
        return isinstance(self.page, Silence) or self.page.status in TRANSIENT_STATUSES


def host_of(url: str) -> str:
    """A URL's host."""
    return urlsplit(url).hostname or ""


def port_of(url: str) -> int:
    """A URL's port, or its scheme's own."""
    parts = urlsplit(url)
    return parts.port or {"https": 443, "http": 80}[parts.scheme]
