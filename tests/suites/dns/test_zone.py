from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.dns import ZoneCase
from roadworthy.facts.dns import DnsState, ServerSaid
from tests.suites.dns.builders import (
    FINE,
    NAMES,
    SOA,
    ZONE,
    at_endpoint,
    endpoint,
    promising,
    records,
    said,
    server,
    zone,
)
from tests.suites.healthy import case_of, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.dns import Server, ZoneObservation

SILENT = said("SOA", state=DnsState.SILENT, authoritative=False)
REFUSED = said("SOA", state=DnsState.REFUSED, authoritative=False)


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("dns/test_zone.py")


def case(seen: ZoneObservation, **dns: Any) -> ZoneCase:
    return case_of(ZoneCase, seen, promising(**dns))


def dead(number: int, said_: Any = SILENT) -> Server:
    return server(number, endpoints=(endpoint(number, udp=said_, tcp=said_, ns=said_, soa=None, stranger=None),))


def test_every_server_serves_the_zone(suite: ModuleType) -> None:
    check = suite.test_every_name_server_serves_the_zone
    passes(check, case(zone()))
    fails(check, case(zone(server(1), dead(2, REFUSED))), f"ns2.{ZONE} (192.0.2.52:53): REFUSED")
    fails(check, case(zone(server(1), dead(2))), f"ns2.{ZONE}", "no answer")
    fails(check, case(zone(server(1), at_endpoint(tcp=SILENT))), "over TCP: no answer")
    fails(check, case(zone(server(1), at_endpoint(udp=SILENT))), "over UDP: no answer")
    lame = said("SOA", records("SOA", "..."), authoritative=False)
    fails(check, case(zone(server(1), at_endpoint(udp=lame, tcp=lame))), "not with authority")
    fails(check, case(zone(server(1), at_endpoint(udp=said("SOA"), tcp=said("SOA")))), "does not know the zone")


def test_where_nobody_answers_over_tcp_the_servers_are_not_blamed(suite: ModuleType) -> None:
    check = suite.test_every_name_server_serves_the_zone
    silent = SILENT.model_copy(update={"over": "TCP"})
    referred = said("NS", state=DnsState.REFERRED, authoritative=False)
    shut = ServerSaid(server="a.example", address="192.0.2.1:53", said=(referred, silent))
    is_not_observed(check, case(zone(at_endpoint(tcp=silent), parent_said=(shut,))), "over TCP from here")
    fails(check, case(zone(at_endpoint(tcp=silent, udp=REFUSED), parent_said=(shut,))), "over UDP: REFUSED")
    answers = shut.model_copy(update={"said": (referred, referred.model_copy(update={"over": "TCP"}))})
    fails(check, case(zone(at_endpoint(tcp=silent), parent_said=(answers,))), "over TCP: no answer")


def test_a_server_without_an_address_serves_nobody(suite: ModuleType) -> None:
    gone = server(2, addresses=(), glue=(), endpoints=())
    fails(suite.test_every_name_server_serves_the_zone, case(zone(server(1), gone)), f"ns2.{ZONE}: has no address")


def test_silence_all_around_may_be_this_networks_own(suite: ModuleType) -> None:
    check = suite.test_every_name_server_serves_the_zone
    fails(check, case(zone(dead(1), dead(2))), "no answer")  # the parent's servers do answer from here
    is_not_observed(check, case(zone(dead(1), dead(2), parent_said=())), "not even those of example")
    unreachable = said("SOA", state=DnsState.UNREACHABLE)
    passes(check, case(zone(server(1), dead(2, unreachable))))
    is_not_observed(check, case(zone(dead(1, unreachable))), "no route")


def test_a_resolver_in_the_place_of_all_servers_says_nothing_of_them(suite: ModuleType) -> None:
    check = suite.test_every_name_server_serves_the_zone
    resolvers = said("SOA", records("SOA", "..."), authoritative=False, recursive=True)
    both = [at_endpoint(number, udp=resolvers, tcp=resolvers) for number in (1, 2)]
    parent = zone().parent_said[0].model_copy(update={"said": (resolvers,)})
    is_not_observed(check, case(zone(*both, parent_said=(parent,))), "in the place of the name servers")
    fails(check, case(zone(*both)), "not with authority")
    fails(check, case(zone(server(1), both[1], parent_said=(parent,))), "not with authority")


def test_the_servers_are_exactly_the_promised(suite: ModuleType) -> None:
    check = suite.test_the_zone_has_exactly_the_promised_servers
    passes(check, case(zone(), ns=list(NAMES)))
    fails(check, case(zone(), ns=[NAMES[0]]), f"NS has {NAMES[1]}")
    fails(check, case(zone(), ns=[*NAMES, "ns3.other.example"]), "NS lacks ns3.other.example")
    fails(check, case(zone(server(1), server(2, at_parent=False)), ns=list(NAMES)), "at the parent example: NS lacks")
    is_not_observed(check, case(zone(dead(1), dead(2)), ns=list(NAMES)), "no name server")


def test_there_are_enough_servers(suite: ModuleType) -> None:
    check = suite.test_the_zone_has_enough_servers
    passes(check, case(zone(), name_servers=2))
    fails(check, case(zone(server(1)), name_servers=2), "1 of 2")
    fails(check, case(zone(server(1), server(2, addresses=(), glue=())), name_servers=2), "1 of 2")


def test_servers_are_in_different_networks(suite: ModuleType) -> None:
    check = suite.test_the_servers_are_in_different_networks
    passes(check, case(zone(), networks=2))
    fails(check, case(zone(server(1), server(3)), networks=2), "all in 192.0.2.0/24")
    near = server(2, addresses=("192.0.3.1",))
    passes(check, case(zone(server(1), near), networks=2))
    six = [server(n, addresses=(f"2001:db8:0:{n}::1",)) for n in (1, 2)]
    fails(check, case(zone(*six), networks=2), "2001:db8::/48")
    is_not_observed(check, case(zone(server(1, addresses=(), glue=())), networks=2), "has an address")


def test_parent_and_zone_say_the_same(suite: ModuleType) -> None:
    check = suite.test_parent_and_zone_name_the_same_servers
    passes(check, case(zone(), same_delegation=True))
    passes(check, case(zone(server(1, glue=()), server(2, glue=())), same_delegation=True))
    fails(check, case(zone(server(1), server(2, at_parent=False)), same_delegation=True), "the parent ns1")
    fails(check, case(zone(server(1), server(2, glue=("192.0.2.99",))), same_delegation=True), "192.0.2.99, DNS has")
    both = ("192.0.2.51", "2001:db8::1")
    passes(check, case(zone(server(1, addresses=both, glue=both[:1]), server(2)), same_delegation=True))
    fails(check, case(zone(server(1, glue=both), server(2)), same_delegation=True), "2001:db8::1, DNS has")
    fails(check, case(zone(server(1), server(2, alias=True)), same_delegation=True), "is an alias")
    other = at_endpoint(ns=said("NS", records("NS", NAMES[0], name=ZONE)))
    fails(check, case(zone(server(1), other), same_delegation=True), f"ns2.{ZONE} (192.0.2.52:53): names {NAMES[0]}")
    is_not_observed(check, case(zone(delegated=False), same_delegation=True), "shows the delegation")


def test_versions_are_the_same(suite: ModuleType) -> None:
    check = suite.test_every_server_has_the_same_version
    passes(check, case(zone(), same_serial=True))
    behind = at_endpoint(soa=SOA.model_copy(update={"serial": 2026112100}))
    fails(
        check, case(zone(server(1), behind), same_serial=True), "serial 2026112101 at ns1", "serial 2026112100 at ns2"
    )
    assert zone(server(1), behind).transient
    passes(check, case(zone(server(1), dead(2)), same_serial=True))
    is_not_observed(check, case(zone(dead(1)), same_serial=True), "no name server")


PROMISED = {"refresh": "4h", "retry": "1h", "expire": "7d", "minimum": ["5m", "1d"]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"refresh": 14399}, "refresh 3h59m59s"),
        ({"retry": 3599}, "retry 59m59s"),
        ({"retry": 14400}, "retry 4h is not below refresh 4h"),
        ({"expire": 604799}, "expire 6d23h59m59s"),
        ({"minimum": 299}, "minimum 4m59s, 5m to 1d promised"),
        ({"minimum": 86401}, "minimum 1d1s"),
    ],
)
def test_figures_just_outside_fail(suite: ModuleType, changes: dict[str, int], told: str) -> None:
    other = at_endpoint(1, soa=SOA.model_copy(update=changes))
    fails(suite.test_the_figures_of_the_zone_are_as_promised, case(zone(other), soa=PROMISED), told)


@pytest.mark.parametrize("changes", [{}, {"retry": 14399}, {"minimum": 86400}, {"expire": 10**8}])
def test_figures_just_inside_pass(suite: ModuleType, changes: dict[str, int]) -> None:
    other = at_endpoint(1, soa=SOA.model_copy(update=changes))
    passes(suite.test_the_figures_of_the_zone_are_as_promised, case(zone(other), soa=PROMISED))


def test_servers_look_nothing_up_for_strangers(suite: ModuleType) -> None:
    check = suite.test_the_servers_look_nothing_up_for_strangers
    passes(check, case(zone(), no_open_recursion=True))
    passes(check, case(zone(at_endpoint(stranger=said("A", state=DnsState.REFERRED))), no_open_recursion=True))
    answer = said("A", records("A", "192.0.2.1", name="example.com"), recursive=True)
    fails(check, case(zone(server(1), at_endpoint(stranger=answer)), no_open_recursion=True), f"ns2.{ZONE}")
    nxdomain = said("A", state=DnsState.NO_NAME, recursive=True)
    fails(check, case(zone(at_endpoint(stranger=nxdomain)), no_open_recursion=True), "for strangers")
    passes(
        check,
        case(zone(at_endpoint(stranger=said("A", state=DnsState.REFUSED, recursive=True))), no_open_recursion=True),
    )
    is_not_observed(check, case(zone(dead(1)), no_open_recursion=True), "no name server")
    cached = said("SOA", records("SOA", "...", name=ZONE), authoritative=False, recursive=True)
    proxies = ServerSaid(server="a.example", address="192.0.2.1:53", said=(cached,))
    led_away = zone(at_endpoint(udp=cached, tcp=cached, stranger=answer), parent_said=(proxies,))
    is_not_observed(check, case(led_away, no_open_recursion=True), "on the way")


def test_the_zone_is_handed_to_no_stranger(suite: ModuleType) -> None:
    check = suite.test_the_servers_hand_the_zone_to_no_stranger
    passes(check, case(zone(), refuses_transfer=True))
    passes(check, case(zone(at_endpoint(transfer=said("AXFR", state=DnsState.SILENT))), refuses_transfer=True))
    whole = said("AXFR", records("SOA", "..."))
    fails(check, case(zone(server(1), at_endpoint(transfer=whole)), refuses_transfer=True), "hands out the whole zone")


def test_a_healthy_zone_may_not_be_on_its_way_to_be_healthy() -> None:
    assert not zone().transient
    assert zone(server(1), dead(2)).transient
    assert FINE.authoritative
