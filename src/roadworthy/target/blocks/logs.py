"""Logs on a host, in files, in the journal and of containers: that they are written, kept small, free of new errors."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, Place
from roadworthy.target.values import PUBLIC, Duration, Frozen, Size

Every = Literal["hour", "day", "week", "month", "year"]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


class Errors(Frozen):
    """How many errors a log may have since a moment, by its own times. A stack trace belongs to its first line."""

    since: AwareDatetime = Field(
        description="Counted from then on, with its zone: `${env:DEPLOYED_AT}`.",
        json_schema_extra={PUBLIC: True},
    )
    at_most: int = Field(ge=0, le=10_000, description="So many.")
    patterns: tuple[Pattern, ...] | None = Field(
        None,
        min_length=1,
        description="Lines in which one of these regular expressions is found are errors. Without: those that say so "
        'by their own level (`ERROR`, `[crit]`, `"level":50`, priority `err`, status 500 and above), and where a line '
        "has none, those with one of the words error, fatal, failed, failure, exception, panic, critical.",
    )
    without: tuple[Pattern, ...] = Field(
        (), alias="except", description="Lines in which one of these is found are none."
    )


class Rotated(Frozen):
    """How Logrotate must treat a log."""

    every: Every | None = Field(None, description="It is rotated at least so often, not by its size alone.")
    keep: int | None = Field(None, ge=1, description="So many old ones are kept, at least.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.every is None and self.keep is None:
            raise ValueError("give every, or keep: 1 where any rotation will do")
        return self


class _Log(Frozen):
    """What is promised of any log. That there is one is always promised."""

    written_within: Duration | None = Field(None, description="Its newest line is no older than this.")
    errors: Errors | None = Field(None, description="How many errors it may have since the deployment.")


class FileLog(_Log):
    """A log in a file. With `*` in its path it is the newest of several, as with daily logs."""

    below: Size | None = Field(None, description="It is no larger than this.")
    rotated: Rotated | None = Field(None, description="Logrotate takes care of it.")
    oldest: Duration | None = Field(
        None, description="None of its files, older ones included, was last written longer ago than this."
    )
    zone: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        description="The time zone of its lines, where these have none: `Europe/Berlin`. Without: the host's own.",
    )


class UnitLog(_Log):
    """What a systemd unit has in the journal."""


class ContainerLog(_Log):
    """What the runtime has of a container's output."""


class ProjectLog(ContainerLog):
    """The same, of the containers of a Compose project."""

    services: OneOrMany | None = Field(None, min_length=1, description="Of these services; without: of all there are.")


class Logs(Expectation):
    """Promises of logs: they are there, written, rotated, and free of new errors."""

    files: dict[Place, FileLog] | None = Field(
        None, min_length=1, description="By path: `/var/log/nginx/error.log`, `/var/www/storage/logs/laravel-*.log`."
    )
    units: dict[str, UnitLog] | None = Field(None, min_length=1, description="By unit: `nginx.service`.")
    containers: dict[str, ContainerLog] | None = Field(None, min_length=1, description="By the container's name.")
    projects: dict[str, ProjectLog] | None = Field(None, min_length=1, description="By the Compose project's name.")

    @model_validator(mode="after")
    def _names_are_names(self) -> Self:
        for path in self.files or {}:
            folder, _, name = path.rpartition("/")
            if "*" in folder or not name:
                raise ValueError(f"files: {path!r} is no file; * may stand in its name alone")
        for key in ("units", "containers", "projects"):
            for name in getattr(self, key) or {}:
                if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:@\\-]*", name):
                    raise ValueError(f"{key}: {name!r} is no name of one")
        return self


AnyLog = FileLog | UnitLog | ContainerLog
