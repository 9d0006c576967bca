"""Breaks a sandbox and reads the verdict: what the fault matrix asserts, and what `proofs.json` records.

`python -m tests.matrix.seeing [TARGET ...]` records anew; look at the difference before you keep it.

A target of `targets/` is broken in every way that it can be. A target of this folder is there for what no shipped one
promises: it is broken by the faults of the module of its name alone (`tls.yaml` by `sandbox/faults/tls.py`).
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.sandbox import Sandbox, running
from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.faults import FAULTS
from roadworthy.target.loading import load_target
from roadworthy.verdict.models import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.sandbox.faults import Fault

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SHIPPED = ("demo", "elymica", "bitflow-owner-portal")
TARGETS = (*SHIPPED, *sorted(file.stem for file in HERE.glob("*.yaml")))
ELSEWHERE = {"bitflow-owner-portal": ("http2-off:admin", "service-failing:admin")}
"""Faults in another component than the natural one, where a promise of the ledger is carried by that one alone."""
RELEASE = "2026.11.3"


def target_file(name: str) -> Path:
    """The file of a target."""
    return (ROOT / "targets" if name in SHIPPED else HERE) / f"{name}.yaml"


def faults_of(name: str) -> tuple[str, ...]:
    """The faults that a target's sandbox can have."""
    target = load_target(target_file(name), overrides=_release(name)).target
    deployment = derive(target, "127.64.0")
    ours = FAULTS.values() if name in SHIPPED else import_module(f"roadworthy.sandbox.faults.{name}").FAULTS
    natural = tuple(fault.name for fault in ours if fault.applies(deployment))
    return natural + ELSEWHERE.get(name, ())


def fault_of(case: str) -> Fault:
    """The fault of a case, whatever component it is in."""
    return FAULTS[case.partition(":")[0]]


def _release(name: str) -> dict[str, str]:
    return {"release.version": RELEASE} if "\nrelease:" in target_file(name).read_text(encoding="utf-8") else {}


def up(name: str) -> Sandbox:
    """A sandbox of a target, as a context manager."""
    os.environ["EXPECTED_VERSION"] = RELEASE
    return running(target_file(name))


def gate(sandbox: Sandbox, name: str, *options: str) -> Verdict:
    """The verdict on a sandbox, through the command that a pipeline runs."""
    with tempfile.TemporaryDirectory() as reports:
        command = [sys.executable, "-m", "roadworthy.cli", "gate", str(target_file(name)), "-q", "--reports", reports]
        done = subprocess.run(
            [*command, "--overlay", str(sandbox.overlay), *options],
            cwd=ROOT,
            env={**os.environ, "EXPECTED_VERSION": RELEASE},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        files = list(Path(reports).glob("*/verdict.json"))
        if not files:
            raise AssertionError(f"exit {done.returncode}, no verdict:\n{done.stdout}\n{done.stderr}")
        verdict = Verdict.model_validate_json(files[0].read_bytes())
    assert int(verdict.exit_code) == done.returncode, done.stdout + done.stderr
    return verdict


def reds(verdict: Verdict) -> tuple[str, ...]:
    """What is red by itself, as `CHECK[component]`; explained findings left out."""
    roots = (verdict.result(node) for cause in verdict.causes for node in cause.results)
    return tuple(sorted(f"{result.check}[{result.component}]" for result in roots))


def see(sandbox: Sandbox, name: str, fault: str) -> Verdict:
    """The verdict while a fault is in."""
    sandbox.break_(fault)
    try:
        return gate(sandbox, name)
    finally:
        sandbox.mend(fault)


def _proofs(name: str) -> Iterator[tuple[str, list[str]]]:
    with up(name) as sandbox:
        for fault in faults_of(name):
            seen = list(reds(see(sandbox, name, fault)))
            known, red = fault_of(fault), {one.partition("[")[0] for one in seen}
            odd = "" if known.reds <= red <= known.reds | known.also else "  <- not what the fault says of itself"
            print(f"{name:22} {fault:28} {' '.join(seen)}{odd}", file=sys.stderr)
            yield fault, seen


def main(names: tuple[str, ...]) -> None:
    """Records what every fault turns red."""
    with ThreadPoolExecutor(2) as pool:
        held = dict(zip(names, pool.map(lambda name: dict(_proofs(name)), names), strict=True))
    with (ROOT / "src" / "roadworthy" / "proofs.json").open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = {name: faults for name, faults in json.load(file).items() if name in TARGETS}
        file.seek(0)
        file.truncate()
        file.write(json.dumps({**known, **held}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or TARGETS)
