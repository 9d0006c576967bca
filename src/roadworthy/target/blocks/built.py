"""Promises of what is built from sources and must be newer than them."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Built(Expectation):
    """Promises of what is built from sources and must be newer than them."""

    stub: bool | None = Field(None, description="Nothing yet.")
