"""The ways to run the suites on a real deployment of 21 services: whole, in part, again, in parallel, replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.matrix.seeing import ROOT, environment, up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roadworthy.sandbox import Sandbox

    Verify = Callable[..., dict[str, Any]]

FAMILIES = {"cache", "config", "containers", "database", "dns", "exposure", "headers", "health", "host", "http", "tls"}
pytestmark = [pytest.mark.real, pytest.mark.matrix]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with up("elymica") as running:
        yield running


@pytest.fixture
def verify(sandbox: Sandbox, tmp_path: Path) -> Verify:
    """Runs pytest as a person would; the verdict, with the exit code under `code`."""

    def run(*options: str) -> dict[str, Any]:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "suites",
            "--reports",
            str(tmp_path),
            "-o",
            f"cache_dir={tmp_path}/cache",
        ]
        target = (
            () if "--replay" in options else ("--target", "targets/elymica.yaml", "--overlay", str(sandbox.overlay))
        )
        done = subprocess.run(
            [*command, *target, *options],
            cwd=ROOT,
            env={**os.environ, **environment("elymica"), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        newest = max(tmp_path.glob("*/verdict.json"), key=lambda file: file.stat().st_mtime_ns)
        return {**json.loads(newest.read_text()), "code": done.returncode, "terminal": done.stdout}

    return run


@pytest.mark.parametrize("options", [(), ("-k", "tls"), ("-m", "health and critical"), ("--lf",), ("-n", "2")])
def test_green_in_every_way(verify: Verify, options: tuple[str, ...]) -> None:
    verdict = verify(*options)
    assert (verdict["code"], verdict["decision"]) == (0, "go"), verdict["terminal"]
    families = {result["family"] for result in verdict["results"]}
    assert families == (FAMILIES if options in ((), ("--lf",), ("-n", "2")) else families & {"health", "tls"})


def test_a_replay_gives_the_same_verdict(verify: Verify, sandbox: Sandbox) -> None:
    sandbox.break_("database-down")
    try:
        live = verify()
    finally:
        sandbox.mend("database-down")
    replayed = verify("--replay", live["run"])
    assert (live["code"], replayed["code"]) == (1, 1)
    assert replayed["causes"] == live["causes"]
    assert replayed["results"] == live["results"]
    assert "REPLAY" in replayed["terminal"]


def test_the_last_failure_is_looked_at_again_and_nothing_else(verify: Verify, sandbox: Sandbox) -> None:
    sandbox.break_("edge-certificate-untrusted")
    try:
        assert verify()["code"] == 1
        again = verify("--lf")
    finally:
        sandbox.mend("edge-certificate-untrusted")
    assert [result["check"] for result in again["results"]] == ["TLS-TRUST"]
    assert again["code"] == 1
    assert verify("--lf")["part"].startswith("1 of ")
