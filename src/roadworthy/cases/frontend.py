"""Cases of front ends: pages that were built for an API, and have to reach it from a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from roadworthy.cases.base import Case
from roadworthy.facts.http import HttpAsk, HttpObservation, ScriptsAsk, ScriptsObservation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target


@dataclass(frozen=True)
class Reached:
    """The URL that a front end asks, and the origin that its own pages have."""

    base: str
    origin: str
    path: str

    def __str__(self) -> str:
        return f"{self.base}{self.path}"


def reached_by(target: Target, component: Component) -> tuple[Reached, ...]:
    """What a component promises to reach."""
    promised = (component.http and component.http.reaches) or {}
    origin = origin_of(component.url or "")
    return tuple(
        Reached((target.components[name].url or "").rstrip("/"), origin, path) for name, path in promised.items()
    )


def origin_of(url: str) -> str:
    """A URL's origin as browsers write it (RFC 6454 section 6.2)."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = parts.port in (None, {"https": 443, "http": 80}.get(parts.scheme))
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{parts.port}"


class NamingCase(Case[Reached, ScriptsAsk, ScriptsObservation]):
    """A page and its scripts, in which the API's URL is looked for."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Reached, ScriptsAsk]]:
        """One reading of the page and its scripts for all of its APIs."""
        reached = reached_by(target, component)
        for one in reached:
            yield one, ScriptsAsk.of(component.url_of("/"), tuple(dict.fromkeys(r.base for r in reached)))


class ReadingCase(Case[Reached, HttpAsk, HttpObservation]):
    """The API, asked as the page's scripts ask it."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Reached, HttpAsk]]:
        """One exchange for each API."""
        for one in reached_by(target, component):
            yield one, HttpAsk.of(str(one), headers=(("origin", one.origin),))
