"""What a host shows of applications that PM2 keeps running."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact, NotObserved, Reason
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class Pm2Ask(HostAsk):
    """What to look at."""

    kind: Literal["pm2"] = "pm2"
    user: str | None = Field(None, description="Whose PM2; None: home tells.")
    home: str | None = Field(None, description="PM2_HOME; None: the user's own.")
    apps: tuple[str, ...] = Field((), description="Applications that are told in full.")


class Start(Fact):
    """How an instance is started."""

    script: str = Field("", description="The path that is run.")
    mode: str = Field("", description="cluster, fork")
    words: str = Field("", description="A salted hash of its arguments, the same within one look.")


class Instance(Fact):
    """An instance of an application."""

    name: str
    status: str = Field(description="online, stopped, stopping, launching, errored, waiting restart, ...")
    started: datetime | None = Field(None, description="When it was last started.")
    restarts: int | None = Field(None, description="Since it was given to PM2, or reset.")
    unstable: int | None = Field(None, description="Of those, because it ended right after a start.")
    user: str | Unseen | None = Field(None, description="Who it really runs as; None: it does not run.")
    start: Start | None = Field(None, description="None: not asked for.")


class Saved(Fact):
    """An instance that the daemon would bring back, as it was when it was saved."""

    name: str
    status: str = Field(description="online; one that was stopped comes back stopped.")
    start: Start


class Unit(Fact):
    """A systemd unit that is started at boot and speaks of PM2."""

    name: str
    user: str = Field("", description="Who it runs as; empty: root.")
    home: str = Field("", description="Its PM2_HOME; empty: it says none.")
    resurrects: bool = Field(description="It runs `pm2 resurrect`.")


class Pm2Observation(HostObservation):
    """What was seen."""

    kind: Literal["pm2"] = "pm2"
    home: str = ""
    dead: str = Field("", description="No daemon answers there, and how; empty: one does.")
    instances: tuple[Instance, ...] = ()
    saved: tuple[Saved, ...] | Unseen | None = Field(None, description="Those of dump.pm2; None: there is none.")
    units: tuple[Unit, ...] | Unseen | None = None

    @property
    def alive(self) -> Pm2Observation:
        """The same, for checks that say nothing where the daemon is dead.

        Raises:
            NotObserved: it is.
        """
        if self.dead:
            raise NotObserved(Reason.NO_ANSWER, self.dead)
        return self

    def of(self, app: str) -> tuple[Instance, ...]:
        """The instances of an application."""
        return tuple(one for one in self.alive.instances if one.name == app)
