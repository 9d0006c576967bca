"""Breaks a sandbox and reads the verdict: what the fault matrix asserts, and what `proofs.json` records.

`python -m tests.matrix.seeing [TARGET ...]` records anew; look at the difference before you keep it.

A target of this folder promises everything of a topic, and is broken by the faults of the module of its name
(`tls.yaml` by `sandbox/faults/tls.py`). A target of `targets/` is broken once for each check that can turn red in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.catalogue import entries
from roadworthy.check import Severity
from roadworthy.sandbox import Sandbox, running
from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.faults import FAULTS
from roadworthy.target.loading import read_tree
from roadworthy.target.releases import load_release
from roadworthy.verdict.judging import judges
from roadworthy.verdict.models import Verdict
from tests.matrix import forking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults import Fault

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SHIPPED = (
    "demo",
    "elymica",
    "elymica-outside",
    "bitflow-lms",
    "bitflow-owner-portal",
    "innobic-procurement",
    "node-mongo",
)
TOPICS = tuple(sorted(file.stem for file in HERE.glob("*.yaml")))
TARGETS = (*SHIPPED, *TOPICS)
CHECKS = {entry.check.id: entry.check for entry in entries()}
RELEASE = "2026.11.3"


def target_file(name: str) -> Path:
    """The file of a target."""
    return (ROOT / "targets" if name in SHIPPED else HERE) / f"{name}.yaml"


@cache
def faults_of(name: str) -> tuple[str, ...]:
    """The faults that a target is broken by.

    A topic's target: all of the topic's. A shipped one: for each promise of the ledger one at each of its keys, and
    those that no topic's target can have, each in the first target that can.
    """
    deployment = deployment_of(name)
    if name in TOPICS:
        return tuple(fault.name for fault in topic_faults(name) if fault.applies(deployment))
    kept: dict[str, None] = {}
    met: set[tuple[str, str]] = set()
    for component, carries in deployment.target.components.items():
        for promise, key in ((promise, key) for promise, keys in carries.promises.items() for key in keys):
            of_key = tuple(_breaking(key, component, deployment))
            if of_key and (promise, key) not in met:
                met.add((promise, key))
                kept.setdefault(next((case for case in of_key if case in kept), of_key[0]))
    elsewhere = {fault for topic in TOPICS for fault in faults_of(topic)}
    elsewhere |= {fault for other in SHIPPED[: SHIPPED.index(name)] for fault in faults_of(other)}
    kept |= dict.fromkeys(
        fault.name for fault in FAULTS.values() if fault.name not in elsewhere and fault.applies(deployment)
    )
    return tuple(kept)


@cache
def deployment_of(name: str) -> Deployment:
    """What would run for a target."""
    return derive(load_release(target_file(name), environ=environment(name)).target, "127.64.0")


def _breaking(key: str, component: str, deployment: Deployment) -> Iterator[str]:
    """The faults of a component that break what stands at one of its keys."""
    for fault in FAULTS.values():
        possible = tuple(fault.where(deployment))
        if component in possible and any(judges(CHECKS[red], key) for red in fault.reds):
            yield fault.name if possible[0] == component else f"{fault.name}:{component}"


def topic_faults(name: str) -> tuple[Fault, ...]:
    """The faults of a topic's module."""
    found: tuple[Fault, ...] = import_module(f"roadworthy.sandbox.faults.{name}").FAULTS
    return found


def fault_of(case: str) -> Fault:
    """The fault of a case, whatever component it is in."""
    return FAULTS[case.partition(":")[0]]


@cache
def environment(name: str) -> dict[str, str]:
    """What a target's references stand for: the release, and credentials of its sandbox alone."""
    needed = read_tree(target_file(name)).environment
    return {variable: f"{variable.lower()}-of-{name}" for variable in needed} | {"EXPECTED_VERSION": RELEASE}


@cache
def needs_packages(name: str) -> bool:
    """Whether a target's sandbox takes more than the registry has: MariaDB, in place of MySQL too."""
    target = load_release(target_file(name), environ=environment(name)).target
    engines = (component.database.engine for component in target.components.values() if component.database)
    return not {"mysql", "mariadb"}.isdisjoint(engines)


def overlays_for(name: str, fault: str) -> tuple[str, ...]:
    """What is laid over a target while a fault is in: a run need not take its time where no limit is at stake."""
    unhurried = HERE / "unhurried" / f"{name}.yaml"
    about_limits = fault_of(fault) in topic_faults("limits")
    return (str(unhurried),) if unhurried.exists() and not about_limits else ()


def up(name: str, overlays: tuple[str, ...] = ()) -> AbstractContextManager[Sandbox]:
    """A sandbox of a target."""
    return running(load_release(target_file(name), map(Path, overlays), environ=environment(name)).target)


def gate(sandbox: Sandbox, name: str, *options: str) -> Verdict:
    """The verdict on a sandbox, through the command that a pipeline runs."""
    with tempfile.TemporaryDirectory() as reports:
        output = Path(reports) / "output"
        command = ["gate", str(target_file(name)), "-q", "--reports", reports, "--overlay", str(sandbox.overlay)]
        code = forking.run([*command, *options], {**os.environ, **environment(name)}, ROOT, output, within_s=180)
        files, said = list(Path(reports).glob("*/verdict.json")), output.read_text()
        if not files:
            raise AssertionError(f"exit {code}, no verdict:\n{said}")
        verdict = Verdict.model_validate_json(files[0].read_bytes())
    assert int(verdict.exit_code) == code, said
    return verdict


def reds(verdict: Verdict, fault: Fault) -> tuple[str, ...]:
    """What is red by itself, as `CHECK[component]`, less what is explained, and advice that is no part of the fault."""
    roots = (verdict.result(node) for cause in verdict.causes for node in cause.results)
    expected = fault.reds | fault.also
    counted = (result for result in roots if result.severity > Severity.INFO or result.check in expected)
    return tuple(sorted(f"{result.check}[{result.component}]" for result in counted))


def see(sandbox: Sandbox, name: str, fault: str) -> Verdict:
    """The verdict while a fault is in."""
    sandbox.break_(fault)
    try:
        return gate(
            sandbox, name, *(option for overlay in overlays_for(name, fault) for option in ("--overlay", overlay))
        )
    finally:
        sandbox.mend(fault)


def _proofs(name: str) -> Iterator[tuple[str, list[str]]]:
    cases = sorted(faults_of(name), key=lambda fault: overlays_for(name, fault))
    for overlays, faults in groupby(cases, key=lambda fault: overlays_for(name, fault)):
        with up(name, overlays) as sandbox:
            for fault in faults:
                known = fault_of(fault)
                seen = list(reds(see(sandbox, name, fault), known))
                red = {one.partition("[")[0] for one in seen}
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
