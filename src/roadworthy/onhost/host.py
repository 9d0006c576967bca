"""On the host: who is logged in, and what they can do."""

from __future__ import annotations

import os
import platform
import pwd
from typing import Any

from roadworthy.onhost.ground import Unseen, run


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """The fields of `HostReachObservation` that only the host knows."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return {"user": user, "python": platform.python_version(), "sudo": _sudo() if wanted["sudo"] else None}


def _sudo() -> str:
    """Why sudo does nothing for us; empty: it does."""
    try:
        done = run(["sudo", "-n", "true"])
    except Unseen as unseen:
        return unseen.detail
    return done.last_words if done.code else ""
