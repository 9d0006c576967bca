from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.database import DatabaseCase
from roadworthy.facts.database import PasswordSeen
from tests.suites.database.builders import HIDDEN, NOBODY, SLOW, case, seen
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ADMIN = {"table": "staff", "where": {"role": "owner"}, "count": 1}
CLERKS = {"table": "staff", "at_least": 2}
OWNER = {"table": "staff", "where": {"name": "owner"}, "column": "hash", "published": ["admin123", "changeme"]}
CLERK = OWNER | {"where": {"name": "clerk"}, "published": ["changeme"]}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_rows.py")


def rows(*found: Any, promised: Any = (ADMIN, CLERKS)) -> DatabaseCase:
    return case(DatabaseCase, seen(rows=found), rows=promised)


def test_rows(suite: ModuleType) -> None:
    check = suite.test_seed_rows_are_there
    passes(check, rows(1, 2))
    passes(check, rows(1, 3))
    fails(check, rows(0, 2), "staff (role = owner): 0, promised 1")
    fails(check, rows(2, 2), "staff (role = owner): more than 1, promised 1")
    fails(check, rows(1, 1), "staff: 1, promised at least 2")
    fails(check, rows(0, 0), "promised 1; staff: 0")
    passes(check, rows(0, promised=(ADMIN | {"count": 0},)))


def test_rows_that_could_not_be_counted(suite: ModuleType) -> None:
    check = suite.test_seed_rows_are_there
    is_not_observed(check, rows(1, SLOW), "staff: took too long")
    is_not_observed(check, rows(1), "staff was not looked at")
    fails(check, rows(SLOW, 1), "staff: 1, promised at least 2")
    is_not_observed(check, case(DatabaseCase, NOBODY, rows=[ADMIN]), "28P01")


def password(**changes: Any) -> PasswordSeen:
    given: dict[str, Any] = {"found": 1, "scheme": "bcrypt", "compared": True}
    return PasswordSeen(**given | changes)


def accounts(*found: Any, promised: Any = (OWNER, CLERK)) -> DatabaseCase:
    return case(DatabaseCase, seen(passwords=found), published_passwords=promised)


def test_published_passwords(suite: ModuleType) -> None:
    check = suite.test_no_account_has_a_published_password
    passes(check, accounts(password(), password()))
    told = "staff (name = owner) has a password that everybody knows (number 2 of those listed)"
    fails(check, accounts(password(matches=1), password()), told)
    fails(check, accounts(password(found=0), password(matches=0)), "staff (name = clerk) has a password that everybody")
    fails(check, accounts(password(found=2, matches=0), password()), "number 1")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (password(found=0, scheme="", compared=False), "no such account"),
        (password(found=2), "more than one account"),
        (password(scheme="", compared=False), "of no known scheme"),
        (password(scheme="yescrypt", compared=False), "of the scheme yescrypt"),
        (HIDDEN, "not permitted"),
    ],
)
def test_an_account_that_could_not_be_compared(suite: ModuleType, found: Any, told: str) -> None:
    check = suite.test_no_account_has_a_published_password
    is_not_observed(check, accounts(password(), found), "staff (name = clerk)", told)
    is_not_observed(check, case(DatabaseCase, NOBODY, published_passwords=[OWNER]), "28P01")
