"""When something was last due, by the clock on a host's wall; and what `artisan schedule:list` says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roadworthy.facts.cron import Shift
    from roadworthy.target.schedules import Schedule

LONGEST = 366 * 8 + 2
"""Days: a 29th of February may be eight years away."""


def last_due(schedule: Schedule, until: datetime, shifts: Sequence[Shift]) -> datetime | None:
    """The newest moment at which it was due, no later than another; None: not within eight years.

    Where the clock was put forward, what was due in the hour that is not is due right after it, as cron has it. Where
    it was put back, the first of two equal times counts.

    Args:
        schedule: by the clock on the wall.
        until: with its zone.
        shifts: how that clock differs from UTC, oldest first.
    """
    today = until.replace(tzinfo=None) + timedelta(days=1)
    for back in range(LONGEST):
        day = (today - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        if (day.month, day.day, day.isoweekday() % 7) in schedule.days:
            for moment in _times(schedule, day):
                if (utc := _utc(moment, shifts)) <= until:
                    return utc
    return None


def _times(schedule: Schedule, day: datetime) -> Iterator[datetime]:
    """Of a day, latest first."""
    for hour in sorted(schedule.hours, reverse=True):
        for minute in sorted(schedule.minutes, reverse=True):
            for second in sorted(schedule.seconds, reverse=True):
                yield day.replace(hour=hour, minute=minute, second=second)


def _utc(local: datetime, shifts: Sequence[Shift]) -> datetime:
    wall = local.replace(tzinfo=UTC)
    ends = [*(shift.since for shift in shifts[1:]), datetime.max.replace(tzinfo=UTC)]
    spans = [
        (shift.since, end, wall - timedelta(seconds=shift.offset_s)) for shift, end in zip(shifts, ends, strict=True)
    ]
    within = [utc for since, end, utc in spans if since <= utc < end]
    if within:
        return min(within)
    begun = [utc for since, _, utc in spans if utc >= since]  # in an hour that is not: by the offset before it
    return begun[-1] if begun else spans[0][2]


_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LISTED = re.compile(r"((?:[0-9A-Za-z*,/-]+ +){4}[0-9A-Za-z*,/-]+) +(?:[0-9]+s +)?(.+?)(?: *\.{2,}.*| +Next Due:.*)$")


def listed(said: str) -> Iterable[tuple[str, str]]:
    """Schedule and command of each entry of `artisan schedule:list`: a table of Laravel 8, lines since."""
    columns: list[str] = []
    for line in _ANSI.sub("", said).splitlines():
        text = line.strip()
        if text.startswith("|"):
            cells = [cell.strip() for cell in text.strip("|").split("|")]
            if "Command" in cells and "Interval" in cells:
                columns = cells
            elif len(cells) == len(columns):
                entry = dict(zip(columns, cells, strict=True))
                yield entry["Interval"], entry["Command"] or entry.get("Description", "")
        elif match := _LISTED.match(text):
            yield " ".join(match[1].split()), match[2]
