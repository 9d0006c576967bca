"""What a host shows of the firewall, and what bans intruders: the rules in the words of the programs that set them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class FirewallAsk(HostAsk):
    """What to look at."""

    kind: Literal["firewall"] = "firewall"
    rules: bool = Field(False, description="The firewall's rules.")
    bans: bool = Field(False, description="What bans intruders.")


class Rules(Fact):
    """What the firewall says of itself."""

    said: dict[str, str] = Field(description="By command; those are missing that are not there, or need not be asked.")
    outside: tuple[str, ...] = Field((), description="The interfaces that a default route leads through.")
    ipv6: bool = Field(description="Whether the host has an IPv6 address that others can reach.")


class Bans(Fact):
    """What fail2ban says of itself."""

    running: bool
    said: str = Field("", description="Why not.")
    jails: tuple[str, ...] = ()


class FirewallObservation(HostObservation):
    """What was seen; None: nobody asked."""

    kind: Literal["firewall"] = "firewall"
    rules: Rules | Unseen | None = None
    bans: Bans | Unseen | None = None
