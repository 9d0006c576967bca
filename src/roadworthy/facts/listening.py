"""What a host shows of who listens on which ports."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class ListeningAsk(HostAsk):
    """What to look at."""

    kind: Literal["listening"] = "listening"


class ListeningObservation(HostObservation):
    """What was seen."""

    kind: Literal["listening"] = "listening"
