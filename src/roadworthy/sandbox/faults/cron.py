"""Faults of what runs by the clock, and of the renewal of certificates."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.machines import renewal
from roadworthy.sandbox.machines.cron import DAEMON, DROP_IN, SPOOL, asked, record, trace_of
from roadworthy.sandbox.machines.machine import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Fault, Where
    from roadworthy.sandbox.machines.machine import Machine
    from roadworthy.target.blocks.cron import Job, Laravel
    from roadworthy.target.blocks.renewal import Renewal

EXPIRED = "{user}:!:19000:0:99999:7::1:\n"
"""A line of /etc/shadow: the account has been expired since 2 January 1970."""
LONG_AGO_S = 40 * 86400.0


def _jobs(deployment: Deployment, component: str) -> Iterable[Job]:
    promised = deployment.component(component).cron
    return (promised.jobs or {}).values() if promised else ()


def _where(having: Callable[[Job], bool]) -> Where:
    """Components with a job of some kind."""
    return lambda deployment: (
        name for name in deployment.target.components if any(map(having, _jobs(deployment, name)))
    )


def _first(deployment: Deployment, component: str, having: Callable[[Job], bool]) -> Job:
    return next(job for job in _jobs(deployment, component) if having(job))


def _tab_of(job: Job) -> str:
    return DROP_IN if job.user in (None, "root") else f"{SPOOL}/{job.user}"


def _edited(having: Callable[[Job], bool], edit: Callable[[str, Job], str]) -> Callable[[Deployment, str], Deployment]:
    """A change of the crontab that a job stands in."""

    def change(deployment: Deployment, component: str) -> Deployment:
        job = _first(deployment, component, having)

        def edited(file: File) -> File:
            return replace(file, text=edit(file.text or "", job))

        return deployment.with_machine(component, lambda machine: machine.with_file(_tab_of(job), edited))

    return change


def _line_of(job: Job) -> re.Pattern[str]:
    return re.compile(rf"^.*{re.escape(job.command or '')}$", re.MULTILINE)


def _in_line(change: Callable[[str], str]) -> Callable[[str, Job], str]:
    return lambda text, job: _line_of(job).sub(lambda match: change(match[0]), text)


def _is_line(job: Job) -> bool:
    return job.command is not None


def _has_user(job: Job) -> bool:
    return _is_line(job) and job.user not in (None, "root")


def _is_due(job: Job) -> bool:
    return _is_line(job) and job.schedule is not None


def _has_variables(job: Job) -> bool:
    return bool(job.environment)


def _is_logged(job: Job) -> bool:
    return _has_user(job) and job.ran is not None and job.ran.touches is None


def _is_traced(job: Job) -> bool:
    return trace_of(job) is not None


def _of_timer(job: Job) -> bool:
    return job.timer is not None


def _other_schedule(line: str) -> str:
    """Mondays, half past four."""
    words = line.split(None, 1 if line.startswith("@") else 5)
    return " ".join(("30", "4", "*", "*", "1", words[-1]))


def _as_root(deployment: Deployment, component: str) -> Deployment:
    """The whole crontab is root's, as after `sudo crontab -e` without -u."""
    job = _first(deployment, component, _has_user)

    def moved(machine: Machine) -> Machine:
        own = machine.file(_tab_of(job))
        text = own.text or "" if own else ""
        rest = machine.with_file(_tab_of(job), lambda _: None)
        return rest.plus(_just_files(rest, File(f"{SPOOL}/root", text, mode=0o600, age_s=LONG_AGO_S)))

    return deployment.with_machine(component, moved)


def _just_files(machine: Machine, *files: File) -> Machine:
    return replace(machine, files=files, answers=(), daemons=(), ticks=())


def _with_files(*files: File) -> Callable[[Deployment, str], Deployment]:
    return lambda deployment, component: deployment.with_machine(
        component, lambda machine: machine.plus(_just_files(machine, *files))
    )


def _expired(deployment: Deployment, component: str) -> Deployment:
    job = _first(deployment, component, _is_logged)
    return _with_files(File("/etc/shadow", EXPIRED.format(user=job.user), mode=0o640))(deployment, component)


def _untouched(deployment: Deployment, component: str) -> Deployment:
    path = trace_of(_first(deployment, component, _is_traced))

    def stale(machine: Machine) -> Machine:
        kept = tuple(tick for tick in machine.ticks if tick.path != path)
        return replace(machine, ticks=kept).with_file(path or "", lambda file: replace(file, age_s=LONG_AGO_S))

    return deployment.with_machine(component, stale)


def _dead(deployment: Deployment, component: str) -> Deployment:
    """It has died, and left its pid file: no process has so high a number."""

    def dead(machine: Machine) -> Machine:
        rest = replace(machine, daemons=tuple(one for one in machine.daemons if one != DAEMON))
        return rest.plus(_just_files(rest, File("/run/crond.pid", "4194305\n")))

    return deployment.with_machine(component, dead)


def _timer_answers(**changes: str) -> Callable[[Deployment, str], Deployment]:
    """Of a component's timers, systemd says something else."""

    def change(deployment: Deployment, component: str) -> Deployment:
        timers = {job.timer: job.schedule for job in _jobs(deployment, component) if job.timer}
        calendar = changes.get("calendar")
        rest = {key: value for key, value in changes.items() if key != "calendar"}
        says = "\n".join(record(name, calendar or when, **rest) for name, when in sorted(timers.items()))
        return deployment.with_machine(
            component,
            lambda machine: machine.with_answer("systemctl", asked(timers), lambda answer: replace(answer, says=says)),
        )

    return change


def _forgotten(edit: Callable[[str, Laravel], str]) -> Callable[[Deployment, str], Deployment]:
    """The application's scheduler says something else."""

    def change(deployment: Deployment, component: str) -> Deployment:
        promised = deployment.component(component).cron
        laravel = promised.laravel if promised else None
        if laravel is None:
            return deployment

        def changed(machine: Machine) -> Machine:
            answers = tuple(
                replace(answer, says=edit(answer.says, laravel)) if "schedule:list" in answer.arguments else answer
                for answer in machine.answers
            )
            return replace(machine, answers=answers)

        return deployment.with_machine(component, changed)

    return change


def _without_last(said: str, laravel: Laravel) -> str:
    last = list(laravel.schedule)[-1]
    return "".join(line for line in said.splitlines(keepends=True) if last not in line)


def _renewal(change: Callable[[Machine, Renewal], Machine]) -> Callable[[Deployment, str], Deployment]:
    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = deployment.component(component).renewal
        if promised is None:
            return deployment
        return deployment.with_machine(component, lambda machine: change(machine, promised))

    return changed


def _first_name(promised: Renewal) -> str:
    return (promised.names or ("shop.example",))[0]


def _timed_renewals(deployment: Deployment) -> Iterable[str]:
    parts = deployment.target.components.items()
    return (name for name, part in parts if part.renewal is not None and isinstance(part.renewal.scheduled, str))


def _log(text: str, age_s: float = 0.0) -> Callable[[Machine, Renewal], Machine]:
    def change(machine: Machine, promised: Renewal) -> Machine:
        name = _first_name(promised)
        said = re.sub(r"\{\{-(\d+)", lambda match: f"{{{{-{int(match[1]) + int(age_s)}", text).replace("NAME", name)
        return machine.with_file(renewal.LOG, lambda file: replace(file, text=said))

    return change


FAULTS: tuple[Fault, ...] = (
    fault(
        "cron-line-missing",
        "The line of a job is in no crontab.",
        "CRON-JOB",
        where=_where(_is_line),
        change=_edited(_is_line, lambda text, job: _line_of(job).sub("", text)),
    ),
    fault(
        "cron-line-commented-out",
        "Somebody has put a # before the line of a job.",
        "CRON-JOB",
        where=_where(_is_line),
        change=_edited(_is_line, _in_line(lambda line: f"#{line}")),
    ),
    fault(
        "cron-other-command",
        "The line of a job calls another program.",
        "CRON-JOB",
        where=_where(_is_line),
        change=_edited(_is_line, lambda text, job: text.replace(job.command or "", "/usr/bin/true")),
    ),
    fault(
        "cron-other-schedule",
        "A job is due on Mondays only.",
        "CRON-SCHEDULE",
        where=_where(_is_due),
        change=_edited(_is_due, _in_line(_other_schedule)),
    ),
    fault(
        "cron-other-user",
        "A job was put into root's crontab.",
        "CRON-USER",
        where=_where(_has_user),
        change=_as_root,
    ),
    fault(
        "cron-variable-missing",
        "The variables above the line of a job are gone.",
        "CRON-ENV",
        where=_where(_has_variables),
        change=_edited(_has_variables, lambda text, _: re.sub(r"^[A-Z]+=.*\n", "", text, flags=re.MULTILINE)),
    ),
    fault(
        "cron-never-ran",
        "The account of a job's user has expired: cron runs nothing as that one.",
        "CRON-RAN",
        where=_where(_is_logged),
        change=_expired,
    ),
    fault(
        "cron-ran-long-ago",
        "A job has left no trace for weeks: what it calls fails half-way.",
        "CRON-RAN",
        where=_where(_is_traced),
        change=_untouched,
    ),
    fault(
        "cron-dead",
        "The cron daemon has died.",
        "CRON-DAEMON",
        where=promising("cron.daemon"),
        change=_dead,
    ),
    fault(
        "cron-syntax-error",
        "A file of /etc/cron.d has a line that cron does not understand.",
        "CRON-SYNTAX",
        where=promising("cron.sound"),
        change=_with_files(File("/etc/cron.d/reports", "61 * * * * root /usr/local/bin/report\n", age_s=LONG_AGO_S)),
    ),
    fault(
        "cron-file-passed-over",
        "A file of /etc/cron.d has a dot in its name: cron does not read it.",
        "CRON-SYNTAX",
        where=promising("cron.sound"),
        change=_with_files(File("/etc/cron.d/report.sh", "1 * * * * root /usr/local/bin/report\n", age_s=LONG_AGO_S)),
    ),
    fault(
        "cron-last-line-open",
        "The last line of a crontab has no end: cron does not run it.",
        "CRON-SYNTAX",
        where=promising("cron.sound"),
        change=_with_files(File("/etc/cron.d/reports", "1 * * * * root /usr/local/bin/report", age_s=LONG_AGO_S)),
    ),
    fault(
        "timer-inactive",
        "A timer was never started, or stopped.",
        "CRON-JOB",
        where=_where(_of_timer),
        change=_timer_answers(active="inactive", enabled="disabled"),
    ),
    fault(
        "timer-other-schedule",
        "A drop-in gives a timer another calendar.",
        "CRON-SCHEDULE",
        where=_where(lambda job: _of_timer(job) and job.schedule is not None),
        change=_timer_answers(calendar="Mon *-*-* 03:30:00"),
    ),
    fault(
        "timer-never-triggered",
        "A timer is active, and has never set anything off.",
        "CRON-RAN",
        where=_where(lambda job: _of_timer(job) and job.ran is not None),
        change=_timer_answers(last="n/a"),
    ),
    fault(
        "script-not-executable",
        "A script of /etc/cron.daily may not be executed.",
        "CRON-JOB",
        where=_where(lambda job: job.script is not None),
        change=lambda deployment, component: deployment.with_machine(
            component,
            lambda machine: machine.with_file(
                _first(deployment, component, lambda job: job.script is not None).script or "",
                lambda file: replace(file, mode=0o644),
            ),
        ),
    ),
    fault(
        "laravel-command-unscheduled",
        "The release does not schedule a command.",
        "CRON-LARAVEL",
        where=promising("cron.laravel"),
        change=_forgotten(_without_last),
    ),
    fault(
        "renewal-unscheduled",
        "Nothing calls certbot by the clock.",
        "RENEWAL-SCHEDULED",
        where=promising("renewal.scheduled"),
        change=_renewal(lambda machine, _: machine.with_file(renewal.TAB, lambda _: None)),
    ),
    fault(
        "renewal-does-nothing-under-systemd",
        "Only Debian's own crontab calls certbot, which leaves that to a timer where systemd runs; and that is gone.",
        "RENEWAL-SCHEDULED",
        where=promising("renewal.scheduled"),
        change=_with_files(
            File("/run/systemd/system"),
            File(
                renewal.TAB,
                "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep "
                "int(rand(43200))' && certbot -q renew --no-random-sleep-on-renew\n",
                age_s=LONG_AGO_S,
            ),
        ),
    ),
    fault(
        "renewal-other-schedule",
        "Certbot is called once a month.",
        "RENEWAL-TIME",
        where=_timed_renewals,
        change=_with_files(File(renewal.TAB, "0 0 1 * * root certbot renew --quiet\n", age_s=LONG_AGO_S)),
    ),
    fault(
        "renewal-name-left-out",
        "A certificate was copied here from another host: certbot has no file for it.",
        "RENEWAL-NAMES",
        where=promising("renewal.names"),
        change=_renewal(
            lambda machine, promised: machine.with_file(
                f"{renewal.CONFIGURED}/{_first_name(promised)}.conf", lambda _: None
            )
        ),
    ),
    fault(
        "renewal-stopped",
        "Certbot last ran forty days ago.",
        "RENEWAL-RAN",
        where=promising("renewal.ran_within"),
        change=_renewal(_log(renewal.LOGGED + renewal.WENT_WELL, LONG_AGO_S)),
    ),
    fault(
        "renewal-failed",
        "The last renewal failed.",
        "RENEWAL-SOUND",
        where=promising("renewal.sound"),
        change=_renewal(_log(renewal.LOGGED + renewal.FAILED)),
    ),
    fault(
        "renewal-would-fail",
        "The CA can't reach this host any more.",
        "RENEWAL-DRY-RUN",
        where=promising("renewal.dry_run"),
        change=_renewal(
            lambda machine, promised: machine.with_answer(
                "certbot", renewal.DRY_RUN, lambda _: renewal.tried(_first_name(promised), "failure")
            )
        ),
    ),
)
