from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.headers import HeadersCase, PreloadCase
from roadworthy.check import check_of
from roadworthy.facts.http import HttpObservation, Silence, SilenceKind
from roadworthy.target.blocks.headers import Headers
from roadworthy.target.document import MapNode, plain
from roadworthy.target.parts import policies
from tests.suites.healthy import NOW, answered, case_of, fails, hop, is_not_observed, passes, silent, target

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


PRELOAD = {"max_age": 63072000, "include_subdomains": True, "preload": True}


def test_the_preload_list_has_conditions_of_its_own(suite: ModuleType) -> None:
    check, weak = suite.test_browsers_are_told_to_use_https_alone, {"max_age": 300, "preload": True}
    passes(check, hsts("max-age=31536000; includeSubDomains; preload", promised=weak))
    fails(check, hsts("max-age=31535999; includeSubDomains; preload", promised=weak), "the preload list wants 31536000")
    fails(check, hsts("max-age=31536000; preload", promised=weak), "includeSubDomains is missing")


def from_http(seen: Any, url: str = "https://api.shop.example", **promised: Any) -> PreloadCase:
    return case_of(PreloadCase, seen, target(url, headers={"strict-transport-security": {**PRELOAD, **promised}}))


def redirected(*locations: str | None) -> Any:
    hops = [hop("http://api.shop.example/roadworthy-no-such-page?kept=yes", location) for location in locations]
    return answered("", hops=tuple(hops))


def test_the_redirect_first_leads_to_its_own_host(suite: ModuleType) -> None:
    check = suite.test_the_preload_list_would_take_the_name
    assert from_http(redirected()).ask.url.startswith("http://api.shop.example/")
    passes(check, from_http(redirected("https://api.shop.example/")))
    passes(check, from_http(silent(SilenceKind.REFUSED)))
    fails(check, from_http(redirected("https://www.shop.example/")), "leads to https://www.shop.example/ before")
    fails(check, from_http(redirected("http://api.shop.example/x", "https://api.shop.example/x")), "leads to http://")
    fails(check, from_http(redirected("/login")), "leads to /login")
    fails(check, from_http(redirected("https://[")), "leads to https://[")
    fails(check, from_http(redirected()), "does not redirect")
    is_not_observed(check, from_http(silent(SilenceKind.TIMED_OUT)), "timed out")
    dropped = Silence(silence=SilenceKind.TIMED_OUT, detail="connecting", elapsed_s=4, sent=False)
    passes(check, from_http(HttpObservation(observed_at=NOW, result=dropped)))


def test_only_who_promises_preload_is_asked_on_http() -> None:
    promised = target("https://api.shop.example", headers={"strict-transport-security": {**PRELOAD, "preload": False}})
    assert not list(PreloadCase.looks(promised, promised.components["api"]))


def test_csp_falls_back_from_directive_to_directive(suite: ModuleType) -> None:
    check, promised = suite.test_scripts_come_from_where_they_are_promised_to, {"script-src": "'self'"}
    passes(check, csp("script-src 'self'; style-src *; script-src-elem 'self'; worker-src 'none'", promised=promised))
    passes(check, csp("script-src 'self' 'report-sample'", promised=promised))
    fails(
        check, csp("script-src 'self'; script-src-elem *", promised=promised), "script-src-elem * loosens", "script-src"
    )
    fails(check, csp("script-src 'self'; worker-src blob:", promised=promised), "worker-src blob: loosens")
    passes(check, csp("script-src 'self'; worker-src blob:", "child-src 'self'", promised=promised))


def test_csp_in_the_page_is_no_header(suite: ModuleType) -> None:
    body = "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">"
    promised = target(headers={"content-security-policy": {"default-src": "'self'"}})
    case = case_of(HeadersCase, answered(body, ("content-type", "text/html")), promised)
    fails(
        suite.test_scripts_come_from_where_they_are_promised_to,
        case,
        "not sent as a header; the page has one in <meta>",
    )


def effect(*values: str, meta: str = "", **promised: Any) -> HeadersCase:
    body = f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{meta}">' if meta else ""
    headers = [("content-type", "text/html"), *(("content-security-policy", value) for value in values)]
    return case_of(HeadersCase, answered(body, *headers), target(headers={"csp": promised}))


ALL = ["inline-scripts", "inline-styles", "eval", "any-source", "data-scripts", "insecure-sources", "bypass-hosts"]
SHA = "'sha256-AAAA='"


@pytest.mark.parametrize(
    "values",
    [
        ("default-src 'self'",),
        ("default-src 'none'",),
        ("default-src 'self' 'unsafe-inline' 'nonce-abc='",),
        (f"default-src 'self'; script-src 'self' 'unsafe-inline' {SHA}",),
        ("default-src 'self'; script-src 'unsafe-inline' https: http: data: 'strict-dynamic' 'nonce-abc='",),
        ("default-src * 'unsafe-inline' 'unsafe-eval' data:", "default-src 'self'"),
        ("default-src * 'unsafe-inline'; script-src 'self'; style-src 'self'",),
        ("default-src 'self'; img-src * data:; connect-src *",),
        ("default-src 'self'; script-src https://cdn.example https://*.shop.example blob:",),
        ("script-src https://maps.googleapis.com/other/; default-src 'self'",),
        ("script-src https://www.googletagmanager.com; default-src 'self'",),
        ("script-src http://old.example; default-src 'self'; upgrade-insecure-requests",),
        ("script-src 'none'; script-src *; default-src 'self'",),
        ("default-src 'self' ws://", "default-src 'self'"),
    ],
)
def test_a_policy_that_holds_passes(suite: ModuleType, values: tuple[str, ...]) -> None:
    passes(
        suite.test_policies_hold_in_effect, effect(*values, forbids=[one for one in ALL if one != "insecure-sources"])
    )
    if not any("ws:" in value or "data:" in value for value in values):
        passes(suite.test_policies_hold_in_effect, effect(*values, forbids=ALL))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((), "no policy is in force"),
        (("img-src 'self'",), "inline-scripts: no script-src"),
        (("default-src 'self' 'unsafe-inline'",), "inline-scripts: script-src 'unsafe-inline'"),
        (("default-src 'self'; script-src-attr 'unsafe-inline'",), "inline-scripts: script-src-attr 'unsafe-inline'"),
        (("default-src 'self' 'unsafe-inline' 'nonce-'",), "inline-scripts: script-src 'unsafe-inline'"),
        (("default-src 'self' 'unsafe-inline' 'nonce-{{ nonce }}'",), "inline-scripts: script-src 'unsafe-inline'"),
        (("default-src 'self' 'unsafe-inline' 'sha256-'",), "inline-scripts: script-src 'unsafe-inline'"),
        (("default-src 'self'; script-src-elem 'unsafe-inline'",), "inline-scripts: script-src-elem 'unsafe-inline'"),
        (("script-src 'unsafe-inline'", "default-src 'self' 'unsafe-inline'"), "inline-scripts: script-src"),
        (("default-src 'self'; style-src 'unsafe-inline'",), "inline-styles: style-src 'unsafe-inline'"),
        (("default-src 'self' 'unsafe-eval'",), "eval: script-src 'unsafe-eval'"),
        (("img-src 'self'",), "eval: no script-src"),
        (("default-src *",), "any-source: script-src *"),
        (("default-src 'self'; script-src https:",), "any-source: script-src https:"),
        (("default-src 'self'; script-src https://*",), "any-source: script-src https://*"),
        (("default-src 'self'; script-src *.com",), "any-source: script-src *.com"),
        (("script-src https:", "script-src http://*:*"), "any-source: script-src http://*:* https:"),
        (("script-src 'self' data:",), "data-scripts: script-src data:"),
        (("script-src 'self' data:", "img-src *"), "data-scripts: script-src data:"),
        (("default-src 'self' http://cdn.example",), "insecure-sources: default-src http://cdn.example"),
        (("default-src 'self'; connect-src ws://push.example",), "insecure-sources: connect-src ws://push.example"),
        (("script-src 'self' https://ajax.googleapis.com",), "bypass-hosts: ajax.googleapis.com"),
        (("script-src 'self' *.googleapis.com:443",), "bypass-hosts: ajax.googleapis.com, maps.googleapis.com"),
        (("script-src 'self' cdnjs.cloudflare.com/ajax/libs/",), "bypass-hosts: cdnjs.cloudflare.com"),
        (("script-src unpkg.com",), "bypass-hosts: unpkg.com"),
        (("script-src https://www.googletagmanager.com 'unsafe-eval'",), "bypass-hosts: www.googletagmanager.com"),
    ],
)
def test_a_policy_that_lets_things_through_fails(suite: ModuleType, values: tuple[str, ...], told: str) -> None:
    fails(suite.test_policies_hold_in_effect, effect(*values, forbids=ALL), told)
    if values:
        passes(suite.test_policies_hold_in_effect, effect("default-src 'none'", *values, forbids=ALL[:5]))


def test_a_policy_in_the_page_is_in_force(suite: ModuleType) -> None:
    check = suite.test_policies_hold_in_effect
    passes(check, effect(meta="default-src 'self'; img-src *", forbids=["any-source"]))
    fails(check, effect(meta="default-src 'self', img-src *", forbids=["any-source"]), "any-source: script-src *")
    fails(check, effect(meta="frame-ancestors 'none'", forbids=["any-source"]), "no policy is in force")
    fails(
        check, effect(meta="frame-ancestors 'none'; default-src 'self'", restricts=["frame-ancestors"]), "no frame-anc"
    )
    late = answered(
        "<p><meta http-equiv=content-security-policy content=\"default-src 'self'\">", ("content-type", "text/html")
    )
    promised = target(headers={"csp": {"forbids": ["eval"]}})
    fails(check, case_of(HeadersCase, late, promised), "no policy is in force")
    reported = answered("", ("content-security-policy-report-only", "default-src 'self'"))
    fails(check, case_of(HeadersCase, reported, promised), "one is only reported")


@pytest.mark.parametrize(
    ("value", "directive", "told"),
    [
        ("script-src 'self'", "object-src", "no object-src"),
        ("default-src 'self'", "base-uri", "no base-uri"),
        ("base-uri https:", "base-uri", "base-uri https:"),
        ("default-src 'self'", "form-action", "no form-action"),
        ("default-src 'self'", "frame-ancestors", "no frame-ancestors"),
        ("frame-ancestors https:", "frame-ancestors", "frame-ancestors https:"),
        ("img-src 'self'", "default-src", "no default-src"),
    ],
)
def test_directives_are_restricted(suite: ModuleType, value: str, directive: str, told: str) -> None:
    check = suite.test_policies_hold_in_effect
    fails(check, effect(value, restricts=[directive]), told)
    passes(check, effect(value, f"{directive} 'self'", restricts=[directive]))


def test_an_effect_promises_something() -> None:
    with pytest.raises(ValueError, match="give forbids, restricts or both"):
        target(headers={"csp": {}})


def framed(promised: str, *headers: tuple[str, str]) -> HeadersCase:
    return case_of(HeadersCase, answered("", *headers), target(headers={"framing": promised}))


XFO, CSP = "x-frame-options", "content-security-policy"


@pytest.mark.parametrize(
    ("promised", "headers"),
    [
        ("nobody", [(XFO, "deny")]),
        ("nobody", [(CSP, "frame-ancestors 'none'")]),
        ("nobody", [(CSP, "frame-ancestors"), (XFO, "SAMEORIGIN")]),
        ("nobody", [(XFO, "DENY, SAMEORIGIN")]),
        ("nobody", [(CSP, "frame-ancestors 'none'"), (CSP, "frame-ancestors *")]),
        ("same-origin", [(XFO, "SameOrigin"), (XFO, "SAMEORIGIN")]),
        ("same-origin", [(CSP, "frame-ancestors 'self'")]),
        ("listed", [(CSP, "frame-ancestors 'self' https://partner.example")]),
    ],
)
def test_who_may_frame_is_as_promised(suite: ModuleType, promised: str, headers: list[tuple[str, str]]) -> None:
    passes(suite.test_nobody_else_frames_the_page, framed(promised, *headers))


@pytest.mark.parametrize(
    ("promised", "headers", "told"),
    [
        ("listed", [], "neither frame-ancestors nor X-Frame-Options"),
        ("nobody", [(XFO, "SAMEORIGIN")], "X-Frame-Options: SAMEORIGIN, promised nobody"),
        ("same-origin", [(XFO, "ALLOW-FROM https://a.example")], "browsers ignore ALLOW-FROM"),
        (
            "same-origin",
            [(XFO, "DENY"), (CSP, "frame-ancestors https://a.example")],
            "frame-ancestors https://a.example",
        ),
        ("listed", [(CSP, "frame-ancestors https:"), (XFO, "DENY")], "frame-ancestors https:, promised listed"),
        ("listed", [("content-security-policy-report-only", "frame-ancestors 'none'")], "neither"),
    ],
)
def test_who_else_may_frame_fails(suite: ModuleType, promised: str, headers: list[tuple[str, str]], told: str) -> None:
    fails(suite.test_nobody_else_frames_the_page, framed(promised, *headers), told)


def test_frame_ancestors_make_frame_options_void(suite: ModuleType) -> None:
    check = suite.test_other_sites_cannot_frame_the_page
    deny = [(XFO, "DENY")]
    for value, sound in (("frame-ancestors 'none'", True), ("frame-ancestors 'self'", False), ("default-src *", True)):
        case = case_of(HeadersCase, answered("", *deny, (CSP, value)), target(headers={XFO: "DENY"}))
        passes(check, case) if sound else fails(check, case, "browsers then ignore X-Frame-Options")
    both = target(headers={XFO: "DENY", CSP: {"frame-ancestors": "'self'"}})
    passes(check, case_of(HeadersCase, answered("", *deny, (CSP, "frame-ancestors 'self'")), both))
    allow = target(headers={XFO: "SAMEORIGIN"})
    fails(check, case_of(HeadersCase, answered("", (XFO, "ALLOW-FROM https://a.example")), allow), "ALLOW-FROM")


def test_the_page_s_own_referrer_policy_wins(suite: ModuleType) -> None:
    check, promised = (
        suite.test_addresses_are_not_told_to_other_sites,
        target(headers={"referrer-policy": "no-referrer"}),
    )
    for content, sound in (("never", True), ("No-Referrer", True), ("nonsense", True), ("", True), ("always", False)):
        body = f"<head><meta name=Referrer content='{content}'>"
        seen = answered(body, ("content-type", "text/html"), ("referrer-policy", "no-referrer"))
        case = case_of(HeadersCase, seen, promised)
        passes(check, case) if sound else fails(check, case, "the page's <meta name=referrer> sets unsafe-url")


@pytest.mark.parametrize("name", ["mdn-observatory-6", "internet-nl-2025", "owasp-secure-headers-2026"])
def test_the_policies_of_the_graders_can_be_kept_and_broken(suite: ModuleType, name: str) -> None:
    values = policies()[name].get("headers")
    assert isinstance(values, MapNode)
    promised = target(headers=plain(values))
    sent = {
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "content-security-policy": "default-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; "
        "frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
    }
    strict = case_of(HeadersCase, answered("", *sent.items()), promised)
    known = [
        (about, check) for check in vars(suite).values() if (about := check_of(check)) and about.id != "HDR-PRELOAD"
    ]
    checks = {about.expects or "": check for about, check in known}
    given = {
        field.alias or key for key, field in Headers.model_fields.items() if getattr(strict.expected, key) is not None
    }
    judged = [check for key, check in checks.items() if key.partition(".")[2] in given]
    assert len(judged) >= 4
    for check in judged:
        check(strict)
    bare = case_of(HeadersCase, answered(""), promised)
    fails(suite.test_browsers_are_told_to_use_https_alone, bare, "not sent")
    fails(suite.test_browsers_do_not_guess_the_media_type, bare, "not sent")
