"""What is on a machine that keeps its promises of `supervisor`: a real supervisord, and what it runs.

Laravel's workers (`queue:work redis`) do the jobs of the target's Redis, whose name their hosts file leads to. Other
programs are stand-ins that wait. Each is called as the promised command calls it.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.machines.machine import Daemon, File, Machine
from roadworthy.target.blocks.supervisor import Contains

if TYPE_CHECKING:
    from roadworthy.target.blocks.supervisor import Program, Supervisor
    from roadworthy.target.models import Component, Target

CONFIG = "/etc/supervisor/supervisord.conf"
READY = "/var/run/supervisor.ready"
BIN = "/usr/bin"
DAEMON = "supervisord"
AGE_S = 7 * 86400
"""Its processes say that they were started so long ago."""
WORKS = "signal.pause()"
DOES_JOBS = """
import socket


def works():
    hosts = dict(reversed(line.split()) for line in open("{{{{root}}}}/etc/hosts"))
    there = socket.create_connection((hosts[{host!r}], {port}))
    answers = there.makefile("rb")

    def asked(*words):
        there.sendall(b"*%d\\r\\n" % len(words) + b"".join(b"$%d\\r\\n%s\\r\\n" % (len(word), word) for word in words))
        return answer()

    def answer():
        line = answers.readline()
        kind, told = line[:1], line[1:].strip()
        if kind not in (b"*", b"$", b"+", b":"):
            raise OSError(told)
        if told == b"-1" or kind not in (b"*", b"$"):
            return None
        return [answer() for _ in range(int(told))] if kind == b"*" else answers.read(int(told) + 2)[:-2]

    for words in {hello!r}:
        asked(*words)
    while True:
        if found := asked(b"BLPOP", {key!r}, b"0"):
            asked(b"ZADD", {key!r} + b":reserved", b"%d" % (time.time() + 90), found[1])
            asked(b"ZREM", {key!r} + b":reserved", found[1])


while True:
    try:
        works()
    except OSError:
        time.sleep(0.1)  # Redis is not there, or lets nobody in
"""
MAIN = """\
[unix_http_server]
file=/var/run/supervisor.sock
chmod=0700

[supervisord]
logfile=/var/log/supervisor/supervisord.log
pidfile=/var/run/supervisord.pid
childlogdir=/var/log/supervisor

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///var/run/supervisor.sock

[include]
files = {included}/*.conf
"""

LARAVELS = "queue:work"
WORKER = """#!{python} -SE
# A stand-in for a worker, which ends with supervisord, however that one ends.
import ctypes, os, signal, sys, time

ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == 1:
    sys.exit(1)
{works}
"""


def furnish(promised: Supervisor, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component
    programs = promised.programs or {}
    works = does_jobs_of(target) or WORKS
    config = promised.config or CONFIG
    users = [one.user for one in programs.values() if one.user]
    commands = {name: command_of(one, name) for name, one in programs.items()}
    keeper = users[0] if users else "root"
    files = (
        File(config, MAIN.format(included=_included(config))),
        *(File(section_of(config, name), section(name, one, commands[name])) for name, one in programs.items()),
        *(worker(command, works if LARAVELS in command else WORKS) for command in commands.values()),
        *(File(folder, mode=0o755) for folder in ("/var/run", "/var/log/supervisor")),
    )
    return Machine(
        files=tuple(replace(file, owner=keeper, group=keeper) for file in files),
        daemons=(_daemon(config),) if programs or promised.none_failed or promised.as_configured else (),
        keeper=keeper,
    )


def supervises_laravel(target: Target) -> bool:
    """Whether one of its hosts has workers of Laravel's under Supervisor."""
    promised = (component.supervisor for component in target.components.values() if component.supervisor is not None)
    programs = [(name, one) for block in promised for name, one in (block.programs or {}).items()]
    return any(LARAVELS in command_of(one, name) for name, one in programs)


def does_jobs_of(target: Target) -> str | None:
    """What a worker of Laravel's does with the queue in the target's Redis; None: it has none that is plain TCP."""
    for component in target.components.values():
        cache, queues = component.cache, component.queues
        if cache is None or queues is None or queues.kind != "laravel" or cache.encrypted or cache.cluster:
            continue
        (host, port), login = component.endpoint, cache.login
        queue = queues.probe_job.queue if queues.probe_job else next(iter(queues.names or ()), "default")
        password = login.password if login is not None else None
        hello = [("AUTH", *filter(None, (login.username if login else None, password)))] if password else []
        hello.append(("SELECT", str(queues.number)))
        return DOES_JOBS.format(
            host=host.lower(),
            port=local_port(port),
            hello=[[word.encode() for word in words] for words in hello],
            key=f"{queues.keys}queues:{queue}".encode(),
        )
    return None


def _included(config: str) -> str:
    """Where its own folder has those of programs."""
    return "conf.d" if config.endswith("/supervisor/supervisord.conf") else "supervisord.d"


def section_of(config: str, name: str) -> str:
    """The file of a program."""
    return f"{config.rpartition('/')[0]}/{_included(config)}/{name.partition(':')[0]}.conf"


def command_of(promised: Program, name: str) -> str:
    """What is run: as promised, or else a command of that name."""
    if isinstance(promised.command, Contains):
        return f"{name.partition(':')[0]} {' '.join(promised.command.contains)}"
    return promised.command or name.partition(":")[0]


def section(name: str, promised: Program, command: str) -> str:
    """Its section, as manuals of Laravel write it."""
    program = name.partition(":")[0]
    numbered = "%(program_name)s_%(process_num)02d" if promised.processes > 1 else "%(program_name)s"
    autorestart = True if promised.autorestart is None else promised.autorestart
    lines = {
        "process_name": name.partition(":")[2] or numbered,
        "command": command.replace("%", "%%"),
        "autostart": str(promised.autostart is not False).lower(),
        "autorestart": str(autorestart).lower(),
        "stopasgroup": "true",
        "killasgroup": "true",
        **({"user": promised.user} if promised.user else {}),
        "numprocs": str(promised.processes),
        "redirect_stderr": "true",
        "stopwaitsecs": "3600",
    }
    return "".join([f"[program:{program}]\n", *(f"{key}={value}\n" for key, value in lines.items())])


def worker(command: str, works: str = WORKS) -> File:
    """The program of a command."""
    program = shlex.split(command)[0]
    path = program if program.startswith("/") else f"{BIN}/{program}"
    return File(path, WORKER.format(python=sys.executable, works=works), mode=0o755)


def by_hand(name: str, script: str) -> Daemon:
    """What an operator does once all runs: a shell script, with supervisorctl."""
    control = f"{sys.executable} -m supervisor.supervisorctl -s unix://var/run/supervisor.sock"
    done = f"{{{{root}}}}/var/run/{name}.done"
    text = f'supervisorctl() {{ {control} "$@"; }}; until [ -e {{{{root}}}}{READY} ]; do sleep 0.05; done; '
    return Daemon(name, ("/bin/sh", "-c", f"{text}{script} && touch {done}"), ready=done)


def _daemon(config: str) -> Daemon:
    module = "roadworthy.sandbox.machines.supervised"
    return Daemon(
        DAEMON,
        (sys.executable, "-m", module, "{{root}}" + config, "{{root}}" + READY, str(AGE_S)),
        environ=(("PATH", f"{{{{root}}}}{BIN}:/usr/bin:/bin"), ("PYTHONDONTWRITEBYTECODE", "1")),
        ready="{{root}}" + READY,
    )
