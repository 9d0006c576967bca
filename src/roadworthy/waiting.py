"""Waiting for a roll-out to settle: until the blockers hold N rounds in a row, and only for what may pass by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

from roadworthy.verdict.models import Outcome, Result, Round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PAUSE_S = 1.0
"""Between the ends of rounds: a roll-out moves in seconds, and a round costs each blocker one exchange."""


class WaitWatcher(Protocol):
    """Is told what is waited for."""

    def waiting(
        self, *, round_: int, good_in_row: int, settle: int, waiting_for: tuple[str, ...], left_s: float
    ) -> None:
        """One round is over."""


@dataclass
class Settling:
    """The rule of waiting, apart from clocks and sockets.

    A round is good when every blocker is as promised. Waiting goes on while anything that is not may still pass by
    itself; it ends early where nothing can: all that is wrong is permanent, and the full run will say so.
    """

    settle: int
    rounds: list[Round] = field(default_factory=list)

    def judge(self, results: Iterable[Result], *, is_transient: Callable[[Result], bool]) -> bool:
        """Takes one round in; whether waiting is over."""
        wrong = [result for result in results if result.weighs is not Outcome.PASSED]  # nobody waits for what is waived
        waiting_for = tuple(f"{result.component}: {result.seen}" for result in wrong)
        self.rounds.append(Round(at=datetime.now(UTC), good=not wrong, waiting_for=waiting_for))
        if wrong:
            return not any(is_transient(result) for result in wrong)
        return good_in_row(self.rounds) >= self.settle


def good_in_row(rounds: Sequence[Round]) -> int:
    """Good rounds since the last bad one."""
    return sum(1 for _ in takewhile(lambda round_: round_.good, reversed(rounds)))


def wait_until_settled(
    look: Callable[[], Iterable[Result]],
    *,
    wait_s: float,
    settling: Settling,
    is_transient: Callable[[Result], bool],
    watcher: WaitWatcher,
) -> tuple[Round, ...]:
    """Looks at the blockers in rounds until they hold, can't hold, or the time is over. Returns the rounds.

    The pause is the only sleep: what is waited for is another system's state, which nothing announces.
    """
    ends = time.monotonic() + wait_s
    while True:
        over = settling.judge(look(), is_transient=is_transient)
        left = ends - time.monotonic()
        watcher.waiting(
            round_=len(settling.rounds),
            good_in_row=good_in_row(settling.rounds),
            settle=settling.settle,
            waiting_for=settling.rounds[-1].waiting_for,
            left_s=max(left, 0.0),
        )
        if over or left <= 0:
            return tuple(settling.rounds)
        time.sleep(min(PAUSE_S, left))
