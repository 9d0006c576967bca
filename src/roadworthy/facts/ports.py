"""Ports: which of a list take connections."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Lane, Observation


class PortState(StrEnum):
    """How a connection attempt ended, as one who should not get in sees it."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    UNREACHABLE = "unreachable"  # no route; a firewall may say so too (RFC 1812 section 5.2.7.1)


class PortsAsk(Ask):
    """One connection to each port, and to the component's own, which tells whether anything is to be met there."""

    kind: Literal["ports"] = "ports"
    many_exchanges: ClassVar[bool] = True

    lane: Lane = Lane.ROUGH
    ports: tuple[int, ...]

    @property
    def exchanges(self) -> int:
        """One for each port, and the component's own."""
        return len(self.ports) + 1


class PortsObservation(Observation):
    """Which ports were open."""

    kind: Literal["ports"] = "ports"
    states: dict[int, PortState]
    own: PortState = Field(description="Of the component's own port.")
    seen_from: str = Field("", description="The address of this machine on the way there.")

    @property
    def is_alive(self) -> bool:
        """Whether the machine showed that it is there: an open port, or one that was refused."""
        return bool({PortState.OPEN, PortState.REFUSED} & {self.own, *self.states.values()})

    @property
    def transient(self) -> bool:
        """A machine that shows no life may be starting."""
        return not self.is_alive

    def __str__(self) -> str:
        told = ", ".join(f"{port} {state.value}" for port, state in self.states.items())
        return f"{told}; own port {self.own.value}"
