"""What a host shows of a series of backups: which there are, what is in the newest, the copy elsewhere, a restore."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen
from roadworthy.target.blocks.backups import Kind, Packing


class OffsiteWanted(Fact):
    """The copy elsewhere."""

    program: Literal["aws", "rclone", "restic", "folder"]
    place: str
    env_file: str | None = None


class RestoreWanted(Fact):
    """A restore into a database that is made for it."""

    engine: Literal["mysql", "postgresql"]
    into: str
    within_s: float
    at_most: int
    as_user: str | None = None
    defaults_file: str | None = None
    service_file: str | None = None
    service: str | None = None
    rows_of: tuple[str, ...] = ()


class BackupsAsk(HostAsk):
    """One series."""

    kind: Literal["backups"] = "backups"
    series: str = Field(description="Its name.")
    files: str
    named: str | None = None
    dump: Kind = "other"
    packing: Packing = "none"
    inside: bool = Field(False, description="Whether the newest is read to its end.")
    looks_for: tuple[str, ...] = Field((), description="What is looked for in it.")
    reads_at_most: int = 2**30
    takes_s: float = 30.0
    offsite: OffsiteWanted | None = None
    restore: RestoreWanted | None = None

    @property
    def place(self) -> str:
        """Which of the host's series."""
        return f"{self.host} ({self.series})"

    @property
    def name(self) -> str:
        """What a command by hand is given."""
        return self.files

    @property
    def once(self) -> bool:
        """A restore is."""
        return self.restore is not None


class Backup(Fact):
    """One of them."""

    path: str
    size: int = Field(description="Of a folder: of all files in it.")
    changed: datetime
    named_at: datetime | None = Field(None, description="When it was made, as its name says.")
    begins: str | None = Field(None, description="What its first bytes are: gzip, openpgp, text; None: not permitted.")
    public: bool = Field(False, description="Everybody on the host may read it.")
    written: bool = Field(False, description="It is still being written.")

    @property
    def at(self) -> datetime:
        """When it was made."""
        return self.named_at or self.changed


class Inside(Fact):
    """What came of reading one to its end."""

    broken: str = Field("", description="Why it can't be read to its end; empty: it can.")
    size: int = Field(0, description="Unpacked, as far as it could be read.")
    complete: bool | None = Field(None, description="It ends as its kind does; None: its kind has no such end.")
    found: tuple[str, ...] = Field((), description="What was looked for and is there.")
    names: int = Field(0, description="How many tables, collections or files it has.")


class Copy(Fact):
    """A copy elsewhere."""

    name: str
    changed: datetime
    size: int | None = None


class Elsewhere(Fact):
    """What is there, the newest first; as many as matter."""

    copies: tuple[Copy, ...] = ()
    detail: str = Field("", description="What the program said where there is nothing.")
    same_disk: bool = Field(False, description="A folder: it is on the file system of the backups themselves.")


class Restored(Fact):
    """What came of restoring one."""

    failed: str = Field("", description="Why it can't be restored; empty: it was.")
    too_slow: bool = Field(False, description="It was not done in time, and was ended.")
    took_s: float = 0.0
    rows: dict[str, int | None] = Field({}, description="Tables and how many rows each has; None: it is not there.")
    left: str = Field("", description="The scratch database, where it could not be dropped again, and why.")


class BackupsObservation(HostObservation):
    """A series as it was found."""

    kind: Literal["backups"] = "backups"
    backups: tuple[Backup, ...] = Field((), description="All of them, the newest first.")
    unnamed: tuple[str, ...] = Field((), description="Files whose names tell no time, where they are to.")
    inside: Inside | Unseen | None = Field(None, description="Of the newest that is finished.")
    elsewhere: Elsewhere | Unseen | None = None
    restored: Restored | Unseen | None = None

    @property
    def finished(self) -> tuple[Backup, ...]:
        """Those that are no longer being written."""
        return tuple(backup for backup in self.backups if not backup.written)
