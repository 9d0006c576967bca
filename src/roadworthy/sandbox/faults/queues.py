"""Faults of queues: too much that waits, or for too long; jobs that fail, hang or are taken by nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Product
from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.machines.supervisor import DAEMON
from roadworthy.sandbox.stores.applications import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.machines.machine import Machine
    from roadworthy.target.blocks.queues import Queues

    Seeds = Callable[[Queues, str], tuple[tuple[str, ...], ...]]

FRESH = '{"displayName":"Mail","pushedAt":"{now}"}'
OLD = '{"displayName":"Mail","pushedAt":"1700000000.0"}'
LATER, LONG_AGO = "4000000000", "1700000000"


def _bounded(bound: str) -> Where:
    """Laravel's queues in Redis with such a bound, one that no worker of the sandbox empties."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            store, promised = deployment.store_of(name), component.queues
            if promised is None or store is None or store.product is not Product.VALKEY or promised.kind != "laravel":
                continue
            if _queue_with(promised, bound) is not None:
                yield name

    return where


def _queue_with(promised: Queues, bound: str) -> str | None:
    """The first queue with a bound that stays as it is seeded."""
    worked_on = promised.probe_job.queue if promised.probe_job else None
    if bound == "retry_after":
        return next((name for name in promised.names or {} if promised.retry_after and name != worked_on), None)
    given = (promised.names or {}).items()
    return next((name for name, bounds in given if getattr(bounds, bound) is not None and name != worked_on), None)


def _seeded(bound: str, seeds: Seeds) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        promised, store = deployment.component(component).queues, deployment.store_of(component)
        assert promised is not None  # noqa: S101 - `where` chose it
        assert store is not None  # noqa: S101 - as above
        queue = _queue_with(promised, bound)
        assert queue is not None  # noqa: S101 - as above
        more = seeds(promised, queue)
        return deployment.with_store(component, contents=replace(store.contents, seeds=(*store.contents.seeds, *more)))

    return changed


def _beyond(promised: Queues, queue: str, bound: str) -> range:
    limit: int = getattr((promised.names or {})[queue], bound)
    return range(limit + 1)


def _backlog(promised: Queues, queue: str) -> tuple[tuple[str, ...], ...]:
    jobs = (FRESH for _ in _beyond(promised, queue, "at_most"))
    return (command(promised, queue, "RPUSH", "queues:{q}", *jobs),)


def _old(promised: Queues, queue: str) -> tuple[tuple[str, ...], ...]:
    return (command(promised, queue, "RPUSH", "queues:{q}", OLD),)


def _scored(bound: str, key: str, score: str) -> Seeds:
    def seeds(promised: Queues, queue: str) -> tuple[tuple[str, ...], ...]:
        pairs = (word for number in _beyond(promised, queue, bound) for word in (score, f'{{"id":"{number}"}}'))
        return (command(promised, queue, "ZADD", key, *pairs),)

    return seeds


def _stuck(promised: Queues, queue: str) -> tuple[tuple[str, ...], ...]:
    return (command(promised, queue, "ZADD", "queues:{q}:reserved", LONG_AGO, '{"id":"lost"}'),)


def _failing(key: str) -> Where:
    """Laravel's failed jobs in a database."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            promised, store = component.queues, deployment.store_of(name)
            if promised is None or promised.failed is None or component.database is None or store is None:
                continue
            if promised.kind == "laravel" and getattr(promised.failed, key) is not None:
                yield name

    return where


def _failed_jobs(count_of: Callable[[Any], int], days_after: int) -> Change:
    """So many more failed jobs, before or after the deployment."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        promised, store = deployment.component(component).queues, deployment.store_of(component)
        assert promised is not None  # noqa: S101 - `where` chose it
        assert store is not None  # noqa: S101 - as above
        at = "2020-01-01 00:00:00"
        if promised.failed is not None and promised.failed.since is not None:
            at = f"{promised.failed.since + timedelta(days=days_after):%Y-%m-%d %H:%M:%S}"
        rows = tuple((("id", number), ("failed_at", at)) for number in range(1, count_of(promised.failed) + 2))
        tables = (
            replace(table, rows=rows) if table.name == promised.failed_table else table
            for table in store.contents.tables
        )
        return deployment.with_store(component, contents=replace(store.contents, tables=tuple(tables)))

    return changed


def _worked_on(deployment: Deployment) -> Iterable[str]:
    for name, component in deployment.target.components.items():
        store = deployment.store_of(name)
        if store is not None and component.queues is not None and component.queues.probe_job is not None:
            yield name


def _without_worker(deployment: Deployment, component: str) -> Deployment:
    """Its own worker is gone, and so is Supervisor with those that it keeps."""
    store = deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    deployment = deployment.with_store(component, contents=replace(store.contents, worker=None))
    for name, other in deployment.target.components.items():
        if other.supervisor is not None:
            deployment = deployment.with_machine(name, _unsupervised)
    return deployment


def _unsupervised(machine: Machine) -> Machine:
    return replace(machine, daemons=tuple(one for one in machine.daemons if one.name != DAEMON))


def _idle(deployment: Deployment) -> Iterable[str]:
    """Laravel's queues in Redis that no job is put into."""
    for name, component in deployment.target.components.items():
        store, promised = deployment.store_of(name), component.queues
        if promised is None or store is None or store.product is not Product.VALKEY:
            continue
        if promised.kind == "laravel" and promised.probe_job is None and store.contents.seeds:
            yield name


def _elsewhere(deployment: Deployment, component: str) -> Deployment:
    store = deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    return deployment.with_store(component, contents=replace(store.contents, number=store.contents.number + 1))


FAULTS = (
    fault(
        "queue-backlog",
        "More is put into a queue than its workers get done.",
        "QUEUE-BACKLOG",
        where=_bounded("at_most"),
        change=_seeded("at_most", _backlog),
    ),
    fault(
        "queue-standing",
        "A job waits since long ago, in a queue that nobody works on.",
        "QUEUE-AGE",
        where=_bounded("oldest"),
        change=_seeded("oldest", _old),
    ),
    fault(
        "jobs-put-off",
        "Jobs fail, and are put off to be tried again.",
        "QUEUE-DELAYED",
        where=_bounded("delayed_at_most"),
        change=_seeded("delayed_at_most", _scored("delayed_at_most", "queues:{q}:delayed", LATER)),
    ),
    fault(
        "jobs-reserved",
        "Workers took jobs, and do not get them done.",
        "QUEUE-RESERVED",
        where=_bounded("reserved_at_most"),
        change=_seeded("reserved_at_most", _scored("reserved_at_most", "queues:{q}:reserved", LATER)),
    ),
    fault(
        "job-stuck",
        "A worker was killed over its job.",
        "QUEUE-STUCK",
        where=_bounded("retry_after"),
        change=_seeded("retry_after", _stuck),
    ),
    fault(
        "jobs-failed",
        "Nobody has looked at the failed jobs for long.",
        "QUEUE-FAILED",
        where=_failing("at_most"),
        change=_failed_jobs(lambda failed: failed.at_most, -30),
    ),
    fault(
        "jobs-failing",
        "Jobs fail since the deployment.",
        "QUEUE-FAILED-SINCE",
        where=_failing("at_most_since"),
        change=_failed_jobs(lambda failed: failed.at_most_since, 1),
    ),
    fault(
        "worker-dead",
        "The worker of a queue is gone.",
        "QUEUE-CONSUMED",
        where=_worked_on,
        change=_without_worker,
        also=("SUPERVISOR-ANSWERS",),
    ),
    fault(
        "queue-elsewhere",
        "The application's queues are in another database than the one that is looked at.",
        "QUEUE-ADVICE",
        where=_idle,
        change=_elsewhere,
    ),
)
