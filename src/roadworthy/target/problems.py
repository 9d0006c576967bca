"""What is wrong with a target file: every problem with its place, all of them at once.

ValueError
  TargetError        the target can't be used; `problems` lists why
    TargetNotFound   there is no target of that name
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; lines and columns count from 1, and line 0 stands for the file as a whole."""

    file: str
    line: int = 0
    column: int = 0
    origin: str = ""
    """Empty where a component itself says so; else `defaults`, or `policy NAME`."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right."""

    mark: Mark
    key: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.mark), self.key, self.text) if part)


class TargetError(ValueError):
    """The target can't be used. Its text has one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = _together(problems)
        super().__init__("\n".join(map(str, self.problems)))


class TargetNotFound(TargetError):  # noqa: N818 - reads as what happened
    """There is no target of that name."""


def _together(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems in the order of the files, each once, although it may hold for many components of a list."""
    groups: dict[tuple[Mark, str], list[str]] = {}
    for problem in sorted(problems):
        keys = groups.setdefault((problem.mark, problem.text), [])
        if problem.key not in keys:
            keys.append(problem.key)
    return tuple(
        Problem(mark, keys[0] + (f" (and {len(keys) - 1} more)" if keys[1:] else ""), text)
        for (mark, text), keys in groups.items()
    )


def suggest(wrong: str, allowed: Iterable[str]) -> str:
    """`; did you mean X? allowed: ...`, to end a sentence about a word that is not known."""
    words = list(allowed)
    by_shape = {word.lower().replace("_", "-"): word for word in words}
    close = get_close_matches(wrong.lower().replace("_", "-"), by_shape, n=1, cutoff=0.6)
    meant = f"; did you mean {by_shape[close[0]]}?" if close else ";"
    return f"{meant} allowed: {', '.join(words) or 'none'}"
