from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.cron import Shift
from roadworthy.rules.schedules import last_due, listed
from roadworthy.target.schedules import parse

IN_UTC = (Shift(since=datetime(2020, 1, 1, tzinfo=UTC), offset_s=0),)
BERLIN = (
    Shift(since=datetime(2025, 10, 26, 1, tzinfo=UTC), offset_s=3600),
    Shift(since=datetime(2026, 3, 29, 1, tzinfo=UTC), offset_s=7200),
    Shift(since=datetime(2026, 10, 25, 1, tzinfo=UTC), offset_s=3600),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(text: str, until: str, shifts: tuple[Shift, ...] = IN_UTC) -> str:
    moment = last_due(parse(text), utc(until), shifts)
    assert moment is not None
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def test_when_something_was_last_due() -> None:
    assert due("* * * * *", "2026-11-28 07:30:59") == "2026-11-28 07:30:00"
    assert due("0 2 * * *", "2026-11-28 02:00:00") == "2026-11-28 02:00:00"
    assert due("0 2 * * *", "2026-11-28 01:59:59") == "2026-11-27 02:00:00"
    assert due("0 2 * * 1", "2026-11-28 12:00:00") == "2026-11-23 02:00:00"
    assert due("0 0 13 * 5", "2026-11-28 12:00:00") == "2026-11-27 00:00:00"
    assert due("0 0 29 2 *", "2026-11-28 12:00:00") == "2024-02-29 00:00:00"
    assert due("*-*-* 12:00:30", "2026-11-28 12:00:29") == "2026-11-27 12:00:30"


def test_the_clock_on_the_wall_counts() -> None:
    assert due("0 2 * * *", "2026-11-28 01:00:00", BERLIN) == "2026-11-28 01:00:00"
    assert due("0 2 * * *", "2026-11-28 00:59:59", BERLIN) == "2026-11-27 01:00:00"
    assert due("0 2 * * *", "2026-07-01 12:00:00", BERLIN) == "2026-07-01 00:00:00"
    assert due("30 23 * * *", "2026-07-01 21:30:00", BERLIN) == "2026-07-01 21:30:00"


def test_the_hour_that_is_not_and_the_hour_that_is_twice() -> None:
    assert due("30 2 * * *", "2026-03-29 12:00:00", BERLIN) == "2026-03-29 01:30:00"  # half past three in the summer
    assert due("30 2 * * *", "2026-10-25 12:00:00", BERLIN) == "2026-10-25 00:30:00"  # the first of the two


FIELD = st.sampled_from(["*", "*/7", "5", "1-4", "2,11"])


@given(
    st.tuples(FIELD, FIELD, FIELD, FIELD, st.sampled_from(["*", "1", "0-3"])).map(" ".join),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made UTC below
)
def test_it_is_what_a_walk_from_minute_to_minute_finds(text: str, until: datetime) -> None:
    schedule, now = parse(text), until.replace(tzinfo=UTC)
    found = last_due(schedule, now, IN_UTC)
    assert found is not None
    assert found <= now
    moment = now.replace(second=0, microsecond=0)
    while moment > max(found, now - timedelta(days=2)):
        day = (moment.month, moment.day, moment.isoweekday() % 7)
        assert not (day in schedule.days and moment.hour in schedule.hours and moment.minute in schedule.minutes)
        moment -= timedelta(minutes=1)
    assert (found.month, found.day, found.isoweekday() % 7) in schedule.days


OF_LARAVEL_8 = """\
+-----------------------------------------+-------------+-------------------+----------------------------+
| Command                                 | Interval    | Description       | Next Due                   |
+-----------------------------------------+-------------+-------------------+----------------------------+
| '/usr/bin/php8.2' 'artisan' backup:run  | 0 2 * * *   |                   | 2026-11-29 02:00:00 +00:00 |
|                                         | */5 * * * * | App\\Jobs\\Refresh | 2026-11-28 08:00:00 +00:00 |
+-----------------------------------------+-------------+-------------------+----------------------------+
"""
OF_LARAVEL_10 = """
  0   2 * * *  php artisan backup:run ......................... Next Due: 18 hours from now
  */5 * * * *  App\\Jobs\\Refresh ..................... Has Mutex \u203a Next Due: 4 minutes from now
  *   * * * * 10s  php artisan pulse:check ...................... Next Due: 3 seconds from now
"""


def test_what_laravel_lists() -> None:
    assert list(listed(OF_LARAVEL_8)) == [
        ("0 2 * * *", "'/usr/bin/php8.2' 'artisan' backup:run"),
        ("*/5 * * * *", "App\\Jobs\\Refresh"),
    ]
    assert list(listed("\x1b[32m" + OF_LARAVEL_10)) == [
        ("0 2 * * *", "php artisan backup:run"),
        ("*/5 * * * *", "App\\Jobs\\Refresh"),
        ("* * * * *", "php artisan pulse:check"),
    ]
    assert list(listed("\n  INFO  No scheduled tasks have been defined.\n")) == []


@given(st.text() | st.text("|* 0artisan.\n+Command Interval"))
def test_any_text_is_a_list_of_some_kind(text: str) -> None:
    assert all(len(entry) == 2 for entry in listed(text))
