"""Promises of applications that PM2 keeps running."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Pm2(Expectation):
    """Promises of applications that PM2 keeps running."""

    stub: bool | None = Field(None, description="Nothing yet.")
