from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.headers import CookieCase
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

GOOD = "shop_session=x; Path=/; Secure; HttpOnly; SameSite=Lax"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("headers/test_cookies.py")


def page(
    promised: dict[str, Any], *cookies: str, url: str = "https://api.shop.example", status: int = 200
) -> CookieCase:
    seen = answered("", *(("set-cookie", cookie) for cookie in cookies), status=status)
    return case_of(CookieCase, seen, target(url, headers={"cookies": promised}))


def test_every_cookie_is_secure(suite: ModuleType) -> None:
    check, promised = suite.test_cookies_are_kept_from_others, {"secure": True}
    passes(check, page(promised, GOOD))
    passes(check, page(promised, "a=b;secure", "c=d; SECURE=false; x"))
    passes(check, page(promised))
    fails(check, page(promised, GOOD, "theme=dark; Path=/"), "theme: no Secure")
    fails(check, page(promised, "a=b; Secured"), "a: no Secure")


def test_what_is_taken_away_is_not_judged(suite: ModuleType) -> None:
    check, promised = suite.test_cookies_are_kept_from_others, {"secure": True}
    passes(check, page(promised, "old=; Max-Age=0"))
    passes(check, page(promised, "old=; expires=Thu, 01-Jan-1970 00:00:00 GMT"))
    passes(check, page(promised, "old=; Expires=Sat, 21 Nov 2026 12:00:00 GMT"))
    fails(check, page(promised, "new=; Expires=Sat, 21 Nov 2026 12:00:01 GMT"), "new: no Secure")
    fails(check, page(promised, "new=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=1"), "new: no Secure")
    fails(check, page(promised, "new=; Expires=nonsense"), "new: no Secure")


def test_named_cookies_are_kept_from_scripts(suite: ModuleType) -> None:
    check, promised = suite.test_cookies_are_kept_from_others, {"httponly": ["shop_session", "remember_*"]}
    passes(check, page(promised, GOOD, "XSRF-TOKEN=x"))
    passes(check, page(promised, f"__Host-{GOOD}"))
    fails(check, page(promised, GOOD.replace("; HttpOnly", "")), "shop_session: no HttpOnly")
    fails(check, page(promised, GOOD, "Remember_web_59ba=x"), "Remember_web_59ba: no HttpOnly")


def test_a_cookie_that_is_named_must_be_seen(suite: ModuleType) -> None:
    check, promised = suite.test_cookies_are_kept_from_others, {"httponly": ["shop_session"], "path": "/login"}
    assert page(promised).ask.url == "https://api.shop.example/login"
    is_not_observed(check, page(promised, "other=x"), "no cookie shop_session was set")
    is_not_observed(check, page(promised, GOOD, status=404), "name the page")


def test_the_page_that_is_named_for_its_cookies_sets_some(suite: ModuleType) -> None:
    check, promised = suite.test_cookies_are_kept_from_others, {"secure": True, "path": "/login"}
    passes(check, page(promised, GOOD))
    is_not_observed(check, page(promised), "no cookie was set")
    is_not_observed(check, page(promised, "old=; Max-Age=0", status=405), "no cookie was set; answered 405")
    is_not_observed(check, page(promised, GOOD, status=503), "503")
    passes(check, page({"httponly": ["*sess*"]}))


def test_same_site(suite: ModuleType) -> None:
    check, lax = suite.test_cookies_are_kept_from_others, {"samesite": "Lax"}
    passes(check, page(lax, "a=b; SameSite=lax", "c=d; samesite=Strict"))
    fails(check, page(lax, "a=b"), "a: SameSite=Not given, promised Lax")
    fails(check, page(lax, "a=b; SameSite=Relaxed"), "promised Lax")
    fails(check, page(lax, "a=b; SameSite=None; Secure"), "a: SameSite=None, promised Lax")
    fails(check, page({"samesite": {"*csrf*": "Strict"}}, "x-CSRF=b; SameSite=Lax"), "promised Strict")
    passes(check, page({"samesite": {"*csrf*": "None"}}, "x-CSRF=b; SameSite=None; Secure", "b=c"))


def test_prefixes_are_as_promised(suite: ModuleType) -> None:
    check, promised = suite.test_cookies_are_kept_from_others, {"prefixes": {"sid": "__Host-"}}
    passes(check, page(promised, "__Host-sid=x; Secure; Path=/"))
    fails(check, page(promised, "sid=x; Secure; Path=/"), "sid: promised as __Host-sid")
    fails(check, page(promised, "__Secure-sid=x; Secure; Path=/"), "promised as __Host-sid")


@pytest.mark.parametrize(
    ("cookie", "told"),
    [
        ("__Host-a=b; Path=/", "its prefix needs Secure"),
        ("__host-a=b; Secure; Path=/; Domain=api.shop.example", "allows no Domain"),
        ("__Host-a=b; Secure", "needs Path=/"),
        ("__Host-a=b; Secure; Path=/; Path=/app", "needs Path=/"),
        ("__Secure-a=b", "its prefix needs Secure"),
        ("a=b; SameSite=None", "SameSite=None needs Secure"),
        ("a=b; Partitioned", "Partitioned needs Secure"),
        ("a=b; Domain=other.example", "Domain=other.example is not api.shop.example's own"),
        ("a=b; Domain=i.shop.example", "is not api.shop.example's own"),
    ],
)
def test_what_browsers_refuse_fails(suite: ModuleType, cookie: str, told: str) -> None:
    fails(suite.test_cookies_are_kept_from_others, page({"httponly": "*none*"}, cookie), "browsers refuse it", told)


@pytest.mark.parametrize(
    "cookie",
    [
        "a=b; Domain=.Shop.example",
        "__Host-a=b; Secure; Path=/; Domain=",
        "__Secure-a=b; secure",
        "a\x01=b",
        "",
        "=",
        "; Secure",
    ],
)
def test_what_browsers_keep_or_ignore_passes(suite: ModuleType, cookie: str) -> None:
    passes(suite.test_cookies_are_kept_from_others, page({"httponly": "*none*"}, cookie))


def test_a_secure_cookie_over_http_is_refused(suite: ModuleType) -> None:
    case = page({"secure": True}, "a=b; Secure", url="http://api.shop.example")
    fails(suite.test_cookies_are_kept_from_others, case, "Secure is set over http://")


@pytest.mark.parametrize("promised", [{}, {"secure": False}, {"path": "/"}, {"samesite": "Sometimes"}])
def test_a_promise_says_something(promised: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give at least one of|Input should be"):
        target(headers={"cookies": promised})


def test_the_promise_is_told(suite: ModuleType) -> None:
    assert suite
    assert str(page({"secure": True, "httponly": "a", "path": "/x"}).expected) == "secure: True, httponly: ('a',)"
