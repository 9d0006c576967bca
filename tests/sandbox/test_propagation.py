"""The gate waits until all name servers agree."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from roadworthy.sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

TARGET = """\
schema: 1
name: moving
environment: test
components:
  zone: {domain: moving.example, dns: {same_everywhere: true}}
"""


def gate(target: Path, overlay: Path, reports: Path, wait: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "roadworthy.cli", "gate", str(target), "-q", "--wait", wait]
    command += ["--overlay", str(overlay), "--reports", str(reports)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def seen(reports: Path) -> bool:
    """Whether a round has looked at the name."""
    return any(reports.glob("*/evidence/dns-moving.example-53-*.json"))


@pytest.mark.real
@pytest.mark.usefixtures("own_home")
def test_servers_that_differ_are_waited_for(tmp_path: Path) -> None:
    file, reports = tmp_path / "moving.yaml", tmp_path / "reports"
    file.write_text(TARGET)
    with running(file) as sandbox:
        sandbox.break_("dns-servers-differ")
        waiting = gate(file, sandbox.overlay, reports, "60s")
        try:
            until = time.monotonic() + 40
            while not seen(reports) and waiting.poll() is None and time.monotonic() < until:
                time.sleep(0.05)  # another process's file
            assert seen(reports)
            sandbox.mend("dns-servers-differ")
            told, _ = waiting.communicate(timeout=60)
        finally:
            waiting.kill()
    assert waiting.returncode == 0, told
    verdict = json.loads(next(reports.glob("*/verdict.json")).read_text())
    assert not verdict["rounds"][0]["good"]
    assert "ns2.moving.example" in verdict["rounds"][0]["waiting_for"][0]
    assert verdict["rounds"][-1]["good"]
