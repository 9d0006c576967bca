"""A stand-in for PM2's daemon: answers on its socket as the real one does, and keeps a process for each instance.

python -m roadworthy.sandbox.machines.pm2_daemon PM2_HOME   in the folder that stands for the machine's root

What it knows of its instances stands in `instances.json` in its PM2_HOME, in the form of `pm2 jlist`. The protocol is
axon's RPC in AMP messages, as PM2 7.0.4 speaks it.
"""

from __future__ import annotations

import json
import os
import socketserver
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from roadworthy.sandbox.ending import die_with_parent

VERSION = 1
INSTANCES, SOCKET = "instances.json", "rpc.sock"
RUNS = ("online", "launching", "stopping")


class Daemon(socketserver.ThreadingUnixStreamServer):
    """All of it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(SOCKET, Conversation)
        self.processes = [_kept(one) for one in json.loads(Path(INSTANCES).read_text(encoding="utf-8"))]

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What is said to a call."""
        if asked.get("method") == "getMonitorData":
            return {"args": [self.processes]}
        return {"error": f'method "{asked.get("method")}" does not exist'}


def _kept(instance: dict[str, Any]) -> dict[str, Any]:
    """The same, with a process where it runs."""
    if instance["pm2_env"]["status"] not in RUNS:
        return instance
    process = subprocess.Popen(
        ["sleep", "infinity"],  # noqa: S607 - the machine's own
        preexec_fn=partial(die_with_parent, parent=os.getpid()),  # noqa: PLW1509 - no thread is there yet
    )
    return {**instance, "pid": process.pid}


class Conversation(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Answers every message."""
        assert isinstance(self.server, Daemon)  # noqa: S101 - it makes these
        while meta := self.rfile.read(1):
            asked, *rest = [self.rfile.read(struct.unpack(">I", self.rfile.read(4))[0]) for _ in range(meta[0] & 15)]
            said = b"j:" + json.dumps(self.server.answer(json.loads(asked.removeprefix(b"j:")))).encode()
            self.wfile.write(bytes([VERSION << 4 | 1 + len(rest)]))
            for part in (said, *rest):
                self.wfile.write(struct.pack(">I", len(part)) + part)


def main(home: str) -> None:
    """Works until it is ended."""
    os.chdir(home)  # a socket's path is short
    Path("pm2.pid").write_text(str(os.getpid()), encoding="utf-8")
    with Daemon() as daemon:
        daemon.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
