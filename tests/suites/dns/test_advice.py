from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.dns import DnsAdviceCase
from roadworthy.rules.advice_dns import advice
from tests.suites.dns.builders import (
    SOA,
    ZONE,
    answers,
    at_endpoint,
    dnssec,
    link,
    name,
    promising,
    records,
    said,
    server,
    signature,
    signed,
    step,
    zone,
)
from tests.suites.healthy import case_of, fails, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.target.blocks.dns import Dns


def test_what_is_kept_well_needs_no_advice(load_suite: Callable[[str], ModuleType]) -> None:
    suite = load_suite("dns/test_advice.py")
    passes(suite.test_names_are_kept_as_experts_advise, case_of(DnsAdviceCase, name(), promising(), 0))
    passes(suite.test_names_are_kept_as_experts_advise, case_of(DnsAdviceCase, zone(), promising(), 1))
    fails(
        suite.test_names_are_kept_as_experts_advise, case_of(DnsAdviceCase, zone(server(1)), promising(), 1), "RFC 2182"
    )


@pytest.mark.parametrize(
    ("seen", "told", "decided"),
    [
        (name(answers(A=("192.0.2.1",))), "no AAAA record", {"aaaa": "none"}),
        (name(answers(A=("192.0.2.1",))), "no AAAA record", {"ipv6": True}),
        (name(caa=(step(ZONE, type_="CAA"),)), "no CAA record", {"caa": ["letsencrypt.org"]}),
        (
            name(answers(A=said("A", records("A", "192.0.2.1", ttl=86401)), AAAA=("2001:db8::1",))),
            "live 1d1s",
            {"ttl": "2d"},
        ),
        (zone(server(1)), "only one name server", {"name_servers": 1, "networks": 1}),
        (zone(server(1), server(3)), "all in one network", {"networks": 1}),
        (zone(at_endpoint(soa=SOA.model_copy(update={"expire": 604799}))), "SOA expire", {"soa": {"expire": "1d"}}),
        (zone(at_endpoint(soa=SOA.model_copy(update={"minimum": 86401}))), "SOA minimum", {"soa": {"expire": "1d"}}),
        (zone(server(1), at_endpoint(udp=said("SOA", records("SOA", "..."), edns=False))), "no EDNS", None),
        (dnssec(iterations=10), "NSEC3 with 10 iterations", None),
        (dnssec(records=(signed("A", signature(algorithm="RSASHA1")),)), "signed with RSASHA1", None),
        (dnssec(links=(link("."), link(ZONE, digests=("1",)))), "SHA-1 digest alone", None),
    ],
)
def test_advice_is_left_out_where_the_target_has_decided(seen: Any, told: str, decided: dict[str, Any] | None) -> None:
    assert told in "; ".join(advice(seen, promised()))
    if decided is not None:
        assert told not in "; ".join(advice(seen, promised(**decided)))


def promised(**dns: Any) -> Dns:
    block = promising(**dns).components["api"].dns
    assert block is not None
    return block
