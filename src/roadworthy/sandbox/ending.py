"""Leaving nothing behind: processes that end with the one that started them, directories that are gone."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REMOVE_S = 5.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(how: signal.Signals = signal.SIGKILL, parent: int | None = None) -> None:
    """Asks the kernel to signal this process when its parent ends (prctl(2); kept by exec, lost by a change of user).

    Args:
        how: the signal.
        parent: the parent's pid where it is known: if it ended before this call, this process ends at once.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def remove(directory: Path) -> None:
    """Removes a directory, into which a process that was just killed may still be writing."""
    until = time.monotonic() + REMOVE_S
    while directory.exists() and time.monotonic() < until:
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists():
            time.sleep(0.02)  # that process is not ours to wait for
