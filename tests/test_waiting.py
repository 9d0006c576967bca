"""The rule of waiting, without clocks: rounds of built results."""

from roadworthy.verdict.models import Outcome, Result
from roadworthy.waiting import Settling
from tests.verdict.test_causes import result

GOOD = [result("REACH", "api", Outcome.PASSED)]
BAD = [result("REACH", "api", seen="refused")]


def transient(_: Result) -> bool:
    return True


def permanent(_: Result) -> bool:
    return False


def test_settles_after_n_good_rounds_in_a_row() -> None:
    settling = Settling(3)
    assert [settling.judge(GOOD, is_transient=transient) for _ in range(3)] == [False, False, True]


def test_a_bad_round_starts_the_count_anew() -> None:
    settling = Settling(2)
    rounds = [GOOD, BAD, GOOD, GOOD]
    assert [settling.judge(seen, is_transient=transient) for seen in rounds] == [False, False, False, True]
    assert settling.rounds[1].waiting_for == ("api: refused",)


def test_what_cannot_pass_by_itself_is_not_waited_for() -> None:
    assert Settling(1).judge(BAD, is_transient=permanent)


def test_waits_while_anything_may_still_pass() -> None:
    both = [*BAD, result("TLS", "api", seen="wrong name")]
    assert not Settling(1).judge(both, is_transient=lambda r: r.check == "REACH")
