"""Puts a machine up: its files, its programs, its daemons, below a folder that stands for its root.

Only root can give files to several owners: with anyone else, all of it is the keeper's, and what is promised of other
owners is not kept.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import shutil
import signal
import stat
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from roadworthy.sandbox.ending import die_with_parent

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.sandbox.machines.machine import Answer, File, Machine, Tick

FIRST_UID = 60001
READY_S = 15.0
END_S = 3.0
POLL_S = 0.02

PROGRAM = '''#!{python} -SE
"""Answers as a program of the same name would."""
from __future__ import annotations
import json, re, sys, time

{rendered}
given = " ".join(sys.argv[1:])
for answer in json.loads({answers!r}):
    if re.fullmatch(answer["arguments"], given, re.DOTALL):
        time.sleep(answer["sleeps_s"])
        sys.stdout.write(rendered(answer["says"], {root!r}))
        sys.stderr.write(rendered(answer["complains"], {root!r}))
        sys.exit(answer["ends"])
sys.exit("{name}: nothing is known of: " + given)
'''

SUDO = """#!/bin/sh
[ "$1" = -n ] && shift
[ -e '{refused}' ] && {{ echo "sudo: a password is required" >&2; exit 1; }}
exec "$@"
"""


def rendered(text: str, root: object) -> str:
    """A text with its times and its root told. A machine's programs have it in them: it needs `re` and `time` alone."""
    now = time.time()

    def told(match: re.Match[str]) -> str:
        at = now + float(match[1])
        units = {"epoch": 1, "epoch_ms": 1000, "epoch_us": 1000000}
        if match[2] in units:
            return str(int(at * units[match[2]]))
        return time.strftime(match[2], time.gmtime(at))

    return re.sub(r"\{\{(-?[0-9.]+) ([^{}]+)\}\}", told, text.replace("{{root}}", str(root)))


def root_of(folder: Path) -> Path:
    """Where a machine's file system begins."""
    return folder / "root"


def programs_of(folder: Path) -> Path:
    """Where its programs are."""
    return folder / "bin"


def put_up(machine: Machine, folder: Path, names: tuple[tuple[str, str], ...] = ()) -> None:
    """Makes its files and programs anew; its hosts file knows the other hosts by name and address."""
    shutil.rmtree(folder, ignore_errors=True)
    root, programs = root_of(folder), programs_of(folder)
    for made in (root / "etc", programs):
        made.mkdir(parents=True)
    users, groups = _numbers(machine)
    _write_names(machine, root, users, groups)
    (root / "etc/hosts").write_text("".join(f"{address} {name}\n" for name, address in names))
    for file in sorted(machine.files, key=lambda file: file.path):
        _make(file, root)
    for file in sorted(machine.files, key=lambda file: file.path, reverse=True):
        _give(file, root, users[file.owner], groups[file.group])
    for name in {answer.program for answer in machine.answers}:
        _write_program(name, [answer for answer in machine.answers if answer.program == name], folder)
    for name, path in machine.programs:
        (programs / name).symlink_to(path)
    refused = folder / "sudo-refused"
    if not machine.lets_sudo:
        refused.touch()
    _executable(programs / "sudo", SUDO.format(refused=refused))
    _executable(programs / "python3", _python(machine))


def _python(machine: Machine) -> str:
    """The machine's Python, with the machine's clock."""
    if not machine.clock_ahead_s:
        return f'#!/bin/sh\nexec {sys.executable} -I "$@"\n'
    wrong = f"import sys,time;true=time.time;time.time=lambda:true()+{machine.clock_ahead_s};exec(sys.argv[2])"
    return f"#!/bin/sh\nexec {sys.executable} -I -c '{wrong}' \"$@\"\n"


def _numbers(machine: Machine) -> tuple[dict[str, int], dict[str, int]]:
    """Users and groups: the keeper is whoever runs this, and so are all others where that is not root."""
    own_uid, own_gid = os.getuid(), os.getgid()
    others = sorted({"root", *(file.owner for file in machine.files), *(file.group for file in machine.files)})
    names = [machine.keeper, *(name for name in others if name != machine.keeper)]  # a number's first name is told
    numbers = {name: FIRST_UID + place for place, name in enumerate(names)}

    def of(own: int) -> dict[str, int]:
        return {n: own if n == machine.keeper or os.geteuid() != 0 else number for n, number in numbers.items()}

    return of(own_uid), of(own_gid)


def _write_names(machine: Machine, root: Path, users: dict[str, int], groups: dict[str, int]) -> None:
    lines = [f"{name}:x:{number}:{groups.get(name, number)}::/home/{name}:/bin/sh\n" for name, number in users.items()]
    if machine.file("/etc/passwd") is None:
        (root / "etc/passwd").write_text("".join(lines))
    if machine.file("/etc/group") is None:
        (root / "etc/group").write_text("".join(f"{name}:x:{number}:\n" for name, number in groups.items()))


def _make(file: File, root: Path) -> None:
    path = root / file.path.lstrip("/")
    if file.is_folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.link is not None:
        path.symlink_to(file.link)
    elif file.data is not None:
        path.write_bytes(file.data)
    else:
        path.write_text(rendered(file.text or "", root))


def _give(file: File, root: Path, uid: int, gid: int) -> None:
    path = root / file.path.lstrip("/")
    found = path.lstat()
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(path, uid, gid, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        path.chmod(file.mode)
    at = time.time() - file.age_s
    os.utime(path, (at, at), follow_symlinks=False)


def _write_program(name: str, answers: list[Answer], folder: Path) -> None:
    table = [
        {"arguments": one.arguments, "says": one.says, "complains": one.complains}
        | {"ends": one.ends, "sleeps_s": one.sleeps_s}
        for one in answers
    ]
    text = PROGRAM.format(
        python=sys.executable,
        name=name,
        answers=json.dumps(table),
        root=str(root_of(folder)),
        rendered=inspect.getsource(rendered),
    )
    _executable(programs_of(folder) / name, text)


def _executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


class Running:
    """A machine's daemons and its own life, within the event loop of its SSH server."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.root = root_of(folder)
        self.processes: list[asyncio.subprocess.Process] = []
        self.ticking: list[asyncio.Task[None]] = []

    @property
    def environ(self) -> dict[str, str]:
        """What its programs run with."""
        return {**os.environ, "PATH": f"{programs_of(self.folder)}:{os.environ.get('PATH', os.defpath)}"}

    async def start(self) -> None:
        """Starts all, and returns when they answer.

        Raises:
            TimeoutError: one does not.
        """
        for daemon in self.machine.daemons:
            log = (self.folder / f"{daemon.name}.log").open("ab")
            self.processes.append(
                await asyncio.create_subprocess_exec(
                    *(rendered(word, self.root) for word in daemon.words),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**self.environ, **{name: rendered(value, self.root) for name, value in daemon.environ}},
                    cwd=self.root,
                    preexec_fn=partial(die_with_parent, parent=os.getpid()),
                )
            )
            log.close()
        async with asyncio.timeout(READY_S):
            await asyncio.gather(*(self._is_up(daemon.ready) for daemon in self.machine.daemons if daemon.ready))
        self.ticking = [asyncio.create_task(self._tick(tick)) for tick in self.machine.ticks]

    async def _is_up(self, sign: str) -> None:
        path = rendered(sign, self.root)
        while not os.path.exists(path):  # noqa: ASYNC110, ASYNC240, PTH110 - a file of its own: nothing tells of it
            await asyncio.sleep(POLL_S)

    async def _tick(self, tick: Tick) -> None:
        path = self.root / tick.path.lstrip("/")
        while True:
            with path.open("a") as file:
                file.write(rendered(tick.text, self.root))
            await asyncio.sleep(tick.every_s)

    async def stop(self) -> None:
        """Ends all."""
        for task in self.ticking:
            task.cancel()
        for daemon, process in zip(self.machine.daemons, self.processes, strict=True):
            with suppress(ProcessLookupError):
                if daemon.stop is None:
                    process.send_signal(signal.SIGTERM)
                else:
                    ending = await asyncio.create_subprocess_exec(
                        *(rendered(word, self.root) for word in daemon.stop), env=self.environ
                    )
                    await ending.wait()
        for process in self.processes:
            try:
                async with asyncio.timeout(END_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
