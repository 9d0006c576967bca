"""Faults of Supervisor and PM2."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.machines import pm2, supervisor
from roadworthy.sandbox.machines.machine import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.machines.machine import Daemon, Machine
    from roadworthy.target.blocks.pm2 import App, Pm2
    from roadworthy.target.blocks.supervisor import Program, Supervisor

FEW = 4
"""A process that is to end once more than so often takes longer than anybody waits."""

FLAPS = """
lives = f"{{root}}/var/run/lives-{os.environ['SUPERVISOR_PROCESS_NAME']}"
with open(lives, "a+") as file:
    file.write(".")
    file.flush()
    file.seek(0)
    count = len(file.read())
if count <= %d:
    sys.exit(1)
time.sleep(2)
open("{{root}}/var/run/settled", "w").close()
signal.pause()"""

NEVER = "600"
"""Seconds, before which whoever ends has not been started."""
OLD = f"""\
[program:old-mailer]
command=old-mailer
startsecs={NEVER}
startretries=0
"""


def _supervisor(deployment: Deployment, component: str) -> Supervisor:
    promised = deployment.target.components[component].supervisor
    assert promised is not None  # noqa: S101 - it is where faults can be
    return promised


def _program(deployment: Deployment, component: str) -> tuple[str, Program]:
    return next(iter((_supervisor(deployment, component).programs or {}).items()))


def _with_programs(fits: Callable[[Program], object] = lambda _: True) -> Where:
    """Components whose first program fits."""

    def where(deployment: Deployment) -> Iterable[str]:
        return (name for name in promising("supervisor.programs")(deployment) if fits(_program(deployment, name)[1]))

    return where


def _section(*settings: tuple[str, str | None]) -> Change:
    """The first program's section has other settings, or not these (None)."""

    def change(deployment: Deployment, component: str) -> Deployment:
        config = _supervisor(deployment, component).config or supervisor.CONFIG
        path = supervisor.section_of(config, _program(deployment, component)[0])

        def other(file: File) -> File:
            text = file.text or ""
            for key, value in settings:
                text = re.sub(rf"(?m)^{key}=.*\n", "", text) + (f"{key}={value}\n" if value is not None else "")
            return replace(file, text=text)

        return deployment.with_machine(component, lambda machine: machine.with_file(path, other))

    return change


def _works(deployment: Deployment, component: str, works: str) -> Deployment:
    """The first program's workers do something else."""
    name, program = _program(deployment, component)
    file = supervisor.worker(supervisor.command_of(program, name), works)
    return deployment.with_machine(
        component, lambda machine: machine.with_file(file.path, lambda old: replace(old, text=file.text))
    )


def _with_daemon(change: Callable[[Daemon], Daemon | None], name: str) -> Callable[[Machine], Machine]:
    def changed(machine: Machine) -> Machine:
        daemons = (change(one) if one.name == name else one for one in machine.daemons)
        return replace(machine, daemons=tuple(one for one in daemons if one is not None))

    return changed


def _without_daemon(name: str) -> Change:
    return lambda deployment, component: deployment.with_machine(component, _with_daemon(lambda _: None, name))


def _by_hand(script: str) -> Change:
    """An operator does something; `GROUP` is the first program, `LAST` the last of its processes, `FILE` its file."""

    def change(deployment: Deployment, component: str) -> Deployment:
        name, program = _program(deployment, component)
        group = name.partition(":")[0]
        last = f"{group}_{program.processes - 1:02d}" if program.processes > 1 else name.rpartition(":")[2]
        file = supervisor.section_of(_supervisor(deployment, component).config or supervisor.CONFIG, name)
        told = {"GROUP": group, "LAST": f"{group}:{last}", "FILE": "{{root}}" + file}
        daemon = supervisor.by_hand("by-hand", re.sub("GROUP|LAST|FILE", lambda word: told[word[0]], script))
        return deployment.with_machine(component, lambda machine: replace(machine, daemons=(*machine.daemons, daemon)))

    return change


def _ends_at_once(deployment: Deployment, component: str) -> Deployment:
    """However slow the machine is: it never counts as started."""
    return _works(_section(("startsecs", NEVER))(deployment, component), component, "sys.exit(1)")


def _young(daemon: Daemon) -> Daemon:
    """Its processes say when they were really started."""
    return replace(daemon, words=(*daemon.words[:-1], "0"))


def _just_started(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_machine(component, _with_daemon(_young, supervisor.DAEMON))


def _flaps(deployment: Deployment, component: str) -> Deployment:
    restarts = _program(deployment, component)[1].restarts
    assert restarts is not None  # noqa: S101 - it is where this can be
    settled = _section(("startsecs", "0"))(deployment, component)
    flapping = _works(settled, component, FLAPS % (restarts.at_most + 1))
    return flapping.with_machine(
        component,
        _with_daemon(lambda daemon: replace(_young(daemon), ready="{{root}}/var/run/settled"), supervisor.DAEMON),
    )


def _as_root(machine: Machine) -> Machine:
    """All that was set up by the user was set up by root."""
    files = (replace(one, owner="root", group="root") if one.owner == machine.keeper else one for one in machine.files)
    return replace(machine, files=tuple(files), keeper="root")


def _other_user(deployment: Deployment, component: str) -> Deployment:
    return _section(("user", None))(deployment, component).with_machine(component, _as_root)


def _other_command(deployment: Deployment, component: str) -> Deployment:
    name, program = _program(deployment, component)
    first = supervisor.command_of(program, name).split()[0]
    return _section(("command", f"{first} /srv/old/artisan queue:listen"))(deployment, component)


def _old_program(deployment: Deployment, component: str) -> Deployment:
    config = _supervisor(deployment, component).config or supervisor.CONFIG

    def with_old(machine: Machine) -> Machine:
        files = (File(supervisor.section_of(config, "old-mailer"), OLD), supervisor.worker("old-mailer", "sys.exit(1)"))
        owned = (replace(one, owner=machine.keeper, group=machine.keeper) for one in files)
        return replace(machine, files=(*machine.files, *owned))

    return deployment.with_machine(component, with_old)


def _pm2(deployment: Deployment, component: str) -> Pm2:
    promised = deployment.target.components[component].pm2
    assert promised is not None  # noqa: S101 - it is where faults can be
    return promised


def _with_apps(fits: Callable[[App], object] = lambda _: True) -> Where:
    """Components whose first application fits."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in promising("pm2.apps")(deployment):
            if fits(next(iter((_pm2(deployment, name).apps or {}).values()))):
                yield name

    return where


def _instances(
    change: Callable[[list[dict[str, Any]], App], list[dict[str, Any]]], *, running: bool = True, saved: bool = False
) -> Change:
    """The instances of the first application are others, among those that run, or that are saved."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = _pm2(deployment, component)
        home = pm2.home_of(promised)
        (first, app), *others = (promised.apps or {}).items()
        found = change(pm2.instances(first, app, home), app)
        found += [one for name, other in others for one in pm2.instances(name, other, home)]
        made = [pm2.instances_file(home, found)] if running else []
        made += [pm2.dump_file(home, [one["pm2_env"] for one in found])] if saved else []

        def with_all(machine: Machine) -> Machine:
            for file in made:
                machine = machine.with_file(file.path, lambda old, file=file: replace(old, text=file.text))  # type: ignore[misc]
            return machine

        return deployment.with_machine(component, with_all)

    return changed


def _env(**settings: Any) -> Callable[[list[dict[str, Any]], App], list[dict[str, Any]]]:
    """All instances have other settings."""
    return lambda found, _: [{**one, "pm2_env": {**one["pm2_env"], **settings}} for one in found]


def _errored(found: list[dict[str, Any]], _: App) -> list[dict[str, Any]]:
    first, *rest = found
    return [{**first, "pm2_env": {**first["pm2_env"], "status": "errored"}}, *rest]


def _restarted(found: list[dict[str, Any]], app: App) -> list[dict[str, Any]]:
    return _env(restart_time=(app.restarts or 0) + 87)(found, app)


def _ended_at_once(found: list[dict[str, Any]], app: App) -> list[dict[str, Any]]:
    return _env(unstable_restarts=(app.unstable_restarts or 0) + 3)(found, app)


def _other_mode(found: list[dict[str, Any]], app: App) -> list[dict[str, Any]]:
    return _env(exec_mode="fork_mode" if app.mode == "cluster" else "cluster_mode")(found, app)


def _other_starter(deployment: Deployment, component: str) -> Deployment:
    user = _pm2(deployment, component).user or ""
    home = File(f"/home/{user}", mode=0o755, owner=user, group=user)
    there = deployment.with_machine(component, _as_root)
    return there.with_machine(component, lambda machine: replace(machine, files=(*machine.files, home)))


def _never_saved(deployment: Deployment, component: str) -> Deployment:
    path = f"{pm2.home_of(_pm2(deployment, component))}/dump.pm2"
    return deployment.with_machine(component, lambda machine: machine.with_file(path, lambda _: None))


def _not_at_boot(deployment: Deployment, component: str) -> Deployment:
    def without_link(machine: Machine) -> Machine:
        return replace(
            machine, files=tuple(one for one in machine.files if not one.path.startswith(pm2.WANTS + "/pm2-"))
        )

    return deployment.with_machine(component, without_link)


FAULTS = (
    fault(
        "supervisor-dead",
        "supervisord is dead, and its workers with it.",
        "SUPERVISOR-ANSWERS",
        where=promising("supervisor"),
        change=_without_daemon(supervisor.DAEMON),
        also=("QUEUE-CONSUMED",),
    ),
    fault(
        "supervised-stopped",
        "One of a program's workers was stopped by hand.",
        "SUPERVISOR-RUNNING",
        where=_with_programs(),
        change=_by_hand("supervisorctl stop LAST"),
    ),
    fault(
        "supervised-too-few",
        "A worker less is configured than promised.",
        "SUPERVISOR-RUNNING",
        where=_with_programs(lambda program: program.processes > 1),
        change=lambda deployment, component: _section(
            ("numprocs", str(_program(deployment, component)[1].processes - 1))
        )(deployment, component),
    ),
    fault(
        "supervised-ends-at-once",
        "A program's workers end as soon as they are started: BACKOFF, then FATAL.",
        "SUPERVISOR-RUNNING",
        where=_with_programs(),
        change=_ends_at_once,
    ),
    fault(
        "supervised-flaps",
        "A program's workers have ended again and again, and run once more.",
        "SUPERVISOR-FLAPPING",
        where=_with_programs(lambda program: program.restarts and program.restarts.at_most <= FEW),
        change=_flaps,
    ),
    fault(
        "supervised-just-started",
        "A program's workers have only just been started.",
        "SUPERVISOR-UPTIME",
        where=_with_programs(lambda program: program.uptime),
        change=_just_started,
    ),
    fault(
        "supervised-as-root",
        "A program's section names no user: its workers run as root.",
        "SUPERVISOR-USER",
        where=_with_programs(lambda program: program.user not in (None, "root")),
        change=_other_user,
    ),
    fault(
        "supervised-runs-another",
        "A program runs another command.",
        "SUPERVISOR-COMMAND",
        where=_with_programs(lambda program: program.command),
        change=_other_command,
    ),
    fault(
        "supervised-not-started",
        "A program does not start with Supervisor; somebody started it by hand.",
        "SUPERVISOR-AUTOSTART",
        where=_with_programs(lambda program: program.autostart),
        change=lambda deployment, component: _by_hand("supervisorctl start GROUP:*")(
            _section(("autostart", "false"))(deployment, component), component
        ),
    ),
    fault(
        "supervised-not-restarted",
        "A program is not started again when it ends.",
        "SUPERVISOR-AUTORESTART",
        where=_with_programs(lambda program: program.autorestart),
        change=_section(("autorestart", "false")),
    ),
    fault(
        "supervisor-gave-up",
        "A program that nobody thinks of any more ends at once, and was given up.",
        "SUPERVISOR-NONE-FAILED",
        where=promising("supervisor.none_failed"),
        change=_old_program,
    ),
    fault(
        "supervisor-not-reread",
        "A program's section was changed, and nobody told Supervisor.",
        "SUPERVISOR-CURRENT",
        where=lambda deployment: (
            name for name in _with_programs()(deployment) if _supervisor(deployment, name).as_configured
        ),
        change=_by_hand("sed -i s/^stopwaitsecs=.*/stopwaitsecs=60/ FILE"),
    ),
    fault(
        "pm2-dead",
        "PM2's daemon is dead.",
        "PM2-ANSWERS",
        where=promising("pm2"),
        change=_without_daemon(pm2.DAEMON),
    ),
    fault(
        "pm2-errored",
        "PM2 has given an instance of an application up.",
        "PM2-ONLINE",
        where=_with_apps(),
        change=_instances(_errored),
    ),
    fault(
        "pm2-stopped",
        "An application was stopped by hand.",
        "PM2-ONLINE",
        where=_with_apps(),
        change=_instances(_env(status="stopped")),
    ),
    fault(
        "pm2-too-few",
        "An application has an instance less than promised.",
        "PM2-ONLINE",
        where=_with_apps(lambda app: app.instances > 1),
        change=_instances(lambda found, _: found[1:]),
    ),
    fault(
        "pm2-restarting",
        "An application crashes, and PM2 starts it again each time.",
        "PM2-RESTARTS",
        where=_with_apps(lambda app: app.restarts is not None),
        change=_instances(_restarted),
    ),
    fault(
        "pm2-ends-at-once",
        "An application has ended several times as soon as it was started.",
        "PM2-UNSTABLE",
        where=_with_apps(lambda app: app.unstable_restarts is not None),
        change=_instances(_ended_at_once),
    ),
    fault(
        "pm2-just-started",
        "An application has only just been started.",
        "PM2-UPTIME",
        where=_with_apps(lambda app: app.uptime and app.uptime > 30),  # noqa: PLR2004 - a gate takes a few seconds
        change=_instances(_env(pm_uptime="{{-1 epoch_ms}}")),
    ),
    fault(
        "pm2-other-mode",
        "An application runs, and is saved, in fork mode in place of cluster mode, or the other way round.",
        "PM2-MODE",
        where=_with_apps(lambda app: app.mode),
        change=_instances(_other_mode, saved=True),
    ),
    fault(
        "pm2-never-saved",
        "Nobody ran `pm2 save`.",
        "PM2-SAVED",
        where=_with_apps(lambda app: app.saved),
        change=_never_saved,
    ),
    fault(
        "pm2-saved-before",
        "`pm2 save` was run before the application moved to another folder.",
        "PM2-SAVED",
        where=_with_apps(lambda app: app.saved),
        change=_instances(_env(pm_exec_path="/srv/old/server.js"), running=False, saved=True),
    ),
    fault(
        "pm2-not-at-boot",
        "Nothing starts PM2 at boot: `pm2 startup` was never run.",
        "PM2-BOOT",
        where=promising("pm2.resurrects"),
        change=_not_at_boot,
    ),
    fault(
        "pm2-as-root",
        "PM2's applications were started by root.",
        "PM2-USER",
        where=lambda deployment: (
            name for name in promising("pm2.user")(deployment) if _pm2(deployment, name).user != "root"
        ),
        change=_other_starter,
    ),
)
