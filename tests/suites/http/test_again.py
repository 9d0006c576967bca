"""What is asked again: pages that no cache may keep, and pages that clients keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.http import NeverCachedCase, RevalidationCase
from roadworthy.facts.http import HttpAgainObservation, SilenceKind, Visit
from tests.suites.healthy import NOW, answered, case_of, fails, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import Answer, Silence

NO_STORE = ("cache-control", "no-store")
ETAG, DATE = ("etag", '"a1"'), ("date", "Sat, 21 Nov 2026 12:00:00 GMT")
OLD = ("last-modified", "Sun, 01 Nov 2026 08:00:00 GMT")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("http/test_transfer.py")


def answer(*headers: tuple[str, str], body: str = "{}", status: int = 200) -> Answer:
    return answered(body, *headers, status=status).answer


def seen(*visits: tuple[Answer | Silence, Answer | Silence, Answer | Silence | None]) -> HttpAgainObservation:
    return HttpAgainObservation(
        observed_at=NOW,
        visits=tuple(
            Visit(address=f"192.0.2.{number}:443", first=first, second=second, conditional=conditional)
            for number, (first, second, conditional) in enumerate(visits, 1)
        ),
    )


def kept(first: Answer | Silence, second: Answer | Silence | None = None) -> NeverCachedCase:
    observation = seen((first, second or first, None))
    return case_of(NeverCachedCase, observation, target(http={"never_cached": ["/api/cart"]}))


def valid(*visits: tuple[Answer | Silence, Answer | Silence, Answer | Silence | None]) -> RevalidationCase:
    return case_of(RevalidationCase, seen(*visits), target(http={"revalidates": ["/app.css"]}))


# Never cached


@pytest.mark.parametrize(
    "value",
    ["no-store", "private", "no-cache, private", "no-cache", "max-age=0", "max-age=600, s-maxage=0", "NO-STORE"],
)
def test_what_no_shared_cache_may_keep_passes(suite: ModuleType, value: str) -> None:
    passes(suite.test_no_cache_keeps_the_page, kept(answer(("cache-control", value))))


@pytest.mark.parametrize("status", [200, 302, 401, 404])
def test_whatever_it_answers_must_not_be_kept(suite: ModuleType, status: int) -> None:
    passes(suite.test_no_cache_keeps_the_page, kept(answer(NO_STORE, status=status)))
    fails(suite.test_no_cache_keeps_the_page, kept(answer(status=status)), "no Cache-Control")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("public, max-age=60", "public, max-age=60 lets caches keep it"),
        ("max-age=1", "lets caches keep it"),
        ("max-age=0, s-maxage=1", "lets caches keep it"),
        ("must-revalidate", "lets caches keep it"),
        ('private="set-cookie"', "lets caches keep it"),
        ('no-cache="set-cookie"', "lets caches keep it"),
    ],
)
def test_what_a_shared_cache_may_keep_fails(suite: ModuleType, value: str, told: str) -> None:
    fails(suite.test_no_cache_keeps_the_page, kept(answer(("cache-control", value))), told)


def test_a_word_to_networks_alone_counts(suite: ModuleType) -> None:
    said = answer(NO_STORE, ("cdn-cache-control", "max-age=60"))
    fails(suite.test_no_cache_keeps_the_page, kept(said), "cdn-cache-control lets caches keep it for 60 s")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", "1"),
        ("x-cache", "Hit from cloudfront"),
        ("x-cache", "RefreshHit from cloudfront"),
        ("x-cache", "MISS, HIT"),
        ("x-cache", "TCP_MEM_HIT from a23"),
        ("cf-cache-status", "HIT"),
        ("cf-cache-status", "STALE"),
        ("cache-status", "ExampleCache; hit; ttl=20"),
        ("x-cache-status", "HIT"),
        ("x-cache-hits", "0, 3"),
    ],
)
def test_an_answer_from_a_cache_fails_the_second_time(suite: ModuleType, name: str, value: str) -> None:
    first, second = answer(NO_STORE), answer(NO_STORE, (name, value))
    fails(suite.test_no_cache_keeps_the_page, kept(first, second), f"asked again: {name}: {value}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", "0"),
        ("x-cache", "Miss from cloudfront"),
        ("cf-cache-status", "DYNAMIC"),
        ("cf-cache-status", "BYPASS"),
        ("cache-status", "ExampleCache; fwd=uri-miss; stored"),
        ("x-cache-hits", "0, 0"),
        ("x-cache", "White from cloudfront"),
    ],
)
def test_an_answer_past_the_cache_passes(suite: ModuleType, name: str, value: str) -> None:
    passes(suite.test_no_cache_keeps_the_page, kept(answer(NO_STORE), answer(NO_STORE, (name, value))))


def test_without_two_answers_keeping_can_not_be_told(suite: ModuleType) -> None:
    quiet = silent(SilenceKind.TIMED_OUT).result
    is_not_observed(suite.test_no_cache_keeps_the_page, kept(quiet), "timed out")
    is_not_observed(suite.test_no_cache_keeps_the_page, kept(answer(NO_STORE), quiet), "timed out")
    is_not_observed(suite.test_no_cache_keeps_the_page, kept(answer(status=503)), "503")


# Validators


def test_sound_validators_pass(suite: ModuleType) -> None:
    check = suite.test_who_has_the_page_is_told_so
    page, same = answer(ETAG, OLD, DATE), answer(status=304)
    passes(check, valid((page, page, same)))
    passes(check, valid((page, page, same), (page, page, same)))
    passes(check, valid((answer(OLD, DATE), answer(OLD, DATE), same)))
    weak = answer(("etag", 'W/"a1"'))
    passes(check, valid((weak, weak, same)))


def test_a_date_up_to_the_answers_own_passes_and_a_later_one_fails(suite: ModuleType) -> None:
    check = suite.test_who_has_the_page_is_told_so
    for second, ends_well in (("12:00:00", True), ("12:00:01", False)):
        page = answer(("last-modified", f"Sat, 21 Nov 2026 {second} GMT"), DATE)
        case = valid((page, page, answer(status=304)))
        passes(check, case) if ends_well else fails(check, case, "later than its own Date")


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ((), "neither ETag nor Last-Modified"),
        ((("etag", "a1"),), "belongs in quotes"),
        ((("etag", 'w/"a1"'),), "belongs in quotes"),
        ((("last-modified", "yesterday"),), "is no date"),
    ],
)
def test_malformed_validators_fail(suite: ModuleType, headers: tuple[tuple[str, str], ...], told: str) -> None:
    page = answer(*headers)
    fails(suite.test_who_has_the_page_is_told_so, valid((page, page, None)), told)


def test_an_etag_that_is_not_the_contents_fails(suite: ModuleType) -> None:
    check, same = suite.test_who_has_the_page_is_told_so, answer(status=304)
    page, other = answer(ETAG), answer(("etag", '"a2"'))
    fails(check, valid((page, other, same)), "changes with every request")
    fails(check, valid((page, answer(ETAG, body="[]"), same)), "strong ETag", "does not")
    fails(check, valid((page, page, answer(ETAG))), "If-None-Match", "200", "and not 304")
    fails(check, valid((answer(OLD), answer(OLD), answer(OLD))), "If-Modified-Since")
    passes(check, valid((answer(("etag", 'W/"1"')), answer(("etag", 'W/"1"'), body="[]"), same)))


def test_addresses_that_differ_fail(suite: ModuleType) -> None:
    check, same = suite.test_who_has_the_page_is_told_so, answer(status=304)
    page, other = answer(ETAG), answer(("etag", '"a2"'))
    fails(check, valid((page, page, same), (other, other, same)), 'is "a1" at 192.0.2.1:443 and "a2" at 192.0.2.2:443')
    new = answer(ETAG, body="[]")
    fails(check, valid((page, page, same), (new, new, same)), "of one page at 192.0.2.1:443")
    later = answer(("last-modified", "Mon, 02 Nov 2026 08:00:00 GMT"))
    fails(check, valid((answer(OLD), answer(OLD), same), (later, later, same)), "Last-Modified is")
    newer = answer(("etag", '"a2"'), body="[]")
    passes(check, valid((page, page, same), (newer, newer, same)))  # a roll-out under way: another check's matter


def test_a_fault_of_one_address_names_it(suite: ModuleType) -> None:
    page = answer(ETAG)
    case = valid((page, page, answer(status=304)), (page, page, answer(ETAG)))
    fails(suite.test_who_has_the_page_is_told_so, case, "(at 192.0.2.2:443)")


def test_without_the_page_nothing_can_be_told(suite: ModuleType) -> None:
    check = suite.test_who_has_the_page_is_told_so
    is_not_observed(check, valid((answer(status=404), answer(status=404), None)), "name a page that answers 200")
    is_not_observed(check, valid((silent().result, silent().result, None)), "refused")


def test_long_pages_are_compared_by_beginning_and_length(suite: ModuleType) -> None:
    check, same = suite.test_who_has_the_page_is_told_so, answer(status=304)
    long, other = (
        answered("{}", etag, ("content-length", "99999"), truncated=True).answer for etag in (ETAG, ("etag", '"a2"'))
    )
    longer = answered("{}", ("etag", '"a2"'), ("content-length", "100000"), truncated=True).answer
    fails(check, valid((long, other, same)), "changes with every request")
    passes(check, valid((long, long, same), (longer, longer, same)))


def test_addresses_that_were_not_asked_are_no_pass(suite: ModuleType) -> None:
    page = answer(NO_STORE, ETAG)
    observation = seen((page, page, None)).model_copy(update={"more": 1})
    promised = target(http={"never_cached": ["/"], "revalidates": ["/"]})
    never, again = (case_of(kind, observation, promised) for kind in (NeverCachedCase, RevalidationCase))
    is_not_observed(suite.test_no_cache_keeps_the_page, never, "1 were not asked")
    is_not_observed(suite.test_who_has_the_page_is_told_so, again, "1 were not asked")
