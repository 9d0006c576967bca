"""Promises of configuration files of keys and values."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Env(Expectation):
    """Promises of configuration files of keys and values."""

    stub: bool | None = Field(None, description="Nothing yet.")
