"""Faults of names, zones and name servers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.zones import Ds, Record, Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.dns import Dns

ELSEWHERE, ELSEWHERE_IPV6 = "192.0.2.99", "2001:db8::99"
_DAY_S = 86400


def _where(wanted: Callable[[Dns], object]) -> Where:
    """Components whose zone has servers of its own, and that promise something of DNS."""

    def chosen(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            if component.dns is not None and wanted(component.dns):
                yield name

    return chosen


def _host(deployment: Deployment, component: str) -> str:
    return deployment.component(component).endpoint[0]


def _on_zone(change: Callable[[Zone, str], Zone]) -> Change:
    """A change of the zone that a component's name is in; it is given the name, too."""

    def apply(deployment: Deployment, component: str) -> Deployment:
        host = _host(deployment, component)
        origin = deployment.names.zone_of(host).origin
        return replace(deployment, names=deployment.names.with_zone(origin, lambda zone: change(zone, host)))

    return apply


def _instead(kind: str, text: str) -> Callable[[Zone, str], Zone]:
    """Other records of a kind, of the name itself."""

    def change(zone: Zone, host: str) -> Zone:
        ttl = next((record.ttl for record in zone.records if record.name == host), 300)
        return replace(zone, records=(*zone.without(host, kind).records, Record(host, kind, text, ttl)))

    return change


def _also(kind: str, text: str) -> Callable[[Zone, str], Zone]:
    """One record more, of the name itself."""

    def change(zone: Zone, host: str) -> Zone:
        ttl = next((record.ttl for record in zone.records if record.name == host), 300)
        return replace(zone, records=(*zone.records, Record(host, kind, text, ttl)))

    return change


def _at_last_server(change: Callable[[Zone, str], dict[str, Any]]) -> Callable[[Zone, str], Zone]:
    """Another state of the zone's last server alone."""
    return lambda zone, host: zone.with_server(
        len(zone.servers) - 1, lambda server: replace(server, **change(zone, host))
    )


def _old_address(zone: Zone, host: str) -> dict[str, Any]:
    ttl = next((record.ttl for record in zone.records if (record.name, record.kind) == (host, "A")), 300)
    return {"instead": (Record(host, "A", ELSEWHERE, ttl),)}


def _other_ttl(zone: Zone, host: str) -> Zone:
    return replace(
        zone, records=tuple(replace_ttl(record) if record.name == host else record for record in zone.records)
    )


def replace_ttl(record: Record) -> Record:
    """The same record, living twelve times as long."""
    return record._replace(ttl=record.ttl * 12)


def _dangling(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component).dns
    assert promised is not None  # noqa: S101 - `where` chose it
    assert promised.cname is not None  # noqa: S101 - see above
    return replace(deployment, names=deployment.names.without(promised.cname))


def _alias_elsewhere(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component).dns
    assert promised is not None  # noqa: S101 - `where` chose it
    assert promised.cname is not None  # noqa: S101 - see above
    other = f"other-{promised.cname}"
    known = deployment.names.zone_of(promised.cname).records
    copies = [record._replace(name=other) for record in known if record.name == promised.cname]
    deployment = replace(deployment, names=deployment.names.with_records(copies))
    return _on_zone(_instead("CNAME", f"{other}."))(deployment, component)


def _origin_shows(deployment: Deployment, component: str) -> Deployment:
    host = _host(deployment, component)
    return _on_zone(_instead("A", deployment.hosts[host][0]))(deployment, component)


def _one_server(zone: Zone, _: str) -> Zone:
    return replace(zone, servers=zone.servers[:1])


def _one_network(zone: Zone, _: str) -> Zone:
    names = {server.name for server in zone.servers}
    ips = {server.name: f"192.0.2.{number}" for number, server in enumerate(zone.servers, 10)}
    servers = tuple(replace(server, published=(ips[server.name],)) for server in zone.servers)
    records = tuple(
        record._replace(text=ips[record.name]) if record.name in names and record.kind == "A" else record
        for record in zone.records
        if not (record.name in names and record.kind == "AAAA")
    )
    return replace(zone, servers=servers, records=records)


def _old_glue(zone: Zone, _: str) -> Zone:
    return replace(zone, glue=(Record(zone.servers[-1].name, "A", ELSEWHERE),))


def _serving_all(change: dict[str, Any]) -> Callable[[Zone, str], Zone]:
    return _at_last_server(lambda _zone, _host: change)


def _signing(**changes: Any) -> Callable[[Zone, str], Zone]:
    def change(zone: Zone, _: str) -> Zone:
        assert zone.signing is not None  # noqa: S101 - `where` chose it
        return replace(zone, signing=replace(zone.signing, **changes))

    return change


def _figures(**changes: int) -> Callable[[Zone, str], Zone]:
    return lambda zone, _: replace(zone, soa=replace(zone.soa, **changes))


def _wildcard(zone: Zone, _: str) -> Zone:
    return replace(zone, records=(*zone.records, Record(f"*.{zone.origin}", "A", ELSEWHERE)))


def _plain_addresses(promised: Dns) -> bool:
    """Nothing but DNS-SAME tells of a wrong address."""
    return promised.same_everywhere and not (promised.a or promised.cname or promised.alias_of or promised.proxied)


FAULTS = (
    fault(
        "dns-old-address-at-one-server",
        "One of the name servers still gives the old IPv4 address.",
        "DNS-A",
        where=promising("dns.a"),
        change=_on_zone(_at_last_server(_old_address)),
    ),
    fault(
        "dns-ipv6-left-over",
        "An IPv6 address of the old machine is still in DNS.",
        "DNS-AAAA",
        where=promising("dns.aaaa"),
        change=_on_zone(_also("AAAA", ELSEWHERE_IPV6)),
    ),
    fault(
        "dns-ipv6-gone",
        "The name has no IPv6 address any more.",
        "DNS-IPV6",
        where=_where(lambda promised: promised.ipv6 and not promised.aaaa),
        change=_on_zone(lambda zone, host: zone.without(host, "AAAA")),
    ),
    fault(
        "dns-servers-differ",
        "One of the name servers gives another address than the others.",
        "DNS-SAME",
        where=_where(_plain_addresses),
        change=_on_zone(_at_last_server(_old_address)),
    ),
    fault(
        "dns-alias-elsewhere",
        "The name is an alias of another name than promised.",
        "DNS-CNAME",
        where=promising("dns.cname"),
        change=_alias_elsewhere,
    ),
    fault(
        "dns-alias-dangling",
        "The name that an alias leads to was given up.",
        "DNS-ALIAS-SOUND",
        where=promising("dns.cname"),
        change=_dangling,
    ),
    fault(
        "dns-address-copied",
        "The load balancer has moved, and its old address was copied into the name's record.",
        "DNS-ALIAS-OF",
        where=promising("dns.alias_of"),
        change=_on_zone(_instead("A", ELSEWHERE)),
    ),
    fault(
        "dns-ttl-longer",
        "The records live twelve times as long as promised.",
        "DNS-TTL",
        where=promising("dns.ttl"),
        change=_on_zone(_other_ttl),
    ),
    fault(
        "dns-proxy-off",
        "The name leads straight to the origin.",
        "DNS-PROXIED",
        where=promising("dns.proxied"),
        change=_origin_shows,
    ),
    fault(
        "dns-text-gone",
        "A promised text is no longer published.",
        "DNS-TXT",
        where=promising("dns.txt"),
        change=_on_zone(lambda zone, host: zone.without(host, "TXT")),
    ),
    fault(
        "dns-caa-other",
        "Another certificate authority than the promised one may issue.",
        "DNS-CAA",
        where=promising("dns.caa"),
        change=_on_zone(_instead("CAA", '0 issue "other-ca.example"')),
    ),
    fault(
        "dns-wildcard",
        "Every name in the zone leads somewhere.",
        "DNS-WILDCARD",
        where=promising("dns.no_wildcard"),
        change=_on_zone(_wildcard),
    ),
    fault(
        "dns-server-lame",
        "One of the name servers does not know the zone.",
        "DNS-LAME",
        where=promising("dns.servers_answer"),
        change=_on_zone(_serving_all({"lame": True})),
    ),
    fault(
        "dns-server-silent",
        "One of the name servers is behind a firewall.",
        "DNS-LAME",
        where=promising("dns.servers_answer"),
        change=_on_zone(_serving_all({"silent": True})),
    ),
    fault(
        "dns-server-without-tcp",
        "One of the name servers takes no TCP connections.",
        "DNS-LAME",
        where=promising("dns.servers_answer"),
        change=_on_zone(_serving_all({"over_tcp": False})),
    ),
    fault(
        "dns-delegation-lacks-server",
        "The parent names one of the promised name servers only.",
        "DNS-NS",
        where=promising("dns.ns"),
        change=_on_zone(lambda zone, _: replace(zone, delegated_to=(zone.servers[0].name,))),
    ),
    fault(
        "dns-glue-old",
        "The parent still has an old address of a name server.",
        "DNS-DELEGATION",
        where=promising("dns.same_delegation"),
        change=_on_zone(_old_glue),
    ),
    fault(
        "dns-one-server",
        "The zone has one name server alone.",
        "DNS-SERVERS",
        where=_where(lambda promised: promised.name_servers and not promised.ns),
        change=_on_zone(_one_server),
    ),
    fault(
        "dns-one-network",
        "All name servers are in one network.",
        "DNS-NETWORKS",
        where=promising("dns.networks"),
        change=_on_zone(_one_network),
    ),
    fault(
        "dns-secondary-behind",
        "One of the name servers has an older version of the zone.",
        "DNS-SERIAL",
        where=promising("dns.same_serial"),
        change=_on_zone(_serving_all({"serial_behind": 7})),
    ),
    fault(
        "dns-figures-hasty",
        "The zone expires at its secondaries within a day.",
        "DNS-SOA",
        where=_where(lambda promised: promised.soa and promised.soa.expire),
        change=_on_zone(_figures(expire=_DAY_S)),
    ),
    fault(
        "dns-open-resolver",
        "One of the name servers looks up names for everybody.",
        "DNS-RECURSION",
        where=promising("dns.no_open_recursion"),
        change=_on_zone(_serving_all({"recurses": True})),
    ),
    fault(
        "dns-transfer-open",
        "One of the name servers hands the zone to everybody.",
        "DNS-AXFR",
        where=promising("dns.refuses_transfer"),
        change=_on_zone(_serving_all({"transfers": True})),
    ),
    fault(
        "dnssec-ds-of-old-key",
        "The parent's DS record is of a key that the zone no longer has.",
        "DNS-DNSSEC",
        where=promising("dns.dnssec"),
        change=_on_zone(_signing(ds=Ds.OTHER)),
    ),
    fault(
        "dnssec-ds-gone",
        "The parent has no DS record: the signatures are worth nothing.",
        "DNS-DNSSEC",
        where=promising("dns.dnssec"),
        change=_on_zone(_signing(ds=Ds.NONE)),
    ),
    fault(
        "dnssec-expired",
        "The zone was not signed anew, and its signatures have ended.",
        "DNS-RRSIG",
        where=promising("dns.dnssec"),
        change=_on_zone(_signing(starts_in_days=-20, ends_in_days=-3)),
    ),
    fault(
        "dnssec-expiring",
        "The signatures end within hours.",
        "DNS-RRSIG",
        where=promising("dns.dnssec"),
        change=_on_zone(_signing(starts_in_days=-13, ends_in_days=0.25)),
    ),
    fault(
        "dnssec-no-denial",
        "Nothing shows that a name is not there.",
        "DNS-DENIAL",
        where=promising("dns.dnssec"),
        change=_on_zone(_signing(denies=False)),
    ),
    fault(
        "dns-mistakes-remembered",
        "Resolvers remember for a week that a name is not there.",
        "DNS-ADVICE",
        where=_where(lambda promised: promised.soa is None),
        change=_on_zone(_figures(minimum=7 * _DAY_S)),
    ),
)
