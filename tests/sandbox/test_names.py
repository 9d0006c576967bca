"""What names say in a sandbox, and who says it: derived from the promises, and asked from outside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest
import yaml

from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.names import anchor, listens, replies
from roadworthy.sandbox.supervisor import overlay
from roadworthy.sandbox.zones import NameServer, Naming, Record, Signing, Zone, is_below, origin_of
from roadworthy.target.models import Target

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.sandbox.deployment import Deployment


def derived(**components: object) -> Deployment:
    return derive(
        Target.model_validate({"schema": 1, "name": "t", "environment": "test", "components": components}), "127.64.0"
    )


def said(deployment: Deployment, name: str, kind: str) -> set[str]:
    zone = deployment.names.zone_of(name)
    return {record.text for record in zone.records if (record.name, record.kind) == (name, kind)}


SHOP = {"url": "https://www.shop.test", "dns": {"a": ["203.0.113.7"], "ttl": "1m", "aaaa": "none"}}


def test_a_name_is_said_to_be_where_it_promises_to_be_and_connect_to_leads_to_it(tmp_path: Path) -> None:
    shop = derived(shop=SHOP)
    assert said(shop, "www.shop.test", "A") == {"203.0.113.7"}
    assert said(shop, "www.shop.test", "AAAA") == set()
    network = yaml.safe_load(overlay(shop, tmp_path / "ca.pem"))["network"]
    assert "www.shop.test:443:127.64.0.10:10443" in network["connect_to"]
    assert "ns1.shop.test:53:127.64.0.253:10053" in network["connect_to"]
    assert "trust_anchor" not in network
    Target.model_validate({**shop.target.model_dump(by_alias=True, exclude_unset=True), "network": network})


def test_the_anchor_is_named_where_a_zone_is_signed(tmp_path: Path) -> None:
    signed = derived(shop={"domain": "shop.test", "dns": {"dnssec": True}})
    network = yaml.safe_load(overlay(signed, tmp_path / "ca.pem"))["network"]
    assert network["trust_anchor"] == str(tmp_path / "anchor.txt")
    assert anchor(signed.names).startswith(". IN DS ")
    assert anchor(signed.names) == anchor(derived(shop={"domain": "shop.test", "dns": {"dnssec": True}}).names)


def test_a_zone_without_promises_has_no_servers() -> None:
    plain = derived(shop={"url": "https://www.shop.test", "tls": {"trusted": True}})
    assert [zone.servers for zone in plain.names.zones] == [(), ()]
    assert listens(plain.names) == (("127.64.0.53", 5353),)


def test_figures_and_servers_are_as_promised() -> None:
    promised = {"soa": {"refresh": "1d", "retry": "2h", "minimum": ["5m", "10m"]}, "ns": ["a.dns.test", "b.dns.test"]}
    zone = derived(shop={"domain": "a.shop.test", "dns": promised}).names.zone_of("a.shop.test")
    assert zone.origin == "a.shop.test"
    assert (zone.soa.refresh, zone.soa.retry, zone.soa.minimum) == (86400, 7200, 300)
    assert [server.name for server in zone.servers] == ["a.dns.test", "b.dns.test"]


def test_records_go_into_the_zone_of_their_name() -> None:
    naming = Naming(("127.0.0.1", 53), (Zone(""), Zone("shop.test")))
    more = naming.with_records(
        [
            Record("shop.test", "MX", "10 mx.shop.test."),
            Record("mx.other.test", "A", "192.0.2.1"),
            Record("lan", "A", "192.0.2.2"),
        ]
    )
    assert [(zone.origin, len(zone.records)) for zone in more.zones] == [("", 1), ("shop.test", 1), ("other.test", 1)]
    assert more.knows("mx.other.test")
    assert not more.without("mx.other.test").knows("mx.other.test")


def test_names_and_zones() -> None:
    assert is_below("www.shop.test", "shop.test")
    assert is_below("shop.test", "shop.test")
    assert not is_below("workshop.test", "shop.test")
    assert origin_of("a.b.shop.test") == "shop.test"
    assert origin_of("a.b.shop.test", ["b.shop.test"]) == "b.shop.test"
    assert origin_of("lan") == ""


# --- answers ---------------------------------------------------------------------------------------------------------

RESOLVER, FIRST, SECOND, ROOT = ("127.0.0.1", 1), ("127.0.0.1", 2), ("127.0.0.1", 3), ("127.0.0.1", 4)
ZONE = Zone(
    "shop.test",
    (
        Record("shop.test", "A", "192.0.2.1"),
        Record("www.shop.test", "CNAME", "shop.test."),
        Record("out.shop.test", "CNAME", "www.other.test."),
        Record("deep.ent.shop.test", "A", "192.0.2.2"),
        Record("*.wild.shop.test", "A", "192.0.2.3"),
        *(Record("big.shop.test", "TXT", f'"{number:0200}"') for number in range(12)),
        Record("ns1.shop.test", "A", "192.0.2.53"),
        Record("ns2.shop.test", "A", "192.0.2.54"),
    ),
    (NameServer("ns1.shop.test", ("192.0.2.53",), FIRST), NameServer("ns2.shop.test", ("192.0.2.54",), SECOND)),
)
OTHER = Zone("other.test", (Record("www.other.test", "A", "192.0.2.9"),))
NAMING = Naming(RESOLVER, (Zone("", servers=(NameServer("root.test", (), ROOT),)), ZONE, OTHER), "seed")


def ask(
    name: str,
    kind: str = "A",
    at: tuple[str, int] = FIRST,
    naming: Naming = NAMING,
    *,
    tcp: bool = False,
    signed: bool = False,
) -> dns.message.Message:
    query = dns.message.make_query(name, kind, want_dnssec=signed, use_edns=0, payload=1232)
    wire = replies(naming)[at](query.to_wire(), over_tcp=tcp)
    assert wire is not None
    return dns.message.from_wire(wire)


def texts(answer: dns.message.Message) -> list[str]:
    return sorted(str(record) for rrset in answer.answer for record in rrset)


def changed(**changes: object) -> Naming:
    """With the second server changed."""
    return NAMING.with_zone("shop.test", lambda zone: zone.with_server(1, lambda server: replace(server, **changes)))  # type: ignore[arg-type]


def test_a_server_answers_with_authority_for_its_zone_alone() -> None:
    answer = ask("shop.test")
    assert texts(answer) == ["192.0.2.1"]
    assert answer.flags & dns.flags.AA
    assert not answer.flags & dns.flags.RA
    assert ask("www.other.test").rcode() == dns.rcode.REFUSED


def test_an_alias_is_followed_within_the_zone() -> None:
    assert texts(ask("www.shop.test")) == ["192.0.2.1", "shop.test."]
    assert texts(ask("out.shop.test")) == ["www.other.test."]
    assert texts(ask("out.shop.test", at=RESOLVER)) == ["192.0.2.9", "www.other.test."]


def test_what_is_not_there_is_told_apart_from_what_has_no_such_record() -> None:
    assert ask("nobody.shop.test").rcode() == dns.rcode.NXDOMAIN
    for name, kind in (("ent.shop.test", "A"), ("shop.test", "AAAA")):
        answer = ask(name, kind)
        assert (answer.rcode(), texts(answer)) == (dns.rcode.NOERROR, [])
        assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA]


def test_a_wildcard_answers_for_names_that_nobody_has_made() -> None:
    assert texts(ask("any.thing.wild.shop.test")) == ["192.0.2.3"]


def test_the_parent_sends_on_with_glue() -> None:
    answer = ask("www.shop.test", at=ROOT)
    assert not answer.flags & dns.flags.AA
    assert sorted(str(record) for record in answer.authority[0]) == ["ns1.shop.test.", "ns2.shop.test."]
    assert sorted(str(rrset[0]) for rrset in answer.additional) == ["192.0.2.53", "192.0.2.54"]


def test_what_is_too_long_for_a_datagram_is_truncated() -> None:
    assert ask("big.shop.test", "TXT").flags & dns.flags.TC
    assert len(texts(ask("big.shop.test", "TXT", tcp=True))) == 12


def test_a_server_differs_from_its_zone_as_it_is_told_to() -> None:
    other = Record("shop.test", "A", "192.0.2.99")
    assert texts(ask("shop.test", at=SECOND, naming=changed(instead=(other,)))) == ["192.0.2.99"]
    assert " 2026112094 " in texts(ask("shop.test", "SOA", at=SECOND, naming=changed(serial_behind=7)))[0]
    assert ask("shop.test", at=SECOND, naming=changed(lame=True)).rcode() == dns.rcode.REFUSED
    assert ask("www.other.test", at=SECOND, naming=changed(recurses=True)).flags & dns.flags.RA
    assert texts(ask("www.other.test", at=SECOND, naming=changed(recurses=True))) == ["192.0.2.9"]
    silent = replies(changed(silent=True))[SECOND]
    assert silent(dns.message.make_query("shop.test", "A").to_wire(), over_tcp=False) is None
    assert SECOND not in listens(changed(over_tcp=False))


def test_a_zone_is_handed_out_only_where_it_is_to_be() -> None:
    assert ask("shop.test", "AXFR", tcp=True).rcode() == dns.rcode.REFUSED
    whole = ask("shop.test", "AXFR", at=SECOND, naming=changed(transfers=True), tcp=True)
    assert whole.answer[0].rdtype == dns.rdatatype.SOA
    assert {"192.0.2.2", "192.0.2.53", "ns2.shop.test.", "www.other.test."} <= set(texts(whole))


@pytest.mark.parametrize(
    "wire", [b"", b"\0" * 11, b"\xff" * 40, dns.message.make_query("a.test", "A", id=7).to_wire()[:-3]]
)
def test_garbage_is_answered_by_nothing(wire: bytes) -> None:
    for answer in replies(NAMING).values():
        assert answer(wire, over_tcp=False) is None


def test_a_signed_zone_validates_from_the_anchor_down() -> None:
    signed = NAMING.with_zone("shop.test", lambda zone: replace(zone, signing=Signing()))
    keys = {}
    for zone, at in ((".", ROOT), ("shop.test.", FIRST)):
        answer = ask(zone, "DNSKEY", at=at, naming=signed, signed=True)
        keys[dns.name.from_text(zone)] = answer.answer[0]
    root_key = keys[dns.name.root][0]
    assert anchor(signed) == f". IN DS {dns.dnssec.make_ds('.', root_key, 'SHA256')}\n"
    delegation = ask("shop.test", "DS", at=ROOT, naming=signed, signed=True)
    dns.dnssec.validate(delegation.answer[0], delegation.answer[1], keys)
    own = dns.dnssec.make_ds("shop.test.", keys[dns.name.from_text("shop.test")][0], "SHA256")
    assert [str(ds) for ds in delegation.answer[0]] == [str(own)]
    for name, kind in (("shop.test", "A"), ("big.shop.test", "TXT"), ("any.wild.shop.test", "A")):
        answer = ask(name, kind, naming=signed, signed=True, tcp=True)
        dns.dnssec.validate(answer.answer[0], answer.answer[1], keys)
    absent = ask("nobody.shop.test", naming=signed, signed=True)
    proofs = [rrset for rrset in absent.authority if rrset.rdtype == dns.rdatatype.NSEC]
    assert proofs
    assert not [
        rrset for rrset in ask("nobody.shop.test", naming=signed).authority if rrset.rdtype == dns.rdatatype.NSEC
    ]


def test_days_of_signatures_are_as_told() -> None:
    ended = NAMING.with_zone("shop.test", lambda zone: replace(zone, signing=Signing(-20, -3)))
    answer = ask("shop.test", naming=ended, signed=True)
    keys = {dns.name.from_text("shop.test"): ask("shop.test", "DNSKEY", naming=ended, signed=True).answer[0]}
    with pytest.raises(dns.dnssec.ValidationFailure, match="no RRSIGs"):
        dns.dnssec.validate(answer.answer[0], answer.answer[1], keys)
