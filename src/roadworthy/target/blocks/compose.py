"""Promises of a Compose project's containers."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Compose(Expectation):
    """Promises of a Compose project's containers."""

    stub: bool | None = Field(None, description="Nothing yet.")
