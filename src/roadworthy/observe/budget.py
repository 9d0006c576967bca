"""How often a run may ask: so many exchanges with one name, at each of its addresses (`network.budget`).

What is planned is paid for before anything is sent: a run whose plan exceeds the budget never starts. The rest is for
what nobody can plan: retries, and asks that come up while judging. Where it is used up, there are no more of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.base import Ask

Peer = tuple[str, str | None]
"""A name, and the address that is asked; None where the ask has none."""


class Budget:
    """What is left to be exchanged, by name and address."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._planned: dict[Ask, int] = {}
        self._planned_of: Counter[str] = Counter()
        self._paid: set[tuple[Ask, str | None]] = set()
        self._taken: Counter[Peer] = Counter()

    def plan(self, asks: Iterable[Ask]) -> None:
        """Sets aside one attempt of each ask at every address."""
        for ask in asks:
            if ask not in self._planned:
                self._planned[ask] = ask.exchanges
                self._planned_of[ask.host] += ask.exchanges

    def begin(self) -> None:
        """All over again: a round of waiting leaves the run that follows what it needs."""
        self._paid.clear()
        self._taken.clear()

    def takes(self, ask: Ask, endpoint: str | None) -> bool:
        """Whether one more attempt may be made; if so, it is counted."""
        if ask in self._planned and (ask, endpoint) not in self._paid:
            self._paid.add((ask, endpoint))
            return True
        peer = (ask.host, None if endpoint is None else endpoint.rpartition(":")[0])
        if self._planned_of[ask.host] + self._taken[peer] + ask.exchanges > self._limit and ask.exchanges:
            return False
        self._taken[peer] += ask.exchanges
        return True
