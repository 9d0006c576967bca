"""Promises of that certificates are renewed by themselves."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Renewal(Expectation):
    """Promises of that certificates are renewed by themselves."""

    stub: bool | None = Field(None, description="Nothing yet.")
