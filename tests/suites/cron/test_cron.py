from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.cron import CronCase, EnvironmentCase, JobsCase, RanCase, ScheduleCase, UserCase
from roadworthy.facts.cron import Run, Script, Shift
from roadworthy.facts.store import Unseen
from tests.suites.cron.builders import DENIED, RUN, ago, case, job, line, log, seen, tab, timer
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

DAILY, NIGHTLY = "/etc/cron.daily/logrotate", {"timer": "certbot.timer", "schedule": "daily", "ran": {"grace": "10m"}}
STATUS = "/var/lib/logrotate/status"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("cron/test_cron.py")


def timed(kind: type[Any], found: Any, **changes: Any) -> Any:
    return case(kind, seen(timers=found), cron={"jobs": {"renewal": {**NIGHTLY, **changes}}})


def scripted(kind: type[Any], script: Script | Unseen | None, path: str = DAILY, **changes: Any) -> Any:
    promised = {"script": path, "ran": {"grace": "1h", "touches": STATUS}}
    return case(kind, seen(scripts={path: script}, **changes), cron={"jobs": {"rotation": promised}})


def test_the_daemon(suite: ModuleType) -> None:
    check, promised = suite.test_a_cron_daemon_runs, {"daemon": True}
    passes(check, case(CronCase, seen(), cron=promised))
    fails(check, case(CronCase, seen(daemons=()), cron=promised), "no cron daemon runs")
    hidden = Unseen(unseen="not permitted", detail="/proc shows own processes only")
    is_not_observed(check, case(CronCase, seen(daemons=hidden), cron=promised), "own processes only")


def test_crontabs_that_cron_understands(suite: ModuleType) -> None:
    check = suite.test_cron_understands_every_crontab

    def of(*tabs: Any, **changes: Any) -> Any:
        return case(CronCase, seen(tabs=tabs, **changes), cron={"sound": True})

    drop_in: dict[str, Any] = {"path": "/etc/cron.d/shop", "user": "", "mode": 0o644}
    passes(check, of(tab(line("@reboot")), tab(line("0~59 * * * *")), tab(line(user="root"), **drop_in)))
    passes(check, of(tab(line("0 0 31 2 *"))))  # never due, and understood
    fails(check, of(tab(line("61 * * * *"))), "/var/spool/cron/crontabs/www-data:3: 61 * * * *: '61' is no minute")
    fails(check, of(tab(line("* * * * …"))), "'…' is no day of the week")
    fails(check, of(tab(line("* *"))), "5 fields")
    fails(check, of(tab(line(has_command=False))), "it has no command")
    fails(check, of(tab(line(user=""), **drop_in)), "/etc/cron.d/shop:3: it names no user")
    fails(check, of(tab(line(), ends=False)), "its last line has no end")
    passes(check, of(tab(line("61 * * * *", commented=True))))
    dotted: dict[str, Any] = {**drop_in, "path": "/etc/cron.d/shop.cron"}
    fails(check, of(tab(line(), **dotted)), "/etc/cron.d/shop.cron: cron passes over a file of this name")
    passes(check, of(tab(line(), **dotted), debian=False))
    fails(check, of(tab(line(), **{**drop_in, "owner": "deploy"})), "it is deploy's, not root's")
    fails(check, of(tab(line(), **{**drop_in, "mode": 0o664})), "others may write it (mode 664)")
    fails(check, of(tab(line(user="gone", stranger=True), **drop_in)), "/etc/cron.d/shop:3: there is no user gone")
    fails(check, of(tab(line(returns=True))), "it ends with a carriage return")
    is_not_observed(check, of(tab(line()), others=DENIED), "Permission denied")
    is_not_observed(check, of(tab(unread=DENIED)), "Permission denied")
    fails(check, of(tab(line("61 * * * *")), others=DENIED), "'61' is no minute")


def test_files_that_cron_refuses(suite: ModuleType) -> None:
    check = suite.test_every_job_is_there

    def of(**changes: Any) -> Any:
        debian = changes.pop("debian", True)
        return job(JobsCase, seen(tabs=(tab(line(), **changes),), debian=debian))

    passes(check, of(owner="www-data"))
    fails(check, of(owner="deploy"), "it is deploy's, not www-data's")
    fails(check, of(mode=0o644), "its mode is 644, not 600")
    passes(check, of(mode=0o644, debian=False))
    passes(check, of(mode=0o644, path="/etc/crontabs/www-data"))  # of BusyBox, which minds no modes
    drop_in: dict[str, Any] = {"path": "/etc/cron.d/shop", "user": ""}
    passes(check, of(**drop_in, mode=0o755))
    fails(check, of(**drop_in, mode=0o755, debian=False), "it may be executed")
    passes(check, of(**drop_in, mode=0o600, debian=False))


def test_debian_ignores_all_of_a_file_that_it_stumbles_over(suite: ModuleType) -> None:
    check = suite.test_every_job_is_there

    def of(*more: Any, debian: bool = True, **changes: Any) -> Any:
        return job(JobsCase, seen(tabs=(tab(line(), *more, **changes),), debian=debian))

    odd = line("61 * * * *", number=4, holds=())
    fails(check, of(odd), "cron ignores all of it: line 4: 61 * * * *: '61' is no minute")
    passes(check, of(odd, debian=False))
    passes(check, of(line("61 * * * *", commented=True)))
    passes(check, of(line(returns=True, holds=())))
    fails(check, of(ends=False), "cron ignores all of it: its last line has no end")


def test_lines_that_are_there(suite: ModuleType) -> None:
    check = suite.test_every_job_is_there
    passes(check, job(JobsCase, seen()))
    passes(check, job(JobsCase, seen(tabs=(tab(line("0 4 * * *", user="root")),))))  # other checks say the rest
    fails(check, job(JobsCase, seen(tabs=())), f"scheduler: no line of a crontab runs {RUN!r}")
    off = seen(tabs=(tab(line(commented=True)),))
    fails(check, job(JobsCase, off), "/var/spool/cron/crontabs/www-data:3 is a comment")
    fails(check, job(JobsCase, seen(tabs=(tab(line(holds=())),))), "no line of a crontab runs")
    fails(check, job(JobsCase, seen(tabs=(tab(line("61 * * * *")),))), "'61' is no minute")
    ignored = seen(tabs=(tab(line(), path="/etc/cron.d/shop.cron", user=""),))
    fails(check, job(JobsCase, ignored), "cron passes over a file of this name")
    is_not_observed(check, job(JobsCase, seen(tabs=(), others=DENIED)), "not all could", "Permission denied")
    is_not_observed(check, job(JobsCase, seen(tabs=(tab(unread=DENIED),))), "not all could")
    passes(check, job(JobsCase, seen(others=DENIED)))


def test_a_line_that_is_all_of_a_command(suite: ModuleType) -> None:
    check = suite.test_every_job_is_there
    passes(check, job(JobsCase, seen(tabs=(tab(line(equals=(RUN,))),)), exact=True))
    fails(check, job(JobsCase, seen(), exact=True), "no line of a crontab runs")


def test_timers_and_scripts_that_are_there(suite: ModuleType) -> None:
    check = suite.test_every_job_is_there
    passes(check, timed(JobsCase, {"certbot.timer": timer()}))
    passes(check, timed(JobsCase, {"certbot.timer": timer(enabled="static")}))
    fails(check, timed(JobsCase, {"certbot.timer": timer(loaded="not-found")}), "certbot.timer is not-found")
    fails(
        check,
        timed(JobsCase, {"certbot.timer": timer(active="inactive", enabled="disabled")}),
        "is inactive (disabled)",
    )
    fails(check, timed(JobsCase, {"certbot.timer": timer(enabled="disabled")}), "not be there after a restart")
    fails(check, timed(JobsCase, {"certbot.timer": timer(enabled="linked")}), "certbot.timer is linked")
    is_not_observed(check, timed(JobsCase, Unseen(unseen="not supported", detail="no systemctl")), "no systemctl")
    passes(check, scripted(JobsCase, Script(mode=0o755)))
    fails(check, scripted(JobsCase, None), f"there is no {DAILY}")
    fails(check, scripted(JobsCase, Script(mode=0o644)), "may not be executed (mode 644)")
    fails(check, scripted(JobsCase, Script(mode=0o755), path=DAILY + ".sh"), "run-parts passes over")
    is_not_observed(check, scripted(JobsCase, DENIED), "not permitted")


def test_when_jobs_are_due(suite: ModuleType) -> None:
    check = suite.test_every_job_is_due_as_promised
    passes(check, job(ScheduleCase, seen(tabs=(tab(line("*/1 0-23 * * *")),))))
    hourly = seen(tabs=(tab(line("0 * * * *")),))
    fails(check, job(ScheduleCase, hourly), "due 0 * * * * (/var/spool/cron/crontabs/www-data:3), * * * * * promised")
    fails(check, job(ScheduleCase, seen(tabs=(tab(line("@reboot")),))), "due @reboot")
    passes(check, job(ScheduleCase, seen(tabs=(tab(line("0 * * * *"), line(number=4)),))))  # one of two is it
    is_not_observed(check, job(ScheduleCase, seen(tabs=())), "no line of a crontab")
    passes(check, timed(ScheduleCase, {"certbot.timer": timer()}, schedule="@daily"))
    fails(check, timed(ScheduleCase, {"certbot.timer": timer(calendars=("Mon *-*-* 00:00:00",))}), "Mon *-*-* 00:00:00")
    added = timer(calendars=("*-*-* 00:00:00", "*-*-* 02:00:00"))
    fails(check, timed(ScheduleCase, {"certbot.timer": added}), "00:00:00 and *-*-* 02:00:00, daily promised")
    fails(check, timed(ScheduleCase, {"certbot.timer": timer(calendars=())}), "by no calendar")
    is_not_observed(check, timed(ScheduleCase, {"certbot.timer": timer(active="inactive")}), "is inactive")


def test_as_whom_jobs_run(suite: ModuleType) -> None:
    check = suite.test_every_job_runs_as_its_user
    passes(check, job(UserCase, seen()))
    fails(check, job(UserCase, seen(tabs=(tab(line(user="root")),))), "runs as root", "www-data promised")
    is_not_observed(check, job(UserCase, seen(tabs=(), others=DENIED)), "Permission denied")


def test_the_environment_of_jobs(suite: ModuleType) -> None:
    check, wanted = suite.test_every_job_finds_its_environment, {"MAILTO": "ops@shop.example", "SHELL": "/bin/sh"}
    there = seen(tabs=(tab(line(environment={"MAILTO": "ops@shop.example"})),))
    passes(check, job(EnvironmentCase, there, environment=wanted))
    fails(check, job(EnvironmentCase, seen(), environment=wanted), "MAILTO is not set, 'ops@shop.example' promised")
    other = seen(tabs=(tab(line(environment={"MAILTO": ""})),))
    fails(check, job(EnvironmentCase, other, environment=wanted), "MAILTO is '', 'ops@shop.example' promised")
    is_not_observed(check, job(EnvironmentCase, seen(tabs=()), environment=wanted), "no line")


def test_that_a_line_ran(suite: ModuleType) -> None:
    check = suite.test_every_job_ran_when_it_was_due
    passes(check, job(RanCase, seen(log=log((RUN, "www-data", 120)))))  # due at NOW - 2 min, to the second
    fails(check, job(RanCase, seen(log=log((RUN, "www-data", 121)))), "it last ran 2m1s ago (syslog)", "was due at")
    fails(check, job(RanCase, seen(log=log())), "scheduler: it never ran (syslog)")
    fails(check, job(RanCase, seen(log=log((RUN, "root", 10)))), "it never ran")
    is_not_observed(check, job(RanCase, seen(log=log(begins=60))), "syslog begins at")
    is_not_observed(check, job(RanCase, seen(log=log((RUN, "www-data", 4000), ends=3000))), "syslog ends at")
    fails(check, job(RanCase, seen(log=log((RUN, "www-data", 4000), ends=None))), "it last ran")
    is_not_observed(check, job(RanCase, seen(log=DENIED)), "Permission denied")
    is_not_observed(check, job(RanCase, seen(tabs=())), "no line of a crontab")


def test_that_all_of_a_command_ran(suite: ModuleType) -> None:
    check = suite.test_every_job_ran_when_it_was_due
    whole, another = (Run(command=RUN, user="www-data", exact=exact, at=ago(30)) for exact in (True, False))
    for runs, said in (((whole, another), passes), ((another,), fails)):
        found = seen(tabs=(tab(line(equals=(RUN,))),), log=log().model_copy(update={"runs": runs}))
        said(check, job(RanCase, found, exact=True))


def test_that_a_line_ran_since_it_is_as_it_is(suite: ModuleType) -> None:
    check = suite.test_every_job_ran_when_it_was_due
    new = {"tabs": (tab(line("0 2 * * *"), changed=ago(3600)),)}
    is_not_observed(check, job(RanCase, seen(**new, log=log()), schedule="0 2 * * *"), "since it was last changed")
    passes(check, job(RanCase, seen(**new, log=log((RUN, "www-data", 36000))), schedule="0 2 * * *"))


def test_runs_are_due_by_the_clock_on_the_wall(suite: ModuleType) -> None:
    check = suite.test_every_job_ran_when_it_was_due  # NOW is 12:00 UTC
    east = (Shift(since=ago(400 * 86400), offset_s=5 * 3600),)
    noon = {"tabs": (tab(line("0 12 * * *")),), "shifts": east}
    passes(check, job(RanCase, seen(**noon, log=log((RUN, "www-data", 5 * 3600))), schedule="0 12 * * *"))
    fails(check, job(RanCase, seen(**noon, log=log((RUN, "www-data", 5 * 3600 + 1))), schedule="0 12 * * *"), "07:00")
    dark = Unseen(unseen="failed", detail="no zone")
    is_not_observed(check, job(RanCase, seen(shifts=dark)), "no zone")
    is_not_observed(check, job(RanCase, seen(tabs=(tab(line(zone="Asia/Tokyo")),))), "CRON_TZ=Asia/Tokyo")


def test_that_a_job_left_a_trace(suite: ModuleType) -> None:
    check, ran = suite.test_every_job_ran_when_it_was_due, {"grace": "1h", "touches": "/var/backups/*.gz"}

    def traced(found: Any, **changes: Any) -> Any:
        return job(RanCase, seen(touched={"/var/backups/*.gz": found}, **changes), ran=ran)

    passes(check, traced(ago(3600)))
    fails(check, traced(ago(3601)), "it last ran 1h1s ago (/var/backups/*.gz)")
    fails(check, traced(None), "it never ran (/var/backups/*.gz)")
    passes(check, traced(ago(-60)))
    is_not_observed(check, traced(ago(-61)), "yet to come")
    is_not_observed(check, traced(DENIED), "Permission denied")
    passes(check, scripted(RanCase, Script(mode=0o755), touched={STATUS: ago(25 * 3600)}))
    fails(check, scripted(RanCase, Script(mode=0o755), touched={STATUS: ago(25 * 3600 + 1)}), "1d1h promised")
    fails(check, scripted(RanCase, Script(mode=0o755), touched={STATUS: None}), "it never ran")


def test_that_a_timer_triggered(suite: ModuleType) -> None:
    check = suite.test_every_job_ran_when_it_was_due
    passes(check, timed(RanCase, {"certbot.timer": timer(last=ago(12 * 3600))}))
    fails(
        check,
        timed(RanCase, {"certbot.timer": timer(last=ago(12 * 3600 + 1))}),
        "it last ran 12h1s ago (certbot.timer)",
    )
    fails(check, timed(RanCase, {"certbot.timer": timer(last=None)}), "it never ran")
    passes(check, timed(RanCase, {"certbot.timer": timer(last=ago(30 * 3600), delay_s=13 * 3600)}))  # put off at random
    is_not_observed(check, timed(RanCase, {"certbot.timer": timer(last=None, since=ago(60))}), "not been due since")
    is_not_observed(check, timed(RanCase, {"certbot.timer": timer(calendars=("2027-01-01 00:00:00",))}), "years")


def test_an_applications_own_schedule(suite: ModuleType) -> None:
    check = suite.test_the_application_schedules_its_commands
    promised = {"laravel": {"path": "/var/www/shop", "schedule": {"backup:run": "0 2 * * *"}}}

    def of(said: Any) -> Any:
        return case(CronCase, seen(scheduled=said), cron=promised)

    passes(check, of("  0 2 * * *  php artisan backup:run .... Next Due: 1 hour from now"))
    fails(check, of("  0 3 * * *  php artisan backup:run .... Next Due: 1 hour from now"), "is due 0 3 * * *")
    fails(
        check, of("  0 2 * * *  php artisan other ..... Next Due: 1 hour"), "backup:run is not scheduled (1 others are)"
    )
    is_not_observed(check, of(DENIED), "not permitted")


def test_one_look_answers_all() -> None:
    promised = {
        "jobs": {"one": {"command": RUN, "schedule": "@hourly", "user": "root", "environment": {"MAILTO": ""}}},
        "daemon": True,
    }
    kinds: tuple[type[Any], ...] = (CronCase, JobsCase, ScheduleCase, UserCase, EnvironmentCase)
    assert len({case(kind, seen(), cron=promised).ask for kind in kinds}) == 1
