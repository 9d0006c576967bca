"""The decision, one change at a time from all passed."""

import pytest

from roadworthy.check import Severity
from roadworthy.verdict.deciding import EXIT_CODES, decide, headline
from roadworthy.verdict.models import Decision, ExitCode, Outcome
from tests.verdict.test_causes import result


@pytest.mark.parametrize(
    ("outcome", "blocking", "decision"),
    [
        (Outcome.PASSED, True, Decision.GO),
        (Outcome.FAILED, True, Decision.NO_GO),
        (Outcome.FAILED, False, Decision.GO),
        (Outcome.NOT_OBSERVED, True, Decision.INCONCLUSIVE),
        (Outcome.NOT_OBSERVED, False, Decision.GO),
    ],
)
def test_one_result_among_passed_ones_decides(outcome: Outcome, blocking: bool, decision: Decision) -> None:  # noqa: FBT001
    passed = result("A", "a", Outcome.PASSED)
    assert decide([passed, result("B", "a", outcome, blocking=blocking)]) is decision


def test_a_broken_promise_weighs_more_than_an_unseen_one() -> None:
    assert decide([result("A", "a", Outcome.NOT_OBSERVED), result("B", "a", Outcome.FAILED)]) is Decision.NO_GO


def test_where_nothing_blocks_nothing_is_decided() -> None:
    assert decide([result("A", "a", Outcome.PASSED, blocking=False)]) is Decision.INCONCLUSIVE


def test_nothing_judged_is_never_go() -> None:
    assert decide([]) is Decision.INCONCLUSIVE


def test_exit_codes_are_the_documented_ones() -> None:
    assert {decision.value: int(code) for decision, code in EXIT_CODES.items()} == {
        "go": 0,
        "no-go": 1,
        "inconclusive": 20,
        "interrupted": 2,
    }
    assert ExitCode.USAGE == 4


def test_the_headline_names_the_first_cause_and_counts_the_rest() -> None:
    from roadworthy.verdict.causes import explain  # noqa: PLC0415 - beside its only use
    from tests.verdict.test_causes import target  # noqa: PLC0415

    causes, _ = explain([result("A", "a", severity=Severity.LOW), result("B", "b", seen="worse")], target(a=[], b=[]))
    assert headline(Decision.NO_GO, "shop", causes) == "NO-GO: shop: b: worse (B) (and 1 more)"
    assert headline(Decision.GO, "shop", ()) == "GO: shop"
