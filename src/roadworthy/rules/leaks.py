"""What must not be had from outside: where it would be, and how it is known by its content (`known/leaks.yaml`).

The page for what is not there is learnt first (a soft 404): where everything is answered with one page, nothing is
given away, whatever the status.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.paths import Glimpse, PathsObservation

NOWHERE = "/roadworthy-no-such-page"
"""Where nothing is, so that what is answered there is what is answered for nothing."""

DENIED = frozenset({401, 403, 404, 410})
TOO_MANY = frozenset({429})
HTML = frozenset({"text/html", "application/xhtml+xml"})
_PAGE = re.compile(r"\s*<(?!\?php|IfModule|Files|Directory|Limit)[!?/a-z]", re.IGNORECASE)
"""How a page begins; PHP's source and Apache's settings do so otherwise."""


@dataclass(frozen=True)
class Leak:
    """One thing, where it may be, and how it is known."""

    what: str
    paths: tuple[str, ...]
    holds: re.Pattern[str] | None
    magic: str | None
    html: bool

    def is_seen(self, glimpse: Glimpse) -> bool:
        """Whether what was handed out is that thing."""
        if not glimpse.is_there:
            return False
        if self.magic is not None:
            return glimpse.magic.startswith(self.magic)
        own = glimpse.start.replace(glimpse.spot.path, "/")  # pages tell their own address: canonical, og:url
        return (self.html or not _is_page(glimpse)) and bool(self.holds and self.holds.search(own))

    def paths_on(self, host: str) -> tuple[str, ...]:
        """Where it may be on a host."""
        label = host.removeprefix("www.").partition(".")[0]
        return tuple(path.replace("{host}", host).replace("{label}", label) for path in self.paths)


def _is_page(glimpse: Glimpse) -> bool:
    """Whether it is a page; a type alone makes none: servers call HTML whatever they don't know."""
    return "<html" in glimpse.start[:1000].lower() or (glimpse.media_type in HTML and bool(_PAGE.match(glimpse.start)))


@cache
def leaks() -> dict[str, tuple[Leak, ...]]:
    """All kinds, as `exposure.hides` names them; `traces` are about any page."""
    text = files("roadworthy.known").joinpath("leaks.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C, where it was built, is ten times as fast
    entries_of = yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are the safe ones
    return {kind: tuple(map(_leak, entries)) for kind, entries in entries_of.items()}


def _leak(entry: dict[str, Any]) -> Leak:
    return Leak(
        what=entry["what"],
        paths=tuple(entry.get("paths", ())),
        holds=re.compile(entry["holds"], re.DOTALL) if "holds" in entry else None,
        magic=str(entry["magic"]) if "magic" in entry else None,
        html=entry.get("html", False),
    )


def places_of(kind: str, host: str) -> tuple[str, ...]:
    """Where things of a kind may be."""
    return tuple(dict.fromkeys(path for leak in leaks()[kind] for path in leak.paths_on(host)))


def leak_faults(seen: PathsObservation, kind: str, host: str, prefix: str) -> list[str]:
    """What of a kind was handed out.

    Args:
        seen: what stood where.
        kind: as `exposure.hides` names it.
        host: the component's host.
        prefix: the component's own path.

    Raises:
        NotObserved: nothing was, but not every place was answered.
    """
    nothing = seen.at(NOWHERE)
    faults, unanswered = [], list[str]()
    for leak in leaks()[kind]:
        for path in leak.paths_on(host):
            glimpse = next(g for g in seen.glimpses if g.spot.path == prefix + path)
            if glimpse.status is None or glimpse.status in TOO_MANY:
                unanswered.append(_unanswered(glimpse))
            elif leak.is_seen(glimpse) and not (is_the_same(glimpse, nothing) or leak.is_seen(nothing)):
                faults.append(f"{glimpse.spot.path} hands out {leak.what}")
    if unanswered and not faults:
        raise NotObserved(Reason.NO_ANSWER, _few(unanswered))
    return faults


def _unanswered(glimpse: Glimpse) -> str:
    if glimpse.status is not None:
        return f"{glimpse.spot.path}: {glimpse.status}, asked too often (a promise of limits.rate slows this down)"
    return f"{glimpse.spot.path}: {glimpse.silence.value if glimpse.silence else 'no answer'} ({glimpse.detail})"


def _few(told: list[str]) -> str:
    return "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")  # noqa: PLR2004 - as before


def is_the_same(glimpse: Glimpse, nothing: Glimpse) -> bool:
    """Whether a place is answered as if nothing were there: the very page, its own path in it set aside."""
    if glimpse.status != nothing.status or glimpse.media_type != nothing.media_type:
        return False
    own = glimpse.start.replace(glimpse.spot.path, "")
    return glimpse.start == nothing.start or own == nothing.start.replace(nothing.spot.path, "")


def denial_faults(seen: PathsObservation, paths: Iterable[str]) -> list[str]:
    """Places that are answered otherwise than as denied or not there.

    Raises:
        NotObserved: there was no answer for one, and nothing is wrong with the others.
    """
    nothing = seen.at(NOWHERE)
    faults, unseen = [], list[NotObserved]()
    for path in paths:
        try:
            glimpse = _decided(seen, path)
        except NotObserved as error:
            unseen.append(error)
            continue
        if glimpse.status not in DENIED:
            same = ", with the page that any path gets" if is_the_same(glimpse, nothing) else ""
            faults.append(f"{path} answered {told_of(glimpse)}{same}")
    if unseen and not faults:
        raise unseen[0]
    return faults


def opening_faults(seen: PathsObservation, paths: Iterable[str]) -> list[str]:
    """Places that are denied along with others.

    Raises:
        NotObserved: there was no answer for one.
    """
    glimpses = [_decided(seen, path) for path in paths]
    return [f"{g.spot.path} answered {told_of(g)}" for g in glimpses if g.status in (401, 403)]


def _decided(seen: PathsObservation, path: str) -> Glimpse:
    """What stood at a path, if the server had leisure to say.

    Raises:
        NotObserved: there was no answer, or one of a service that is overloaded.
    """
    glimpse = seen.at(path)
    if glimpse.status in TOO_MANY or (glimpse.status or 0) >= 500:  # noqa: PLR2004 - RFC 9110 section 15.6
        raise NotObserved(Reason.NO_ANSWER, f"{path}: answered {told_of(glimpse)}")
    return glimpse


def guard_faults(seen: PathsObservation, paths: Iterable[str]) -> list[str]:
    """Places that are open although only some addresses should reach them.

    Raises:
        NotObserved: one was not answered, or as if nothing were there: nobody knows whether a rule guards it.
    """
    nothing = seen.at(NOWHERE)
    faults, unseen = [], list[NotObserved]()
    for path in paths:
        try:
            glimpse = _decided(seen, path)
        except NotObserved as error:
            unseen.append(error)
            continue
        if glimpse.status in (404, 410) and glimpse.status == nothing.status:
            detail = f"{path}: answered {told_of(glimpse)}, as where nothing is"
            unseen.append(NotObserved(Reason.NOT_APPLICABLE, detail))
        elif glimpse.status not in DENIED:
            faults.append(f"{path} answered {told_of(glimpse)}")
    if unseen and not faults:
        raise unseen[0]
    return faults


def told_of(glimpse: Glimpse) -> str:
    """An answer in a few words."""
    by = f" from {glimpse.server}" if glimpse.server else ""
    return f"{glimpse.status}{by}" + (f" to {glimpse.location}" if glimpse.location else "")


def trace_faults(seen: PathsObservation, spots: Iterable[tuple[str, str]]) -> list[str]:
    """Pages that tell of the program behind them.

    Raises:
        NotObserved: none does, but one was not answered.
    """
    faults, unseen = [], list[NotObserved]()
    for path, accept in spots:
        try:
            glimpse = seen.at(path, accept)
        except NotObserved as error:
            unseen.append(error)
            continue
        shown = [trace.what for trace in leaks()["traces"] if trace.holds and trace.holds.search(glimpse.start)]
        if shown:
            faults.append(f"{glimpse.spot} ({glimpse.status}) shows {', '.join(shown)}")
    if unseen and not faults:
        raise unseen[0]
    return faults


def map_faults(seen: PathsObservation) -> list[str]:
    """Source maps of the page's scripts.

    Raises:
        NotObserved: the page was not to be had, or names no script of its own host; or nothing was handed out, but not
            every script and map was answered.
    """
    if seen.page_status is None or not 200 <= seen.page_status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
        raise NotObserved(Reason.NO_ANSWER, f"the page whose scripts to look at: {seen.page_status or 'no answer'}")
    if not seen.scripts:
        detail = "the page names no script of this host; name one that does in exposure.scripts_on"
        raise NotObserved(Reason.NOT_APPLICABLE, detail)
    if seen.scripts_unanswered and not seen.source_maps:
        raise NotObserved(Reason.NO_ANSWER, _few(list(seen.scripts_unanswered)))
    return [
        f"{found.at} of {found.script}" + (f" ({found.sources} source files)" if found.sources else "")
        if found.at != "inline"
        else f"in {found.script} itself"
        for found in seen.source_maps
    ]
