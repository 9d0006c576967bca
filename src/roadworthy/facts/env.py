"""What a host shows of configuration files of keys and values."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class EnvAsk(HostAsk):
    """What to look at."""

    kind: Literal["env"] = "env"


class EnvObservation(HostObservation):
    """What was seen."""

    kind: Literal["env"] = "env"
