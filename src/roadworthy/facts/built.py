"""What a host shows of what is built: when, and when what it is built from was last changed."""

from __future__ import annotations

import re
import shlex
from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen

_PLAIN = re.compile(r"[\w./*+@,-]+")


class OutputWanted(Fact):
    """Something that is built, and what it is built from."""

    name: str = Field(description="What it is called here; no path twice.")
    paths: tuple[str, ...] = Field(description="Where it may be, `*` in the last name; the first that is there counts.")
    sources: tuple[str, ...] = ()


class BuiltAsk(HostAsk):
    """What is built."""

    kind: Literal["built"] = "built"
    outputs: tuple[OutputWanted, ...]

    @property
    def name(self) -> str:
        """What is built and what it is built from, as a shell takes it; `*` stays."""
        paths = dict.fromkeys(path for output in self.outputs for path in (output.paths[0], *output.sources))
        return " ".join(path if _PLAIN.fullmatch(path) else shlex.quote(path) for path in paths)


class Changed(Fact):
    """A file, and when it was last changed."""

    path: str
    at: datetime


class OutputSeen(Fact):
    """What was found of it."""

    name: str
    built: Changed | Unseen | None = Field(None, description="None: it is not there, or empty.")
    newest: Changed | Unseen | None = Field(None, description="The source that changed last; None: there is none.")
    missing: tuple[str, ...] = Field((), description="Sources that are not there.")


class BuiltObservation(HostObservation):
    """What is built, as it was found."""

    kind: Literal["built"] = "built"
    outputs: tuple[OutputSeen, ...] = ()
