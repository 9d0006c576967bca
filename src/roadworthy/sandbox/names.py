"""The sandbox's name servers: a resolver that knows all zones, and the authoritative servers of those that have any.

One process serves them all, each at an address of its own, over UDP and TCP; it never returns. What is served is in
`zones.py`: whoever needs more names (MX, TXT, ...) adds `Record(name, kind, text, ttl)` by `Naming.with_records`.

The root is a zone of the sandbox's own. Where a zone is signed, so is the root, and `anchor` is what to trust. The
resolver validates nothing (no AD bit), as most do not; it hands out signatures to those who ask for them (DO).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from roadworthy.sandbox.zones import Ds, NameServer, Naming, Record, Signing, Zone

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from dns.rdtypes.ANY.DNSKEY import DNSKEY

ROOT_SERVER = "ns.root-of-this.sandbox"
MOST_ALIASES = 8
_NO_EDNS_PAYLOAD = 512
_SIGNED_ROOT = Signing(starts_in_days=-1, ends_in_days=20)


def anchor(naming: Naming) -> str:
    """The trust anchor of the root, as a line of a zone file."""
    return f". IN DS {_ds('', naming.seed)}\n"


def serve_names(naming: Naming) -> None:
    """Serves the resolver and every authoritative server."""
    asyncio.run(_serve(naming))


def replies(naming: Naming) -> dict[tuple[str, int], Callable[..., bytes | None]]:
    """What is answered at each address: `(wire, over_tcp=...) -> wire`, or None where there is only silence."""
    return {address: partial(_reply, desk) for address, desk in _desks(naming).items()}


def _desks(naming: Naming) -> dict[tuple[str, int], _Desk]:
    library = _Library(naming)
    desks: dict[tuple[str, int], _Desk] = {naming.resolver: _Resolver(library)}
    for zone in naming.zones:
        for server in zone.servers:
            desk = desks.setdefault(server.address, _Authority(library))
            cast("_Authority", desk).hosted[zone.origin] = (zone, server)
    return desks


async def _serve(naming: Naming) -> None:
    loop = asyncio.get_running_loop()
    connectable = listens(naming)
    listening = []
    for address, answer in replies(naming).items():
        await loop.create_datagram_endpoint(partial(_Datagrams, answer), local_addr=address)
        if address in connectable:
            listening.append(await asyncio.start_server(partial(_stream, answer), *address))
    await asyncio.gather(*(server.serve_forever() for server in listening))


def listens(naming: Naming) -> tuple[tuple[str, int], ...]:
    """Where connections are accepted."""
    servers = [server for zone in naming.zones for server in zone.servers]
    refusing = {server.address for server in servers if not server.over_tcp}
    found = dict.fromkeys((naming.resolver, *(server.address for server in servers)))
    return tuple(address for address in found if address not in refusing)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[..., bytes | None]) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if wire := self.answer(data, over_tcp=False):
            self.transport.sendto(wire, addr)


async def _stream(answer: Callable[..., bytes | None], reader: StreamReader, writer: StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            wire = answer(await reader.readexactly(size), over_tcp=True)
            if wire is None:
                await reader.read()  # says nothing, until the other one has had enough
                break
            writer.write(len(wire).to_bytes(2, "big") + wire)
            await writer.drain()
    writer.close()


def _reply(desk: _Desk, wire: bytes, *, over_tcp: bool) -> bytes | None:
    try:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query, our_payload=1232)
    except dns.exception.DNSException:
        return None
    if query.edns > 0:
        reply.set_rcode(dns.rcode.BADVERS)  # RFC 6891 section 6.1.3
    elif query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        reply.set_rcode(dns.rcode.NOTIMP)
    elif not desk.answer(query, reply, over_tcp=over_tcp):
        return None
    room = 65535 if over_tcp else max(_NO_EDNS_PAYLOAD, query.payload if query.edns >= 0 else 0)
    try:
        return reply.to_wire(max_size=room)
    except dns.exception.TooBig:
        short = dns.message.make_response(query)
        short.flags |= dns.flags.TC | (reply.flags & dns.flags.AA)
        return short.to_wire()


class _Desk:
    """What answers at one address."""

    def answer(self, query: dns.message.Message, reply: dns.message.Message, *, over_tcp: bool) -> bool:
        """Fills in the reply; whether it is to be sent."""
        raise NotImplementedError


class _Resolver(_Desk):
    """Answers from all zones, as if it had asked their servers."""

    def __init__(self, library: _Library) -> None:
        self.library = library

    def answer(self, query: dns.message.Message, reply: dns.message.Message, *, over_tcp: bool) -> bool:
        del over_tcp
        reply.flags |= dns.flags.RA
        question = query.question[0]
        if question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
            reply.set_rcode(dns.rcode.REFUSED)
            return True
        name = question.name
        for _ in range(MOST_ALIASES):
            zone = self.library.zone_of(name, at_parent=question.rdtype == dns.rdatatype.DS)
            book = self.library.book(zone, None)
            alias = book.look_up(name, question.rdtype, reply, signed=_wants_signatures(query))
            if alias is None:
                break
            name = alias
        return True


class _Authority(_Desk):
    """Answers for the zones that it hosts, and for no other."""

    def __init__(self, library: _Library) -> None:
        self.library = library
        self.hosted: dict[str, tuple[Zone, NameServer]] = {}

    def answer(self, query: dns.message.Message, reply: dns.message.Message, *, over_tcp: bool) -> bool:
        question = query.question[0]
        servers = [server for _, server in self.hosted.values()]
        if any(server.silent for server in servers):
            return False
        hosted = self._hosted(question.name, at_parent=question.rdtype == dns.rdatatype.DS)
        if any(server.recurses for server in servers):
            reply.flags |= dns.flags.RA
        if hosted is None or hosted[1].lame:
            if reply.flags & dns.flags.RA and query.flags & dns.flags.RD:
                return _Resolver(self.library).answer(query, reply, over_tcp=over_tcp)
            reply.set_rcode(dns.rcode.REFUSED)
            return True
        zone, server = hosted
        book = self.library.book(zone, server)
        if question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
            if server.transfers and over_tcp and question.name == book.zone.origin:
                book.transfer(reply)
            else:
                reply.set_rcode(dns.rcode.REFUSED)
            return True
        signed = _wants_signatures(query)
        if book.refer(question.name, reply, is_ds=question.rdtype == dns.rdatatype.DS, signed=signed):
            return True
        reply.flags |= dns.flags.AA
        name = question.name
        for _ in range(MOST_ALIASES):
            alias = book.look_up(name, question.rdtype, reply, signed=signed)
            if alias is None or not alias.is_subdomain(book.origin) or book.cut_above(alias) is not None:
                break
            name = alias
        return True

    def _hosted(self, name: dns.name.Name, *, at_parent: bool) -> tuple[Zone, NameServer] | None:
        found = [
            (zone, server)
            for zone, server in self.hosted.values()
            if name.is_subdomain(_name(zone.origin)) and not (at_parent and zone.origin and name == _name(zone.origin))
        ]
        return max(found, key=lambda each: len(each[0].origin), default=None)


def _wants_signatures(query: dns.message.Message) -> bool:
    return bool(query.ednsflags & dns.flags.DO)


class _Library:
    """The books of all zones, each made when it is first opened."""

    def __init__(self, naming: Naming) -> None:
        self.naming = naming
        self.book = cache(self._book)

    def zone_of(self, name: dns.name.Name, *, at_parent: bool = False) -> Zone:
        """The closest zone; of a name that is a zone's own, the one above it where `at_parent`."""
        found = [
            zone
            for zone in self.naming.zones
            if name.is_subdomain(_name(zone.origin)) and not (at_parent and zone.origin and name == _name(zone.origin))
        ]
        return max(found, key=lambda zone: len(zone.origin))

    def _book(self, zone: Zone, server: NameServer | None) -> _Book:
        return _Book(self.naming, zone, server)


class _Cut(NamedTuple):
    """A zone below another one, as its parent tells it."""

    origin: dns.name.Name
    servers: dns.rrset.RRset
    glue: tuple[dns.rrset.RRset, ...]


class _Book:
    """One zone as one server has it: its records, signed where it is to be."""

    def __init__(self, naming: Naming, zone: Zone, server: NameServer | None) -> None:
        self.origin = _name(zone.origin)
        below = [
            other for other in naming.zones if other is not zone and naming.parent_of(other) == zone and other.origin
        ]
        signing = _SIGNED_ROOT if not zone.origin and naming.signed else zone.signing
        lines = list(_lines(zone, server, below, naming.seed))
        self.zone = _loaded(lines, self.origin)
        self.cuts = tuple(_cut(other) for other in below if other.servers)
        self.denies = signing is not None and signing.denies
        if signing is not None:
            _sign(self.zone, zone.origin, naming.seed, signing)
        self.names = set(self.zone.nodes)
        for name in tuple(self.names):
            while name != self.origin and name.is_subdomain(self.origin):
                name = name.parent()  # noqa: PLW2901 - climbs
                self.names.add(name)

    def cut_above(self, name: dns.name.Name) -> _Cut | None:
        """The delegation that a name is below."""
        return next((cut for cut in self.cuts if name.is_subdomain(cut.origin)), None)

    def refer(self, name: dns.name.Name, reply: dns.message.Message, *, is_ds: bool, signed: bool) -> bool:
        """Sends on to the servers of a zone below, if the name is in one."""
        cut = self.cut_above(name)
        if cut is None or (is_ds and name == cut.origin):
            return False
        reply.authority.append(cut.servers)
        reply.additional.extend(cut.glue)
        if signed and not self._add(reply.authority, cut.origin, dns.rdatatype.DS, signed=True):
            self._deny(cut.origin, reply)
        return True

    def look_up(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, reply: dns.message.Message, *, signed: bool
    ) -> dns.name.Name | None:
        """Answers from this zone; the name to go on with, where it is an alias."""
        owner = self._owner(name)
        if owner is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif self._add(reply.answer, owner, kind, signed=signed, called=name):
            return None
        elif self._add(reply.answer, owner, dns.rdatatype.CNAME, signed=signed, called=name):
            target: dns.name.Name = self.zone.find_rdataset(owner, dns.rdatatype.CNAME)[0].target
            return target
        self._add(reply.authority, self.origin, dns.rdatatype.SOA, signed=signed)
        if signed:
            self._deny(name, reply)
        return None

    def _owner(self, name: dns.name.Name) -> dns.name.Name | None:
        """The name whose records answer for one: itself, or a wildcard."""
        if name in self.names:
            return name
        while name != self.origin:
            name = name.parent()
            wildcard = dns.name.from_text("*", name)
            if wildcard in self.names:
                return wildcard
            if name in self.names:
                return None
        return None

    def transfer(self, reply: dns.message.Message) -> None:
        """The whole zone, between two copies of its SOA (RFC 5936)."""
        reply.flags |= dns.flags.AA
        soa = self.zone.find_rrset(self.origin, dns.rdatatype.SOA)
        reply.answer.append(soa)
        for name, rdataset in self.zone.iterate_rdatasets():
            if rdataset.rdtype != dns.rdatatype.SOA:
                reply.answer.append(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))
        reply.answer.append(soa)

    def _add(
        self,
        section: list[dns.rrset.RRset],
        owner: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        *,
        signed: bool,
        called: dns.name.Name | None = None,
    ) -> bool:
        found = self.zone.get_rdataset(owner, kind)
        if found is None:
            return False
        section.append(dns.rrset.from_rdata_list(called or owner, found.ttl, list(found)))
        signatures = self.zone.get_rdataset(owner, dns.rdatatype.RRSIG, kind) if signed else None
        if signatures is not None:
            section.append(dns.rrset.from_rdata_list(called or owner, signatures.ttl, list(signatures)))
        return True

    def _deny(self, name: dns.name.Name, reply: dns.message.Message) -> None:
        """The NSEC records that show that there is no such name, or not such a record (RFC 4035 section 3.1.3)."""
        if not self.denies:
            return
        chain = sorted(owner for owner in self.zone.nodes if self.zone.get_rdataset(owner, dns.rdatatype.NSEC))
        covering = {
            max((owner for owner in chain if owner <= wanted), default=chain[-1]) for wanted in self._unlike(name)
        }
        for owner in sorted(covering):
            self._add(reply.authority, owner, dns.rdatatype.NSEC, signed=True)

    def _unlike(self, name: dns.name.Name) -> tuple[dns.name.Name, ...]:
        if name in self.names:
            return (name,)
        closest = name
        while closest not in self.names:
            closest = closest.parent()
        return name, dns.name.from_text("*", closest)


def _lines(zone: Zone, server: NameServer | None, below: list[Zone], seed: str) -> list[Record]:
    """All records of a zone as one server has them."""
    soa = zone.soa
    serial = soa.serial - (server.serial_behind if server else 0)
    primary = zone.servers[0].name if zone.servers else "ns.sandbox"
    figures = f"{serial} {soa.refresh} {soa.retry} {soa.expire} {soa.minimum}"
    found = [Record(zone.origin, "SOA", f"{primary}. hostmaster.{zone.origin or 'sandbox'}. {figures}", 3600)]
    found += [Record(zone.origin, "NS", f"{ns.name}.", 3600) for ns in zone.servers]
    own = server.instead if server else ()
    replaced = {(record.name, record.kind) for record in own}
    found += [record for record in zone.records if (record.name, record.kind) not in replaced]
    found += [record for record in own if record.text]
    for other in below:
        found += [Record(other.origin, "NS", f"{name}.", 3600) for name in _delegated(other)]
        if other.signing is not None and other.signing.ds is not Ds.NONE:
            told = _ds(other.origin, seed if other.signing.ds is Ds.RIGHT else f"not {seed}")
            found.append(Record(other.origin, "DS", told, 3600))
    return found


def _delegated(zone: Zone) -> tuple[str, ...]:
    return tuple(server.name for server in zone.servers) if zone.delegated_to is None else zone.delegated_to


def _cut(zone: Zone) -> _Cut:
    names = _delegated(zone)
    servers = dns.rrset.from_text_list(_name(zone.origin), 3600, "IN", "NS", [f"{name}." for name in names])
    told = {(record.name, record.kind): record for record in zone.glue}
    records = [
        record
        for name in names
        for record in zone.records
        if record.name == name and record.kind in ("A", "AAAA") and (record.name, record.kind) not in told
    ]
    glue = [dns.rrset.from_text(_name(r.name), r.ttl, "IN", r.kind, r.text) for r in (*records, *zone.glue)]
    return _Cut(_name(zone.origin), servers, tuple(glue))


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text + ".")


def _loaded(lines: list[Record], origin: dns.name.Name) -> dns.zone.Zone:
    text = "".join(f"{record.name}. {record.ttl} IN {record.kind} {record.text}\n" for record in lines)
    return dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)


@cache
def _key(origin: str, seed: str) -> tuple[EllipticCurvePrivateKey, DNSKEY]:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - only where a zone is signed
    from dns.dnssec import make_dnskey  # noqa: PLC0415 - as above
    from dns.dnssectypes import Algorithm  # noqa: PLC0415 - as above

    number = int.from_bytes(hashlib.sha256(f"{seed} {origin}".encode()).digest()[:31], "big")
    secret = ec.derive_private_key(number, ec.SECP256R1())
    return secret, make_dnskey(secret.public_key(), Algorithm.ECDSAP256SHA256, flags=257)


def _ds(origin: str, seed: str) -> str:
    from dns.dnssec import make_ds  # noqa: PLC0415 - as above

    return str(make_ds(_name(origin), _key(origin, seed)[1], "SHA256"))


def _sign(zone: dns.zone.Zone, origin: str, seed: str, signing: Signing) -> None:
    from dns.dnssec import sign_zone  # noqa: PLC0415 - as above

    now = datetime.now(UTC)
    with zone.writer() as changing:
        sign_zone(
            zone,
            changing,
            keys=[_key(origin, seed)],
            inception=now + timedelta(days=signing.starts_in_days),
            expiration=now + timedelta(days=signing.ends_in_days),
            add_dnskey=True,
            dnskey_ttl=3600,
        )
