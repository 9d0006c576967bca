"""What a host shows of applications that PM2 keeps running."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class Pm2Ask(HostAsk):
    """What to look at."""

    kind: Literal["pm2"] = "pm2"


class Pm2Observation(HostObservation):
    """What was seen."""

    kind: Literal["pm2"] = "pm2"
