"""Judgements on how a zone is kept: who serves it, alike, by which figures, and for whom."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.dns import DnsState
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.facts.dns import Endpoint, Said, Server, SoaFigures, ZoneObservation
    from roadworthy.target.blocks.dns import Soa

_SPOKE = frozenset(DnsState) - {DnsState.SILENT, DnsState.UNREACHABLE}
_PREFIX = {4: 24, 6: 48}
INTERCEPTED = "a resolver on the way answers in the place of the name servers"


def _answering(seen: ZoneObservation) -> tuple[tuple[Server, Endpoint], ...]:
    """The addresses that know the zone.

    Raises:
        NotObserved: none does.
    """
    found = tuple((server, endpoint) for server, endpoint in seen.endpoints if endpoint.soa is not None)
    if not found:
        told = "; ".join(f"{_called(server, endpoint)}: {endpoint.udp.told}" for server, endpoint in seen.endpoints[:3])
        raise NotObserved(Reason.NO_ANSWER, f"no name server of {seen.zone} answers: {told or 'none has an address'}")
    return found


def _called(server: Server, endpoint: Endpoint) -> str:
    return f"{server.name} ({endpoint.address})"


def _at_each(places: Iterable[tuple[Server, Endpoint]], fault: Callable[[Endpoint], str | None]) -> list[str]:
    """Faults of addresses, each told once."""
    places = tuple(places)
    found: dict[str, list[str]] = {}
    for server, endpoint in places:
        if told := fault(endpoint):
            found.setdefault(told, []).append(_called(server, endpoint))
    return [told if len(who) == len(places) else f"{', '.join(who)}: {told}" for told, who in found.items()]


def not_serving(seen: ZoneObservation) -> list[str]:
    """Servers that the zone is delegated to and that do not serve it (lame delegation).

    Raises:
        NotObserved: no DNS server answers from here, not even the parent's; none does over TCP; there is no route to
            any; or somebody on the way answers in the place of all.
    """
    parents = (said for server in seen.parent_said for said in server.said)
    own = (said for _, endpoint in seen.endpoints for said in (endpoint.udp, endpoint.tcp))
    if not any(said.state in _SPOKE for said in (*parents, *own)):
        raise NotObserved(
            Reason.NO_ANSWER, f"no DNS server answers from here, not even those of {seen.parent or 'the root'}"
        )
    if _intercepted(seen):
        raise NotObserved(Reason.UNREACHABLE, INTERCEPTED)
    faults = [f"{server.name}: has no address" for server in seen.servers if not (server.addresses or server.glue)]
    routed = [place for place in seen.endpoints if place[1].udp.state is not DnsState.UNREACHABLE]
    if not routed and not faults:
        raise NotObserved(Reason.UNREACHABLE, f"no route to any name server of {seen.zone}")
    found = faults + _at_each(routed, lambda endpoint: _silent(endpoint, over_tcp=not _is_tcp_shut(seen)))
    if not found and _is_tcp_shut(seen):
        raise NotObserved(
            Reason.NO_ANSWER, f"no DNS server answers over TCP from here, not even those of {seen.parent}"
        )
    return found


def _is_tcp_shut(seen: ZoneObservation) -> bool:
    """Whether nobody answers over TCP, the parent's servers included: many networks let port 53 out over UDP alone."""
    parents = [said for server in seen.parent_said for said in server.said if said.over == "TCP"]
    own = [endpoint.tcp for _, endpoint in seen.endpoints]
    return bool(parents) and all(said.state not in _SPOKE for said in (*parents, *own))


def _intercepted(seen: ZoneObservation) -> bool:
    """Whether all, the parent's servers included, answer like a resolver: some networks lead port 53 to their own."""
    parents = [said for server in seen.parent_said for said in server.said]
    said = [one for one in (*parents, *(endpoint.udp for _, endpoint in seen.endpoints)) if one.state in _SPOKE]
    return bool(parents) and all(one.recursive and not one.authoritative for one in said)


def _silent(endpoint: Endpoint, *, over_tcp: bool) -> str | None:
    by_udp, by_tcp = _problem(endpoint.udp), _problem(endpoint.tcp) if over_tcp else None
    if by_udp and by_udp == by_tcp:
        return by_udp
    told = [f"over {way}: {problem}" for way, problem in (("UDP", by_udp), ("TCP", by_tcp)) if problem]
    return "; ".join(told) or None


def _problem(said: Said) -> str | None:
    if said.state is DnsState.ANSWERED:
        return None if said.authoritative else "answers, but not with authority"
    return f"does not know the zone ({said.told})" if said.state is DnsState.NO_DATA else said.told


def wrong_servers(seen: ZoneObservation, promised: Iterable[str]) -> list[str]:
    """Where the zone's name servers are not exactly the promised ones: at its parent, and at each of them."""
    wanted = set(promised)
    faults = _at_each(_answering(seen), lambda endpoint: _differing(endpoint.ns.values("NS"), wanted))
    if seen.delegated and (told := _differing([s.name for s in seen.servers if s.at_parent], wanted)):
        faults.append(f"at {_parent(seen)}: {told}")
    return faults


def _parent(seen: ZoneObservation) -> str:
    return "the root" if seen.parent == "." else f"the parent {seen.parent}"


def _differing(got: Iterable[str], wanted: set[str]) -> str | None:
    got = set(got)
    told = [
        f"{word} {', '.join(sorted(names))}"
        for word, names in (("lacks", wanted - got), ("has", got - wanted))
        if names
    ]
    return f"NS {' and '.join(told)}" if told else None


def too_few(seen: ZoneObservation, least: int) -> list[str]:
    """Whether the zone has fewer name servers than promised."""
    names = sorted(server.name for server in seen.servers if server.addresses or server.glue)
    return [] if len(names) >= least else [f"{len(names)} of {least}: {', '.join(names) or 'none'}"]


def networks_of(seen: ZoneObservation) -> set[str]:
    """The networks that the zone's servers are in."""
    ips = [ip_address(ip) for server in seen.servers for ip in server.addresses or server.glue]
    return {str(ip_network((ip, _PREFIX[ip.version]), strict=False)) for ip in ips}


def too_close(seen: ZoneObservation, least: int) -> list[str]:
    """Whether the name servers are in fewer networks than promised."""
    found = networks_of(seen)
    if not found:
        raise NotObserved(Reason.NOT_APPLICABLE, f"no name server of {seen.zone} has an address")
    return [] if len(found) >= least else [f"all in {', '.join(sorted(found))}; {least} networks promised"]


def delegated_otherwise(seen: ZoneObservation) -> list[str]:
    """Where the parent says something else of the zone's servers than the zone itself.

    Glue may be a part of the addresses: it is left out of answers that are full, and some registrars take no IPv6.

    Raises:
        NotObserved: the parent's view can't be seen.
    """
    if not seen.delegated:
        told = "; ".join(f"{server.called}: {server.said[0].told}" for server in seen.parent_said)
        raise NotObserved(
            Reason.NOT_APPLICABLE, f"no server of {_parent(seen)} shows the delegation: {told or 'none answers'}"
        )
    at_parent = {server.name for server in seen.servers if server.at_parent}
    faults = _at_each(_answering(seen), lambda endpoint: _unlike(endpoint, at_parent))
    for server in seen.servers:
        if server.alias:
            faults.append(f"{server.name} is an alias, which no name server's name may be (RFC 2181)")
        if server.at_parent and server.addresses and set(server.glue) - set(server.addresses):
            faults.append(
                f"{server.name}: the parent has {', '.join(server.glue)}, DNS has {', '.join(server.addresses)}"
            )
    return faults


def _unlike(endpoint: Endpoint, at_parent: set[str]) -> str | None:
    own = set(endpoint.ns.values("NS"))
    if not own:
        return f"names no servers ({endpoint.ns.told})"
    if own == at_parent:
        return None
    return f"names {', '.join(sorted(own))}, the parent {', '.join(sorted(at_parent))}"


def serials(seen: ZoneObservation) -> list[str]:
    """Which servers have which version of the zone, if they are not the same."""
    found: dict[int, list[str]] = {}
    for server, endpoint in _answering(seen):
        if endpoint.soa is not None:
            found.setdefault(endpoint.soa.serial, []).append(_called(server, endpoint))
    if len(found) == 1:
        return []
    return [f"serial {serial} at {', '.join(who)}" for serial, who in sorted(found.items(), reverse=True)]


def wrong_figures(seen: ZoneObservation, promised: Soa) -> list[str]:
    """SOA figures that are not as promised."""
    return _at_each(
        _answering(seen), lambda endpoint: "; ".join(_figures(endpoint.soa, promised)) if endpoint.soa else None
    )


def _figures(soa: SoaFigures, promised: Soa) -> list[str]:
    faults = [
        f"{name} {show_duration(value)}, at least {show_duration(least)} promised"
        for name, value, least in (
            ("refresh", soa.refresh, promised.refresh),
            ("retry", soa.retry, promised.retry),
            ("expire", soa.expire, promised.expire),
        )
        if least is not None and value < least
    ]
    if promised.refresh is not None and soa.retry >= soa.refresh:
        faults.append(f"retry {show_duration(soa.retry)} is not below refresh {show_duration(soa.refresh)}")
    if promised.minimum is not None and not promised.minimum[0] <= soa.minimum <= promised.minimum[1]:
        span = " to ".join(map(show_duration, promised.minimum))
        faults.append(f"minimum {show_duration(soa.minimum)}, {span} promised")
    return faults


def looks_up_for_strangers(seen: ZoneObservation) -> list[str]:
    """Servers that look up what they have nothing to do with.

    Raises:
        NotObserved: none was asked, or somebody on the way answers in the place of all.
    """
    if _intercepted(seen):
        raise NotObserved(Reason.UNREACHABLE, INTERCEPTED)

    def fault(endpoint: Endpoint) -> str | None:
        said = endpoint.stranger
        told = said is not None and said.recursive and said.state in (DnsState.ANSWERED, DnsState.NO_NAME)
        return "looks names up for strangers" if told else None

    return _at_each(_asked(seen, lambda endpoint: endpoint.stranger), fault)


def hands_out(seen: ZoneObservation) -> list[str]:
    """Servers that hand out the whole zone."""

    def fault(endpoint: Endpoint) -> str | None:
        told = endpoint.transfer is not None and endpoint.transfer.state is DnsState.ANSWERED
        return "hands out the whole zone (AXFR)" if told else None

    return _at_each(_asked(seen, lambda endpoint: endpoint.transfer), fault)


def _asked(seen: ZoneObservation, what: Callable[[Endpoint], Said | None]) -> list[tuple[Server, Endpoint]]:
    """The addresses that were asked something; raises as `_answering` where none was."""
    asked = [place for place in seen.endpoints if what(place[1]) is not None]
    return asked or list(_answering(seen))
