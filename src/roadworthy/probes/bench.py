"""What the probes of one run share: the network's settings, and things that are costly to make twice."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from contextlib import AbstractAsyncContextManager

    from roadworthy.target.network import Network

T = TypeVar("T")


class Address(NamedTuple):
    """Where to connect to."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Turns(Protocol):
    """Who says when a host may be asked."""

    async def turn(self, host: str, requests: int = 1) -> None:
        """Returns when so many requests may go to a host."""

    def alone(self, host: str) -> AbstractAsyncContextManager[object]:
        """Entered by those who take many turns, one after another where turns are scarce."""


class AtOnce:
    """Every turn is now."""

    async def turn(self, host: str, requests: int = 1) -> None:
        """Returns."""

    def alone(self, host: str) -> AbstractAsyncContextManager[object]:  # noqa: ARG002 - turns are not scarce
        """Lets everybody in."""
        return nullcontext()


@dataclass
class Bench:
    """Shared by all probes of a run; `shared` is entered once and closed at the run's end."""

    network: Network
    user_agent: str
    patience_s: float
    """How long one attempt may wait for a silent peer."""
    exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    turns: Turns = field(default_factory=AtOnce)
    """Asked before each request where a limit is promised."""
    _made: dict[object, Any] = field(default_factory=dict)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _under_way: dict[object, asyncio.Task[Any]] = field(default_factory=dict)

    async def shared(self, make: Callable[[Bench], AbstractAsyncContextManager[T]]) -> T:
        """What `make(bench)` gives when it is entered; made on first use, the same for all later ones."""
        async with self._making:
            if make not in self._made:
                self._made[make] = await self.exits.enter_async_context(make(self))
        made: T = self._made[make]
        return made

    async def together(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `work()` gives; those who ask for the same while it is under way, or after it went well, share it."""
        if key not in self._under_way:
            self._under_way[key] = asyncio.create_task(work())
        task: asyncio.Task[T] = self._under_way[key]
        try:
            return await asyncio.shield(task)
        finally:
            if task.done() and (task.cancelled() or task.exception()):
                self._under_way.pop(key, None)
