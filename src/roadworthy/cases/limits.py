"""Cases of the limits suite: bursts, attempts, bodies, and requests that a firewall refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, urlsplit

from roadworthy.cases.base import Case
from roadworthy.cases.http import PageCase
from roadworthy.facts.burst import BurstAsk, BurstObservation, UploadAsk, UploadObservation
from roadworthy.facts.http import HttpAsk
from roadworthy.facts.paths import PathsAsk, PathsObservation, Spot
from roadworthy.rules.leaks import NOWHERE
from roadworthy.target.blocks.limits import Announced, Attempts, BodyLimit, Firewall, Limits, RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target


@dataclass(frozen=True)
class Rated:
    """How fast one client may ask."""

    promised: RateLimit

    @property
    def retry_after(self) -> bool | None:
        """Whether a refusal says when to come again."""
        return self.promised.retry_after

    @property
    def recovers_within(self) -> float | None:
        """After which time a request is taken again."""
        return self.promised.recovers_within

    def __str__(self) -> str:
        return f"{self.promised} ({self.promised.path}), else {' or '.join(map(str, self.promised.refuses))}"


class RateCase(Case[Rated, BurstAsk, BurstObservation]):
    """A burst that meets the limit."""

    block: ClassVar[str | None] = "limits"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Rated, BurstAsk]]:
        """One burst, whatever is promised of it."""
        del target
        if rate := component.limits and component.limits.rate:
            ask = BurstAsk.of(
                component.url_of(rate.path),
                first=rate.round_size - (rate.burst is None),
                refuses=rate.refuses,
                settles_s=rate.fills_within_s,
                recovers_s=rate.recovers_within,
            )
            yield Rated(rate), ask


@dataclass(frozen=True)
class Tries:
    """What may be tried only so often; it prints without what it sends."""

    promised: Attempts

    @property
    def retry_after(self) -> bool | None:
        """Whether a refusal says when to come again."""
        return self.promised.retry_after

    @property
    def recovers_within(self) -> float | None:
        """After which time an attempt is answered again."""
        return self.promised.recovers_within

    def __str__(self) -> str:
        return f"{self.promised.at_most} ({self.promised.path}), then {' or '.join(map(str, self.promised.refuses))}"


class AttemptsCase(Case[Tries, BurstAsk, BurstObservation]):
    """Attempts that must fail, until one is refused."""

    block: ClassVar[str | None] = "limits"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Tries, BurstAsk]]:
        """One series for each place."""
        del target
        for attempts in (component.limits and component.limits.attempts) or ():
            ask = BurstAsk.of(
                component.url_of(attempts.path),
                method="POST",
                content=attempts.content,
                media_type=attempts.media_type,
                first=attempts.at_most + 1,
                together=False,
                refuses=attempts.refuses,
                recovers_s=attempts.recovers_within,
            )
            yield Tries(attempts), ask


class AnnouncedCase(PageCase[Limits]):
    """A page whose answer says what the limit is."""

    block: ClassVar[str | None] = "limits"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Limits, HttpAsk]]:
        """One request."""
        del target
        if component.limits and component.limits.announces:
            yield component.limits, HttpAsk.of(component.url_of(component.limits.announces.path))

    @property
    def promised(self) -> Announced:
        """What the answer is to say."""
        assert self.expected.announces  # noqa: S101 - `looks` chose it
        return self.expected.announces


class TooLargeCase(Case[Limits, UploadAsk, UploadObservation]):
    """A body that is one byte too large."""

    block: ClassVar[str | None] = "limits"
    OVER: ClassVar[int] = 1

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Limits, UploadAsk]]:
        """One body."""
        del target
        if (limits := component.limits) and (body := limits.body):
            yield limits, UploadAsk.of(component.url_of(body.path), body.at_most + cls.OVER)

    @property
    def promised(self) -> BodyLimit:
        """How large a body may be."""
        assert self.expected.body  # noqa: S101 - `looks` chose it
        return self.expected.body


class FittingCase(TooLargeCase):
    """A body that just fits."""

    OVER: ClassVar[int] = 0


HARMLESS = "roadworthy"
PROBES = {
    "sql-injection": "1' OR '1'='1' UNION SELECT NULL,NULL-- -",
    "cross-site-scripting": "<script>alert(1)</script>",
    "path-traversal": "../../../../../../etc/passwd",
}
"""What the core rules of every firewall know (OWASP CRS 942100, 941110, 930120); no page knows the parameter."""


@dataclass(frozen=True)
class Probed:
    """What a firewall refuses, and at which places each is tried."""

    firewall: Firewall
    control: str
    at: dict[str, str]

    def __str__(self) -> str:
        return f"{', '.join(self.firewall.probes)}: {' or '.join(map(str, self.firewall.refuses))}"


class FirewallCase(Case[Probed, PathsAsk, PathsObservation]):
    """Requests that look like attacks, and one that looks like them but for their content."""

    block: ClassVar[str | None] = "limits"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Probed, PathsAsk]]:
        """All of them, the harmless one first."""
        del target
        if (firewall := component.limits and component.limits.firewall) and component.url:
            path = urlsplit(component.url_of(firewall.path)).path or "/"
            at: dict[str, str] = {
                probe: f"{path}?{HARMLESS}={quote(PROBES[probe], safe='')}" for probe in firewall.probes
            }
            control = f"{path}?{HARMLESS}={HARMLESS}"
            spots = (Spot(path=control), *(Spot(path=place) for place in at.values()))
            yield Probed(firewall, control, at), PathsAsk.of(component.url, spots)


class GuardsCase(Case[Limits, PathsAsk, PathsObservation]):
    """Places for some addresses alone."""

    block: ClassVar[str | None] = "limits"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Limits, PathsAsk]]:
        """Each once."""
        del target
        if component.limits and component.limits.guards and component.url:
            paths = [urlsplit(component.url_of(path)).path for path in component.limits.guards]
            yield component.limits, PathsAsk.of(component.url, tuple(Spot(path=path) for path in (NOWHERE, *paths)))

    @property
    def paths(self) -> tuple[str, ...]:
        """The places, from the host's root."""
        return tuple(spot.path for spot in self.ask.spots[1:])
