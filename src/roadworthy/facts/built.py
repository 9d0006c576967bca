"""What a host shows of what is built from sources and must be newer than them."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class BuiltAsk(HostAsk):
    """What to look at."""

    kind: Literal["built"] = "built"


class BuiltObservation(HostObservation):
    """What was seen."""

    kind: Literal["built"] = "built"
