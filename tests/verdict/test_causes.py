"""What explains what, on built results."""

from typing import Any

import pytest

from roadworthy.check import Severity
from roadworthy.target.models import Target
from roadworthy.verdict.causes import explain
from roadworthy.verdict.models import Look, Outcome, Result

FAILED, UNSEEN, PASSED = Outcome.FAILED, Outcome.NOT_OBSERVED, Outcome.PASSED


def target(**depends_on: list[str]) -> Target:
    components = {
        name: {"address": f"{name}.example:1", "tcp": {"open": True}, "depends_on": others}
        for name, others in depends_on.items()
    }
    return Target.model_validate({"schema": 1, "name": "t", "environment": "e", "components": components})


def result(check: str, component: str, outcome: Outcome = FAILED, *, seen: str = "bad", **changes: Any) -> Result:
    look = Look(what="w", address="127.0.0.1:1", outcome=outcome, seen=seen, by_hand="h")
    values: dict[str, Any] = {
        "node_id": f"suites/x.py::{check}[{component}]",
        "check": check,
        "title": "t",
        "family": "f",
        "component": component,
        "severity": Severity.HIGH,
        "outcome": outcome,
        "blocking": True,
        "promised": "p",
        "seen": seen if outcome is not PASSED else "",
        "why": "w",
        "source": "s",
        "repair": "r",
        "looks": (look,),
    }
    return Result(**(values | changes))


def test_a_lone_finding_is_its_own_cause() -> None:
    causes, results = explain([result("A", "api"), result("B", "api", PASSED)], target(api=[]))
    assert [(cause.id, cause.headline, cause.blocks) for cause in causes] == [("A:api", "api: bad", ())]
    assert [r.blocked_by for r in results] == [None, None]


def test_a_dead_database_is_one_cause_not_four() -> None:
    chain = target(postgres=[], auth=["postgres"], sms=["auth"], other=[])
    causes, results = explain(
        [
            result("HEALTH", "sms", availability=True, seen="503"),
            result("HEALTH", "auth", availability=True, seen="503"),
            result("REACH", "postgres", availability=True, seen="refused"),
            result("HEADER", "sms", UNSEEN),
            result("HEADER", "other", seen="gone"),
        ],
        chain,
    )
    assert [cause.id for cause in causes] == ["REACH:postgres", "HEADER:other"]
    assert len(causes[0].blocks) == 3
    assert {r.component: r.blocked_by for r in results if r.check == "HEALTH"} == dict.fromkeys(
        ("sms", "auth"), "REACH:postgres"
    )


def test_a_broken_promise_of_its_own_is_not_explained_by_a_dead_dependency() -> None:
    causes, _ = explain(
        [result("REACH", "db", availability=True), result("EXPIRY", "api", seen="expired")], target(db=[], api=["db"])
    )
    assert {cause.id for cause in causes} == {"REACH:db", "EXPIRY:api"}


def test_what_is_unseen_behind_a_dead_component_is_explained_by_it() -> None:
    causes, _ = explain(
        [
            result("REACH", "api", availability=True, seen="refused"),
            result("HEALTH", "api", availability=True, after=("REACH",), seen="no answer"),
            result("HEADER", "api", UNSEEN),
        ],
        target(api=[]),
    )
    assert [(cause.id, len(cause.blocks)) for cause in causes] == [("REACH:api", 2)]


def test_unseen_without_a_dead_component_stays_a_cause_of_its_own() -> None:
    causes, _ = explain([result("HEADER", "api", UNSEEN, seen="no page")], target(api=[]))
    assert causes[0].outcome is UNSEEN


def test_the_same_fault_on_many_components_is_one_line() -> None:
    names = {f"s{n}": list[str]() for n in range(6)}
    causes, _ = explain([result("HSTS", name, seen="not sent") for name in names], target(**names))
    assert len(causes) == 1
    assert causes[0].headline == "s0, s1, s2 and 3 more: not sent"
    assert len(causes[0].results) == 6


def test_what_is_seen_differently_is_told_apart() -> None:
    causes, _ = explain([result("HSTS", "a", seen="short"), result("HSTS", "b", seen="gone")], target(a=[], b=[]))
    assert len(causes) == 2


def test_the_gravest_blocking_failure_comes_first() -> None:
    causes, _ = explain(
        [
            result("ADVICE", "a", severity=Severity.CRITICAL, blocking=False),
            result("UNSEEN", "b", UNSEEN, severity=Severity.CRITICAL),
            result("LOW", "c", severity=Severity.LOW),
            result("HIGH", "d", severity=Severity.HIGH),
        ],
        target(a=[], b=[], c=[], d=[]),
    )
    assert [cause.check for cause in causes] == ["HIGH", "LOW", "UNSEEN", "ADVICE"]


def test_two_dead_dependencies_lead_to_the_deepest() -> None:
    causes, results = explain(
        [
            result("REACH", "redis", availability=True, seen="refused"),
            result("REACH", "postgres", availability=True, seen="silent"),
            result("HEALTH", "api", availability=True, seen="503"),
        ],
        target(postgres=[], redis=["postgres"], api=["redis"]),
    )
    assert [cause.id for cause in causes] == ["REACH:postgres"]
    assert all(r.blocked_by == "REACH:postgres" for r in results if r.component != "postgres")


def pair() -> Target:
    """Two databases, one a copy of the other."""
    database: dict[str, Any] = {"engine": "postgresql", "login": {"username": "u", "password": "${env:P}"}}
    copy = database | {"follows": {"component": "primary"}}
    parts = {"primary": ("db:5432", database), "replica": ("db:5433", copy), "other": ("db:5434", database)}
    components = {name: {"address": address, "database": block} for name, (address, block) in parts.items()}
    return Target.model_validate({"schema": 1, "name": "t", "environment": "e", "components": components})


@pytest.mark.parametrize(("dead", "causes"), [("primary", 1), ("other", 2)])
def test_a_dead_primary_explains_that_nothing_comes_from_it(dead: str, causes: int) -> None:
    findings = [
        result("REACH", dead, availability=True, seen="refused"),
        result("FOLLOWS", "replica", following=True, seen="nothing comes"),
    ]
    assert len(explain(findings, pair())[0]) == causes


def test_a_dead_primary_explains_nothing_else_of_its_replica() -> None:
    findings = [result("REACH", "primary", availability=True, seen="refused"), result("EXPIRY", "replica")]
    assert len(explain(findings, pair())[0]) == 2
