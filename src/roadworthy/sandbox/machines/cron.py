"""What is on a machine that keeps its promises of `cron`.

Crontabs are files, and a stand-in for the daemon reads them (`crond.py`). systemd and Laravel answer in their own
words: `systemctl show` of systemd 252, `artisan schedule:list` of Laravel 10, both after recorded output.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from roadworthy.onhost.cron import TIMED
from roadworthy.sandbox.machines.machine import Answer, Daemon, File, Machine, Tick

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.cron import Cron, Job, Laravel
    from roadworthy.target.models import Component, Target

SPOOL = "/var/spool/cron/crontabs"
DROP_IN = "/etc/cron.d/jobs"
TAB_AGE_S = 400 * 86400.0
"""Long before anything was last due."""

DAEMON = Daemon(
    "cron", (sys.executable, "-m", "roadworthy.sandbox.machines.crond", "{{root}}"), ready="{{root}}/run/crond.pid"
)
WITH_A_DAEMON = Machine(
    files=(
        File("/etc/debian_version", "12.11\n"),
        File("/var/spool/cron", mode=0o755),
        File(SPOOL, mode=0o730),
        File("/etc/cron.d", mode=0o755),
        File(
            "/etc/crontab",
            "SHELL=/bin/sh\n17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n",
            age_s=TAB_AGE_S,
        ),
    ),
    answers=(
        Answer("journalctl", r"--no-pager -q -r -o short-unix .*", complains="No journal files were found.\n", ends=1),
    ),
    daemons=(DAEMON,),
)


def furnish(promised: Cron, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    jobs = tuple((promised.jobs or {}).values())
    machine = WITH_A_DAEMON.plus(Machine(files=tuple(_tabs(jobs))))
    if timers := {job.timer: job.schedule for job in jobs if job.timer}:
        machine = machine.plus(Machine(answers=(systemctl(timers),)))
    for job in jobs:
        machine = machine.plus(_with_script(job)).plus(_with_trace(job))
    return machine.plus(_with_laravel(promised.laravel)) if promised.laravel else machine


def _tabs(jobs: Iterable[Job]) -> Iterable[File]:
    """Root's jobs in /etc/cron.d, others' in their own crontabs."""
    texts: dict[str, str] = {}
    for job in jobs:
        if job.command is None:
            continue
        user = job.user or "root"
        path = DROP_IN if user == "root" else f"{SPOOL}/{user}"
        variables = "".join(f"{name}={value}\n" for name, value in (job.environment or {}).items())
        who = f"{user} " if path == DROP_IN else ""
        texts[path] = texts.get(path, "") + f"{variables}{job.schedule or '* * * * *'} {who}{job.command}\n"
    return (File(path, text, mode=0o644 if path == DROP_IN else 0o600, age_s=TAB_AGE_S) for path, text in texts.items())


def asked(names: Iterable[str]) -> str:
    """The arguments of the question for timers."""
    return re.escape(f"show --no-pager -p {','.join(TIMED)},ActiveEnterTimestamp -- {' '.join(sorted(names))}")


def systemctl(timers: dict[str, str | None], **changes: str) -> Answer:
    """What systemd says of timers that are as they should be."""
    return Answer("systemctl", asked(timers), "\n".join(record(*timer, **changes) for timer in sorted(timers.items())))


def record(name: str, calendar: str | None, active: str = "active", enabled: str = "enabled", last: str = "") -> str:
    """What it says of one."""
    return (
        f"RandomizedDelayUSec=0\n"
        f"TimersCalendar={{ OnCalendar={calendar or '*-*-* 00:00:00'} ; next_elapse=n/a }}\n"
        f"LastTriggerUSec={last or '{{-1 %a %Y-%m-%d %H:%M:%S UTC}}'}\n"
        f"Id={name}\nLoadState=loaded\nActiveState={active}\nUnitFileState={enabled}\n"
        "ActiveEnterTimestamp={{-34560000 %a %Y-%m-%d %H:%M:%S UTC}}\n"
    )


def _with_script(job: Job) -> Machine:
    return Machine(files=(File(job.script, "#!/bin/sh\n", mode=0o755),)) if job.script else Machine()


def trace_of(job: Job) -> str | None:
    """The file that a job touches."""
    touches = job.ran.touches if job.ran else None
    return touches and re.sub(r"[*?]|\[[^]]*\]", "0", touches)


def _with_trace(job: Job) -> Machine:
    path = trace_of(job)
    return Machine(files=(File(path, ""),), ticks=(Tick(path, "done at {{0 %H:%M:%S}}\n", 20),)) if path else Machine()


def _with_laravel(promised: Laravel) -> Machine:
    artisan = f"{promised.path.rstrip('/')}/artisan"
    width = max(len(when) for when in promised.schedule.values())
    lines = (
        f"  {when:<{width}}  php artisan {command} {'.' * 40} Next Due: 10 hours from now\n"
        for command, when in promised.schedule.items()
    )
    says = "\n" + "".join(lines) + "\n"
    question = rf"\S*{re.escape(artisan)} schedule:list --no-ansi --no-interaction"
    return Machine(
        files=(File(artisan, "#!/usr/bin/env php\n", mode=0o755),),
        answers=(
            Answer(promised.php.rpartition("/")[2], question, says),
            Answer("runuser", rf"-u \S+ -- {re.escape(promised.php)} {question}", says),
        ),
    )
