"""What a host shows of nginx's configuration as it runs."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class NginxAsk(HostAsk):
    """What to look at."""

    kind: Literal["nginx"] = "nginx"


class NginxObservation(HostObservation):
    """What was seen."""

    kind: Literal["nginx"] = "nginx"
