"""A target's promises on names -> the zones and name servers that keep them.

Every host has its addresses in the zone of its last two labels, or of a domain that promises its own name servers. A
zone has authoritative servers, two or as many as are promised, where a component in it promises anything of DNS or of
mail. What is promised to be at an address elsewhere (`a`, `proxied`) is said to be there, and `connect_to` leads to
where it really is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.rules.networks import addresses_in
from roadworthy.sandbox.deployment import DNS_PORT, local_port
from roadworthy.sandbox.names import ROOT_SERVER
from roadworthy.sandbox.zones import TTL_S, NameServer, Naming, Record, Signing, Soa, Zone, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.target.blocks.dns import Dns
    from roadworthy.target.models import Component, Target

_ROOT, _FIRST_SERVER = 254, 253
_SERVER_NETWORKS = ("192.0.2.{}", "198.51.100.{}", "203.0.113.{}")
"""Where name servers say that they are: networks that are for documentation alone (RFC 5737)."""
_ALIASED = ("192.0.2.80", "198.51.100.80")
_IPV6 = "2001:db8::7"
_ISSUER = "letsencrypt.org"


def naming(target: Target, hosts: Mapping[str, tuple[str, ...]], network: str) -> Naming:
    """What names say.

    Args:
        target: the promises.
        hosts: every name of the target, with the addresses that it is really at.
        network: the first three parts of the sandbox's addresses.
    """
    parts = [part for part in target.reached.values() if part.endpoint[0] in hosts]
    own = [part.domain for part in parts if part.domain and part.dns and part.dns.ns]
    records: dict[str, list[Record]] = {"": []}
    led: set[str] = set()
    for host, ips in hosts.items():
        blocks = [part.dns for part in parts if part.endpoint[0] == host and part.dns]
        if any(block.a or block.proxied or block.alias_of or _six(block) for block in blocks):
            led.add(host)
        for record in _records(host, ips, blocks):
            records.setdefault(origin_of(record.name, own), []).append(record)
    kept = dict.fromkeys(origin_of(part.endpoint[0], own) for part in parts if part.dns or part.mail)
    zones: list[Zone] = []
    free = _FIRST_SERVER
    for origin in dict.fromkeys((*records, *kept)):
        if origin in kept:
            here = [part for part in parts if origin_of(part.endpoint[0], own) == origin]
            zone = _kept(Zone(origin, tuple(dict.fromkeys(records.get(origin, ())))), here, network, free)
            free -= len(zone.servers)
        else:
            zone = Zone(origin, tuple(dict.fromkeys(records[origin])))
        zones.append(zone)
    found = Naming((f"{network}.53", DNS_PORT), tuple(zones), network, frozenset(led))
    return _with_servers(found, network) if kept else found


def _records(host: str, ips: tuple[str, ...], blocks: list[Dns]) -> Iterable[Record]:
    """What a host's name says."""
    ttl = next((int(block.ttl) for block in blocks if block.ttl), TTL_S)
    cname = next((block.cname for block in blocks if block.cname), None)
    alias = next((block.alias_of for block in blocks if block.alias_of), None)
    said = next((block.a for block in blocks if block.a), None)
    proxied = next((block.proxied for block in blocks if block.proxied), None)
    six = next((_six(block) for block in blocks if _six(block)), ())
    four = said or (addresses_in(proxied)[:2] if proxied else None) or (_ALIASED if alias else ips)
    if cname:
        yield Record(host, "CNAME", f"{cname}.", ttl)
        yield from (Record(cname, "A", ip, ttl) for ip in ips)
        yield from (Record(cname, "AAAA", ip, ttl) for ip in six)
        return
    for name in filter(None, (host, alias)):
        yield from (Record(name, "A", ip, ttl) for ip in four)
        yield from (Record(name, "AAAA", ip, ttl) for ip in six)
    for text in dict.fromkeys(text for block in blocks for text in block.txt or ()):
        yield Record(host, "TXT", _quoted(text), ttl)
    for issuer in dict.fromkeys(issuer for block in blocks for issuer in block.caa or ()):
        yield Record(host, "CAA", f'0 issue "{issuer}"', ttl)


def _six(block: Dns) -> tuple[str, ...]:
    """The IPv6 addresses that a host is to have; without one, it would be advised to."""
    if block.aaaa is None:
        return addresses_in(block.proxied, version=6)[:1] if block.proxied else (_IPV6,)
    return () if block.aaaa == "none" else block.aaaa


def _quoted(text: str) -> str:
    """A text as a zone file holds it, in pieces of 255 bytes."""
    pieces = [text[at : at + 200] for at in range(0, len(text), 200)]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)


def _kept(zone: Zone, parts: list[Component], network: str, free: int) -> Zone:
    """A zone with its own servers and figures."""
    blocks = [part.dns for part in parts if part.dns]
    promised = next((block.ns for block in blocks if block.ns), None)
    count = max([2, *(block.name_servers or 2 for block in blocks), *(block.networks or 2 for block in blocks)])
    names = promised or tuple(f"ns{number}.{zone.origin}" for number in range(1, count + 1))
    servers = tuple(
        NameServer(
            name, (_SERVER_NETWORKS[number % 3].format(free - number),), (f"{network}.{free - number}", local_port(53))
        )
        for number, name in enumerate(names)
    )
    signs = any(block.dnssec for block in blocks)
    if not any((record.name, record.kind) == (zone.origin, "CAA") for record in zone.records):
        zone = replace(zone, records=(*zone.records, Record(zone.origin, "CAA", f'0 issue "{_ISSUER}"')))
    return replace(zone, servers=servers, soa=_soa(blocks), signing=Signing() if signs else None)


def _soa(blocks: list[Dns]) -> Soa:
    """Figures that every promise holds for."""
    usual, promised = Soa(), [block.soa for block in blocks if block.soa]
    refresh = max([usual.refresh, *(int(soa.refresh or 0) for soa in promised)])
    retry = max([usual.retry, *(int(soa.retry or 0) for soa in promised)])
    expire = max([usual.expire, *(int(soa.expire or 0) for soa in promised)])
    minimum = next((int(soa.minimum[0]) for soa in promised if soa.minimum), usual.minimum)
    return Soa(usual.serial, max(refresh, 2 * retry), retry, expire, minimum)


def _with_servers(naming: Naming, network: str) -> Naming:
    """Every server's own name and addresses, and the root's."""
    root = NameServer(ROOT_SERVER, (f"{network}.{_ROOT}",), (f"{network}.{_ROOT}", local_port(53)))
    naming = naming.with_zone("", lambda zone: replace(zone, servers=(root,)))
    servers = {server.name: server for zone in naming.zones for server in zone.servers}
    return naming.with_records(
        Record(server.name, "A", ip, 3600) for server in servers.values() for ip in server.published
    )
