"""The collector of units against answers in systemctl's own words (systemd 252, and an older one's)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.store import Unseen
from roadworthy.facts.systemd import SystemdObservation
from roadworthy.onhost import ground, systemd
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICE = """\
Restart=on-failure
NRestarts=3
Result=success
User=www-data
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
ActiveEnterTimestamp=Sat 2026-11-21 10:00:00 UTC
"""
TIMER = """\
NextElapseUSecRealtime=Sun 2026-11-22 03:10:00 UTC
NextElapseUSecMonotonic=0
LastTriggerUSec=Sat 2026-11-21 03:10:00 UTC
Result=success
LoadState=loaded
ActiveState=active
SubState=waiting
UnitFileState=enabled
ActiveEnterTimestamp=Sat 2026-11-21 10:00:00 UTC
"""
ABSENT = """\
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
ActiveEnterTimestamp=
"""


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What the stand-in of systemctl says; it writes down what it was asked."""

    def says(out: str = "", err: str = "", code: int = 0) -> None:
        (tmp_path / "out").write_text(out)
        (tmp_path / "err").write_text(err)
        program = tmp_path / "systemctl"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncat {tmp_path}/out\ncat {tmp_path}/err >&2\nexit {code}\n'
        )
        program.chmod(0o755)

    monkeypatch.setattr(ground, "search_path", lambda: f"{tmp_path}:/usr/bin:/bin")
    return says


def look(*units: str, failed: bool = False) -> SystemdObservation:
    return SystemdObservation(observed_at=NOW, now=NOW, **systemd.look({"units": list(units), "failed": failed}))


def units_of(seen: SystemdObservation) -> dict[str, Any]:
    assert isinstance(seen.units, dict)
    return seen.units


def test_units_and_timers(says: Callable[..., None], tmp_path: Path) -> None:
    says(f"{SERVICE}\n{TIMER}\n{ABSENT}")
    seen = units_of(look("web.service", "backup.timer", "gone.service"))
    web, backup, gone = seen.values()
    assert (web.active, web.sub, web.enabled, web.restarts, web.user) == ("active", "running", "enabled", 3, "www-data")
    assert web.active_since == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert (web.triggered, web.planned) == (None, None)
    assert backup.triggered == datetime(2026, 11, 21, 3, 10, tzinfo=UTC)
    assert backup.planned is True
    assert backup.restarts is None
    assert (gone.load, gone.active, gone.active_since) == ("not-found", "inactive", None)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 1  # one process for all of them
    assert asked[0].endswith("-- web.service backup.timer gone.service")


@pytest.mark.parametrize(
    ("changes", "triggered", "planned"),
    [
        ({"LastTriggerUSec": ""}, None, True),
        ({"LastTriggerUSec": "n/a"}, None, True),
        ({"NextElapseUSecRealtime": ""}, ..., False),
        ({"NextElapseUSecRealtime": "", "NextElapseUSecMonotonic": "infinity"}, ..., False),
        ({"NextElapseUSecRealtime": "", "NextElapseUSecMonotonic": "18h 39min 15.342126s"}, ..., True),
        ({"NextElapseUSecRealtime": "n/a", "NextElapseUSecMonotonic": "n/a"}, ..., False),
        ({"LastTriggerUSec": "Sat 2026-11-21 03:10:00.123456 UTC"}, ..., True),
    ],
)
def test_the_times_of_timers(
    says: Callable[..., None], changes: dict[str, str], triggered: Any, *, planned: bool
) -> None:
    lines = [line.partition("=") for line in TIMER.splitlines()]
    says("".join(f"{name}={changes.get(name, value)}\n" for name, _, value in lines))
    timer = units_of(look("backup.timer"))["backup.timer"]
    assert timer.planned is planned
    assert timer.triggered == (datetime(2026, 11, 21, 3, 10, tzinfo=UTC) if triggered is ... else triggered)


def test_a_time_that_is_told_as_a_span_is_not_taken_for_none(says: Callable[..., None]) -> None:
    says(TIMER.replace("Sat 2026-11-21 03:10:00 UTC", "48y 3w 3d 3h 41min 44.093095s"))
    timer = units_of(look("backup.timer"))["backup.timer"]
    assert isinstance(timer.triggered, Unseen)
    says(SERVICE.replace("Sat 2026-11-21 10:00:00 UTC", "Sat 2026-11-21 11:00:00 CET"))
    assert isinstance(look("web.service").units, Unseen)


def test_failed_units(says: Callable[..., None]) -> None:
    says(
        "logrotate.service loaded failed failed Rotate log files\n"
        "certbot.service   not-found failed failed certbot.service\n"
    )
    assert look(failed=True).failed == ("logrotate.service", "certbot.service")
    says("")
    seen = look(failed=True)
    assert seen.failed == ()
    assert seen.units is None


@pytest.mark.parametrize(
    ("out", "err", "code", "why"),
    [
        ("", "System has not been booted with systemd as init system (PID 1). Can't operate.\n", 1, "not supported"),
        ("", "Failed to connect to bus: Connection refused\n", 1, "failed"),
        (SERVICE, "", 0, "failed"),  # of two
        ("\0\xff nonsense", "", 0, "failed"),
    ],
)
def test_what_cannot_be_told(says: Callable[..., None], out: str, err: str, code: int, why: str) -> None:
    says(out, err, code)
    seen = look("web.service", "other.service", failed=bool(code))
    assert isinstance(seen.units, Unseen)
    assert seen.units.unseen == why
    if code:
        assert isinstance(seen.failed, Unseen)


def test_a_host_without_systemctl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ground, "search_path", lambda: str(tmp_path))
    seen = look("web.service")
    assert isinstance(seen.units, Unseen)
    assert seen.units.unseen == "not supported"
