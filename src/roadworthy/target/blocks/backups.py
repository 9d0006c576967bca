"""Promises of backups: fresh, whole, kept, restorable."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Backups(Expectation):
    """Promises of backups: fresh, whole, kept, restorable."""

    stub: bool | None = Field(None, description="Nothing yet.")
