"""What the names of a deployment say, and which name servers say it: pure values.

    Naming       all zones, the root first, and the resolver that answers from all of them
    Zone         a zone's records, its servers, and what stands of it at its parent
    NameServer   one authoritative server, and in what it differs from its zone
    Record       one line of a zone

To have more said (MX, TXT, ...), add records; each goes into the zone of its name, and one is made where there is none:

    naming.with_records([Record("shop.example", "MX", "10 mx.shop.example.")])
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TTL_S = 300


class Record(NamedTuple):
    """One record: `name` without a dot at its end, `text` as in a zone file (names in it are whole, with a dot)."""

    name: str
    kind: str
    text: str
    ttl: int = TTL_S


@dataclass(frozen=True)
class Soa:
    """The figures of a zone, in seconds."""

    serial: int = 2026112101
    refresh: int = 14400
    retry: int = 3600
    expire: int = 1209600
    minimum: int = 3600


class Ds(StrEnum):
    """What the parent says of a zone's key."""

    RIGHT = "right"
    OTHER = "of another key"
    NONE = "nothing"


@dataclass(frozen=True)
class Signing:
    """How a zone is signed; days from now."""

    starts_in_days: float = -1
    ends_in_days: float = 13
    ds: Ds = Ds.RIGHT
    denies: bool = True
    """NSEC records prove what is not there."""


@dataclass(frozen=True)
class NameServer:
    """An authoritative server of a zone."""

    name: str
    published: tuple[str, ...]
    """The addresses that DNS has for it."""
    address: tuple[str, int]
    """Where it really is."""
    lame: bool = False
    """It does not know the zone."""
    silent: bool = False
    over_tcp: bool = True
    recurses: bool = False
    transfers: bool = False
    serial_behind: int = 0
    instead: tuple[Record, ...] = ()
    """What it says in place of the zone's records of the same name and kind."""


@dataclass(frozen=True)
class Zone:
    """One zone; the root's origin is empty. Without servers of its own, only the resolver knows it."""

    origin: str
    records: tuple[Record, ...] = ()
    servers: tuple[NameServer, ...] = ()
    soa: Soa = Soa()
    signing: Signing | None = None
    delegated_to: tuple[str, ...] | None = None
    """The servers that its parent names; None: all of them."""
    glue: tuple[Record, ...] = ()
    """What its parent says of their addresses, where that is something else."""

    def without(self, name: str, *kinds: str) -> Zone:
        """The same without a name's records, of some kinds or all."""
        return replace(
            self, records=tuple(r for r in self.records if r.name != name or (kinds and r.kind not in kinds))
        )

    def with_server(self, number: int, change: Callable[[NameServer], NameServer]) -> Zone:
        """The same with one of its servers changed."""
        servers = (change(server) if at == number else server for at, server in enumerate(self.servers))
        return replace(self, servers=tuple(servers))


@dataclass(frozen=True)
class Naming:
    """All that is known of names."""

    resolver: tuple[str, int]
    zones: tuple[Zone, ...] = (Zone(""),)
    seed: str = ""
    """What the zones' keys are made from: they stay the same for as long as the sandbox runs."""
    led: frozenset[str] = field(default_factory=frozenset)
    """Hosts whose records promise addresses elsewhere: `connect_to` leads to where they really are."""

    def zone_of(self, name: str) -> Zone:
        """The closest zone that a name is in."""
        return max((zone for zone in self.zones if is_below(name, zone.origin)), key=lambda zone: len(zone.origin))

    def parent_of(self, zone: Zone) -> Zone:
        """The closest zone above one."""
        return self.zone_of(zone.origin.partition(".")[2])

    def knows(self, name: str, kind: str = "A") -> bool:
        """Whether a name has a record of a kind."""
        return any((record.name, record.kind) == (name, kind) for record in self.zone_of(name).records)

    def with_zone(self, origin: str, change: Callable[[Zone], Zone]) -> Naming:
        """The same with one zone changed."""
        return replace(self, zones=tuple(change(zone) if zone.origin == origin else zone for zone in self.zones))

    def with_records(self, records: Iterable[Record]) -> Naming:
        """The same with records added, each to its zone."""
        zones = {zone.origin: zone for zone in self.zones}
        for record in records:
            origin = origin_of(record.name, zones)
            zone = zones.get(origin, Zone(origin))
            zones[origin] = replace(zone, records=(*zone.records, record))
        return replace(self, zones=tuple(zones.values()))

    def without(self, name: str, *kinds: str) -> Naming:
        """The same without a name's records, of some kinds or all."""
        return self.with_zone(self.zone_of(name).origin, lambda zone: zone.without(name, *kinds))

    @property
    def hosts(self) -> frozenset[str]:
        """Every name that leads to an address."""
        return frozenset(r.name for zone in self.zones for r in zone.records if r.kind in ("A", "AAAA", "CNAME"))

    @property
    def routes(self) -> tuple[str, ...]:
        """Where the name servers really are, as `network.connect_to` says it."""
        servers = dict.fromkeys(server for zone in self.zones for server in zone.servers)
        return tuple(f"{server.name}:53:{server.address[0]}:{server.address[1]}" for server in servers)

    @property
    def signed(self) -> bool:
        """Whether any zone is; then the root is, too."""
        return any(zone.signing for zone in self.zones)


def is_below(name: str, origin: str) -> bool:
    """Whether a name is a zone's own or in it."""
    return not origin or name == origin or name.endswith(f".{origin}")


def origin_of(name: str, known: Iterable[str] = ()) -> str:
    """The zone that a name is put into: the closest known one, or its last two labels."""
    usual = ".".join(name.split(".")[-2:]) if "." in name else ""
    return max((usual, *(origin for origin in known if is_below(name, origin))), key=len)
