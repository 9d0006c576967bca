"""How fast a run may ask where the target promises a limit: slower than what is promised to be refused.

The limit itself is met by the asks that are there for it, after all others. Those others must not meet it: a page that
is refused for being asked too fast says nothing of what else is promised of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

SHARE = 0.8
"""Of the promised rate; the rest is for whoever else comes from this address."""

AHEAD = 0.5
"""Of the promised burst; the rest is for redirects and retries."""


class Pace(NamedTuple):
    """A rate, and how many requests may be ahead of it."""

    per_second: float
    ahead: int


class Pacer:
    """Gives out turns, by host."""

    def __init__(self, paces: Mapping[str, Pace]) -> None:
        self._paces = paces
        self._next: dict[str, float] = {}
        self._alone: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def alone(self, host: str) -> AbstractAsyncContextManager[object]:
        """One after another where there is a limit: each then has its turns, and its time, to itself."""
        return self._alone[host] if host in self._paces else nullcontext()

    async def turn(self, host: str, requests: int = 1) -> None:
        """Returns when so many requests may go to a host; at once where it has no limit."""
        pace = self._paces.get(host)
        if pace is None:
            return
        now = asyncio.get_running_loop().time()
        gap = 1 / (pace.per_second * SHARE)
        earliest = max(self._next.get(host, 0.0), now - gap * pace.ahead * AHEAD)
        self._next[host] = earliest + gap * requests
        if (pause := earliest - now) > 0:
            await asyncio.sleep(pause)
