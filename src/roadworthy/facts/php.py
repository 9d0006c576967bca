"""What a host shows of PHP's pools and settings."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class PhpAsk(HostAsk):
    """What to look at."""

    kind: Literal["php"] = "php"


class PhpObservation(HostObservation):
    """What was seen."""

    kind: Literal["php"] = "php"
