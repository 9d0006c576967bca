"""The checks as a whole: each is complete, every promise is judged, and somebody has seen each check pass and fail."""

from __future__ import annotations

import ast
import string
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel

from roadworthy.check import Check, check_of
from roadworthy.target.blocks.block import Expectation
from roadworthy.target.models import BLOCKS_OF, Component
from roadworthy.verdict.judging import judges, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
FILES = sorted(str(path.relative_to(ROOT / "suites")) for path in (ROOT / "suites").rglob("test_*.py"))
FIELDS = {"user", "name", "host", "port", "address", "address_port", "ip", "url", "path", "headers", "starttls"}
JUDGED_EVERYWHERE = {"tcp.open": "REACH-TCP"}
"""Promises that a check without `expects` judges: it belongs to every component, whether promised or not."""


@pytest.fixture(scope="session")
def functions(load_suite: Callable[[str], Any]) -> list[Callable[..., None]]:
    """Every test function below suites/."""
    modules = [load_suite(path) for path in FILES]
    return [value for module in modules for name, value in vars(module).items() if name.startswith("test_")]


@pytest.fixture(scope="session")
def checks(functions: list[Callable[..., None]]) -> list[Check]:
    """Every check below suites/."""
    return [check for function in functions if (check := check_of(function))]


def test_every_test_is_a_check_of_one_case(functions: list[Callable[..., None]]) -> None:
    assert functions
    for function in functions:
        assert check_of(function), f"{function.__name__} is not a check"
        kind_of(function)


def test_ids_and_names_are_unique(functions: list[Callable[..., None]], checks: list[Check]) -> None:
    repeated = [name for name, count in Counter(check.id for check in checks).items() if count > 1]
    repeated += [name for name, count in Counter(function.__name__ for function in functions).items() if count > 1]
    assert not repeated


def _is_seen_on_hosts(check: Check) -> bool:
    """Whether what it judges is looked at on a host itself: what is done there by hand needs no name of it."""
    return check.id.startswith("HOST-") or (check.expects or "").partition(".")[0] in BLOCKS_OF["host"]


def test_every_check_tells_a_person_all_they_need(checks: list[Check]) -> None:
    silent = [
        f"{c.id}.{word}" for c in checks for word in ("why", "source", "by_hand", "repair") if not getattr(c, word)
    ]
    assert not silent
    for check in checks:
        for template in [check.by_hand] if isinstance(check.by_hand, str) else check.by_hand.values():
            named = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
            assert named or _is_seen_on_hosts(check), f"{check.id}: by_hand names no host, address or URL"
            assert named <= FIELDS, f"{check.id}: by_hand names {named - FIELDS}"


def test_what_explains_a_check_is_a_check(checks: list[Check]) -> None:
    ids = {check.id for check in checks}
    unknown = {check.id: missing for check in checks if (missing := set(check.after) - ids)}
    assert not unknown


def keys(model: type[BaseModel] = Component, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Every key of a component, and whether it is a promise; a block of promises is one key, and so is each in it."""
    where = getattr(model, "WHERE", frozenset()) | {"path"}
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        blocks = [block for block in models_of(field.annotation) if issubclass(block, Expectation)]
        yield key, bool(prefix) and not blocks and name not in where
        for block in blocks:
            yield from keys(block, f"{key}.")


def models_of(annotation: Any) -> set[type[BaseModel]]:
    """The models that a field's type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for part in get_args(annotation) for model in models_of(part)}


def test_what_a_check_expects_is_a_key_of_the_target(checks: list[Check]) -> None:
    known = {key for key, _ in keys()}
    assert not {check.id: check.expects for check in checks if check.expects and check.expects not in known}


def test_every_promise_is_judged(checks: list[Check]) -> None:
    promises = {key for key, is_promise in keys() if is_promise}
    assert {"health.json", "tls.versions", "headers.x-frame-options", "http.caches"} <= promises
    by_block = {check.expects for check in checks if check.expects and "." not in check.expects}
    unjudged = {
        key
        for key in promises - JUDGED_EVERYWHERE.keys()
        if key.partition(".")[0] not in by_block and not any(judges(check, key) for check in checks)
    }
    assert not unjudged
    assert set(JUDGED_EVERYWHERE.values()) <= {check.id for check in checks if check.expects is None}


def outcomes_seen() -> dict[str, set[str]]:
    """Which outcomes the tests of the suites have seen of each check, by their `passes(...)` and `fails(...)`."""
    seen: dict[str, set[str]] = defaultdict(set)
    for path in Path(__file__).parent.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for test in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in (node for node in ast.walk(test) if isinstance(node, ast.Call)):
                if isinstance(call.func, ast.Name) and call.func.id in ("passes", "fails"):
                    for name in checks_named(call.args[0], test):
                        seen[name].add(call.func.id)
    return seen


def checks_named(judged: ast.expr, test: ast.FunctionDef) -> set[str]:
    """The check functions that an expression in a test may stand for."""
    if isinstance(judged, ast.Attribute):  # suite.test_x
        return {judged.attr}
    if isinstance(judged, ast.Name):
        found = {name for node in ast.walk(test) for name in _given_to(judged.id, node)}
        if isinstance(loop := _loop_over(judged.id, test), ast.For):
            found |= {n.attr for n in ast.walk(loop.iter) if isinstance(n, ast.Attribute)}
        assert found, f"{test.name}: {judged.id} stands for no check"
        return found
    words = (n.value for decorator in test.decorator_list for n in ast.walk(decorator) if isinstance(n, ast.Constant))
    return {word for word in words if isinstance(word, str) and word.startswith("test_")}  # getattr(suite, parameter)


def _given_to(name: str, node: ast.AST) -> set[str]:
    """What `name` stands for: check = suite.test_x, or: check, header = suite.test_x, "..." (by position)."""
    if not isinstance(node, ast.Assign):
        return set()
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True)
        value = next((given for to, given in pairs if isinstance(to, ast.Name) and to.id == name), ast.Constant(0))
    elif name not in names_in(target):
        return set()
    return {n.attr for n in ast.walk(value) if isinstance(n, ast.Attribute)}


def _loop_over(name: str, test: ast.FunctionDef) -> ast.For | None:
    """The loop that gives a name its values: for check in (suite.test_x, suite.test_y)."""
    loops = (node for node in ast.walk(test) if isinstance(node, ast.For))
    return next((loop for loop in loops if name in names_in(loop.target)), None)


def names_in(node: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def test_every_check_was_seen_to_pass_and_to_fail(functions: list[Callable[..., None]]) -> None:
    seen = outcomes_seen()
    unseen = {
        check.id: missing
        for function in functions
        if (check := check_of(function)) and (missing := {"passes", "fails"} - seen[function.__name__])
    }
    assert not unseen
