"""DNS: what a name says at the resolver and at every authoritative server, how its zone is kept, how it is signed.

Names stand in lower case and without a dot at their end (the root is `.`), values as in a zone file, TXT as one text.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, NotObserved, Observation, Reason

MOST_SERVERS = 16
"""Addresses of name servers that are asked, at most; what a zone has beyond is counted, not asked."""


class DnsState(StrEnum):
    """How one question to one server ended (RFC 1035, RFC 2308, RFC 8499)."""

    ANSWERED = "answered"
    NO_DATA = "no such record"
    NO_NAME = "NXDOMAIN"
    REFERRED = "only a referral to other servers"
    REFUSED = "REFUSED"
    FAILED = "SERVFAIL"
    ERROR = "an error"
    SILENT = "no answer"
    CLOSED = "connection refused"
    GARBLED = "an answer that can't be read"
    UNREACHABLE = "no route from here"


TELLS = frozenset({DnsState.ANSWERED, DnsState.NO_DATA, DnsState.NO_NAME})
"""The server knows the name, or knows that there is none."""


View = tuple[str, frozenset[tuple[str, tuple[str, ...]]]]
"""Why there is nothing, or the records of each type."""


class RecordSet(Fact):
    """All records of one name and type."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]


class Said(Fact):
    """What one server answered to one question."""

    type: str
    state: DnsState
    detail: str = ""
    authoritative: bool = False
    recursive: bool = Field(False, description="It offers to look up what it does not know itself (RA).")
    edns: bool = Field(True, description="It understood EDNS (RFC 6891).")
    over: Literal["UDP", "TCP"] = "UDP"
    records: tuple[RecordSet, ...] = ()

    def of(self, type_: str, name: str | None = None) -> RecordSet | None:
        """The records of a type, of a name or of whichever name an alias led to."""
        found = [r for r in self.records if r.type == type_ and name in (None, r.name)]
        return found[-1] if found else None

    def values(self, type_: str, name: str | None = None) -> tuple[str, ...]:
        """The values of a type; empty where there are none."""
        found = self.of(type_, name)
        return found.values if found else ()

    @property
    def told(self) -> str:
        """The state in a few words."""
        return f"{self.state.value} ({self.detail})" if self.detail else self.state.value


class ServerSaid(Fact):
    """What one server said, to each question."""

    server: str
    address: str
    said: tuple[Said, ...]

    def to(self, type_: str) -> Said:
        """What it said to the question of a type."""
        return next(said for said in self.said if said.type == type_)

    def tells(self, type_: str) -> bool:
        """Whether it knows the name by itself: an answer without authority is somebody's cache."""
        said = self.to(type_)
        return said.state in TELLS and said.authoritative

    @property
    def called(self) -> str:
        """Its name and address."""
        return f"{self.server} ({self.address})"


class Step(Fact):
    """What the resolver said of another name, on the way."""

    name: str
    said: Said


class DnsAsk(Ask):
    """What a name says: at the resolver, and at every server that is responsible for it."""

    kind: Literal["dns"] = "dns"
    port: int = 53
    types: tuple[str, ...] = ("A", "AAAA")
    like: str | None = Field(None, description="Another name, whose addresses are asked as well.")
    climbs_caa: bool = Field(False, description="Which CAA records hold for the name (RFC 8659).")
    stranger: str | None = Field(None, description="A label that nobody has made: is there a wildcard?")
    per_address: ClassVar[bool] = False
    many_exchanges: ClassVar[bool] = True

    @property
    def exchanges(self) -> int:
        """With each name server, at worst: each type, twice where they disagree, and each lost once; and strangers."""
        return 4 * len(self.types) + 2 * len(("A", "AAAA")) * bool(self.like) + 4 * bool(self.stranger)

    def may_repeat(self, seen: Observation) -> bool:  # noqa: ARG002 - a signature
        """What servers disagree on was asked twice already; it takes longer to pass than a retry waits."""
        return False


class DnsObservation(Observation):
    """What a name says."""

    kind: Literal["dns"] = "dns"
    name: str = Field(description="As it was asked: in A-labels (RFC 5891).")
    zone: str = Field(description="The zone that the name is in.")
    resolver: tuple[Said, ...]
    servers: tuple[ServerSaid, ...]
    more_servers: int = Field(
        0, description="Addresses of name servers that were not asked, because they are too many."
    )
    like: tuple[Said, ...] = Field((), description="What the resolver says of the other name: A, AAAA.")
    like_servers: tuple[ServerSaid, ...] = ()
    caa: tuple[Step, ...] = Field((), description="From the name upwards, until one has CAA records.")
    strangers: tuple[Step, ...] = Field((), description="Names that nobody has made.")

    def at_resolver(self, type_: str) -> Said:
        """What the resolver says."""
        return next(said for said in self.resolver if said.type == type_)

    def telling(self, type_: str) -> tuple[ServerSaid, ...]:
        """The servers that tell of the name.

        Raises:
            NotObserved: none does.
        """
        found = tuple(server for server in self.servers if server.tells(type_))
        if not found:
            raise NotObserved(Reason.NO_ANSWER, self.silence)
        return found

    @property
    def silence(self) -> str:
        """What is told where no server tells anything."""
        told = "; ".join(f"{server.called}: {_without_authority(server.said[0])}" for server in self.servers[:3])
        return f"no name server of {self.zone} tells of the name: {told or 'none has an address'}"

    @property
    def transient(self) -> bool:
        """Servers that disagree are catching up with each other; caches run out; a name may be on its way."""
        missing = not any(said.state is DnsState.ANSWERED for said in self.resolver)
        return missing or any(len(self.views(said.type) | {own_view(said)}) > 1 for said in self.resolver)

    def views(self, type_: str) -> set[View]:
        """What the servers that tell of the name say of it, each different view once."""
        return {own_view(server.to(type_)) for server in self.servers if server.tells(type_)}


def _without_authority(said: Said) -> str:
    return f"{said.told}, without authority" if said.state in TELLS and not said.authoritative else said.told


def own_view(said: Said) -> View:
    """What is said of the name itself, without order and time to live: the first name's records of each type."""
    first = said.records[0].name if said.records else ""
    own = frozenset((r.type, tuple(sorted(r.values))) for r in said.records if r.name == first)
    return ("" if own else said.state.value), own


class ZoneAsk(Ask):
    """How the zone of a name is kept: delegation, servers, figures."""

    kind: Literal["dns-zone"] = "dns-zone"
    port: int = 53
    recursion: bool = Field(False, description="Whether the servers look up names for strangers.")
    transfer: bool = Field(False, description="Whether they hand out the whole zone.")
    per_address: ClassVar[bool] = False
    many_exchanges: ClassVar[bool] = True

    @property
    def exchanges(self) -> int:
        """With each name server, at worst: two over UDP and one over TCP, each lost once."""
        return 6 + 2 * self.recursion + self.transfer

    def may_repeat(self, seen: Observation) -> bool:  # noqa: ARG002 - a signature
        """As with `DnsAsk`."""
        return False


class SoaFigures(Fact):
    """An SOA record (RFC 1035 section 3.3.13), in seconds."""

    primary: str
    contact: str
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


class Endpoint(Fact):
    """What a name server says of the zone at one of its addresses."""

    address: str
    soa: SoaFigures | None = None
    udp: Said
    tcp: Said
    ns: Said
    stranger: Said | None = Field(None, description="Its answer for a name that it has nothing to do with.")
    transfer: Said | None = Field(None, description="Its answer to AXFR.")


class Server(Fact):
    """A name server of the zone."""

    name: str
    at_parent: bool = Field(description="The parent names it.")
    at_zone: bool = Field(description="The zone itself names it.")
    addresses: tuple[str, ...] = Field(description="That DNS has for it.")
    alias: bool = Field(False, description="Its name is an alias, which it must not be (RFC 2181).")
    glue: tuple[str, ...] = Field((), description="That the parent has for it.")
    endpoints: tuple[Endpoint, ...] = ()


class ZoneObservation(Observation):
    """How a zone is kept."""

    kind: Literal["dns-zone"] = "dns-zone"
    zone: str
    parent: str
    parent_said: tuple[ServerSaid, ...] = Field(description="The parent's servers on who serves the zone.")
    delegated: bool = Field(description="A server of the parent told the delegation.")
    servers: tuple[Server, ...]
    more_servers: int = 0

    @property
    def endpoints(self) -> tuple[tuple[Server, Endpoint], ...]:
        """Every address that was asked, with whose it is."""
        return tuple((server, endpoint) for server in self.servers for endpoint in server.endpoints)

    @property
    def transient(self) -> bool:
        """A server that does not answer may be starting, one with another version catching up."""
        serials = {endpoint.soa.serial for _, endpoint in self.endpoints if endpoint.soa}
        return len(serials) > 1 or any(not endpoint.udp.authoritative for _, endpoint in self.endpoints)


class DnssecAsk(Ask):
    """How the records of a name are signed, up to a trust anchor."""

    kind: Literal["dnssec"] = "dnssec"
    port: int = 53
    anchor: str | None = Field(None, description="File of the trust anchors; None: those of the Internet's root.")
    stranger: str = Field(description="A label that nobody has made: its absence is signed, too.")
    per_address: ClassVar[bool] = False
    many_exchanges: ClassVar[bool] = True

    @property
    def exchanges(self) -> int:
        """With each name server, at worst: its keys, three types of records, and what is not there, each lost once."""
        return 12

    def may_repeat(self, seen: Observation) -> bool:  # noqa: ARG002 - a signature
        """As with `DnsAsk`."""
        return False


class LinkState(StrEnum):
    """Whether a zone's keys, or a record's signature, can be trusted (RFC 4033 section 5)."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"


class Signature(Fact):
    """A signature that was met (RFC 4034 section 3)."""

    name: str
    type: str
    tag: int
    algorithm: str
    not_before: datetime
    not_after: datetime


class Link(Fact):
    """One zone of the chain: what its parent says of its keys, and whether they are those."""

    zone: str
    state: LinkState
    detail: str = ""
    algorithms: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()


class Signed(Fact):
    """What one server has of the name, and how it is signed."""

    server: str
    address: str
    type: str
    state: LinkState | None = Field(description="None: it gave no answer.")
    detail: str = ""
    signatures: tuple[Signature, ...] = ()


class DnssecObservation(Observation):
    """The chain from the trust anchor to the name's zone, and the name's records at every server."""

    kind: Literal["dnssec"] = "dnssec"
    zone: str
    links: tuple[Link, ...]
    records: tuple[Signed, ...]
    absence: tuple[Signed, ...] = Field((), description="How it is shown that a name is not there.")
    denial: Literal["NSEC", "NSEC3"] | None = None
    iterations: int = Field(0, description="Of NSEC3's hash.")

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """All that were met, each once."""
        met = [s for link in self.links for s in link.signatures]
        met += [s for signed in (*self.records, *self.absence) for s in signed.signatures]
        return tuple(dict.fromkeys(met))
