from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.php import PhpCase
from roadworthy.facts.php import PoolSeen
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.host.services import FORBIDDEN, case, php

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.php import PhpObservation

REFUSED = php(refused="unknown entry 'pm.max_childrens'", pools=None)


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_php.py")


def of(seen: PhpObservation, **promised: Any) -> PhpCase:
    return case(PhpCase, seen, php=promised)


def test_valid(suite: ModuleType) -> None:
    check = suite.test_fpm_accepts_its_configuration
    passes(check, of(php(), valid=True))
    fails(check, of(REFUSED, valid=True), "unknown entry 'pm.max_childrens'")


def test_pools(suite: ModuleType) -> None:
    check = suite.test_pools_are_as_promised
    as_is = {"pm": "dynamic", "pm.max_children": 50}
    passes(check, of(php(), pools={"www": as_is}))
    passes(check, of(php(), pools={"www": {"pm.max_children": ">= 50"}}))
    fails(check, of(php(), pools={"www": {"pm.max_children": ">= 51"}}), "www: pm.max_children is 50, promised >= 51")
    fails(check, of(php(), pools={"www": {"pm": "static"}}), "www: pm is dynamic, promised static")
    fails(check, of(php(), pools={"api": as_is}), "there is no pool api, only www")
    unknown = php(pools={"www": PoolSeen(directives={"pm": None})})
    fails(check, of(unknown, pools={"www": {"pm": "static"}}), "pm is not known to FPM")
    is_not_observed(check, of(REFUSED, pools={"www": as_is}), "refuses its configuration")
    is_not_observed(check, of(php(pools=FORBIDDEN), pools={"www": as_is}), "not permitted")


def test_settings(suite: ModuleType) -> None:
    check = suite.test_php_runs_with_the_promised_settings
    passes(check, of(php(), settings={"memory_limit": 134217728, "opcache.enable": 1, "display_errors": False}))
    passes(check, of(php(), settings={"memory_limit": "<= 128M", "opcache.enable": True, "display_errors": 0}))
    fails(check, of(php(), settings={"memory_limit": "256M"}), "memory_limit is 128M, promised 256M")
    fails(check, of(php(), settings={"memory_limit": "<= 127M"}), "promised <= 127M")
    fails(check, of(php(), settings={"display_errors": "on"}), "display_errors is empty, promised on")
    fails(check, of(php(settings={"x": None}), settings={"x": 1}), "x is not known to FPM")
    own = PoolSeen(directives={}, overrides={"memory_limit": "256M"})
    plain = PoolSeen(directives={})
    one_of_two = php(pools={"www": plain, "jobs": own})
    fails(check, of(one_of_two, settings={"memory_limit": "128M"}), "memory_limit is 256M, promised 128M (pool jobs)")
    fails(check, of(one_of_two, settings={"memory_limit": "256M"}), "memory_limit is 128M, promised 256M")
    passes(check, of(php(pools={"jobs": own}), settings={"memory_limit": "256M"}))
    is_not_observed(check, of(php(settings=FORBIDDEN), settings={"memory_limit": "128M"}), "not permitted")
    is_not_observed(check, of(REFUSED, settings={"memory_limit": "128M"}), "refuses its configuration")


def test_times_and_what_is_no_limit(suite: ModuleType) -> None:
    check = suite.test_php_runs_with_the_promised_settings
    slow = php(settings={"max_execution_time": "120"})
    passes(check, of(slow, settings={"max_execution_time": "<= 2m"}))
    passes(check, of(slow, settings={"max_execution_time": "2m"}))
    fails(check, of(slow, settings={"max_execution_time": "<= 1m"}), "promised <= 1m")
    endless = php(settings={"max_execution_time": "0", "memory_limit": "-1"})
    fails(check, of(endless, settings={"max_execution_time": "<= 60"}), "is 0, which is no limit, promised <= 60")
    fails(check, of(endless, settings={"memory_limit": "< 1G"}), "is -1, which is no limit, promised < 1G")
    passes(check, of(endless, settings={"max_execution_time": 0, "memory_limit": -1}))


def test_the_ask_is_whole() -> None:
    ask = of(php(), program="php-fpm8.2", pools={"www": {"pm": "dynamic"}}, settings={"memory_limit": "1M"}).ask
    assert hash(ask)
    assert ask.name == "php-fpm8.2"
    wanted = {"pools": [{"name": "www", "directives": ["pm"]}], "settings": ["memory_limit"]}
    assert ask.wanted == {"program": "php-fpm8.2", **wanted}
