"""Advice on names and zones: what experts agree on and the target has not decided on itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.dns import TELLS, DnsObservation, DnssecObservation, DnsState, ZoneObservation
from roadworthy.rules.dns_zone import networks_of
from roadworthy.rules.dnssec import OLD_ALGORITHMS, SHA1_DIGEST
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.facts.base import Observation
    from roadworthy.target.blocks.dns import Dns

LONGEST_TTL_S = 86400
LONGEST_MINIMUM_S = 86400
SHORTEST_EXPIRE_S = 604800
FEWEST_SERVERS = 2


def advice(seen: Observation, promised: Dns) -> list[str]:
    """Every deviation, each with its source."""
    if isinstance(seen, DnsObservation):
        return list(_of_name(seen, promised))
    if isinstance(seen, ZoneObservation):
        return list(_of_zone(seen, promised))
    return list(_of_signatures(seen)) if isinstance(seen, DnssecObservation) else []


def _of_name(seen: DnsObservation, promised: Dns) -> Iterator[str]:
    addresses = [record for said in seen.resolver for record in said.records if record.type in ("A", "AAAA")]
    own = [
        record
        for server in seen.servers
        for said in server.said
        for record in said.records
        if record.name == seen.name and record.type in ("A", "AAAA", "CNAME")
    ]
    longest = max((record.ttl for record in own), default=0)
    if promised.ttl is None and longest > LONGEST_TTL_S:
        yield f"its addresses live {show_duration(longest)}: a move takes as long (RFC 1912 section 2.2)"
    six = seen.at_resolver("AAAA").state is DnsState.ANSWERED and any(record.type == "AAAA" for record in addresses)
    if promised.aaaa is None and promised.ipv6 is None and addresses and not six:
        yield "no AAAA record: those with IPv6 alone need a translator to get here (RFC 6540)"
    known = all(step.said.state in TELLS for step in seen.caa)
    if promised.caa is None and seen.caa and known and not any(step.said.of("CAA") for step in seen.caa):
        yield "no CAA record: every authority may issue certificates (RFC 8659)"


def _of_zone(seen: ZoneObservation, promised: Dns) -> Iterator[str]:
    reachable = [server for server in seen.servers if server.addresses or server.glue]
    if promised.name_servers is None and promised.ns is None and len(reachable) < FEWEST_SERVERS:
        yield f"{seen.zone} has only one name server (RFC 2182 section 5)"
    elif promised.networks is None and len(networks_of(seen)) < FEWEST_SERVERS:
        yield f"the name servers of {seen.zone} are all in one network (RFC 2182 section 3.1)"
    figures = [endpoint.soa for _, endpoint in seen.endpoints if endpoint.soa is not None]
    if promised.soa is None and figures:
        if (expire := min(soa.expire for soa in figures)) < SHORTEST_EXPIRE_S:
            yield f"SOA expire {show_duration(expire)}: a primary away for a week takes the zone along (RFC 1912)"
        if (minimum := max(soa.minimum for soa in figures)) > LONGEST_MINIMUM_S:
            yield f"SOA minimum {show_duration(minimum)}: a new name stays unknown for as long (RFC 2308 section 5)"
    without = [f"{server.name}" for server, endpoint in seen.endpoints if endpoint.soa and not endpoint.udp.edns]
    if without:
        yield f"{', '.join(dict.fromkeys(without))}: no EDNS (RFC 6891)"


def _of_signatures(seen: DnssecObservation) -> Iterator[str]:
    last = seen.links[-1]
    used = {signature.algorithm for signature in seen.signatures if signature.name.endswith(seen.zone)}
    if old := sorted(used & OLD_ALGORITHMS):
        yield f"signed with {', '.join(old)} (RFC 9905)"
    if last.zone == seen.zone and last.digests == (SHA1_DIGEST,):
        yield "the DS record at the parent is a SHA-1 digest alone (RFC 8624 section 3.3)"
    if seen.iterations:
        yield f"NSEC3 with {seen.iterations} iterations, 0 are enough (RFC 9276)"
