from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.headers import HeadersCase
from tests.suites.healthy import answered, case_of, fails, is_not_observed, passes, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HTML = ("content-type", "text/html; charset=utf-8")
SHA256 = f"sha256-{base64.b64encode(bytes(32)).decode()}"
SHA384 = f"sha384-{base64.b64encode(bytes(48)).decode()}"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("headers/test_content.py")


def page(promised: dict[str, Any], body: str, *headers: tuple[str, str], **changes: Any) -> HeadersCase:
    seen = answered(body, *(headers or (HTML,)), **changes)
    return case_of(HeadersCase, seen, target(headers=promised))


def test_a_type_that_is_sent_twice_is_still_a_page(suite: ModuleType) -> None:
    body, check = "<script src=https://cdn.example/a.js></script>", suite.test_foreign_scripts_are_proved
    fails(check, page({"sri": True}, body, ("content-type", "text/html"), HTML), "has no integrity")
    passes(check, page({"sri": True}, body, ("content-type", "application/json")))


def loading(*tags: str, trusts: tuple[str, ...] = (), **changes: Any) -> HeadersCase:
    return page({"sri": True, "trusts": trusts}, f"<!doctype html>{''.join(tags)}<p>hello", **changes)


@pytest.mark.parametrize(
    "tag",
    [
        "<script src=/app.js></script>",
        "<script src=//api.shop.example:443/app.js></script>",
        "<SCRIPT>var a = '<script src=https://cdn.example/a.js>'</SCRIPT>",
        "<!-- <script src=https://cdn.example/a.js></script> -->",
        "<script type=application/json src=https://cdn.example/a.json></script>",
        f"<script src=https://cdn.example/a.js integrity='{SHA384}' crossorigin></script>",
        f"<script src=https://cdn.example/a.js integrity='md5-x {SHA256}?opt {SHA384}' crossorigin=anonymous></script>",
        f"<link rel='preconnect stylesheet' href=https://cdn.example/a.css integrity={SHA384} crossorigin>",
        "<link rel=icon href=https://cdn.example/a.ico>",
        "<img src=https://cdn.example/a.png>",
        "<noscript><link rel=stylesheet href=https://cdn.example/a.css></noscript>",
        "<template><script src=https://cdn.example/a.js></script></template>",
        "<script src='https://[/a.js'></script><script src=data:,1></script>",
    ],
)
def test_what_is_proved_or_our_own_passes(suite: ModuleType, tag: str) -> None:
    passes(suite.test_foreign_scripts_are_proved, loading(tag))


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("<script src=https://cdn.example/a.js></script>", "https://cdn.example/a.js has no integrity"),
        ("<script src='//cdn.example/a.js' integrity></script>", "//cdn.example/a.js has no integrity"),
        ("<script async src=https://api.shop.example:8443/a.js>", "has no integrity"),
        ("<base href=https://cdn.example/><script src=a.js></script>", "a.js has no integrity"),
        ("<link rel=modulepreload href=https://cdn.example/a.js>", "has no integrity"),
        ("<link REL=Stylesheet HREF=https://cdn.example/a.css>", "a.css has no integrity"),
        (f"<script src=https://cdn.example/a.js integrity='{SHA384}'></script>", "no crossorigin"),
        ("<script src=https://cdn.example/a.js integrity='md5-AAAA' crossorigin>", "that browsers know: md5-AAAA"),
        ("<script src=https://cdn.example/a.js integrity='sha256-AAAA' crossorigin>", "that browsers know"),
    ],
)
def test_what_is_not_proved_fails(suite: ModuleType, tag: str, told: str) -> None:
    fails(suite.test_foreign_scripts_are_proved, loading(tag), told)


def test_trusted_origins_need_no_proof(suite: ModuleType) -> None:
    check, tag = suite.test_foreign_scripts_are_proved, "<link rel=stylesheet href=https://fonts.example/a.css>"
    passes(check, loading(tag, trusts=("https://fonts.example",)))
    passes(check, loading(tag.replace("//", "//a."), trusts=("https://*.fonts.example",)))
    fails(check, loading(tag, trusts=("https://fonts.example:8443",)), "no integrity")


def test_many_faults_are_counted(suite: ModuleType) -> None:
    tags = [f"<script src=https://cdn.example/{number}.js></script>" for number in range(14)]
    fails(suite.test_foreign_scripts_are_proved, loading(*tags), "9.js", "and 4 more")


def test_what_is_no_page_loads_nothing(suite: ModuleType) -> None:
    check, tag = suite.test_foreign_scripts_are_proved, "<script src=https://cdn.example/a.js></script>"
    passes(check, page({"sri": True}, tag, ("content-type", "application/json")))
    fails(check, page({"sri": True}, tag, ("content-type", "")), "no integrity")
    is_not_observed(check, page({"sri": True}, "", HTML, ("location", "/x"), status=302), "name the page itself")
    is_not_observed(check, page({"sri": True}, "", HTML, truncated=True), "only 0 characters")
    fails(check, page({"sri": True}, tag, HTML, truncated=True), "no integrity")


SECURE = {"no_mixed_content": True}


@pytest.mark.parametrize(
    "tag",
    [
        "<img src=https://cdn.example/a.png><iframe src=/x></iframe><a href=http://old.example>old</a>",
        "<script src=http://localhost:5173/a.js></script><img src=http://127.0.0.1/a.png>",
        "<img src=http:/relative.png>",
    ],
)
def test_secure_or_local_things_pass(suite: ModuleType, tag: str) -> None:
    passes(suite.test_nothing_is_loaded_in_the_clear, page(SECURE, tag))


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("<script src=http://cdn.example/a.js></script>", "script http://cdn.example/a.js"),
        ("<link rel=stylesheet href='HTTP://api.shop.example/a.css'>", "style HTTP://api.shop.example/a.css"),
        ("<img src='http://cdn.example/a.png'>", "media http://cdn.example/a.png"),
        ("<object data=http://cdn.example/a.pdf></object>", "frame http://cdn.example/a.pdf"),
        ("<video poster=http://cdn.example/a.jpg>", "media http://cdn.example/a.jpg"),
    ],
)
def test_what_comes_in_the_clear_fails(suite: ModuleType, tag: str, told: str) -> None:
    check = suite.test_nothing_is_loaded_in_the_clear
    fails(check, page(SECURE, tag), told)
    passes(check, page(SECURE, tag, HTML, ("content-security-policy", "upgrade-insecure-requests")))
    meta = "<meta http-equiv=content-security-policy content='img-src *; Upgrade-Insecure-Requests'>"
    passes(check, page(SECURE, meta + tag))
    fails(check, page(SECURE, tag + meta) if "img" in tag else page(SECURE, f"<p>{meta}{tag}"), told)


def test_a_page_on_http_has_no_mixed_content(suite: ModuleType) -> None:
    seen = answered("<img src=http://cdn.example/a.png>", HTML)
    case = case_of(HeadersCase, seen, target("http://api.shop.example", headers=SECURE))
    passes(suite.test_nothing_is_loaded_in_the_clear, case)
