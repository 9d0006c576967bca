"""Queues as data: how much waits, how long it has waited, what failed, and whether a job is really done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Need
from roadworthy.target.values import PUBLIC, Duration, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["laravel", "rq", "celery", "bullmq", "sidekiq", "database"]

PREFIXES = {"rq": "rq:", "bullmq": "bull:"}
"""What stands before all keys of a kind, unless it was told otherwise."""

BOUNDS = ("at_most", "oldest", "delayed_at_most", "reserved_at_most")
WITH_FAILED = {"database": ("laravel", "database"), "cache": ("rq", "bullmq", "sidekiq")}
WITH_RETRY = {"database": ("laravel",), "cache": ("laravel", "rq")}
NEVER_TOLD = {
    "celery": ("oldest", "delayed_at_most"),  # its messages have no time, and wait in the workers until their own
    "sidekiq": ("reserved_at_most",),
}
"""Bounds that nothing in a kind's data would tell."""

WITH_PROBE = ("laravel", "celery", "sidekiq")
OF_STORE = {"database": ("laravel", "database"), "cache": ("laravel", "rq", "celery", "bullmq", "sidekiq")}

Scalar = str | int | bool


class Bounds(Frozen):
    """How full one queue may be."""

    at_most: int | None = Field(None, ge=0, description="So many jobs wait that are due.")
    oldest: Duration | None = Field(None, description="The oldest of them has waited no longer than this.")
    delayed_at_most: int | None = Field(None, ge=0, description="So many are put off to a later time.")
    reserved_at_most: int | None = Field(None, ge=0, description="So many are being worked on.")

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if all(getattr(self, name) is None for name in BOUNDS):
            raise ValueError(f"give at least one of {', '.join(BOUNDS)}")
        return self


class Failed(Expectation):
    """How many jobs may have failed."""

    WHERE = frozenset({"since"})

    at_most: int | None = Field(None, ge=0, description="So many stand in the list of failed jobs.")
    since: AwareDatetime | None = Field(
        None,
        description="Counted apart from then on, with its zone: `${env:DEPLOYED_AT}`.",
        json_schema_extra={PUBLIC: True},
    )
    at_most_since: int | None = Field(None, ge=0, le=1000, description="So many failed since then.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.since is None) is not (self.at_most_since is None):
            raise ValueError("since and at_most_since go together")
        if self.at_most is None and self.since is None:
            raise ValueError("give at_most, or since and at_most_since")
        return self


class ProbeJob(Frozen):
    """A job that does nothing, put into a queue to see it done; needs `network.allows: [writes]`."""

    queue: str = Field(min_length=1, description="The queue that it is put into.")
    payload: str = Field(
        min_length=6,
        max_length=65536,
        description="The job as the application's own library writes it; `{id}` in it becomes a name that nothing else "
        "has. `${file:...}` takes it from a file.",
    )
    within: Duration = Field(description="It is done after this time at the latest.")

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        if "{id}" not in self.payload:
            raise ValueError("payload: write {id} where the job's own id stands, so that it is told apart from others")
        return self


class JobTable(Frozen):
    """A table of jobs that is no framework's own. Times without a zone are UTC."""

    table: str = Field(min_length=1, description="`table` or `schema.table`.", json_schema_extra={PUBLIC: True})
    queue: str | None = Field(None, min_length=1, description="The column of the queue's name; none: there is one.")
    created: str | None = Field(None, min_length=1, description="The column of when a job was put in.")
    waiting: dict[str, Scalar | None] = Field(description="What a job that waits has in its columns: `{state: new}`.")
    delayed: dict[str, Scalar | None] | None = Field(None, min_length=1, description="The same, of one put off.")
    reserved: dict[str, Scalar | None] | None = Field(None, min_length=1, description="The same, of one worked on.")
    failed: dict[str, Scalar | None] | None = Field(None, min_length=1, description="The same, of one that failed.")
    failed_at: str | None = Field(None, min_length=1, description="The column of when it failed.")


class Queues(Expectation):
    """Promises about queues, read with the login of the component's database or cache."""

    WHERE = frozenset({"kind", "number", "prefix", "table", "failed_table", "jobs"})

    kind: Kind = Field(
        description="Whose queues they are: Laravel's (in Redis or in a table), RQ's, Celery's in Redis, BullMQ's, "
        "Sidekiq's, or a table of your own.",
        json_schema_extra={PUBLIC: True},
    )
    number: int = Field(0, ge=0, le=9999, description="Redis: the number of the database.")
    prefix: str | None = Field(
        None,
        description="Redis: what stands before every key, as it stands (Laravel: `REDIS_PREFIX`); without it, the "
        "kind's own: `rq:`, `bull:`, nothing.",
        json_schema_extra={PUBLIC: True},
    )
    table: str = Field("jobs", min_length=1, description="Laravel in a database: the table of jobs.")
    failed_table: str = Field("failed_jobs", min_length=1, description="Laravel: the table of failed jobs.")
    jobs: JobTable | None = Field(None, description="database: where the jobs are.")
    names: dict[str, Bounds] | None = Field(None, min_length=1, description="The queues by name, each with its bounds.")
    retry_after: Duration | None = Field(
        None,
        description="No job is worked on for longer than this: Laravel's retry_after, RQ's time-out of jobs. Who works "
        "on it then is dead.",
    )
    failed: Failed | None = Field(None, description="How many failed; Laravel keeps them in the database.")
    probe_job: ProbeJob | None = Field(None, description="A job of ours is done in time.")

    @property
    def keys(self) -> str:
        """What stands before every key."""
        return PREFIXES.get(self.kind, "") if self.prefix is None else self.prefix

    def needs(self) -> Iterable[Need]:
        """A job is put in."""
        if self.probe_job is not None:
            yield Need("probe_job", "writes", f"a job is put into {self.probe_job.queue}")

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Self:
        if (self.kind == "database") is not (self.jobs is not None):
            raise ValueError("jobs says where the jobs of the kind database are: one goes with the other")
        if self.retry_after is not None and self.names is None:
            raise ValueError("retry_after: give the names of the queues")
        for key in NEVER_TOLD.get(self.kind, ()):
            if any(getattr(bounds, key) is not None for bounds in (self.names or {}).values()):
                raise ValueError(f"{key}: nothing in {self.kind}'s data tells it")
        if self.probe_job is not None and self.kind not in WITH_PROBE:
            raise ValueError(f"probe_job: jobs are put into queues of {', '.join(WITH_PROBE)}, not of {self.kind}")
        return self

    @model_validator(mode="after")
    def _has_what_it_counts(self) -> Self:
        if self.jobs is None:
            return self
        for key, bound in (("delayed", "delayed_at_most"), ("reserved", "reserved_at_most"), ("created", "oldest")):
            if getattr(self.jobs, key) is None and any(
                getattr(bounds, bound) is not None for bounds in (self.names or {}).values()
            ):
                raise ValueError(f"{bound}: jobs.{key} says how they are told")
        if self.failed is not None and self.jobs.failed is None:
            raise ValueError("failed: jobs.failed says how they are told")
        if self.failed is not None and self.failed.since is not None and self.jobs.failed_at is None:
            raise ValueError("failed.since: jobs.failed_at says when they failed")
        return self

    def misplaced(self, store: Literal["database", "cache"]) -> str | None:
        """What can't be promised of queues that are in such a store; None: all can."""
        if self.kind not in OF_STORE[store]:
            return f"{self.kind} keeps no queues in a {store}"
        if self.failed is not None and self.kind not in WITH_FAILED[store]:
            return f"failed: {self.kind} keeps no list of failed jobs in a {store}" + (
                "; promise it of the database that has failed_jobs" if self.kind == "laravel" else ""
            )
        if self.retry_after is not None and self.kind not in WITH_RETRY[store]:
            return f"retry_after: {self.kind} in a {store} does not tell since when a job is worked on"
        if self.probe_job is not None and store == "database":
            return "probe_job: nothing is written into a database; only jobs in Redis are tried"
        return None
