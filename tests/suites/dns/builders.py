"""What names, zones and signatures look like where all is well; a test changes one thing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from roadworthy.facts.dns import (
    DnsObservation,
    DnssecObservation,
    DnsState,
    Endpoint,
    Link,
    LinkState,
    RecordSet,
    Said,
    Server,
    ServerSaid,
    Signature,
    Signed,
    SoaFigures,
    Step,
    ZoneObservation,
)
from tests.suites.healthy import NOW, target

if TYPE_CHECKING:
    from roadworthy.target.models import Target

HOST, ZONE = "api.shop.example", "shop.example"


def promising(**dns: Any) -> Target:
    return target(dns=dns or {"same_everywhere": True})


def records(type_: str, *values: str, name: str = HOST, ttl: int = 300) -> RecordSet:
    return RecordSet(name=name, type=type_, ttl=ttl, values=tuple(sorted(values)))


def said(type_: str, *sets: RecordSet, state: DnsState | None = None, **changes: Any) -> Said:
    default = DnsState.ANSWERED if sets else DnsState.NO_DATA
    return Said(type=type_, state=state or default, records=sets, **{"authoritative": True, **changes})


def answers(**values: tuple[str, ...] | Said) -> tuple[Said, ...]:
    """What a server says to A, AAAA and CNAME: `answers(A=("192.0.2.1",))`."""
    found = []
    for type_ in ("A", "AAAA", "CNAME", *(("TXT",) if "TXT" in values else ())):
        value = values.get(type_, ())
        found.append(value if isinstance(value, Said) else said(type_, *([records(type_, *value)] if value else [])))
    return tuple(found)


def name(*servers: tuple[Said, ...], resolver: tuple[Said, ...] | None = None, **changes: Any) -> DnsObservation:
    """A name whose servers say this; the resolver says what the first does."""
    asked = servers or (answers(A=("192.0.2.1",), AAAA=("2001:db8::1",)),) * 2
    here = asked[0] if resolver is None else resolver
    return DnsObservation(
        observed_at=NOW,
        name=changes.pop("name", HOST),
        zone=changes.pop("zone", ZONE),
        resolver=here,
        servers=tuple(
            ServerSaid(server=f"ns{number}.{ZONE}", address=f"192.0.2.5{number}:53", said=one)
            for number, one in enumerate(asked, 1)
        ),
        **changes,
    )


def step(name: str, *sets: RecordSet, state: DnsState | None = None, type_: str = "A") -> Step:
    return Step(name=name, said=said(type_, *sets, state=state))


SOA = SoaFigures(
    primary=f"ns1.{ZONE}",
    contact=f"hostmaster.{ZONE}",
    serial=2026112101,
    refresh=14400,
    retry=3600,
    expire=604800,
    minimum=300,
)
FINE = said("SOA", records("SOA", "...", name=ZONE))
NAMES = (f"ns1.{ZONE}", f"ns2.{ZONE}")


def endpoint(number: int = 1, **changes: Any) -> Endpoint:
    defaults: dict[str, Any] = {
        "address": f"192.0.2.5{number}:53",
        "soa": SOA,
        "udp": FINE,
        "tcp": FINE,
        "ns": said("NS", records("NS", *NAMES, name=ZONE)),
        "stranger": said("A", state=DnsState.REFUSED),
        "transfer": said("AXFR", state=DnsState.REFUSED),
    }
    return Endpoint(**{**defaults, **changes})


def server(number: int = 1, **changes: Any) -> Server:
    ip = f"192.0.2.5{number}" if number % 2 else f"198.51.100.5{number}"
    defaults: dict[str, Any] = {
        "name": f"ns{number}.{ZONE}",
        "at_parent": True,
        "at_zone": True,
        "addresses": (ip,),
        "glue": (ip,),
        "endpoints": (endpoint(number),),
    }
    return Server(**{**defaults, **changes})


def at_endpoint(number: int = 2, **changes: Any) -> Server:
    """A server with another answer at its one address."""
    return server(number, endpoints=(endpoint(number, **changes),))


def zone(*servers: Server, **changes: Any) -> ZoneObservation:
    parent = ServerSaid(
        server="a.example", address="192.0.2.1:53", said=(said("NS", state=DnsState.REFERRED, authoritative=False),)
    )
    defaults: dict[str, Any] = {"zone": ZONE, "parent": "example", "parent_said": (parent,), "delegated": True}
    return ZoneObservation(observed_at=NOW, servers=servers or (server(1), server(2)), **{**defaults, **changes})


def signature(type_: str = "A", days: float = 13, since: float = -1, name: str = HOST, **changes: Any) -> Signature:
    defaults: dict[str, Any] = {"tag": 1, "algorithm": "ECDSAP256SHA256"}
    return Signature(
        name=name,
        type=type_,
        not_before=NOW + timedelta(days=since),
        not_after=NOW + timedelta(days=days),
        **{**defaults, **changes},
    )


def link(zone: str, *signatures: Signature, state: LinkState = LinkState.SECURE, **changes: Any) -> Link:
    return Link(zone=zone, state=state, signatures=signatures or (signature("DNSKEY", name=zone),), **changes)


def signed(type_: str = "A", *signatures: Signature, **changes: Any) -> Signed:
    defaults: dict[str, Any] = {
        "server": NAMES[0],
        "address": "192.0.2.51:53",
        "state": LinkState.SECURE,
        "signatures": signatures or (signature(type_),),
    }
    return Signed(type=type_, **{**defaults, **changes})


def dnssec(**changes: Any) -> DnssecObservation:
    defaults: dict[str, Any] = {
        "zone": ZONE,
        "links": (link("."), link("example"), link(ZONE)),
        "records": (signed(),),
        "absence": (signed("NSEC"),),
        "denial": "NSEC",
    }
    return DnssecObservation(observed_at=NOW, **{**defaults, **changes})
