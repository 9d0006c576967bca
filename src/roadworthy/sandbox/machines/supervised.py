"""supervisord on a machine of the sandbox: the real one, which finds paths, users, programs where the machine has them.

python -m roadworthy.sandbox.machines.supervised CONFIG READY AGE   in the folder that stands for the machine's root

READY is written once every process has come to a state that it may stay in. A process that runs says that it was
started AGE seconds earlier than it was: a sandbox need not have been up for as long as a target promises.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import Any

from supervisor import events
from supervisor import options as reading
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.supervisord import Supervisor

UNDER_WAY = (ProcessStates.STOPPED, ProcessStates.STARTING)


def below(path: str) -> str:
    """A path of the machine, as seen from its root: short, as the path of a socket must be."""
    return path.lstrip("/")


def _found(program: str) -> str:
    """The machine's own program, where it has one."""
    return os.path.abspath(below(program)) if os.path.exists(below(program)) else program  # noqa: PTH100, PTH110 - text


class Options(reading.ServerOptions):  # type: ignore[misc]
    """What supervisord has to do with the operating system."""

    def stat(self, filename: str) -> Any:
        """Whether there is a program."""
        return super().stat(_found(filename))

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> Any:
        """Becomes it."""
        return super().execve(_found(filename), argv, env)

    def chdir(self, dir: str) -> None:  # noqa: A002 - its name there
        """Where a process begins."""
        super().chdir(below(dir))


class Keeping(Supervisor):  # type: ignore[misc]
    """supervisord, which says when all that it starts by itself has been started."""

    ready: Path
    age_s: float

    def runforever(self) -> None:
        """Works until it is ended."""
        events.subscribe(events.ProcessStateRunningEvent, self._age)
        events.subscribe(events.ProcessStateEvent, self._notice)
        events.subscribe(events.SupervisorRunningEvent, self._notice)
        super().runforever()

    def _age(self, event: Any) -> None:
        event.process.laststart -= self.age_s

    def _notice(self, _: object) -> None:
        processes = [one for group in self.process_groups.values() for one in group.processes.values()]
        if not any(one.config.autostart and one.state in UNDER_WAY for one in processes):
            self.ready.touch()


def _users() -> dict[str, pwd.struct_passwd]:
    """Those of the machine's own file."""
    found = {}
    for line in Path("etc/passwd").read_text(encoding="utf-8").splitlines():
        name, password, uid, gid, *rest = line.split(":")
        found[name] = pwd.struct_passwd((name, password, int(uid), int(gid), *rest))
    return found


def main(config: str, ready: str, age: str) -> None:
    """Works until it is ended."""
    users = _users()
    pwd.getpwnam = users.__getitem__
    pwd.getpwuid = {one.pw_uid: one for one in users.values()}.__getitem__
    for name in ("existing_dirpath", "existing_directory", "logfile_name"):
        _go_below(name)
    options = Options()
    options.realize(["-n", "-c", config])
    for server in options.server_configs:
        if "file" in server:
            server["file"] = below(server["file"])
    options.first, options.test = True, False
    options.mood = SupervisorStates.RUNNING
    keeping = Keeping(options)
    keeping.ready, keeping.age_s = Path(ready), float(age)
    keeping.main()


def _go_below(name: str) -> None:
    convert = getattr(reading, name)
    setattr(reading, name, lambda value: convert(below(value) if isinstance(value, str) else value))


if __name__ == "__main__":
    main(*sys.argv[1:])
