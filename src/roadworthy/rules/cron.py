"""Judgements on what runs by the clock: whether it is there, when, as whom, and whether it ran."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen, seen
from roadworthy.rules.schedules import last_due, listed
from roadworthy.target.schedules import AT_BOOT, parse, parse_calendar, parse_cron
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from roadworthy.facts.cron import CronObservation, Crontab, Line, Timer
    from roadworthy.facts.renewal import RenewalObservation
    from roadworthy.target.blocks.cron import Job
    from roadworthy.target.schedules import Schedule

    Tabs = CronObservation | RenewalObservation

T = TypeVar("T")

DROP_IN = "/etc/cron.d/"
SPOOL = "/var/spool/cron/"
LISTED_NAME = re.compile(r"[A-Za-z0-9_-]+")
"""Names of files that Debian's cron and run-parts read: none with a dot."""
WRITABLE_BY_OTHERS = 0o022
EXECUTABLE = 0o111
OF_DEBIANS_USERS = 0o600
CRONIES_MASK, READ_BY_OWNER = 0o7533, 0o400
"""What cronie demands of a crontab: database.c, check_open()."""
FOLDERS_S = {"hourly": 3600, "daily": 86400, "weekly": 7 * 86400, "monthly": 31 * 86400}
AHEAD_S = 60
"""What was changed so much later than the host's own now tells nothing of a run."""
NOT_AT_BOOT = ("disabled", "linked", "linked-runtime", "enabled-runtime")
"""What systemctl(1), is-enabled, says of a unit that nothing starts at boot."""
DEFAULTS = {"SHELL": "/bin/sh"}
"""What cron sets where a crontab does not: crontab(5)."""


class Placed(NamedTuple):
    """A line, and where it stands."""

    tab: Crontab
    line: Line

    def __str__(self) -> str:
        return f"{self.tab.path}:{self.line.number}"

    @property
    def when(self) -> str:
        """As it stands there."""
        return " ".join(self.line.fields)


def of_each(jobs: Mapping[str, T], judge: Callable[[T], str | None]) -> list[str]:
    """What is wrong with each.

    Raises:
        NotObserved: nothing is known to be wrong, and one can't be told.
    """
    faults, unseen = [], None
    for name, job in jobs.items():
        try:
            said = judge(job)
        except NotObserved as error:
            unseen = unseen or NotObserved(error.reason, f"{name}: {error.detail}")
        else:
            faults += [f"{name}: {said}"] if said else []
    if unseen and not faults:
        raise unseen
    return faults


# Crontabs


def unread(tab: Crontab, *, debian: bool) -> str | None:
    """Why cron does not read a file; None: it does."""
    if tab.path.startswith(DROP_IN) and debian and not LISTED_NAME.fullmatch(tab.path.removeprefix(DROP_IN)):
        return "cron passes over a file of this name: only letters, digits, - and _ may be in it"
    if tab.unread is not None or not (tab.path.startswith((DROP_IN, SPOOL)) or tab.path == "/etc/crontab"):
        return None
    whose = tab.user or "root"
    if tab.owner not in ("root", whose):
        return f"cron passes over it: it is {tab.owner}'s, not {whose}'s"
    return f"cron passes over it: {why}" if (why := _ill_mode(tab, debian=debian)) else None


def _ill_mode(tab: Crontab, *, debian: bool) -> str | None:
    """What cron has against a file's mode; None: nothing."""
    if tab.mode & WRITABLE_BY_OTHERS:
        return f"others may write it (mode {tab.mode:o})"
    if debian and tab.user and tab.mode != OF_DEBIANS_USERS:
        return f"its mode is {tab.mode:o}, not {OF_DEBIANS_USERS:o}"
    if not debian and tab.mode & CRONIES_MASK != READ_BY_OWNER:
        return f"it may be executed, or not be read by its owner (mode {tab.mode:o})"
    return None


def ignored(tab: Crontab, *, debian: bool) -> str | None:
    """Why cron runs nothing of a file; None: it does. Debian's does without all of one that it stumbles over."""
    if (why := unread(tab, debian=debian)) or not debian:
        return why
    if not tab.ends:
        return "cron ignores all of it: its last line has no end"
    for line in tab.lines:
        if not line.commented and (why := _misparsed(line, of_system=not tab.user)):
            return f"cron ignores all of it: line {line.number}: {why}"
    return None


def unsound(at: CronObservation) -> list[str]:
    """Files that cron does not read, and lines that it does not understand.

    Raises:
        NotObserved: nothing is known to be wrong, and some can't be read.
    """
    faults = []
    for tab in at.tabs:
        if why := unread(tab, debian=at.debian):
            faults.append(f"{tab.path}: {why}")
            continue
        if not tab.ends:
            faults.append(f"{tab.path}: its last line has no end, and is not run")
        faults += [
            f"{tab.path}:{line.number}: {why}"
            for line in tab.lines
            if not line.commented and (why := misunderstood(line, of_system=not tab.user))
        ]
    if not faults:
        for problem in (at.others, *(tab.unread for tab in at.tabs)):
            if problem is not None:
                raise problem.error()
    return faults


def misunderstood(line: Line, *, of_system: bool) -> str | None:
    """What cron, or its shell, has against a line; None: nothing."""
    if why := _misparsed(line, of_system=of_system):
        return why
    return "it ends with a carriage return, which the shell takes for a part of the command" if line.returns else None


def _misparsed(line: Line, *, of_system: bool) -> str | None:
    text = " ".join(line.fields)
    if text != AT_BOOT and "~" not in text:  # cronie's: at random within a range
        try:
            parse_cron(text)
        except ValueError as error:
            if "never due" not in str(error):
                return f"{text}: {error}"
    if of_system and not line.user:
        return "it names no user"
    if line.stranger:
        return f"there is no user {line.user}"
    return None if line.has_command else "it has no command"


def lines_of(at: Tabs, wanted: Callable[[Line], bool]) -> Iterator[Placed]:
    """The lines that cron acts on, of those that are wanted."""
    for tab in at.tabs:
        if ignored(tab, debian=at.debian) is None:
            for line in tab.lines:
                dead = line.commented or (line.without_systemd and at.systemd)
                if wanted(line) and not dead and misunderstood(line, of_system=not tab.user) is None:
                    yield Placed(tab, line)


def dead_lines(at: Tabs, wanted: Callable[[Line], bool]) -> Iterator[str]:
    """Why those that are wanted do nothing."""
    for tab in at.tabs:
        why = ignored(tab, debian=at.debian)
        for line in tab.lines:
            if not wanted(line):
                continue
            if line.commented:
                yield f"{tab.path}:{line.number} is a comment"
            elif why is not None:
                yield f"{tab.path}: {why}"
            elif line.without_systemd and at.systemd:
                yield f"{tab.path}:{line.number} does nothing where systemd runs"
            elif said := misunderstood(line, of_system=not tab.user):
                yield f"{tab.path}:{line.number}: {said}"


def all_seen(at: Tabs) -> None:
    """Says nothing where all crontabs could be read.

    Raises:
        NotObserved: one could not.
    """
    for problem in (at.others, *(tab.unread for tab in at.tabs)):
        if problem is not None:
            raise NotObserved(problem.error().reason, f"not in what could be read; not all could: {problem.detail}")


# Jobs


def _is_of(job: Job) -> Callable[[Line], bool]:
    return lambda line: job.command in (line.equals if job.exact else line.holds)


def candidates(job: Job, at: CronObservation) -> list[Placed]:
    """The lines that may be a job's, the one that is most like it first."""

    def unlike(placed: Placed) -> tuple[bool, bool, bool]:
        other_user = job.user is not None and placed.line.user != job.user
        other_time = job.schedule is not None and not equal(placed.when, job.schedule)
        return other_user, other_time, bool(_unset(job, placed.line))

    return sorted(lines_of(at, _is_of(job)), key=lambda placed: sum(unlike(placed)))


def line_of(job: Job, at: CronObservation) -> Placed:
    """A job's line.

    Raises:
        NotObserved: there is none, or none that could be seen.
    """
    if found := candidates(job, at):
        return found[0]
    all_seen(at)
    raise NotObserved(Reason.NOT_APPLICABLE, f"no line of a crontab runs {job.command!r}")


def timer_of(job: Job, at: CronObservation) -> Timer:
    """A job's timer, that is active.

    Raises:
        NotObserved: it is not, or can't be seen.
    """
    timer = seen(at.timers, "systemd's timers")[job.timer or ""]
    if timer.active != "active":
        raise NotObserved(Reason.NOT_APPLICABLE, f"{job.timer} is {timer.active}")
    return timer


def absent(job: Job, at: CronObservation) -> str | None:
    """What is missing of a job.

    Raises:
        NotObserved: it can't be told.
    """
    if job.timer is not None:
        return _absent_timer(job.timer, seen(at.timers, "systemd's timers")[job.timer])
    if job.script is not None:
        return _absent_script(job.script, at)
    if candidates(job, at):
        return None
    dead = list(dead_lines(at, _is_of(job)))
    if not dead:
        all_seen(at)
    return "; ".join((f"no line of a crontab runs {job.command!r}", *dead))


def _absent_timer(name: str, timer: Timer) -> str | None:
    if timer.loaded != "loaded":
        return f"{name} is {timer.loaded}"
    if timer.active != "active":
        return f"{name} is {timer.active} ({timer.enabled})"
    if timer.enabled in NOT_AT_BOOT:
        return f"{name} is {timer.enabled}: it will not be there after a restart"
    return None


def _absent_script(path: str, at: CronObservation) -> str | None:
    script = at.scripts[path]
    if isinstance(script, Unseen):
        raise script.error()
    if script is None:
        return f"there is no {path}"
    if at.debian and not LISTED_NAME.fullmatch(path.rpartition("/")[2]):
        return f"run-parts passes over {path}: only letters, digits, - and _ may be in its name"
    return None if script.mode & EXECUTABLE else f"{path} may not be executed (mode {script.mode:o})"


def mistimed(job: Job, at: CronObservation) -> str | None:
    """A job that is due at other times.

    Raises:
        NotObserved: it is not there, or can't be seen.
    """
    promised = job.schedule or ""
    if job.timer is not None:
        calendars = timer_of(job, at).calendars
        if calendars and all(equal(one, promised) for one in calendars):  # a drop-in adds to them
            return None
        return f"{job.timer} is due {' and '.join(calendars) or 'by no calendar'}, {promised} promised"
    placed = line_of(job, at)
    return None if equal(placed.when, promised) else f"due {placed.when} ({placed}), {promised} promised"


def equal(seen_there: str, promised: str) -> bool:
    """Whether two schedules are due at the same moments."""
    try:
        return parse(seen_there) == parse(promised)
    except ValueError:  # @reboot, ~, a calendar of one year: none of what can be promised
        return False


def misowned(job: Job, at: CronObservation) -> str | None:
    """A job that runs as somebody else.

    Raises:
        NotObserved: it is not there, or can't be seen.
    """
    placed = line_of(job, at)
    return None if placed.line.user == job.user else f"runs as {placed.line.user} ({placed}), {job.user} promised"


def unset(job: Job, at: CronObservation) -> str | None:
    """Variables that are not as promised above a job's line.

    Raises:
        NotObserved: it is not there, or can't be seen.
    """
    placed = line_of(job, at)
    faults = _unset(job, placed.line)
    return f"{', '.join(faults)} ({placed})" if faults else None


def _unset(job: Job, line: Line) -> list[str]:
    there = {**DEFAULTS, **line.environment}
    return [
        f"{name} is {there[name]!r}, {value!r} promised" if name in there else f"{name} is not set, {value!r} promised"
        for name, value in (job.environment or {}).items()
        if there.get(name) != value
    ]


# Runs


class Due(NamedTuple):
    """When a job was last due, so that it must have run by now; and since when it has been so."""

    at: datetime
    since: datetime | None


def idle(job: Job, at: CronObservation) -> str | None:
    """A job that has not run since it was last due.

    Raises:
        NotObserved: it is not there, or nothing tells.
    """
    assert job.ran is not None  # noqa: S101 - the case has looked
    if job.script is not None:
        return _stale(job.script, job.ran.touches or "", job.ran.grace, at)
    timer = timer_of(job, at) if job.timer is not None else None
    placed = line_of(job, at) if job.command is not None else None
    due = _due(timer, placed, job.ran.grace, at)
    last, source = _last(job, timer, placed, at)
    if last is not None and last >= due.at:
        return None
    if due.since is not None and due.since > due.at:
        raise NotObserved(
            Reason.NOT_APPLICABLE, f"it has not been due since it was last changed, {due.since:%d %b %H:%M} UTC"
        )
    if job.command is not None and job.ran.touches is None:
        log = seen(at.log, "cron's log")
        if log.ends is not None and log.ends < due.at:
            raise NotObserved(
                Reason.NOT_APPLICABLE,
                f"it was last due at {due.at:%d %b %H:%M} UTC, and {source} ends at {log.ends:%d %b %H:%M}",
            )
        if last is None and log.begins > due.at:
            raise NotObserved(
                Reason.NOT_APPLICABLE,
                f"it was last due at {due.at:%d %b %H:%M} UTC, and {source} begins at {log.begins:%d %b %H:%M}",
            )
    told = "it never ran" if last is None else f"it last ran {show_duration(round(at.age_s(last)))} ago"
    return f"{told} ({source}), and was due at {due.at:%d %b %H:%M} UTC"


def _stale(script: str, touches: str, grace: float, at: CronObservation) -> str | None:
    period = next(seconds for name, seconds in FOLDERS_S.items() if script.startswith(f"/etc/cron.{name}/"))
    last = _touched(touches, at)
    if last is None:
        return f"it never ran (there is no {touches})"
    age = at.age_s(last)
    bound = period + grace
    return (
        None
        if age <= bound
        else f"it last ran {show_duration(round(age))} ago ({touches}), {show_duration(bound)} promised"
    )


def _touched(path: str, at: CronObservation) -> datetime | None:
    found = at.touched[path]
    if isinstance(found, Unseen):
        raise found.error()
    if found is not None and at.age_s(found) < -AHEAD_S:
        raise NotObserved(
            Reason.NOT_APPLICABLE, f"{path} was changed in what is yet to come, {found:%d %b %Y %H:%M} UTC"
        )
    return found


def _due(timer: Timer | None, placed: Placed | None, grace: float, at: CronObservation) -> Due:
    if placed is not None and placed.line.zone:
        raise NotObserved(
            Reason.NOT_APPLICABLE, f"{placed} is due by CRON_TZ={placed.line.zone}, not by the host's clock"
        )
    schedules, delay = _schedules(timer, placed), timer.delay_s if timer else 0.0
    until = at.now - timedelta(seconds=grace + delay)
    shifts = seen(at.shifts, "the host's time zone")
    moments = [moment for one in schedules if (moment := last_due(one, until, shifts)) is not None]
    if not moments:
        raise NotObserved(Reason.NOT_APPLICABLE, "it has not been due in eight years")
    return Due(max(moments), timer.since if timer else placed.tab.changed if placed else None)


def _schedules(timer: Timer | None, placed: Placed | None) -> Iterable[Schedule]:
    try:
        if timer is not None:
            return [parse_calendar(text) for text in timer.calendars]
        return [parse_cron(placed.when)] if placed else []
    except ValueError as error:
        raise NotObserved(Reason.NOT_APPLICABLE, str(error)) from error


def _last(job: Job, timer: Timer | None, placed: Placed | None, at: CronObservation) -> tuple[datetime | None, str]:
    """When it last ran, and what tells it."""
    if job.ran is not None and job.ran.touches is not None:
        return _touched(job.ran.touches, at), job.ran.touches
    if timer is not None:
        return timer.last, job.timer or ""
    log = seen(at.log, "cron's log")
    user = placed.line.user if placed else None
    runs = [
        run.at for run in log.runs if run.command == job.command and run.user == user and (run.exact or not job.exact)
    ]
    return max(runs, default=None), log.source


# An application's own


def unscheduled(promised: Mapping[str, str], said: str) -> list[str]:
    """Commands that an application's scheduler does not know of, or has at other times."""
    entries = list(listed(said))
    faults = []
    for command, when in promised.items():
        there = [schedule for schedule, name in entries if command in name]
        if not there:
            faults.append(f"{command} is not scheduled ({len(entries)} others are)")
        elif not any(equal(one, when) for one in there):
            faults.append(f"{command} is due {' and '.join(there)}, {when} promised")
    return faults
