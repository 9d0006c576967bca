"""What a host shows of who listens on which ports."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class ListeningAsk(HostAsk):
    """Who listens."""

    kind: Literal["listening"] = "listening"


class Socket(Fact):
    """Where something listens."""

    protocol: Literal["tcp", "udp"]
    address: str
    port: int
    programs: tuple[str, ...] | Unseen = Field(
        (), description="Who does: names of processes and of their files; none: the kernel itself."
    )

    @property
    def on(self) -> str:
        """As it is promised."""
        return f"{self.port}/{self.protocol}"

    @property
    def is_local(self) -> bool:
        """Whether nobody else can reach it."""
        return ipaddress.ip_address(self.address).is_loopback

    @property
    def is_private(self) -> bool:
        """Whether it is bound to an address that no other network leads to."""
        address = ipaddress.ip_address(self.address)
        return not address.is_unspecified and not address.is_global and not address.is_multicast

    @property
    def told(self) -> str:
        """On one line."""
        who = f" ({self.programs[0]})" if isinstance(self.programs, tuple) and self.programs else ""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}{'/udp' if self.protocol == 'udp' else ''}{who}"


class ListeningObservation(HostObservation):
    """Who listens."""

    kind: Literal["listening"] = "listening"
    sockets: tuple[Socket, ...]
    given_out: tuple[int, int] = Field(description="The ports that the kernel gives to clients: first, last.")
