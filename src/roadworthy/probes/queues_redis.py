"""Queues in Redis: where each library keeps what, and how it is counted by name."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roadworthy.facts.cache import DEFAULT_USER, CacheAsk
from roadworthy.facts.queues import FailedSeen, FailedWanted, Oldest, QueueAsk, QueueSeen, QueueWanted
from roadworthy.facts.store import Unseen
from roadworthy.probes.cache_talk import Refused, Talk, greet, log_in, may_log_in, talking
from roadworthy.probes.reader import LoginRefused, Withheld
from roadworthy.rules.queues_payloads import moment_of, put_in_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from roadworthy.facts.queues import Count, JobAsk
    from roadworthy.facts.store import Refusal
    from roadworthy.probes.bench import Address, Bench

Command = tuple[str, ...]
"""A command whose answer is a number; {q} is the queue, {now} the moment in seconds."""


@dataclass(frozen=True)
class Layout:
    """Where a library keeps its jobs, below its prefix."""

    waiting: tuple[Command, ...]
    head: tuple[str, int]
    """The list that is worked off first, and which end of it is next."""
    delayed: tuple[Command, ...] = ()
    reserved: tuple[Command, ...] = ()
    overdue: tuple[Command, ...] = ()
    failed: tuple[Command, ...] = ()
    failed_since: tuple[str, str, str] | None = None
    """Sorted set of failed jobs by when they failed, the lowest score that counts, and the highest."""
    traces: tuple[Command, ...] = ()
    due: str | None = None
    """Sorted set of jobs that are put off until their score."""
    told_in: tuple[str, str] | None = None
    """Where a list holds ids: the job's hash, and the field of when it came."""


LAYOUTS = {
    "laravel": Layout(
        waiting=(("LLEN", "queues:{q}"), ("ZCOUNT", "queues:{q}:delayed", "-inf", "{now}")),
        head=("queues:{q}", 0),
        delayed=(("ZCOUNT", "queues:{q}:delayed", "({now}", "+inf"),),
        reserved=(("ZCARD", "queues:{q}:reserved"),),
        overdue=(("ZCOUNT", "queues:{q}:reserved", "-inf", "({now}"),),
        traces=(("EXISTS", "queues:{q}:delayed"), ("EXISTS", "queues:{q}:reserved")),
        due="queues:{q}:delayed",
    ),
    "rq": Layout(
        waiting=(("LLEN", "queue:{q}"),),
        head=("queue:{q}", 0),
        delayed=(("ZCARD", "scheduled:{q}"),),
        reserved=(("ZCARD", "wip:{q}"),),
        overdue=(("ZCOUNT", "wip:{q}", "0", "({now}"),),  # -1: it may take for ever
        failed=(("ZCARD", "failed:{q}"),),
        traces=(("SISMEMBER", "queues", "{p}queue:{q}"), ("EXISTS", "workers:{q}")),
        told_in=("job:{id}", "enqueued_at"),
    ),
    "celery": Layout(
        waiting=(("LLEN", "{q}"), *(("LLEN", "{q}\x06\x16" + step) for step in "369")),
        head=("{q}", -1),
        reserved=(("HLEN", "unacked"),),
        traces=(("EXISTS", "_kombu.binding.{q}"),),
    ),
    "bullmq": Layout(
        waiting=(("LLEN", "{q}:wait"), ("LLEN", "{q}:paused"), ("ZCARD", "{q}:prioritized")),
        head=("{q}:wait", -1),
        delayed=(("ZCARD", "{q}:delayed"),),
        reserved=(("LLEN", "{q}:active"),),
        failed=(("ZCARD", "{q}:failed"),),
        failed_since=("{q}:failed", "{since_ms}", "+inf"),
        traces=(("EXISTS", "{q}:meta"),),
        told_in=("{q}:{id}", "timestamp"),
    ),
    "sidekiq": Layout(
        waiting=(("LLEN", "queue:{q}"),),
        head=("queue:{q}", -1),
        delayed=(("ZCARD", "schedule"), ("ZCARD", "retry")),
        failed=(("ZCARD", "dead"),),
        failed_since=("dead", "{since}", "+inf"),
        traces=(("SISMEMBER", "queues", "{q}"), ("EXISTS", "processes")),
    ),
}
"""Laravel 8-12, RQ 1-2, Celery 5 with kombu 5, BullMQ 4-5, Sidekiq 6-8."""

OF_ALL = ("celery", "sidekiq")
"""Libraries some of whose counts are of all queues together."""


@asynccontextmanager
async def entered(ask: QueueAsk | JobAsk, address: Address, bench: Bench) -> AsyncIterator[Talk]:
    """A conversation with the ask's database, as its login.

    Raises:
        Ended, LoginRefused, Withheld, NotObserved: as those of `open_reader`.
    """
    entrance = CacheAsk(
        host=ask.host,
        port=ask.port,
        via=ask.via,
        username=ask.username or DEFAULT_USER,
        password=ask.password,
        tls=ask.tls,
    )
    async with talking(entrance, address, bench) as talk:
        seen: dict[str, Any] = {}
        if not await greet(talk, seen):
            raise LoginRefused(seen["refused"])
        if not may_log_in(entrance, talk, seen):
            raise Withheld(seen["withheld"])
        if not await log_in(talk, entrance.username, entrance.password, seen):
            raise LoginRefused(seen["refused"])
        if ask.number:
            try:
                await talk.say("SELECT", str(ask.number))
            except Refused as refused:
                raise LoginRefused(refused.refusal) from refused
        yield talk


async def count_all(ask: QueueAsk, talk: Talk, now: datetime, seen: dict[str, Any]) -> None:
    """Everything that was asked for.

    Raises:
        Ended: the conversation broke off.
    """
    counter = _Counter(ask, talk, LAYOUTS[ask.queues_of], now)
    seen["queues"] = tuple([await counter.queue(wanted) for wanted in ask.queues])
    if ask.failed is not None:
        seen["failed"] = await counter.all_failed(ask.failed)
    seen["keys"] = await counter.total((("DBSIZE",),), "")


@dataclass
class _Counter:
    """Counts one thing after another."""

    ask: QueueAsk
    talk: Talk
    layout: Layout
    now: datetime

    async def queue(self, wanted: QueueWanted) -> QueueSeen:
        """One queue."""
        layout, name = self.layout, wanted.name
        counted: dict[str, Count] = {}
        for what, commands in (("waiting", layout.waiting), ("delayed", layout.delayed), ("reserved", layout.reserved)):
            if getattr(wanted, what) is not None:
                counted[what] = await self.total(commands, name)
        if self.ask.retry_after_s is not None:
            counted["overdue"] = await self.total(layout.overdue, name)
        oldest = await self.oldest(name) if wanted.oldest else None
        traces = await self.traces(name, counted)
        looked_for = tuple(self.words(one, name)[1] for one in (*layout.waiting[:1], *layout.traces))
        return QueueSeen(name=name, oldest=oldest, traces=traces, looked_for=looked_for, **counted)

    async def total(self, commands: Iterable[Command], queue: str) -> int | Unseen:
        """The sum of some counts; Unseen where one of them is not to be had."""
        found = 0
        for command in commands:
            words = self.words(command, queue)
            try:
                found += int(await self.talk.say(*words, after=" ".join(words[:2])) or 0)
            except Refused as refused:
                return unseen_of(refused.refusal, " ".join(words[:2]))
        return found

    async def traces(self, queue: str, counted: dict[str, Count]) -> bool | None:
        """Whether anything says that there is such a queue; None: it can't be told."""
        if any(isinstance(count, int) and count for count in counted.values()):
            return True
        total = await self.total((("EXISTS", self.layout.head[0]), *self.layout.traces), queue)
        return None if isinstance(total, Unseen) else total > 0

    async def oldest(self, queue: str) -> Oldest | Unseen:
        """When the job came that is next, and the first one of those put off that is due."""
        try:
            came = await self._came(queue)
            due = await self._due_since(queue)
        except Refused as refused:
            return unseen_of(refused.refusal, f"reading what is next in {queue}")
        if isinstance(came, str):
            return Oldest(silent=came)
        moments = [moment for moment in (came, due) if moment is not None]
        return Oldest(at=min(moments, default=None))

    async def _came(self, queue: str) -> datetime | str | None:
        """When the next job came; None: there is none; a text: what it does not say."""
        (key, end), told_in = self.layout.head, self.layout.told_in
        job = await self.talk.say(*self.words(("LINDEX", key, str(end)), queue))
        if job is None:
            return None
        if told_in is None:
            moment = put_in_at(self.ask.queues_of, str(job))
        else:
            moment = moment_of(await self.talk.say("HGET", self.key(told_in[0], queue, job=str(job)), told_in[1]))
        return moment or f"the next job of {queue} does not say when it was put in"

    async def _due_since(self, queue: str) -> datetime | None:
        if self.layout.due is None:
            return None
        command = ("ZRANGEBYSCORE", self.layout.due, "-inf", "{now}", "WITHSCORES", "LIMIT", "0", "1")
        found = await self.talk.say(*self.words(command, queue), after="ZRANGEBYSCORE")
        return moment_of(found[1]) if isinstance(found, list) and len(found) > 1 else None

    async def all_failed(self, wanted: FailedWanted) -> FailedSeen:
        """Failed jobs of the queues that are named; of some libraries those of all queues together."""
        names = [queue.name for queue in self.ask.queues] or [""]
        names = names[:1] if self.ask.queues_of in OF_ALL else names
        count = await self._sum([await self.total(self.layout.failed, name) for name in names])
        since = None
        if wanted.since is not None:
            since = await self._sum(
                [await self._failed_since(name, wanted.since, wanted.up_to_since) for name in names]
            )
        return FailedSeen(count=count if wanted.up_to is not None else None, since=since)

    async def _sum(self, counts: list[int | Unseen]) -> int | Unseen:
        return next(
            (one for one in counts if isinstance(one, Unseen)), sum(one for one in counts if isinstance(one, int))
        )

    async def _failed_since(self, queue: str, since: datetime, up_to: int) -> int | Unseen:
        if self.layout.failed_since is not None:
            seconds = since.timestamp()
            places = {"{since}": f"{seconds:.3f}", "{since_ms}": f"{seconds * 1000:.0f}"}
            key, low, high = self.layout.failed_since
            return await self.total((("ZCOUNT", key, places[low], high),), queue)
        try:  # RQ sorts failed jobs by when they will be forgotten, and each one says when it ended
            ids = await self.talk.say("ZREVRANGE", self.key("failed:{q}", queue), "0", str(up_to))
            ended = [await self.talk.say("HGET", self.key("job:{id}", queue, job=str(one)), "ended_at") for one in ids]
        except Refused as refused:
            return unseen_of(refused.refusal, f"reading what failed in {queue}")
        moments = [moment_of(one) for one in ended]
        return sum(moment is not None and moment >= since for moment in moments)

    def key(self, pattern: str, queue: str, job: str = "") -> str:
        """A key with its prefix."""
        return self.ask.prefix + pattern.replace("{id}", job).replace("{q}", queue)

    def words(self, command: Command, queue: str) -> list[str]:
        """A command as it is sent."""
        if len(command) == 1:
            return [command[0]]
        name, key, *rest = command
        now = f"{self.now.timestamp():.3f}"
        places = (one.replace("{now}", now).replace("{p}", self.ask.prefix).replace("{q}", queue) for one in rest)
        return [name, self.key(key, queue), *places]


def unseen_of(refusal: Refusal, doing: str) -> Unseen:
    """What a refused command comes to."""
    detail = f"{doing}: {refusal.told}"
    if refusal.code == "NOPERM":
        return Unseen(unseen="not permitted", detail=detail)
    if refusal.code in ("MOVED", "ASK", "CROSSSLOT"):
        return Unseen(unseen="not supported", detail=f"{detail} (another node of the cluster has it)")
    return Unseen(unseen="failed", detail=detail)
