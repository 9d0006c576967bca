"""Schedules as cron and systemd write them, and what they mean: the moments at which something is due.

`*/1 * * * *`, `0-59 * * * *` and `* * * * *` are equal; so are `@daily`, `0 0 * * *` and systemd's `*-*-* 00:00:00`.

Sources: crontab(5) of Debian and cronie; systemd.time(7), "Calendar events".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
AT_BOOT = "@reboot"

WORDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
}
"""systemd's own."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FIELDS = 5

Numbers = frozenset[int]


@dataclass(frozen=True)
class Schedule:
    """When something is due, by the clock on the wall. Equal where both are due at the same moments."""

    days: frozenset[tuple[int, int, int]]
    """Month, day of the month, and day of the week (0 is Sunday)."""
    hours: Numbers
    minutes: Numbers
    seconds: Numbers = frozenset({0})


@dataclass(frozen=True)
class Field:
    """What may stand in one place of a schedule."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first: int = 0
    """The number of the first name."""


MINUTE, HOUR = Field("minute", 0, 59), Field("hour", 0, 23)
DAY, MONTH = Field("day of the month", 1, 31), Field("month", 1, 12, MONTHS, 1)
WEEKDAY = Field("day of the week", 0, 7, DAYS)
SECOND = Field("second", 0, 59)

_PART = re.compile(r"(?:\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]+))?", re.ASCII)


@lru_cache(4096)
def parse_cron(text: str) -> Schedule:
    """What a crontab's five fields, or one nickname such as @daily, mean.

    Raises:
        ValueError: cron would refuse them, or they are never due; @reboot has no moments either.
    """
    if text == AT_BOOT:
        raise ValueError("@reboot is no time of the day")
    words = NICKNAMES.get(text, text).split()
    if len(words) != FIELDS:
        raise ValueError(f"a schedule has {FIELDS} fields, or is one of {', '.join(NICKNAMES)}")
    minutes, hours, dates, months, weekdays = (
        _field(word, field) for word, field in zip(words, (MINUTE, HOUR, DAY, MONTH, WEEKDAY), strict=True)
    )
    weekdays = frozenset(day % 7 for day in weekdays)
    both = words[2].startswith("*") or words[4].startswith("*")  # else either will do: crontab(5), "Note"
    days = _days(months, lambda day, weekday: _both_or_either(both, day in dates, weekday in weekdays))
    return _ever_due(Schedule(days, hours, minutes))


def _both_or_either(both: bool, one: bool, other: bool) -> bool:  # noqa: FBT001 - what the rule is about
    return (one and other) if both else (one or other)


def _field(text: str, field: Field) -> Numbers:
    return frozenset(number for part in text.lower().split(",") for number in _part(part, field))


def _part(text: str, field: Field) -> Iterable[int]:
    match = _PART.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:20]!r} is no {field.name}")
    if match[1] is None:
        low, high = field.low, field.high
    else:
        low = _number(match[1], field)
        high = _number(match[2], field) if match[2] else low
        if match[3] and not match[2]:
            raise ValueError(f"{field.name}: a step follows * or a range, not {match[1]}")
    return _steps(text, field, low, high, match[3])


def _steps(text: str, field: Field, low: int, high: int, step: str | None) -> Iterable[int]:
    """From one number to another; a step that is wider than what is left leaves the first."""
    width = int(step[:9]) if step else 1
    if low > high or not width:  # Debian's cron takes the first as never
        raise ValueError(f"{text[:20]!r} is no {field.name}")
    return range(low, high + 1, width)


def _number(text: str, field: Field) -> int:
    if text in field.names:
        return field.names.index(text) + field.first
    if not text.isdecimal() or not field.low <= int(text[:9]) <= field.high:
        raise ValueError(f"{text[:20]!r} is no {field.name}")
    return int(text)


def _days(months: Numbers, due: Callable[[int, int], bool]) -> frozenset[tuple[int, int, int]]:
    return frozenset(
        (month, day, weekday)
        for month in months
        for day in range(1, LENGTHS[month - 1] + 1)
        for weekday in range(7)
        if due(day, weekday)
    )


def _ever_due(schedule: Schedule) -> Schedule:
    if not schedule.days:
        raise ValueError("there is no such day: it is never due")
    return schedule


_CALENDAR = re.compile(
    r"(?:(?P<weekdays>[a-z][a-z.,-]*)(?: |$))?"
    r"(?:(?:(?P<year>[0-9*]+)-)?(?P<month>[0-9*,./]+)-(?P<day>[0-9*,./]+)(?: |$))?"
    r"(?:(?P<hour>[0-9*,./]+):(?P<minute>[0-9*,./]+)(?::(?P<second>[0-9*,./]+))?)?(?P<zone> utc)?",
    re.ASCII,
)
_SPAN = re.compile(r"(?:\*|([0-9]+)(?:\.\.([0-9]+))?)(?:/([0-9]+))?", re.ASCII)


@lru_cache(1024)
def parse_calendar(text: str) -> Schedule:
    """What systemd's OnCalendar means.

    Raises:
        ValueError: it is none, or of the kinds that are not told here: of one year, from a month's end, of a zone.
    """
    match = _CALENDAR.fullmatch(WORDS.get(text.lower(), text).lower().strip()) if text.strip() else None
    if match is None or not any(match.groups()):
        raise ValueError(f"{text[:60]!r} is no calendar that is understood here")
    if match["zone"] or match["year"] not in (None, "*"):
        raise ValueError(f"{text[:60]!r}: years and zones are not understood here")
    dates, months = _spans(match["day"] or "*", DAY), _spans(match["month"] or "*", MONTH)
    weekdays = _weekdays(match["weekdays"])
    return _ever_due(
        Schedule(
            days=_days(months, lambda day, weekday: day in dates and weekday in weekdays),
            hours=_spans(match["hour"] or "0", HOUR),
            minutes=_spans(match["minute"] or "0", MINUTE),
            seconds=_spans(match["second"] or "0", SECOND),
        )
    )


def _spans(text: str, field: Field) -> Numbers:
    return frozenset(number for part in text.split(",") for number in _span(part, field))


def _span(text: str, field: Field) -> Iterable[int]:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:20]!r} is no {field.name}")
    low = field.low if match[1] is None else _number(match[1], field)
    one = match[1] is not None and not match[2] and not match[3]
    high = _number(match[2], field) if match[2] else (low if one else field.high)
    return _steps(text, field, low, high, match[3])


def _weekdays(text: str | None) -> Numbers:
    found: set[int] = set()
    for part in (text or "mon..sun").strip(",").split(","):
        first, _, last = part.replace("-", "..").partition("..")
        low, high = (_weekday(name) for name in (first, last or first))
        found |= {day % 7 for day in range(low, high + 1 if high >= low else high + 8)}
    return frozenset(found)


def _weekday(name: str) -> int:
    if name[:3] not in DAYS or name not in (name[:3], *_WHOLE):
        raise ValueError(f"{name[:20]!r} is no day of the week")
    return DAYS.index(name[:3])


_WHOLE = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def parse(text: str) -> Schedule:
    """What either means.

    Raises:
        ValueError: it is neither.
    """
    return parse_cron(text) if is_cron(text) else parse_calendar(text)


def is_cron(text: str) -> bool:
    """Whether a schedule is written as cron has it."""
    return text.startswith("@") or (":" not in text and len(text.split()) == FIELDS)


def check_schedule(text: str) -> str:
    """The text, if it is a schedule.

    Raises:
        ValueError: it is none.
    """
    parse(text)
    return text


When = Annotated[str, AfterValidator(check_schedule)]
"""A schedule: `*/5 * * * *`, `@daily`, `Mon..Fri 02:00`."""
