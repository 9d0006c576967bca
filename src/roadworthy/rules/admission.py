"""Judgements of a firewall: whether it is on, what it lets in that it must not, and keeps out that it must let in."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import seen as told
from roadworthy.rules.firewalls import wall_of
from roadworthy.rules.firewalls_rule import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roadworthy.facts.firewall import FirewallObservation
    from roadworthy.rules.firewalls import Admitted, Wall
    from roadworthy.rules.firewalls_rule import Span

IPV4 = 4


def wall(seen: FirewallObservation) -> Wall:
    """The firewall as it stands.

    Raises:
        NotObserved: it can't be seen, or not be understood.
    """
    return wall_of(told(seen.rules, "the firewall"))


def inactive(seen: FirewallObservation) -> list[str]:
    """That there is none, or that it is off."""
    own = wall(seen)
    return [] if own.kind else [f"there is no firewall: {own.off}"]


def open_by_default(seen: FirewallObservation) -> list[str]:
    """That what no rule speaks of is let in."""
    own = wall(seen)
    faults, unsure = list[str](), list[str]()
    for family in own.families:
        admissions = {protocol: own.admits(family, protocol, None) for protocol in PROTOCOLS}
        lets_in = [protocol for protocol, by in admissions.items() if by.everybody]
        unsure += [text for by in admissions.values() for text in by.unsure]
        if lets_in:
            faults.append(
                f"{own.kind or 'no firewall'} lets in over IPv{family} what no rule names: {', '.join(lets_in)}"
            )
    return faults or _but_unsure(unsure)


def kept_out(seen: FirewallObservation, promised: Iterable[str]) -> list[str]:
    """Promised ports to which not everybody is let in, over IPv4."""
    own = wall(seen)
    faults, unsure = list[str](), list[str]()
    for port in promised:
        for admitted in _of_port(own, IPV4, port):
            if admitted.by.everybody:
                unsure += admitted.by.barred
                continue
            unsure += admitted.by.unsure
            if not admitted.by.unsure:
                only = f" but from {', '.join(sorted(admitted.by.sources))}" if admitted.by.sources else ""
                faults.append(f"{admitted.told} is kept out by {own.kind}{only}")
    return faults or _but_unsure(unsure)


def let_in(seen: FirewallObservation, promised: Iterable[str]) -> list[str]:
    """Ports to which everybody is let in, and nobody promised it."""
    own = wall(seen)
    ports = list(promised)
    found, unsure = list[str](), list[str]()
    for family in own.families:
        for admitted in own.admitted(family):
            for rest in _without(admitted, ports):
                if admitted.by.everybody:
                    found.append(rest.told)
                unsure += admitted.by.unsure
    return [f"{own.kind or 'no firewall'} lets in {', '.join(found)} from anywhere"] if found else _but_unsure(unsure)


def other_networks(seen: FirewallObservation, promised: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Ports that are let in from elsewhere than promised, or not from there."""
    own = wall(seen)
    faults, unsure = list[str](), list[str]()
    for port, networks in promised.items():
        for family in own.families:
            wanted = {network for network in networks if ipaddress.ip_network(network).version == family}
            for admitted in _of_port(own, family, port):
                unsure += admitted.by.unsure
                sources = {"anywhere"} if admitted.by.everybody else admitted.by.sources
                more = sorted(source for source in sources if not _is_within(source, wanted))
                less = sorted(network for network in wanted if not _is_within(network, sources))
                faults += [f"{admitted.told} is let in from {', '.join(more)}"] if more else []
                faults += (
                    [f"{admitted.told} is kept out from {', '.join(less)}"] if less and more != ["anywhere"] else []
                )
    return faults or _but_unsure(unsure)


def not_banning(seen: FirewallObservation) -> list[str]:
    """That fail2ban does not run, or does nothing."""
    bans = told(seen.bans, "fail2ban")
    if not bans.running:
        return [f"fail2ban does not run: {bans.said}"]
    return [] if bans.jails else ["fail2ban runs without a jail"]


def _is_within(network: str, others: Iterable[str]) -> bool:
    if network == "anywhere":
        return False
    own = ipaddress.ip_network(network)
    parsed = [ipaddress.ip_network(other) for other in others if other != "anywhere"]
    return any(own.version == other.version and own.subnet_of(other) for other in parsed)  # type: ignore[arg-type]


def _but_unsure(rules: Iterable[str]) -> list[str]:
    """Nothing at fault; raises where rules may do what can't be told."""
    for rule in rules:
        raise NotObserved(Reason.NOT_APPLICABLE, f"whom this rule lets in can't be told: {rule}")
    return []


def _parted(port: str) -> tuple[Span, str]:
    """`6000-6007/tcp`."""
    ports, _, protocol = port.partition("/")
    first, _, last = ports.partition("-")
    return (int(first), int(last or first)), protocol


def _of_port(own: Wall, family: int, port: str) -> Iterator[Admitted]:
    """What of a wall is about some promised ports."""
    (first, last), protocol = _parted(port)
    for admitted in own.admitted(family):
        start, end = max(first, admitted.ports[0]), min(last, admitted.ports[1])
        if admitted.protocol == protocol and start <= end:
            yield admitted.within((start, end))


def _without(admitted: Admitted, promised: Iterable[str]) -> Iterator[Admitted]:
    """What of some ports nobody promised."""
    at, end = admitted.ports
    spans = sorted(span for span, protocol in map(_parted, promised) if protocol == admitted.protocol)
    for first, last in spans:
        if last < at or first > end:
            continue
        if first > at:
            yield admitted.within((at, first - 1))
        at = last + 1
    if at <= end:
        yield admitted.within((at, end))
