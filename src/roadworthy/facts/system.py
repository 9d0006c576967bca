"""What a host shows of the machine itself: operating system, cores, memory, disks, load, clock, versions."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class SystemAsk(HostAsk):
    """What to look at."""

    kind: Literal["system"] = "system"


class SystemObservation(HostObservation):
    """What was seen."""

    kind: Literal["system"] = "system"
