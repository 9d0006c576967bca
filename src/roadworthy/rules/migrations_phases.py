"""Judgements on a change of columns without downtime: whether it is in the phase that is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen, seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.migrations import ChangeSeen
    from roadworthy.target.blocks.migrations import ColumnChange


def out_of_phase(promised: Iterable[ColumnChange], found: Iterable[ChangeSeen | Unseen]) -> list[str]:
    """Every change that is not in its phase, in a few words.

    Raises:
        NotObserved: none is known to be wrong, and one can't be told.
    """
    faults: list[str] = []
    untold: list[NotObserved] = []
    for change, one in zip(promised, found, strict=True):
        try:
            state = seen(one, change.table)
            faults += [
                f"{change.table}.{change.new}, declared {change.phase}: {fault}" for fault in _faults(change, state)
            ]
        except NotObserved as error:
            untold.append(error)
    if untold and not faults:
        raise untold[0]
    return faults


def _faults(change: ColumnChange, state: ChangeSeen) -> list[str]:
    if not state.table_exists:
        return ["the table is not there"]
    if state.new is None:
        return ["the column is not there"]
    faults = [] if change.old is None else _of_old(change, state)
    match change.phase:
        case "added" | "dual-write":
            if not state.new.nullable and not state.new.default:
                faults.append("it is NOT NULL already, and the release before this one writes nothing into it")
            if change.phase == "dual-write" and not faults:
                faults += _of_recent(change, state)
        case "backfilled":
            faults += _of_nulls(state)
        case "not-null":
            faults += ["it may be NULL"] if state.new.nullable else []
    return faults


def _of_old(change: ColumnChange, state: ChangeSeen) -> list[str]:
    if change.phase == "dropped":
        return [f"{change.old} is still there"] if state.old is not None else []
    return [f"{change.old} is gone already"] if state.old is None else []


def _of_nulls(state: ChangeSeen) -> list[str]:
    return ["a row has NULL in it"] if seen(state.has_null, "whether a NULL is left") else []


def _of_recent(change: ColumnChange, state: ChangeSeen) -> list[str]:
    rows = seen(state.recent, "what was written since")
    since = f"{change.recent.since:%Y-%m-%d %H:%M %Z}" if change.recent else "then"
    if not rows.looked:
        raise NotObserved(Reason.NOT_APPLICABLE, f"no row of {change.table} was written since {since}")
    if rows.lacking:
        return [f"{rows.lacking} of the {rows.looked} newest rows since {since} have {change.old} alone"]
    return []
