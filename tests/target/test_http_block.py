"""The promises of HTTP and WebSocket: what is refused when a target is loaded."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.http import Http
from roadworthy.target.blocks.websocket import Websocket


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({}, "promises nothing"),
        ({"redirects_to": "shop.example"}, "is no origin"),
        ({"redirects_to": "https://shop.example/start"}, "is no origin"),
        ({"redirects_to": "https://user@shop.example"}, "is no origin"),
        ({"redirects_to": "https://shop.example:port"}, "Port"),
        ({"max_redirects": 0}, "greater than or equal to 1"),
        ({"max_redirects": 11}, "less than or equal to 10"),
        ({"announces": ["h3, h2"]}, "pattern"),
        ({"static": {"/app.css": "css"}}, "no media type"),
        ({"static_from": "nginx"}, "name the files in static"),
        ({"methods": {"/": ["FETCH"]}}, "Input should be"),
        ({"never_cached": ["api"]}, "a path starts with"),
        ({"hides_origin": ["192.0.2.1"]}, "is not of the form"),
        ({"hides_origin": ["https://192.0.2.1/up"]}, "is not of the form"),
        ({"hides_origin": ["ftp://192.0.2.1"]}, "is not of the form"),
        ({"served_by": "somebody"}, "Input should be"),
    ],
)
def test_what_can_not_be_promised_is_refused(block: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Http.model_validate(block)


@pytest.mark.parametrize(
    ("endpoint", "behind"),
    [
        ("192.0.2.1:443", ("https", "192.0.2.1", 443)),
        ("192.0.2.1:8443", ("https", "192.0.2.1", 8443)),
        ("192.0.2.1:8000", ("http", "192.0.2.1", 8000)),
        ("origin.example:80", ("http", "origin.example", 80)),
        ("[2001:db8::1]:443", ("https", "2001:db8::1", 443)),
        ("https://origin.example", ("https", "origin.example", 443)),
        ("http://origin.example:443", ("http", "origin.example", 443)),
        ("https://origin.example:8000", ("https", "origin.example", 8000)),
    ],
)
def test_an_origin_is_a_scheme_a_host_and_a_port(endpoint: str, behind: tuple[str, str, int]) -> None:
    assert Http(hides_origin=(endpoint,)).origins_behind == (behind,)


def test_origins_are_compared_as_browsers_write_them() -> None:
    assert Http(redirects_to="https://Shop.Example/").redirects_to == "https://shop.example"
    assert Websocket(path="/ws", origins=("https://Shop.Example",)).origins == ("https://shop.example",)


def test_a_path_alone_promises_a_handshake() -> None:
    assert Websocket(path="/ws?token=1").path == "/ws?token=1"
    with pytest.raises(ValidationError, match="a path starts with"):
        Websocket(path="ws")
