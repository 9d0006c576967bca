"""A machine as a value: what is on it, who owns it, what its programs answer, what runs.

Texts may hold times that are told when they are read or written: `{{-300 %H:%M:%S}}` is five minutes ago, in UTC;
`{{-300 epoch}}`, `{{-300 epoch_ms}}` and `{{-300 epoch_us}}` count since 1970. `{{root}}` is the folder that stands for
the machine's own root.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class File:
    """A file; with neither text nor data, a folder."""

    path: str
    text: str | None = None
    data: bytes | None = None
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    age_s: float = 0.0
    """It was last changed so long before the machine was started."""
    link: str | None = None
    """It is a symbolic link to there."""

    @property
    def is_folder(self) -> bool:
        """Whether it is one."""
        return self.text is None and self.data is None and self.link is None


@dataclass(frozen=True)
class Answer:
    """What a program answers to its arguments."""

    program: str
    arguments: str
    """A regular expression that all of them, joined by blanks, match."""
    says: str = ""
    complains: str = ""
    ends: int = 0
    sleeps_s: float = 0.0


@dataclass(frozen=True)
class Daemon:
    """A real program that runs for as long as the machine does."""

    name: str
    words: tuple[str, ...]
    environ: tuple[tuple[str, str], ...] = ()
    ready: str | None = None
    """A path (`{{root}}/...`) that is there once it answers."""
    stop: tuple[str, ...] | None = None
    """What ends it; None: SIGTERM."""


@dataclass(frozen=True)
class Tick:
    """A line that is written again and again: what a real machine's own life leaves behind."""

    path: str
    text: str
    every_s: float


@dataclass(frozen=True)
class Machine:
    """All of it. What comes later replaces what came before: files by path, answers by program and arguments."""

    files: tuple[File, ...] = ()
    answers: tuple[Answer, ...] = ()
    daemons: tuple[Daemon, ...] = ()
    ticks: tuple[Tick, ...] = ()
    programs: tuple[tuple[str, str], ...] = ()
    """Real programs that it has: the name, and where this machine has it."""
    keeper: str = "root"
    """The user that the sandbox's own user stands for: daemons run as that one, and its files need no other owner."""
    lets_sudo: bool = True
    clock_ahead_s: float = 0.0
    """How far its clock is ahead of the true time, as whoever looks sees it."""

    def plus(self, other: Machine) -> Machine:
        """Both together."""
        return Machine(
            files=tuple({file.path: file for file in (*self.files, *other.files)}.values()),
            answers=tuple({(one.program, one.arguments): one for one in (*self.answers, *other.answers)}.values()),
            daemons=tuple({one.name: one for one in (*self.daemons, *other.daemons)}.values()),
            ticks=tuple(dict.fromkeys((*self.ticks, *other.ticks))),
            programs=tuple(dict((*self.programs, *other.programs)).items()),
            keeper=self.keeper if other.keeper == "root" else other.keeper,
            lets_sudo=self.lets_sudo and other.lets_sudo,
            clock_ahead_s=self.clock_ahead_s or other.clock_ahead_s,
        )

    def file(self, path: str) -> File | None:
        """The file at a path."""
        return next((file for file in self.files if file.path == path), None)

    def with_file(self, path: str, change: Callable[[File], File | None]) -> Machine:
        """The same with one file changed, or gone (None)."""
        changed = (change(file) if file.path == path else file for file in self.files)
        return replace(self, files=tuple(file for file in changed if file is not None))

    def with_answer(self, program: str, arguments: str, change: Callable[[Answer], Answer | None]) -> Machine:
        """The same with one answer changed, or gone (None)."""
        changed = (
            change(answer) if (answer.program, answer.arguments) == (program, arguments) else answer
            for answer in self.answers
        )
        return replace(self, answers=tuple(answer for answer in changed if answer is not None))
