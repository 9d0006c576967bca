"""How whatever is looked at on a host comes in, and whether it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roadworthy.cases.base import Case
from roadworthy.facts.host import HostReachAsk, HostReachObservation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target


def there(target: Target, component: Component) -> dict[str, Any]:
    """Fields of an ask that say on which host: `XAsk(**there(target, component), ...)`."""
    assert component.host is not None  # noqa: S101 - the model wants one for blocks of hosts
    return {"host": target.network.vantages[component.host].label, "via": component.host}


class HostReachCase(Case[None, HostReachAsk, HostReachObservation]):
    """The host itself."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[None, HostReachAsk]]:
        """One login, the same for all that is looked at there."""
        if component.host is not None:
            sudo = target.network.vantages[component.host].sudo
            yield None, HostReachAsk(**there(target, component), sudo=sudo)


class SudoCase(HostReachCase):
    """The same, where the target says that sudo is to be used."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[None, HostReachAsk]]:
        """The same ask."""
        for expected, ask in super().looks(target, component):
            if ask.sudo:
                yield expected, ask
