"""What a host shows of what is built: when, and when what it is built from was last changed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class OutputWanted(Fact):
    """Something that is built, and what it is built from."""

    name: str = Field(description="What it is called here; no path twice.")
    paths: tuple[str, ...] = Field(description="Where it may be, `*` in the last name; the first that is there counts.")
    sources: tuple[str, ...] = ()


class BuiltAsk(HostAsk):
    """What is built."""

    kind: Literal["built"] = "built"
    outputs: tuple[OutputWanted, ...]


class Changed(Fact):
    """A file, and when it was last changed."""

    path: str
    at: datetime


class OutputSeen(Fact):
    """What was found of it."""

    name: str
    built: Changed | Unseen | None = Field(None, description="None: it is not there, or empty.")
    newest: Changed | Unseen | None = Field(None, description="The source that changed last; None: there is none.")


class BuiltObservation(HostObservation):
    """What is built, as it was found."""

    kind: Literal["built"] = "built"
    outputs: tuple[OutputSeen, ...] = ()
