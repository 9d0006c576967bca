"""Promises of PHP's pools and settings."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Php(Expectation):
    """Promises of PHP's pools and settings."""

    stub: bool | None = Field(None, description="Nothing yet.")
