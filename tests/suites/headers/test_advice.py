from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.headers import HeadersAdviceCase
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HTML = ("content-type", "text/html")
CSP = "content-security-policy"
SOUND = {
    "content-type": "text/html",
    "strict-transport-security": "max-age=15552000",
    "x-content-type-options": "nosniff",
    CSP: "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("headers/test_advice.py")


def page(
    *more: tuple[str, str],
    body: str = "<p>hello",
    promised: dict[str, Any] | None = None,
    status: int = 200,
    **sent: str,
) -> HeadersAdviceCase:
    headers = {**SOUND, **{name.replace("_", "-"): value for name, value in sent.items()}}
    seen = answered(body, *((name, value) for name, value in headers.items() if value), *more, status=status)
    return case_of(HeadersAdviceCase, seen, target(headers={"absent": ["x-unwanted"], **(promised or {})}))


def test_a_sound_page_gets_no_advice(suite: ModuleType) -> None:
    check = suite.test_headers_are_as_experts_advise
    passes(check, page())
    passes(check, page(("set-cookie", "theme=dark; Secure"), ("set-cookie", "sess=x; Secure; HttpOnly")))
    passes(check, page(referrer_policy="no-referrer", x_xss_protection="0", server="nginx"))
    passes(check, page(content_type="application/json", content_security_policy=""))
    passes(check, page(status=302, content_security_policy="", x_content_type_options=""))


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"strict_transport_security": ""}, "no Strict-Transport-Security"),
        ({"strict_transport_security": "max-age=15551999"}, "max-age=15551999 of Strict-Transport-Security is under"),
        ({"strict_transport_security": "max-age"}, "Strict-Transport-Security is invalid"),
        ({"x_content_type_options": "sniff"}, "no X-Content-Type-Options: nosniff"),
        ({"content_security_policy": ""}, "no Content-Security-Policy is in force (CSP Level 3"),
        ({"content_security_policy": "default-src 'self'"}, "any site may frame the page"),
        ({"content_security_policy": "img-src *; frame-ancestors 'self'"}, "inline-scripts (no script-src)"),
        ({"content_security_policy": "script-src 'self'; frame-ancestors 'self'"}, "plugins (no object-src)"),
        (
            {"content_security_policy": "default-src https: 'unsafe-eval'; frame-ancestors 'self'"},
            "lets through eval (script-src 'unsafe-eval'), any-source (script-src https:)",
        ),
        (
            {"content_security_policy": "default-src 'self'; script-src 'strict-dynamic'; frame-ancestors 'self'"},
            "no script at all ('strict-dynamic' without a nonce or a hash)",
        ),
        ({"x_frame_options": "SAMEORIGIN"}, "say different things; browsers heed the latter"),
        ({"x_frame_options": "ALLOW-FROM https://a.example"}, "ALLOW-FROM is ignored by browsers"),
        ({"referrer_policy": "unsafe-url"}, "Referrer-Policy unsafe-url tells other sites more"),
        ({"x_xss_protection": "1; mode=block"}, "X-XSS-Protection: 1; mode=block can open holes"),
        ({"expect_ct": "max-age=0"}, "expect-ct is obsolete"),
        ({"feature_policy": "camera 'none'"}, "feature-policy is obsolete, Permissions-Policy took its place"),
        ({"server": "nginx/1.25.3"}, "server: nginx/1.25.3 tells a version"),
        ({"permissions_policy": "camera 'none'"}, "Permissions-Policy is invalid"),
        ({"set_cookie": "PHPSESSID=x; path=/"}, "cookie PHPSESSID: no Secure, no HttpOnly (RFC 6265bis"),
        ({"set_cookie": "csrftoken=x; Secure"}, "cookie csrftoken: no SameSite"),
        ({"set_cookie": "__Host-a=x; Secure"}, "cookie __Host-a: browsers refuse it: __Host- needs Path=/"),
    ],
)
def test_each_weakness_is_told(suite: ModuleType, sent: dict[str, str], told: str) -> None:
    fails(suite.test_headers_are_as_experts_advise, page(**sent), told)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<script src=https://cdn.example/a.js></script>", "script https://cdn.example/a.js has no integrity"),
        ("<img src=http://cdn.example/a.png>", "loaded over http://: media http://cdn.example/a.png"),
        ("<meta name=referrer content=always>", "Referrer-Policy unsafe-url"),
    ],
)
def test_the_page_is_read_too(suite: ModuleType, body: str, told: str) -> None:
    fails(suite.test_headers_are_as_experts_advise, page(body=body), told)


@pytest.mark.parametrize(
    ("promised", "sent"),
    [
        ({"strict-transport-security": {"max_age": 31536000}}, {"strict_transport_security": ""}),
        ({"x-content-type-options": "nosniff"}, {"x_content_type_options": ""}),
        (
            {"csp": {"forbids": ["eval"]}, "framing": "nobody"},
            {"content_security_policy": "script-src 'unsafe-inline'"},
        ),
        ({CSP: {"default-src": "'self'"}, "framing": "nobody"}, {"content_security_policy": ""}),
        ({"referrer-policy": "no-referrer"}, {"referrer_policy": "unsafe-url"}),
        ({"hides_versions": False}, {"server": "nginx/1.25.3"}),
        ({"absent": ["Expect-CT"]}, {"expect_ct": "max-age=0"}),
        ({"permissions-policy": {"camera": "()"}}, {"permissions_policy": "camera 'none'"}),
        ({"cookies": {"secure": True}}, {"set_cookie": "PHPSESSID=x"}),
    ],
)
def test_what_is_decided_gets_no_advice(suite: ModuleType, promised: dict[str, Any], sent: dict[str, str]) -> None:
    passes(suite.test_headers_are_as_experts_advise, page(promised=promised, **sent))


@pytest.mark.parametrize(
    ("promised", "sent", "told"),
    [
        ({"strict-transport-security": {"max_age": 300}}, {}, "the promised max-age=300"),
        ({"x-xss-protection": "1; mode=block"}, {"x_xss_protection": "1; mode=block"}, "send 0, or nothing"),
        ({"referrer-policy": "unsafe-url"}, {}, "the promised Referrer-Policy unsafe-url tells"),
        (
            {CSP: {"default-src": ["'self'", "'unsafe-inline'"]}},
            {"content_security_policy": "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"},
            "the promised Content-Security-Policy lets through inline-scripts",
        ),
        ({"x-frame-options": "DENY"}, {"x_frame_options": "SAMEORIGIN"}, "say different things"),
    ],
)
def test_a_promise_against_todays_advice_is_told(
    suite: ModuleType, promised: dict[str, Any], sent: dict[str, str], told: str
) -> None:
    fails(suite.test_headers_are_as_experts_advise, page(promised=promised, **sent), told)


def test_a_meta_that_narrows_what_is_promised_is_told(suite: ModuleType) -> None:
    check, promised = suite.test_headers_are_as_experts_advise, {CSP: {"default-src": "'self'"}}
    meta = '<meta http-equiv="Content-Security-Policy" content="{}">'
    passes(check, page(promised=promised, body=meta.format("img-src 'self'; frame-ancestors 'none'")))
    fails(
        check,
        page(promised=promised, body=meta.format("img-src 'none'")),
        "leaves out what the promised policy",
        "img-src",
    )


def test_a_repeated_header_and_open_credentials_are_told(suite: ModuleType) -> None:
    check = suite.test_headers_are_as_experts_advise
    fails(check, page(("strict-transport-security", "max-age=1")), "is sent 2 times")
    credentials = ("access-control-allow-credentials", "true")
    fails(check, page(("access-control-allow-origin", "*"), credentials), "which browsers refuse")


def test_what_is_not_there_can_not_be_advised_on(suite: ModuleType) -> None:
    is_not_observed(suite.test_headers_are_as_experts_advise, page(status=404), "name a page")
