from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roadworthy.rules.queues_payloads import LARGEST, moment_of, put_in_at

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECONDS = AT.timestamp()


@pytest.mark.parametrize(
    "value",
    [
        SECONDS,
        int(SECONDS),
        str(SECONDS),
        SECONDS * 1000,
        f"{SECONDS * 1000:.0f}",
        "2026-11-21T12:00:00Z",
        "2026-11-21T17:00:00+05:00",
        "2026-11-21 12:00:00",
        AT,
        AT.replace(tzinfo=None),
    ],
)
def test_a_moment_however_it_is_written(value: object) -> None:
    assert moment_of(value) == AT


@pytest.mark.parametrize("value", [None, True, "", "soon", 0, -1, 1e300, "nan", "inf", "1e999", [1], "1970-01-01"])
def test_what_is_no_moment(value: object) -> None:
    assert moment_of(value) is None


def test_what_a_job_says() -> None:
    assert put_in_at("laravel", f'{{"pushedAt": "{SECONDS}", "createdAt": 1}}') == AT
    assert put_in_at("laravel", f'{{"createdAt": {SECONDS}}}') == AT
    assert put_in_at("sidekiq", f'{{"enqueued_at": {SECONDS}}}') == AT
    assert put_in_at("celery", f'{{"pushedAt": {SECONDS}}}') is None


@pytest.mark.parametrize("payload", ["", "{", "[]", "1", "null", "{}", "[" * 9999, "{" + " " * LARGEST + "}"])
def test_what_says_nothing(payload: str) -> None:
    assert put_in_at("laravel", payload) is None
