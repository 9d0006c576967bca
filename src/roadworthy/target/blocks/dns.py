"""DNS: what a name says, and who says it."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation
from roadworthy.target.values import Duration


class Dns(Expectation):
    """Promises about the records of the component's name."""

    a: tuple[str, ...] | None = Field(None, min_length=1, description="Exactly the IPv4 addresses of the name.")
    ttl: Duration | None = Field(None, description="The time to live of its address records, exactly.")
