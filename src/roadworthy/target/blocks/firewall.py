"""Promises of the firewall, and what bans intruders."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Firewall(Expectation):
    """Promises of the firewall, and what bans intruders."""

    stub: bool | None = Field(None, description="Nothing yet.")
