"""What a name says: at the resolver, and at every address of every server that is responsible for it.

The resolver says which zone the name is in and who serves it; the servers are then asked directly, without recursion,
each type in turn, all servers side by side. Servers that disagree are asked once more: a change takes a moment.

Nothing is sent anywhere but where `network.resolver` and `network.connect_to` lead.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved
from roadworthy.facts.dns import TELLS, DnsObservation, DnsState, Said, ServerSaid, Step, own_view
from roadworthy.probes.dns_wire import Question, put
from roadworthy.probes.dns_zones import asked_name, resolve, servers_of, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.dns import DnsAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.dns_zones import Asked

AGAIN_S = 0.5
"""Before servers that disagree are asked once more."""
_ADDRESSES = ("A", "AAAA")
_MOST_STEPS = 12
_FEW = 3
_NO_USE = frozenset({DnsState.SILENT, DnsState.UNREACHABLE, DnsState.CLOSED})
"""Whoever says nothing to the first question is not asked the others."""


async def observe(ask: DnsAsk, address: None, bench: Bench) -> DnsObservation:  # noqa: ARG001 - a probe's signature
    """Asks all that know of the name.

    Raises:
        NotObserved: the resolver failed, and with it the way to the servers.
    """
    observed_at = datetime.now(UTC)
    name = asked_name(ask.host)
    cut = await zone_of(name, bench)
    asked = await servers_of(cut.zone, bench)
    servers = await ask_all(name, ask.types, asked.places, bench)
    if _disagree(servers):
        await asyncio.sleep(AGAIN_S)
        servers = await ask_all(name, ask.types, asked.places, bench)
    resolver = tuple([await _at_resolver(name, type_, bench, may_fail=not cut.resolves) for type_ in ask.types])
    like: tuple[Said, ...] = ()
    like_servers: tuple[ServerSaid, ...] = ()
    if ask.like is not None:
        other = asked_name(ask.like)
        like = tuple([(await resolve(Question(other, type_), bench)).said for type_ in _ADDRESSES])
        there = await servers_of((await zone_of(other, bench)).zone, bench)
        like_servers = await ask_all(other, _ADDRESSES, there.places, bench)
    return DnsObservation(
        observed_at=observed_at,
        name=name,
        zone=cut.zone,
        resolver=resolver,
        servers=servers,
        more_servers=asked.more,
        like=like,
        like_servers=like_servers,
        caa=await _caa(name, bench) if ask.climbs_caa else (),
        strangers=await _strangers(ask.stranger, (name, cut.zone), asked, bench) if ask.stranger else (),
    )


def _disagree(servers: tuple[ServerSaid, ...]) -> bool:
    views: dict[str, set[object]] = {}
    for said in (said for server in servers for said in server.said if server.tells(said.type)):
        views.setdefault(said.type, set()).add(own_view(said))
    return any(len(seen) > 1 for seen in views.values())


async def ask_all(
    name: str, types: Iterable[str], places: Iterable[tuple[str, Address]], bench: Bench
) -> tuple[ServerSaid, ...]:
    """What each server says of a name, all side by side."""
    types = tuple(types)

    async def one(server: str, address: Address) -> ServerSaid:
        said: list[Said] = []
        for type_ in types:
            if said and said[-1].state in _NO_USE:
                said.append(said[-1].model_copy(update={"type": type_}))
            else:
                said.append((await put(Question(name, type_), address, bench)).said)
        return ServerSaid(server=server, address=str(address), said=tuple(said))

    return tuple(await asyncio.gather(*(one(server, address) for server, address in places)))


async def _at_resolver(name: str, type_: str, bench: Bench, *, may_fail: bool) -> Said:
    try:
        return (await resolve(Question(name, type_), bench)).said
    except NotObserved as error:
        if not may_fail:
            raise
        return Said(type=type_, state=DnsState.FAILED, detail=error.detail[:300])


async def _caa(name: str, bench: Bench) -> tuple[Step, ...]:
    """From the name upwards, until a name has CAA records (RFC 8659 section 3), or nobody can say."""
    steps: list[Step] = []
    labels = name.split(".")
    for above in range(min(len(labels), _MOST_STEPS)):
        here = ".".join(labels[above:])
        said = await _at_resolver(here, "CAA", bench, may_fail=True)
        steps.append(Step(name=here, said=said))
        if said.of("CAA") or said.state is DnsState.FAILED:
            break
    return tuple(steps)


async def _strangers(label: str, above: Iterable[str], asked: Asked, bench: Bench) -> tuple[Step, ...]:
    """What is said of names that nobody has made: by a server of the zone, or by the resolver where none answers."""
    found = []
    for name in dict.fromkeys(above):
        stranger = label if name == "." else f"{label}.{name}"
        for _, address in asked.places[:_FEW]:
            said = (await put(Question(stranger, "A"), address, bench)).said
            if said.state in TELLS:
                break
        else:
            said = (await resolve(Question(stranger, "A"), bench)).said
        found.append(Step(name=stranger, said=said))
    return tuple(found)
