"""Promises of programs that Supervisor keeps running."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Supervisor(Expectation):
    """Promises of programs that Supervisor keeps running."""

    stub: bool | None = Field(None, description="Nothing yet.")
