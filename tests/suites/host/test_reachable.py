from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.host import HostReachCase, SudoCase
from roadworthy.facts.host import HostReachObservation
from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.host.machines import case

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

GONE = HostReachObservation(observed_at=NOW, gone="app.shop.test:22: connection refused")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_reachable.py")


def there(sudo: str | None = "") -> HostReachObservation:
    return HostReachObservation(observed_at=NOW, user="deploy", python="3.10.12", sudo=sudo, skew_s=0.0)


def test_a_host_that_answers(suite: ModuleType) -> None:
    check = suite.test_the_host_answers
    passes(check, case(HostReachCase, there()))
    passes(check, case(HostReachCase, there(None), sudo=False))
    fails(check, case(HostReachCase, GONE), "connection refused")


def test_sudo(suite: ModuleType) -> None:
    check = suite.test_the_host_lets_us_look_as_root
    passes(check, case(SudoCase, there()))
    fails(check, case(SudoCase, there("a password is required")), "sudo -n: a password is required")
    is_not_observed(check, case(SudoCase, GONE), "connection refused")


def test_sudo_is_looked_at_only_where_it_is_to_be_used() -> None:
    given = case(HostReachCase, there(None), sudo=False)
    assert not list(SudoCase.looks(given.target, given.component))
