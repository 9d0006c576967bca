"""What an HTML page loads, and what it says of itself in `<meta>`: as browsers read it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from roadworthy.rules.cors import matches
from roadworthy.rules.html import tags_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roadworthy.facts.http import Answer
    from roadworthy.rules.html import Tag

HTML = frozenset({"text/html", "application/xhtml+xml"})

_SCRIPTS = frozenset(
    {
        "",
        "module",
        "text/javascript",
        "application/javascript",
        "application/ecmascript",
        "application/x-ecmascript",
        "application/x-javascript",
        "text/ecmascript",
        "text/javascript1.0",
        "text/javascript1.1",
        "text/javascript1.2",
        "text/javascript1.3",
        "text/javascript1.4",
        "text/javascript1.5",
        "text/jscript",
        "text/livescript",
        "text/x-ecmascript",
        "text/x-javascript",
    }
)
"""Types of `<script>` that are run (WHATWG MIME Sniffing, section 4.6); any other is data."""
_DIGESTS = {"sha256": 32, "sha384": 48, "sha512": 64}
"""Bytes of each digest (W3C Subresource Integrity)."""
_DIGEST = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?", re.IGNORECASE)
_FRAMES = {"iframe": "src", "frame": "src", "embed": "src", "object": "data"}
_MEDIA = frozenset({"img", "audio", "video", "source", "track"})
_MOST = 2000
"""Things of one page that are looked at."""


@dataclass(frozen=True)
class Resource:
    """A thing that a page loads by itself."""

    kind: str
    """`script`, `style`, `frame` or `media`."""
    written: str
    url: SplitResult
    integrity: str | None
    crossorigin: bool

    @property
    def origin(self) -> str:
        """Where it comes from, as browsers write it."""
        return origin_of(self.url)


@dataclass(frozen=True)
class Page:
    """What a page loads, and what it says of itself."""

    resources: tuple[Resource, ...]
    policies: tuple[str, ...]
    """Of each `<meta http-equiv="Content-Security-Policy">`."""
    referrer: str | None
    """Of the last `<meta name="referrer">` that says something."""


def is_html(answer: Answer) -> bool:
    """Whether browsers read an answer as a page; without a type they may well take it for one."""
    types = (one.split(";")[0].strip().lower() for value in answer.all("content-type") for one in value.split(","))
    return not answer.media_type or not HTML.isdisjoint(types)


@lru_cache(16)
def page_of(body: str, url: str) -> Page:
    """Reads a page.

    Args:
        body: its text.
        url: where it came from.
    """
    base: str | None = None
    resources: list[Resource] = []
    policies: list[str] = []
    referrer = None
    for tag in tags_of(body):
        if tag.name == "base" and base is None and "href" in tag.attributes:
            base = _joined(url, tag.attributes["href"])
        elif tag.name == "meta":
            content = tag.attributes.get("content", "")
            if tag.in_head and tag.attributes.get("http-equiv", "").strip().lower() == "content-security-policy":
                policies.append(content)
            if tag.attributes.get("name", "").strip().lower() == "referrer" and content.strip():
                referrer = content.strip().lower()
        elif len(resources) < _MOST:
            resources += _loaded(tag, base or url)
    return Page(tuple(resources), tuple(policies[:50]), referrer)


def _loaded(tag: Tag, base: str) -> Iterator[Resource]:
    given = tag.attributes
    kind, sources = "", list[str]()
    if tag.name == "script" and given.get("type", "").split(";")[0].strip().lower() in _SCRIPTS:
        kind, sources = "script", [given.get("src", "")]
    elif tag.name == "link":
        words = set(given.get("rel", "").lower().split())
        kind = "style" if "stylesheet" in words else "script" if "modulepreload" in words else ""
        sources = [given.get("href", "")] if kind else []
    elif tag.name in _FRAMES:
        kind, sources = "frame", [given.get(_FRAMES[tag.name], "")]
    elif tag.name in _MEDIA:
        kind, sources = "media", [given.get("src", ""), given.get("poster", "")]
    for source in sources:
        full = _joined(base, source) if source.strip() else None
        if full is not None and (parts := _split(full)) is not None and parts.scheme in ("http", "https"):
            yield Resource(kind, source.strip(), parts, given.get("integrity"), "crossorigin" in given)


def _joined(base: str, href: str) -> str | None:
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname or parts.scheme not in ("http", "https") else None


def origin_of(parts: SplitResult) -> str:
    """An origin as browsers write it (RFC 6454 section 6.2)."""
    host = parts.hostname or ""
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def integrity_faults(
    page: Page, url: str, trusted: Iterable[str] = (), kinds: tuple[str, ...] = ("script", "style")
) -> list[str]:
    """Scripts and styles from other origins that may change without notice.

    Args:
        page: what the page loads.
        url: where it came from.
        trusted: origins that need no proof; `https://*.name` is any below a name.
        kinds: of the things that are looked at.
    """
    own = (origin_of(urlsplit(url)), *trusted)
    foreign = [one for one in page.resources if one.kind in kinds and not any(matches(one.origin, o) for o in own)]
    told = dict.fromkeys(f"{one.written[:200]} {problem}" for one in foreign if (problem := _unproved(one)))
    return _few(list(told))


def _unproved(resource: Resource) -> str | None:
    if not (resource.integrity or "").strip():
        return "has no integrity"
    if not any(map(_is_digest, (resource.integrity or "").split())):
        return f"has no integrity that browsers know: {(resource.integrity or '')[:60]}"
    return None if resource.crossorigin else "has an integrity and no crossorigin, so that browsers refuse it"


def _is_digest(word: str) -> bool:
    match = _DIGEST.fullmatch(word)
    if match is None:
        return False
    try:
        digest = base64.b64decode(match[2].translate({45: 43, 95: 47}), validate=True)
    except binascii.Error:
        return False
    return len(digest) == _DIGESTS[match[1].lower()]


def insecure_faults(page: Page, url: str, *, upgraded: bool) -> list[str]:
    """What an https:// page loads over http://.

    Args:
        page: what the page loads.
        url: where it came from.
        upgraded: a policy says `upgrade-insecure-requests`, so that nothing goes over http://.
    """
    if upgraded or not url.startswith("https://"):
        return []
    insecure = [one for one in page.resources if one.url.scheme == "http" and not _is_local(one.url.hostname or "")]
    return _few(list(dict.fromkeys(f"{one.kind} {one.written[:200]}" for one in insecure)))


def _is_local(host: str) -> bool:
    """W3C Secure Contexts, section 3.1: what never leaves the machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _few(faults: list[str], most: int = 10) -> list[str]:
    return faults if len(faults) <= most else [*faults[:most], f"and {len(faults) - most} more"]
