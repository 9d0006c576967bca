"""What runs by the clock, and that it ran: crontabs, systemd timers, scripts of /etc/cron.daily, Laravel's own."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Place
from roadworthy.target.schedules import NICKNAMES, When, is_cron
from roadworthy.target.values import Duration, Frozen

SECRET = re.compile(r"pass|pwd|secret|token|credential|_key|^key", re.IGNORECASE)
"""Variables whose values are not asked for."""

SCRIPTS = re.compile(r"/etc/(cron\.(?:hourly|daily|weekly|monthly))/[^/]+")


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is no variable's name")
    if SECRET.search(name):
        raise ValueError(f"{name} may be a secret, and is not asked for")
    return name


def _script(path: str) -> str:
    if not SCRIPTS.fullmatch(path):
        raise ValueError("a script is a file of /etc/cron.hourly, cron.daily, cron.weekly or cron.monthly")
    return path


def _touched(path: str) -> str:
    if any(character in path.rpartition("/")[0] for character in "*?["):
        raise ValueError("only a path's last part may hold * and ?")
    return path


def _timer(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:_.@\\-]+\.timer", name) or name.startswith("-"):
        raise ValueError("a timer is named like certbot.timer")
    return name


class Ran(Frozen):
    """That a job ran when it was last due. A timer tells by itself; a line of a crontab by the daemon's own log."""

    grace: Duration = Field(description="So long after it was due it is there at the latest.")
    touches: Annotated[Place, AfterValidator(_touched)] | None = Field(
        None,
        description="It is told by when this file was last changed, not by a log: `/var/backups/last`, "
        "`/var/www/app/storage/framework/schedule-*`.",
    )


class Job(Frozen):
    """Something that runs by the clock: a line of a crontab, a systemd timer, or a script of /etc/cron.daily."""

    command: str | None = Field(
        None,
        min_length=3,
        max_length=1000,
        description="A line of a crontab, or of a file in /etc/cron.d, whose command holds this; blanks count as one. "
        "What stands behind a bare % is no part of a command.",
    )
    exact: bool = Field(False, description="The command is this, and no more.")
    timer: Annotated[str, AfterValidator(_timer)] | None = Field(
        None, description="A systemd timer that is active: `certbot.timer`."
    )
    script: Annotated[Place, AfterValidator(_script)] | None = Field(
        None, description="A script that is run from there: `/etc/cron.daily/logrotate`."
    )
    schedule: When | None = Field(None, description="When; compared by what it means.")
    user: str | None = Field(None, min_length=1, description="As whom the command runs.")
    environment: dict[Annotated[str, AfterValidator(_variable)], str] | None = Field(
        None, min_length=1, description="Variables that stand above the line, no secrets: `{MAILTO: ops@shop.example}`."
    )
    ran: Ran | None = Field(None, description="It ran when it was last due.")

    @model_validator(mode="after")
    def _is_one_of_its_kind(self) -> Self:
        if sum(kind is not None for kind in (self.command, self.timer, self.script)) != 1:
            raise ValueError("give one of command, timer, script")
        of_lines = {"exact": self.exact, "user": self.user, "environment": self.environment}
        if self.command is None and (given := [key for key, value in of_lines.items() if value]):
            raise ValueError(f"{', '.join(given)}: that is said of a command")
        if self.command is not None and self.schedule is not None and not is_cron(self.schedule):
            raise ValueError(f"schedule: a crontab has five fields, or one of {', '.join(NICKNAMES)}")
        if self.script is not None and self.schedule is not None:
            raise ValueError("schedule: its folder says when a script runs")
        if self.script is not None and self.ran is not None and self.ran.touches is None:
            raise ValueError("ran: no log tells of a script; give touches")
        return self


class Laravel(Frozen):
    """What Laravel's own scheduler knows of, asked by `php artisan schedule:list` as the owner of `artisan`."""

    path: Place = Field(description="The folder that holds `artisan`.")
    php: str = Field("php", pattern=r"^[A-Za-z0-9/._-]+$", description="The PHP that runs it: `php8.3`.")
    schedule: dict[str, When] = Field(
        min_length=1,
        description="Commands by a part of their name, each with when it is due: `{'backup:run': '0 2 * * *'}`.",
    )

    @model_validator(mode="after")
    def _is_cron(self) -> Self:
        if odd := [name for name, when in self.schedule.items() if not is_cron(when)]:
            raise ValueError(f"schedule: Laravel's has five fields: {', '.join(odd)}")
        return self


class Cron(Expectation):
    """Promises of what runs by the clock, and that it ran. Commands themselves never leave the host."""

    daemon: Literal[True] | None = Field(None, description="A cron daemon runs.")
    sound: Literal[True] | None = Field(
        None, description="Every crontab is one that cron reads, and every line one that it understands."
    )
    jobs: dict[str, Job] | None = Field(None, min_length=1, description="What runs, each by a name of your own.")
    laravel: Laravel | None = Field(None, description="An application's own scheduler.")
