"""On the host: systemd's units and timers, by `systemctl show` of all of them at once."""

from __future__ import annotations

import re
import time
from calendar import timegm
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_THERE, Unseen, part, run

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "User",
    "ActiveEnterTimestamp",
    "LastTriggerUSec",
    "NextElapseUSecRealtime",
    "NextElapseUSecMonotonic",
)
FAILED_UNITS = ("list-units", "--state=failed", "--all", "--plain", "--no-legend", "--full")
NONE = ("", "n/a", "0", "infinity")
MOST_FAILED = 200
_MOMENT = re.compile(r"(?:[A-Z][a-z]{2} )?([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)? UTC")


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/systemd.py` holds."""
    return {
        "units": part(_units, wanted["units"]) if wanted["units"] else None,
        "failed": part(_failed) if wanted["failed"] else None,
    }


def _asked(*words: str) -> str:
    """What systemctl says.

    Raises:
        Unseen: there is no systemd, or it does not answer.
    """
    done = run(["systemctl", "--no-pager", *words])
    if done.code:
        without = "not been booted with systemd" in done.err
        raise Unseen(NOT_THERE if without else FAILED, "systemctl: " + done.last_words)
    return done.out


def _units(names: list[str]) -> dict[str, Any]:
    said = _asked("show", "--property=" + ",".join(PROPERTIES), "--", *names)
    blocks = [_block(text) for text in re.split(r"\n\s*\n", said.strip())]
    if len(blocks) != len(names) or not all("ActiveState" in block for block in blocks):
        raise Unseen(FAILED, "systemctl told of {} of {} units".format(len(blocks), len(names)))
    return {name: _unit(name, block) for name, block in zip(names, blocks)}


def _block(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


def _unit(name: str, block: dict[str, str]) -> dict[str, Any]:
    restarts = block.get("NRestarts", "")
    seen: dict[str, Any] = {
        "load": block.get("LoadState", ""),
        "active": block["ActiveState"],
        "sub": block.get("SubState", ""),
        "enabled": block.get("UnitFileState", ""),
        "result": block.get("Result", ""),
        "restarts": int(restarts) if restarts.isdigit() else None,
        "user": block.get("User", ""),
        "active_since": _moment(block.get("ActiveEnterTimestamp", "")),
    }
    if name.endswith(".timer"):
        seen["triggered"] = part(_moment, block.get("LastTriggerUSec", ""))
        seen["planned"] = any(
            block.get(key, "") not in NONE for key in ("NextElapseUSecRealtime", "NextElapseUSecMonotonic")
        )
    return seen


def _moment(text: str) -> float | None:
    """Seconds since 1970; None: there is no such time.

    Raises:
        Unseen: it is told in another way (systemd before 238 tells some times as spans).
    """
    if text in NONE:
        return None
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise Unseen(FAILED, "systemctl tells a time as {!r}".format(text[:40]))
    try:
        return float(timegm(time.strptime(match.group(1), "%Y-%m-%d %H:%M:%S")))
    except ValueError as error:
        raise Unseen(FAILED, "systemctl tells a time as {!r}".format(text[:40])) from error


def _failed() -> list[str]:
    said = _asked(*FAILED_UNITS)
    return [line.split()[0] for line in said.splitlines() if line.strip()][:MOST_FAILED]
