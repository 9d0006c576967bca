"""Promises of systemd's units and timers."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Systemd(Expectation):
    """Promises of systemd's units and timers."""

    stub: bool | None = Field(None, description="Nothing yet.")
