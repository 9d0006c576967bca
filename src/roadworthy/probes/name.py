"""Names: which addresses stand behind one.

In this order, and the first that knows the name is the source:

    literal     an IP address is itself; `localhost` and all below it is 127.0.0.1 (RFC 6761), whoever else claims it
    connect-to  `network.connect_to`; where an entry leads to a name, that name is resolved the same way
    hosts file  /etc/hosts, as the machine's own programs read it; not where the target names a resolver
    DNS         A and AAAA together, from `network.resolver` or the machine's own; CNAMEs are the resolver's to follow

All addresses count, IPv6 too where this machine has no route to it: what can't be reached from here is not observed,
and says so, rather than left out and green.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.name import NameObservation, NameState
from roadworthy.probes.bench import Address
from roadworthy.target.routes import parse_resolver, plain_name, routed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from dns.asyncresolver import Resolver

    from roadworthy.facts.name import NameAsk
    from roadworthy.probes.bench import Bench

    Ip = IPv4Address | IPv6Address
    Source = Literal["literal", "connect-to", "hosts file", "DNS"]

HOSTS_FILE = Path("/etc/hosts")
LOOPBACK = IPv4Address("127.0.0.1")

MOST_ADDRESSES = 256
"""Behind one name: each is asked everything, and whoever answers for the name chooses whom that hits."""


async def observe(ask: NameAsk, address: None, bench: Bench) -> NameObservation:  # noqa: ARG001 - a probe's signature
    """Looks the name up.

    Raises:
        NotObserved: the resolver failed, and not the name.
    """
    observed_at = datetime.now(UTC)
    found, source = await addresses_of(ask.host, ask.port, bench)
    if isinstance(found, NameState):
        return NameObservation(observed_at=observed_at, state=found, source=source)
    endpoints = tuple(map(str, found))
    return NameObservation(observed_at=observed_at, state=NameState.RESOLVED, endpoints=endpoints, source=source)


async def addresses_of(host: str, port: int, bench: Bench) -> tuple[list[Address] | NameState, Source]:
    """The addresses behind a name, or why there are none; raises as `observe`.

    Where `connect_to` leads to several names, all of them must have an address.
    """
    routes = routed(bench.network.connect_to, host, port)
    found: dict[Address, None] = {}
    for to_host, to_port in routes or [(host, port)]:
        ips, source = await _ips_of(plain_name(to_host), bench)
        if isinstance(ips, NameState):
            return ips, source
        found.update((Address(str(ip), to_port), None) for ip in ips)
    if len(found) > MOST_ADDRESSES:
        told = f"{host} has {len(found)} addresses; what has more than {MOST_ADDRESSES} is no deployment to look at"
        raise NotObserved(Reason.NOT_APPLICABLE, told)
    return list(found), "connect-to" if routes else source


async def _ips_of(name: str, bench: Bench) -> tuple[list[Ip] | NameState, Source]:
    if literal := _literal(name):
        return [literal], "literal"
    if bench.network.resolver is None and (listed := (await bench.shared(_hosts)).get(name)):
        return listed, "hosts file"
    return await bench.together(("DNS", name), lambda: _look_up(name, bench)), "DNS"


def _literal(name: str) -> Ip | None:
    if name == "localhost" or name.endswith(".localhost"):
        return LOOPBACK
    try:
        return ip_address(name)
    except ValueError:
        return None


@asynccontextmanager
async def _hosts(bench: Bench) -> AsyncIterator[dict[str, list[Ip]]]:  # noqa: ARG001 - what `Bench.shared` makes
    yield parse_hosts(HOSTS_FILE.read_text("utf-8", "replace")) if HOSTS_FILE.exists() else {}  # noqa: ASYNC240 - local


def parse_hosts(text: str) -> dict[str, list[Ip]]:
    """The addresses of each name in a hosts file (hosts(5)), IPv4 first; lines that make no sense are left out."""
    names: dict[str, list[Ip]] = {}
    for line in text.splitlines():
        fields = line.partition("#")[0].split()
        try:
            address = ip_address(fields[0]) if fields else None
        except ValueError:
            continue
        for name in fields[1:]:
            if address is not None:
                names.setdefault(plain_name(name), []).append(address)
    return {name: _in_order(addresses) for name, addresses in names.items()}


def _in_order(addresses: Iterable[Ip]) -> list[Ip]:
    """Without repeats, IPv4 first, else by number: DNS turns the order with every answer, a report must not."""
    return sorted(set(addresses), key=lambda ip: (ip.version, int(ip)))


async def _look_up(name: str, bench: Bench) -> list[Ip] | NameState:
    kinds = (_query(name, kind, bench) for kind in ("A", "AAAA"))
    found: list[Ip] = []
    states: set[NameState] = set()
    for answer in await asyncio.gather(*kinds, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer  # one of two failed: nobody knows whether all addresses are known
        if isinstance(answer, NameState):
            states.add(answer)
        else:
            found += answer
    if found:
        return _in_order(found)
    return NameState.NXDOMAIN if states == {NameState.NXDOMAIN} else NameState.NODATA


async def _query(name: str, kind: str, bench: Bench) -> list[Ip] | NameState:
    from dns.exception import DNSException  # noqa: PLC0415 - 0.08 s, and a run whose names are routed needs none
    from dns.resolver import NXDOMAIN, LifetimeTimeout, NoAnswer  # noqa: PLC0415 - as above

    resolver = await bench.shared(resolver_of)
    search = "." not in name and bench.network.resolver is None
    try:
        async with asyncio.timeout(bench.patience_s):  # its own pauses between tries go beyond its lifetime
            answer = await resolver.resolve(ascii_name(name), kind, search=search, lifetime=bench.patience_s)
    except NXDOMAIN:
        return NameState.NXDOMAIN
    except NoAnswer:
        return NameState.NODATA
    except (LifetimeTimeout, TimeoutError) as error:
        asked = ", ".join(f"{server}" for server in resolver.nameservers)
        detail = f"{name} {kind}: no answer from {asked} (port {resolver.port}) within {bench.patience_s:g} s"
        raise NotObserved(Reason.RESOLVER, detail) from error
    except (DNSException, OSError, ValueError) as error:
        raise NotObserved(Reason.RESOLVER, f"{name} {kind}: {error}") from error
    return [ip_address(record.address) for record in answer]


@asynccontextmanager
async def resolver_of(bench: Bench) -> AsyncIterator[Resolver]:
    """The one that names are looked up by: `bench.shared(resolver_of)`."""
    from dns.asyncresolver import Resolver  # noqa: PLC0415 - as above
    from dns.resolver import NoResolverConfiguration  # noqa: PLC0415 - as above

    configured = bench.network.resolver
    try:
        resolver = Resolver(configure=configured is None)
    except NoResolverConfiguration as error:
        raise NotObserved(Reason.RESOLVER, "this machine names no resolver (/etc/resolv.conf)") from error
    if configured is not None:
        ip, resolver.port = parse_resolver(configured)
        resolver.nameservers = [ip]
    resolver.timeout = bench.patience_s / 3  # one try: a lost datagram is asked again in time
    yield resolver


def ascii_name(host: str) -> str:
    """A host name as protocols carry it: A-labels (RFC 5891, mapped by UTS 46).

    Raises:
        ValueError: it can be no host's name.
    """
    if host.isascii():
        return host
    import idna  # noqa: PLC0415 - few names need it

    return idna.encode(host, uts46=True).decode("ascii")
