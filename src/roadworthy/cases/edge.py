"""Cases of what stands in front: static files, methods, foreign names, content delivery networks, hidden servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from roadworthy.cases.base import Case
from roadworthy.cases.http import PageCase
from roadworthy.facts.http import UNHEARD_OF, HttpAsk, HttpObservation
from roadworthy.rules.edge import FOREIGN_HOST
from roadworthy.target.blocks.http import Http

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.http import Method
    from roadworthy.target.models import Component, Target

HARMLESS: tuple[Method, ...] = ("GET", "HEAD")
"""Promised methods that are tried: any other could do something."""


@dataclass(frozen=True)
class StaticFile:
    """A file that is promised, its media type, and who is to send it."""

    path: str
    media_type: str
    static_from: str | None

    def __str__(self) -> str:
        return f"{self.path}: {self.media_type}" + (f" from {self.static_from}" if self.static_from else "")


class StaticCase(PageCase[StaticFile]):
    """A static file."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[StaticFile, HttpAsk]]:
        """One exchange for each file."""
        del target
        if http := component.http:
            for path, media_type in (http.static or {}).items():
                yield StaticFile(path, media_type, http.static_from), HttpAsk.of(component.url_of(path))


@dataclass(frozen=True)
class MethodsOfPage:
    """A page and the methods that it takes."""

    page: str
    methods: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {', '.join(self.methods)}"


class MethodCase(Case[MethodsOfPage, HttpAsk, HttpObservation]):
    """A page, asked with one method."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[MethodsOfPage, HttpAsk]]:
        """The promised methods that change nothing, OPTIONS for what it names, TRACE, and one that nobody knows."""
        del target
        for page, methods in ((component.http and component.http.methods) or {}).items():
            tried: tuple[Method, ...] = tuple(method for method in HARMLESS if method in methods)
            for method in (*tried, "OPTIONS", "TRACE", UNHEARD_OF):
                yield MethodsOfPage(page, methods), HttpAsk.of(component.url_of(page), method=method)  # type: ignore[arg-type]


class ForeignHostCase(Case[Http, HttpAsk, HttpObservation]):
    """A request for a name that is nobody's."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Http, HttpAsk]]:
        """One exchange; in TLS it is the own name that is asked for."""
        del target
        if component.http and component.http.unknown_hosts:
            yield component.http, HttpAsk.of(component.url_of("/"), headers=(("host", FOREIGN_HOST),))


class NetworkCase(PageCase[Http]):
    """A page that a content delivery network passes on."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Http, HttpAsk]]:
        """One exchange."""
        del target
        if component.http and component.http.served_by:
            yield component.http, HttpAsk.of(component.url_of("/"))


@dataclass(frozen=True)
class HiddenServer:
    """A server that only a content delivery network may ask."""

    endpoint: str
    is_page: bool
    """The page that it is asked for is known to answer."""

    def __str__(self) -> str:
        return self.endpoint


class HiddenServerCase(Case[HiddenServer, HttpAsk, HttpObservation]):
    """A page of the component, asked of a server past the network in front of it."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[HiddenServer, HttpAsk]]:
        """One exchange for each server under the component's own name, for a page that answers where one is known."""
        del target
        if component.http is None:
            return
        known = [health.path for health in component.health or () if health.status < 300]  # noqa: PLR2004 - RFC 9110
        own = urlsplit(component.url_of(known[0] if known else "/"))
        name = f"[{own.hostname}]" if ":" in (own.hostname or "") else own.hostname
        for scheme, host, port in component.http.origins_behind:
            authority = name if port == {"https": 443, "http": 80}[scheme] else f"{name}:{port}"
            url = f"{scheme}://{authority}{own.path}{f'?{own.query}' if own.query else ''}"
            yield (
                HiddenServer(f"{host}:{port}", bool(known)),
                HttpAsk.of(url).model_copy(update={"host": host, "port": port}),
            )
