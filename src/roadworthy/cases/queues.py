"""Cases of the queue suite: one session that counts, and one job that is put in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.reading import entrance
from roadworthy.facts.base import Lane
from roadworthy.facts.queues import (
    COUNTED_BEYOND,
    FailedSeen,
    FailedWanted,
    JobAsk,
    JobObservation,
    QueueAsk,
    QueueObservation,
    QueueSeen,
    QueueWanted,
)
from roadworthy.target.blocks.queues import Bounds, Failed, ProbeJob, Queues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


def _beyond(bound: int | None) -> int | None:
    """How far is counted to tell whether a bound holds, and by how much it does not."""
    return None if bound is None else bound + COUNTED_BEYOND


def queue_ask(component: Component) -> QueueAsk:
    """The one session."""
    promised = component.queues
    assert promised is not None  # noqa: S101 - the callers have looked
    names = promised.names or {}
    return QueueAsk.model_validate(
        {
            **entrance(component),
            "queues_of": promised.kind,
            "number": promised.number,
            "prefix": promised.keys,
            "queues": tuple(_wanted(name, bounds) for name, bounds in names.items()),
            "failed": _failed(promised.failed),
            "retry_after_s": promised.retry_after,
            "table": promised.table,
            "failed_table": promised.failed_table,
            "jobs": promised.jobs,
        }
    )


def _wanted(name: str, bounds: Bounds) -> QueueWanted:
    return QueueWanted(
        name=name,
        waiting=_beyond(bounds.at_most),
        delayed=_beyond(bounds.delayed_at_most),
        reserved=_beyond(bounds.reserved_at_most),
        oldest=bounds.oldest is not None,
    )


def _failed(promised: Failed | None) -> FailedWanted | None:
    if promised is None:
        return None
    return FailedWanted(
        up_to=_beyond(promised.at_most), since=promised.since, up_to_since=(promised.at_most_since or 0) + 1
    )


class QueuesCase(Case[Queues, QueueAsk, QueueObservation]):
    """How full the queues are."""

    block = "queues"
    bound: str | None = None
    """The bound that must be promised of a queue; None: any."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Queues, QueueAsk]]:  # noqa: ARG003 - a case's signature
        """One session, where such a bound is promised of a queue."""
        promised = component.queues
        if promised is None:
            return
        given = (promised.names or {}).values()
        if cls.bound is None or any(getattr(bounds, cls.bound) is not None for bounds in given):
            yield promised, queue_ask(component)

    @property
    def queues(self) -> tuple[tuple[Bounds, QueueSeen], ...]:
        """The queues that have a bound of this kind, and it.

        Raises:
            NotObserved: it did not come that far.
        """
        self.seen.looked_at((self.seen.queues or (None,))[0])
        found = {queue.name: queue for queue in self.seen.queues or ()}
        return tuple(
            (bounds, found[name])
            for name, bounds in (self.expected.names or {}).items()
            if self.bound is None or getattr(bounds, self.bound) is not None
        )


class BacklogCase(QueuesCase):
    """The same, of queues with a bound on what waits."""

    bound = "at_most"


class AgeCase(QueuesCase):
    """The same, of queues with a bound on how long anything waits."""

    bound = "oldest"


class DelayedCase(QueuesCase):
    """The same, of queues with a bound on what is put off."""

    bound = "delayed_at_most"


class ReservedCase(QueuesCase):
    """The same, of queues with a bound on what is being worked on."""

    bound = "reserved_at_most"


class FailedCase(Case[Failed, QueueAsk, QueueObservation]):
    """Failed jobs."""

    block = "queues"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Failed, QueueAsk]]:  # noqa: ARG003 - as above
        """The same session, where failed jobs are bounded."""
        promised = component.queues
        if promised is not None and promised.failed is not None:
            yield promised.failed, queue_ask(component)

    @property
    def failed(self) -> FailedSeen:
        """What failed.

        Raises:
            NotObserved: it did not come that far.
        """
        return self.seen.looked_at(self.seen.failed)


class JobCase(Case[ProbeJob, JobAsk, JobObservation]):
    """What became of a job of ours."""

    block = "queues"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[ProbeJob, JobAsk]]:  # noqa: ARG003 - as above
        """One job, where that is promised."""
        promised = component.queues
        job = promised.probe_job if promised is not None else None
        if promised is not None and job is not None:
            ask = {
                **entrance(component),
                "lane": Lane.ROUGH,
                "queues_of": promised.kind,
                "number": promised.number,
                "prefix": promised.keys,
                "queue": job.queue,
                "payload": job.payload,
                "within_s": job.within,
            }
            yield job, JobAsk.model_validate(ask)
