"""What a host shows of logs that are written, rotated and free of new errors."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class LogsAsk(HostAsk):
    """What to look at."""

    kind: Literal["logs"] = "logs"


class LogsObservation(HostObservation):
    """What was seen."""

    kind: Literal["logs"] = "logs"
