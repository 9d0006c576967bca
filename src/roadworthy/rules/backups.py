"""Judgements on a series of backups. What is still being written is no backup yet, and counts for nothing."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import seen
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from roadworthy.facts.backups import Backup, BackupsAsk, BackupsObservation, Inside, Restored
    from roadworthy.target.blocks.backups import Cipher

MANY = 5
MINUTE_S, DAY_S = 60.0, 86400.0
AHEAD_S = 3600.0
"""A time that lies further ahead is no difference of clocks: what has it would be the newest until then."""


def told_age(seconds: float) -> str:
    """An age as people say it: no seconds in days."""
    unit = 3600.0 if seconds >= DAY_S else MINUTE_S if seconds >= MINUTE_S else 1.0
    return show_duration(seconds // unit * unit)


def told_size(size: float) -> str:
    """A size as people say it."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} bytes"


def name_of(backup: Backup) -> str:
    """Without its folder."""
    return backup.path.rpartition("/")[2]


def _few(names: list[str]) -> str:
    more = len(names) - MANY
    return ", ".join(names[:MANY]) + (f" and {more} more" if more > 0 else "")


def newest(found: BackupsObservation) -> Backup:
    """The newest that is finished.

    Raises:
        NotObserved: there is none.
    """
    if not found.finished:
        raise NotObserved(Reason.NOT_APPLICABLE, "there is no backup that this could be told of")
    return found.finished[0]


def stale(ask: BackupsAsk, found: BackupsObservation, within: float) -> str | None:
    """What is wrong with the age of the newest."""
    if not found.finished:
        if found.backups:
            return f"{name_of(found.backups[0])} is all there is, and still being written"
        if found.unnamed:
            return f"none is named as {ask.named}; there is {_few(list(found.unnamed))}"
        return f"nothing is there: {ask.files}"
    last = found.finished[0]
    age = found.age_s(min(last.at, last.changed))
    if age < -AHEAD_S:
        return f"the newest, {name_of(last)}, is of a time that is {told_age(-age)} ahead"
    if age <= within:
        return None
    return f"the newest, {name_of(last)}, is {told_age(age)} old; {show_duration(within)} promised"


def too_small(found: BackupsObservation, floor: int) -> str | None:
    """Whether the newest is smaller than it may be."""
    last = newest(found)
    if last.size >= floor:
        return None
    is_empty = "is empty" if not last.size else f"has {told_size(last.size)}"
    return f"{name_of(last)} {is_empty}; {told_size(floor)} promised"


def shrunken(found: BackupsObservation, share: float) -> str | None:
    """Whether the newest is much smaller than those before it.

    Raises:
        NotObserved: there is none before it.
    """
    last, before = newest(found), found.finished[1:]
    if not before:
        raise NotObserved(Reason.NOT_APPLICABLE, f"there is none before {name_of(last)} to compare with")
    usual = median(backup.size for backup in before)
    if last.size >= usual * (1 - share):
        return None
    less = 100 * (1 - last.size / usual)
    return (
        f"{name_of(last)} has {told_size(last.size)}, {less:.0f}% less than the {told_size(usual)} of "
        f"those before it; {share * 100:g}% promised"
    )


def inside(found: BackupsObservation) -> Inside:
    """What is in the newest.

    Raises:
        NotObserved: there is none, or it could not be read.
    """
    newest(found)
    return seen(found.inside, "what is in the newest")


def broken(found: BackupsObservation) -> str | None:
    """Why the newest can't be read to its end."""
    read = inside(found)
    return f"{name_of(newest(found))}: {read.broken}" if read.broken else None


def _readable(found: BackupsObservation) -> Inside:
    if fault := broken(found):
        raise NotObserved(Reason.NOT_APPLICABLE, fault)
    return inside(found)


def incomplete(ask: BackupsAsk, found: BackupsObservation) -> str | None:
    """Whether the newest ends before it is whole.

    Raises:
        NotObserved: it can't be read to its end.
    """
    if seen(_readable(found).complete, "its end"):
        return None
    return f"{name_of(newest(found))} ends without what {ask.dump} ends with: it was broken off"


def lacking(ask: BackupsAsk, found: BackupsObservation) -> str | None:
    """What is not in the newest.

    Raises:
        NotObserved: it can't be read to its end.
    """
    read = _readable(found)
    if not (missing := [name for name in ask.looks_for if name not in read.found]):
        return None
    return f"{name_of(newest(found))} lacks {_few(missing)}; {read.names} are in it"


def readable_ones(found: BackupsObservation, cipher: Cipher) -> str | None:
    """Backups that are not encrypted as promised.

    Raises:
        NotObserved: there is none, or one may not be read.
    """
    newest(found)
    others = [backup for backup in found.finished if backup.begins not in (cipher, None)]
    if others:
        shown = _few([f"{name_of(backup)} ({backup.begins})" for backup in others])
        return f"not encrypted by {cipher}: {shown}"
    if unread := [name_of(backup) for backup in found.finished if backup.begins is None]:
        raise NotObserved(Reason.NOT_PERMITTED, f"{_few(unread)} may not be read")
    return None


def public_ones(found: BackupsObservation) -> str | None:
    """Backups that everybody on the host may read; one that is still being written is readable, too.

    Raises:
        NotObserved: there is none.
    """
    if not found.backups:
        newest(found)
    open_ones = [name_of(backup) for backup in found.backups if backup.public]
    return f"everybody on the host may read {_few(open_ones)}" if open_ones else None


def too_old(found: BackupsObservation, oldest: float) -> str | None:
    """Backups that should be gone.

    Raises:
        NotObserved: there is none at all.
    """
    newest(found)
    old = [backup for backup in found.finished if found.age_s(backup.at) > oldest]
    if not old:
        return None
    ages = [f"{name_of(backup)} ({told_age(found.age_s(backup.at))})" for backup in reversed(old)]
    return f"older than {show_duration(oldest)}: {_few(ages)}"


def too_few(found: BackupsObservation, floor: int) -> str | None:
    """Whether less is kept than promised.

    Raises:
        NotObserved: there is none at all.
    """
    newest(found)
    count = len(found.finished)
    return f"{count} are kept, {floor} promised" if count < floor else None


def gaps(found: BackupsObservation, every: float, oldest: float | None) -> str | None:
    """Where some are missing, among those that are to be kept.

    Raises:
        NotObserved: there are no two.
    """
    newest(found)
    kept = [backup for backup in found.finished if oldest is None or found.age_s(backup.at) <= oldest]
    if len(kept) < 2:  # noqa: PLR2004 - a gap is between two
        raise NotObserved(Reason.NOT_APPLICABLE, "there are no two that something could be between")
    missing = [
        f"{show_duration(round((later.at - earlier.at).total_seconds()))} after {name_of(earlier)}"
        for later, earlier in pairwise(kept)
        if (later.at - earlier.at).total_seconds() > every
    ]
    return f"nothing for {_few(missing)}; {show_duration(every)} promised" if missing else None


def away(ask: BackupsAsk, found: BackupsObservation, within: float) -> str | None:
    """What is wrong with the copy elsewhere.

    Raises:
        NotObserved: it can't be listed.
    """
    elsewhere = seen(found.elsewhere, "the copy elsewhere")
    copies, detail = elsewhere.copies, elsewhere.detail
    where = ask.offsite.place if ask.offsite else ""
    if elsewhere.same_disk:
        return f"{where} is on the file system of the backups themselves: nothing is mounted there"
    if not copies:
        return f"no copy is at {where}" + (f": {detail}" if detail else "")
    age = found.age_s(copies[0].changed)
    if age < -AHEAD_S:
        return f"the newest copy at {where}, {copies[0].name}, is of a time that is {told_age(-age)} ahead"
    if age <= within:
        return None
    return f"the newest copy at {where}, {copies[0].name}, is {told_age(age)} old; {show_duration(within)} promised"


def of_other_size(found: BackupsObservation) -> str | None:
    """Whether the newest that is in both places is another there. One that was just made may be under way.

    Raises:
        NotObserved: it can't be listed, or there is nothing to compare.
    """
    newest(found)
    copies = {copy.name: copy for copy in seen(found.elsewhere, "the copy elsewhere").copies}
    if not copies:
        raise NotObserved(Reason.NOT_APPLICABLE, "there is no copy")
    both = next((backup for backup in found.finished if name_of(backup) in copies), None)
    if both is None:
        return f"none of the copies is named as one that is here; {name_of(newest(found))} is the newest"
    copy = copies[name_of(both)]
    if copy.size == both.size:
        return None
    return f"{copy.name} has {both.size} bytes here and {copy.size} there"


def restored(found: BackupsObservation) -> Restored:
    """What came of the restore.

    Raises:
        NotObserved: there is nothing to restore, or it was not tried.
    """
    newest(found)
    return seen(found.restored, "whether it can be restored")


def unrestorable(found: BackupsObservation, within: float) -> str | None:
    """Why the newest could not be restored, or what was left behind."""
    came, last = restored(found), name_of(newest(found))
    faults = []
    if came.too_slow:
        faults.append(f"{last} was not restored within {show_duration(within)}")
    elif came.failed:
        faults.append(f"{last} can't be restored: {came.failed}")
    elif came.took_s > within:
        faults.append(f"{last} took {came.took_s:.1f} s")
    if came.left:
        faults.append(f"the scratch database of {last} could not be dropped: {came.left}")
    return "; ".join(faults) or None


def restored_without(found: BackupsObservation, has: dict[str, int]) -> str | None:
    """Tables that are not there after the restore, or have too few rows.

    Raises:
        NotObserved: it was not restored.
    """
    came = restored(found)
    if came.too_slow or came.failed:
        raise NotObserved(Reason.NOT_APPLICABLE, f"it was not restored: {came.failed or 'too slow'}")
    faults = []
    for table, floor in has.items():
        rows = came.rows.get(table)
        if rows is None:
            faults.append(f"no table {table}")
        elif rows < floor:
            faults.append(f"{table} has {rows} rows, {floor} promised")
    return f"restored from {name_of(newest(found))}: {'; '.join(faults)}" if faults else None
