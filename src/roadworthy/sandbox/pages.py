"""The pages that a component's promises ask for, as a service that keeps them would answer them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from roadworthy.sandbox.deployment import Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.health import Health
    from roadworthy.target.models import Component

MEDIA_TYPES = {
    "js": "text/javascript",
    "css": "text/css",
    "json": "application/json",
    "txt": "text/plain",
    "svg": "image/svg+xml",
    "xml": "application/xml",
}
_STEP = re.compile(r"\.([^.\[\]'\"*?()]+)|\[(\d+|\*)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]|\.(\*)")


class PromiseError(ValueError):
    """A promise that no page can be made for."""


@dataclass
class _Wanted:
    """What one page has to be, gathered from all promises about it."""

    path: str
    status: int = 200
    media_type: str | None = None
    exact: bool = False
    body: Any = None
    texts: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    health_of: list[str] = field(default_factory=list)
    long: bool = False

    def page(self, name: str, usual: str) -> Page:
        media_type = self.media_type or self._media_type(usual)
        body = self._json(name) if media_type.endswith("json") else _document(media_type, name, self.texts)
        return Page(
            path=self.path,
            body=body,
            media_type=media_type,
            status=self.status,
            headers=tuple(self.headers),
            health_of=tuple(self.health_of),
        )

    def _media_type(self, usual: str) -> str:
        ending = self.path.rpartition("/")[2].rpartition(".")[2]
        if self.body is not None:
            return "application/json"
        if ending in MEDIA_TYPES:
            return MEDIA_TYPES[ending]
        if self.texts:
            return "text/html" if self.texts[0].startswith("<") else "text/plain"
        return usual

    def _json(self, name: str) -> str:
        body = {"service": name} if self.body is None else self.body
        if isinstance(body, dict) and not self.exact:
            lost = [text for text in self.texts if text not in compact(body)]
            body = {**body, **({"text": lost} if lost else {})}
            if self.long:
                body["items"] = [{"number": number, "title": f"Item {number} of {name}"} for number in range(64)]
        return compact(body)


def compact(value: Any) -> str:
    """JSON without blanks, as web frameworks write it."""
    return json.dumps(value, separators=(",", ":"))


def pages_of(
    component: str, members: Iterable[tuple[str, Component]], passing: Iterable[Component]
) -> tuple[Page, ...]:
    """The pages of one service.

    Args:
        component: what the service calls itself.
        members: the components whose own pages these are.
        passing: components whose requests only pass through to this service.

    Raises:
        PromiseError: a promise asks for an answer that can't be made up.
    """
    own = tuple(members)
    wanted = _WantedPages()
    for name, promised in own:
        wanted.add(promised, name)
    for promised in passing:
        wanted.add(promised, None)
    speaks_json = any(health.json_subset or health.json_equals for _, part in own for health in part.health or ())
    usual = "application/json" if speaks_json else "text/html"
    return tuple(page.page(component, usual) for page in wanted.pages.values())


class _WantedPages:
    """All pages of one service."""

    def __init__(self) -> None:
        self.pages: dict[str, _Wanted] = {}

    def _at(self, component: Component, path: str) -> _Wanted:
        full = urlsplit(component.url_of(path)).path or "/"
        return self.pages.setdefault(full, _Wanted(full))

    def add(self, component: Component, owner: str | None) -> None:
        """What a component promises; `owner` is its name if the pages are its own."""
        for health in component.health or ():
            self._add_health(self._at(component, health.path), health, owner)
        if component.http or component.headers or component.tls:
            self._at(component, "/")
        if component.headers:
            for path in (*component.headers.on, *([component.headers.cors.path] if component.headers.cors else [])):
                self._at(component, path)
        if component.http:
            for media_type, path in (component.http.compresses or {}).items():
                page = self._at(component, path)
                page.media_type, page.long = media_type, True
            for path in (*(component.http.caches or ()), *(component.http.never_cached or ())):
                self._at(component, path)
            for path in (*(component.http.revalidates or ()), *(component.http.methods or ())):
                self._at(component, path)
            for path, media_type in (component.http.static or {}).items():
                self._at(component, path).media_type = media_type

    @staticmethod
    def _add_health(page: _Wanted, health: Health, owner: str | None) -> None:
        page.status = health.status
        if owner:
            page.health_of.append(owner)
        if health.json_subset is not None:
            page.body = _merged(page.body, health.json_subset)
        if health.json_equals is not None:
            page.body, page.exact = health.json_equals, True
        for query, value in (health.json_path or {}).items():
            page.body = with_member(page.body, query, value)
        if health.contains is not None:
            page.texts.append(health.contains)


def release_page(component: Component, version: str) -> Page | None:
    """The page that tells the running version, for a component that promises one."""
    release = component.release
    if release is None:
        return None
    path = urlsplit(component.url_of(release.path)).path
    if release.header is not None:
        return Page(path, compact({"status": "ok"}), "application/json", headers=((release.header, version),))
    if release.json_path is not None:
        return Page(path, compact(with_member(None, release.json_path, version)), "application/json")
    return Page(path, version + "\n", "text/plain")


def merged_page(page: Page, other: Page) -> Page:
    """Two pages at one path: the members of both, the text of both, the headers of both.

    Raises:
        PromiseError: one is JSON, the other is not.
    """
    if page.media_type != other.media_type:
        if not other.headers:
            raise PromiseError(f"{page.path} is promised as {page.media_type} and as {other.media_type}")
        body, media_type = page.body, page.media_type
    elif page.media_type == "application/json":
        body, media_type = compact(_merged(json.loads(page.body), json.loads(other.body))), page.media_type
    else:
        body, media_type = page.body + other.body, page.media_type
    return Page(page.path, body, media_type, page.status, page.headers + other.headers, page.health_of)


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{key: _merged(one.get(key), value) for key, value in other.items()}}
    return other


def steps_of(query: str) -> list[str | int]:
    """The members and indexes that a simple RFC 9535 query names; a bare name is a member's.

    Raises:
        PromiseError: the query needs more than names, indexes and wildcards.
    """
    if not query.startswith("$"):
        return [query]
    steps: list[str | int] = []
    rest = query[1:]
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise PromiseError(f"no answer can be made up for the query {query!r}")
        name, index, single, double, star = match.groups()
        if index is not None or star is not None:
            steps.append(int(index) if index and index != "*" else 0)
        else:
            steps.append(next(part for part in (name, single, double) if part is not None))
        rest = rest[match.end() :]
    return steps


def with_member(body: Any, query: str, value: Any) -> Any:
    """A JSON value in which a query finds a value.

    Raises:
        PromiseError: the query is not a simple one, or contradicts what the value already is.
    """

    def put(inside: Any, steps: list[str | int]) -> Any:
        if not steps:
            return value
        step, rest = steps[0], steps[1:]
        if isinstance(step, str):
            members = inside if isinstance(inside, dict) else {}
            return {**members, step: put(members.get(step), rest)}
        items = list(inside) if isinstance(inside, list) else []
        items += [None] * (step + 1 - len(items))
        items[step] = put(items[step], rest)
        return items

    return put(body, steps_of(query))


def text_of_type(media_type: str) -> str:
    """A text of a media type."""
    return _document(media_type, "the edge", [])


def _document(media_type: str, name: str, texts: list[str]) -> str:
    """A text of over 2 KB, so that it pays to compress it."""
    sentence = f"This is the page of {name}, long enough that it pays to compress it."
    lines = [f"{sentence} Line {number}." for number in range(1, 41)]
    if media_type == "text/html":
        inside = [*texts, *(f"<p>{line}</p>" for line in lines)]
        return "\n".join(("<!doctype html>", '<html lang="en"><meta charset="utf-8">', *inside, "</html>", ""))
    if media_type in ("text/javascript", "application/javascript", "text/css"):
        return "\n".join((*texts, *(f"/* {line} */" for line in lines), ""))
    if media_type.endswith("xml"):
        shell = ("<svg xmlns='http://www.w3.org/2000/svg'>", "</svg>") if "svg" in media_type else ("<page>", "</page>")
        return "\n".join((shell[0], *texts, *(f"<!-- {line} -->" for line in lines), shell[1], ""))
    return "\n".join((*texts, *lines, ""))
