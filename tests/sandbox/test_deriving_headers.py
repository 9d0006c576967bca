from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.sandbox.deployment import CorsRule, Page, PreflightState
from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.deriving_headers import FOREIGN
from roadworthy.sandbox.nginx import render
from roadworthy.target.models import Target

if TYPE_CHECKING:
    from roadworthy.sandbox.deployment import Deployment


def deployment(**headers: Any) -> Deployment:
    component = {"url": "http://shop.example:8080", "headers": headers}
    raw = {"schema": 1, "name": "shop", "environment": "test", "components": {"shop": component}}
    return derive(Target.model_validate(raw), "127.64.0")


def lines(of: Deployment) -> dict[str, str]:
    return {line.name: line.value for line in of.fronts[0].headers}


def pages(of: Deployment) -> dict[str, Page]:
    return {page.path: page for page in of.services[0].pages}


def test_what_is_promised_wins_over_what_is_advised() -> None:
    sent = lines(deployment(**{"x-frame-options": "SAMEORIGIN", "x-xss-protection": "0"}))
    assert sent["X-Frame-Options"] == "SAMEORIGIN"
    assert sent["X-XSS-Protection"] == "0"
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert "Strict-Transport-Security" not in sent


def test_what_must_not_be_sent_is_not_advised() -> None:
    assert "X-Frame-Options" not in lines(deployment(absent=["x-frame-options"]))


def test_cookies_are_set_as_promised() -> None:
    made = deployment(
        cookies={
            "secure": True,
            "httponly": ["sid", "*x*"],
            "prefixes": {"sid": "__Host-"},
            "samesite": "Strict",
            "path": "/in",
        }
    )
    assert [value for _, value in pages(made)["/in"].headers] == [
        "__Host-sid=b3BhcXVl; Path=/; Secure; HttpOnly; SameSite=Strict"
    ]


def test_a_page_loads_from_elsewhere_with_a_digest() -> None:
    body = pages(deployment(sri=True, on=["/shop"]))["/shop"].body
    assert body.count(FOREIGN) == 1
    assert 'integrity="sha384-' in body


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        (CorsRule(("https://a.example",)), ['"https://a.example" $http_origin;', 'default "GET, HEAD, OPTIONS";']),
        (CorsRule(("https://*.a.example",)), [r'"~^https://.+\\.a\\.example\\z" $http_origin;']),
        (CorsRule(("https://a.example",), by_ending=True), [r'"~a\\.example\\z" $http_origin;']),
        (CorsRule(("https://a.example",), preflights=PreflightState.OPEN), ["OPTIONS $http_origin;"]),
        (
            CorsRule(("https://a.example",), preflights=PreflightState.REFUSED),
            ["return 405;", "add_header Vary Origin"],
        ),
        (CorsRule(("https://a.example",), headers=("X-A",)), ['default "X-A";']),
    ],
)
def test_origins_are_words_of_nginx(rule: CorsRule, lines: list[str]) -> None:
    front = replace(deployment(absent=["x-a"]).fronts[0], cors=rule)
    text = render([front], lambda _: pytest.fail("no certificate is needed"))
    assert all(line in text for line in lines), text
