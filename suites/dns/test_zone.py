from roadworthy.cases.dns import ZoneCase
from roadworthy.check import check
from roadworthy.rules import dns_zone as rules

SERVERS = "dig +nssearch {host}; dig +trace +nodnssec {host} SOA"


@check(
    "DNS-LAME",
    severity="high",
    expects="dns.servers_answer",
    source="RFC 1912 section 2.8 (lame delegation), RFC 9210 (TCP); Zonemaster: nameserver, delegation",
    by_hand=SERVERS,
    repair="Configure the zone at this server and open port 53 for UDP and TCP, or take it out of the delegation.",
)
def test_every_name_server_serves_the_zone(zone: ZoneCase) -> None:
    """A share of all resolvers asks this server first and waits, or gives up; it is nobody's second chance."""
    faults = rules.not_serving(zone.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-NS",
    severity="high",
    expects="dns.ns",
    source="RFC 1035 section 3.3.11; Zonemaster: delegation, consistency",
    by_hand="dig +noall +answer {host} NS; dig +trace +nodnssec {host} NS",
    repair="Correct the NS records in the zone, and the delegation at the registrar.",
)
def test_the_zone_has_exactly_the_promised_servers(zone: ZoneCase) -> None:
    """Whoever runs a name server of the zone decides where all its names lead."""
    faults = rules.wrong_servers(zone.seen, zone.expected.ns or ())
    assert not faults, "; ".join(faults)


@check(
    "DNS-SERVERS",
    severity="medium",
    after=("DNS-NS",),
    expects="dns.name_servers",
    source="RFC 2182 section 5; Zonemaster: delegation01",
    by_hand="dig +short {host} NS",
    repair="Add a name server, run by somebody else or somewhere else.",
)
def test_the_zone_has_enough_servers(zone: ZoneCase) -> None:
    """With one name server, its failure is the failure of everything that has a name in the zone."""
    faults = rules.too_few(zone.seen, zone.expected.name_servers or 0)
    assert not faults, "; ".join(faults)


@check(
    "DNS-NETWORKS",
    severity="low",
    after=("DNS-NS", "DNS-SERVERS"),
    expects="dns.networks",
    source="RFC 2182 section 3.1; Zonemaster: connectivity",
    by_hand="dig +short {host} NS",
    repair="Place a name server in another network.",
)
def test_the_servers_are_in_different_networks(zone: ZoneCase) -> None:
    """Servers behind one router fail together."""
    faults = rules.too_close(zone.seen, zone.expected.networks or 0)
    assert not faults, "; ".join(faults)


@check(
    "DNS-DELEGATION",
    severity="medium",
    after=("DNS-NS",),
    expects="dns.same_delegation",
    source="RFC 1034 section 4.2.2, RFC 2181 section 10.3; Zonemaster: consistency05, delegation",
    by_hand="dig +trace +nodnssec {host} NS",
    repair="Make the delegation at the registrar, its glue included, what the zone itself says.",
)
def test_parent_and_zone_name_the_same_servers(zone: ZoneCase) -> None:
    """Resolvers go by the parent first and by the zone later: what differs works for some, for some time."""
    faults = rules.delegated_otherwise(zone.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-SERIAL",
    severity="medium",
    expects="dns.same_serial",
    source="RFC 1034 section 4.3.5; Zonemaster: consistency01",
    by_hand="dig +nssearch {host}",
    repair="See why the server does not follow its primary: NOTIFY, transfer rights, a zone that does not load.",
)
def test_every_server_has_the_same_version(zone: ZoneCase) -> None:
    """A server that lags answers with yesterday's records, and with nothing at all once the zone expires there."""
    faults = rules.serials(zone.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-SOA",
    severity="low",
    expects="dns.soa",
    source="RFC 1912 section 2.2, RFC 2308 section 5; Zonemaster: zone02 to zone06",
    by_hand="dig +short {host} SOA; dig +nssearch {host}",
    repair="Set the figures of the SOA record (refresh, retry, expire, minimum).",
)
def test_the_figures_of_the_zone_are_as_promised(zone: ZoneCase) -> None:
    """They decide how long a secondary serves what its primary no longer says, and how long a mistake is remembered."""
    faults = rules.wrong_figures(zone.seen, zone.expected.soa) if zone.expected.soa else []
    assert not faults, "; ".join(faults)


@check(
    "DNS-RECURSION",
    severity="high",
    after=("DNS-LAME",),
    expects="dns.no_open_recursion",
    source="RFC 5358 (BCP 140); Zonemaster: nameserver01",
    by_hand="dig +nssearch {host}; dig @{host} example.com A",
    repair="Turn recursion off at the authoritative servers (BIND: recursion no).",
)
def test_the_servers_look_nothing_up_for_strangers(zone: ZoneCase) -> None:
    """An open resolver is a weapon: a forged question of 60 bytes sends 4000 to its victim. It can be poisoned, too."""
    faults = rules.looks_up_for_strangers(zone.seen)
    assert not faults, "; ".join(faults)


@check(
    "DNS-AXFR",
    severity="medium",
    after=("DNS-LAME",),
    expects="dns.refuses_transfer",
    source="RFC 5936 section 5; Zonemaster: nameserver03",
    by_hand="dig {host} AXFR",
    repair="Allow transfers to the secondary servers alone (BIND: allow-transfer).",
)
def test_the_servers_hand_the_zone_to_no_stranger(zone: ZoneCase) -> None:
    """The whole zone is a map of the network: every internal name, forgotten host and test system."""
    faults = rules.hands_out(zone.seen)
    assert not faults, "; ".join(faults)
