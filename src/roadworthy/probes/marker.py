"""A marker: a row of ours is written on a primary, looked for on its replica, and taken away again.

It is one row of one table that is nobody else's; rows that an earlier run could not take away go with it.

    Ended         a conversation broke off: becomes `broke` or `replica_broke`
    LoginRefused  a server's own no: becomes `refused` or `replica_refused`
    NotObserved   there is no route from here, a name leads nowhere, or a vantage point failed
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.marker import MarkerObservation
from roadworthy.facts.name import NameState
from roadworthy.facts.store import Broke, Refusal, StoreEnd
from roadworthy.probes import mysql_link, postgresql
from roadworthy.probes.bench import Address
from roadworthy.probes.name import addresses_of
from roadworthy.probes.postgresql_session import quoted_part, told
from roadworthy.probes.reader import LoginRefused, Withheld
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.facts.database import DatabaseAsk
    from roadworthy.facts.marker import MarkerAsk
    from roadworthy.probes.bench import Bench
    from roadworthy.probes.mysql_link import Driver
    from roadworthy.probes.postgresql_session import Talk

PAUSE_S = 0.05
MADE_BY_ANOTHER = frozenset({"42P07", "23505"})
"""duplicate_table, and unique_violation in the catalogue while the other one is not done (PostgreSQL, appendix A)."""
NO_SUCH_TABLE = frozenset({"42P01", "1146"})
"""The table itself has not arrived yet."""


class Pen(Protocol):
    """What can be done with a marker, whatever the product."""

    async def write(self, table: str, marker: str) -> None:
        """Commits the row; makes the table if it is not there."""

    async def has(self, table: str, marker: str) -> bool:
        """Whether the row is there."""

    async def remove(self, table: str, marker: str) -> None:
        """Takes the row away, and those that are older than an hour."""


async def observe(ask: MarkerAsk, address: Address | None, bench: Bench) -> MarkerObservation:  # noqa: ARG001 - a probe's signature
    """Writes, looks, and takes away.

    Raises:
        NotObserved: there is no route from here, a name leads nowhere, or a vantage point failed.
    """
    primary, *_ = await _addresses(ask.primary, bench)
    replicas = await _addresses(ask.replica, bench)
    run = _Run(ask, bench)
    longest_s = min(bench.patience_s * 2, bench.network.timeout * 0.9) + ask.within
    try:
        async with asyncio.timeout(longest_s), pen(ask.primary, primary, bench) as primary_pen:
            await primary_pen.write(ask.table, run.marker)
            run.seen["written"] = True
            written_at = asyncio.get_running_loop().time()
            try:
                await run.look_for_it(replicas, written_at)
            finally:
                run.seen["looked_for_s"] = round(asyncio.get_running_loop().time() - written_at, 3)
                await primary_pen.remove(ask.table, run.marker)
                run.seen["removed"] = True
    except Withheld as error:
        run.seen["withheld"] = error.why
    except LoginRefused as error:
        run.seen["refused"] = error.refused
    except Ended as ended:
        run.seen["broke"] = ended.broke
    except TimeoutError:
        run.seen["broke"] = Broke(end=StoreEnd.SILENT, at="the marker", detail=f"not done within {longest_s:g} s")
    return MarkerObservation(observed_at=run.observed_at, **({"written": False} | run.seen))


async def _addresses(ask: DatabaseAsk, bench: Bench) -> list[Address]:
    if ask.via is not None:
        return [Address(ask.host, ask.port)]  # a name means what it means over there
    found, _ = await addresses_of(ask.host, ask.port, bench)
    if isinstance(found, NameState):
        raise NotObserved(Reason.NO_ADDRESS, f"{ask.host}: {found.value}")
    return found


@dataclass
class _Run:
    """A marker under way; `seen` is what has become of it."""

    ask: MarkerAsk
    bench: Bench
    marker: str = field(default_factory=lambda: f"roadworthy-{uuid.uuid4().hex}")
    seen: dict[str, Any] = field(default_factory=dict)
    observed_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def look_for_it(self, replicas: list[Address], written_at: float) -> None:
        """On each address of the replica: it is seen when the last of them has it."""
        until = written_at + self.ask.within
        try:
            found = [await self._found(address, written_at, until) for address in replicas]
        except Withheld as error:
            self.seen["withheld"] = error.why
        except LoginRefused as error:
            self.seen["replica_refused"] = error.refused
        except Ended as ended:
            self.seen["replica_broke"] = ended.broke
        else:
            times = [seconds for seconds in found if seconds is not None]
            self.seen["seen_after_s"] = max(times) if times and len(times) == len(found) else None

    async def _found(self, address: Address, written_at: float, until: float) -> float | None:
        now = asyncio.get_running_loop().time
        async with pen(self.ask.replica, address, self.bench) as replica:
            while True:
                if await replica.has(self.ask.table, self.marker):
                    return round(now() - written_at, 3)
                if now() >= until:
                    return None
                await asyncio.sleep(PAUSE_S)


# --- products --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def pen(ask: DatabaseAsk, address: Address, bench: Bench) -> AsyncIterator[Pen]:
    """A login that may write.

    Raises:
        Ended, LoginRefused, Withheld, NotObserved: as `probes/reader.py` says.
    """
    if ask.engine == "postgresql":
        async with postgresql.session(ask, address, bench) as talk:
            yield _Postgres(talk)
    elif ask.engine == "mongodb":
        raise NotObserved(Reason.NOT_APPLICABLE, "no marker is written to MongoDB")
    else:
        until = asyncio.get_running_loop().time() + min(bench.patience_s * 2, bench.network.timeout * 0.9) + 60
        visit = mysql_link.Visit(ask, until, user=ask.username, password=ask.password or "", database=ask.name)
        async with mysql_link.entered(visit, address, bench) as driver:
            yield _Mysql(driver)


@dataclass
class _Postgres:
    """PostgreSQL's. Each step is a transaction with time-outs of its own: nothing is left in a pooler."""

    talk: Talk

    async def write(self, table: str, marker: str) -> None:
        name = quoted_part(table)
        await self._begin()
        ((there,),) = await self._rows("SELECT to_regclass(%s) IS NOT NULL", (quoted_part(table),))
        if not there:  # even IF NOT EXISTS asks for the right to make one
            await self._make(name)
        await self._rows(f"INSERT INTO {name} (id) VALUES (%s)", (marker,))  # noqa: S608 - quoted
        await self._rows("COMMIT")

    async def _make(self, name: str) -> None:
        """Makes the table; where somebody else makes it at the same moment (for another replica), it is there."""
        await self._rows("SAVEPOINT roadworthy")
        try:
            await self._rows(
                f"CREATE TABLE {name} (id text PRIMARY KEY, written_at timestamptz NOT NULL DEFAULT now())"
            )
        except LoginRefused as error:
            if error.refused.code not in MADE_BY_ANOTHER:
                raise
            await self._rows("ROLLBACK TO SAVEPOINT roadworthy")

    async def has(self, table: str, marker: str) -> bool:
        try:
            return bool(await self._rows(f"SELECT id FROM {quoted_part(table)} WHERE id = %s", (marker,)))  # noqa: S608 - as above
        except LoginRefused as error:
            if error.refused.code in NO_SUCH_TABLE:
                return False
            raise

    async def remove(self, table: str, marker: str) -> None:
        await self._begin()
        old = "written_at < now() - interval '1 hour'"
        await self._rows(f"DELETE FROM {quoted_part(table)} WHERE id = %s OR {old}", (marker,))  # noqa: S608 - as above
        await self._rows("COMMIT")

    async def _begin(self) -> None:
        limit_ms = max(int(self.talk.patience_s * 500), 50)
        await self._rows("BEGIN")
        await self._rows(f"SET LOCAL statement_timeout = {limit_ms}; SET LOCAL lock_timeout = {limit_ms}")

    async def _rows(self, sql: str, given: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        self.talk.doing = "the marker"
        try:
            async with asyncio.timeout(self.talk.patience_s):
                return await self.talk.rows(sql, given)
        except psycopg.Error as error:
            raise LoginRefused(Refusal(code=error.sqlstate or "", message=told(error).partition(" ")[2])) from error
        except TimeoutError as error:
            raise Ended(StoreEnd.SILENT, "the marker") from error


@dataclass
class _Mysql:
    """MySQL's and MariaDB's."""

    driver: Driver

    async def write(self, table: str, marker: str) -> None:
        columns = "id VARCHAR(64) PRIMARY KEY, written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"
        if not await self._has_table(table):
            await self._ask(f"CREATE TABLE IF NOT EXISTS `{table}` ({columns})")
        await self._ask(f"INSERT INTO `{table}` (id) VALUES ({self.driver.escape(marker)})")  # noqa: S608 - a plain name
        await self._ask("COMMIT")

    async def has(self, table: str, marker: str) -> bool:
        try:
            rows = await self._ask(f"SELECT id FROM `{table}` WHERE id = {self.driver.escape(marker)}")  # noqa: S608 - as above
        except LoginRefused as error:
            if error.refused.code in NO_SUCH_TABLE:
                return False
            raise
        await self._ask("COMMIT")  # else the next look sees what this one did
        return bool(rows)

    async def remove(self, table: str, marker: str) -> None:
        old = "written_at < CURRENT_TIMESTAMP - INTERVAL 1 HOUR"
        await self._ask(f"DELETE FROM `{table}` WHERE id = {self.driver.escape(marker)} OR {old}")  # noqa: S608 - as above
        await self._ask("COMMIT")

    async def _has_table(self, table: str) -> bool:
        return bool(await self._ask(f"SHOW TABLES LIKE {self.driver.escape(table)}"))

    async def _ask(self, sql: str) -> tuple[Any, ...]:
        self.driver.doing = "the marker"
        await self.driver.bounded(self.driver.query(sql))
        return tuple(self.driver._result.rows or ())  # noqa: SLF001 - a cursor would ask for warnings, too
