"""One parser under test: what it is fed with, what it may raise, how long it may take."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

LIMIT_S = 0.6
"""Of CPU time for one input, none of which is larger than a header may be."""


@dataclass(frozen=True)
class Parser:
    """One parser and its properties."""

    name: str
    read: Callable[[Any], object]
    """Reads one input; asserts whatever holds of what comes out."""
    inputs: SearchStrategy[Any]
    refuses: tuple[type[Exception], ...] = ()
    """The errors that it documents."""
    limit_s: float = LIMIT_S

    def __str__(self) -> str:
        return self.name

    def feed(self, given: Any) -> None:
        """Reads one input, and nothing is raised but what is documented, in time.

        Raises:
            AssertionError: a property does not hold.
        """
        clock = time.process_time()
        with suppress(*self.refuses):
            self.read(given)
        took = time.process_time() - clock
        assert took < self.limit_s, f"{self.name} took {took:.1f} s of CPU time"
