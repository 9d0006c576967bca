"""Promises of the machine itself: operating system, cores, memory, disks, load, clock, versions."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class System(Expectation):
    """Promises of the machine itself: operating system, cores, memory, disks, load, clock, versions."""

    stub: bool | None = Field(None, description="Nothing yet.")
