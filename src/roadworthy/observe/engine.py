"""Looks at everything that the selected checks need, once, concurrently, and within deadlines that really end.

Lanes run one after another (quiet, normal, rough, limits); within a lane, asks run together, bounded overall and per
host. All of it happens in one asyncio loop: a cancelled probe leaves no thread behind that could hold the process. The
only thing that needs threads, sslyze, runs in a process of its own, which is killed. Nothing is sent that the budget of
the run does not hold (`budget`).
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import AsyncExitStack, nullcontext
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from roadworthy.facts import ON_HOSTS
from roadworthy.facts.base import Ask, Attempt, Lane, NotObserved, NotSeen, Observation, Reason, Record, Seen
from roadworthy.observe.budget import Budget
from roadworthy.observe.pacing import Pacer
from roadworthy.observe.store import afar, endpoints_of, name_of
from roadworthy.probes.bench import Address, Bench

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from roadworthy.observe.pacing import Pace
    from roadworthy.observe.store import EvidenceStore
    from roadworthy.target.network import Network

    Probe = Callable[[Ask, Address | None, Bench], Awaitable[Observation]]

PROBES = {
    "name": "roadworthy.probes.name",
    "dns": "roadworthy.probes.dns",
    "dns-zone": "roadworthy.probes.dns_zone",
    "dnssec": "roadworthy.probes.dnssec",
    "tcp": "roadworthy.probes.tcp",
    "database": "roadworthy.probes.database",
    "database-marker": "roadworthy.probes.marker",
    "cache": "roadworthy.probes.cache",
    "cache-cluster": "roadworthy.probes.cache_cluster",
    "migrations": "roadworthy.probes.migrations",
    "queue": "roadworthy.probes.queues",
    "queue-probe": "roadworthy.probes.queues_job",
    "mail": "roadworthy.probes.mail",
    "smtp": "roadworthy.probes.smtp",
    "http": "roadworthy.probes.http",
    "http-again": "roadworthy.probes.http_again",
    "page-scripts": "roadworthy.probes.scripts",
    "websocket": "roadworthy.probes.websocket",
    "paths": "roadworthy.probes.paths",
    "ports": "roadworthy.probes.ports",
    "burst": "roadworthy.probes.burst",
    "upload": "roadworthy.probes.upload",
    "tls": "roadworthy.probes.tls",
    "tls-scan": "roadworthy.probes.tls_scan",
    **dict.fromkeys(ON_HOSTS, "roadworthy.probes.host"),
}
"""The module that observes each kind of ask; imported when the first such ask comes."""

QUIET_AT_ONCE = 4
"""Exchanges whose latency is judged, under way at once: few enough not to be each other's load."""

BACKOFF_S = 0.25
"""Before the first retry; doubled before each later one."""


class Watcher(Protocol):
    """Is told of progress."""

    def observing(self, total: int) -> None:
        """So many asks are about to be observed."""

    def begun(self, ask: Ask, address: str | None) -> None:
        """One observation is under way."""

    def observed(self, record: Record) -> None:
        """One observation is in."""


class Observatory:
    """Makes the records of asks, and puts them into the store. One deadline holds for all it ever does."""

    def __init__(self, network: Network, store: EvidenceStore, paces: Mapping[str, Pace] | None = None) -> None:
        self._network = network
        self._paces = paces or {}
        self._store = store
        self._budget = Budget(network.budget)
        self._ends = 0.0
        self.start_clock()

    def plan(self, asks: Iterable[Ask]) -> None:
        """Tells what the run is going to need, so that no retry takes it away."""
        self._budget.plan(asks)

    def start_clock(self) -> None:
        """Deadline and budget count from now: rounds of waiting don't eat up what the run after them needs."""
        self._ends = time.monotonic() + self._network.deadline
        self._budget.begin()

    def observe(self, asks: Iterable[Ask], watcher: Watcher | None = None) -> None:
        """Makes the records that are missing; returns when all are there or the deadline is over."""
        missing = [ask for ask in dict.fromkeys(asks) if self._store.records(ask) is None]
        if not missing:
            return
        if watcher:
            watcher.observing(len(missing))
        asyncio.run(self._observe(missing, watcher))

    async def _observe(self, asks: list[Ask], watcher: Watcher | None) -> None:
        async with AsyncExitStack() as exits:
            bench = Bench(
                network=self._network,
                user_agent=self._network.user_agent,
                patience_s=self._network.patience_s,
                exits=exits,
                turns=Pacer(self._paces),
            )
            session = _Session(self._network, self._store, bench, ends=self._ends, budget=self._budget, watcher=watcher)
            for kind in {ask.kind for ask in asks}:
                await session.prepare(kind)
            for lane in Lane:
                batch = [ask for ask in asks if ask.lane is lane]
                await session.run(lane, batch)


class _Session:
    """One event loop's worth of observing."""

    def __init__(
        self,
        network: Network,
        store: EvidenceStore,
        bench: Bench,
        *,
        ends: float,
        budget: Budget,
        watcher: Watcher | None,
    ) -> None:
        self._network = network
        self._store = store
        self._bench = bench
        self._ends = ends
        self._budget = budget
        self._watcher = watcher
        self._names: dict[Ask, asyncio.Task[Record]] = {}
        self._servers: defaultdict[tuple[str, int], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(network.per_host)
        )

    async def prepare(self, kind: str) -> None:
        """Lets a probe start what takes long to start, while others already look."""
        prewarm = getattr(import_module(PROBES[kind]), "prewarm", None)
        if prewarm:
            await prewarm(self._bench)

    async def run(self, lane: Lane, asks: list[Ask]) -> None:
        """Observes all asks of a lane, each at every address."""
        at_once = {Lane.QUIET: QUIET_AT_ONCE, Lane.LIMITS: 1}.get(lane, self._network.concurrency)
        overall = asyncio.Semaphore(at_once)
        async with asyncio.TaskGroup() as tasks:
            for ask in sorted(asks, key=lambda ask: ask.exchanges) if lane is Lane.LIMITS else asks:
                tasks.create_task(self._everywhere(ask, overall, tasks))

    async def _everywhere(self, ask: Ask, overall: asyncio.Semaphore, tasks: asyncio.TaskGroup) -> None:
        if not ask.per_address:
            await self._name(ask)
            return
        if ask.via is not None:
            if self._store.get(ask, afar(ask)) is None:
                await self._at(ask, afar(ask), overall)
            return
        endpoints = endpoints_of(await self._name(name_of(ask)))
        if isinstance(endpoints, NotSeen):
            return  # the name's own record says why
        for endpoint in endpoints:
            if self._store.get(ask, endpoint) is None:
                tasks.create_task(self._at(ask, endpoint, overall))

    async def _name(self, ask: Ask) -> Record:
        """A look-up, made once however many asks wait for it."""
        if ask not in self._names:
            self._names[ask] = asyncio.create_task(self._look_up(ask))
        return await self._names[ask]

    async def _look_up(self, ask: Ask) -> Record:
        known = self._store.get(ask, None)
        return known if known is not None else await self._record(ask, None)

    async def _at(self, ask: Ask, endpoint: str, overall: asyncio.Semaphore) -> None:
        turns = self._bench.turns
        many = turns.alone(ask.host) if ask.many_exchanges else nullcontext()
        async with self._servers[ask.host, ask.port], overall, many:
            if not ask.many_exchanges and hasattr(ask, "url"):  # those of many wait for each of their turns
                await turns.turn(ask.host, ask.exchanges)
            await self._record(ask, endpoint)

    async def _record(self, ask: Ask, endpoint: str | None) -> Record:
        started, clock = datetime.now(UTC), time.monotonic()
        if self._watcher:
            self._watcher.begun(ask, endpoint)
        result, earlier = await self._attempts(ask, endpoint)
        record = Record(
            ask=ask,
            address=endpoint,
            result=result,
            started=started,
            elapsed_s=round(time.monotonic() - clock, 6),
            earlier_attempts=tuple(earlier),
        )
        self._store.put(record)
        if self._watcher:
            self._watcher.observed(record)
        return record

    async def _attempts(self, ask: Ask, endpoint: str | None) -> tuple[Seen | NotSeen, list[Attempt]]:
        """Looks until the state is not transient, retries are used up, or the ask's time is over."""
        allowed = self._network.scan_timeout if ask.many_exchanges else self._network.timeout
        ends = min(time.monotonic() + allowed, self._ends)
        earlier: list[Attempt] = []
        if not self._budget.takes(ask, endpoint):
            detail = f"this run may have no more than {self._network.budget} exchanges with {ask.host}"
            return NotSeen(reason=Reason.BUDGET, detail=detail), earlier
        while True:
            started, clock = datetime.now(UTC), time.monotonic()
            result = await self._attempt(ask, endpoint, ends)
            pause = BACKOFF_S * 2 ** len(earlier)
            if (
                not _is_transient(result)
                or ask.once
                or (isinstance(result, Seen) and not ask.may_repeat(result.observation))
                or len(earlier) >= self._network.retries
                or time.monotonic() + pause + (time.monotonic() - clock) > ends
                or not self._budget.takes(ask, endpoint)
            ):
                return result, earlier
            elapsed = round(time.monotonic() - clock, 6)
            earlier.append(Attempt(started=started, elapsed_s=elapsed, problem=_short(result)))
            await asyncio.sleep(pause)

    async def _attempt(self, ask: Ask, endpoint: str | None, ends: float) -> Seen | NotSeen:
        left = ends - time.monotonic()
        if left <= 0:
            return NotSeen(reason=Reason.DEADLINE, detail="the run's time was over before this was looked at")
        probe: Probe = import_module(PROBES[ask.kind]).observe
        try:
            async with asyncio.timeout(left):
                return Seen(observation=await probe(ask, _address(endpoint), self._bench))
        except NotObserved as error:
            return NotSeen(reason=error.reason, detail=error.detail)
        except TimeoutError:
            return NotSeen(reason=Reason.DEADLINE, detail=f"not finished after {left:.1f} s")
        except Exception as error:  # noqa: BLE001 - a broken probe is told, and never green
            return NotSeen(reason=Reason.BROKEN, detail=f"{ask.kind} probe: {type(error).__name__}: {error}")


def _is_transient(result: Seen | NotSeen) -> bool:
    if isinstance(result, Seen):
        return result.observation.transient
    return result.reason in (Reason.RESOLVER, Reason.NO_ANSWER, Reason.VANTAGE)


def _short(result: Seen | NotSeen) -> str:
    return str(result.observation) if isinstance(result, Seen) else f"{result.reason.value}: {result.detail}"


def _address(endpoint: str | None) -> Address | None:
    if endpoint is None:
        return None
    ip, _, port = endpoint.rpartition(":")
    return Address(ip.strip("[]"), int(port))
