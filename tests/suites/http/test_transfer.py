from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.http import CachingCase, CompressionCase
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import HttpObservation

GZIP, VARY = ("content-encoding", "gzip"), ("vary", "Accept-Encoding")
YEAR = "public, max-age=31536000, immutable"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("http/test_transfer.py")


def page(*headers: tuple[str, str], **changes: Any) -> CompressionCase:
    seen = answered("[]", *headers, **{"body_bytes": 4096, **changes})
    return case_of(CompressionCase, seen, target(http={"compresses": ["application/json"]}))


def cached(*values: str, promised: str = YEAR, seen: HttpObservation | None = None) -> CachingCase:
    seen = seen or answered("", *(("cache-control", value) for value in values))
    return case_of(CachingCase, seen, target(http={"caches": {"/app.js": promised}}))


def test_a_compressed_page_that_varies_passes(suite: ModuleType) -> None:
    check = suite.test_the_media_type_is_compressed
    passes(check, page(GZIP, VARY))
    passes(check, page(("content-encoding", "BR"), ("vary", "Origin, accept-encoding")))
    passes(check, page(GZIP, ("vary", "Origin"), VARY))
    passes(check, page(GZIP, ("vary", "*"), body_bytes=40))
    passes(check, page(GZIP, VARY, ("content-type", "Application/JSON; charset=utf-8")))


def test_an_uncompressed_page_fails_from_a_kilobyte_on(suite: ModuleType) -> None:
    check = suite.test_the_media_type_is_compressed
    fails(check, page(VARY, body_bytes=1024), "1024 bytes of application/json came uncompressed")
    is_not_observed(check, page(VARY, body_bytes=1023), "1023 bytes", "name a page")
    fails(check, page(("content-encoding", "identity"), body_bytes=1024), "uncompressed", "Vary")


def test_compression_without_vary_fails(suite: ModuleType) -> None:
    fails(suite.test_the_media_type_is_compressed, page(GZIP), "Vary: Accept-Encoding is missing")
    fails(suite.test_the_media_type_is_compressed, page(GZIP, ("vary", "Origin")), "Vary")


def test_another_page_says_nothing_of_the_type(suite: ModuleType) -> None:
    check = suite.test_the_media_type_is_compressed
    is_not_observed(
        check, page(GZIP, VARY, ("content-type", "text/html")), "text/html", "name a page of application/json"
    )
    is_not_observed(check, page(GZIP, VARY, status=404), "404", "name a page that answers 200")
    is_not_observed(check, page(GZIP, VARY, status=503), "503")


def test_the_page_is_asked_for_compressed() -> None:
    assert page().ask.headers == (("accept-encoding", "gzip, br"),)


@pytest.mark.parametrize(
    "values",
    [
        (YEAR,),
        ("Public , MAX-AGE=31536000,Immutable",),
        ("max-age=31536000", "public, immutable"),
        ('public, max-age="31536000", immutable, stale-while-revalidate=60',),
        ("public, max-age=31536000, immutable, max-age=31536000",),
        ('public, max-age=31536000, immutable, no-cache="Set-Cookie"',),
    ],
)
def test_the_promised_directives_pass(suite: ModuleType, values: tuple[str, ...]) -> None:
    passes(suite.test_the_page_is_cached_as_promised, cached(*values))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((), "not sent"),
        (("public, immutable",), "max-age is missing"),
        (("public, max-age=31535999, immutable",), "max-age=31535999, promised max-age=31536000"),
        (("public, max-age=31536000, immutable, no-store",), "no-store takes the effect"),
        (("private, max-age=31536000, immutable, public",), "private takes the effect"),
        (("public, max-age=31536000, immutable", "no-cache"), "no-cache takes the effect"),
        (("public, max-age=31536000, max-age=0, immutable",), "max-age has 2 values"),
        (("public, max-age, immutable",), "max-age, promised max-age=31536000"),
        (('x="public, max-age=31536000, immutable"',), "public is missing; max-age is missing; immutable is missing"),
    ],
)
def test_other_directives_fail(suite: ModuleType, values: tuple[str, ...], told: str) -> None:
    fails(suite.test_the_page_is_cached_as_promised, cached(*values), told)


def test_what_is_never_cached_may_say_so_twice(suite: ModuleType) -> None:
    check = suite.test_the_page_is_cached_as_promised
    passes(check, cached("no-store, no-cache, max-age=0, private", promised="no-store"))
    passes(check, cached("no-cache, max-age=0", promised="max-age=0"))
    fails(check, cached("no-cache", promised="no-store"), "no-store is missing")


def test_private_pages_are_not_public_as_well(suite: ModuleType) -> None:
    check = suite.test_the_page_is_cached_as_promised
    passes(check, cached("private", promised="private"))
    fails(check, cached("private", "public, max-age=99999", promised="private"), "public takes the effect")


def test_a_page_that_is_not_there_is_cached_in_no_way(suite: ModuleType) -> None:
    check = suite.test_the_page_is_cached_as_promised
    is_not_observed(check, cached(seen=answered(status=404)), "404")
    is_not_observed(check, cached(seen=silent()), "refused")
