"""Caches: one conversation with one Redis or Valkey server. It is asked of itself, and never of its keys.

Said are PING, AUTH, INFO, CONFIG GET of named settings, SLOWLOG LEN, SENTINEL MASTER; to tell whether a stranger is let
in, EXISTS of a key that nobody has. A password goes out once, after the server has spoken Redis' protocol, and where
TLS is promised only inside of TLS whose certificate was verified.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.cache import CacheObservation
from roadworthy.facts.store import Broke, Purpose, StoreEnd, Unseen
from roadworthy.probes import cache_info as info_of
from roadworthy.probes.cache_talk import Refused, Talk, greet, greet_inside, log_in, may_log_in, talking
from roadworthy.probes.database import WRONG_PASSWORD
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.facts.cache import CacheAsk
    from roadworthy.facts.database import Setting
    from roadworthy.facts.store import Refusal
    from roadworthy.probes.bench import Address, Bench

T = TypeVar("T")

NOBODYS_KEY = "roadworthy:a-key-that-nobody-has"


async def observe(ask: CacheAsk, address: Address, bench: Bench) -> CacheObservation:
    """One conversation, as far as it goes.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    look = _Look(ask, address, bench)
    broke = None
    try:
        async with asyncio.timeout(longest_s(bench)):
            await look.take()
    except Ended as ended:
        broke = ended.broke
    except TimeoutError:
        broke = Broke(end=StoreEnd.SILENT, at=look.doing, detail=f"not done within {longest_s(bench):g} s")
    return CacheObservation(observed_at=look.observed_at, broke=broke, **look.seen)


def longest_s(bench: Bench) -> float:
    """Many short silences are no reason to wait for ever, nor until somebody else ends it who knows of none."""
    return min(bench.patience_s * 2, bench.network.timeout * 0.9)


@dataclass
class _Look:
    """A conversation under way; `seen` is what it has come to."""

    ask: CacheAsk
    address: Address
    bench: Bench
    seen: dict[str, Any] = field(default_factory=dict)
    doing: str = "connecting"
    observed_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def take(self) -> None:
        """From the first byte to the last."""
        try:
            async with talking(self.ask, self.address, self.bench) as talk:
                await self._converse(talk)
        except Ended as ended:
            if ended.broke.end is not StoreEnd.NO_TLS or self.seen:
                raise
            await self._in_plain(ended)

    async def _in_plain(self, ended: Ended) -> None:
        """Whether it is there at all, where TLS did not come up; nothing secret is said."""
        plain = self.ask.model_copy(update={"tls": False})
        heard: dict[str, Any] = {}
        try:
            async with talking(plain, self.address, self.bench) as talk:
                await greet(talk, heard)
        except Ended:
            raise ended from None
        self.seen |= heard | {"no_tls": ended.broke, "withheld": f"nothing more was said: {ended.broke.told}"}

    async def _converse(self, talk: Talk) -> None:
        self.doing = "PING"
        if not await greet(talk, self.seen) or self.ask.purpose is Purpose.PLAIN:
            return
        self.doing = "AUTH"
        match self.ask.purpose:
            case Purpose.ANONYMOUS:
                await self._come_in(talk, None)
            case Purpose.WRONG_PASSWORD:
                await log_in(talk, self.ask.username, WRONG_PASSWORD, self.seen)
            case Purpose.PUBLISHED:
                await self._come_in(talk, self.ask.published)
            case _:
                if may_log_in(self.ask, talk, self.seen) and await log_in(
                    talk, self.ask.username, self.ask.password, self.seen
                ):
                    await self._look_around(talk)

    async def _come_in(self, talk: Talk, password: str | None) -> None:
        """As a stranger. Who is greeted and may do nothing else (a probe of a load balancer) is not let in."""
        if password is not None:
            await log_in(talk, self.ask.username, password, self.seen)
        elif self.seen["asks_password"]:
            await log_in(talk, "default", None, self.seen)
        elif (no := await _no_to(talk, "EXISTS", NOBODYS_KEY)) is not None and _is_of_rights(no):
            self.seen["refused"] = no
        else:
            self.seen["let_in"] = True

    async def _look_around(self, talk: Talk) -> None:
        self.doing = "PING"
        await greet_inside(talk, self.seen)
        if self.ask.pings:
            self.seen["pings_s"] = tuple([await _timed(talk) for _ in range(self.ask.pings)])
            return
        self.doing = "INFO"
        info = await _info(talk)
        self.seen |= _parts(info)
        self.doing = "CONFIG GET"
        await self._configured(talk, {} if isinstance(info, Unseen) else info)
        self.doing = "SLOWLOG LEN"
        self.seen["slow"] = await _counted(talk)
        if self.ask.watches is not None:
            self.doing = "SENTINEL MASTER"
            self.seen["watched"] = await _watched(talk, self.ask.watches)

    async def _configured(self, talk: Talk, info: Mapping[str, str]) -> None:
        """Settings asked for, and those that belong to what was seen."""
        self.seen["settings"] = {}
        for name in self.ask.settings:
            if (setting := await _setting(talk, name, info)) is not None:
                self.seen["settings"][name] = setting
        replication, persistence = self.seen["replication"], self.seen["persistence"]
        if not isinstance(persistence, Unseen):
            save = await _configuration(talk, "save")
            saves = None if isinstance(save, Unseen | None) else bool(save.strip())
            self.seen["persistence"] = persistence.model_copy(update={"saves": saves})
        if not isinstance(replication, Unseen) and replication.source is not None:
            period = await _configuration(talk, "repl-ping-replica-period")
            period_s = info_of.number({"": period}, "") or None if isinstance(period, str) else None
            source = replication.source.model_copy(update={"period_s": period_s})
            self.seen["replication"] = replication.model_copy(update={"source": source})
        clients = self.seen["clients"]
        if not isinstance(clients, Unseen) and clients.limit is None:
            limit = await _configuration(talk, "maxclients")
            if isinstance(limit, str):
                self.seen["clients"] = clients.model_copy(update={"limit": info_of.number({"": limit}, "") or None})


def unseen(no: Refusal) -> Unseen:
    """What a refused command leaves unseen."""
    if no.code == "NOPERM":
        return Unseen(unseen="not permitted", detail=no.told[:120])
    return Unseen(unseen="not supported", detail=no.told[:120])


def _is_of_rights(no: Refusal) -> bool:
    """Whether the command itself is not for this user; who may ask for other keys alone is let in."""
    return no.code == "NOAUTH" or (no.code == "NOPERM" and "key" not in no.message)


async def _no_to(talk: Talk, *words: str) -> Refusal | None:
    try:
        await talk.say(*words)
    except Refused as refused:
        return refused.refusal
    return None


async def _timed(talk: Talk) -> float:
    started = time.perf_counter()
    await _no_to(talk, "PING")
    return round(time.perf_counter() - started, 6)


async def _info(talk: Talk) -> dict[str, str] | Unseen:
    try:
        answer = await talk.say("INFO")
    except Refused as refused:
        return unseen(refused.refusal)
    if not isinstance(answer, str):
        return Unseen(unseen="failed", detail="INFO was answered with no text")
    return info_of.parse_info(answer)


def _parts(info: dict[str, str] | Unseen) -> dict[str, Any]:
    """All that INFO tells."""
    if isinstance(info, Unseen):
        return dict.fromkeys(("server", "replication", "memory", "clients", "persistence", "keyspace", "evicted"), info)
    return {
        "server": _or_unseen(info_of.server_of(info), "who it is"),
        "replication": _or_unseen(info_of.replication_of(info), "replication"),
        "memory": _or_unseen(info_of.memory_of(info), "memory"),
        "clients": _or_unseen(info_of.clients_of(info), "clients"),
        "persistence": _or_unseen(info_of.persistence_of(info), "persistence"),
        "keyspace": info_of.keyspace_of(info),
        "evicted": _or_unseen(
            info_of.number(info, "evicted_keys", -1) if "evicted_keys" in info else None, "evictions"
        ),
    }


def _or_unseen(part: T | None, what: str) -> T | Unseen:
    return Unseen(unseen="not supported", detail=f"INFO tells nothing of {what}") if part is None else part


async def _configuration(talk: Talk, name: str) -> str | Unseen | None:
    """A setting's own text; None: there is none of that name."""
    try:
        answer = await talk.say("CONFIG", "GET", name)
    except Refused as refused:
        return unseen(refused.refusal)
    if isinstance(answer, list) and len(answer) == 2 and isinstance(answer[1], str):  # noqa: PLR2004 - name and value
        return answer[1]
    return None


async def _setting(talk: Talk, name: str, info: Mapping[str, str]) -> Setting | Unseen | None:
    """From CONFIG GET; where a service keeps that to itself, from INFO."""
    told = await _configuration(talk, name)
    if isinstance(told, str):
        return info_of.setting_of(name, told)
    return info_of.setting_from_info(name, info) or told


async def _counted(talk: Talk) -> int | Unseen:
    try:
        answer = await talk.say("SLOWLOG", "LEN")
    except Refused as refused:
        return unseen(refused.refusal)
    return answer if isinstance(answer, int) else Unseen(unseen="failed", detail="SLOWLOG LEN gave no number")


async def _watched(talk: Talk, name: str) -> Any:
    try:
        answer = await talk.say("SENTINEL", "MASTER", name)
    except Refused as refused:
        return None if "no such master" in refused.refusal.message.lower() else unseen(refused.refusal)
    return info_of.watched_of(answer) or Unseen(unseen="failed", detail="SENTINEL MASTER made no sense")
