"""Judgements on certbot: whether anybody calls it, what it renews, and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen, seen
from roadworthy.rules import cron
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.renewal import RenewalObservation, Trial


UNDER_WAY_S = 900.0
"""Without a terminal, certbot sleeps up to 8 minutes before it renews: user guide, "Automated Renewals"."""


def callers(at: RenewalObservation) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """What renews by itself, each with when it is due; and why what looks so does not."""
    found: dict[str, tuple[str, ...]] = {}
    dead = list(cron.dead_lines(at, lambda line: bool(line.holds)))
    placed = list(cron.lines_of(at, lambda line: bool(line.holds)))
    if placed and at.daemons == ():
        dead.append(f"{placed[0]}: no cron daemon runs")
    else:
        found.update({str(one): (one.when,) for one in placed})
    for name, timer in (at.timers if isinstance(at.timers, dict) else {}).items():
        if timer.active == "active":
            found[name] = timer.calendars
        elif timer.loaded != "not-found":
            dead.append(f"{name} is {timer.active} ({timer.enabled or timer.loaded})")
    return found, dead


def uncalled(at: RenewalObservation) -> str | None:
    """Why nothing renews; None: something does.

    Raises:
        NotObserved: it can't be told.
    """
    found, dead = callers(at)
    if found:
        if isinstance(at.daemons, Unseen) and not any(name.endswith(".timer") for name in found):
            raise at.daemons.error()
        return None
    _all_seen(at)
    return "; ".join(("nothing calls certbot renew", *dead))


def _all_seen(at: RenewalObservation) -> None:
    cron.all_seen(at)
    if isinstance(at.timers, Unseen) and at.timers.unseen != "not supported":
        raise at.timers.error()


def mistimed(at: RenewalObservation, promised: str) -> str | None:
    """When it is renewed instead; None: then.

    Raises:
        NotObserved: nothing renews, or it can't be told.
    """
    found, _ = callers(at)
    if any(cron.equal(when, promised) for times in found.values() for when in times):
        return None
    _all_seen(at)
    if not found:
        raise NotObserved(Reason.NOT_APPLICABLE, "nothing calls certbot renew")
    told = ", ".join(f"{name} ({' and '.join(times) or 'no calendar'})" for name, times in found.items())
    return f"certbot renew is called by {told}; {promised} promised"


def unrenewed(names: Iterable[str], at: RenewalObservation) -> list[str]:
    """Names that are in no certificate which certbot renews.

    Raises:
        NotObserved: some certificates can't be read, and the names may be in one of those.
    """
    lineages = seen(at.lineages, "certbot's certificates")
    dark = [one for one in lineages if isinstance(one.names, Unseen)]
    faults, untold = [], []
    for name in names:
        holding = [one for one in lineages if not isinstance(one.names, Unseen) and _covers(one.names, name)]
        if any(one.automatic for one in holding):
            continue
        if holding:
            faults.append(f"{name}: autorenew is off for {holding[0].name}")
        elif dark:
            untold.append(name)
        else:
            faults.append(f"{name} is in none of {', '.join(one.name for one in lineages) or 'no certificates'}")
    if untold and not faults:
        assert isinstance(dark[0].names, Unseen)  # noqa: S101 - it is dark
        raise NotObserved(dark[0].names.error().reason, f"{', '.join(untold)}: {dark[0].names.detail}")
    return faults


def _covers(names: Iterable[str], name: str) -> bool:
    """RFC 6125 section 6.4.3: a wildcard stands for one label."""
    return name in names or "*." + name.partition(".")[2] in names


def overdue(at: RenewalObservation, within: float) -> str | None:
    """A last run that is too long ago.

    Raises:
        NotObserved: it can't be told.
    """
    if at.last is None:
        return "certbot's logs tell of no renewal"
    last = seen(at.last, "certbot's logs")
    age = at.age_s(last.at)
    told = (
        f"certbot last tried to renew {show_duration(round(age))} ago ({last.path}), {show_duration(within)} promised"
    )
    return None if age <= within else told


def failed(at: RenewalObservation) -> str | None:
    """What went wrong in the last run.

    Raises:
        NotObserved: there was none, it is under way, or it can't be told.
    """
    last = seen(at.last, "a run of certbot renew")
    if last.errors:
        return f"{'; '.join(last.errors)} ({last.path})"
    if last.ended:
        return None
    if at.age_s(last.at) < UNDER_WAY_S:
        raise NotObserved(Reason.NOT_APPLICABLE, f"a run is under way ({last.path})")
    return f"the run of {last.at:%d %b %H:%M} UTC breaks off ({last.path})"


def in_vain(trial: Trial) -> str | None:
    """Why a dry run is no proof that all can be renewed."""
    lost = [f"{name} ({outcome})" for name, outcome in trial.outcomes.items() if outcome != "success"]
    if lost or trial.code:
        return f"{', '.join(lost) or 'certbot renew --dry-run'} failed: {trial.last_words}"
    return None if trial.outcomes else f"no certificate was tried: {trial.last_words}"
