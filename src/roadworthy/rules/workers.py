"""Judgements on workers: what Supervisor and PM2 keep running."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import seen
from roadworthy.target.blocks.supervisor import Contains
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roadworthy.facts.pm2 import Instance, Pm2Observation
    from roadworthy.facts.supervisor import Configured, Process, SupervisorObservation
    from roadworthy.target.blocks.pm2 import App, Pm2
    from roadworthy.target.blocks.supervisor import Program, Restarts

    Programs = Iterable[tuple[str, Program, tuple[Process, ...]]]
    Apps = Mapping[str, App]

RUNNING, ONLINE = "RUNNING", "online"
FAILED = ("FATAL", "BACKOFF", "UNKNOWN")
SHOWN = 5


def not_running(programs: Programs) -> list[str]:
    """Programs that have another number of processes, and processes that don't run."""
    faults = []
    for name, promised, processes in programs:
        if len(processes) != promised.processes:
            faults.append(f"{name}: {_count(processes)}, {promised.processes} promised")
        faults += [
            f"{one.group}:{one.name} is {one.state}{f' ({one.said})' if one.said else ''}"
            for one in processes
            if one.state != RUNNING
        ]
    return faults


def _count(processes: tuple[Process, ...]) -> str:
    return f"{len(processes)} processes" if processes else "Supervisor knows of no such program"


def too_young(programs: Programs, observed: SupervisorObservation) -> list[str]:
    """Processes that have not been up for as long as promised.

    Raises:
        NotObserved: none of a program runs.
    """

    def young(process: Process, promised: Program) -> str | None:
        if process.started is None or promised.uptime is None:
            raise _untold(f"when {process.name} was started")
        up = observed.age_s(process.started)
        if up >= promised.uptime:
            return None
        return f"{process.name}: up for {_told(up)}, {show_duration(promised.uptime)} promised"

    return _each(programs, young, only_running=True)


def flapping(programs: Programs, observed: SupervisorObservation) -> list[str]:
    """Processes that ended by themselves more often than they may.

    Raises:
        NotObserved: none is known to, and the log does not go back as far as one was started since.
    """

    def often(process: Process, promised: Program) -> str | None:
        bound = promised.restarts
        if bound is None or (process.started and observed.age_s(process.started) > bound.within):
            return None  # up for longer than that: it has not ended since
        ends = _ends(process, bound, observed)
        if len(ends) <= bound.at_most:
            return None
        of = f"{bound.at_most} in {show_duration(bound.within)} promised"
        return f"{process.name}: ended {len(ends)} times, last with {ends[-1]}; {of}"

    return _each(programs, often)


def _ends(process: Process, bound: Restarts, observed: SupervisorObservation) -> list[str]:
    log = seen(observed.log, "Supervisor's log")
    ends = [end.how for end in log.exits if end.name == process.name and observed.age_s(end.at) <= bound.within]
    goes_back = log.started or (log.begins is not None and observed.age_s(log.begins) >= bound.within)
    if len(ends) <= bound.at_most and not goes_back:
        since = f"{log.begins:%Y-%m-%d %H:%M:%S} UTC" if log.begins else "nowhere"
        raise _untold(f"how often {process.name} ended: what was read of Supervisor's log goes back to {since}")
    return ends


def wrong_user(programs: Programs) -> list[str]:
    """Processes that run as another user, or would when they are started again."""

    def other(process: Process, promised: Program) -> str | None:
        configured = _configured(process).user
        if process.state == RUNNING and (user := seen(process.user, f"who {process.name} runs as")) != promised.user:
            return f"{process.name} runs as {user}, {promised.user} promised"
        if configured is None and process.state != RUNNING:
            raise _untold(f"who {process.name} would run as: its section names nobody")
        if configured not in (None, promised.user):
            return f"{process.name} is configured to run as {configured}, {promised.user} promised"
        return None

    return _each(programs, other)


def wrong_command(programs: Programs) -> list[str]:
    """Programs that run something else."""

    def other(process: Process, promised: Program) -> str | None:
        configured = _configured(process)
        command, words = configured.command, _words(configured.command)
        if not configured.runs:
            return f"{process.group} was started by another command than is configured: {command}"
        if isinstance(promised.command, Contains):
            missing = [part for part in promised.command.contains if not _holds(words, shlex.split(part))]
            return f"{process.group} runs {command}, without {', '.join(missing)}" if missing else None
        if _is_same(words, shlex.split(promised.command or "")):
            return None
        return f"{process.group} runs {command}, promised {promised.command}"

    return _each(programs, other)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _holds(words: list[str], part: list[str]) -> bool:
    """Whether some words stand among others, in a row."""
    return any(words[place : place + len(part)] == part for place in range(len(words) - len(part) + 1))


def _is_same(words: list[str], promised: list[str]) -> bool:
    """Whether two commands are the same; a program that is promised without its folder may be in any."""
    if words and "/" not in promised[0]:
        words = [words[0].rpartition("/")[2], *words[1:]]
    return words == promised


def wrong_autostart(programs: Programs) -> list[str]:
    """Programs that start with Supervisor although they should not, or the other way round."""

    def other(process: Process, promised: Program) -> str | None:
        found = _configured(process).autostart
        return None if found is promised.autostart else f"{process.group}: autostart is {str(found).lower()}"

    return _each(programs, other)


def wrong_autorestart(programs: Programs) -> list[str]:
    """Programs that are not started again as promised."""

    def other(process: Process, promised: Program) -> str | None:
        found, wanted = seen(_configured(process).autorestart, "autorestart"), str(promised.autorestart).lower()
        return None if found == wanted else f"{process.group}: autorestart is {found}, {wanted} promised"

    return _each(programs, other)


def _configured(process: Process) -> Configured:
    return seen(process.configured, f"how {process.name} is configured")


def _each(
    programs: Programs, fault_of: Callable[[Process, Program], str | None], *, only_running: bool = False
) -> list[str]:
    """Every fault, each once; if there is none, all must have been seen."""
    faults: dict[str, None] = {}
    untold: NotObserved | None = None
    for name, promised, processes in programs:
        judged = [one for one in processes if one.state == RUNNING or not only_running]
        if not judged:
            untold = untold or _untold(f"anything of {name}: no process of it {'runs' if processes else 'is there'}")
        for process in judged:
            try:
                fault = fault_of(process, promised)
            except NotObserved as error:
                untold = untold or error
            else:
                faults |= {fault: None} if fault else {}
    if untold is not None and not faults:
        raise untold
    return list(faults)


def _untold(what: str) -> NotObserved:
    return NotObserved(Reason.NO_ANSWER, f"it can't be told: {what}")


def failed(observed: SupervisorObservation) -> list[str]:
    """All processes that Supervisor gave up, or is about to."""
    return [
        f"{one.group}:{one.name} is {one.state}{f' ({one.said})' if one.said else ''}"
        for one in observed.alive.processes
        if one.state in FAILED
    ]


def drifted(observed: SupervisorObservation) -> list[str]:
    """Where what runs is not what the files say.

    Raises:
        NotObserved: the files can't be read.
    """
    faults = Counter(
        f"{one.name.partition(':')[0]}: {', '.join(one.what)}" for one in seen(observed.alive.drift, "the files")
    )
    return [f"{fault} ({count} processes)" if count > 1 else fault for fault, count in faults.items()]


def _told(seconds: float) -> str:
    return show_duration(max(round(seconds), 0))


def not_online(apps: Apps, observed: Pm2Observation) -> list[str]:
    """Applications that have another number of instances, and instances that are not online."""
    faults = []
    for name, promised in apps.items():
        instances = observed.of(name)
        if len(instances) != promised.instances:
            counted = f"{len(instances)} instances" if instances else "PM2 knows of no such application"
            faults.append(f"{name}: {counted}, {promised.instances} promised")
        states = Counter(one.status for one in instances if one.status != ONLINE)
        faults += [f"{name}: {count} of {len(instances)} instances {state}" for state, count in states.items()]
    return faults


def wrong_mode(apps: Apps, observed: Pm2Observation) -> list[str]:
    """Applications that are run otherwise."""

    def other(one: Instance, promised: App) -> str | None:
        mode = seen(one.start, "how it is run").mode
        return None if mode == promised.mode else f"{one.name} runs in {mode} mode, {promised.mode} promised"

    return _of_instances(apps, observed, other)


def too_many_restarts(apps: Apps, observed: Pm2Observation) -> list[str]:
    """Instances that were started again too often."""

    def often(one: Instance, promised: App) -> str | None:
        count = seen(one.restarts, "how often it was started again")
        if promised.restarts is None or count <= promised.restarts:
            return None
        return f"{one.name}: started again {count} times, {promised.restarts} promised"

    return _of_instances(apps, observed, often)


def unstable(apps: Apps, observed: Pm2Observation) -> list[str]:
    """Instances that ended right after they were started."""

    def often(one: Instance, promised: App) -> str | None:
        count = seen(one.unstable, "how often it ended right after its start")
        if promised.unstable_restarts is None or count <= promised.unstable_restarts:
            return None
        return f"{one.name}: ended right after its start {count} times, {promised.unstable_restarts} promised"

    return _of_instances(apps, observed, often)


def too_young_app(apps: Apps, observed: Pm2Observation) -> list[str]:
    """Instances that have not been up for as long as promised."""

    def young(one: Instance, promised: App) -> str | None:
        up = observed.age_s(seen(one.started, "when it was started"))
        if promised.uptime is None or up >= promised.uptime:
            return None
        return f"{one.name}: up for {_told(up)}, {show_duration(promised.uptime)} promised"

    return _of_instances(apps, observed, young, only_online=True)


def _of_instances(
    apps: Apps,
    observed: Pm2Observation,
    fault_of: Callable[[Instance, App], str | None],
    *,
    only_online: bool = False,
) -> list[str]:
    """Every fault, each once; of every application there must be an instance to tell by."""
    faults: dict[str, None] = {}
    silent = []
    for name, promised in apps.items():
        instances = [one for one in observed.of(name) if one.status == ONLINE or not only_online]
        silent += [] if instances else [name]
        faults |= {fault: None for one in instances if (fault := fault_of(one, promised))}
    if silent and not faults:
        raise _untold(f"anything of {', '.join(silent)}: no instance is {'online' if only_online else 'there'}")
    return list(faults)


def unsaved(apps: Apps, observed: Pm2Observation) -> list[str]:
    """Applications that PM2 would not bring back as they run now."""
    saved = observed.alive.saved
    if saved is None:
        return [f"nothing was ever saved in {observed.home}"]
    faults = []
    for name, promised in apps.items():
        kept = [one for one in seen(saved, "dump.pm2") if one.name == name]
        online = [one for one in kept if one.status == ONLINE]
        if len(online) != promised.instances:
            stopped = f" ({len(kept) - len(online)} more as not online)" if len(kept) > len(online) else ""
            faults.append(f"{name}: saved with {len(online)} instances{stopped}, {promised.instances} promised")
        runs = {one.start for one in observed.of(name)}
        if runs and {one.start for one in online} - runs:
            faults.append(f"{name}: saved with another script, mode or words than it runs with")
    return faults


def not_resurrected(promised: Pm2, observed: Pm2Observation) -> list[str]:
    """Why PM2 would not come back at boot.

    Raises:
        NotObserved: it can't be told what is started at boot.
    """
    units = seen(observed.units, "what is started at boot")
    theirs = [
        unit
        for unit in units
        if unit.home == observed.home or (not unit.home and (unit.user or "root") == promised.user)
    ]
    if not theirs:
        others = ", ".join(unit.name for unit in units)
        return [
            f"no enabled unit starts PM2 of {observed.home} at boot{f' ({others} is of another)' if others else ''}"
        ]
    if not any(unit.resurrects for unit in theirs):
        return [f"{theirs[0].name} starts PM2 without what is saved: it does not run `pm2 resurrect`"]
    strangers = [unit for unit in theirs if promised.user not in (None, unit.user or "root")]
    return [f"{unit.name} starts PM2 as {unit.user or 'root'}, {promised.user} promised" for unit in strangers]


def wrong_pm2_user(promised: Pm2, observed: Pm2Observation) -> list[str]:
    """Applications that run as another user.

    Raises:
        NotObserved: none runs.
    """
    wanted = promised.apps
    running = [
        one for one in observed.alive.instances if one.user is not None and (wanted is None or one.name in wanted)
    ]
    if not running:
        raise _untold("who PM2's applications run as: none is running")
    users = dict.fromkeys((one.name, seen(one.user, f"who {one.name} runs as")) for one in running)
    return [f"{name} runs as {user}, {promised.user} promised" for name, user in users if user != promised.user]
