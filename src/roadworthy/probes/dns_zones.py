"""Which zone a name is in, and who serves it: as the resolver says it, and as the parent's own servers do.

What is found out is found out once a run, however many names are in a zone.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

import dns.exception
import dns.name
import dns.rdatatype

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.dns import MOST_SERVERS, TELLS, DnsState, ServerSaid
from roadworthy.probes import name as names
from roadworthy.probes.bench import Address
from roadworthy.probes.dns_wire import Question, Reply, plain, put
from roadworthy.target.routes import plain_name, routed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dns.message import Message

    from roadworthy.probes.bench import Bench

DNS_PORT = 53
MOST_LABELS = 16
_PARENT_SERVERS = 3


async def resolve(question: Question, bench: Bench) -> Reply:
    """What the resolver says; the same question is asked once a run.

    Raises:
        NotObserved: no resolver answered, or all of them failed.
    """
    return await bench.together(("resolve", question), lambda: _resolve(question._replace(recurse=True), bench))


async def _resolve(question: Question, bench: Bench) -> Reply:
    resolver = await bench.shared(names.resolver_of)
    said = []
    for server in resolver.nameservers[:3]:
        address = Address(str(server), resolver.port)
        reply = await put(question, address, bench)
        if reply.said.state in TELLS:
            return reply
        said.append(f"{address}: {reply.said.told}")
    raise NotObserved(Reason.RESOLVER, f"{question.name} {question.type}: {'; '.join(said)}")


def asked_name(host: str) -> str:
    """A host's name as it is asked for.

    Raises:
        NotObserved: it can be no name.
    """
    try:
        name = names.ascii_name(plain_name(host))
        dns.name.from_text(name)
    except (ValueError, dns.exception.DNSException) as error:
        raise NotObserved(Reason.RESOLVER, f"{host}: {error}") from error
    return name


class Cut(NamedTuple):
    """A zone, and whether the resolver knows it."""

    zone: str
    resolves: bool = True


async def zone_of(name: str, bench: Bench) -> Cut:
    """The zone that a name is in.

    Where the resolver fails below some zone, the servers of that zone are asked who serves what is below.

    Raises:
        NotObserved: nobody knows.
    """
    return await bench.together(("zone of", name), lambda: _zone_of(name, bench))


async def _zone_of(name: str, bench: Bench) -> Cut:
    labels = [] if name == "." else name.split(".")
    failed: NotObserved | None = None
    for above in range(min(len(labels), MOST_LABELS) + 1):
        here = ".".join(labels[above:]) or "."
        try:
            reply = await resolve(Question(here, "SOA"), bench)
        except NotObserved as error:
            failed = failed or error
            continue
        zone = _zone_in(reply.message, here)
        if zone is None:
            continue
        if failed is None:
            return Cut(zone)
        closest = await _closest(name, zone, bench)
        if closest is None:
            raise failed
        return Cut(closest, resolves=False)
    raise failed or NotObserved(Reason.RESOLVER, f"{name}: nobody says which zone it is in")


def _zone_in(message: Message | None, name: str) -> str | None:
    """The zone that a resolver's answer to a question for SOA speaks of, if it is one of the name's.

    Where the name is an alias, it begins no zone, and the answer speaks of the zone that the alias leads to.
    """
    if message is None:
        return None
    asked = dns.name.from_text(name)
    is_alias = any(rrset.rdtype in (dns.rdatatype.CNAME, dns.rdatatype.DNAME) for rrset in message.answer)
    for rrset in message.answer if is_alias else (*message.answer, *message.authority):
        if is_alias and rrset.name != asked:
            continue
        if rrset.rdtype == dns.rdatatype.SOA and asked.is_subdomain(rrset.name):
            return plain(rrset.name)
    return None


async def _closest(name: str, zone: str, bench: Bench) -> str | None:
    """The zone that a name is in, as the servers of one above it say: they know it themselves, or send on."""
    replies = await _ask_some(Question(name, "SOA"), zone, bench)
    for reply in replies:
        if (below := _referral(reply.message, name, zone)) is not None:
            return below
    return zone if any(reply.said.state in TELLS and reply.said.authoritative for reply in replies) else None


def _referral(message: Message | None, name: str, above: str) -> str | None:
    if message is None:
        return None
    asked, parent = dns.name.from_text(name), dns.name.from_text(above)
    for rrset in message.authority:
        closer = rrset.name != parent and rrset.name.is_subdomain(parent) and asked.is_subdomain(rrset.name)
        if rrset.rdtype == dns.rdatatype.NS and closer:
            return plain(rrset.name)
    return None


async def _ask_some(question: Question, zone: str, bench: Bench) -> list[Reply]:
    """What a few of a zone's servers say."""
    reply = await resolve(Question(zone, "NS"), bench)
    servers = list(reply.said.values("NS", zone))[:_PARENT_SERVERS]
    found = await asyncio.gather(*(endpoints_of(server, bench) for server in servers))
    asked = [addresses[0] for addresses in found if addresses]
    return list(await asyncio.gather(*(put(question, address, bench) for address in asked)))


class Delegated(NamedTuple):
    """Who serves a zone, as the parent and as the zone itself says it."""

    zone: str
    parent: str
    parent_said: tuple[ServerSaid, ...]
    told: bool
    """A server of the parent told the delegation, and not only what it serves of the zone itself."""
    at_parent: tuple[str, ...]
    at_zone: tuple[str, ...]
    glue: dict[str, tuple[str, ...]]


async def delegation(zone: str, bench: Bench) -> Delegated:
    """Who serves a zone; found out once.

    Raises:
        NotObserved: the resolver failed where there is no other way.
    """
    return await bench.together(("delegation", zone), lambda: _delegation(zone, bench))


async def _delegation(zone: str, bench: Bench) -> Delegated:
    at_zone: tuple[str, ...] = ()
    failed: NotObserved | None = None
    try:
        at_zone = (await resolve(Question(zone, "NS"), bench)).said.values("NS", zone)
    except NotObserved as error:
        failed = error
    if zone == ".":
        if failed:
            raise failed
        return Delegated(zone, "", (), told=False, at_parent=(), at_zone=at_zone, glue={})
    parent = (await zone_of(zone.partition(".")[2] or ".", bench)).zone
    said, told, at_parent, glue = await _parents_view(zone, parent, bench)
    if failed and not at_parent:
        raise failed
    return Delegated(zone, parent, tuple(said), told=told, at_parent=at_parent, at_zone=at_zone, glue=glue)


async def _parents_view(
    zone: str, parent: str, bench: Bench
) -> tuple[list[ServerSaid], bool, tuple[str, ...], dict[str, tuple[str, ...]]]:
    """What some of the parent's servers say; the first that tells the delegation is believed."""
    try:
        reply = await resolve(Question(parent, "NS"), bench)
    except NotObserved:
        return [], False, (), {}
    servers = list(reply.said.values("NS", parent))[:_PARENT_SERVERS]
    found = await asyncio.gather(*(endpoints_of(server, bench) for server in servers))
    asked = [(server, addresses[0]) for server, addresses in zip(servers, found, strict=True) if addresses]
    replies = await asyncio.gather(*(put(Question(zone, "NS"), address, bench) for _, address in asked))
    said = [
        ServerSaid(server=server, address=str(address), said=(reply.said,))
        for (server, address), reply in zip(asked, replies, strict=True)
    ]
    wanted = dns.name.from_text(zone)
    for reply in replies:
        if reply.message is None or reply.said.state is not DnsState.REFERRED:
            continue
        for rrset in reply.message.authority:
            if rrset.rdtype == dns.rdatatype.NS and rrset.name == wanted:
                at_parent = tuple(sorted(plain(rdata.target) for rdata in rrset))
                return said, True, at_parent, _glue(reply.message, at_parent)
    return said, False, (), {}


def _glue(message: Message, servers: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for rrset in message.additional:
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            found.setdefault(plain(rrset.name), []).extend(str(ip_address(rdata.address)) for rdata in rrset)
    return {server: tuple(in_order(found[server])) for server in servers if server in found}


def in_order(ips: Iterable[str]) -> list[str]:
    """IPv4 first, else by number."""
    return sorted(set(ips), key=lambda text: (ip_address(text).version, int(ip_address(text))))


async def addresses_of(server: str, bench: Bench) -> tuple[tuple[str, ...], bool]:
    """The addresses that DNS has for a name server, and whether its name is an alias; none where the resolver fails."""
    found: list[str] = []
    alias = False
    for kind in ("A", "AAAA"):
        try:
            reply = await resolve(Question(server, kind), bench)
        except NotObserved:
            continue
        alias = alias or reply.said.of("CNAME", server) is not None
        found += [str(ip_address(value)) for value in reply.said.values(kind)]
    return tuple(in_order(found)), alias


async def endpoints_of(server: str, bench: Bench, glue: tuple[str, ...] = ()) -> tuple[Address, ...]:
    """Where a name server is asked: as `connect_to` leads, else at its addresses, else at its glue."""
    routes = routed(bench.network.connect_to, server, DNS_PORT)
    if routes and all(_is_address(host) for host, _ in routes):
        return tuple(Address(host, port) for host, port in routes)
    port = routes[0][1] if routes else DNS_PORT
    ips, _ = await addresses_of(server, bench)
    return tuple(Address(*place) for ip in ips or glue for place in routed_address(ip, port, bench))


def routed_address(ip: str, port: int, bench: Bench) -> tuple[tuple[str, int], ...]:
    """Where an address is really reached."""
    return tuple(place for place in routed(bench.network.connect_to, ip, port) if _is_address(place[0])) or (
        (ip, port),
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Asked(NamedTuple):
    """Name servers to ask, each at one address, and how many more there are."""

    places: tuple[tuple[str, Address], ...]
    more: int


async def servers_of(zone: str, bench: Bench) -> Asked:
    """Every address of every server of a zone, as far as the bound goes.

    Raises:
        NotObserved: as `delegation`.
    """
    told = await delegation(zone, bench)
    servers = tuple(dict.fromkeys((*told.at_parent, *told.at_zone)))[:MOST_SERVERS]
    found = await asyncio.gather(*(endpoints_of(server, bench, told.glue.get(server, ())) for server in servers))
    places = [(server, address) for server, addresses in zip(servers, found, strict=True) for address in addresses]
    return Asked(tuple(places[:MOST_SERVERS]), max(len(places) - MOST_SERVERS, 0))
