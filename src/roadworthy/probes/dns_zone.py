"""How the zone of a name is kept: what its parent says of it, and what each of its servers does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import dns.rdatatype

from roadworthy.facts.dns import DnsState, Endpoint, Server, SoaFigures, ZoneObservation
from roadworthy.probes.bench import Address
from roadworthy.probes.dns_wire import Question, plain, put
from roadworthy.probes.dns_zones import addresses_of, asked_name, delegation, servers_of, zone_of

if TYPE_CHECKING:
    from dns.message import Message
    from dns.rdtypes.ANY.SOA import SOA

    from roadworthy.facts.dns import Said, ServerSaid, ZoneAsk
    from roadworthy.probes.bench import Bench

ELSEWHERE = "example.com"
"""A name that no name server of a deployment has anything to do with (RFC 2606)."""

_NO_WAY = frozenset({DnsState.SILENT, DnsState.UNREACHABLE})
"""What a network that lets nothing out looks like."""


async def observe(ask: ZoneAsk, address: None, bench: Bench) -> ZoneObservation:  # noqa: ARG001 - a probe's signature
    """Asks the zone's parent and all its servers; names in one zone share what was found.

    Raises:
        NotObserved: the resolver failed, and with it the way to the servers.
    """
    zone = (await zone_of(asked_name(ask.host), bench)).zone
    key = ("zone", zone, ask.recursion, ask.transfer)
    return await bench.together(key, lambda: _observe(zone, ask, bench))


async def _observe(zone: str, ask: ZoneAsk, bench: Bench) -> ZoneObservation:
    observed_at = datetime.now(UTC)
    told = await delegation(zone, bench)
    asked = await servers_of(zone, bench)
    endpoints = await asyncio.gather(*(_endpoint(zone, address, ask, bench) for _, address in asked.places))
    parent_said = told.parent_said
    if endpoints and all(endpoint.tcp.state in _NO_WAY for endpoint in endpoints):
        parent_said = tuple(await asyncio.gather(*(_over_tcp(zone, server, bench) for server in parent_said)))
    by_server: dict[str, list[Endpoint]] = {}
    for (server, _), endpoint in zip(asked.places, endpoints, strict=True):
        by_server.setdefault(server, []).append(endpoint)
    names = tuple(dict.fromkeys((*told.at_parent, *told.at_zone)))
    published = await asyncio.gather(*(addresses_of(name, bench) for name in names))
    servers = tuple(
        Server(
            name=name,
            at_parent=name in told.at_parent,
            at_zone=name in told.at_zone,
            addresses=addresses,
            alias=alias,
            glue=told.glue.get(name, ()),
            endpoints=tuple(by_server.get(name, ())),
        )
        for name, (addresses, alias) in zip(names, published, strict=True)
    )
    return ZoneObservation(
        observed_at=observed_at,
        zone=zone,
        parent=told.parent,
        parent_said=parent_said,
        delegated=told.told,
        servers=servers,
        more_servers=asked.more,
    )


async def _over_tcp(zone: str, parent: ServerSaid, bench: Bench) -> ServerSaid:
    """A server of the parent, asked over TCP as well: whether any answers that way from here."""
    ip, _, port = parent.address.rpartition(":")
    reply = await put(Question(zone, "NS", over_tcp=True), Address(ip.strip("[]"), int(port)), bench)
    return parent.model_copy(update={"said": (*parent.said, reply.said)})


async def _endpoint(zone: str, address: Address, ask: ZoneAsk, bench: Bench) -> Endpoint:
    over_udp = await put(Question(zone, "SOA"), address, bench)
    over_tcp = await put(Question(zone, "SOA", over_tcp=True), address, bench)
    best = over_udp if over_udp.message is not None else over_tcp
    ns = over_udp.said.model_copy(update={"type": "NS"})
    if best.message is not None:
        by_tcp = best is over_tcp
        ns = (await put(Question(zone, "NS", over_tcp=by_tcp), address, bench)).said
    there = best.message is not None
    return Endpoint(
        address=str(address),
        soa=_figures(best.message, zone),
        udp=over_udp.said,
        tcp=over_tcp.said,
        ns=ns,
        stranger=(await put(Question(ELSEWHERE, "A", recurse=True), address, bench)).said
        if ask.recursion and there
        else None,
        transfer=await _transfer(zone, address, bench) if ask.transfer and there else None,
    )


async def _transfer(zone: str, address: Address, bench: Bench) -> Said:
    said = (await put(Question(zone, "AXFR", over_tcp=True), address, bench)).said
    if said.state is DnsState.ANSWERED:  # the zone is not ours to keep
        return said.model_copy(update={"records": said.records[:1]})
    return said


def _figures(message: Message | None, zone: str) -> SoaFigures | None:
    for rrset in message.answer if message is not None else ():
        if rrset.rdtype == dns.rdatatype.SOA and plain(rrset.name) == zone:
            soa = cast("SOA", rrset[0])
            return SoaFigures(
                primary=plain(soa.mname),
                contact=plain(soa.rname),
                serial=soa.serial,
                refresh=soa.refresh,
                retry=soa.retry,
                expire=soa.expire,
                minimum=soa.minimum,
            )
    return None
