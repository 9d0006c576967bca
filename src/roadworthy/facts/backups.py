"""What a host shows of backups: fresh, whole, kept, restorable."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class BackupsAsk(HostAsk):
    """What to look at."""

    kind: Literal["backups"] = "backups"


class BackupsObservation(HostObservation):
    """What was seen."""

    kind: Literal["backups"] = "backups"
