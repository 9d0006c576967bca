"""Promises of logs that are written, rotated and free of new errors."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Logs(Expectation):
    """Promises of logs that are written, rotated and free of new errors."""

    stub: bool | None = Field(None, description="Nothing yet.")
