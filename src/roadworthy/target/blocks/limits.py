"""Limits: how much one client may ask, try and send before it is refused."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation, Path
from roadworthy.target.values import Frozen, Size


class BodyLimit(Frozen):
    """How large a request body may be."""

    path: Path = Field(description="Asked below the component's URL.")
    at_most: Size = Field(description="A body of this size is taken, a larger one refused with 413.")


class Limits(Expectation):
    """Promises about refusing what is too much."""

    body: BodyLimit | None = Field(None, description="The largest request body that is taken.")
