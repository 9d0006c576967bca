"""The dns block: what it takes, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.dns import Dns
from roadworthy.target.loading import load_target
from roadworthy.target.models import Target

if TYPE_CHECKING:
    from pathlib import Path


def target(dns: Any, *connect_to: str, **component: Any) -> Target:
    place = component or {"url": "https://www.shop.example"}
    return Target.model_validate(
        {
            "schema": 1,
            "name": "t",
            "environment": "test",
            "network": {"connect_to": list(connect_to)},
            "components": {"www": {**place, "dns": dns}},
        }
    )


def test_names_and_addresses_are_held_as_they_are_compared() -> None:
    held = Dns.model_validate({"aaaa": ["2001:DB8:0::1"], "ns": ["NS1.Shop.Example."], "caa": ["LetsEncrypt.org"]})
    assert held.aaaa == ("2001:db8::1",)
    assert held.ns == ("ns1.shop.example",)
    assert held.caa == ("letsencrypt.org",)
    assert Dns.model_validate({"aaaa": "none"}).aaaa == "none"


def test_signatures_are_promised_with_their_floor() -> None:
    for value in (True, {}):
        held = Dns.model_validate({"dnssec": value}).dnssec
        assert held
        assert (held.left, held.at_most) == (12 * 3600, 180 * 86400)
    held = Dns.model_validate({"dnssec": {"left": "3d"}}).dnssec
    assert held
    assert held.left == 3 * 86400


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({}, "promises nothing"),
        ({"policy": "x"}, "promises nothing"),
        ({"a": []}, "a"),
        ({"a": ["2001:db8::1"]}, "a"),
        ({"a": ["shop.example"]}, "a"),
        ({"aaaa": []}, "aaaa"),
        ({"aaaa": ["192.0.2.1"]}, "aaaa"),
        ({"a": ["192.0.2.1"], "cname": "x.example"}, "one or the other"),
        ({"ns": ["a b.example"]}, "no domain name"),
        ({"ns": ["a..example"]}, "no domain name"),
        ({"soa": {}}, "at least one of"),
        ({"soa": {"minimum": ["1d", "5m"]}}, "the first is the lower"),
        ({"dnssec": False}, "dnssec"),
        ({"no_wildcard": False}, "no_wildcard"),
        ({"proxied": "other"}, "cloudflare"),
    ],
)
def test_what_makes_no_sense_is_refused(block: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Dns.model_validate(block)


@pytest.mark.parametrize(
    "place", [{"url": "https://192.0.2.1"}, {"url": "https://[::1]:8443"}, {"address": "[::1]:25"}]
)
def test_an_address_has_no_records(place: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="dns needs a name"):
        target({"same_everywhere": True}, **place)


def test_name_servers_may_be_reached_elsewhere() -> None:
    assert target({"same_everywhere": True}, "ns1.other.example:53:127.0.0.1:10053")
    with pytest.raises(ValidationError, match="about no component"):
        target({"same_everywhere": True}, "ns1.other.example:54:127.0.0.1:10053")


def test_a_policy_fills_in_what_is_not_given(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(
        "schema: 1\nname: t\nenvironment: test\ncomponents:\n"
        "  zone: {domain: shop.example, dns: {policy: zonemaster-2026, networks: 3, soa: {expire: 14d}}}\n"
    )
    held = load_target(file).target.components["zone"].dns
    assert held
    assert held.soa
    assert (held.name_servers, held.networks, held.same_serial) == (2, 3, True)
    assert (held.soa.refresh, held.soa.expire, held.soa.minimum) == (4 * 3600, 14 * 86400, (300, 86400))
