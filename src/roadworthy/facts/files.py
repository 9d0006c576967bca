"""What a host shows of files and trees: what is there, whose it is, its mode. What is in a file stays there."""

from __future__ import annotations

import shlex
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen

Kind = Literal["file", "folder", "link", "socket", "other"]


class PathWanted(Fact):
    """One path."""

    path: str
    follow: bool = Field(description="Whether what a link leads to is meant.")
    digest: bool = False
    contains: tuple[str, ...] = ()


class TreeWanted(Fact):
    """One folder, with all that is in it."""

    path: str
    without: tuple[str, ...] = ()


class FilesAsk(HostAsk):
    """Which paths, which trees, and how much of these."""

    kind: Literal["files"] = "files"
    paths: tuple[PathWanted, ...] = ()
    trees: tuple[TreeWanted, ...] = ()
    entries: int = Field(description="So much of each tree at most.")
    within_s: float = Field(description="So long for all trees at most.")

    @property
    def name(self) -> str:
        """What a command by hand is given."""
        return shlex.join(dict.fromkeys([*(tree.path for tree in self.trees), *(one.path for one in self.paths)]))


class Entry(Fact):
    """What is at a path."""

    kind: Kind
    owner: str = Field(description="Its name; its number where it has none.")
    group: str
    mode: int = Field(description="All twelve bits.")
    to: str | None = Field(None, description="Where a link leads, as it is written in it.")
    sha256: str | Unseen | None = None
    contains: tuple[bool, ...] | Unseen | None = Field(None, description="Of each text, whether it is in it.")


class Absent(Fact):
    """Nothing is there."""

    absent: str = Field(description="From where on nothing is: the path, or the link that leads to nothing.")


class Sort(Fact):
    """Of a tree, all that is alike."""

    kind: Kind
    owner: str
    group: str
    mode: int
    count: int
    examples: tuple[str, ...] = Field(description="The first few, from the tree's folder; itself is `.`.")


class Walk(Fact):
    """How far a tree was walked, and what is there."""

    walked: int
    complete: bool = Field(description="Whether there was an end to it within the bounds.")
    denied: int = Field(0, description="So many places could not be looked at, or into.")
    first_denied: str = ""
    unsorted: int = Field(0, description="So much was of one sort more than are kept apart.")
    sorts: tuple[Sort, ...] = ()


class FilesObservation(HostObservation):
    """What is there, by path."""

    kind: Literal["files"] = "files"
    paths: dict[str, Entry | Absent | Unseen] = Field({}, description="Those that were asked for.")
    trees: dict[str, Walk | Absent | Unseen] = Field({}, description="The same.")
