"""Judgements on queues: what waits, for how long, what failed, and whether a job is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.queues import COUNTED_BEYOND
from roadworthy.facts.store import Unseen, seen
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from roadworthy.facts.queues import Count, FailedSeen, JobObservation, Oldest, QueueObservation, QueueSeen
    from roadworthy.target.blocks.queues import Bounds, Failed, Queues

    Pairs = Iterable[tuple[Bounds, QueueSeen]]

STARTED_WITH = ("rq", "celery", "bullmq", "sidekiq")
"""Libraries whose workers leave a trace of their queues. Laravel's leave none: an idle queue is no key at all."""


def too_long(kind: str, pairs: Pairs) -> list[str]:
    """Queues in which more waits than may.

    Raises:
        NotObserved: none is known to be too long, and one can't be told.
    """
    return _each(pairs, lambda bounds, queue: _waiting(kind, bounds, queue))


def _waiting(kind: str, bounds: Bounds, queue: QueueSeen) -> str | None:
    is_there(kind, queue)
    return _above(queue, queue.waiting, bounds.at_most, "wait")


def is_there(kind: str, queue: QueueSeen) -> None:
    """Says nothing of a queue that a worker has been at.

    Raises:
        NotObserved: nothing says that there is such a queue; a wrong prefix or number looks just like this.
    """
    if queue.traces is False and kind in STARTED_WITH:
        raise NotObserved(
            Reason.NOT_APPLICABLE,
            f"nothing says that there is a queue {queue.name} (looked for {', '.join(queue.looked_for)}): no worker "
            "was ever there, or prefix or number are others",
        )


def too_many_delayed(kind: str, pairs: Pairs) -> list[str]:
    """Queues in which more is put off than may be.

    Raises:
        NotObserved: as above.
    """

    def delayed(bounds: Bounds, queue: QueueSeen) -> str | None:
        is_there(kind, queue)
        return _above(queue, queue.delayed, bounds.delayed_at_most, "are put off")

    return _each(pairs, delayed)


def too_many_reserved(kind: str, pairs: Pairs) -> list[str]:
    """Queues in which more is worked on than may be.

    Raises:
        NotObserved: as above.
    """

    def reserved(bounds: Bounds, queue: QueueSeen) -> str | None:
        is_there(kind, queue)
        return _above(queue, queue.reserved, bounds.reserved_at_most, "are being worked on")

    return _each(pairs, reserved)


def _above(queue: QueueSeen, count: Count, bound: int | None, doing: str) -> str | None:
    number = seen(count, f"how many in {queue.name} {doing}")
    if bound is None or number <= bound:
        return None
    return f"{queue.name}: {_number(number, bound)} jobs {doing}, {bound} promised"


def too_old(kind: str, pairs: Pairs, now: datetime) -> list[str]:
    """Queues whose oldest job has waited too long.

    Raises:
        NotObserved: none is known to be too old, and a job does not say when it came.
    """

    def aged(bounds: Bounds, queue: QueueSeen) -> str | None:
        is_there(kind, queue)
        oldest: Oldest = seen(queue.oldest, f"the oldest job of {queue.name}")
        if oldest.silent:
            raise NotObserved(Reason.NOT_APPLICABLE, oldest.silent)
        if oldest.at is None or bounds.oldest is None:
            return None
        waited = (now - oldest.at).total_seconds()
        if waited <= bounds.oldest:
            return None
        return f"{queue.name}: its oldest job has waited {_told(waited)}, {show_duration(bounds.oldest)} promised"

    return _each(pairs, aged)


def stuck(pairs: Pairs, retry_after_s: float) -> list[str]:
    """Queues with jobs that somebody began, and never finished.

    Raises:
        NotObserved: none is known to have any, and one can't be told.
    """

    def overdue(_: Bounds, queue: QueueSeen) -> str | None:
        number = seen(queue.overdue, f"what has been worked on for long in {queue.name}")
        return (
            f"{queue.name}: {number} jobs have been worked on for more than {_told(retry_after_s)}" if number else None
        )

    return _each(pairs, overdue)


def _each(pairs: Pairs, fault_of: Callable[[Bounds, QueueSeen], str | None]) -> list[str]:
    """Every fault; if there is none, all must have been seen."""
    faults: list[str] = []
    untold: NotObserved | None = None
    for bounds, queue in pairs:
        try:
            fault = fault_of(bounds, queue)
        except NotObserved as error:
            untold = untold or error
        else:
            faults += [fault] if fault else []
    if untold is not None and not faults:
        raise untold
    return faults


def _number(count: int, bound: int) -> str:
    """In a table nothing is counted any further."""
    return f"{count} or more" if count >= bound + COUNTED_BEYOND else str(count)


def _told(seconds: float) -> str:
    return show_duration(round(seconds))


def too_many_failed(promised: Failed, failed: FailedSeen) -> str | None:
    """How more jobs failed than may have.

    Raises:
        NotObserved: it can't be told.
    """
    count = seen(failed.count, "how many jobs failed")
    if promised.at_most is None or count <= promised.at_most:
        return None
    return f"{_number(count, promised.at_most)} jobs failed, {promised.at_most} promised"


def too_many_since(promised: Failed, failed: FailedSeen) -> str | None:
    """How more jobs failed since a moment than may have.

    Raises:
        NotObserved: it can't be told.
    """
    count = seen(failed.since, "how many jobs failed since")
    if promised.at_most_since is None or count <= promised.at_most_since:
        return None
    return f"{count} or more jobs failed since {promised.since:%Y-%m-%d %H:%M:%S %Z}, {promised.at_most_since} promised"


def not_done(job: JobObservation, within_s: float, queue: str) -> str | None:
    """How our job was not done; None: it was.

    Raises:
        NotObserved: it was not put in, or it can't be told.
    """
    if not job.pushed:
        why = job.no.told if job.no is not None else job.unsure or job.told
        reason = Reason.NOT_PERMITTED if job.no is not None else Reason.NO_ANSWER
        raise NotObserved(reason, f"no job was put into {queue}: {why}")
    if job.consumed_s is not None:
        return None
    left = "; it was taken away again" if job.taken_away else "; it could not be taken away, and may still be there"
    if job.last_in == "failed":
        return f"the job failed{left}"
    if job.unsure or job.no is not None or job.broke is not None:
        why = job.unsure or (job.no.told if job.no is not None else job.told)
        raise NotObserved(Reason.NO_ANSWER, f"{why}{left}")
    state = {"reserved": "still being worked on", "delayed": "tried, failed and put off"}.get(
        job.last_in or "", "still waiting"
    )
    ahead = f", with {job.ahead} jobs ahead of it" if job.ahead else ""
    return f"after {_told(within_s)} the job is {state} in {queue}{ahead}{left}"


def advice(promised: Queues, observation: QueueObservation) -> list[str]:
    """What may well be meant otherwise, although nothing is broken."""
    found = []
    silent = [queue for queue in observation.queues or () if queue.traces is False]
    if silent and promised.kind == "laravel" and promised.probe_job is None:
        keys = observation.keys
        of = "an unknown number of" if isinstance(keys, Unseen) or keys is None else str(keys)
        names = ", ".join(key for queue in silent for key in queue.looked_for)
        found.append(
            f"nothing is under {names} (database {promised.number} has {of} keys): an idle queue looks like this, and "
            "so does a wrong prefix or number; a probe_job tells"
        )
    bounds = (promised.names or {}).values()
    if promised.names and not any(one.oldest for one in bounds) and promised.kind != "celery":
        found.append("nothing bounds how long the oldest job waits: a short queue may stand still")
    if promised.failed is not None and promised.failed.since is None:
        found.append("failed jobs are counted in all; those since the deployment (failed.since) tell of this release")
    return found
