"""Units and timers held against what is promised of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.facts.systemd import SystemdObservation, UnitSeen
    from roadworthy.target.blocks.systemd import Timer, Unit

    Units = Mapping[str, tuple[Unit, UnitSeen]]
    Timers = Mapping[str, tuple[Timer, UnitSeen]]

MOST_TOLD = 10
LOADED = "loaded"


def inactive(units: Units) -> list[str]:
    """Those that are not active, and what they are instead."""
    return [f"{name} is {_state(unit)}" for name, (_, unit) in units.items() if unit.active != "active"]


def not_enabled(units: Units | Timers) -> list[str]:
    """Those that are not started with the machine; what is enabled until the next start alone is none of them."""
    return [
        f"{name} is {unit.enabled or _state(unit)}, promised enabled"
        for name, (_, unit) in units.items()
        if unit.enabled != "enabled"
    ]


def flapping(units: Units) -> list[str]:
    """Those that were restarted too often.

    Raises:
        NotObserved: none is at fault that was seen, and systemd does not count, or has not loaded one.
    """
    told, uncounted = [], []
    for name, (promised, unit) in _there(units):
        if unit.restarts is None:
            uncounted.append(f"{name}: this systemd does not count restarts (before 235)")
        elif unit.restarts > (promised.max_restarts or 0):
            told.append(f"{name} was restarted {unit.restarts} times, promised {promised.max_restarts} at most")
    return told or _but_unseen(_gone(units) + uncounted)


def young(units: Units, seen: SystemdObservation) -> list[str]:
    """Those that have not been active for long enough; raises as `flapping`."""
    told = []
    for name, (promised, unit) in _there(units):
        if unit.active != "active" or unit.active_since is None:
            told.append(f"{name} is {_state(unit)}")
        elif (age := seen.age_s(unit.active_since)) < (promised.up_for or 0):
            told.append(f"{name} is up for {_rough(age)}, promised {show_duration(promised.up_for or 0)}")
    return told or _but_unseen(_gone(units))


def other_users(units: Units) -> list[str]:
    """Those that are started as somebody else; raises as `flapping`."""
    told = [
        f"{name} is started as {unit.user or 'root'}, promised {promised.user}"
        for name, (promised, unit) in _there(units)
        if (unit.user or "root") != promised.user
    ]
    return told or _but_unseen(_gone(units))


def unplanned(timers: Timers) -> list[str]:
    """Those that will not trigger again. While what a timer started still runs, it has no next time."""
    told = []
    for name, (_, timer) in timers.items():
        if timer.active != "active":
            told.append(f"{name} is {_state(timer)}")
        elif not timer.planned and timer.sub != "running":
            told.append(f"{name} is active ({timer.sub}) and has no next time")
    return told


def overdue(timers: Timers, seen: SystemdObservation) -> list[str]:
    """Those that did not trigger lately.

    Raises:
        NotObserved: the last time is told in a way that nobody understands.
    """
    told = []
    for name, (promised, timer) in timers.items():
        within = show_duration(promised.ran_within or 0)
        if isinstance(timer.triggered, Unseen):
            raise timer.triggered.error()
        if timer.triggered is None:
            told.append(f"{name} never triggered, promised within {within}")
        elif (age := seen.age_s(timer.triggered)) > (promised.ran_within or 0):
            told.append(f"{name} last triggered {_rough(age)} ago, promised within {within}")
    return told


def failed(units: Iterable[str]) -> list[str]:
    """The units that failed, as far as a line holds them."""
    names = list(units)
    more = [f"{len(names) - MOST_TOLD} more"] if len(names) > MOST_TOLD else []
    return names[:MOST_TOLD] + more


def _there(units: Units) -> Iterable[tuple[str, tuple[Unit, UnitSeen]]]:
    """Those that systemd has loaded: of others nothing else can be told."""
    return [(name, one) for name, one in units.items() if one[1].load == LOADED]


def _gone(units: Units) -> list[str]:
    """Those that it has not."""
    return [f"{name} is {unit.load}" for name, (_, unit) in units.items() if unit.load != LOADED]


def _but_unseen(unseen: list[str]) -> list[str]:
    """Nothing at fault; raises where something can't be told."""
    if unseen:
        raise NotObserved(Reason.NOT_APPLICABLE, ", ".join(unseen))
    return []


def _state(unit: UnitSeen) -> str:
    if unit.load in ("not-found", "masked", "error", "bad-setting"):
        return unit.load
    result = f", {unit.result}" if unit.active == "failed" and unit.result else ""
    return f"{unit.active} ({unit.sub}{result})"


def _rough(seconds: float) -> str:
    return show_duration(round(max(seconds, 0)))
