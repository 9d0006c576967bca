"""Strict-Transport-Security, as RFC 6797 section 6.1 defines it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.facts.http import Hop
    from roadworthy.target.blocks.headers import Hsts

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2, no secret
_DIRECTIVE = re.compile(
    rf'[ \t]*(?:({_TOKEN})[ \t]*(?:=[ \t]*(?:({_TOKEN})|"((?:[^"\\]|\\.)*)"))?)?[ \t]*(?:;|\Z)', re.DOTALL
)

PRELOAD_MAX_AGE = 31536000
"""Seconds that the preload list of browsers wants (hstspreload.org, November 2026)."""


@dataclass(frozen=True)
class StrictTransport:
    """What a browser keeps of a valid header."""

    max_age: int
    include_subdomains: bool
    preload: bool


def parse_hsts(value: str) -> StrictTransport:
    """One header's value.

    Raises:
        ValueError: it is invalid, and browsers ignore it; the message says why.
    """
    directives: dict[str, str | None] = {}
    for name, given in _directives(value):
        if name in directives:
            raise ValueError(f"{name} is given twice")
        directives[name] = given
    if "max-age" not in directives:
        raise ValueError("max-age is missing")
    max_age = directives["max-age"] or ""
    if not re.fullmatch(r"[0-9]{1,18}", max_age):
        raise ValueError(f"max-age={max_age[:40]} is no number of seconds")
    if directives.get("includesubdomains") is not None:
        raise ValueError("includeSubDomains takes no value")
    return StrictTransport(
        max_age=int(max_age), include_subdomains="includesubdomains" in directives, preload="preload" in directives
    )


def _directives(value: str) -> Iterator[tuple[str, str | None]]:
    position = 0
    while position < len(value):
        match = _DIRECTIVE.match(value, position)
        if not match:
            raise ValueError(f"{value[position:][:40].strip()!r} is no directive")
        position = match.end()
        name, token, quoted = match.groups()
        if name:
            yield name.lower(), token if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


def hsts_faults(values: tuple[str, ...], promised: Hsts, *, secure: bool) -> list[str]:
    """All that keeps browsers from what is promised.

    Args:
        values: each value that the header was sent with.
        promised: the target's words.
        secure: the answer came over TLS; elsewhere browsers ignore the header (RFC 6797 section 8.1).
    """
    if not values:
        return ["not sent"]
    faults = [] if secure else ["sent over http://, where browsers ignore it"]
    if len(values) > 1:
        faults.append(f"sent {len(values)} times, browsers heed the first alone ({values[0]})")
    try:
        seen = parse_hsts(values[0])
    except ValueError as error:
        return [*faults, f"invalid, browsers ignore it: {error} ({values[0][:100]})"]
    if seen.max_age < promised.max_age:
        faults.append(f"max-age={seen.max_age}, {promised.max_age} promised")
    if promised.include_subdomains and not seen.include_subdomains:
        faults.append("includeSubDomains is missing")
    if promised.preload:
        faults += [fault for fault in _unlistable(seen) if fault not in faults]
    return faults


def _unlistable(seen: StrictTransport) -> list[str]:
    """What keeps a header from being taken for the preload list."""
    faults = [] if seen.preload else ["preload is missing"]
    if not seen.include_subdomains:
        faults.append("includeSubDomains is missing")
    if seen.max_age < PRELOAD_MAX_AGE:
        faults.append(f"max-age={seen.max_age}, the preload list wants {PRELOAD_MAX_AGE}")
    return faults


def preload_faults(hops: tuple[Hop, ...]) -> list[str]:
    """What keeps a redirect from http:// from being taken for the preload list: it must first lead to its own host.

    Args:
        hops: the redirects that were met, the first one on http://.
    """
    if not hops:
        return ["http:// does not redirect to https://"]
    first = hops[0]
    try:
        to, host = urlsplit(urljoin(first.url, first.location or "")), urlsplit(first.url).hostname
        leads = to.scheme == "https" and to.hostname == host
    except ValueError:
        leads = False
    return [] if leads else [f"http:// leads to {(first.location or 'nowhere')[:100]} before https:// of its own host"]
