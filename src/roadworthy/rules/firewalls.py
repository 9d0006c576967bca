"""What a firewall lets in, told from its rules as ufw, nftables and iptables write them.

Each program's words become chains of rules of one kind (`firewalls_rule`), and these are followed for a new connection
from anywhere, to each range of ports that some rule makes a difference for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.firewalls_iptables import from_iptables
from roadworthy.rules.firewalls_nft import from_nft
from roadworthy.rules.firewalls_rule import HIGHEST, PROTOCOLS, Layer, Rule, Span, Who
from roadworthy.rules.firewalls_ufw import from_ufw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roadworthy.facts.firewall import Rules

UFW, FIREWALLD, NFT = "ufw status verbose", "firewall-cmd --state", "nft -j list ruleset"
UFW_CHAIN = "ufw-before-input"
"""Where ufw's own rules begin, in iptables'."""
DEEPEST = 32
MOST_STEPS = 2_000_000
"""Rules that are followed before this is given up: a few seconds."""


@dataclass(frozen=True)
class Admission:
    """Who is let in to a port."""

    everybody: bool
    sources: frozenset[str] = frozenset()
    """Where from, where not everybody is."""
    unsure: tuple[str, ...] = ()
    """Rules that may let in more."""
    barred: tuple[str, ...] = ()
    """Rules that keep everybody out of the port at a part of the host."""


@dataclass(frozen=True)
class Admitted:
    """Ports that are let in alike."""

    family: int
    protocol: str
    ports: Span
    by: Admission

    def within(self, ports: Span) -> Admitted:
        """The same, of some of these ports."""
        return replace(self, ports=ports)

    @property
    def told(self) -> str:
        """As it is promised."""
        first, last = self.ports
        return f"{first}{f'-{last}' if last > first else ''}/{self.protocol}{' over IPv6' if self.family == 6 else ''}"  # noqa: PLR2004


@dataclass(frozen=True)
class Wall:
    """A firewall as it stands."""

    kind: str
    """Whose rules they are: ufw, firewalld, nftables, iptables; empty: there is none."""
    layers: tuple[Layer, ...] = ()
    ipv6: bool = False
    off: str = field(default="", compare=False)
    """What there is instead, where there is none."""

    @property
    def families(self) -> tuple[int, ...]:
        """The versions of IP by which others come."""
        return (4, 6) if self.ipv6 else (4,)

    def admits(self, family: int, protocol: str, port: int | None, steps: _Steps | None = None) -> Admission:
        """Who is let in to a port; None: to one that no rule speaks of."""
        own = steps or _Steps()
        passed = [_passes(layer, family, protocol, port, own) for layer in self.layers if layer.family in (0, family)]
        sources = frozenset(source for one in passed for source in one.sources)
        unsure = tuple(text for one in passed for text in one.unsure)
        if all(one.everybody for one in passed):
            return Admission(everybody=True, barred=tuple(text for one in passed for text in one.barred))
        if any(not (one.everybody or one.sources or one.unsure) for one in passed):
            return Admission(everybody=False)
        return Admission(everybody=False, sources=sources, unsure=unsure)

    def admitted(self, family: int) -> Iterator[Admitted]:
        """All ports to which anybody is let in, in ranges."""
        steps = _Steps()
        for protocol in PROTOCOLS:
            last: Admitted | None = None
            for span in _ranges(self.layers, protocol):
                by = self.admits(family, protocol, span[0], steps)
                if last is not None and last.by == by:
                    last = replace(last, ports=(last.ports[0], span[1]))
                    continue
                if last is not None:
                    yield last
                last = Admitted(family, protocol, span, by)
            if last is not None:
                yield last

    @property
    def blocks(self) -> bool:
        """Whether anything is kept out at all."""
        return any(not one.by.everybody for family in self.families for one in self.admitted(family))


# --- following -------------------------------------------------------------------------------------------------------


@dataclass
class _Steps:
    """How many rules may still be followed."""

    left: int = MOST_STEPS

    def take(self) -> None:
        """One more.

        Raises:
            NotObserved: it takes too long.
        """
        self.left -= 1
        if self.left < 0:
            raise NotObserved(Reason.NOT_APPLICABLE, f"the firewall's rules take more than {MOST_STEPS} steps")


def _ranges(layers: Iterable[Layer], protocol: str) -> list[Span]:
    """Ranges of ports of which no rule parts one."""
    edges = {1, HIGHEST + 1}
    for layer in layers:
        for rule in (rule for chain in _reached(layer) for rule in chain if rule.protocol in ("", protocol)):
            edges |= {edge for first, last in rule.ports or () for edge in (first, last + 1)}
    return [(first, after - 1) for first, after in pairwise(sorted(edge for edge in edges if 1 <= edge <= HIGHEST + 1))]


def _reached(layer: Layer) -> Iterator[tuple[Rule, ...]]:
    """The chains that a connection may come to."""
    waiting, met = [layer.begins], {layer.begins}
    while waiting:
        chain = layer.chains.get(waiting.pop(), ())
        yield chain
        called = {name for rule in chain if (name := rule.does.partition(" ")[2])}
        waiting += called - met
        met |= called


def _passes(layer: Layer, family: int, protocol: str, port: int | None, steps: _Steps) -> Admission:
    walk = _Walk(layer, family, protocol, port, steps)
    end = walk.along(layer.begins, 0) or layer.policy
    if end == "accept":
        return Admission(everybody=True, barred=tuple(walk.barred))
    return Admission(everybody=False, sources=frozenset(walk.sources), unsure=tuple(walk.unsure))


@dataclass
class _Walk:
    """The way of one connection."""

    layer: Layer
    family: int
    protocol: str
    port: int | None
    steps: _Steps
    sources: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    barred: list[str] = field(default_factory=list)

    def along(self, chain: str, depth: int) -> str:
        """How a chain ends for everybody: accept, drop, or empty: it comes back."""
        if depth > DEEPEST or chain not in self.layer.chains:
            raise NotObserved(Reason.NOT_APPLICABLE, f"chain {chain!r} of the firewall can't be followed")
        returned = list[Rule]()
        for rule in self.layer.chains[chain]:
            self.steps.take()
            if not self._is_about(rule):
                continue
            end, is_for_all = self._end(rule, depth), rule.who is Who.ALL
            if end == "return" and (rule.partly or not is_for_all):
                returned.append(rule)
            elif end == "drop" and is_for_all and rule.partly:
                self._keep_out(rule)
            elif end and is_for_all:
                for one in returned if end == "drop" else ():
                    self._let_in(one)
                return end if end != "return" else ""
            elif end == "accept":
                self._let_in(rule)
        return ""

    def _is_about(self, rule: Rule) -> bool:
        if rule.who is Who.NOBODY or rule.family not in (0, self.family) or rule.protocol not in ("", self.protocol):
            return False
        if rule.ports is None:
            return True
        return self.port is not None and any(first <= self.port <= last for first, last in rule.ports)

    def _end(self, rule: Rule, depth: int) -> str:
        how, _, chain = rule.does.partition(" ")
        if how not in ("call", "goto"):
            return how
        if rule.who is Who.ALL:
            return self.along(chain, depth + 1) or ("return" if how == "goto" else "")
        inner = _Walk(self.layer, self.family, self.protocol, self.port, self.steps)
        end = inner.along(chain, depth + 1)
        if end != "accept" and (inner.sources or inner.unsure):  # who fulfils both can't be told from two lists
            self.unsure.append(rule.text)
        return end

    def _keep_out(self, rule: Rule) -> None:
        """Of a part of the host; what is dropped there whatever the port is spoken to others (Docker's own rules)."""
        if rule.ports is not None:
            self.barred.append(rule.text)

    def _let_in(self, rule: Rule) -> None:
        if rule.who is Who.SOME:
            self.sources.extend(rule.sources)
        else:
            self.unsure.append(rule.text)


# --- what it is ------------------------------------------------------------------------------------------------------


def wall_of(seen: Rules) -> Wall:
    """The firewall that the programs' words tell of.

    Raises:
        NotObserved: they can't be read.
    """
    try:
        return _wall_of(seen)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise NotObserved(Reason.NOT_APPLICABLE, f"the firewall's rules can't be read: {error!r}"[:300]) from error


def _wall_of(seen: Rules) -> Wall:
    ufw = seen.said.get(UFW, "")
    layers = [
        from_iptables(text, 6 if command.startswith("ip6") else 4, seen.outside)
        for command, text in seen.said.items()
        if "tables" in command and "-P INPUT" in text
    ]
    if "Status: active" in ufw and any(UFW_CHAIN in layer.chains for layer in layers):
        return Wall("ufw", tuple(layers), seen.ipv6)  # with what others have put before its rules
    if "Status: active" in ufw:
        return Wall("ufw", (from_ufw(ufw, seen.outside),), seen.ipv6 and "(v6)" in ufw)
    of_iptables = {layer.family for layer in layers}
    natively = list(from_nft(seen.said.get(NFT, ""), seen.outside, of_iptables))
    kind = "nftables" if natively else "iptables"
    if seen.said.get(FIREWALLD, "").strip() == "running":
        kind = "firewalld"
    wall = Wall(kind, (*natively, *layers), seen.ipv6)
    return wall if wall.blocks else replace(wall, kind="", off=_instead(seen))


def _instead(seen: Rules) -> str:
    """What there is where nothing is kept out."""
    asked = {command.split()[0].removesuffix("-legacy") for command in seen.said if command not in (UFW, FIREWALLD)}
    told = ["ufw is inactive"] if UFW in seen.said else []
    told += ["firewalld is not running"] if seen.said.get(FIREWALLD, "running").strip() != "running" else []
    told += [f"the rules of {', '.join(sorted(asked))} let everything in"] if asked else []
    return "; ".join(told) or "neither ufw, firewalld, nft nor iptables is there"
