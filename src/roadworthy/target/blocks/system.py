"""Promises of the machine itself: operating system, cores, memory, disks, load, clock, updates, versions."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Place, one_or_many
from roadworthy.target.blocks.stores import Amount, Memory, Version
from roadworthy.target.values import Duration, Frozen, Size

_OS = re.compile(r"([a-z][a-z0-9_.-]*)(?: ((?:(?:>=|<=|<|>) ?)?[0-9]+(?:\.[0-9]+){0,3}))?")

Program = Literal[
    "apache2",
    "caddy",
    "certbot",
    "composer",
    "curl",
    "docker",
    "fail2ban",
    "git",
    "haproxy",
    "java",
    "mongod",
    "mongosh",
    "mysql",
    "mysqld",
    "nginx",
    "node",
    "npm",
    "openssl",
    "php",
    "psql",
    "python3",
    "redis-cli",
    "redis-server",
    "ruby",
    "ssh",
    "supervisor",
    "valkey-server",
    "yarn",
]
"""Programs of which it is known how they tell their version, and that nothing else comes of asking."""


def _os(text: str) -> str:
    if not _OS.fullmatch(text):
        raise ValueError(
            "an operating system is written as ubuntu 22.04, debian >= 11 or arch, by the ID of os-release"
        )
    return text


Os = Annotated[str, AfterValidator(_os)]
"""An operating system by the ID of /etc/os-release, and which versions of it."""

Versions = Annotated[
    tuple[Version, ...],
    Field(min_length=1),
    BeforeValidator(one_or_many, json_schema_input_type=str | int | tuple[str | int, ...]),
]
"""Which versions may be there: one range, or several of which one is enough."""


class Disk(Frozen):
    """The file system that a path is in."""

    size: Size | None = Field(None, description="It is at least so large. Disks are sold in GB: `100GB`, not `100GiB`.")
    free: Memory | None = Field(
        None, description="At least so much of it is free for users: `10GB`, or a share: `20%`."
    )
    inodes: Amount | None = Field(None, description="At least so many more files can be made: `100000`, or `10%`.")

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.size is None and self.free is None and self.inodes is None:
            raise ValueError("give at least one of size, free, inodes")
        return self


class Updates(Frozen):
    """What is known of security updates, without asking for news."""

    at_most: int = Field(ge=0, description="So many are pending.")
    as_of: Duration = Field(
        description="The machine's own lists of packages are no older than this: who never asks has nothing pending."
    )


class System(Expectation):
    """Promises of the machine itself: operating system, cores, memory, disks, load, clock, updates, versions."""

    os: (
        Annotated[
            tuple[Os, ...],
            BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...]),
        ]
        | None
    ) = Field(
        None,
        min_length=1,
        description="Which operating system it is, by ID and VERSION_ID of /etc/os-release; one of these: "
        "`[ubuntu 22.04, ubuntu 24.04, debian >= 11]`.",
    )
    cores: int | None = Field(None, ge=1, description="At least so many cores may be used: a container's limit counts.")
    memory: Size | None = Field(
        None,
        description="At least so much memory; a container's limit counts. The kernel keeps some for itself: an "
        "instance of 8 GiB has `8GB`.",
    )
    disks: dict[Place, Disk] | None = Field(
        None, min_length=1, description="File systems by a path in them: `{/: {free: 20%, inodes: 10%}}`."
    )
    load_below: float | None = Field(
        None, gt=0, description="The load average of five minutes, for each core, is below this."
    )
    memory_free: Memory | None = Field(
        None,
        description="At least so much memory is available (MemAvailable; a container's limit counts): `500MB`, `10%`.",
    )
    swap_below: Memory | None = Field(
        None, description="At most so much swap is in use: `1GB`, or a share: `50%`. Without swap, none is."
    )
    clock_synchronised: Literal[True] | None = Field(
        None, description="The clock follows a time server, as chrony or systemd tells it."
    )
    clock_within: Duration | None = Field(None, description="The clock is no further from ours than this.")
    no_reboot_due: Literal[True] | None = Field(
        None, description="No update waits for a restart of the machine to take effect."
    )
    security_updates: Updates | None = Field(None, description="So few security updates wait to be installed.")
    versions: dict[Program, Versions] | None = Field(
        None,
        min_length=1,
        description='Programs by name, with their versions: `{php: ">= 8.2", node: ["18", "20"]}`. They are those that '
        "whoever logs in finds.",
    )
