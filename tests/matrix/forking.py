"""Runs the `roadworthy` command in a process of its own that has everything imported: hundreds of gates, one start.

`python -m tests.matrix.forking` imports, and then forks for each line that it is given: what a command would have done
itself after its imports. It ends with its standard input.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PRELOADED = (
    "asyncssh",
    "psycopg",
    "roadworthy.cli",
    "roadworthy.plugin",
    *(f"roadworthy.probes.{name}" for name in ("cache", "dns_zone", "host", "http", "mail", "postgresql", "tls_scan")),
)
_of_thread = threading.local()


def run(arguments: list[str], environ: Mapping[str, str], folder: Path, output: Path, within_s: float) -> int:
    """The command's exit code; all that it says goes to a file.

    Raises:
        TimeoutError: it did not end in time.
    """
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    order = {"arguments": arguments, "environ": dict(environ), "folder": str(folder), "output": str(output)}
    server.stdin.write(json.dumps(order) + "\n")
    server.stdin.flush()
    pid = int(server.stdout.readline())
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(within_s, end)
    timer.start()
    code = int(server.stdout.readline())
    timer.cancel()
    if late.is_set():
        raise TimeoutError(f"{arguments}: not ended after {within_s:g} s:\n{output.read_text()}")
    return code


def _server() -> subprocess.Popen[str]:
    """The one of this thread."""
    if not hasattr(_of_thread, "server"):
        root = Path(__file__).parents[2]
        _of_thread.server = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=root, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    server: subprocess.Popen[str] = _of_thread.server
    return server


def _serve() -> None:
    for name in PRELOADED:
        import_module(name)
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be(order)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _be(order: dict[str, str]) -> None:
    """Becomes the command."""
    os.environ.clear()
    os.environ.update(order["environ"])
    os.chdir(order["folder"])
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT)
    for number, place in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(place, number)
    sys.argv = ["roadworthy", *order["arguments"]]
    try:
        import_module("roadworthy.cli").entry()
    finally:
        os._exit(3)


if __name__ == "__main__":
    _serve()
