"""What a host shows of systemd's units and timers."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class SystemdAsk(HostAsk):
    """What to look at."""

    kind: Literal["systemd"] = "systemd"


class SystemdObservation(HostObservation):
    """What was seen."""

    kind: Literal["systemd"] = "systemd"
