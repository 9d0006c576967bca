"""Limits: how much one client may ask, try and send before it is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from roadworthy.target.blocks.block import Expectation, Need, Path, Status
from roadworthy.target.blocks.exposure import Submission
from roadworthy.target.values import Duration, Frozen, Size, show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_REQUESTS = 500
"""Requests of one burst, its second round included. A limit that takes more to meet is not met by a verification."""

MARGIN_S = 5.0
"""Of an observation's time, what the requests themselves may take."""

MOST_BODY = 256 * 2**20


class RateLimit(Expectation):
    """How fast one client may ask.

    With `burst`, a bucket, as nginx's limit_req: `burst` requests may be ahead of the rate at any time. Without, a
    window: so many requests in any one `per`.
    """

    WHERE: ClassVar[frozenset[str]] = frozenset({"path", "per", "burst", "refuses"})

    path: Path = Field(description="Asked below the component's URL, by GET: a page that changes nothing.")
    requests: int = Field(gt=0, description="So many requests ...")
    per: Duration = Field(description="... in this time.")
    burst: int | None = Field(None, ge=0, description="So many may be ahead of that rate.")
    refuses: tuple[Status, ...] = Field((429,), min_length=1, description="How one too many is answered.")
    retry_after: bool | None = Field(None, description="A refusal says in Retry-After when to come again.")
    recovers_within: Duration | None = Field(None, description="So long after a refusal, a request is taken again.")

    @property
    def capacity(self) -> int:
        """Requests that are taken at once by a limit that nobody has used."""
        return self.requests if self.burst is None else self.burst + 1

    @property
    def rate(self) -> float:
        """Requests in a second that a bucket takes on; a window takes none on before it ends."""
        return 0.0 if self.burst is None else self.requests / self.per

    def __str__(self) -> str:
        burst = f" with a burst of {self.burst}" if self.burst is not None else ""
        return f"{self.requests} in {show_duration(self.per)}{burst}"

    @property
    def round_size(self) -> int:
        """Requests that meet the limit, if it is as promised: the capacity, what comes free meanwhile, and a few."""
        return self.capacity + math.ceil(self.rate * 0.2) + 5

    @property
    def fills_within_s(self) -> float:
        """Seconds after which a bucket that was used up is as new."""
        return self.capacity / self.rate if self.rate else 0.0

    @model_validator(mode="after")
    def _is_within_bounds(self) -> Self:
        if self.round_size * 2 > MOST_REQUESTS:
            raise ValueError(
                f"up to {self.round_size * 2} requests would be needed to meet this limit, and {MOST_REQUESTS} are the "
                "most that a verification sends; promise in `announces` what the answers say of it, or leave it out"
            )
        return self


class Announced(Frozen):
    """What every answer says of a limit."""

    path: Path = Field(description="Asked below the component's URL.")
    requests: int = Field(gt=0, description="The quota that RateLimit-Policy or X-RateLimit-Limit says.")
    per: Duration | None = Field(None, description="The window that they say with it.")


class Attempts(Expectation, Submission):
    """How often something may be tried: a login, a password reset, a registration."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"path", "json_body", "form", "answers", "refuses"})

    at_most: int = Field(ge=1, le=50, description="So many are answered; the next one is refused.")
    answers: tuple[Status, ...] = Field(
        (400, 401, 403, 404, 422), min_length=1, description="How an attempt that fails, as these must, is answered."
    )
    refuses: tuple[Status, ...] = Field((429,), min_length=1, description="How one too many is answered.")
    retry_after: bool | None = Field(None, description="The refusal says in Retry-After when to come again.")
    recovers_within: Duration | None = Field(None, description="So long after the refusal, an attempt is answered.")


class BodyLimit(Frozen):
    """How large a request body may be."""

    path: Path = Field(
        description="Asked below the component's URL, by POST; best a page that does not exist or takes no POST, since "
        "the limit holds there too and nothing is done with what is sent."
    )
    at_most: Size = Field(description="A body of this size is taken, one byte more is refused. At most 256MiB.")
    refuses: Status = Field(413, description="How one that is too large is answered.")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if self.at_most > MOST_BODY:
            most = show_size(MOST_BODY)
            raise ValueError(f"at_most: {show_size(self.at_most)} is more than a verification sends, which is {most}")
        return self


class Firewall(Frozen):
    """Requests that a web application firewall refuses."""

    path: Path = Field("/", description="Asked below the component's URL, with the probe in its query.")
    probes: tuple[Literal["sql-injection", "cross-site-scripting", "path-traversal"], ...] = Field(
        ("sql-injection", "cross-site-scripting"),
        min_length=1,
        description="What is tried, as harmless text in a query that no page knows.",
    )
    refuses: tuple[Status, ...] = Field((403, 406), min_length=1, description="How they are answered.")


class Limits(Expectation):
    """Promises about refusing what is too much."""

    rate: RateLimit | None = Field(None, description="How fast one client may ask.")
    announces: Announced | None = Field(None, description="What the answers themselves say of the limit.")
    attempts: tuple[Attempts, ...] | None = Field(
        None, min_length=1, max_length=5, description="What one client may try only so often."
    )
    body: BodyLimit | None = Field(None, description="The largest request body that is taken.")
    firewall: Firewall | None = Field(None, description="Requests that look like attacks are refused.")
    guards: tuple[Path, ...] | None = Field(
        None,
        min_length=1,
        description="Places for some addresses alone: from here they are answered with 401 or 403. (Where they are "
        "hidden by 404, promise them in `exposure.denies`.)",
    )

    def needs(self) -> Iterable[Need]:
        """Whatever uses a limit up, or looks like an attack."""
        if self.rate is not None:
            yield Need(
                "rate",
                "bursts",
                f"up to {self.rate.round_size * 2 + 3} requests at once would be sent to each address, until one is "
                "refused, and other clients of this address would be refused with it",
            )
        for number, attempts in enumerate(self.attempts or ()):
            yield Need(
                f"attempts.{number}",
                "logins",
                f"{attempts.at_most + 1} attempts that must fail would be sent to each address, after which this "
                "address is locked out for a while",
            )
        if self.body is not None:
            yield Need(
                "body",
                "large-bodies",
                f"a body of {show_size(self.body.at_most)} would be sent to each address, and a larger one begun",
            )
        if self.firewall is not None:
            yield Need(
                "firewall",
                "attacks",
                f"{len(self.firewall.probes)} requests that look like attacks ({', '.join(self.firewall.probes)}) "
                "would be sent to each address, and a firewall may shut this address out",
            )

    @property
    def longest_wait_s(self) -> tuple[str, float]:
        """The key whose judging takes longest, and the seconds that it waits for a limit to let go."""
        waits = {f"attempts.{n}.recovers_within": a.recovers_within or 0.0 for n, a in enumerate(self.attempts or ())}
        if self.rate is not None:
            settles_s = 2 * self.rate.fills_within_s
            waits["rate.recovers_within" if self.rate.recovers_within else "rate"] = settles_s + (
                self.rate.recovers_within or 0.0
            )
        key = max(waits, key=lambda name: waits[name], default="")
        return key, waits.get(key, 0.0)
