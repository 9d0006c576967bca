"""What a host shows of a Compose project's containers."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class ComposeAsk(HostAsk):
    """What to look at."""

    kind: Literal["compose"] = "compose"


class ComposeObservation(HostObservation):
    """What was seen."""

    kind: Literal["compose"] = "compose"
