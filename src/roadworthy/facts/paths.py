"""Places asked one after another: what stands at each, as far as its beginning tells."""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, Lane, NotObserved, Observation, Reason
from roadworthy.facts.http import SilenceKind

MOST_SCRIPTS = 8
"""Scripts of one page that are followed to their source maps."""


class Spot(Fact):
    """One place to look at."""

    path: str = Field(description="From the host's root, with its query.")
    accept: str = "*/*"

    def __str__(self) -> str:
        return self.path if self.accept == "*/*" else f"{self.path} ({self.accept})"


class PathsAsk(Ask):
    """Several GETs to one server, one after another over as few connections as it takes.

    They look like the errands of an attacker, so they are asked after all else.
    """

    kind: Literal["paths"] = "paths"
    many_exchanges: ClassVar[bool] = True

    url: str = Field(description="The server: scheme://host[:port].")
    spots: tuple[Spot, ...]
    scripts_of: str | None = Field(None, description="A page; the source maps of its own scripts are asked for too.")

    @property
    def exchanges(self) -> int:
        """One for each place; for a script, one more for its map."""
        return len(self.spots) + (1 + 2 * MOST_SCRIPTS if self.scripts_of else 0)

    @classmethod
    def of(cls, url: str, spots: tuple[Spot, ...], scripts_of: str | None = None) -> PathsAsk:
        """An ask whose host and port are those of a URL; its path is not part of it."""
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        return cls(
            host=parts.hostname or "",
            port=port,
            lane=Lane.ROUGH,
            url=f"{parts.scheme}://{parts.netloc}",
            spots=tuple(dict.fromkeys(spots)),
            scripts_of=scripts_of,
        )


class Glimpse(Fact):
    """What stood at one place."""

    spot: Spot
    status: int | None = Field(None, description="None: there was no answer.")
    silence: SilenceKind | None = None
    detail: str = ""
    location: str | None = None
    media_type: str = ""
    server: str | None = None
    start: str = Field("", description="The body's beginning as text. Values of settings are left out.")
    magic: str = Field("", description="The body's first 16 bytes, in hex.")

    @property
    def is_there(self) -> bool:
        """Whether something was handed out."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110 section 15.3


class SourceMap(Fact):
    """A source map that was handed out."""

    script: str
    at: str = Field(description="Where; `inline` where the script holds it.")
    sources: int = Field(0, description="Source files that its beginning names.")


class PathsObservation(Observation):
    """What stood where."""

    kind: Literal["paths"] = "paths"
    glimpses: tuple[Glimpse, ...]
    scripts: int = Field(0, description="Scripts of the page that were looked at.")
    page_status: int | None = Field(None, description="The page whose scripts were looked for.")
    source_maps: tuple[SourceMap, ...] = ()
    scripts_unanswered: tuple[str, ...] = Field(
        (), description="Scripts and maps that the server had no answer for, or no leisure, and what came instead."
    )

    def at(self, path: str, accept: str = "*/*") -> Glimpse:
        """What stood at a place.

        Raises:
            NotObserved: there was no answer, or none was asked for.
        """
        found = next((g for g in self.glimpses if g.spot.path == path and g.spot.accept == accept), None)
        if found is None:
            raise NotObserved(Reason.NOT_RECORDED, f"{path} was not asked for")
        if found.status is None:
            raise NotObserved(Reason.NO_ANSWER, f"{path}: {found.silence and found.silence.value} ({found.detail})")
        return found

    @property
    def transient(self) -> bool:
        """Nobody answered at all."""
        return bool(self.glimpses) and all(glimpse.status is None for glimpse in self.glimpses)

    def __str__(self) -> str:
        answered = sum(glimpse.status is not None for glimpse in self.glimpses)
        return f"{answered} of {len(self.glimpses)} places answered"
