"""What a host shows of PHP's pools and settings. No value leaves the host but those that are wanted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class PoolWanted(Fact):
    """Directives of one pool."""

    name: str
    directives: tuple[str, ...]


class PhpAsk(HostAsk):
    """What to look at."""

    kind: Literal["php"] = "php"
    program: str | None = None
    pools: tuple[PoolWanted, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The program, as a command takes it."""
        return self.program or "php-fpm"


class PoolSeen(Fact):
    """One pool, as FPM reads it."""

    directives: dict[str, str | None] = Field(description="Those wanted; None: it has none of this name.")
    overrides: dict[str, str] = Field(
        default_factory=dict, description="Of the settings wanted, those that it sets for itself (php_admin_value)."
    )


class PhpObservation(HostObservation):
    """What was seen."""

    kind: Literal["php"] = "php"
    refused: str | None = Field(None, description="What FPM has against its configuration; None: nothing.")
    pools: dict[str, PoolSeen] | Unseen | None = Field(None, description="All that there are; None: it was refused.")
    settings: Unseen | dict[str, str | None] | None = Field(
        None,
        union_mode="left_to_right",  # an Unseen would do as a dict
        description="Those wanted, of php.ini and what follows it; None as a value: FPM knows no such setting.",
    )
