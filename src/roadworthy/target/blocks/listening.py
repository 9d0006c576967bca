"""Promises of who listens on which ports."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Listening(Expectation):
    """Promises of who listens on which ports."""

    stub: bool | None = Field(None, description="Nothing yet.")
