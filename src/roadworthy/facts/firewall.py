"""What a host shows of the firewall, and what bans intruders."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class FirewallAsk(HostAsk):
    """What to look at."""

    kind: Literal["firewall"] = "firewall"


class FirewallObservation(HostObservation):
    """What was seen."""

    kind: Literal["firewall"] = "firewall"
