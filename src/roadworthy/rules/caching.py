"""Cache-Control (RFC 9111 section 5.2), Vary (RFC 9110 section 12.5.5) and what compression owes to caches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.rules.answers import answered

if TYPE_CHECKING:
    from roadworthy.facts.http import Answer, Visit

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2, no secret
_DIRECTIVE = re.compile(rf'({_TOKEN})(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^,"]*)))?|[^,]', re.DOTALL)

_CANCELLED_BY = {
    "public": {"no-store", "private"},
    "max-age": {"no-store", "no-cache"},
    "s-maxage": {"no-store", "no-cache", "private"},
    "immutable": {"no-store", "no-cache"},
    "private": {"public"},
    "no-store": {"public"},
    "no-cache": {"immutable"},
}
"""Directives that take the effect from a promised one (RFC 9111 section 5.2.2, RFC 8246)."""


def cache_directives(values: tuple[str, ...]) -> dict[str, tuple[str | None, ...]]:
    """Every directive, its name in lower case, with each value that it was given; None for a directive without one."""
    found: dict[str, list[str | None]] = {}
    for match in _DIRECTIVE.finditer(", ".join(values)):
        name, quoted, token = match.groups()
        if name:
            given = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else token
            found.setdefault(name.lower(), []).append(given if given is None else _plain(given))
    return {name: tuple(given) for name, given in found.items()}


def _plain(value: str) -> str:
    value = value.strip(" \t")
    return (value.lstrip("0") or "0") if re.fullmatch("[0-9]+", value) else value


def caching_faults(values: tuple[str, ...], promised: str) -> list[str]:
    """All promised directives that are missing, different, or cancelled by one that was not promised."""
    if not values:
        return ["Cache-Control is not sent"]
    seen, wanted = cache_directives(values), cache_directives((promised,))
    faults = []
    for name, (value, *_) in wanted.items():
        given = dict.fromkeys(seen.get(name, ()))
        if not given:
            faults.append(f"{name} is missing")
        elif len(given) > 1:
            faults.append(f"{name} has {len(given)} values: {', '.join(map(str, given))}")
        elif value not in given:
            faults.append(f"{_shown(name, next(iter(given)))}, promised {_shown(name, value)}")
    unasked = {name for name, given in seen.items() if None in given and name not in wanted}
    cancelling = {
        other for name, (value, *_) in wanted.items() if value != "0" for other in _CANCELLED_BY.get(name, ())
    }
    faults += [f"{name} takes the effect from what is promised" for name in sorted(unasked & cancelling)]
    return [*faults, f"Cache-Control: {', '.join(values)}"] if faults else []


def _shown(name: str, value: str | None) -> str:
    return name if value is None else f"{name}={value}"


def varies_on(values: tuple[str, ...], name: str) -> bool:
    """Whether caches keep answers apart by a request header; `*` keeps all apart."""
    members = {member.strip(" \t").lower() for value in values for member in value.split(",")}
    return bool(members & {"*", name.lower()})


_HITS = {
    "age": re.compile(r"0*[1-9]\d*"),
    "cf-cache-status": re.compile(r"HIT|STALE|REVALIDATED|UPDATING", re.IGNORECASE),
    "cache-status": re.compile(r".*;\s*hit\b.*", re.IGNORECASE | re.DOTALL),
    "x-cache": re.compile(r".*\b(TCP_\w*|refresh)?hit\b.*", re.IGNORECASE | re.DOTALL),
    "x-cache-status": re.compile(r".*\bhit\b.*", re.IGNORECASE | re.DOTALL),
    "x-proxy-cache": re.compile(r".*\bhit\b.*", re.IGNORECASE | re.DOTALL),
    "x-vercel-cache": re.compile(r"HIT|STALE|PRERENDER", re.IGNORECASE),
    "x-cache-hits": re.compile(r"(.*\D)?0*[1-9]\d*(\D.*)?", re.DOTALL),
}
"""How caches say that an answer came from them: Age (RFC 9111 section 5.1), Cache-Status (RFC 9211), and what
CloudFront, Cloudflare, Fastly, Akamai, Varnish, nginx and Vercel send, by their own documentation of November 2026."""


def cache_hits(answer: Answer) -> tuple[str, ...]:
    """The headers by which an answer says that it came from a cache, as `Age: 17`."""
    return tuple(
        f"{name}: {value}" for name, hit in _HITS.items() for value in answer.all(name) if hit.fullmatch(value.strip())
    )


def may_be_kept(answer: Answer) -> str | None:
    """Why a shared cache may keep an answer; None where it must not, or must ask each time."""
    for name in ("cdn-cache-control", "surrogate-control"):
        if (lifetime := _seconds(cache_directives(answer.all(name)), "max-age")) and lifetime > 0:
            return f"{name} lets caches keep it for {lifetime} s"
    values = answer.all("cache-control")
    if not values:
        return "no Cache-Control: caches go by rules of their own"
    directives = cache_directives(values)
    if any(None in directives.get(name, ()) for name in ("no-store", "private", "no-cache")):
        return None
    lifetime = _seconds(directives, "s-maxage" if "s-maxage" in directives else "max-age")
    return None if lifetime == 0 else f"Cache-Control: {', '.join(values)} lets caches keep it"


def _seconds(directives: dict[str, tuple[str | None, ...]], name: str) -> int | None:
    value = next(iter(directives.get(name, ())), None)
    return int(value) if value is not None and re.fullmatch("[0-9]{1,18}", value) else None


def kept_faults(visits: tuple[Visit, ...]) -> list[str]:
    """All by which a page that no cache should keep is kept, or may be.

    Raises:
        NotObserved: an address gave no answer, or that of a service that is starting.
    """
    faults: dict[str, list[str]] = {}
    for visit in visits:
        answers = [answered(answer) for answer in (visit.first, visit.second)]
        found = [*([why] if (why := may_be_kept(answers[0])) else []), *cache_hits(answers[0])]
        found += [f"asked again: {hit}" for hit in cache_hits(answers[1]) if hit not in found]
        for fault in found:
            faults.setdefault(fault, []).append(visit.address)
    return at_addresses(faults, len(visits))


def at_addresses(faults: dict[str, list[str]], addresses: int) -> list[str]:
    """Faults with where they are, unless they are everywhere."""
    return [fault if len(where) == addresses else f"{fault} (at {', '.join(where)})" for fault, where in faults.items()]
