"""Promises of programs that Supervisor keeps running."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from roadworthy.target.blocks.block import Expectation, OneOrMany, Place
from roadworthy.target.values import Duration, Frozen


def _words(command: str) -> str:
    if not shlex.split(command):  # a quotation that is left open is a ValueError of its own
        raise ValueError("a command has at least one word")
    return command


Command = Annotated[str, AfterValidator(_words)]


class Contains(Frozen):
    """What a command must hold, whatever else is in it."""

    contains: OneOrMany = Field(
        min_length=1, description="Words, or several in a row: `[queue:work redis, --tries=3]`."
    )


class Restarts(Frozen):
    """How often a process may have ended by itself."""

    at_most: int = Field(ge=0, le=100, description="So often, each process; a worker with `--max-time` ends, too.")
    within: Duration = Field(description="In so much time before the look.")


class Program(Frozen):
    """A program, or a group of programs."""

    processes: int = Field(ge=1, le=1000, description="There are exactly so many, each RUNNING (numprocs).")
    uptime: Duration | None = Field(None, description="Each has been up for so long at least.")
    restarts: Restarts | None = Field(None, description="They do not flap.")
    user: str | None = Field(None, min_length=1, description="They run as this user, and would again.")
    command: Command | Contains | None = Field(
        None, description="What is run, compared word by word; a program without a folder may be in any."
    )
    autostart: bool | None = Field(None, description="Whether they start with Supervisor.")
    autorestart: bool | Literal["unexpected"] | None = Field(
        None, description="Whether they are started again when they end; `unexpected`: by other codes than exitcodes."
    )


class Supervisor(Expectation):
    """Promises of programs that Supervisor keeps running, as it says itself over its own socket."""

    WHERE = frozenset({"config"})

    config: Place | None = Field(
        None,
        description="Its configuration, which tells its socket; without it, /etc/supervisor/supervisord.conf, "
        "/etc/supervisord.conf or /etc/supervisor.conf.",
    )
    programs: dict[str, Program] | None = Field(
        None,
        min_length=1,
        description="By the name that `supervisorctl status` shows before the colon, or by the whole `group:name`.",
    )
    none_failed: Literal[True] | None = Field(
        None, description="No process at all is FATAL or BACKOFF, promised or not."
    )
    as_configured: Literal[True] | None = Field(
        None, description="What runs is what the files say now: nothing waits for `reread` or `update`."
    )
