"""What a host shows of logs: when they were last written, how they are rotated, what of them are errors.

Lines stay on the host; errors come as kinds: a line without its numbers, and without what looks like a secret.
"""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen

Source = Literal["files", "units", "containers", "projects"]


class ErrorsWanted(Fact):
    """Which lines to count."""

    since: float = Field(description="Seconds since 1970.")
    patterns: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()


class LogWanted(Fact):
    """One log, or the logs of one project."""

    source: Source
    name: str
    services: tuple[str, ...] | None = None
    zone: str | None = None
    rotation: bool = False
    newest: bool = False
    errors: ErrorsWanted | None = None


class LogsAsk(HostAsk):
    """Which logs."""

    kind: Literal["logs"] = "logs"
    logs: tuple[LogWanted, ...]

    @property
    def name(self) -> str:
        """What a command by hand is given: the files, patterns open to the shell."""
        files = (one.name for one in self.logs if one.source == "files")
        return " ".join("*".join(map(shlex.quote, path.split("*"))).replace("''", "") for path in files)


class Rotation(Fact):
    """What Logrotate is told about a log."""

    by: str = Field(description="The file that says so.")
    every: Literal["hour", "day", "week", "month", "year"] | None = Field(None, description="None: by size alone.")
    keep: int = 0


class Oldest(Fact):
    """The file of a log that was last written the longest ago."""

    path: str
    written: datetime


class ErrorKind(Fact):
    """Errors that differ in their numbers alone."""

    text: str
    count: int
    first: datetime | None = None
    last: datetime | None = None


class Errors(Fact):
    """What was counted."""

    count: int
    undated: int = Field(0, description="Errors of which nothing says when they were.")
    kinds: tuple[ErrorKind, ...] = Field((), description="The most frequent ones.")
    lines: int = Field(0, description="So many lines were read.")
    short: str = Field("", description="Why not all since then could be read; empty: it was.")


class Log(Fact):
    """One log."""

    source: Source
    name: str = Field(description="As it was asked for.")
    label: str = Field(description="The file, unit or container that is meant.")
    absent: str = Field("", description="There is none, and of what; empty: there is.")
    size: int | None = None
    written: datetime | None = Field(None, description="When its file was last changed; None: all are empty.")
    newest: datetime | Unseen | None = Field(None, description="The time of its newest line.")
    oldest: Oldest | None = None
    rotations: tuple[Rotation, ...] | Unseen | None = Field(None, description="Empty: Logrotate does not know it.")
    errors: Errors | Unseen | None = None


class LogsObservation(HostObservation):
    """The logs; of a project's, one for each container."""

    kind: Literal["logs"] = "logs"
    logs: tuple[Log, ...] = ()
    unseen: dict[str, Unseen] = Field({}, description="Logs of which nothing could be told, by `source name`.")
