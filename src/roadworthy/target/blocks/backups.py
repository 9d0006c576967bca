"""Promises of backups: fresh, whole, kept, private, somewhere else too, restorable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from roadworthy.target.blocks.block import Expectation, Need, Place
from roadworthy.target.values import PUBLIC, Duration, Size

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["mysqldump", "pg_dump", "pg_custom", "pg_directory", "mongodump", "tar", "other"]
Packing = Literal["gzip", "zstd", "xz", "bzip2", "none"]
Cipher = Literal["openpgp", "age", "openssl"]

ENDINGS: dict[str, Packing] = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bzip2"}
"""How a file is packed, as its name says."""

RESTORED_BY = {
    "mysqldump": "mysql",
    "pg_dump": "postgresql",
    "pg_custom": "postgresql",
    "pg_directory": "postgresql",
}
"""The servers that a dump is restored into."""

HOLDS_NAMES = (*RESTORED_BY, "mongodump", "tar")
OF_ITS_OWN = ("pg_custom", "pg_directory")
"""Packed by pg_dump itself."""

_CREDENTIALS = re.compile(r"://[^/\s@]*:(?!\d+/)[^\s@]+@|,\w*(?:pass|secret|key|token)\w*=", re.IGNORECASE)
"""In the place of a copy, for restic and for rclone: who is on the host would see it among the processes."""

_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


def _share(value: Any) -> Any:
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and not (match and 0 < float(match[1]) < 100):  # noqa: PLR2004 - per cent
        raise ValueError("a share is written as 30%")
    if isinstance(value, int | float):
        raise ValueError(f"a share needs its sign: write {value}%")
    return float(match[1]) / 100 if match else value


Share = Annotated[
    float,
    BeforeValidator(_share, json_schema_input_type=str),
    PlainSerializer(lambda share: f"{share * 100:g}%", return_type=str),
]
"""A part of 1; written as `30%`."""


class Offsite(Expectation):
    """The copy that is somewhere else, as a program of the host's own sees it, with the host's own credentials."""

    WHERE = frozenset({"s3", "rclone", "restic", "folder", "env_file"})

    s3: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$",
        description="`bucket/prefix/`, listed by `aws s3 ls`.",
        json_schema_extra={PUBLIC: True},
    )
    rclone: str | None = Field(
        None,
        pattern=r"^[^-\s:][^\s:]*:\S*$",
        description="`remote:path`, listed by `rclone lsl`.",
        json_schema_extra={PUBLIC: True},
    )
    restic: str | None = Field(
        None,
        pattern=r"^[^-]",
        description="A repository, whose snapshots of the files' folder count: `restic -r ... snapshots`.",
        json_schema_extra={PUBLIC: True},
    )
    folder: Place | None = Field(
        None, description="A folder on the host that is mounted from elsewhere; on the same file system it is no copy."
    )
    env_file: Place | None = Field(
        None, description="A file on the host with what the program wants in its environment, as `NAME=value` lines."
    )
    within: Duration = Field(description="The newest there is no older than this.")
    same_size: bool = Field(False, description="The newest that is here is as long there.")

    @property
    def program(self) -> str:
        """Who lists what is there."""
        programs = {"aws": self.s3, "rclone": self.rclone, "restic": self.restic, "folder": self.folder}
        return next(name for name, place in programs.items() if place is not None)

    @property
    def place(self) -> str:
        """Where it is, in that program's words."""
        return self.s3 or self.rclone or self.restic or self.folder or ""

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if sum(place is not None for place in (self.s3, self.rclone, self.restic, self.folder)) != 1:
            raise ValueError("give one of s3, rclone, restic and folder")
        if _CREDENTIALS.search(self.place):
            raise ValueError(f"{'restic' if self.restic else 'rclone'} holds credentials; they belong into env_file")
        if self.restic is not None and self.same_size:
            raise ValueError("same_size: a snapshot of restic's does not tell the size of a file")
        return self


class Restores(Expectation):
    """The newest is restored into a database that is made and dropped again; needs `network.allows: [restores]`.

    A dump that speaks of any other database, of users, events or global settings, or that the disk has no room for, is
    not restored, and said to be so. Give it a login of its own that can make databases and do nothing else: dumps hold
    programs. MySQL writes it into its binary log, and its replicas follow.
    """

    WHERE = frozenset({"into", "as_user", "defaults_file", "service_file", "service", "at_most"})

    within: Duration = Field(description="It takes no longer than this.")
    into: str = Field(
        "roadworthy_restore",
        pattern=r"^[a-z][a-z0-9_]{2,39}$",
        description="What the name of the scratch database begins with; the rest is random.",
        json_schema_extra={PUBLIC: True},
    )
    at_most: Size = Field(2**30, description="A dump that unpacks to more is not restored, and said to be so.")
    as_user: str | None = Field(
        None,
        pattern=r"^[a-z_][a-z0-9_-]*$",
        description="The user of the host who runs the client, by sudo: `postgres`.",
        json_schema_extra={PUBLIC: True},
    )
    defaults_file: Place | None = Field(
        None, description="MySQL: the client's option file; without one, its own (`~/.my.cnf`)."
    )
    service_file: Place | None = Field(None, description="PostgreSQL: the file of `service`, where it is no usual one.")
    service: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="PostgreSQL: the client's connection service; without one, its own environment.",
        json_schema_extra={PUBLIC: True},
    )
    has: dict[str, int] | None = Field(
        None, min_length=1, description="Tables that are then there, each with so many rows at least: `{users: 1}`."
    )


class Series(Expectation):
    """Backups of one thing, made again and again."""

    WHERE = frozenset({"files", "named", "kind", "packing", "reads_at_most", "takes_at_most"})

    files: Place = Field(
        description="Where they are, as the shell would write it: `/var/backups/mysql/shop_*.sql.gz`. Links are none "
        "of them."
    )
    named: str | None = Field(
        None,
        description="When one was made, in its name (strftime, the host's own zone): `shop_%Y%m%d_%H%M%S`; what "
        "follows a dot may follow. Without it, the time of the last change tells, which a copy has anew.",
        json_schema_extra={PUBLIC: True},
    )
    kind: Kind = Field(
        description="What is inside: mysqldump's or mariadb-dump's SQL, pg_dump's SQL, custom or directory format, an "
        "archive of mongodump's, tar's, or something else.",
        json_schema_extra={PUBLIC: True},
    )
    packing: Packing | None = Field(
        None,
        description="What it is packed by; without it, the ending of `files` tells.",
        json_schema_extra={PUBLIC: True},
    )
    reads_at_most: Size = Field(
        4 * 2**30, description="No more is unpacked to see whether one is intact; a longer one is not observed."
    )
    takes_at_most: Duration = Field(20.0, description="No longer is read for that; the same.")

    within: Duration = Field(description="The newest that is finished is no older than this.")
    size_at_least: Size | None = Field(None, description="The newest is no smaller.")
    shrinks_at_most: Share | None = Field(
        None, description="The newest is smaller than the median of those before it by no more than this: `30%`."
    )
    intact: bool = Field(
        False, description="The newest unpacks to its end, and is complete: it ends as its kind ends what is whole."
    )
    holds: tuple[str, ...] | None = Field(
        None, min_length=1, max_length=500, description="Tables, collections or (tar) files that are in the newest."
    )
    encrypted: Cipher | None = Field(
        None,
        description="All are encrypted, as they begin: OpenPGP (gpg), age, or `openssl enc`. What is inside can't be "
        "read then.",
    )
    private: bool = Field(False, description="None can be read by everybody on the host.")
    keeps: int | None = Field(None, ge=1, description="So many are kept at least.")
    oldest: Duration | None = Field(None, description="None is older than this.")
    every: Duration | None = Field(
        None, description="No two that follow each other lie further apart than this: `25h` for a daily one."
    )
    offsite: Offsite | None = Field(None, description="The copy that is somewhere else.")
    restores: Restores | None = Field(None, description="The newest can be restored, because it is.")

    @property
    def packed(self) -> Packing:
        """What it is packed by."""
        if self.packing is not None:
            return self.packing
        return ENDINGS.get(self.files[self.files.rfind(".") :], "none")

    @property
    def looks_inside(self) -> bool:
        """Whether the newest is read to its end."""
        return self.intact or self.holds is not None

    @model_validator(mode="after")
    def _is_a_series(self) -> Self:
        if "**" in self.files or not re.search(r"[*?\[]", self.files):
            raise ValueError("files: write * where the names differ; ** is not known")
        if self.named is not None and "%" not in self.named:
            raise ValueError("named: nothing in it tells a time; write it as shop_%Y%m%d_%H%M%S")
        if self.kind in OF_ITS_OWN and self.packed != "none":
            raise ValueError(f"packing: {self.kind} is packed by pg_dump itself")
        return self

    @model_validator(mode="after")
    def _can_be_seen(self) -> Self:
        inside = {"intact": self.intact, "holds": self.holds, "restores": self.restores}
        if self.encrypted is not None and (given := [key for key, value in inside.items() if value]):
            raise ValueError(f"{given[0]}: what is encrypted can't be read on its host; leave {given[0]} or encrypted")
        if self.intact and self.kind == "other" and self.packed == "none":
            raise ValueError("intact: what is neither of a known kind nor packed tells nobody that it is whole")
        if self.holds is not None and self.kind not in HOLDS_NAMES:
            raise ValueError(f"holds: nothing in {self.kind} has a name")
        if self.restores is None:
            return self
        if self.kind not in RESTORED_BY:
            raise ValueError(f"restores: {self.kind} can't be restored here; {', '.join(RESTORED_BY)} can")
        strangers = ("service", "service_file") if RESTORED_BY[self.kind] == "mysql" else ("defaults_file",)
        if given := [key for key in strangers if getattr(self.restores, key) is not None]:
            raise ValueError(f"restores.{given[0]} is not for {self.kind}")
        return self


class Backups(Expectation):
    """Promises of backups: fresh, whole, kept, private, somewhere else too, restorable."""

    series: dict[str, Series] | None = Field(None, min_length=1, description="Each by a name of your own.")

    def needs(self) -> Iterable[Need]:
        """A database is made and dropped again."""
        for name, series in (self.series or {}).items():
            if series.restores is not None:
                what = f"the newest dump is restored into a database of its own, {series.restores.into}_..."
                yield Need(f"series.{name}.restores", "restores", what)
