from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.http import AnnouncementCase, VersionCase
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


def announced(*values: str, promised: tuple[str, ...] = ("h3",)) -> AnnouncementCase:
    seen = answered("", *(("alt-svc", value) for value in values))
    return case_of(AnnouncementCase, seen, target(http={"announces": promised}))


@pytest.mark.parametrize(
    "values",
    [
        ('h3=":443"; ma=86400',),
        ('h3=":443"',),
        ('h2="alt.example:8000", h3=":443";ma=60; persist=1',),
        ('h3-29=":443"', 'h3=":443"'),
        ('%683="[2001:db8::1]:443"',),
    ],
)
def test_an_offer_that_is_announced_passes(suite: ModuleType, values: tuple[str, ...]) -> None:
    passes(suite.test_other_protocols_are_announced, announced(*values))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((), "no Alt-Svc; h3 promised"),
        (("clear",), "h3 is not offered"),
        (('h3-29=":443"',), "h3 is not offered"),
        (('h3=":443"; ma=0',), "for no time at all"),
        (("h3=:443",), "can't be read"),
        (('h3="443"',), "can't be read"),
        (('h3=":443"; ma=soon',), "is no number"),
        (('h3=":443" h2=":443"',), "can't be read"),
    ],
)
def test_an_offer_that_is_not_announced_fails(suite: ModuleType, values: tuple[str, ...], told: str) -> None:
    fails(suite.test_other_protocols_are_announced, announced(*values), told)
