from roadworthy.cases.dns import DnsAdviceCase
from roadworthy.check import check
from roadworthy.rules.advice_dns import advice


@check(
    "DNS-ADVICE",
    severity="info",
    source="RFC 1912, RFC 2182, RFC 8659, RFC 9276; Zonemaster, Internet.nl",
    by_hand="dig +nssearch {host}; dig +noall +answer {host} A {host} AAAA {host} CAA",
    repair="Decide on each: promise it in the target file, or what you have instead.",
)
def test_names_are_kept_as_experts_advise(dns: DnsAdviceCase) -> None:
    """Advice that the target has not decided on; it blocks nothing."""
    told = advice(dns.seen, dns.expected)
    assert not told, "; ".join(told)
