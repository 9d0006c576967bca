"""Promises of what runs by the clock, and that it ran."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Cron(Expectation):
    """Promises of what runs by the clock, and that it ran."""

    stub: bool | None = Field(None, description="Nothing yet.")
