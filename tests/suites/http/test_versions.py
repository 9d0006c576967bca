from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.http import VersionCase
from roadworthy.facts.http import SilenceKind
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import HttpObservation


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("http/test_versions.py")


def version(seen: HttpObservation, *promised: str) -> VersionCase:
    return case_of(VersionCase, seen, target(http={"versions": promised}), nth=len(promised) - 1)


def test_the_offered_version_is_spoken(suite: ModuleType) -> None:
    passes(suite.test_the_version_is_spoken, version(answered(version="h2"), "h2"))
    passes(suite.test_the_version_is_spoken, version(answered(version="http/1.1"), "h2", "http/1.1"))


def test_another_version_fails(suite: ModuleType) -> None:
    fails(suite.test_the_version_is_spoken, version(answered(version="http/1.1"), "h2"), "offered h2", "http/1.1 was")
    fails(suite.test_the_version_is_spoken, version(answered(version="http/1.0"), "http/1.1"), "http/1.0 was")


def test_a_handshake_that_ends_over_the_offer_fails(suite: ModuleType) -> None:
    fails(
        suite.test_the_version_is_spoken, version(silent(SilenceKind.TLS_FAILED), "h2"), "offered h2", "TLS handshake"
    )


def test_a_closed_port_says_nothing_of_versions(suite: ModuleType) -> None:
    is_not_observed(suite.test_the_version_is_spoken, version(silent(), "h2"), "refused")


def test_each_version_is_offered_alone() -> None:
    offers = [version(answered(), *promised).ask.offers for promised in (("h2",), ("h2", "http/1.1"))]
    assert offers == ["h2", "http/1.1"]
