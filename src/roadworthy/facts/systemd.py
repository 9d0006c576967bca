"""What a host shows of systemd's units and timers."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class SystemdAsk(HostAsk):
    """What to look at."""

    kind: Literal["systemd"] = "systemd"
    units: tuple[str, ...] = Field((), description="With their endings, timers among them.")
    failed: bool = Field(False, description="Whether to list all units that failed.")

    @property
    def name(self) -> str:
        """All of them, as a command takes them."""
        return shlex.join(self.units)


class UnitSeen(Fact):
    """One unit, in systemd's own words."""

    load: str = Field(description="loaded, not-found, masked, error, ...")
    active: str = Field(description="active, inactive, failed, activating, ...")
    sub: str = Field(description="running, exited, dead, auto-restart, waiting, elapsed, ...")
    enabled: str = Field("", description="enabled, disabled, static, ...; empty: it has no unit file.")
    result: str = Field("", description="How it ended last: success, exit-code, oom-kill, ...")
    restarts: int | None = Field(None, description="By systemd itself; None: it does not count (before 235).")
    user: str = Field("", description="Who it is started as; empty: nobody in particular, which is root.")
    active_since: datetime | None = Field(None, description="None: it never was.")
    triggered: datetime | Unseen | None = Field(None, description="A timer, the last time; None: never.")
    planned: bool | None = Field(None, description="A timer: whether it knows when it triggers next.")


class SystemdObservation(HostObservation):
    """What was seen."""

    kind: Literal["systemd"] = "systemd"
    units: dict[str, UnitSeen] | Unseen | None = Field(None, description="Each that was asked for.")
    failed: tuple[str, ...] | Unseen | None = None
