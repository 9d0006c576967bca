"""Queues: how many jobs there are in which state, and what became of one of ours. No job's text is in any of it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Fact, Observation
from roadworthy.facts.reading import ReadingAsk, ReadingObservation
from roadworthy.facts.store import Refusal, Unseen
from roadworthy.target.blocks.queues import JobTable, Kind  # noqa: TC001 - a field of an ask is made of it

Count = int | Unseen | None
"""None: it was not looked at, as nothing is promised of it."""


COUNTED_BEYOND = 1000
"""How much further than its bound anything in a table is counted, so that it can be told how much there is."""


class QueueWanted(Fact):
    """A queue to look at. Tables are counted only as far as is needed to tell whether a promise holds."""

    name: str
    waiting: int | None = None
    delayed: int | None = None
    reserved: int | None = None
    oldest: bool = False


class FailedWanted(Fact):
    """Failed jobs to count, in the same way."""

    up_to: int | None = None
    since: datetime | None = None
    up_to_since: int = 0


class _QueueAsk(ReadingAsk):
    """Whose queues, and where."""

    queues_of: Kind
    number: int = Field(0, description="Redis: of the database.")
    prefix: str = ""

    @property
    def tls(self) -> bool:
        """Redis: TLS from the first byte."""
        return self.secures

    @property
    def exchanges(self) -> int:
        """A second connection tells what there is behind a certificate that is not trusted."""
        return 2


class QueueAsk(_QueueAsk):
    """One session that counts."""

    kind: Literal["queue"] = "queue"
    queues: tuple[QueueWanted, ...] = ()
    failed: FailedWanted | None = None
    retry_after_s: float | None = Field(None, description="Jobs that have been worked on for longer are counted.")
    table: str = "jobs"
    failed_table: str = "failed_jobs"
    jobs: JobTable | None = None


class Oldest(Fact):
    """The job that has waited the longest."""

    at: datetime | None = Field(None, description="Since when; None: there is no such job, or it does not say.")
    silent: str = Field("", description="What a job would have to say, and does not.")


class QueueSeen(Fact):
    """One queue."""

    name: str
    waiting: Count = None
    delayed: Count = None
    reserved: Count = None
    overdue: Count = Field(None, description="Worked on for longer than they may be.")
    oldest: Oldest | Unseen | None = None
    traces: bool | None = Field(
        None, description="Something says that there is such a queue: a job, a worker, an entry; None: not looked for."
    )
    looked_for: tuple[str, ...] = Field((), description="The keys that would say so.")


class FailedSeen(Fact):
    """Failed jobs."""

    count: Count = None
    since: Count = None


class QueueObservation(ReadingObservation):
    """One session, as far as it went."""

    kind: Literal["queue"] = "queue"
    queues: tuple[QueueSeen, ...] | None = None
    failed: FailedSeen | None = None
    keys: int | Unseen | None = Field(None, description="Redis: how many keys that database has in all.")


class JobAsk(_QueueAsk):
    """A job of ours."""

    kind: Literal["queue-probe"] = "queue-probe"
    queue: str
    payload: str = Field("", exclude=True, repr=False, description="Never written down.")
    within_s: float

    many_exchanges: ClassVar[bool] = True
    """It is waited for as long as the target allows."""

    def may_repeat(self, seen: Observation) -> bool:
        """Whether no job was put in."""
        return not (isinstance(seen, JobObservation) and seen.pushed)


class JobObservation(ReadingObservation):
    """What became of it."""

    kind: Literal["queue-probe"] = "queue-probe"
    pushed: bool = False
    no: Refusal | None = Field(None, description="The server did not let it be put in, or looked for.")
    consumed_s: float | None = Field(None, description="After so long it was nowhere any more; None: it was.")
    last_in: Literal["waiting", "reserved", "delayed", "failed"] | None = Field(
        None, description="Where it was seen last."
    )
    waited_s: float = 0.0
    ahead: int | None = Field(None, description="Jobs in the queue when it was put in.")
    taken_away: bool | None = Field(None, description="It was not done, and is gone again; None: there was no need.")
    unsure: str = Field("", description="Why it can't be told whether it was done.")
