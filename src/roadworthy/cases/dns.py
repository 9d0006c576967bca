"""Cases of the DNS suite: what a name says, how its zone is kept, how it is signed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.facts.base import Ask, Observation
from roadworthy.facts.dns import DnsAsk, DnsObservation, DnssecAsk, DnssecObservation, ZoneAsk, ZoneObservation
from roadworthy.target.blocks.dns import Dns
from roadworthy.target.routes import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class DnsCase(Case[Dns, DnsAsk, DnsObservation]):
    """What a component's name says, at the resolver and at every server of its zone."""

    block = "dns"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Dns, DnsAsk]]:
        """One look, whatever is promised of the name."""
        del target
        if component.dns is not None:
            yield component.dns, _of_name(component, component.dns)


class ZoneCase(Case[Dns, ZoneAsk, ZoneObservation]):
    """How the zone of a component's name is kept."""

    block = "dns"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Dns, ZoneAsk]]:
        """One look, whatever is promised of the zone."""
        del target
        if component.dns is not None:
            yield component.dns, _of_zone(component, component.dns)


class DnssecCase(Case[Dns, DnssecAsk, DnssecObservation]):
    """How the records of a component's name are signed."""

    block = "dns"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Dns, DnssecAsk]]:
        """One look, where signatures are promised."""
        if component.dns is not None and component.dns.dnssec is not None:
            yield component.dns, _of_signatures(target, component)


class DnsAdviceCase(Case[Dns, Ask, Observation]):
    """All that is looked at anyway."""

    block = "dns"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Dns, Ask]]:
        """The looks of the other cases."""
        for kind in (DnsCase, ZoneCase, DnssecCase):
            yield from kind.looks(target, component)


def _of_name(component: Component, promised: Dns) -> DnsAsk:
    host, _ = component.endpoint
    return DnsAsk(
        host=plain_name(host),
        types=("A", "AAAA", "CNAME", *(("TXT",) if promised.txt else ())),
        like=promised.alias_of,
        climbs_caa=bool(promised.caa) or (component.url or "").startswith("https:"),
        stranger=stranger_of(host) if promised.no_wildcard else None,
    )


def _of_zone(component: Component, promised: Dns) -> ZoneAsk:
    return ZoneAsk(
        host=plain_name(component.endpoint[0]),
        recursion=promised.no_open_recursion is True,
        transfer=promised.refuses_transfer is True,
    )


def _of_signatures(target: Target, component: Component) -> DnssecAsk:
    host = plain_name(component.endpoint[0])
    return DnssecAsk(host=host, anchor=target.network.trust_anchor, stranger=stranger_of(host))


def stranger_of(host: str) -> str:
    """A label that nobody has made: always the same for a host, so that a replay asks for the same."""
    return f"nobody-{hashlib.sha256(plain_name(host).encode()).hexdigest()[:12]}"
