"""Promises of files and trees: owners, modes."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Files(Expectation):
    """Promises of files and trees: owners, modes."""

    stub: bool | None = Field(None, description="Nothing yet.")
