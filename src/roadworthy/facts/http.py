"""HTTP: one exchange, redirects recorded and not blindly followed."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, Lane, Moment, NotObserved, Observation, Reason

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of a service that is starting, overloaded or being replaced (RFC 9110 section 15, RFC 6585)."""


class HttpVersion(StrEnum):
    """Which versions the client offers (ALPN on TLS)."""

    HTTP_1_1 = "http/1.1"
    H2 = "h2"
    BEST = "h2, http/1.1"


class HttpAsk(Ask):
    """One request. TLS is spoken but not verified: trust is judged by the TLS checks, so no secret goes with it."""

    kind: Literal["http"] = "http"
    url: str
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    offers: HttpVersion = HttpVersion.BEST
    follow: bool = Field(False, description="Redirects are followed, at most ten, and each is recorded.")
    body_limit: int = Field(256 * 1024, description="Bytes of the decoded body that are kept; the rest is not read.")

    @classmethod
    def of(
        cls,
        url: str,
        *,
        headers: tuple[tuple[str, str], ...] = (),
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
            headers=headers,
            offers=offers,
            follow=follow,
            lane=lane,
            moment=moment,
        )


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
        """
        if self.truncated:
            raise ValueError(f"the body is over {len(self.body)} characters and was cut")
        return json.loads(self.body, object_pairs_hook=_members)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the member {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return members


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
