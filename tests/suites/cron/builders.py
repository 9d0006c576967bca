"""What hosts show of cron and certbot, as checks get it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.cron import CronObservation, Crontab, Line, Log, Run, Shift, Timer
from roadworthy.facts.renewal import Lineage, RenewalObservation
from roadworthy.facts.renewal import Run as Renewed
from roadworthy.facts.store import Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW, case_of

if TYPE_CHECKING:
    from datetime import datetime

    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

RUN = "artisan schedule:run"
DENIED = Unseen(unseen="not permitted", detail="/var/spool/cron/crontabs: Permission denied")
IN_UTC = (Shift(since=NOW - timedelta(days=400), offset_s=0),)
SCHEDULER = {"command": RUN, "schedule": "* * * * *", "user": "www-data", "ran": {"grace": "2m"}}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def target(**blocks: Any) -> Target:
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {
                "allows": ["writes"],
                "vantages": {"app": {"ssh": "deploy@app.shop.example", "sudo": True}},
                "scan_timeout": "10m",
                "deadline": "20m",
            },
            "components": {"api": {"host": "app", **blocks}},
        }
    )


def case(kind: type[C], seen: object, **promised: Any) -> C:
    return case_of(kind, seen, target(**promised))


def job(kind: type[C], seen: CronObservation, **changes: Any) -> C:
    """The case of one job, with some of its promises changed."""
    promised = {key: value for key, value in {**SCHEDULER, **changes}.items() if value is not None}
    return case(kind, seen, cron={"jobs": {"scheduler": promised}})


def line(when: str = "* * * * *", **changes: Any) -> Line:
    found = {"number": 3, "fields": tuple(when.split()), "user": "www-data", "holds": (RUN,), **changes}
    return Line.model_validate(found)


def tab(
    *lines: Line, path: str = "/var/spool/cron/crontabs/www-data", user: str = "www-data", **changes: Any
) -> Crontab:
    found = {"owner": "root", "mode": 0o600, "changed": ago(400 * 86400), **changes}
    return Crontab(path=path, user=user, lines=lines, **found)


def log(
    *runs: tuple[str, str, float], begins: float = 40 * 86400, ends: float | None = 0, source: str = "syslog"
) -> Log:
    return Log(
        source=source,
        begins=ago(begins),
        ends=None if ends is None else ago(ends),
        runs=tuple(Run(command=command, user=user, at=ago(age)) for command, user, age in runs),
    )


def seen(**changes: Any) -> CronObservation:
    """A host that keeps the promises of SCHEDULER."""
    found: dict[str, Any] = {
        "observed_at": NOW,
        "now": NOW,
        "debian": True,
        "daemons": ("cron (812)",),
        "tabs": (tab(line()),),
        "shifts": IN_UTC,
        "log": log((RUN, "www-data", 30)),
        **changes,
    }
    return CronObservation(**found)


def timer(**changes: Any) -> Timer:
    found: dict[str, Any] = {
        "loaded": "loaded",
        "active": "active",
        "enabled": "enabled",
        "calendars": ("*-*-* 00:00:00",),
        "last": ago(12 * 3600),
        "since": ago(30 * 86400),
        **changes,
    }
    return Timer(**found)


NO_TIMERS = {
    name: Timer(loaded="not-found", active="inactive")
    for name in ("certbot.timer", "certbot-renew.timer", "snap.certbot.renew.timer")
}
CALL = ("certbot renew",)


def renewing(**changes: Any) -> RenewalObservation:
    """A host that renews its certificates."""
    found: dict[str, Any] = {
        "observed_at": NOW,
        "now": NOW,
        "debian": True,
        "daemons": ("cron (812)",),
        "tabs": (tab(line("0 0 * * *", user="root", holds=CALL), path="/etc/crontab", user="", mode=0o644),),
        "timers": NO_TIMERS,
        "lineages": (Lineage(name="shop.example", names=("shop.example", "*.shop.example")),),
        "last": renewed(12 * 3600),
        **changes,
    }
    return RenewalObservation(**found)


def renewed(age: float, *errors: str, ended: bool = True) -> Renewed:
    return Renewed(at=ago(age), path="letsencrypt.log", errors=errors, ended=ended)
