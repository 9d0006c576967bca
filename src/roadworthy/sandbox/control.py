"""Starting sandboxes, finding those that run, and giving them orders.

Each has a directory of its own below `home()`, with the socket for its orders. A directory whose socket nobody listens
on is what a killed sandbox left: it is removed by the next look.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.ending import remove

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import IO

    from roadworthy.target.models import Target

START_S = 60.0
ORDER_S = 60.0
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,23}")
LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (unix(7))."""
BELOW_HOME = len("/a-target-of-24-letters--/machines/a-first-name-01234567/root/run/nginx-10.sock")
"""Bytes of the longest one of a sandbox, less those of `home()`."""


class SandboxError(RuntimeError):
    """A sandbox can't be started, found, or do what it was told."""


def home() -> Path:
    """Where the sandboxes of this user are.

    Raises:
        SandboxError: the path is too long for a socket, or belongs to somebody else.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [Path(runtime) / "roadworthy"] if runtime and Path(runtime).is_dir() else []
    places += [Path(tempfile.gettempdir()) / f"roadworthy-{os.getuid()}", Path("/tmp") / f"roadworthy-{os.getuid()}"]  # noqa: S108 - made private, and checked
    for place in places:
        if len(os.fsencode(place)) + BELOW_HOME <= LONGEST_SOCKET:
            place.mkdir(mode=0o711, exist_ok=True)
            if place.stat().st_uid != os.getuid() or place.is_symlink():
                raise SandboxError(f"{place} belongs to somebody else")
            return place
    raise SandboxError(f"{places[0]} is too long for a socket's path; set TMPDIR to a shorter one")


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox, seen from outside."""

    directory: Path

    @property
    def name(self) -> str:
        """What `--name` takes."""
        return self.directory.name

    @property
    def overlay(self) -> Path:
        """The overlay that leads a verification here."""
        return self.directory / "overlay.yaml"

    def break_(self, fault: str) -> Mapping[str, Any]:
        """Breaks it: `FAULT` or `FAULT:COMPONENT`. Returns once the fault is real.

        Raises:
            SandboxError: there is no such fault, it does not apply, or the sandbox is gone.
        """
        return self._order({"do": "break", "fault": fault})

    def mend(self, fault: str) -> Mapping[str, Any]:
        """Takes a fault away; `all` takes every one. Starts what was killed from outside, too.

        Raises:
            SandboxError: it is not broken so, or the sandbox is gone.
        """
        return self._order({"do": "mend", "fault": fault})

    def status(self) -> Mapping[str, Any]:
        """What runs where, and how it is.

        Raises:
            SandboxError: the sandbox is gone.
        """
        return self._order({"do": "status"})

    def down(self) -> None:
        """Ends it: no process and no file is left."""
        with suppress(OSError):
            self._send({"do": "down"})
        remove(self.directory)

    @property
    def alive(self) -> bool:
        """Whether somebody takes its orders."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.directory / "control")) == 0

    def _order(self, order: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            line = self._send(order)
        except OSError as error:
            raise SandboxError(f"sandbox {self.name} does not answer: {error}") from error
        if not line:
            raise SandboxError(f"sandbox {self.name} ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SandboxError(answer["error"])
        return answer

    def _send(self, order: Mapping[str, str]) -> bytes:
        """The line that comes back; empty once the supervisor has ended."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ORDER_S)
            connection.connect(str(self.directory / "control"))
            connection.sendall(json.dumps(order).encode() + b"\n")
            with connection.makefile("rb") as answer:
                return answer.readline()


def known() -> list[Sandbox]:
    """The sandboxes that run. What killed ones left is removed."""
    with _alone():
        return _living()


def _living() -> list[Sandbox]:
    living = []
    for directory in sorted(path for path in home().iterdir() if path.is_dir()):
        sandbox = Sandbox(directory)
        if sandbox.alive:
            living.append(sandbox)
        else:
            remove(directory)
    return living


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time claims or removes directories."""
    lock = os.open(home(), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def find(name: str | None = None) -> Sandbox:
    """The sandbox of a name, or the only one that runs.

    Raises:
        SandboxError: there is none, or there are several and no name tells which.
    """
    running_now = {sandbox.name: sandbox for sandbox in known()}
    if name is not None and name in running_now:
        return running_now[name]
    if name is None and len(running_now) == 1:
        return next(iter(running_now.values()))
    names = ", ".join(running_now) or "none"
    if name is None and running_now:
        raise SandboxError(f"several sandboxes run: say which with --name ({names})")
    raise SandboxError(f"no sandbox{f' named {name}' if name else ''} runs (running: {names})")


@dataclass
class Started:
    """A sandbox and the pipe that keeps it up; closed, or its holder dead, the sandbox ends."""

    sandbox: Sandbox
    process: subprocess.Popen[bytes]
    after_s: float

    def stay(self) -> None:
        """Leaves it running by itself."""
        assert self.process.stdin and self.process.stdout  # noqa: S101, PT018 - both were asked for
        self.process.stdin.write(b"stay\n")
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.returncode = 0  # nobody waits for it any more

    def end(self) -> None:
        """Takes it down, whatever state it is in."""
        end(self.process, self.sandbox)


def end(process: subprocess.Popen[bytes], sandbox: Sandbox) -> None:
    """Ends a supervisor that this process started."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()  # its children die with it
        process.wait()
    remove(sandbox.directory)


def start(target: Target, name: str | None = None) -> Started:
    """Starts a sandbox and waits until everything in it answers.

    Args:
        target: what it has to keep.
        name: what it is called; by default the target's name, or that and a number.

    Raises:
        SandboxError: the name is taken, a part of it does not start, or this is not Linux.
    """
    if platform.system() != "Linux":
        raise SandboxError("a sandbox needs Linux: it lives on loopback addresses that other systems do not have")
    began = time.monotonic()
    with _alone():
        sandbox, orders = _claim(target, name)
        with orders:
            log = (sandbox.directory / "supervisor.log").open("wb")
            with log:
                process = _supervise(sandbox, orders, log)
    try:
        assert process.stdout  # noqa: S101 - asked for
        line = process.stdout.readline()
    except BaseException:
        end(process, sandbox)
        raise
    told: dict[str, Any] = json.loads(line) if line else {"error": _last_words(sandbox)}
    if "error" in told:
        end(process, sandbox)
        raise SandboxError(told["error"])
    return Started(sandbox, process, time.monotonic() - began)


def _claim(target: Target, name: str | None) -> tuple[Sandbox, socket.socket]:
    if name is not None and not _NAME.fullmatch(name):
        raise SandboxError(f"{name!r} is no name: up to 24 small letters, digits, '.', '_' and '-'")
    taken = {sandbox.name for sandbox in _living()}
    wanted = name or target.name[:24]
    if wanted in taken:
        if name is not None:
            raise SandboxError(f"a sandbox named {name} runs already")
        wanted = next(free for number in range(2, 1000) if (free := f"{wanted}-{number}") not in taken)
    directory = home() / wanted
    directory.mkdir(mode=0o711)
    (directory / "target.json").touch(mode=0o600)
    (directory / "target.json").write_text(target.model_dump_json(by_alias=True))
    orders = socket.socket(socket.AF_UNIX)
    orders.bind(str(directory / "control"))
    orders.listen(16)
    return Sandbox(directory), orders


def _supervise(sandbox: Sandbox, orders: socket.socket, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The supervisor, away from this terminal; its socket is there before it is, so that it is never taken for dead."""
    listening = orders.fileno()
    command = [
        sys.executable,
        "-m",
        "roadworthy.sandbox.supervisor",
        str(sandbox.directory),
        sandbox.name,
        str(listening),
    ]
    return subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        pass_fds=[listening],
        start_new_session=True,
        cwd="/",
    )


def _last_words(sandbox: Sandbox) -> str:
    with suppress(OSError):
        lines = (sandbox.directory / "supervisor.log").read_text(errors="replace").strip().splitlines()
        return f"the supervisor ended: {lines[-1] if lines else 'it said nothing'}"
    return "the supervisor ended, and its directory is gone"


@contextmanager
def running(target: Target | str | os.PathLike[str], *, name: str | None = None) -> Iterator[Sandbox]:
    """A sandbox for as long as the block runs; it ends with this process, too, whichever way that ends.

    Args:
        target: a loaded target, or the file of one.
        name: what it is called.

    Raises:
        SandboxError: a part of it does not start.
        TargetError: the file is no target.
    """
    started = start(_loaded(target), name)
    try:
        yield started.sandbox
    finally:
        started.end()


def _loaded(target: Target | str | os.PathLike[str]) -> Target:
    from roadworthy.target.models import Target as Model  # noqa: PLC0415 - finding a sandbox needs no pydantic

    if isinstance(target, Model):
        return target
    from roadworthy.target.releases import load_release  # noqa: PLC0415

    return load_release(Path(target)).target
