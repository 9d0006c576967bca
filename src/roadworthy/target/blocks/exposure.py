"""Exposure: what a stranger must not find."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Exposure(Expectation):
    """Promises about what is not to be had from outside."""

    debug_off: Literal[True] | None = Field(
        None, description="No page, an error page least of all, shows a stack trace, settings or a query."
    )
