"""A host is asked as often as planned, and never more often than its budget allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts import HttpAsk, NameAsk, TcpAsk
from roadworthy.facts.base import NotSeen, Reason
from roadworthy.observe.budget import Budget
from roadworthy.observe.engine import Observatory
from roadworthy.observe.redaction import Scrubber
from roadworthy.observe.store import EvidenceStore
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from pathlib import Path

HERE = "192.0.2.1:80"
THERE = "192.0.2.2:80"


def asks(count: int) -> list[HttpAsk]:
    return [HttpAsk.of(f"http://shop.example/{number}") for number in range(count)]


def test_what_is_planned_is_paid_for_once_at_each_address() -> None:
    budget, (ask,) = Budget(1), asks(1)
    budget.plan([ask, ask])
    assert budget.takes(ask, HERE)
    assert budget.takes(ask, THERE)
    assert not budget.takes(ask, HERE)


def test_retries_take_what_is_left_and_no_more() -> None:
    budget, (first, second) = Budget(3), asks(2)
    budget.plan([first, second])
    taken = [budget.takes(first, HERE) for _ in range(3)]
    assert taken == [True, True, False]
    assert budget.takes(second, HERE), "it was planned: no retry of another ask takes it away"


def test_one_address_does_not_pay_for_another() -> None:
    budget, (ask,) = Budget(2), asks(1)
    budget.plan([ask])
    assert [budget.takes(ask, HERE) for _ in range(3)] == [True, True, False]
    assert [budget.takes(ask, THERE) for _ in range(3)] == [True, True, False]


def test_what_nobody_planned_is_counted_too() -> None:
    budget = Budget(2)
    assert [budget.takes(ask, HERE) for ask in asks(3)] == [True, True, False]


def test_a_look_up_asks_a_resolver_and_no_host() -> None:
    budget = Budget(1)
    assert all(budget.takes(NameAsk(host="shop.example", port=port), None) for port in range(1, 5))


def test_a_new_beginning_counts_anew() -> None:
    budget, (ask,) = Budget(1), asks(1)
    budget.plan([ask])
    assert budget.takes(ask, HERE)
    budget.begin()
    assert budget.takes(ask, HERE)
    assert not budget.takes(ask, HERE)


def observatory(tmp_path: Path, **network: object) -> tuple[Observatory, EvidenceStore]:
    store = EvidenceStore(tmp_path / "evidence", Scrubber({}))
    return Observatory(Network(**network), store), store


def test_the_engine_makes_no_retry_that_the_budget_does_not_hold(tmp_path: Path) -> None:
    watching, store = observatory(tmp_path, retries=5, budget=3)
    ask = TcpAsk(host="127.0.0.1", port=9)
    watching.plan([ask])
    watching.observe([ask])
    (record,) = store.records(ask) or ()
    assert len(record.earlier_attempts) == 2


def test_what_is_over_the_budget_is_not_observed_and_says_why(tmp_path: Path) -> None:
    watching, store = observatory(tmp_path, retries=0, budget=1)
    found = [TcpAsk(host="127.0.0.1", port=port) for port in (9, 10)]
    watching.observe(found)
    results = [record.result for ask in found for record in store.records(ask) or ()]
    (refused,) = [result for result in results if isinstance(result, NotSeen)]
    assert refused.reason is Reason.BUDGET
    assert refused.detail == "this run may have no more than 1 exchanges with 127.0.0.1"
