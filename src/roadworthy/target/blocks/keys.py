"""Promises of private keys, and that they match their public ones."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Keys(Expectation):
    """Promises of private keys, and that they match their public ones."""

    stub: bool | None = Field(None, description="Nothing yet.")
