from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.database import LoggedInCase
from roadworthy.facts.database import Unwell
from roadworthy.facts.store import Secured
from tests.suites.database.builders import HIDDEN, NOBODY, case, looks, seen, server, session
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_advice.py")


def test_nothing_to_look_into_passes(suite: ModuleType) -> None:
    passes(suite.test_the_database_follows_best_practice, case(LoggedInCase, seen()))


def test_what_an_administrator_would_look_into(suite: ModuleType) -> None:
    check = suite.test_the_database_follows_best_practice
    unwell = (
        Unwell(kind="invalid index", what="orders_customer"),
        Unwell(kind="long transaction", what="open for 31 min"),
    )
    told = "invalid index: orders_customer; long transaction: open for 31 min"
    fails(check, case(LoggedInCase, seen(advice=unwell)), told)


def test_the_way(suite: ModuleType) -> None:
    check = suite.test_the_database_follows_best_practice
    fails(check, case(LoggedInCase, seen(secured=None)), "without TLS")
    passes(check, case(LoggedInCase, seen(secured=None), encrypted=True))
    fails(check, case(LoggedInCase, seen(secured=Secured(version="1.1"))), "TLS 1.1, which was retired")
    passes(check, case(LoggedInCase, seen(secured=Secured(version="1.2"))))
    distrusted = seen(secured=Secured(version="1.3", distrust="self-signed certificate"))
    fails(check, case(LoggedInCase, distrusted), "self-signed certificate")
    passes(check, case(LoggedInCase, distrusted, encrypted=True))


def test_a_disguise(suite: ModuleType) -> None:
    check = suite.test_the_database_follows_best_practice
    disguised = server("MySQL", "8.4.7", "8.4.7-log; with MariaDB's own settings")
    fails(check, case(LoggedInCase, seen(server=disguised), "mysql"), "calls itself MySQL 8.4.7", "is it MariaDB?")
    passes(check, case(LoggedInCase, seen(server=server("MySQL", "8.4.7")), "mysql"))


def test_poor_character_sets(suite: ModuleType) -> None:
    check = suite.test_the_database_follows_best_practice
    poor = seen(session=session(charset="utf8mb3"))
    fails(check, case(LoggedInCase, poor, "mysql"), "utf8mb3 holds no character beyond")
    passes(check, case(LoggedInCase, poor, "mysql", charset="utf8mb3"))
    fails(check, case(LoggedInCase, seen(session=session(charset="SQL_ASCII"))), "SQL_ASCII checks nothing")


def test_advice_that_could_not_be_had(suite: ModuleType) -> None:
    check = suite.test_the_database_follows_best_practice
    is_not_observed(check, case(LoggedInCase, seen(advice=HIDDEN)), "not permitted")
    fails(check, case(LoggedInCase, seen(advice=HIDDEN, secured=None)), "without TLS")
    is_not_observed(check, case(LoggedInCase, NOBODY), "28P01")
    is_not_observed(check, case(LoggedInCase, seen(advice=None)), "not looked at")
    assert looks(LoggedInCase, login=None, refuses_plain=True) == 0
