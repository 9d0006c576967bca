"""What a host shows of private keys, and that they match their public ones."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class KeysAsk(HostAsk):
    """What to look at."""

    kind: Literal["keys"] = "keys"


class KeysObservation(HostObservation):
    """What was seen."""

    kind: Literal["keys"] = "keys"
