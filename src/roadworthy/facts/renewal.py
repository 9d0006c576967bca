"""What a host shows of that certificates are renewed by themselves."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class RenewalAsk(HostAsk):
    """What to look at."""

    kind: Literal["renewal"] = "renewal"


class RenewalObservation(HostObservation):
    """What was seen."""

    kind: Literal["renewal"] = "renewal"
