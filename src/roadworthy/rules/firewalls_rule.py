"""A firewall's rule as a value, whichever program wrote it.

What a rule asks of a connection is one of four:

ALL      whoever comes from outside fulfils it
SOME     it depends on where from: an address
NOBODY   no new connection from outside does: loopback, answers, other interfaces
UNSURE   it can't be told: a list in the kernel, a match of which nothing is known here
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Span = tuple[int, int]
"""Ports: first, last."""

HIGHEST = 65535
PROTOCOLS = ("tcp", "udp")
NUMBERS = {"6": "tcp", "17": "udp"}
DHCP = (("67", "68"), ("547", "546"))
"""Source and destination of what a DHCP server answers."""


class Who(Enum):
    """Who of those that come from outside fulfils a rule."""

    ALL = "all"
    SOME = "some"
    NOBODY = "nobody"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Rule:
    """One rule: whom it is about, and what it does: accept, drop, return, call NAME, goto NAME, or nothing."""

    does: str = ""
    protocol: str = ""
    """tcp, udp, something else; empty: any."""
    ports: tuple[Span, ...] | None = None
    """None: any."""
    who: Who = Who.ALL
    sources: tuple[str, ...] = ()
    family: int = 0
    """4, 6; 0: both."""
    partly: bool = False
    """It is about one of our addresses or interfaces: others of them it keeps nobody out of."""
    text: str = ""

    def asking(self, who: Who, *sources: str) -> Rule:
        """The same, with one more thing asked: the strictest counts."""
        order = (Who.ALL, Who.SOME, Who.UNSURE, Who.NOBODY)
        return replace(self, who=max(self.who, who, key=order.index), sources=(*self.sources, *sources))

    def through(self, interfaces: Iterable[str], outside: tuple[str, ...], *, negated: bool = False) -> Rule:
        """The same, of what comes through one of some interfaces, or through none of them."""
        named = set(interfaces)
        if not outside:
            beside = replace(self, partly=True) if named != {"lo"} else self
            return self.asking(Who.NOBODY) if named == {"lo"} and not negated else beside
        whos = [any(through(name, (one,)) is Who.ALL for name in named) is not negated for one in outside]
        if not any(whos):
            return self.asking(Who.NOBODY)
        return self if all(whos) else replace(self, partly=True)

    def to(self, who: Who) -> Rule:
        """The same, of what speaks to an address of ours."""
        return replace(self.asking(who), partly=True)


@dataclass(frozen=True)
class Layer:
    """One place that a connection has to pass: its chains, where it begins, and what happens at the end."""

    chains: dict[str, tuple[Rule, ...]]
    begins: str
    policy: str
    family: int = 0


def spans(text: str, between: str = ":") -> tuple[Span, ...]:
    """`80,443,6000:6007`."""
    found = []
    for one in text.split(","):
        first, _, last = one.partition(between)
        found.append((int(first or 0), int(last or (HIGHEST if between in one else first))))
    return tuple(found)


def others(spans: Iterable[Span]) -> tuple[Span, ...]:
    """All other ports."""
    left, at = [], 0
    for first, last in sorted(spans):
        if first > at:
            left.append((at, first - 1))
        at = max(at, last + 1)
    return (*left, (at, HIGHEST)) if at <= HIGHEST else tuple(left)


def through(interface: str, outside: tuple[str, ...]) -> Who:
    """Who comes through an interface: all, where others' connections come through it."""
    if interface == "lo":
        return Who.NOBODY
    if not outside:
        return Who.ALL
    stem = interface.rstrip("+*")
    is_it = any(one == interface or (stem != interface and one.startswith(stem)) for one in outside)
    return Who.ALL if is_it else Who.NOBODY


def from_address(text: str) -> tuple[Who, str]:
    """Who comes from a network."""
    network = ipaddress.ip_network(text, strict=False)
    if network.prefixlen == 0:
        return Who.ALL, text
    return (Who.NOBODY if network.is_loopback else Who.SOME), str(network)


def to_address(text: str) -> Who:
    """Who speaks to an address of ours: nobody from outside to those that no router passes on."""
    network = ipaddress.ip_network(text, strict=False)
    beyond = network.is_loopback or network.is_multicast or network.is_link_local or text.startswith("255.255.255.255")
    return Who.NOBODY if beyond and network.prefixlen else Who.ALL
