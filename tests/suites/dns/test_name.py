from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.dns import DnsCase
from roadworthy.facts.dns import DnsState
from tests.suites.dns.builders import HOST, ZONE, answers, name, promising, records, said, step
from tests.suites.healthy import case_of, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.dns import DnsObservation

RIGHT, WRONG = answers(A=("192.0.2.1",)), answers(A=("192.0.2.9",))
REFUSES = tuple(said(type_, state=DnsState.REFUSED) for type_ in ("A", "AAAA", "CNAME"))


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("dns/test_name.py")


def case(seen: DnsObservation, **dns: Any) -> DnsCase:
    return case_of(DnsCase, seen, promising(**dns))


def test_addresses_are_exactly_the_promised(suite: ModuleType) -> None:
    check = suite.test_the_name_has_exactly_the_promised_ipv4_addresses
    passes(check, case(name(RIGHT, RIGHT), a=["192.0.2.1"]))
    fails(check, case(name(WRONG, WRONG), a=["192.0.2.1"]), "A 192.0.2.9, promised 192.0.2.1")
    fails(check, case(name(RIGHT, RIGHT), a=["192.0.2.1", "192.0.2.2"]), "promised 192.0.2.1, 192.0.2.2")
    fails(check, case(name(answers(), answers()), a=["192.0.2.1"]), "A no such record")


def test_one_server_with_another_address_is_named(suite: ModuleType) -> None:
    check = suite.test_the_name_has_exactly_the_promised_ipv4_addresses
    told = f"ns2.{ZONE} (192.0.2.52:53): A 192.0.2.9"
    fails(check, case(name(RIGHT, WRONG), a=["192.0.2.1"]), told)
    fails(check, case(name(RIGHT, RIGHT, resolver=WRONG), a=["192.0.2.1"]), "the resolver: A 192.0.2.9")


def test_a_server_that_tells_nothing_is_not_this_checks(suite: ModuleType) -> None:
    check = suite.test_the_name_has_exactly_the_promised_ipv4_addresses
    passes(check, case(name(RIGHT, REFUSES), a=["192.0.2.1"]))
    passes(check, case(name(REFUSES, resolver=RIGHT), a=["192.0.2.1"]))
    fails(check, case(name(REFUSES, resolver=WRONG), a=["192.0.2.1"]), "192.0.2.9")
    broken = answers(A=said("A", state=DnsState.FAILED, detail="x"))
    is_not_observed(check, case(name(RIGHT, resolver=broken), a=["192.0.2.1"]), "SERVFAIL")


def test_ipv6_addresses_are_exactly_the_promised_or_none(suite: ModuleType) -> None:
    check = suite.test_the_name_has_exactly_the_promised_ipv6_addresses
    six = answers(AAAA=("2001:db8::1",))
    passes(check, case(name(six), aaaa=["2001:db8:0::1"]))
    fails(check, case(name(six), aaaa=["2001:db8::2"]), "promised 2001:db8::2")
    passes(check, case(name(RIGHT), aaaa="none"))
    fails(check, case(name(six), aaaa="none"), "AAAA 2001:db8::1, promised none")


@pytest.mark.parametrize("odd", ["fe80::1", "fd00::1", "::ffff:192.0.2.1", "::1"])
def test_an_ipv6_address_is_one_that_is_routed(suite: ModuleType, odd: str) -> None:
    check = suite.test_the_name_has_an_ipv6_address
    passes(check, case(name(answers(AAAA=("2001:db8::1",))), ipv6=True))
    fails(check, case(name(answers(AAAA=(odd,))), ipv6=True), "not routed")
    fails(check, case(name(RIGHT), ipv6=True), "no AAAA record")


def alias(to: str, *more: Any, state: DnsState | None = None, over: str = "A") -> Any:
    return said(over, records("CNAME", to), *more, state=state)


def aliased(to: str, *more: Any, state: DnsState | None = None) -> tuple[Any, ...]:
    return (alias(to, *more, state=state), alias(to, *more, state=state, over="AAAA"), alias(to, over="CNAME"))


def test_an_alias_is_of_the_promised_name(suite: ModuleType) -> None:
    check = suite.test_the_name_is_an_alias_of_the_promised_one
    passes(check, case(name(aliased("shop.cdn.example")), cname="Shop.CDN.example."))
    fails(check, case(name(aliased("other.cdn.example")), cname="shop.cdn.example"), "CNAME other.cdn.example")
    fails(check, case(name(RIGHT), cname="shop.cdn.example"), "CNAME no such record")


def test_addresses_are_those_of_the_other_name(suite: ModuleType) -> None:
    check = suite.test_the_name_has_the_addresses_of_the_other

    def seen(*own: str, like: tuple[str, ...] = ("192.0.2.1", "192.0.2.2")) -> DnsObservation:
        there = said("A", records("A", *like, name="lb.example"))
        return name(answers(A=own), like=(there, said("AAAA")))

    passes(check, case(seen("192.0.2.1", "192.0.2.2"), alias_of="lb.example"))
    fails(check, case(seen("192.0.2.1"), alias_of="lb.example"), "lb.example: lacks 192.0.2.2")
    fails(check, case(seen("192.0.2.1", "192.0.2.2", "192.0.2.9"), alias_of="lb.example"), "has 192.0.2.9")
    fails(check, case(seen(), alias_of="lb.example"), "has no address")
    gone = name(RIGHT, like=(said("A", state=DnsState.NO_NAME), said("AAAA", state=DnsState.NO_NAME)))
    fails(check, case(gone, alias_of="lb.example"), "NXDOMAIN")


def test_a_load_balancer_of_many_addresses_may_tell_some(suite: ModuleType) -> None:
    check = suite.test_the_name_has_the_addresses_of_the_other

    def seen(many: int) -> DnsObservation:
        there = said("A", records("A", *(f"192.0.2.{n}" for n in range(1, many + 1)), name="lb.example"))
        return name(RIGHT, like=(there, said("AAAA")))

    passes(check, case(seen(8), alias_of="lb.example"))
    fails(check, case(seen(7), alias_of="lb.example"), "lacks")


def test_an_alias_leads_somewhere(suite: ModuleType) -> None:
    check = suite.test_an_alias_leads_somewhere
    end = records("A", "192.0.2.1", name="x.azurewebsites.net")
    passes(check, case(name(RIGHT)))
    passes(check, case(name(aliased("x.azurewebsites.net", end))))
    gone = aliased("x.azurewebsites.net", state=DnsState.NO_NAME)
    fails(check, case(name(gone)), "x.azurewebsites.net, which does not exist", "registers it at Azure App Service")
    other = aliased("gone.example", state=DnsState.NO_NAME)
    fails(check, case(name(other)), "leads to gone.example, which does not exist")
    nothing = aliased("empty.example", state=DnsState.NO_DATA)
    fails(check, case(name(aliased("empty.example"), resolver=nothing)), "empty.example, which has no address")


def test_an_alias_stands_alone_and_goes_in_no_circle(suite: ModuleType) -> None:
    check = suite.test_an_alias_leads_somewhere
    beside = (said("A", records("A", "192.0.2.1")), said("AAAA"), alias("x.example", over="CNAME"))
    fails(check, case(name(beside)), "A records beside its CNAME")
    at_zone = name(aliased("x.example", records("A", "192.0.2.1", name="x.example")), zone=HOST)
    fails(check, case(at_zone), "a zone of its own")
    failing = tuple(said(type_, state=DnsState.FAILED, detail="SERVFAIL") for type_ in ("A", "AAAA", "CNAME"))
    circle = aliased("b.example", records("CNAME", HOST, name="b.example"))
    fails(check, case(name(circle, resolver=failing)), f"goes round in a circle: {HOST} -> b.example -> {HOST}")
    is_not_observed(check, case(name(aliased("b.example"), resolver=failing)), "SERVFAIL")


def test_records_live_exactly_as_long_as_promised(suite: ModuleType) -> None:
    check = suite.test_records_live_as_long_as_promised

    def lives(ttl: int) -> tuple[Any, ...]:
        return answers(A=said("A", records("A", "192.0.2.1", ttl=ttl)))

    passes(check, case(name(lives(300), lives(300), resolver=lives(17)), ttl="5m"))
    fails(check, case(name(lives(301), lives(301)), ttl="5m"), "A lives 5m1s, promised 5m")
    fails(check, case(name(lives(300), lives(60)), ttl="5m"), f"ns2.{ZONE}", "A lives 1m")
    is_not_observed(check, case(name(answers()), ttl="5m"), "no address record")
    is_not_observed(check, case(name(REFUSES, resolver=lives(300)), ttl="5m"), "no name server", "REFUSED")


def test_all_servers_and_the_resolver_agree(suite: ModuleType) -> None:
    check = suite.test_every_server_says_the_same
    passes(check, case(name(RIGHT, RIGHT)))
    two = answers(A=("192.0.2.1", "192.0.2.2"))
    turned = answers(A=said("A", records("A", "192.0.2.2", "192.0.2.1", ttl=7)))
    passes(check, case(name(two, turned)))
    fails(check, case(name(RIGHT, WRONG)), "A 192.0.2.1", f"ns2.{ZONE} (192.0.2.52:53): A 192.0.2.9")
    fails(check, case(name(RIGHT, RIGHT, resolver=WRONG)), "the resolver: A 192.0.2.9")
    fails(check, case(name(RIGHT, answers(A=said("A", state=DnsState.NO_NAME)))), "NXDOMAIN")
    passes(check, case(name(RIGHT, REFUSES)))
    is_not_observed(check, case(name(REFUSES, resolver=RIGHT)), "REFUSED")


def test_what_an_alias_leads_to_is_not_compared(suite: ModuleType) -> None:
    here = aliased("lb.example", records("A", "192.0.2.1", name="lb.example"))
    there = aliased("lb.example", records("A", "192.0.2.9", name="lb.example"))
    passes(suite.test_every_server_says_the_same, case(name(aliased("lb.example"), here, resolver=there)))


def test_disagreement_may_pass_and_agreement_on_something_else_not() -> None:
    assert name(RIGHT, WRONG).transient
    assert name(RIGHT, RIGHT, resolver=WRONG).transient
    assert name(answers(), answers()).transient
    assert not name(WRONG, WRONG).transient
    assert not name(RIGHT, REFUSES).transient


def test_a_proxied_name_shows_addresses_of_the_proxy_alone(suite: ModuleType) -> None:
    check = suite.test_the_name_leads_to_the_proxy_alone
    fine = answers(A=("104.16.0.1", "172.64.0.1"), AAAA=("2606:4700::1",))
    passes(check, case(name(fine), proxied="cloudflare"))
    fails(check, case(name(answers(A=("104.16.0.1", "203.0.113.7"))), proxied="cloudflare"), "203.0.113.7: not in")
    fails(check, case(name(answers(A=("104.15.255.255",))), proxied="cloudflare"), "104.15.255.255")
    fails(check, case(name(fine, RIGHT), proxied="cloudflare"), "192.0.2.1")
    is_not_observed(check, case(name(answers()), proxied="cloudflare"), "no address")


def test_promised_texts_are_found(suite: ModuleType) -> None:
    check = suite.test_promised_texts_are_published
    seen = name(answers(TXT=("v=spf1 -all", "verify=1234")))
    passes(check, case(seen, txt=["verify=1234"]))
    fails(check, case(seen, txt=["verify=1234", "verify=9"]), "no TXT record holds 'verify=9'")


def test_only_promised_authorities_may_issue(suite: ModuleType) -> None:
    check = suite.test_only_promised_authorities_may_issue

    def seen(*values: str) -> DnsObservation:
        last = step(ZONE, *([records("CAA", *values, name=ZONE)] if values else []), type_="CAA")
        return name(caa=(step(HOST, type_="CAA"), last))

    wanted = {"caa": ["letsencrypt.org"]}
    failed = name(caa=(step(HOST, type_="CAA"), step(ZONE, type_="CAA", state=DnsState.FAILED)))
    is_not_observed(suite.test_only_promised_authorities_may_issue, case_of(DnsCase, failed, promising(**wanted)), ZONE)
    passes(check, case(seen("0 issue letsencrypt.org", "0 iodef mailto:x@shop.example"), **wanted))
    passes(check, case(seen("0 issue LetsEncrypt.org.; validationmethods=dns-01", "0 issuewild ;"), **wanted))
    fails(check, case(seen(), **wanted), "no CAA record")
    fails(check, case(seen("0 issue other.example"), **wanted), f"CAA of {ZONE} lets other.example issue")
    fails(check, case(seen("0 issue ;"), **wanted), "lets nobody issue")
    fails(check, case(seen("0 iodef mailto:x@shop.example"), **wanted), "no issue property")
    fails(check, case(seen("0 issue letsencrypt.org", "0 issue other.example"), **wanted), "letsencrypt.org, other")
    fails(check, case(seen("0 issue letsencrypt.org", "0 issuewild other.example"), **wanted), "issue wildcards")
    fails(check, case(seen("0 issue letsencrypt.org", "128 tbs x"), **wanted), "tbs is critical")


def test_a_name_that_nobody_has_made_does_not_exist(suite: ModuleType) -> None:
    check = suite.test_a_name_that_nobody_has_made_does_not_exist
    absent = step(f"nobody.{ZONE}", state=DnsState.NO_NAME)
    passes(check, case(name(strangers=(absent,)), no_wildcard=True))
    passes(check, case(name(strangers=(step(f"nobody.{ZONE}"),)), no_wildcard=True))  # RFC 9824
    there = step(f"nobody.{ZONE}", records("A", "192.0.2.1", name=f"nobody.{ZONE}"))
    fails(check, case(name(strangers=(there,)), no_wildcard=True), f"nobody.{ZONE} is there, too: 192.0.2.1")


@pytest.mark.parametrize(("many", "is_fine"), [(8, True), (7, False)])
def test_parts_of_many_addresses_are_not_compared(suite: ModuleType, many: int, *, is_fine: bool) -> None:
    check = suite.test_every_server_says_the_same
    first, then = (answers(A=tuple(f"192.0.2.{n}" for n in range(start, start + many))) for start in (1, 2))
    if is_fine:
        passes(check, case(name(first, then)))
    else:
        fails(check, case(name(first, then)), "192.0.2.1 ")


def test_an_answer_without_authority_is_no_servers_word(suite: ModuleType) -> None:
    cached = tuple(one.model_copy(update={"authoritative": False}) for one in RIGHT)
    wrong = tuple(one.model_copy(update={"authoritative": False}) for one in WRONG)
    passes(suite.test_every_server_says_the_same, case(name(RIGHT, wrong)))
    is_not_observed(suite.test_every_server_says_the_same, case(name(cached, cached)), "without authority")
    is_not_observed(suite.test_records_live_as_long_as_promised, case(name(cached), ttl="5m"), "without authority")
    passes(suite.test_the_name_has_exactly_the_promised_ipv4_addresses, case(name(cached), a=["192.0.2.1"]))
