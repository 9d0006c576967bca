"""Tests of somebody's own, beside the suites: testinfra's `host` goes where the target's vantage points lead."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.matrix.seeing import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TARGET = """
schema: 1
name: own
environment: test
network:
  timeout: 4s
  scan_timeout: 4s
  vantages: {here: {local: true}, gone: {ssh: "deploy@127.0.0.1:1", key_file: key, known_hosts: known}}
components:
  machine: {host: here, system: {cores: 1}}
"""

CHECKS = """
import pytest

testinfra_hosts = ["roadworthy://%s"]


def test_that_holds(host):
    assert host.check_output("echo %%s", "it's here") == "it's here"
    assert host.file("/etc/passwd").exists
    assert host.run("echo oops >&2; exit 3").rc == 3
    assert host.run("echo oops >&2; exit 3").stderr == "oops\\n"


def test_that_does_not_hold(host):
    assert host.run("false").succeeded, "false failed"


def test_that_hangs(host):
    host.run("sleep 60")
"""


def verdict(tmp_path: Path, where: str) -> dict[str, Any]:
    """What the gate says of these three tests alone."""
    target, own = tmp_path / "own.yaml", tmp_path / "own" / "test_own.py"
    target.write_text(TARGET)
    own.parent.mkdir()
    own.write_text(CHECKS % where)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "roadworthy.cli", "gate", str(target), str(own)),
            *("--reports", str(tmp_path / "reports"), "-k", "test_that"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    files = list((tmp_path / "reports").glob("*/verdict.json"))
    assert files, done.stdout + done.stderr
    return {**json.loads(files[0].read_text()), "code": done.returncode}


def outcomes(said: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {result["check"]: (result["outcome"], result["seen"]) for result in said["results"]}


@pytest.mark.real
@pytest.mark.parametrize("where", ["here", "machine"])
def test_own_tests_use_the_vantage_points_of_the_target(tmp_path: Path, where: str) -> None:
    said = outcomes(verdict(tmp_path, where))
    assert said["test_that_holds"][0] == "passed"
    assert said["test_that_does_not_hold"][0] == "failed"
    assert "false failed" in said["test_that_does_not_hold"][1]
    assert said["test_that_hangs"][0] == "not observed"
    assert "not finished after 4 s" in said["test_that_hangs"][1]


@pytest.mark.real
@pytest.mark.parametrize(("where", "why"), [("gone", "deploy@127.0.0.1:1"), ("nowhere", "no host nowhere")])
def test_a_host_that_is_not_led_to_is_not_observed(tmp_path: Path, where: str, why: str) -> None:
    said = verdict(tmp_path, where)
    assert said["code"] == 20
    assert {outcome for outcome, _ in outcomes(said).values()} == {"not observed"}
    assert all(why in seen for _, seen in outcomes(said).values())
