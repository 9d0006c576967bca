from roadworthy.cases.dns import DnssecCase
from roadworthy.check import check
from roadworthy.rules import dnssec as rules

DELV = "delv +vtrace {host} A"


@check(
    "DNS-DNSSEC",
    severity="high",
    expects="dns.dnssec",
    source="RFC 4035 section 5, RFC 9364; Zonemaster: dnssec",
    by_hand=DELV,
    repair="Make the DS record at the registrar that of the zone's key, and sign the zone at every server with it.",
)
def test_the_chain_of_trust_holds(signed: DnssecCase) -> None:
    """A third of all resolvers validates: for them, a broken chain is a name that does not exist."""
    faults = rules.broken_chain(signed.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-RRSIG",
    severity="high",
    after=("DNS-DNSSEC",),
    expects="dns.dnssec",
    source="RFC 4034 section 3.1.5, RFC 6781 section 4.4.2; Zonemaster: dnssec04",
    by_hand="dig +dnssec +noall +answer {host} A",
    repair="See why the zone is not signed anew: the signer, its keys, or a secondary that does not follow.",
)
def test_signatures_are_valid_and_for_long_enough(signed: DnssecCase) -> None:
    """Signatures end by themselves. A day later, everybody who validates has lost the name."""
    promised = signed.expected.dnssec
    faults = rules.wrong_dates(signed.seen, promised) if promised else []
    assert not faults, "; ".join(faults)


@check(
    "DNS-DENIAL",
    severity="medium",
    after=("DNS-DNSSEC",),
    expects="dns.dnssec",
    source="RFC 4035 section 3.1.3, RFC 5155, RFC 9824; Zonemaster: dnssec03, dnssec10",
    by_hand="dig +dnssec +noall +authority no-such-name.{host} A",
    repair="Sign the zone with NSEC or NSEC3 records, at every server.",
)
def test_what_is_not_there_is_shown_not_to_be(signed: DnssecCase) -> None:
    """Without proof, whoever sits on the way can make any name disappear; who validates takes it for an attack."""
    faults = rules.without_proof(signed.seen)
    assert not faults, "; ".join(faults)
