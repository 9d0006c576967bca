"""Promises of nginx's configuration as it runs."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Nginx(Expectation):
    """Promises of nginx's configuration as it runs."""

    stub: bool | None = Field(None, description="Nothing yet.")
