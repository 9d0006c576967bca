"""What a service refuses: who asks or tries too often, and who has the wrong credentials."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


@dataclass(frozen=True)
class Throttle:
    """So many requests in a window of time."""

    at_most: int
    per_s: float
    status: int = 429
    retry_after: bool = True
    ends: bool = True
    """False: who is locked out stays so."""


@dataclass(frozen=True)
class Door:
    """A page that takes logins, or other attempts, by POST."""

    refuses: int = 401
    lets_in: tuple[str, ...] = ()
    """Bodies that are taken."""
    body: str = '{"message":"These credentials do not match our records."}'
    opened: str = '{"access_token":"sandbox-0123456789abcdef","token_type":"Bearer"}'
    back_to: str | None = None
    """Where a refused form leads."""


class Counter:
    """Counts requests in windows; of all threads of one service."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[Hashable, tuple[float, int]] = {}

    def seconds_to_wait(self, throttle: Throttle, key: Hashable) -> float | None:
        """Counts one; how long its sender is refused, if it is one too many."""
        now = self._clock()
        with self._lock:
            began, count = self._windows.get(key, (now, 0))
            if now - began >= throttle.per_s and (throttle.ends or count <= throttle.at_most):
                began, count = now, 0
            self._windows[key] = began, count + 1
        return max(0.0, began + throttle.per_s - now) if count >= throttle.at_most else None
