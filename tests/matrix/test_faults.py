"""Every target against its sandbox: healthy = no finding; each fault = its checks, nothing else, and it comes first."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from roadworthy.catalogue import entries
from roadworthy.proofs import Proofs
from roadworthy.verdict.models import Decision
from tests.matrix.seeing import TARGETS, fault_of, faults_of, gate, reds, see, up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roadworthy.sandbox import Sandbox

CASES = [pytest.param(name, fault, id=f"{name}-{fault}") for name in TARGETS for fault in faults_of(name)]


@pytest.fixture(scope="session")
def sandbox_of() -> Iterator[Callable[[str], Sandbox]]:
    """One sandbox of each target for all tests; it comes up when it is first wanted."""
    with ExitStack() as stack:
        running: dict[str, Sandbox] = {}

        def get(name: str) -> Sandbox:
            if name not in running:
                running[name] = stack.enter_context(up(name))
            return running[name]

        yield get


@pytest.mark.matrix
@pytest.mark.real
@pytest.mark.parametrize("name", TARGETS)
def test_a_healthy_deployment_has_no_finding(sandbox_of: Callable[[str], Sandbox], name: str) -> None:
    verdict = gate(sandbox_of(name), name, "--fail-on", "info")
    assert verdict.decision is Decision.GO, verdict.headline
    assert len(verdict.results) > 5


@pytest.mark.matrix
@pytest.mark.real
@pytest.mark.parametrize(("name", "fault"), CASES)
def test_a_fault_turns_its_checks_red_and_nothing_else(
    sandbox_of: Callable[[str], Sandbox], name: str, fault: str
) -> None:
    verdict = see(sandbox_of(name), name, fault)
    assert verdict.decision is Decision.NO_GO, verdict.headline
    known, red = fault_of(fault), {cause.check for cause in verdict.causes}
    assert known.reds <= red <= known.reds | known.also, verdict.headline
    assert verdict.causes[0].check in known.reds | known.also
    assert reds(verdict) == Proofs.recorded().by_target[name][fault], "record anew: python -m tests.matrix.seeing"


def test_every_check_has_been_seen_red() -> None:
    proofs = Proofs.recorded()
    assert [entry.check.id for entry in entries() if not proofs.of(entry.check.id)] == []


def test_no_proof_is_of_a_fault_that_is_gone() -> None:
    recorded = {(name, fault) for name, faults in Proofs.recorded().by_target.items() for fault in faults}
    assert recorded == {(name, fault) for name in TARGETS for fault in faults_of(name)}
