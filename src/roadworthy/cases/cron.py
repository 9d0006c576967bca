"""Cases of the cron suite: one look at what runs by the clock, one at certbot, and a trial of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.base import Lane
from roadworthy.facts.cron import CronAsk, CronObservation
from roadworthy.facts.renewal import RenewalAsk, RenewalObservation
from roadworthy.target.blocks.cron import Cron, Job
from roadworthy.target.blocks.renewal import Renewal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target


def cron_ask(target: Target, component: Component) -> CronAsk:
    """The one look."""
    promised = component.cron
    assert promised is not None  # noqa: S101 - the callers have looked
    jobs = (promised.jobs or {}).values()
    lines = [job for job in jobs if job.command is not None]
    return CronAsk(
        **there(target, component),
        commands=tuple(sorted({job.command for job in lines if job.command})),
        environment=tuple(sorted({name for job in lines for name in job.environment or ()})),
        timers=tuple(sorted({job.timer for job in jobs if job.timer})),
        scripts=tuple(sorted({job.script for job in jobs if job.script})),
        touched=tuple(sorted({job.ran.touches for job in jobs if job.ran and job.ran.touches})),
        log=any(job.ran is not None and job.ran.touches is None for job in lines),
        artisan=promised.laravel.path if promised.laravel else None,
        php=promised.laravel.php if promised.laravel else "php",
    )


class CronCase(Case[Cron, CronAsk, CronObservation]):
    """What runs by the clock."""

    block = "cron"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Cron, CronAsk]]:
        """One look."""
        if component.cron is not None:
            yield component.cron, cron_ask(target, component)


class JobsCase(CronCase):
    """The same, of the jobs that promise something."""

    promise: str | None = None
    """What a job must promise; None: it is there, which all do."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Cron, CronAsk]]:
        """The same ask, where a job promises it."""
        for promised, ask in super().looks(target, component):
            if cls._of(promised):
                yield promised, ask

    @classmethod
    def _of(cls, promised: Cron) -> dict[str, Job]:
        jobs = (promised.jobs or {}).items()
        return {name: job for name, job in jobs if cls.promise is None or getattr(job, cls.promise) is not None}

    @property
    def jobs(self) -> dict[str, Job]:
        """Those jobs, by name."""
        return self._of(self.expected)


class ScheduleCase(JobsCase):
    """Jobs that promise when they are due."""

    promise = "schedule"


class UserCase(JobsCase):
    """Jobs that promise as whom they run."""

    promise = "user"


class EnvironmentCase(JobsCase):
    """Jobs that promise variables."""

    promise = "environment"


class RanCase(JobsCase):
    """Jobs that promise that they ran."""

    promise = "ran"


class RenewalCase(Case[Renewal, RenewalAsk, RenewalObservation]):
    """What renews certificates."""

    block = "renewal"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Renewal, RenewalAsk]]:
        """One look."""
        if component.renewal is not None:
            yield component.renewal, RenewalAsk(**there(target, component))


class RenewalTimeCase(RenewalCase):
    """The same, where it is promised when it is done."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Renewal, RenewalAsk]]:
        """The same ask."""
        return (pair for pair in super().looks(target, component) if isinstance(pair[0].scheduled, str))


class TrialCase(RenewalCase):
    """A dry run, after all else was looked at: it writes into the log that tells of the last run."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Renewal, RenewalAsk]]:
        """One, where it is promised."""
        promised = component.renewal
        if promised is not None and promised.dry_run is not None:
            yield (
                promised,
                RenewalAsk(**there(target, component), lane=Lane.ROUGH, trial_s=promised.dry_run.within),
            )
