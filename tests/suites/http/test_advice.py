"""Advice: what the target left open and experts would not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.http import AdviceCase
from tests.suites.healthy import answered, case_of, fails, hop, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.http import HttpObservation

HTML, CACHED = ("content-type", "text/html"), ("cache-control", "no-cache")
GZIP, VARY = ("content-encoding", "gzip"), ("vary", "Accept-Encoding")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("http/test_advice.py")


def page(*headers: tuple[str, str], promised: dict[str, Any] | None = None, **changes: Any) -> AdviceCase:
    seen = answered("<html>", HTML, *headers, **{"body_bytes": 4096, **changes})
    return case_of(AdviceCase, seen, target(http=promised or {"max_redirects": 1}))


def insecure(seen: HttpObservation) -> AdviceCase:
    return case_of(AdviceCase, seen, target(http={"versions": ["h2"]}), nth=1)


def test_a_page_as_experts_advise_passes(suite: ModuleType) -> None:
    passes(suite.test_http_is_as_experts_advise, page(CACHED, GZIP, VARY))
    passes(suite.test_http_is_as_experts_advise, page(("expires", "0"), body_bytes=1023))
    passes(suite.test_http_is_as_experts_advise, page(CACHED, GZIP, VARY, ("alt-svc", 'h3=":443"; ma=86400')))


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (page(CACHED, GZIP, VARY, version="http/1.1"), "no HTTP/2"),
        (page(CACHED, GZIP, VARY, version="http/1.0"), "HTTP/1.0"),
        (page(CACHED, body_bytes=1024), "1024 bytes of text/html come uncompressed"),
        (page(CACHED, GZIP), "without Vary"),
        (page(GZIP, VARY), "no Cache-Control"),
        (page(CACHED, GZIP, VARY, ("etag", "a1")), "belongs in quotes"),
        (page(CACHED, GZIP, VARY, ("alt-svc", "h3=:443")), "can't be read"),
        (page(CACHED, GZIP, VARY, ("alt-svc", 'h3-29=":443"')), "drafts"),
        (page(CACHED, GZIP, VARY, promised={"served_by": "cloudflare"}), "can offer HTTP/3"),
        (page(CACHED, GZIP, VARY, promised={"redirects_from_http": 302}), "the promised 302"),
    ],
)
def test_each_deviation_is_told(suite: ModuleType, case: AdviceCase, told: str) -> None:
    fails(suite.test_http_is_as_experts_advise, case, told)


@pytest.mark.parametrize(
    "case",
    [
        page(CACHED, GZIP, VARY, version="http/1.1", promised={"versions": ["http/1.1", "h2"]}),
        page(CACHED, promised={"compresses": ["text/html"]}),
        page(CACHED, GZIP, VARY, promised={"redirects_from_http": 308}),
        page(GZIP, VARY, promised={"caches": {"/": "max-age=60"}}),
        page(GZIP, VARY, promised={"never_cached": ["/"]}),
        page(CACHED, GZIP, VARY, promised={"served_by": "cloudflare", "announces": ["h3"]}),
        page(status=404),
        page(CACHED, body_bytes=9999, status=301),
    ],
)
def test_what_is_promised_or_no_page_is_left_out(suite: ModuleType, case: AdviceCase) -> None:
    passes(suite.test_http_is_as_experts_advise, case)


def test_pictures_need_no_compression(suite: ModuleType) -> None:
    seen = answered("", ("content-type", "image/png"), CACHED, body_bytes=9999)
    passes(suite.test_http_is_as_experts_advise, case_of(AdviceCase, seen, target(http={"versions": ["h2"]})))


def test_plain_http_is_advised_on(suite: ModuleType) -> None:
    check = suite.test_http_is_as_experts_advise
    there = "https://api.shop.example/roadworthy-no-such-page?kept=yes"
    passes(check, insecure(answered(hops=(hop("http://api.shop.example/", there, 301),))))
    passes(check, insecure(silent()))
    passes(check, insecure(answered(status=404)))
    fails(check, insecure(answered(hops=(hop("http://api.shop.example/", there, 302),))), "redirects with 302")
    fails(check, insecure(answered()), "http:// is answered 200 and not redirected")


def test_without_a_page_nothing_is_advised(suite: ModuleType) -> None:
    case = case_of(AdviceCase, silent(), target(http={"versions": ["h2"]}))
    is_not_observed(suite.test_http_is_as_experts_advise, case)


@pytest.mark.parametrize(
    ("url", "promised", "asks"),
    [
        ("https://api.shop.example", {"versions": ["h2"]}, 2),
        ("https://api.shop.example:8443", {"versions": ["h2"]}, 1),
        ("http://api.shop.example", {"versions": ["http/1.1"]}, 1),
        ("https://api.shop.example", {"redirects_from_http": 301}, 1),
    ],
)
def test_plain_http_is_asked_once_and_only_where_it_is_open(url: str, promised: dict[str, Any], asks: int) -> None:
    looked = target(url, http=promised)
    asked = [ask for _, ask in AdviceCase.looks(looked, looked.components["api"])]
    assert len(asked) == asks
    assert [ask.may_repeat(silent()) for ask in asked] == [True, False][:asks]
