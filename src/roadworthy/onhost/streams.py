"""On the host: programs that say much. Their output is read line by line, and kept nowhere."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from roadworthy.onhost.ground import NOT_THERE, Done, Unseen, has, search_path, told

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMED = 2**25
"""So much of what a program says is read."""


def stream(command: list[str], until: float, heed: Callable[[str], bool]) -> tuple[Done, str]:
    """A program whose output is read line by line, and kept nowhere.

    Args:
        command: the program.
        until: when it is ended, on the clock of `time.monotonic`.
        heed: gets each line of its output and of its complaints; says whether that is enough.

    Returns:
        How it ended, with its last complaint, and why not all of it was read (empty: it was).

    Raises:
        Unseen: it can't be run.
    """
    if not has(command[0]):
        raise Unseen(NOT_THERE, "there is no {} here".format(command[0]))
    env = dict(os.environ, LC_ALL="C", TZ="UTC", PATH=search_path())
    try:
        process: Any = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise told(error, command[0]) from error
    try:
        short, complaint = _drain(process, until, heed)
        if short is None:
            return Done(process.wait(), "", complaint), ""
        return Done(0, "", ""), short
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
        process.stderr.close()


def _drain(process: Any, until: float, heed: Callable[[str], bool]) -> tuple[str | None, str]:
    """Why it was left (None: it ended; empty: that was enough), and the last of its complaints."""
    held = {"out": b"", "err": b""}
    complaint, read = "", 0
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ, "out")
        waiting.register(process.stderr, selectors.EVENT_READ, "err")
        while waiting.get_map():
            left = until - time.monotonic()
            ready = waiting.select(max(left, 0))
            if not ready and left <= 0:
                return "there was no time to read all of it", complaint
            for key, _ in ready:
                data = os.read(key.fd, 2**16)
                read += len(data)
                if not data:
                    waiting.unregister(key.fileobj)
                *lines, held[key.data] = (held[key.data] + (data or b"\n")).split(b"\n")
                for line in lines:
                    text = line.decode("utf-8", "replace")
                    if key.data == "err" and text.strip():
                        complaint = text
                    if text and heed(text):
                        return "", complaint
                if read > STREAMED:
                    return "the first {} MiB of it were read".format(STREAMED // 2**20), complaint
    return None, complaint
