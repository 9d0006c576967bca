from __future__ import annotations

import pytest
from pydantic import ValidationError

from roadworthy.target.network import Network
from roadworthy.target.routes import parse_resolver, parse_route, routed


@pytest.mark.parametrize(
    ("entries", "leads_to"),
    [
        (["shop.example:443:127.0.0.1:8443"], [("127.0.0.1", 8443)]),
        (["Shop.Example.:443:127.0.0.1:8443"], [("127.0.0.1", 8443)]),
        (["shop.example:443:[2001:DB8::1]:8443"], [("2001:db8::1", 8443)]),
        (["shop.example:443:blue.internal:8443"], [("blue.internal", 8443)]),
        (["shop.example:443:127.0.0.1:"], [("127.0.0.1", 443)]),
        (["shop.example:443::8443"], [("shop.example", 8443)]),
        (["shop.example::127.0.0.1:"], [("127.0.0.1", 443)]),
        ([":443:127.0.0.1:8443"], [("127.0.0.1", 8443)]),
        (["::127.0.0.1:8443"], [("127.0.0.1", 8443)]),
        (["shop.example:80:127.0.0.1:8080"], []),
        (["api.shop.example:443:127.0.0.1:8443"], []),
        (
            ["shop.example:443:127.0.0.2:8443", "other.example:443:127.0.0.9:1", "shop.example:443:127.0.0.1:8443"],
            [("127.0.0.2", 8443), ("127.0.0.1", 8443)],
        ),
        (["shop.example:443:127.0.0.1:8443", "::127.0.0.1:8443"], [("127.0.0.1", 8443)]),
        ([":443::8443", "shop.example:443:127.0.0.1:1", "shop.example::127.0.0.2:"], [("127.0.0.1", 1)]),
        ([":443::8443", "shop.example::127.0.0.2:", "::127.0.0.3:"], [("127.0.0.2", 443)]),
        (["::127.0.0.3:", ":443::8443"], [("shop.example", 8443)]),
        ([], []),
    ],
)
def test_every_entry_about_a_name_is_an_address_behind_it(entries: list[str], leads_to: list[tuple[str, int]]) -> None:
    assert list(routed(entries, "shop.example", 443)) == leads_to


def test_an_address_can_be_rerouted() -> None:
    assert routed(["[::1]:443:127.0.0.1:8443"], "::1", 443) == (("127.0.0.1", 8443),)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("shop.example", "not of the form HOST:PORT:ADDR:PORT"),
        ("shop.example:443", "not of the form"),
        ("shop.example:443:127.0.0.1", "not of the form"),
        ("shop.example:443:127.0.0.1:8443:", "not of the form"),
        ("shop.example:443:::1:8443", "IPv6 address in brackets"),
        ("shop.example:443:[127.0.0.1]:8443", r"\[127.0.0.1\] is no IPv6 address"),
        ("shop.example:443:[::1:8443", "not of the form"),
        ("shop.example:https:127.0.0.1:8443", "not of the form"),
        ("shop.example:443:127.0.0.1:0", "0 is no port"),
        ("shop.example:65536:127.0.0.1:8443", "65536 is no port"),
        ("shop example:443:127.0.0.1:8443", "not of the form"),
        ("", "not of the form"),
    ],
)
def test_a_malformed_entry_is_refused(entry: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_route(entry)
    with pytest.raises(ValidationError, match=problem):
        Network(connect_to=(entry,))


@pytest.mark.parametrize(
    ("text", "server"),
    [("127.0.0.1:53", ("127.0.0.1", 53)), ("[::1]:5353", ("::1", 5353)), ("10.0.0.2:65535", ("10.0.0.2", 65535))],
)
def test_a_resolver_is_an_address_and_a_port(text: str, server: tuple[str, int]) -> None:
    assert parse_resolver(text) == server
    assert Network(resolver=text).resolver == text


@pytest.mark.parametrize(
    "text",
    ["dns.example:53", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:53", "[::x]:53", ":53", "256.0.0.1:53"],
)
def test_any_other_resolver_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"resolver|is no"):
        Network(resolver=text)
