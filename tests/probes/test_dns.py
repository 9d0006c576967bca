"""The DNS probes against real servers on loopback: what is well, what is broken, and what is hostile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import dns.dnssec
import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest

from roadworthy.facts.base import NotObserved, Observation, Reason
from roadworthy.facts.dns import (
    DnsAsk,
    DnsObservation,
    DnssecAsk,
    DnssecObservation,
    DnsState,
    LinkState,
    ZoneAsk,
    ZoneObservation,
)
from roadworthy.probes import dns as name_probe
from roadworthy.probes import dns_zone as zone_probe
from roadworthy.probes import dnssec as dnssec_probe
from roadworthy.probes.dns_zones import _zone_in
from roadworthy.sandbox.names import replies
from roadworthy.sandbox.zones import Ds, Signing
from tests.probes.dns_servers import HOST, ZONE, Ground, ground

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.probes.dns_servers import Answer, Desk

    Change = Callable[[Ground], None]


def look(folder: Path, ask: Any, change: Change | None = None, **settings: Any) -> Any:
    """What is observed, while something may be otherwise."""

    async def meet() -> Observation:
        async with ground(folder, **settings) as here:
            if change:
                change(here)
            if isinstance(ask, DnssecAsk) and ask.anchor is None:
                return await dnssec_probe.observe(ask.model_copy(update={"anchor": str(here.anchor)}), None, here.bench)
            if isinstance(ask, DnssecAsk):
                return await dnssec_probe.observe(ask, None, here.bench)
            if isinstance(ask, ZoneAsk):
                return await zone_probe.observe(ask, None, here.bench)
            return await name_probe.observe(ask, None, here.bench)

    return asyncio.run(meet())


def name(folder: Path, host: str = HOST, change: Change | None = None, **fields: Any) -> DnsObservation:
    settings = {key: fields.pop(key) for key in ("without_tcp", "patience_s") if key in fields}
    seen: DnsObservation = look(folder, DnsAsk(host=host, **fields), change, **settings)
    return seen


def second(answer: Answer) -> Change:
    def change(here: Ground) -> None:
        here.second.answer = answer

    return change


def reply(wire: bytes, **flags: Any) -> dns.message.Message:
    answer = dns.message.make_response(dns.message.from_wire(wire))
    answer.flags |= flags.get("flags", dns.flags.AA)
    answer.set_rcode(flags.get("rcode", dns.rcode.NOERROR))
    return answer


def test_a_name_is_asked_at_the_resolver_and_at_every_server(tmp_path: Path) -> None:
    seen = name(tmp_path, types=("A", "AAAA", "TXT"), climbs_caa=True, stranger="nobody")
    assert (seen.name, seen.zone) == (HOST, ZONE)
    assert [server.server for server in seen.servers] == ["ns1.shop.test", "ns2.shop.test"]
    for said in (*seen.resolver, *(said for server in seen.servers for said in server.said)):
        assert said.state is DnsState.ANSWERED
    assert seen.servers[1].to("A").values("A") == ("192.0.2.1", "192.0.2.2")
    assert seen.servers[1].to("A").authoritative
    assert seen.at_resolver("TXT").values("TXT") == ("verify=1",)
    assert [(step.name, step.said.values("CAA")) for step in seen.caa] == [
        (HOST, ()),
        (ZONE, ("0 issue letsencrypt.org",)),
    ]
    assert [(step.name, step.said.state) for step in seen.strangers] == [
        (f"nobody.{HOST}", DnsState.NO_NAME),
        (f"nobody.{ZONE}", DnsState.NO_NAME),
    ]
    assert not seen.transient
    assert DnsObservation.model_validate_json(seen.model_dump_json()) == seen


def test_a_name_in_other_letters_is_the_same(tmp_path: Path) -> None:
    seen = name(tmp_path, "WWW.Shop.Test.")
    assert (seen.name, seen.servers[0].to("A").state) == (HOST, DnsState.ANSWERED)


def test_nothing_is_asked_more_often_than_announced(tmp_path: Path) -> None:
    ask, count = DnsAsk(host=HOST, climbs_caa=True, stranger="nobody", like="alias.shop.test"), []

    def counting(here: Ground) -> None:
        count.append(here)

    look(tmp_path, ask, counting)
    here = count[0]
    asked = [len(desk.asked) for desk in (here.root, here.first, here.second)]
    assert 1 <= min(asked) <= max(asked) <= ask.exchanges
    assert len(here.resolver.asked) < 40


def test_servers_that_disagree_are_asked_once_more(tmp_path: Path) -> None:
    def late(here: Ground) -> None:
        right, calls = here.second.answer, []

        def answer(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            calls.append(wire)
            return right(wire, tcp) if len(calls) > 2 else reply(wire, rcode=dns.rcode.NXDOMAIN).to_wire()

        here.second.answer = answer

    seen = name(tmp_path, change=late)
    assert seen.servers[1].to("A").state is DnsState.ANSWERED


def loops(wire: bytes, _: bool) -> bytes:  # noqa: FBT001 - a server's signature
    """A name that points at itself."""
    head = wire[:2] + bytes.fromhex("84000001000100000000")
    return head + wire[12 : wire.index(0, 12) + 5] + bytes.fromhex("c0") + bytes([len(wire) - 1]) + bytes(10)


def huge(wire: bytes, _: bool) -> bytes:  # noqa: FBT001 - a server's signature
    answer = reply(wire)
    values = " ".join(f'"{"x" * 250}"' for _ in range(200))
    answer.answer.append(dns.rrset.from_text(answer.question[0].name, 60, "IN", "TXT", values))
    return answer.to_wire(max_size=65535)


HOSTILE: dict[str, tuple[Answer, DnsState]] = {
    "silent": (lambda _wire, _tcp: None, DnsState.SILENT),
    "garbage": (lambda wire, _tcp: wire[:2] + b"\xff" * 200, DnsState.GARBLED),
    "empty": (lambda _wire, _tcp: b"", DnsState.SILENT),
    "one byte": (lambda _wire, _tcp: b"\0", DnsState.SILENT),
    "header alone": (lambda wire, _tcp: wire[:2] + bytes.fromhex("84000001000100000000"), DnsState.GARBLED),
    "pointer to itself": (loops, DnsState.GARBLED),
    "echo": (lambda wire, _tcp: wire, DnsState.SILENT),
    "another id": (lambda wire, _tcp: bytes([wire[0] ^ 1]) + reply(wire).to_wire()[1:], DnsState.SILENT),
    "another question": (
        lambda wire, _tcp: wire[:2] + reply(dns.message.make_query("x.test", "A").to_wire()).to_wire()[2:],
        DnsState.SILENT,
    ),
    "flood of others": (lambda wire, _tcp: [wire] * 200, DnsState.GARBLED),
    "truncated for ever": (lambda wire, _tcp: reply(wire, flags=dns.flags.TC).to_wire(), DnsState.NO_DATA),
    "refused": (lambda wire, _tcp: reply(wire, rcode=dns.rcode.REFUSED).to_wire(), DnsState.REFUSED),
    "failing": (lambda wire, _tcp: reply(wire, rcode=dns.rcode.SERVFAIL).to_wire(), DnsState.FAILED),
    "unheard of": (lambda wire, _tcp: reply(wire, rcode=dns.rcode.NOTZONE).to_wire(), DnsState.ERROR),
    "huge": (huge, DnsState.ANSWERED),
}
WORST = ("silent", "garbage", "pointer to itself", "truncated for ever", "huge")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_server_is_a_state_and_takes_its_time_only(tmp_path: Path, kind: str) -> None:
    answer, state = HOSTILE[kind]
    began = time.monotonic()
    seen = name(tmp_path, change=second(answer))
    assert time.monotonic() - began < 5
    assert seen.servers[0].to("A").state is DnsState.ANSWERED
    assert seen.servers[1].to("A").state is state, seen.servers[1].to("A").told
    assert len(seen.model_dump_json()) < 200_000


def test_strays_before_the_answer_are_left_aside(tmp_path: Path) -> None:
    def change(here: Ground) -> None:
        right = here.second.answer
        here.second.answer = lambda wire, tcp: [b"\0\0stray", wire, right(wire, tcp)]  # type: ignore[list-item]

    assert name(tmp_path, change=change).servers[1].to("A").state is DnsState.ANSWERED


def test_what_is_truncated_is_asked_for_over_tcp(tmp_path: Path) -> None:
    seen = name(tmp_path, "big.shop.test", types=("TXT",))
    said = seen.servers[0].to("TXT")
    assert (said.state, said.over, len(said.values("TXT"))) == (DnsState.ANSWERED, "TCP", 200)
    refused = name(tmp_path, "big.shop.test", types=("TXT",), without_tcp=(3,))
    assert refused.servers[1].to("TXT").state is DnsState.CLOSED


def test_a_tcp_server_that_trickles_takes_its_time_only(tmp_path: Path) -> None:
    cut = second(lambda wire, tcp: [] if tcp else reply(wire, flags=dns.flags.TC).to_wire())
    began = time.monotonic()
    assert name(tmp_path, change=cut).servers[1].to("A").state is DnsState.SILENT
    assert time.monotonic() - began < 3


def test_a_server_without_edns_is_asked_without(tmp_path: Path) -> None:
    def change(here: Ground) -> None:
        right = here.second.answer

        def old(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            if dns.message.from_wire(wire).edns < 0:
                return right(wire, tcp)
            return dns.message.make_response(dns.message.from_wire(wire)).to_wire()[:2] + bytes.fromhex(
                "80010000000000000000"
            )

        here.second.answer = old

    seen = name(tmp_path, change=change)
    assert seen.servers[1].to("A").state is DnsState.ANSWERED
    assert not seen.servers[1].to("A").edns
    assert seen.servers[0].to("A").edns


def failing(*names: str) -> Change:
    """A resolver that fails on some names and all below."""

    def change(here: Ground) -> None:
        right = here.resolver.answer

        def answer(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            asked = dns.message.from_wire(wire).question[0].name.to_text(omit_final_dot=True).lower()
            if any(asked == one or asked.endswith(f".{one}") for one in names):
                return reply(wire, rcode=dns.rcode.SERVFAIL, flags=dns.flags.RA).to_wire()
            return right(wire, tcp)

        here.resolver.answer = answer

    return change


def test_where_the_resolver_fails_on_a_zone_its_parent_shows_the_way(tmp_path: Path) -> None:
    seen = name(tmp_path, change=failing(ZONE))
    assert seen.zone == ZONE
    assert seen.at_resolver("A").state is DnsState.FAILED
    assert [server.to("A").state for server in seen.servers] == [DnsState.ANSWERED] * 2
    assert seen.transient


@pytest.mark.parametrize(
    ("answer", "authority", "found"),
    [
        ("shop.test. 60 IN CNAME www.example.", "test. 60 IN SOA a. b. 1 2 3 4 5", None),
        ("shop.test. 60 IN CNAME test.", "", None),
        ("", "test. 60 IN SOA a. b. 1 2 3 4 5", "test"),
        ("", "other. 60 IN SOA a. b. 1 2 3 4 5", None),
        ("shop.test. 60 IN SOA a. b. 1 2 3 4 5", "", "shop.test"),
    ],
)
def test_an_alias_begins_no_zone(answer: str, authority: str, found: str | None) -> None:
    target = "test. 60 IN SOA a. b. 1 2 3 4 5" if "CNAME test." in answer else ""
    lines = ("id 1", "opcode QUERY", "rcode NOERROR", ";ANSWER", answer, target, ";AUTHORITY", authority)
    assert _zone_in(dns.message.from_text("\n".join(filter(None, lines))), "shop.test") == found


def test_a_resolver_that_knows_no_caa_hides_nothing_else(tmp_path: Path) -> None:
    def change(here: Ground) -> None:
        right = here.resolver.answer

        def answer(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            is_caa = dns.message.from_wire(wire).question[0].rdtype == dns.rdatatype.CAA
            return reply(wire, rcode=dns.rcode.SERVFAIL, flags=dns.flags.RA).to_wire() if is_caa else right(wire, tcp)

        here.resolver.answer = answer

    seen = name(tmp_path, change=change, climbs_caa=True)
    assert seen.at_resolver("A").state is DnsState.ANSWERED
    assert [(one.name, one.said.state) for one in seen.caa] == [(HOST, DnsState.FAILED)]


def test_a_circle_of_aliases_is_seen_at_the_servers(tmp_path: Path) -> None:
    seen = name(tmp_path, "loop.shop.test", change=failing("loop.shop.test", "loop2.shop.test"))
    assert seen.zone == ZONE
    assert {record.name for record in seen.servers[0].to("A").records} == {"loop.shop.test", "loop2.shop.test"}


@pytest.mark.parametrize("what", ["silent", "failing", "garbled"])
def test_a_resolver_that_fails_on_all_says_nothing_of_the_name(tmp_path: Path, what: str) -> None:
    def change(here: Ground) -> None:
        answers: dict[str, Answer] = {
            "silent": lambda _wire, _tcp: None,
            "failing": lambda wire, _tcp: reply(wire, rcode=dns.rcode.SERVFAIL).to_wire(),
            "garbled": lambda wire, _tcp: wire[:2] + b"\xff" * 30,
        }
        here.resolver.answer = answers[what]

    for ask in (DnsAsk(host=HOST), ZoneAsk(host=HOST), DnssecAsk(host=HOST, stranger="nobody")):
        with pytest.raises(NotObserved) as told:
            look(tmp_path, ask, change, patience_s=0.1)
        assert told.value.reason is Reason.RESOLVER


@pytest.mark.parametrize("host", ["a..shop.test", "x" * 64 + ".shop.test", "ü" * 70 + ".test"])
def test_what_can_be_no_name_is_not_observed(tmp_path: Path, host: str) -> None:
    with pytest.raises(NotObserved):
        name(tmp_path, host)


# --- zones -----------------------------------------------------------------------------------------------------------


def zone(folder: Path, change: Change | None = None, **settings: Any) -> ZoneObservation:
    seen: ZoneObservation = look(folder, ZoneAsk(host=HOST, recursion=True, transfer=True), change, **settings)
    return seen


def test_a_zone_is_seen_from_its_parent_and_at_each_server(tmp_path: Path) -> None:
    seen = zone(tmp_path)
    assert (seen.zone, seen.parent, seen.delegated) == (ZONE, ".", True)
    assert [server.name for server in seen.servers] == ["ns1.shop.test", "ns2.shop.test"]
    assert [server.glue for server in seen.servers] == [("192.0.2.53",), ("198.51.100.53",)]
    assert [server.addresses for server in seen.servers] == [("192.0.2.53",), ("198.51.100.53",)]
    assert all(server.at_parent and server.at_zone for server in seen.servers)


def test_figures_servers_and_refusals_are_facts(tmp_path: Path) -> None:
    seen = zone(tmp_path)
    for _, endpoint in seen.endpoints:
        assert endpoint.soa
        assert (endpoint.soa.serial, endpoint.soa.retry) == (2026112101, 3600)
        assert (endpoint.udp.state, endpoint.tcp.state) == (DnsState.ANSWERED, DnsState.ANSWERED)
        assert endpoint.tcp.over == "TCP"
        assert endpoint.ns.values("NS") == ("ns1.shop.test", "ns2.shop.test")
        assert endpoint.stranger
        assert endpoint.transfer
        assert (endpoint.stranger.state, endpoint.transfer.state) == (DnsState.REFUSED, DnsState.REFUSED)
    assert ZoneObservation.model_validate_json(seen.model_dump_json()) == seen
    assert not seen.transient


@pytest.mark.parametrize("kind", WORST)
def test_a_hostile_server_of_a_zone_is_a_state_too(tmp_path: Path, kind: str) -> None:
    seen = zone(tmp_path, second(HOSTILE[kind][0]))
    (_, well), (_, ill) = seen.endpoints
    assert well.soa is not None
    assert ill.soa is None


@pytest.mark.parametrize("everywhere", [True, False])
def test_where_no_server_answers_over_tcp_the_parents_are_tried(tmp_path: Path, *, everywhere: bool) -> None:
    def without(desk: Desk) -> None:
        right = desk.answer
        desk.answer = lambda wire, tcp: None if tcp else right(wire, tcp)

    def change(here: Ground) -> None:
        for desk in (here.first, here.second, *([here.root] if everywhere else ())):
            without(desk)

    seen = zone(tmp_path, change)
    assert {endpoint.tcp.state for _, endpoint in seen.endpoints} == {DnsState.SILENT}
    ((over_udp, over_tcp),) = (server.said for server in seen.parent_said)
    assert over_udp.state is DnsState.REFERRED
    assert (over_tcp.over, over_tcp.state) == ("TCP", DnsState.SILENT if everywhere else DnsState.REFERRED)


def test_a_server_that_refuses_tcp_says_so(tmp_path: Path) -> None:
    _, (_, ill) = zone(tmp_path, without_tcp=(3,)).endpoints
    assert (ill.udp.state, ill.tcp.state) == (DnsState.ANSWERED, DnsState.CLOSED)


# --- signatures ------------------------------------------------------------------------------------------------------


def dnssec(folder: Path, change: Change | None = None, anchor: str | None = None) -> DnssecObservation:
    seen: DnssecObservation = look(folder, DnssecAsk(host=HOST, stranger="nobody", anchor=anchor), change)
    return seen


def test_the_chain_is_followed_to_the_records(tmp_path: Path) -> None:
    seen = dnssec(tmp_path)
    assert [(link.zone, link.state, link.detail) for link in seen.links] == [
        (".", LinkState.SECURE, ""),
        (ZONE, LinkState.SECURE, ""),
    ]
    assert {(signed.type, signed.state) for signed in seen.records} == {
        (kind, LinkState.SECURE) for kind in ("SOA", "A", "AAAA")
    }
    assert [(signed.type, signed.state) for signed in seen.absence] == [("NSEC", LinkState.SECURE)]
    assert (seen.denial, seen.iterations) == ("NSEC", 0)
    assert {signature.algorithm for signature in seen.signatures} == {"ECDSAP256SHA256"}
    assert all(signature.not_before < seen.observed_at < signature.not_after for signature in seen.signatures)
    assert DnssecObservation.model_validate_json(seen.model_dump_json()) == seen


def resigned(**signing: Any) -> Change:
    """The zone signed otherwise, everywhere."""

    def change(here: Ground) -> None:
        naming = here.naming.with_zone(ZONE, lambda zone: replace(zone, signing=Signing(**signing)))
        for desk, answer in zip(
            (here.resolver, here.root, here.first, here.second), replies(naming).values(), strict=True
        ):
            desk.answer = lambda wire, tcp, answer=answer: answer(wire, over_tcp=tcp)  # type: ignore[misc]

    return change


def test_dates_are_facts_and_no_fault_of_the_chain(tmp_path: Path) -> None:
    seen = dnssec(tmp_path, resigned(starts_in_days=-20, ends_in_days=-3))
    assert {link.state for link in seen.links} == {LinkState.SECURE}
    assert any(signature.not_after < seen.observed_at for signature in seen.signatures)


@pytest.mark.parametrize(
    ("signing", "state", "told"),
    [
        ({"ds": Ds.NONE}, LinkState.INSECURE, "no DS record"),
        ({"ds": Ds.OTHER}, LinkState.BOGUS, "its DS record is of key"),
    ],
)
def test_a_chain_that_breaks_says_where(tmp_path: Path, signing: dict[str, Any], state: LinkState, told: str) -> None:
    link = dnssec(tmp_path, resigned(**signing)).links[-1]
    assert (link.zone, link.state) == (ZONE, state)
    assert told in link.detail


def test_absence_without_proof_is_told(tmp_path: Path) -> None:
    seen = dnssec(tmp_path, resigned(denies=False))
    assert [(signed.state, signed.detail) for signed in seen.absence] == [
        (LinkState.INSECURE, "no NSEC or NSEC3 record shows that it is not there")
    ]


def test_a_resolver_that_strips_signatures_is_gone_round(tmp_path: Path) -> None:
    def change(here: Ground) -> None:
        right = here.resolver.answer

        def answer(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            query = dns.message.from_wire(wire)
            query.ednsflags = 0
            return right(query.to_wire(), tcp)

        here.resolver.answer = answer

    assert {link.state for link in dnssec(tmp_path, change).links} == {LinkState.SECURE}


def test_a_server_whose_records_are_changed_is_bogus(tmp_path: Path) -> None:
    def change(here: Ground) -> None:
        right = here.second.answer

        def answer(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            answer = dns.message.from_wire(cast("bytes", right(wire, tcp)))
            for rrset in [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A]:
                rrset.clear()
                rrset.add(dns.rdata.from_text("IN", "A", "192.0.2.66"))
            return answer.to_wire()

        here.second.answer = answer

    seen = dnssec(tmp_path, change)
    assert [(signed.server, signed.type) for signed in seen.records if signed.state is LinkState.BOGUS] == [
        ("ns2.shop.test", "A")
    ]


def test_a_thousand_keys_and_signatures_take_no_longer(tmp_path: Path) -> None:
    def change(here: Ground) -> None:
        right = here.resolver.answer

        def answer(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            answer = dns.message.from_wire(cast("bytes", right(wire, tcp)))
            for rrset in list(answer.answer):
                if rrset.rdtype == dns.rdatatype.RRSIG:
                    first = rrset[0]
                    for number in range(300):
                        rrset.add(first.replace(signature=number.to_bytes(64, "big")))
            return answer.to_wire() if tcp else reply(wire, flags=dns.flags.TC).to_wire()

        here.resolver.answer = answer

    began = time.monotonic()
    seen = dnssec(tmp_path, change)
    assert time.monotonic() - began < 4
    assert seen.links[0].state in (LinkState.SECURE, LinkState.BOGUS)


@pytest.mark.parametrize("kind", WORST)
def test_a_hostile_server_of_a_signed_zone_is_a_state_too(tmp_path: Path, kind: str) -> None:
    seen = dnssec(tmp_path, second(HOSTILE[kind][0]))
    ill = [signed for signed in seen.records if signed.server == "ns2.shop.test"]
    assert all(signed.state is not LinkState.SECURE for signed in ill)


def test_anchors_that_fit_nothing_are_told(tmp_path: Path) -> None:
    for text in ("", "; nothing", ". IN DS nonsense"):
        (tmp_path / "odd.txt").write_text(text)
        with pytest.raises(NotObserved, match="trust anchor"):
            dnssec(tmp_path, anchor=str(tmp_path / "odd.txt"))
    with pytest.raises(NotObserved, match="trust anchor"):
        dnssec(tmp_path, anchor=str(tmp_path / "missing.txt"))


def test_another_key_than_the_anchors_is_bogus(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text(". IN DS 1 13 2 " + "00" * 32)
    seen = dnssec(tmp_path, anchor=str(tmp_path / "odd.txt"))
    assert [(link.zone, link.state) for link in seen.links] == [(".", LinkState.BOGUS)]
    assert "the trust anchor is of key 1" in seen.links[0].detail


def proof(kind: str, owner: str, text: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(owner, 60, "IN", kind, text)


@pytest.mark.parametrize(
    ("owner", "following", "covers"),
    [
        ("a.shop.test.", "z.shop.test.", True),
        ("nobody.shop.test.", "z.shop.test.", True),  # RFC 9824: the name itself, without the type
        ("shop.test.", "a.shop.test.", False),
        ("z.shop.test.", "shop.test.", False),
        ("m.shop.test.", "shop.test.", True),  # the last one of the zone
        ("shop.test.", "shop.test.", True),  # the only one
    ],
)
def test_nsec_covers_what_is_between(owner: str, following: str, *, covers: bool) -> None:
    assert dnssec_probe.covers([proof("NSEC", owner, f"{following} A")], "nobody.shop.test", ZONE) is covers


@pytest.mark.parametrize(("less", "more", "covers"), [(1, 1, True), (-1, 2, False), (0, 1, True)])
def test_nsec3_covers_what_is_between_by_its_hash(less: int, more: int, *, covers: bool) -> None:
    digits = "0123456789abcdefghijklmnopqrstuv"
    hashed = dns.dnssec.nsec3_hash("nobody.shop.test", "ab", 0, "SHA1").lower()

    def moved(by: int) -> str:
        number = sum(digits.index(digit) * 32**place for place, digit in enumerate(reversed(hashed))) + by
        return "".join(digits[number // 32**place % 32] for place in reversed(range(len(hashed))))

    record = proof("NSEC3", f"{moved(-less)}.{ZONE}.", f"1 0 0 AB {moved(more)} A")
    assert dnssec_probe.covers([record], "nobody.shop.test", ZONE) is covers


def test_proofs_that_make_no_sense_prove_nothing() -> None:
    record = proof("NSEC3", f"00.{ZONE}.", "9 0 0 - 00000000 A")
    assert not dnssec_probe.covers([record], "nobody.shop.test", ZONE)


def test_a_hash_that_costs_too_much_proves_nothing(tmp_path: Path) -> None:
    def change(here: Ground) -> None:
        right = here.first.answer

        def answer(wire: bytes, tcp: bool) -> Any:  # noqa: FBT001 - a server's signature
            answer = dns.message.from_wire(cast("bytes", right(wire, tcp)))
            answer.authority = [rrset for rrset in answer.authority if rrset.rdtype != dns.rdatatype.NSEC]
            answer.authority.append(proof("NSEC3", f"00.{ZONE}.", "1 0 2500 - 00000000 A"))
            return answer.to_wire()

        here.first.answer = answer

    seen = dnssec(tmp_path, change)
    assert (seen.denial, seen.iterations, seen.absence[0].state) == ("NSEC3", 2500, LinkState.INSECURE)
