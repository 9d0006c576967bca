"""Redirects from http:// to https:// (RFC 9110 section 15.4): the same place, and no way back."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

from roadworthy.facts.http import Hop, HttpObservation, Silence

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def redirects_of(seen: HttpObservation, url: str) -> tuple[Hop, ...]:
    """The redirects that were met from a URL on; one that could not be followed is among them."""
    if isinstance(seen.result, Silence) or seen.result.status not in _REDIRECTS or seen.loops or seen.left_for:
        return seen.hops
    last = urljoin(seen.hops[-1].url, seen.hops[-1].location or "") if seen.hops else url
    return (*seen.hops, Hop(url=last, status=seen.result.status, location=seen.result.one("location")))


def redirect_faults(hop: Hop, *, status: int, https_port: int) -> list[str]:
    """All in which a first hop differs from `status` to the same host, path and query on https://."""
    faults = [] if hop.status == status else [f"{hop.status}, promised {status}"]
    if hop.location is None:
        return [*faults, "no Location"]
    to = _target(hop)
    if to is None:
        return [*faults, f"Location {hop.location[:100]!r} is no URL"]
    asked = urlsplit(hop.url)
    differences = {
        "scheme": (to.scheme, "https"),
        "host": (to.hostname, asked.hostname),
        "port": (_port(to), https_port),
        "path": (to.path or "/", asked.path or "/"),
        "query": (to.query, asked.query),
    }
    wrong = [name for name, (seen, promised) in differences.items() if seen != promised]
    return (
        [*faults, f"Location: {hop.location} changes the {' and the '.join(wrong)} of {hop.url}"] if wrong else faults
    )


def landing_faults(seen: HttpObservation, hops: tuple[Hop, ...]) -> list[str]:
    """All that keeps a chain of redirects from ending on https://.

    Raises:
        NotObserved: nothing is wrong with the redirects, and there is no answer where they lead to.
    """
    faults = []
    if seen.loops:
        faults.append("goes in a circle, or on without end")
    insecure = [hop for hop in hops if (to := _target(hop)) is None or to.scheme != "https"]
    faults += [f"{hop.url} leads to {hop.location or 'nowhere'}" for hop in insecure]
    if not faults:
        _ = seen.answer
        return []
    return [*faults, "by way of " + ", ".join(f"{hop.url} ({hop.status})" for hop in hops[:4])]


def _target(hop: Hop) -> SplitResult | None:
    """Where a hop leads; None where its Location is missing or no URL."""
    if hop.location is None:
        return None
    try:
        parts = urlsplit(urljoin(hop.url, hop.location))
        _ = parts.port  # refuses what is no number
    except ValueError:
        return None
    return parts if parts.hostname else None


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)
