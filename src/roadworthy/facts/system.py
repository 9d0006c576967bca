"""What a host shows of the machine itself: operating system, cores, memory, disks, load, clock, updates, versions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class SystemAsk(HostAsk):
    """What to look at. The rest is cheap enough to be looked at always."""

    kind: Literal["system"] = "system"
    disks: tuple[str, ...] = Field((), description="Paths whose file systems are looked at.")
    programs: tuple[str, ...] = Field((), description="Programs that are asked for their version.")
    clock: bool = Field(False, description="Whether the clock is synchronised.")
    reboot: bool = Field(False, description="Whether a restart is due.")
    updates: bool = Field(False, description="Which security updates are pending.")


class Os(Fact):
    """The operating system, as /etc/os-release has it."""

    id: str
    version: str = ""
    name: str = ""


class Cores(Fact):
    """How many cores may be used."""

    there: int
    usable: float = Field(description="What a container's quota and affinity leave of them.")


class Memory(Fact):
    """Bytes of memory."""

    total: int
    available: int
    swap: int
    swap_free: int
    limit: int | None = Field(None, description="A container's; None: there is none.")

    @property
    def usable(self) -> int:
        """What may be used in all."""
        return self.total if self.limit is None else min(self.total, self.limit)


class Disk(Fact):
    """The file system that a path is in."""

    mounted_on: str
    size: int
    used: int
    free: int = Field(description="Bytes that users may still take.")
    inodes: int | None = Field(None, description="How many files it can hold; None: their number is not limited.")
    inodes_free: int = 0


class Load(Fact):
    """Load averages."""

    minute: float
    five: float
    fifteen: float


class Clock(Fact):
    """Whether the clock follows a time server."""

    synchronised: bool
    told_by: str


class Reboot(Fact):
    """Whether a restart of the machine is due."""

    due: bool
    told_by: str
    packages: tuple[str, ...] = Field((), description="What waits for it.")


class Updates(Fact):
    """Security updates that wait to be installed."""

    security: int
    told_by: str
    packages: tuple[str, ...] = Field((), description="Some of them, by name.")
    lists_at: datetime | None = Field(None, description="When the lists of packages were last fetched; None: never.")


class SystemObservation(HostObservation):
    """What was seen; None: nobody asked."""

    kind: Literal["system"] = "system"
    os: Os | Unseen
    cores: Cores | Unseen
    memory: Memory | Unseen
    load: Load | Unseen
    disks: dict[str, Disk | Unseen] = Field(default={}, description="By path.")
    versions: dict[str, str | Unseen] = Field(default={}, description="By program; empty: there is none.")
    clock: Clock | Unseen | None = None
    reboot: Reboot | Unseen | None = None
    updates: Updates | Unseen | None = None
