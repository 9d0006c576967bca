"""Redirects from http:// to https:// (RFC 9110 section 15.4): the same place, and no way back."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import Answer, Hop, HttpObservation, Silence
from roadworthy.rules.answers import told

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def redirects_of(seen: HttpObservation, url: str) -> tuple[Hop, ...]:
    """The redirects that were met from a URL on; one that could not be followed is among them."""
    if isinstance(seen.result, Silence) or seen.result.status not in _REDIRECTS or seen.loops or seen.left_for:
        return seen.hops
    if seen.hops:
        to = _target(seen.hops[-1])  # None where Location was sent twice: the first was followed, both are kept
        url = to.geturl() if to else seen.hops[-1].location or ""
    return (*seen.hops, Hop(url=url, status=seen.result.status, location=seen.result.one("location")))


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


def canonical_faults(answer: Answer, url: str, origin: str) -> list[str]:
    """All in which an answer is no redirect to the same path and query at another origin."""
    if answer.status not in _REDIRECTS:
        return [f"answered {told(answer)}; a redirect to {origin} is promised"]
    hop = Hop(url=url, status=answer.status, location=answer.one("location"))
    if hop.location is None:
        return [f"{hop.status} without a Location"]
    to = _target(hop)
    if to is None:
        return [f"Location {hop.location[:100]!r} is no URL"]
    asked, wanted = urlsplit(url), urlsplit(origin)
    differences = {
        "scheme": (to.scheme, wanted.scheme),
        "host": (to.hostname, wanted.hostname),
        "port": (_port(to), _port(wanted)),
        "path": (to.path or "/", asked.path or "/"),
        "query": (to.query, asked.query),
    }
    wrong = [name for name, (seen, promised) in differences.items() if seen != promised]
    return [f"Location: {hop.location} has another {' and '.join(wrong)} than promised"] if wrong else []


def chain_faults(seen: HttpObservation, hops: tuple[Hop, ...], most: int) -> list[str]:
    """Whether more redirects lead to a page than promised.

    Raises:
        NotObserved: they lead to another host, where they were not followed, or to no answer at all.
    """
    if len(hops) > most:
        way = ", ".join(f"{hop.url} ({hop.status})" for hop in hops[:6])
        return [f"{len(hops)} redirects and more: {way}" if seen.loops else f"{len(hops)} redirects: {way}"]
    if seen.left_for is not None:
        raise NotObserved(Reason.NOT_APPLICABLE, f"after {len(hops)} it goes on at {seen.left_for}")
    _ = seen.answer
    return []
