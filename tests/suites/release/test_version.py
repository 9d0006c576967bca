from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.release import ReleaseAtEndCase, ReleaseCase
from roadworthy.facts.base import Moment
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import HttpObservation

VERSION = "7f3a9c1"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("release/test_version.py")


def release(seen: HttpObservation, kind: type[ReleaseCase] = ReleaseCase, **place: str) -> ReleaseCase:
    return case_of(kind, seen, target(release={"path": "/version", **place}))


def test_the_promised_version_passes_wherever_it_is_told(suite: ModuleType) -> None:
    check = suite.test_the_promised_release_answers
    passes(check, release(answered(f'{{"commit": "{VERSION}"}}'), json="commit"))
    passes(check, release(answered(f'{{"build": {{"commit": "{VERSION}"}}}}'), json="$.build.commit"))
    passes(check, release(answered("", ("x-version", VERSION)), header="X-Version"))
    passes(check, release(answered(f"{VERSION}\n")))


def test_another_version_fails(suite: ModuleType) -> None:
    check = suite.test_the_promised_release_answers
    fails(check, release(answered('{"commit": "0000001"}'), json="commit"), "0000001", f"{VERSION} promised")
    fails(check, release(answered("", ("x-version", "0000001")), header="X-Version"), "0000001")
    fails(check, release(answered(f"{VERSION}0")), f"{VERSION}0;")


def test_an_answer_without_a_version_fails(suite: ModuleType) -> None:
    check = suite.test_the_promised_release_answers
    fails(check, release(answered('{"build": 1}'), json="commit"), "no version", "200")
    fails(check, release(answered("<html>"), json="commit"), "no version")
    fails(check, release(answered('["commit"]'), json="commit"), "no version")
    fails(check, release(answered('{"a": ["x", "y"]}'), json="$.a[*]"), "no version")
    fails(check, release(answered(""), header="X-Version"), "no version")
    fails(check, release(answered(VERSION, status=404)), "no version (404")


def test_a_service_that_is_starting_tells_nothing_yet(suite: ModuleType) -> None:
    check = suite.test_the_promised_release_answers
    is_not_observed(check, release(answered(status=503)), "503")
    is_not_observed(check, release(silent()), "refused")


def test_the_version_is_asked_again_at_the_end(suite: ModuleType) -> None:
    check = suite.test_the_release_still_answers_at_the_end
    assert release(answered(VERSION), ReleaseAtEndCase).ask.moment is Moment.END
    passes(check, release(answered(VERSION), ReleaseAtEndCase))
    fails(check, release(answered("0000001"), ReleaseAtEndCase), "0000001 at the end", f"{VERSION} promised")
