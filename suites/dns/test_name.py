from roadworthy.cases.dns import DnsCase
from roadworthy.check import check
from roadworthy.rules import dns as rules

DIG = "dig +noall +answer {host} A {host} AAAA; dig +nssearch {host}"


@check(
    "DNS-A",
    severity="high",
    awaited=True,
    after=("NAME-RESOLVES", "DNS-ALIAS-SOUND"),
    expects="dns.a",
    source="RFC 1035 section 3.4.1",
    by_hand="dig +noall +answer {host} A",
    repair="Correct the A records at the provider of the zone, at every one of its servers; then wait for their TTL.",
)
def test_the_name_has_exactly_the_promised_ipv4_addresses(dns: DnsCase) -> None:
    """An address too many sends a share of all visitors to another machine, whoever has it by now."""
    faults = rules.wrong_addresses(dns.seen, "A", dns.expected.a or ())
    assert not faults, "; ".join(faults)


@check(
    "DNS-AAAA",
    severity="high",
    awaited=True,
    after=("NAME-RESOLVES", "DNS-ALIAS-SOUND"),
    expects="dns.aaaa",
    source="RFC 3596 section 2.1",
    by_hand="dig +noall +answer {host} AAAA",
    repair="Correct the AAAA records at the provider of the zone, at all its servers; then wait for their TTL.",
)
def test_the_name_has_exactly_the_promised_ipv6_addresses(dns: DnsCase) -> None:
    """Most clients try IPv6 first: a forgotten AAAA record leads them to the old machine, and nobody else sees it."""
    promised = dns.expected.aaaa or ()
    faults = rules.wrong_addresses(dns.seen, "AAAA", () if promised == "none" else promised)
    assert not faults, "; ".join(faults)


@check(
    "DNS-IPV6",
    severity="medium",
    after=("NAME-RESOLVES", "DNS-AAAA", "DNS-ALIAS-SOUND"),
    expects="dns.ipv6",
    source="RFC 6540; Internet.nl: IPv6",
    by_hand="dig +noall +answer {host} AAAA",
    repair="Give the service an IPv6 address and publish it as an AAAA record.",
)
def test_the_name_has_an_ipv6_address(dns: DnsCase) -> None:
    """Mobile networks are IPv6 first; whoever has IPv6 alone gets here by a translator, or not at all."""
    faults = rules.without_ipv6(dns.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-CNAME",
    severity="high",
    awaited=True,
    after=("NAME-RESOLVES",),
    expects="dns.cname",
    source="RFC 1034 section 3.6.2",
    by_hand="dig +noall +answer {host} CNAME",
    repair="Correct the CNAME record at the provider of the zone.",
)
def test_the_name_is_an_alias_of_the_promised_one(dns: DnsCase) -> None:
    """Behind an alias stands somebody else's name; another one is another provider, or none."""
    faults = rules.wrong_alias(dns.seen, dns.expected.cname or "")
    assert not faults, "; ".join(faults)


@check(
    "DNS-ALIAS-OF",
    severity="high",
    after=("NAME-RESOLVES",),
    expects="dns.alias_of",
    source="RFC 1034 section 3.6; Amazon Route 53: alias records",
    by_hand="dig +short {host} A {host} AAAA",
    repair="Make the record an alias of the load balancer, not a copy of its addresses: they change.",
)
def test_the_name_has_the_addresses_of_the_other(dns: DnsCase) -> None:
    """Copied addresses of a load balancer are right until it moves, and then a share of all requests is lost."""
    faults = rules.not_alike(dns.seen)
    assert not faults, f"{dns.expected.alias_of}: {'; '.join(faults)}"


@check(
    "DNS-ALIAS-SOUND",
    severity="high",
    after=("NAME-RESOLVES",),
    expects="dns.sound_alias",
    source="RFC 1034 section 3.6.2, RFC 2181 section 10.1; OWASP WSTG-CONF-10 (subdomain takeover)",
    by_hand="dig +noall +comments +answer {host} A {host} CNAME",
    repair="Lead the alias to a name that is there, or remove it. Remove the record before the service behind it.",
)
def test_an_alias_leads_somewhere(dns: DnsCase) -> None:
    """An alias whose end was given up is free for the taking: whoever registers it speaks in this name."""
    faults = rules.unsound_alias(dns.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-TTL",
    severity="low",
    expects="dns.ttl",
    source="RFC 1035 section 3.2.1, RFC 1912 section 2.2",
    by_hand="dig +nssearch {host}; dig +noall +answer {host} A",
    repair="Set the TTL of the record; ask an authoritative server, a resolver counts it down.",
)
def test_records_live_as_long_as_promised(dns: DnsCase) -> None:
    """The TTL is how long a move takes, and how long an outage of the name servers is survived."""
    faults = rules.wrong_ttl(dns.seen, dns.expected.ttl or 0)
    assert not faults, "; ".join(faults)


@check(
    "DNS-SAME",
    severity="high",
    awaited=True,
    after=("DNS-A", "DNS-AAAA", "DNS-CNAME", "DNS-TXT", "DNS-ALIAS-OF"),
    expects="dns.same_everywhere",
    source="RFC 1034 section 4.3.5; Zonemaster: consistency",
    by_hand=DIG,
    repair="See why a secondary server does not follow (serial, transfer, notify), or which provider was forgotten.",
)
def test_every_server_says_the_same(dns: DnsCase) -> None:
    """Each visitor's resolver asks another server: where they differ, some see the old deployment and some the new."""
    faults = rules.differences(dns.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-PROXIED",
    severity="high",
    after=("DNS-A", "DNS-AAAA"),
    expects="dns.proxied",
    source="Cloudflare: IP ranges; Cloudflare: proxy status of records",
    by_hand="dig +short {host} A {host} AAAA",
    repair="Turn the proxy on for the record. An origin whose address was public once should get another one.",
)
def test_the_name_leads_to_the_proxy_alone(dns: DnsCase) -> None:
    """An address of the origin in DNS lets everybody go round the proxy, its firewall and its limits."""
    faults = rules.not_proxied(dns.seen, dns.expected.proxied or "")
    assert not faults, "; ".join(faults)


@check(
    "DNS-TXT",
    severity="medium",
    after=("NAME-RESOLVES",),
    expects="dns.txt",
    source="RFC 1035 section 3.3.14, RFC 1464",
    by_hand="dig +short {host} TXT",
    repair="Publish the text; where it proves a domain to a provider, the proof is lost without it.",
)
def test_promised_texts_are_published(dns: DnsCase) -> None:
    """Texts in DNS prove who owns a domain; services that look again stop working without them."""
    faults = rules.wrong_texts(dns.seen, dns.expected.txt or ())
    assert not faults, "; ".join(faults)


@check(
    "DNS-CAA",
    severity="medium",
    expects="dns.caa",
    source="RFC 8659; CA/Browser Forum Baseline Requirements section 3.2.2.8",
    by_hand="dig +short {host} CAA",
    repair="Publish CAA records for exactly these authorities, at the name or above it.",
)
def test_only_promised_authorities_may_issue(dns: DnsCase) -> None:
    """Without CAA any of a hundred authorities may issue for the name; with a wrong one, renewal fails."""
    faults = rules.wrong_issuers(dns.seen, dns.expected.caa or ())
    assert not faults, "; ".join(faults)


@check(
    "DNS-WILDCARD",
    severity="low",
    expects="dns.no_wildcard",
    source="RFC 4592; OWASP WSTG-CONF-10",
    by_hand="dig +noall +comments +answer no-such-name.{host} A",
    repair="Remove the wildcard record, and publish the names that are meant.",
)
def test_a_name_that_nobody_has_made_does_not_exist(dns: DnsCase) -> None:
    """A wildcard lets every name lead here: cookies, certificates and typos included."""
    faults = rules.wildcards(dns.seen)
    assert not faults, "; ".join(faults)
