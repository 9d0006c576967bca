from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.headers import HeadersCase
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, silent, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

YEAR = {"max_age": 31536000, "include_subdomains": True}
SITE = {"default-src": "'self'", "script-src": ["'self'", "https://cdn.example"], "object-src": "'none'"}
SITE_SENT = "default-src 'self'; script-src https://cdn.example 'self'; object-src 'none'"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("headers/test_security.py")


def page(header: str, promised: Any, *values: str, url: str = "https://api.shop.example") -> HeadersCase:
    seen = answered("", *((header, value) for value in values))
    return case_of(HeadersCase, seen, target(url, headers={header: promised}))


def hsts(*values: str, promised: dict[str, Any] = YEAR, **changes: str) -> HeadersCase:
    return page("strict-transport-security", promised, *values, **changes)


def csp(*values: str, promised: dict[str, Any] = SITE) -> HeadersCase:
    return page("content-security-policy", promised, *values)


@pytest.mark.parametrize(
    "value",
    [
        "max-age=31536000; includeSubDomains",
        'MAX-AGE="31536000" ;INCLUDESUBDOMAINS;; preload',
        "includeSubDomains;max-age=63072000;",
        'max-age=31536000; includeSubDomains; unknown="a;b\\"c"',
    ],
)
def test_hsts_as_promised_passes(suite: ModuleType, value: str) -> None:
    passes(suite.test_browsers_are_told_to_use_https_alone, hsts(value))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((), "not sent"),
        (("max-age=31535999; includeSubDomains",), "max-age=31535999, 31536000 promised"),
        (("max-age=31536000",), "includeSubDomains is missing"),
        (("max-age=0; includeSubDomains",), "max-age=0"),
        (("includeSubDomains",), "invalid, browsers ignore it: max-age is missing"),
        (("max-age=31536000; max-age=31536000; includeSubDomains",), "max-age is given twice"),
        (("max-age=31536000, max-age=31536000; includeSubDomains",), "no directive"),
        (("max-age=-1; includeSubDomains",), "no number of seconds"),
        (("max-age; includeSubDomains",), "no number of seconds"),
        (("max-age=\u0663\u0661; includeSubDomains",), "no directive"),
        (('max-age="31536000; includeSubDomains',), "no directive"),
        (("max-age=31536000; includeSubDomains=1",), "includeSubDomains takes no value"),
        (("max-age=31536000 includeSubDomains",), "no directive"),
        (("",), "max-age is missing"),
        (("max-age=31536000; includeSubDomains", "max-age=0"), "sent 2 times, browsers heed the first alone"),
    ],
)
def test_hsts_that_is_weaker_or_invalid_fails(suite: ModuleType, values: tuple[str, ...], told: str) -> None:
    fails(suite.test_browsers_are_told_to_use_https_alone, hsts(*values), told)


def test_hsts_preload_is_asked_for_by_name(suite: ModuleType) -> None:
    check, promised = suite.test_browsers_are_told_to_use_https_alone, {**YEAR, "preload": True}
    passes(check, hsts("max-age=31536000; includeSubDomains; preload", promised=promised))
    fails(check, hsts("max-age=31536000; includeSubDomains", promised=promised), "preload is missing")


def test_hsts_over_http_is_ignored(suite: ModuleType) -> None:
    case = hsts("max-age=31536000; includeSubDomains", url="http://api.shop.example")
    fails(suite.test_browsers_are_told_to_use_https_alone, case, "http://, where browsers ignore it")


@pytest.mark.parametrize(
    "values",
    [
        (SITE_SENT,),
        ("DEFAULT-SRC 'SELF' ;\tScript-Src 'self' HTTPS://CDN.example; OBJECT-SRC 'None'; img-src 'self'",),
        ("default-src 'self'; default-src *; script-src 'self' https://cdn.example; object-src",),
        ("default-src 'self'; object-src 'none'", "script-src 'self' https://cdn.example"),
        ("default-src 'self'; object-src 'none', script-src 'self' https://cdn.example",),
        (SITE_SENT, "default-src 'self' https:"),
    ],
)
def test_csp_as_promised_passes(suite: ModuleType, values: tuple[str, ...]) -> None:
    passes(suite.test_scripts_come_from_where_they_are_promised_to, csp(*values))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((), "not sent"),
        ((" ; , ",), "not sent"),
        ((SITE_SENT.replace("object-src 'none'", ""),), "object-src is missing"),
        (
            (SITE_SENT.replace("'self';", "'self' 'unsafe-inline';"),),
            "default-src 'self' 'unsafe-inline', promised 'self'",
        ),
        ((SITE_SENT.replace("https://cdn.example", ""),), "script-src 'self', promised"),
        ((f"default-src *; {SITE_SENT}",), "default-src *, promised 'self'"),
        ((SITE_SENT, "default-src 'none'"), "default-src 'self', and 'none', promised 'self'"),
        (("default-src *", f"default-src https:; {SITE_SENT.partition(';')[2]}"), "default-src *, and https:"),
        ((SITE_SENT.replace("'none'", "'self' 'none'"),), "object-src 'self', promised 'none'"),
        ((f"{SITE_SENT}; img-src *",), "img-src * loosens the promised default-src 'self'"),
        ((SITE_SENT.replace("object-src 'none'", "object-src 'none' \u00fc"),), "object-src is missing"),
    ],
)
def test_csp_that_differs_fails(suite: ModuleType, values: tuple[str, ...], told: str) -> None:
    fails(suite.test_scripts_come_from_where_they_are_promised_to, csp(*values), told)


def test_csp_tells_all_that_differs(suite: ModuleType) -> None:
    told = ("default-src", "script-src is missing", "object-src is missing")
    fails(suite.test_scripts_come_from_where_they_are_promised_to, csp("default-src *"), *told)


def test_csp_that_is_only_reported_is_not_in_force(suite: ModuleType) -> None:
    seen = answered("", ("content-security-policy-report-only", SITE_SENT))
    case = case_of(HeadersCase, seen, target(headers={"content-security-policy": SITE}))
    fails(suite.test_scripts_come_from_where_they_are_promised_to, case, "only reported, not enforced")


def test_csp_has_directives_without_a_value_and_nonces(suite: ModuleType) -> None:
    check, promised = (
        suite.test_scripts_come_from_where_they_are_promised_to,
        {
            "upgrade-insecure-requests": [],
            "script-src": "'nonce-*'",
        },
    )
    passes(check, csp("script-src 'nonce-dGVzdA=='; upgrade-insecure-requests", promised=promised))
    fails(check, csp("script-src 'nonce-dGVzdA=='", promised=promised), "upgrade-insecure-requests is missing")


def test_csp_paths_and_hashes_keep_their_case(suite: ModuleType) -> None:
    check = suite.test_scripts_come_from_where_they_are_promised_to
    promised = {"script-src": ["https://cdn.example/App/", "'sha256-AbC='"]}
    passes(check, csp("script-src HTTPS://CDN.example/App/ 'SHA256-AbC='", promised=promised))
    fails(check, csp("script-src https://cdn.example/app/ 'sha256-AbC='", promised=promised), "/app/")
    fails(check, csp("script-src https://cdn.example/App/ 'sha256-abc='", promised=promised), "abc=")


def test_frame_options(suite: ModuleType) -> None:
    check, header = suite.test_other_sites_cannot_frame_the_page, "x-frame-options"
    passes(check, page(header, "DENY", "deny"))
    passes(check, page(header, "SAMEORIGIN", " SameOrigin "))
    passes(check, page(header, "DENY", "DENY", "deny"))
    fails(check, page(header, "DENY", "SAMEORIGIN"), "SAMEORIGIN, promised DENY")
    fails(check, page(header, "DENY", "DENY, SAMEORIGIN"), "contradict")
    fails(check, page(header, "DENY", "DENY", "SAMEORIGIN"), "contradict")
    fails(check, page(header, "SAMEORIGIN", "ALLOW-FROM https://a.example"), "ALLOW-FROM")
    fails(check, page(header, "DENY"), "not sent")
    fails(check, page(header, "DENY", ""), "promised DENY")


def test_nosniff(suite: ModuleType) -> None:
    check, header = suite.test_browsers_do_not_guess_the_media_type, "x-content-type-options"
    passes(check, page(header, "nosniff", "NoSniff"))
    passes(check, page(header, "nosniff", "nosniff, other"))
    passes(check, page(header, "nosniff", "nosniff", "nosniff"))
    fails(check, page(header, "nosniff"), "not sent")
    fails(check, page(header, "nosniff", "no-sniff"), "'no-sniff', promised nosniff")
    fails(check, page(header, "nosniff", "other, nosniff"), "other")
    fails(check, page(header, "nosniff", "'nosniff'"), "promised")


def test_xss_protection(suite: ModuleType) -> None:
    check, header = suite.test_the_filter_of_old_browsers_is_set, "x-xss-protection"
    passes(check, page(header, "1; mode=block", "1;MODE = Block;"))
    passes(check, page(header, "1; mode=block", "1; report=https://a.example/; mode=block"))
    passes(check, page(header, "0", "0"))
    fails(check, page(header, "1; mode=block"), "not sent")
    fails(check, page(header, "1; mode=block", "1"), "1, promised 1; mode=block")
    fails(check, page(header, "1; mode=block", "0; mode=block"), "promised")
    fails(check, page(header, "1; mode=block", "1; mode=blocks"), "mode that is not block")
    fails(check, page(header, "1; mode=block", "1; mode=block; mode=block"), "given twice")
    fails(check, page(header, "0", "off"), "neither 0 nor 1")
    fails(check, page(header, "0", "0", "1"), "sent 2 times")


def test_referrer_policy(suite: ModuleType) -> None:
    check, header = suite.test_addresses_are_not_told_to_other_sites, "referrer-policy"
    strict = ["no-referrer", "same-origin"]
    passes(check, page(header, strict, "Same-Origin"))
    passes(check, page(header, strict, "unsafe-url, no-referrer"))
    passes(check, page(header, strict, "no-referrer, not-yet-known"))
    passes(check, page(header, "no-referrer", "unsafe-url", "no-referrer"))
    fails(check, page(header, strict), "not sent")
    fails(
        check, page(header, strict, "no-referrer, unsafe-url"), "unsafe-url is in force", "no-referrer or same-origin"
    )
    fails(check, page(header, strict, "origin"), "origin is in force")
    fails(check, page(header, strict, "none"), "no known policy")


def test_permissions_policy(suite: ModuleType) -> None:
    check, header = suite.test_features_are_allowed_as_promised, "permissions-policy"
    promised = {"camera": "()", "geolocation": '(self "https://maps.example")', "fullscreen": "*"}
    sent = 'geolocation=("https://MAPS.example/" self), camera=(), fullscreen=*, usb=()'
    passes(check, page(header, promised, sent))
    passes(
        check,
        page(header, promised, "camera=()", 'geolocation=(self "https://maps.example");report-to=x, fullscreen=(*)'),
    )
    passes(check, page(header, {"camera": "self"}, "camera=(), camera=(self)"))
    fails(check, page(header, promised), "not sent")
    fails(check, page(header, promised, sent.replace("camera=()", "camera=*")), "camera=(*), promised ()")
    fails(check, page(header, promised, sent.replace("camera=(),", "")), "camera is missing")
    fails(check, page(header, promised, sent.replace("camera=()", "camera=(self)")), "camera=(self), promised ()")
    fails(check, page(header, promised, "camera 'none'; geolocation 'self'"), "invalid, browsers ignore all of it")
    fails(check, page(header, promised, sent.replace('"https://MAPS.example/"', "https://maps.example")), "=(self)")


@pytest.mark.parametrize("status", [502, 503])
def test_the_page_of_a_failing_service_has_no_headers_to_judge(suite: ModuleType, status: int) -> None:
    failing = case_of(HeadersCase, answered(status=status), target(headers={"x-frame-options": "DENY"}))
    is_not_observed(suite.test_other_sites_cannot_frame_the_page, failing, str(status))
    dead = case_of(HeadersCase, silent(), target(headers={"x-frame-options": "DENY"}))
    is_not_observed(suite.test_other_sites_cannot_frame_the_page, dead, "refused")


def error_page(status: int, *headers: tuple[str, str]) -> HeadersCase:
    promised = target(headers={"x-frame-options": "DENY", "on": ["/", "/login"], "on_errors": True})
    return case_of(HeadersCase, answered("", *headers, status=status), promised, nth=2)


def test_promises_hold_on_the_error_page(suite: ModuleType) -> None:
    check, deny = suite.test_other_sites_cannot_frame_the_page, ("x-frame-options", "DENY")
    assert error_page(404).ask.url == "https://api.shop.example/roadworthy-no-such-page"
    passes(check, error_page(404, deny))
    fails(check, error_page(404), "not sent")
    is_not_observed(check, error_page(200, deny), "no error page was to be had", "200")


def test_every_promised_page_is_judged() -> None:
    def pages(**more: Any) -> list[str]:
        promised = target(headers={"x-frame-options": "DENY", **more})
        return [ask.url for _, ask in HeadersCase.looks(promised, promised.components["api"])]

    assert pages() == ["https://api.shop.example/"]
    assert pages(on=["/a", "/b"]) == ["https://api.shop.example/a", "https://api.shop.example/b"]
