"""Queues in tables: Laravel's jobs and failed_jobs, or a table of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roadworthy.facts.queues import FailedSeen, Oldest, QueueSeen
from roadworthy.facts.store import Unseen
from roadworthy.probes.reader import CannotRead, NoSuchTable, Reader
from roadworthy.rules.queues_payloads import moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from roadworthy.facts.queues import Count, FailedWanted, QueueAsk, QueueWanted

FIRST_ROWS = 1000
"""Of a queue, in the order in which they are worked off: the oldest one is among them."""


@dataclass(frozen=True)
class Where:
    """A condition, and its values."""

    sql: str
    values: tuple[Any, ...] = ()

    def __and__(self, other: Where) -> Where:
        return Where(f"{self.sql} AND {other.sql}", self.values + other.values)


ANY = Where("1 = 1")


@dataclass(frozen=True)
class Jobs:
    """A table of jobs: how each state is told, and since when one waits."""

    table: str
    queue: str | None
    states: Mapping[str, Where | None]
    since: str | None
    order: str | None
    failed_table: str
    failed: Where | None
    failed_at: str | None
    failed_order: str | None


async def look_at_tables(ask: QueueAsk, reader: Reader, now: datetime, seen: dict[str, Any]) -> None:
    """Everything that was asked for.

    Raises:
        Ended: the conversation broke off.
    """
    counter = _Counter(reader, _own(ask, reader) if ask.jobs is not None else _laravel(ask, reader, now))
    seen["queues"] = tuple([await counter.queue(wanted, ask.retry_after_s) for wanted in ask.queues])
    if ask.failed is not None:
        seen["failed"] = await counter.failed(ask.failed)


def _laravel(ask: QueueAsk, reader: Reader, now: datetime) -> Jobs:
    """https://laravel.com/docs/queues: times are seconds since 1970."""
    at = int(now.timestamp())
    late = at - int(ask.retry_after_s or 0)
    return Jobs(
        table=reader.quote(ask.table),
        queue="queue",
        states={
            "waiting": Where("reserved_at IS NULL AND available_at <= %s", (at,)),
            "delayed": Where("reserved_at IS NULL AND available_at > %s", (at,)),
            "reserved": Where("reserved_at IS NOT NULL"),
            "overdue": Where("reserved_at IS NOT NULL AND reserved_at < %s", (late,)),
        },
        since="available_at",
        order="id",
        failed_table=reader.quote(ask.failed_table),
        failed=ANY,
        failed_at="failed_at",
        failed_order="id",
    )


def _own(ask: QueueAsk, reader: Reader) -> Jobs:
    jobs = ask.jobs
    assert jobs is not None  # noqa: S101 - the caller has looked

    def quoted(name: str | None) -> str | None:
        return reader.quote(name) if name is not None else None

    states = {name: _like(reader, getattr(jobs, name)) for name in ("waiting", "delayed", "reserved")}
    return Jobs(
        table=reader.quote(jobs.table),
        queue=quoted(jobs.queue),
        states=states,
        since=quoted(jobs.created),
        order=quoted(jobs.created),
        failed_table=reader.quote(jobs.table),
        failed=_like(reader, jobs.failed),
        failed_at=quoted(jobs.failed_at),
        failed_order=quoted(jobs.failed_at),
    )


def _like(reader: Reader, columns: Mapping[str, Any] | None) -> Where | None:
    if columns is None:
        return None
    found = ANY
    for name, value in columns.items():
        column = reader.quote(name)
        found &= Where(f"{column} IS NULL") if value is None else Where(f"{column} = %s", (value,))
    return found


@dataclass(frozen=True)
class _Counter:
    reader: Reader
    jobs: Jobs

    async def queue(self, wanted: QueueWanted, retry_after_s: float | None) -> QueueSeen:
        """One queue."""
        counted: dict[str, Count] = {}
        for what in ("waiting", "delayed", "reserved"):
            up_to = getattr(wanted, what)
            if up_to is not None:
                counted[what] = await self._count(self._of(what, wanted.name), self.jobs.table, up_to)
        if retry_after_s is not None:
            counted["overdue"] = await self._count(self._of("overdue", wanted.name), self.jobs.table, FIRST_ROWS)
        oldest = await self._oldest(wanted.name) if wanted.oldest else None
        return QueueSeen(name=wanted.name, oldest=oldest, **counted)

    async def failed(self, wanted: FailedWanted) -> FailedSeen:
        """Failed jobs, and those of them since a moment."""
        count = (
            None if wanted.up_to is None else await self._count(self.jobs.failed, self.jobs.failed_table, wanted.up_to)
        )
        since = None if wanted.since is None else await self._since(wanted.since, wanted.up_to_since)
        return FailedSeen(count=count, since=since)

    def _of(self, state: str, queue: str) -> Where | None:
        where = self.jobs.states.get(state)
        if where is None or self.jobs.queue is None:
            return where
        return Where(f"{self.jobs.queue} = %s", (queue,)) & where

    async def _count(self, where: Where | None, table: str, up_to: int) -> int | Unseen:
        if where is None:
            return Unseen(unseen="not supported", detail="nothing says how such jobs are told")
        rows = await self._rows(f"SELECT 1 FROM {table} WHERE {where.sql} LIMIT {up_to}", where, up_to)  # noqa: S608 - names are quoted
        return rows if isinstance(rows, Unseen) else len(rows)

    async def _oldest(self, queue: str) -> Oldest | Unseen:
        where, since, order = self._of("waiting", queue), self.jobs.since, self.jobs.order
        if where is None or since is None:
            return Unseen(unseen="not supported", detail="nothing says since when a job waits")
        question = f"SELECT {since} FROM {self.jobs.table} WHERE {where.sql} ORDER BY {order} LIMIT {FIRST_ROWS}"  # noqa: S608 - as above
        rows = await self._rows(question, where, FIRST_ROWS)
        if isinstance(rows, Unseen):
            return rows
        moments = [moment for row in rows if (moment := moment_of(row[0])) is not None]
        if rows and not moments:
            return Oldest(silent=f"{since} of {self.jobs.table} holds no moment")
        return Oldest(at=min(moments, default=None))

    async def _since(self, since: datetime, up_to: int) -> int | Unseen:
        """How many of the newest failed since then; as many as are looked at: that many, or more."""
        where, at = self.jobs.failed, self.jobs.failed_at
        if where is None or at is None:
            return Unseen(unseen="not supported", detail="nothing says when a job failed")
        question = (
            f"SELECT {at} FROM {self.jobs.failed_table} WHERE {where.sql} AND {at} IS NOT NULL "  # noqa: S608 - as above
            f"ORDER BY {self.jobs.failed_order} DESC LIMIT {up_to}"
        )
        rows = await self._rows(question, where, up_to)
        if isinstance(rows, Unseen):
            return rows
        return sum((moment := moment_of(row[0])) is not None and moment >= since for row in rows)

    async def _rows(self, question: str, where: Where, most: int) -> list[tuple[Any, ...]] | Unseen:
        try:
            return await self.reader.rows(question, where.values, most)
        except NoSuchTable as error:
            return Unseen(unseen="failed", detail=f"there is no such table: {error.detail}")
        except CannotRead as error:
            return error.unseen
