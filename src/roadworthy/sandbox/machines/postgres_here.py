"""PostgreSQL 16 on a sandbox's machine, which whoever is logged in there may use: `python -m ... FOLDER`.

It listens on a socket in that folder alone; the file `ready` is there once it answers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from roadworthy.sandbox import programs
from roadworthy.sandbox.ending import die_with_parent

INSTALLED = "pginstall"
PORT = 5432
READY = "ready"
POLL_S = 0.02
SETTINGS = ("listen_addresses=", "fsync=off", "shared_buffers=4MB", "max_connections=10", f"port={PORT}")


def main(folder: Path) -> int:
    """Makes it and runs it until this process is ended."""
    folder.mkdir(parents=True)
    prefix = programs.prefix_without_root(folder)
    environ = programs.postgres_environ()

    def command(name: str, *words: str) -> list[str]:
        return [*prefix, str(programs.postgres_program(INSTALLED, name)), *words]

    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(  # noqa: S603 - fixed
        command("initdb", "-D", str(folder / "data"), *options), env=environ, check=True, stdout=subprocess.DEVNULL
    )
    settings = [word for setting in (*SETTINGS, f"unix_socket_directories={folder}") for word in ("-c", setting)]
    server = subprocess.Popen(  # noqa: S603 - fixed
        command("postgres", "-D", str(folder / "data"), *settings),
        env=environ,
        preexec_fn=partial(die_with_parent, parent=os.getpid()),  # noqa: PLW1509 - this process has one thread
    )
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGQUIT))
    answers = command("pg_isready", "-q", "-h", str(folder), "-p", str(PORT))
    while server.poll() is None and subprocess.run(answers, env=environ, check=False).returncode:  # noqa: S603 - fixed
        time.sleep(POLL_S)
    (folder / READY).touch()
    return server.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
