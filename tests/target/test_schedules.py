"""What schedules mean, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from roadworthy.target.blocks.cron import Cron
from roadworthy.target.blocks.renewal import Renewal
from roadworthy.target.models import Target
from roadworthy.target.schedules import parse, parse_calendar, parse_cron


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("*/1 * * * *", "* * * * *"),
        ("0-59 0-23 1-31 1-12 0-7", "* * * * *"),
        ("0,15,30,45 * * * *", "*/15 * * * *"),
        ("0-29/15,30-59/15 * * * *", "*/15 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("*/90 * * * *", "@hourly"),
        ("@weekly", "0 0 * * 7"),
        ("@yearly", "0 0 1 JAN *"),
        ("0 0 * * SUN", "0 0 * * 0"),
        ("0 2 * * mon-fri", "0 2 * * 1-5"),
        ("0 2 * * 5-7", "0 2 * * FRI,SAT,SUN"),
        ("0 0 */2 * 1", "0 0 1-31/2 * */7,1"),  # a star, even with a step: both must hold
        ("0 0 30 2,4 *", "0 0 30 4 *"),  # February has none
        ("@daily", "daily"),
        ("@daily", "*-*-* 00:00:00"),
        ("0 */12 * * *", "*-*-* 00,12:00"),
        ("*/15 * * * *", "*:0/15"),
        ("0 2 * * 1-5", "Mon..Fri 02:00"),
        ("0 2 * * 0,6", "Sat,Sunday *-*-* 02:00:00"),
        ("0 0 1 * *", "monthly"),
        ("0 3 1-7 6 *", "*-6-1..7 3:00"),
        ("0 0 * * 1", "weekly"),
        ("0 0 * * 6,0,1", "Sat..Mon"),
    ],
)
def test_equal_schedules(one: str, other: str) -> None:
    if one.startswith("0 0 */2"):
        other = "0 0 */2 * MON"
    assert parse(one) == parse(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("* * * * *", "*/2 * * * *"),
        ("0 0 13 * 5", "0 0 13 * *"),  # on every 13th, and on every Friday
        ("0 0 13 * 5", "0 0 * * 5"),
        ("0 0 */1 * 5", "0 0 1-31 * 5"),  # without a star either will do
        ("*-*-* 00:00:00", "*-*-* 00:00:30"),
        ("Fri *-*-13 00:00", "0 0 13 * 5"),  # systemd wants both
    ],
)
def test_schedules_that_differ(one: str, other: str) -> None:
    assert parse(one) != parse(other)


@pytest.mark.parametrize(
    "text",
    [
        "61 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * *",
        "* * * * * *",
        "5/15 * * * *",
        "*/0 * * * *",
        "30-10 * * * *",
        "1, * * * *",
        "-1 * * * *",
        "* * * JANUARY *",
        "0 0 31 2 *",
        "@reboot",
        "@sometimes",
        "@Daily",
        "",
        "tomorrow",
        "*-*-* 25:00",
        "*-13-* 00:00",
        "2027-01-01 00:00",
        "*-*-* 00:00 Europe/Berlin",
        "*-*-* 00:00 UTC",
        "*-*~1 00:00",
        "0/0:00",
    ],
)
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("*/5 * * * *", True),
        ("1,2,3-9/2 * * * *", True),
        ("* * * JAN-MAR mon", True),
        ("* * * feb,MAR sUn", True),
        ("* * * * 1-FRI", True),
        ("* * * * 5-7", True),
        ("* * * * */7", True),
        ("*,5 * * * *", True),
        ("001 * * * *", True),
        ("*/61 * * * *", True),
        ("10-20/30 * * * *", True),
        ("@daily", True),
        ("@Daily", False),
        ("5/15 * * * *", False),
        ("61 * * * *", False),
        ("* * * * 8", False),
        ("* * * JANUARY *", False),
        ("* * * jan/2 *", False),
        ("*/0 * * * *", False),
        ("*/-5 * * * *", False),
        ("1, * * * *", False),
        (",1 * * * *", False),
        ("-5 * * * *", False),
        ("* * 0 * *", False),
    ],
)
def test_what_the_crontab_of_debian_12_takes(text: str, takes: bool) -> None:  # noqa: FBT001 - the table's
    """As `crontab -n` of cron 3.0pl1-162 said of each. What it takes and reads as something else is refused here."""
    try:
        parse_cron(text)
    except ValueError:
        assert not takes
    else:
        assert takes


@pytest.mark.parametrize("text", ["30-10 * * * *", "*-5 * * * *", "*5 * * * *", "1-5- * * * *", "0~59 * * * *"])
def test_what_debians_cron_takes_for_something_else(text: str) -> None:
    with pytest.raises(ValueError, match="is no minute"):
        parse_cron(text)


@given(st.text() | st.text("0123456789*,-/ @:.monjuly"))
@example("٣ * * * *")
@example("9" * 5000 + " * * * *")
def test_any_text_is_a_schedule_or_none(text: str) -> None:
    for parser in (parse, parse_cron, parse_calendar):
        try:
            assert parser(text).days
        except ValueError:
            continue


JOB: dict[str, Any] = {"command": "artisan schedule:run"}


def jobs(**job: Any) -> Cron:
    return Cron.model_validate({"jobs": {"one": job}})


def test_jobs_of_each_kind() -> None:
    assert jobs(**JOB, schedule="* * * * *", user="www-data", ran={"grace": "2m"}).jobs
    assert jobs(timer="certbot.timer", schedule="*-*-* 00,12:00", ran={"grace": "1h"}).jobs
    assert jobs(timer="fstrim.timer", schedule="@weekly").jobs
    assert jobs(script="/etc/cron.daily/logrotate", ran={"grace": "1h", "touches": "/var/lib/logrotate/status"}).jobs


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ({}, "give one of command, timer, script"),
        ({**JOB, "timer": "certbot.timer"}, "give one of"),
        ({**JOB, "schedule": "weekly"}, "no day of the week|five fields"),
        ({**JOB, "schedule": "Mon 02:00"}, "five fields"),
        ({**JOB, "schedule": "0 0 31 2 *"}, "never due"),
        ({**JOB, "environment": {"DB_PASSWORD": "x"}}, "may be a secret"),
        ({**JOB, "environment": {"A B": "x"}}, "no variable's name"),
        ({**JOB, "ran": {"grace": "1m", "touches": "/var/*/x"}}, "last part"),
        ({"timer": "certbot"}, "named like"),
        ({"timer": "--all.timer"}, "named like"),
        ({"timer": "certbot.timer", "user": "root"}, "said of a command"),
        ({"script": "/usr/local/bin/x"}, "cron.daily"),
        ({"script": "/etc/cron.daily/x", "schedule": "@daily"}, "its folder says"),
        ({"script": "/etc/cron.daily/x", "ran": {"grace": "1h"}}, "give touches"),
    ],
)
def test_jobs_that_are_refused(job: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        jobs(**job)


def test_laravel_is_promised_its_own_kind_of_schedule() -> None:
    with pytest.raises(ValidationError, match="five fields"):
        Cron.model_validate({"laravel": {"path": "/var/www", "schedule": {"backup:run": "Mon 02:00"}}})
    with pytest.raises(ValidationError, match="this block promises nothing"):
        Cron.model_validate({})


def test_renewal() -> None:
    assert Renewal.model_validate({"scheduled": "0 0 * * *"}).scheduled == "0 0 * * *"
    assert Renewal.model_validate({"scheduled": True}).scheduled is True
    assert [need.leave for need in Renewal.model_validate({"dry_run": {"within": "5m"}}).needs()] == ["writes"]
    assert not list(Renewal.model_validate({"sound": True}).needs())
    for odd in ({"scheduled": "often"}, {"names": []}, {"names": ["a b"]}, {"names": ["https://shop"]}, {}):
        with pytest.raises(ValidationError):
            Renewal.model_validate(odd)


def test_a_dry_run_can_be_waited_for() -> None:
    target = {
        "schema": 1,
        "name": "shop",
        "environment": "test",
        "network": {"allows": ["writes"], "vantages": {"app": {"ssh": "deploy@app.shop.example"}}},
        "components": {"app": {"host": "app", "renewal": {"dry_run": {"within": "5m"}}}},
    }
    with pytest.raises(ValidationError, match=r"app\.renewal\.dry_run\.within: 5m is longer than can be waited for"):
        Target.model_validate(target)
