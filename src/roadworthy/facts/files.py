"""What a host shows of files and trees: owners, modes."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class FilesAsk(HostAsk):
    """What to look at."""

    kind: Literal["files"] = "files"


class FilesObservation(HostObservation):
    """What was seen."""

    kind: Literal["files"] = "files"
