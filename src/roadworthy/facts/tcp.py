"""Transport: does an address accept connections."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from roadworthy.facts.base import Ask, Observation


class TcpState(StrEnum):
    """How a connection attempt ended (RFC 9293). No route from here is not observed."""

    OPEN = "open"
    REFUSED = "connection refused"
    SILENT = "no reply to the connection attempt"


class TcpAsk(Ask):
    """Whether the endpoint accepts connections."""

    kind: Literal["tcp"] = "tcp"


class TcpObservation(Observation):
    """How one connection attempt ended."""

    kind: Literal["tcp"] = "tcp"
    state: TcpState
    connect_s: float

    @property
    def transient(self) -> bool:
        """A port that is closed may be opening."""
        return self.state is not TcpState.OPEN
