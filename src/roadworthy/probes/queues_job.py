"""A job of ours is put into a queue, and watched until it is gone; if nobody takes it, it is taken away again."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from roadworthy.facts.queues import JobObservation
from roadworthy.facts.store import Broke, StoreEnd
from roadworthy.probes.cache_talk import Refused, Talk
from roadworthy.probes.queues_redis import entered
from roadworthy.probes.reader import LoginRefused, Withheld
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from roadworthy.facts.queues import JobAsk
    from roadworthy.probes.bench import Address, Bench

Place = Literal["waiting", "reserved", "delayed", "failed"]

PUSHES = {"laravel": ("RPUSH", "queues:{q}"), "celery": ("LPUSH", "{q}"), "sidekiq": ("LPUSH", "queue:{q}")}
"""How each library puts a job in."""

ELSEWHERE: dict[str, tuple[tuple[Place, str], ...]] = {
    "laravel": (("reserved", "queues:{q}:reserved"), ("delayed", "queues:{q}:delayed")),
    "celery": (),
    "sidekiq": (("delayed", "retry"), ("failed", "dead")),
}
"""Sorted sets of jobs as they were written, or nearly so: our id is in them."""

MOST = 1000
"""Members of a sorted set that are looked through for our own; more than that, and it can't be told."""

DEEPEST = 20_000
"""Places from its end of a list that a job is looked for at."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.4
RESCUE_S = 2.0


class UnsureError(Exception):
    """It can't be told where the job is."""


async def observe(ask: JobAsk, address: Address, bench: Bench) -> JobObservation:
    """What became of the job.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    trial = _Trial(ask, ask.payload.replace("{id}", name := str(uuid.uuid4())), name)
    try:
        await _try(trial, address, bench)
    finally:
        if trial.seen.get("pushed") and not trial.is_over:
            await _rescue(trial, address, bench)
    return JobObservation(observed_at=trial.at, **trial.seen)


async def _try(trial: _Trial, address: Address, bench: Bench) -> None:
    try:
        async with entered(trial.ask, address, bench) as talk:
            trial.seen["let_in"] = True
            await trial.run(talk)
    except Ended as ended:
        trial.seen["broke"] = ended.broke
    except LoginRefused as error:
        trial.seen["refused"] = error.refused
    except Withheld as error:
        trial.seen["withheld"] = error.why
    except TimeoutError:
        trial.seen["broke"] = Broke(end=StoreEnd.SILENT, at="the login")
    except Refused as refused:
        trial.seen["no"] = refused.refusal
    except UnsureError as error:
        trial.seen["unsure"] = str(error)


async def _rescue(trial: _Trial, address: Address, bench: Bench) -> None:
    """Takes the job away after whatever happened: a connection that broke, a deadline."""
    trial.seen["taken_away"] = False
    try:
        async with asyncio.timeout(RESCUE_S), entered(trial.ask, address, bench) as talk:
            await trial.take_away(talk)
    except (Ended, LoginRefused, Withheld, Refused, UnsureError, TimeoutError):
        return  # what is left behind is told


@dataclass
class _Trial:
    """One job, from its birth to its end."""

    ask: JobAsk
    payload: str
    id: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seen: dict[str, Any] = field(default_factory=dict)
    is_over: bool = False
    """It was done, or is gone."""

    def key(self, pattern: str) -> str:
        return self.ask.prefix + pattern.replace("{q}", self.ask.queue)

    async def run(self, talk: Talk) -> None:
        """Puts it in, waits, and takes it away if nobody else did."""
        command, pattern = PUSHES[self.ask.queues_of]
        self.seen["ahead"] = int(await talk.say("LLEN", self.key(pattern)) or 0)
        self.seen["pushed"] = True  # before it is sent: if the answer is lost, it may be there
        try:
            await talk.say(command, self.key(pattern), self.payload, after=command)
        except Refused:
            self.seen["pushed"] = False
            raise
        began = time.monotonic()
        consumed = await self._until_gone(talk, began + self.ask.within_s)
        self.seen["waited_s"] = round(time.monotonic() - began, 3)
        if consumed:
            self.is_over = True
            self.seen["consumed_s"] = self.seen["waited_s"]
        else:
            await self.take_away(talk)

    async def _until_gone(self, talk: Talk, ends: float) -> bool:
        """Whether it is nowhere any more; seen twice, as it may be on its way from one place to another."""
        pause, absent = FIRST_PAUSE_S, 0
        while True:
            place = await self._place(talk)
            absent = absent + 1 if place is None else 0
            self.seen["last_in"] = place or self.seen.get("last_in")
            if absent > 1 or place == "failed":
                return place is None
            if time.monotonic() + pause > ends and not absent:
                return False
            await asyncio.sleep(FIRST_PAUSE_S if absent else pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)

    async def _place(self, talk: Talk) -> Place | None:
        if await self._waits(talk):
            return "waiting"
        if self.ask.queues_of == "celery" and await talk.say("HEXISTS", self.key("unacked"), self.id):
            return "reserved"
        for place, pattern in ELSEWHERE[self.ask.queues_of]:
            if await self._member(talk, self.key(pattern)) is not None:
                return place
        return None

    async def _waits(self, talk: Talk) -> bool:
        command, pattern = PUSHES[self.ask.queues_of]
        rank = "-1" if command == "RPUSH" else "1"  # from the end that it was put in at
        words = ("LPOS", self.key(pattern), self.payload, "RANK", rank, "MAXLEN", str(DEEPEST))
        if await talk.say(*words, after="LPOS") is not None:
            return True
        if int(await talk.say("LLEN", self.key(pattern)) or 0) > DEEPEST:
            raise UnsureError(f"{self.ask.queue} has more than {DEEPEST} jobs: ours is not looked for among so many")
        return False

    async def _member(self, talk: Talk, key: str) -> str | None:
        """Our job in a sorted set, as it stands there."""
        if int(await talk.say("ZCARD", key) or 0) > MOST:
            raise UnsureError(f"{key} has more than {MOST} jobs: ours is not looked for among so many")
        members = await talk.say("ZRANGE", key, "0", str(MOST - 1))
        return next((str(one) for one in members or () if self.id in str(one)), None)

    async def take_away(self, talk: Talk) -> None:
        """Exactly ours; one that is being worked on is left to whoever has it."""
        self.seen["taken_away"] = False
        gone = int(
            await talk.say("LREM", self.key(PUSHES[self.ask.queues_of][1]), "0", self.payload, after="LREM") or 0
        )
        self.is_over = self.seen["taken_away"] = gone > 0
        for place, pattern in ELSEWHERE[self.ask.queues_of]:
            if place != "reserved" and (member := await self._member(talk, self.key(pattern))) is not None:
                gone += int(await talk.say("ZREM", self.key(pattern), member, after="ZREM") or 0)
        self.is_over = self.seen["taken_away"] = gone > 0
