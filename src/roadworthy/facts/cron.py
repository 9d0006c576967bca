"""What a host shows of what runs by the clock, and that it ran.

Commands and values may hold secrets: of a line of a crontab, only when it runs, as whom, and which of the looked-for
texts it holds leave the host.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class CronAsk(HostAsk):
    """What to look at."""

    kind: Literal["cron"] = "cron"
    commands: tuple[str, ...] = Field((), description="Texts that are looked for in commands.")
    environment: tuple[str, ...] = Field((), description="Variables whose values are asked for.")
    timers: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    touched: tuple[str, ...] = Field((), description="Paths whose last change is asked for; * in their last part.")
    log: bool = Field(False, description="Whether the daemon's log is to be read.")
    artisan: str | None = Field(None, description="The folder of a Laravel application.")
    php: str = "php"


class Line(Fact):
    """A line of a crontab that runs something; or one in a comment that would, if it is looked for."""

    number: int
    fields: tuple[str, ...] = Field(
        description="The words that say when: five, or a nickname; the first that is no such word as …."
    )
    user: str = ""
    has_command: bool = True
    holds: tuple[str, ...] = Field((), description="The looked-for texts that stand in its command.")
    equals: tuple[str, ...] = Field((), description="Those that are all of it.")
    environment: dict[str, str] = Field({}, description="Of the asked-for variables, those that are set above it.")
    zone: str = Field("", description="CRON_TZ, where it is set above it.")
    without_systemd: bool = Field(False, description="It does nothing where systemd runs: Debian's own for certbot.")
    commented: bool = False
    stranger: bool = Field(False, description="The host has no such user.")
    returns: bool = Field(False, description="It ends with a carriage return, as files of Windows have it.")


class Crontab(Fact):
    """A crontab, or a file of /etc/cron.d."""

    path: str
    user: str = Field("", description="Whose it is; empty: each line names its own.")
    owner: str
    mode: int
    changed: datetime
    ends: bool = Field(True, description="Its last line has an end, or is a comment.")
    lines: tuple[Line, ...] = ()
    unread: Unseen | None = None


class Timer(Fact):
    """A timer of systemd."""

    loaded: str = Field(description="loaded, not-found, masked, error")
    active: str = Field(description="active, inactive, failed")
    enabled: str = Field("", description="enabled, disabled, static, masked, ...")
    calendars: tuple[str, ...] = ()
    delay_s: float = Field(0.0, description="It is put off by up to this, at random.")
    last: datetime | None = Field(None, description="When it last set something off; None: never.")
    since: datetime | None = Field(None, description="Since when it is active.")


class Script(Fact):
    """A file of /etc/cron.daily and the like."""

    mode: int


class Run(Fact):
    """The newest run of a command, as the log has it."""

    command: str = Field(description="The looked-for text.")
    user: str
    exact: bool = Field(False, description="It is all of the command.")
    at: datetime


class Log(Fact):
    """What the daemon wrote of its work."""

    source: str
    begins: datetime = Field(description="What was before is not there, or was not read.")
    ends: datetime | None = Field(None, description="Its newest line; None: only cron itself writes there.")
    runs: tuple[Run, ...] = ()


class Shift(Fact):
    """How the host's local time differs from UTC, from some moment on."""

    since: datetime
    offset_s: int


class CronObservation(HostObservation):
    """What was seen."""

    kind: Literal["cron"] = "cron"
    debian: bool = Field(False, description="It is a Debian, or of its kin: cron minds the names of files.")
    systemd: bool = Field(False, description="systemd runs it.")
    daemons: tuple[str, ...] | Unseen = Field(description="Processes that are cron daemons: `cron (812)`.")
    tabs: tuple[Crontab, ...] = ()
    others: Unseen | None = Field(None, description="Why other users' crontabs are not among them; None: they are.")
    timers: dict[str, Timer] | Unseen | None = None
    scripts: dict[str, Script | Unseen | None] = Field({}, description="None: there is no such file.")
    touched: dict[str, datetime | Unseen | None] = Field(
        {}, description="The newest change; None: there is no such file."
    )
    log: Log | Unseen | None = None
    shifts: tuple[Shift, ...] | Unseen = Field(description="Oldest first.")
    scheduled: str | Unseen | None = Field(None, description="What `php artisan schedule:list` says.")
