"""What a host shows of programs that Supervisor keeps running."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact, NotObserved, Reason
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class SupervisorAsk(HostAsk):
    """What to look at."""

    kind: Literal["supervisor"] = "supervisor"
    config: str | None = Field(None, description="Its configuration; None: one of the usual places.")
    programs: tuple[str, ...] = Field((), description="Groups or processes whose configuration is told, too.")
    back_s: float | None = Field(None, description="How far back ends of processes are told; None: not at all.")


class Configured(Fact):
    """How a process is configured, as Supervisor holds it, and as its files say what it does not tell."""

    command: str = ""
    runs: bool = Field(True, description="False: what runs shows other words, as after `reread` without `update`.")
    user: str | None = Field(None, description="None: whoever supervisord runs as.")
    autostart: bool
    autorestart: str | Unseen = Field(
        description="true, false, unexpected; as the files say: Supervisor does not tell."
    )


class Process(Fact):
    """A process that Supervisor has, whether it runs or not."""

    group: str
    name: str
    state: str = Field(description="RUNNING, STARTING, BACKOFF, STOPPING, STOPPED, EXITED, FATAL, UNKNOWN.")
    said: str = Field("", description="What Supervisor says of it: uptime, why it could not be started.")
    started: datetime | None = Field(None, description="When it was last started.")
    user: str | Unseen | None = Field(None, description="Who it really runs as; None: it does not run.")
    configured: Configured | None = Field(None, description="None: not asked for, or no longer configured.")


class Exit(Fact):
    """A process ended by itself."""

    name: str
    at: datetime
    how: str = Field("", description="exit status 1; not expected")


class Log(Fact):
    """The end of Supervisor's own log."""

    begins: datetime | None = Field(description="The first line that was read; None: there is no line.")
    started: bool = Field(False, description="supervisord itself started in what was read: before it nothing ran.")
    exits: tuple[Exit, ...] = ()


class Drift(Fact):
    """What the files say differs from what runs."""

    name: str = Field(description="group:name, or the file that can't be parsed")
    what: tuple[str, ...] = Field(description="Settings; `added`, `removed`, `not in use`; never their values.")


class SupervisorObservation(HostObservation):
    """What was seen."""

    kind: Literal["supervisor"] = "supervisor"
    config: str = Field("", description="The configuration that was read.")
    dead: str = Field("", description="Nobody answers at its socket, and how; empty: it does.")
    processes: tuple[Process, ...] = ()
    log: Log | Unseen | None = None
    drift: tuple[Drift, ...] | Unseen | None = None

    @property
    def alive(self) -> SupervisorObservation:
        """The same, for checks that say nothing where Supervisor is dead.

        Raises:
            NotObserved: it is.
        """
        if self.dead:
            raise NotObserved(Reason.NO_ANSWER, self.dead)
        return self

    def of(self, program: str) -> tuple[Process, ...]:
        """The processes of a program or group, or the one of that whole name."""
        return tuple(one for one in self.alive.processes if program in (one.group, f"{one.group}:{one.name}"))
