"""Every target against its sandbox: healthy = no finding; each fault = its checks, nothing else, and it comes first."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from roadworthy.catalogue import entries
from roadworthy.check import Severity
from roadworthy.proofs import Proofs
from roadworthy.sandbox.faults import FAULTS
from roadworthy.verdict.models import Decision
from tests.matrix.seeing import TARGETS, fault_of, faults_of, gate, needs_packages, overlays_for, reds, see, up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roadworthy.sandbox import Sandbox

ADVICE = {entry.check.id for entry in entries() if entry.check.severity is Severity.INFO}
ADVISED = {
    "elymica": {"CACHE-ADVICE[redis]"},
    "bitflow-lms": {"CACHE-ADVICE[redis]"},
    "bitflow-owner-portal": {"HDR-ADVICE[api]", "QUEUE-ADVICE[mysql]", "DB-ADVICE[mysql]"},
    "innobic-procurement": {
        "HDR-ADVICE[edge-apex]",
        "HDR-ADVICE[edge-www]",
        "QUEUE-ADVICE[mysql]",
        "DB-ADVICE[mysql]",
    },
    "node-mongo": {"DB-ADVICE[mongo]"},
    "database_mongodb": {"DB-ADVICE[alone]", "DB-ADVICE[set]"},
    "database_mysql": {"DB-ADVICE[primary]", "DB-ADVICE[replica]"},
}
"""Where a target promises what experts advise against today."""

KEPT = 2
"""Sandboxes at once: idle ones still take their share of the machine."""

MARKS = {name: (pytest.mark.full,) if needs_packages(name) else () for name in TARGETS}
NAMES = [pytest.param(name, marks=MARKS[name], id=name) for name in TARGETS]
CASES = [
    pytest.param(name, fault, marks=MARKS[name], id=f"{name}-{fault}") for name in TARGETS for fault in faults_of(name)
]


@pytest.fixture(scope="session")
def sandbox_of() -> Iterator[Callable[..., Sandbox]]:
    """A sandbox of a target, or of a variant; the last two that were wanted stay up, as tests of one come together."""
    running: dict[tuple[str, ...], tuple[Sandbox, ExitStack]] = {}

    def get(name: str, *overlays: str) -> Sandbox:
        wanted = (name, *overlays)
        if wanted not in running:
            while len(running) >= KEPT:
                running.pop(next(iter(running)))[1].close()
            stack = ExitStack()
            running[wanted] = stack.enter_context(up(name, overlays)), stack
        running[wanted] = running.pop(wanted)  # the newest stands last
        return running[wanted][0]

    with ExitStack() as end:
        end.callback(lambda: [stack.close() for _, stack in running.values()])
        yield get


@pytest.mark.matrix
@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_deployment_has_no_finding(sandbox_of: Callable[..., Sandbox], name: str) -> None:
    verdict = gate(sandbox_of(name), name)
    assert verdict.decision is Decision.GO, verdict.headline
    assert len(verdict.results) > 1
    advice = {f"{result.check}[{result.component}]" for result in verdict.results if result.is_finding}
    assert advice == ADVISED.get(name, set())


@pytest.mark.matrix
@pytest.mark.real
@pytest.mark.parametrize(("name", "fault"), CASES)
def test_a_fault_turns_its_checks_red_and_nothing_else(
    sandbox_of: Callable[..., Sandbox], name: str, fault: str
) -> None:
    verdict = see(sandbox_of(name, *overlays_for(name, fault)), name, fault)
    known, red = fault_of(fault), reds(verdict, fault_of(fault))
    checks = {one.partition("[")[0] for one in red}
    assert known.reds <= checks <= known.reds | known.also, verdict.headline
    if known.unseen:
        assert verdict.decision is Decision.INCONCLUSIVE, verdict.headline
        assert [cause.check for cause in verdict.causes if cause.blocking] == list(known.reds)
    elif known.reds - ADVICE:
        assert verdict.decision is Decision.NO_GO, verdict.headline
        assert verdict.causes[0].check in known.reds | known.also
    else:
        assert verdict.decision is Decision.GO, verdict.headline
    assert red == tuple(Proofs.recorded().by_target[name][fault]), "record anew: python -m tests.matrix.seeing"


def test_every_check_has_been_seen_red() -> None:
    proofs = Proofs.recorded()
    assert [entry.check.id for entry in entries() if not proofs.of(entry.check.id)] == []


def test_no_proof_is_of_a_fault_that_is_gone() -> None:
    recorded = {(name, fault) for name, faults in Proofs.recorded().by_target.items() for fault in faults}
    assert recorded == {(name, fault) for name in TARGETS for fault in faults_of(name)}


def test_every_fault_has_been_seen() -> None:
    recorded = {fault.partition(":")[0] for faults in Proofs.recorded().by_target.values() for fault in faults}
    assert recorded == set(FAULTS)
