"""What a host shows of what runs by the clock, and that it ran."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class CronAsk(HostAsk):
    """What to look at."""

    kind: Literal["cron"] = "cron"


class CronObservation(HostObservation):
    """What was seen."""

    kind: Literal["cron"] = "cron"
