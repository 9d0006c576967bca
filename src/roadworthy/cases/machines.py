"""Cases of the host suite: the machine itself, who listens on it, and its firewall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.firewall import FirewallAsk, FirewallObservation
from roadworthy.facts.host import HostReachAsk, HostReachObservation
from roadworthy.facts.listening import ListeningAsk, ListeningObservation
from roadworthy.facts.system import SystemAsk, SystemObservation
from roadworthy.target.blocks.firewall import Firewall
from roadworthy.target.blocks.listening import Listening
from roadworthy.target.blocks.system import System

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class SystemCase(Case[System, SystemAsk, SystemObservation]):
    """The machine itself."""

    block = "system"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[System, SystemAsk]]:
        """One look at all that is promised."""
        promised = component.system
        if promised is not None:
            yield (
                promised,
                SystemAsk(
                    **there(target, component),
                    disks=tuple(promised.disks or ()),
                    programs=tuple(promised.versions or ()),
                    clock=promised.clock_synchronised is not None,
                    reboot=promised.no_reboot_due is not None,
                    updates=promised.security_updates is not None,
                ),
            )


class SkewCase(Case[System, HostReachAsk, HostReachObservation]):
    """The machine's clock against ours, as the first login told it."""

    block = "system"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[System, HostReachAsk]]:
        """The ask of the host itself."""
        if component.system is not None and component.host is not None:
            sudo = target.network.vantages[component.host].sudo
            yield component.system, HostReachAsk(**there(target, component), sudo=sudo)


class ListeningCase(Case[Listening, ListeningAsk, ListeningObservation]):
    """Who listens."""

    block = "listening"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Listening, ListeningAsk]]:
        """One look."""
        if component.listening is not None:
            yield component.listening, ListeningAsk(**there(target, component))


class FirewallCase(Case[Firewall, FirewallAsk, FirewallObservation]):
    """The firewall, and what bans intruders."""

    block = "firewall"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Firewall, FirewallAsk]]:
        """One look at what is promised of either."""
        promised = component.firewall
        if promised is not None:
            of_rules = (promised.active, promised.default_deny, promised.open, promised.networks)
            yield (
                promised,
                FirewallAsk(
                    **there(target, component),
                    rules=any(one is not None for one in of_rules),
                    bans=promised.bans is not None or promised.jails is not None,
                ),
            )
