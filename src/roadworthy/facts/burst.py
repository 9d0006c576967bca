"""A burst: the same request many times, and when one is taken again; and a body of a given size."""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, Lane, Observation
from roadworthy.facts.http import SilenceKind

ENDS_S = 30.0
"""Seconds that a burst may be held back by an earlier one's lock-out."""

LIMIT_FIELDS = (
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
"""Headers that tell of a limit: draft-ietf-httpapi-ratelimit-headers, its earlier forms, and what came before it."""


class BurstAsk(Ask):
    """Requests until one is refused, and no more than `first` (and, if none of them is, as many again)."""

    kind: Literal["burst"] = "burst"
    many_exchanges: ClassVar[bool] = True

    url: str
    method: Literal["GET", "POST"] = "GET"
    content: str = Field("", description="`{invented}` in it becomes a new word, the same for all requests of a burst.")
    media_type: str = ""
    first: int = Field(description="Requests of a round.")
    together: bool = Field(True, description="All at once; else one after another, until one is refused.")
    refuses: tuple[int, ...] = Field(description="Statuses that end the burst.")
    settles_s: float = Field(0.0, description="Seconds to wait before and after, so that the limit is as unused.")
    recovers_s: float | None = Field(None, description="Seconds after which one more request is sent.")

    @classmethod
    def of(cls, url: str, **fields: object) -> BurstAsk:
        """An ask whose host and port are those of its URL."""
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        return cls.model_validate(
            {"host": parts.hostname or "", "port": port, "lane": Lane.LIMITS, "url": url, **fields}
        )

    @property
    def exchanges(self) -> int:
        """Both rounds, the one before, and the one after."""
        return (self.first * 2 + 1 if self.together else self.first + 1) + (self.recovers_s is not None)

    def may_repeat(self, seen: Observation) -> bool:  # noqa: ARG002 - whatever it was
        """Never: the limit would be met used up."""
        return False


class Shot(Fact):
    """One request of a burst."""

    sent_s: float = Field(description="From the burst's begin.")
    answered_s: float
    status: int | None = None
    silence: SilenceKind | None = None
    retry_after: str | None = None
    fields: tuple[tuple[str, str], ...] = Field((), description="Headers that tell of a limit.")

    def __str__(self) -> str:
        return str(self.status) if self.silence is None else self.silence.value


class BurstObservation(Observation):
    """What became of each request."""

    kind: Literal["burst"] = "burst"
    scout: Shot | None = Field(None, description="One request before all others, where they go together.")
    waited_s: float = Field(0.0, description="How long the first request was held back by an earlier lock-out.")
    rounds: tuple[tuple[Shot, ...], ...] = ()
    recovery: Shot | None = Field(None, description="One request after the ask's `recovers_s`.")
    recovered_after_s: float | None = Field(None, description="How long after the last refusal it was sent.")

    @property
    def shots(self) -> tuple[Shot, ...]:
        """All requests of the rounds."""
        return tuple(shot for shots in self.rounds for shot in shots)

    @property
    def transient(self) -> bool:
        """The very first request met silence."""
        first = self.scout or (self.shots[0] if self.shots else None)
        return first is None or first.status is None

    def __str__(self) -> str:
        return f"{len(self.shots)} requests, {sum(shot.status is not None for shot in self.shots)} answered"


class UploadAsk(Ask):
    """A POST of so many bytes, all zero. Where the server refuses it by its announced length, none is sent."""

    kind: Literal["upload"] = "upload"
    many_exchanges: ClassVar[bool] = True

    url: str
    size: int

    @classmethod
    def of(cls, url: str, size: int) -> UploadAsk:
        """An ask whose host and port are those of its URL."""
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        return cls(host=parts.hostname or "", port=port, lane=Lane.LIMITS, url=url, size=size)

    def may_repeat(self, seen: Observation) -> bool:
        """Where nothing of the body was sent."""
        return isinstance(seen, UploadObservation) and not seen.sent_bytes


class UploadObservation(Observation):
    """How a body was answered."""

    kind: Literal["upload"] = "upload"
    status: int | None = None
    server: str | None = None
    start: str = ""
    silence: SilenceKind | None = None
    detail: str = ""
    asked_for: bool = Field(False, description="100 (Continue) came: the length alone is no reason to refuse.")
    sent_bytes: int = Field(0, description="Of the body, until there was an answer or the connection ended.")
    elapsed_s: float = 0.0

    @property
    def transient(self) -> bool:
        """Nobody was there."""
        return self.silence is not None and not self.sent_bytes

    def __str__(self) -> str:
        if self.silence is not None:
            return f"{self.silence.value} after {self.sent_bytes} bytes ({self.detail})"
        return f"answered {self.status} after {self.sent_bytes} bytes"
