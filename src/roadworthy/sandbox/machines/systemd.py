"""What is on a machine that keeps its promises of `systemd`.

systemd can't run here: `systemctl` answers in the words of systemd 252, as its own sources and reports of timers have
them (systemd/systemd 7993, 27695).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.onhost.systemd import FAILED_UNITS, PROPERTIES
from roadworthy.sandbox.machines.machine import Answer, Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.systemd import Systemd, Timer, Unit
    from roadworthy.target.models import Component, Target

UP_S = 30 * 86400.0
TIME = "%a %Y-%m-%d %H:%M:%S UTC"


def furnish(promised: Systemd, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    records = [_service(unit) for unit in (promised.units or {}).values()]
    records += [_timer(timer) for timer in (promised.timers or {}).values()]
    shown = Answer("systemctl", asked(promised), "\n".join(_told(record) for record in records))
    return Machine(answers=(*((shown,) if records else ()), Answer("systemctl", re.escape(FAILED_ARGUMENTS))))


FAILED_ARGUMENTS = " ".join(("--no-pager", *FAILED_UNITS))


def names(promised: Systemd) -> list[str]:
    """All units, in the order in which they are asked for."""
    return [*(promised.units or ()), *(promised.timers or ())]


def asked(promised: Systemd) -> str:
    """The arguments of the question for them."""
    return re.escape(" ".join(["--no-pager", "show", "--property=" + ",".join(PROPERTIES), "--", *names(promised)]))


def at(seconds: float) -> str:
    """A time so long from now, as systemctl writes it."""
    return f"{{{{{seconds:.0f} {TIME}}}}}"


def _service(unit: Unit) -> dict[str, str]:
    return {
        "NRestarts": "0",
        "Result": "success",
        "User": "" if unit.user in (None, "root") else unit.user or "",
        "LoadState": "loaded",
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "ActiveEnterTimestamp": at(-max(UP_S, 2 * (unit.up_for or 0))),
    }


def _timer(timer: Timer) -> dict[str, str]:
    within = timer.ran_within or 86400.0
    return {
        "NextElapseUSecRealtime": at(within / 2),
        "NextElapseUSecMonotonic": "0",
        "LastTriggerUSec": at(-within / 2),
        "Result": "success",
        "LoadState": "loaded",
        "ActiveState": "active",
        "SubState": "waiting",
        "UnitFileState": "enabled",
        "ActiveEnterTimestamp": at(-UP_S),
    }


def _told(record: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in record.items())


def changed(says: str, place: int, **properties: str) -> str:
    """The answer with some properties of one unit changed."""
    records = [dict(_pairs(text)) for text in says.split("\n\n")]
    records[place].update(properties)
    return "\n".join(_told(record) for record in records)


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, _, value in (line.partition("=") for line in text.strip().splitlines()))
