"""What a host shows of programs that Supervisor keeps running."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class SupervisorAsk(HostAsk):
    """What to look at."""

    kind: Literal["supervisor"] = "supervisor"


class SupervisorObservation(HostObservation):
    """What was seen."""

    kind: Literal["supervisor"] = "supervisor"
