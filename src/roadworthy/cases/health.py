"""Cases of the health suite: the name, the port, and the question that a component answers when it is well."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar

from roadworthy.cases.base import Case
from roadworthy.facts.base import Lane, NotObserved, Reason
from roadworthy.facts.http import Answer, HttpAsk, HttpObservation, Silence
from roadworthy.facts.name import NameAsk, NameObservation
from roadworthy.facts.tcp import TcpAsk, TcpObservation
from roadworthy.rules.answers import told
from roadworthy.target.blocks.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target


class NameCase(Case[None, NameAsk, NameObservation]):
    """The name that a component is reached by; an address needs no look-up."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[None, NameAsk]]:
        """One look-up, unless the component is given by its address, is looked up elsewhere, or is no server."""
        del target
        if component.host is not None:
            return
        host, port = component.endpoint
        if component.domain is None and component.via is None and not _is_address(host):
            yield None, NameAsk(host=host, port=port)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class PortCase(Case[None, TcpAsk, TcpObservation]):
    """The port that a component listens on."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[None, TcpAsk]]:
        """One connection to every address; a domain has no port."""
        if component.host is not None:
            return
        host, port = component.endpoint
        if component.domain is None and not _tells_by_talking(target, component):
            yield None, TcpAsk(host=host, port=port, via=component.via)


def _tells_by_talking(target: Target, component: Component) -> bool:
    """Whether a command connects, which seldom says that it is connected, and the store's own answers say so."""
    vantage = target.network.vantages[component.via] if component.via is not None else None
    return vantage is not None and vantage.command is not None and bool(component.database or component.cache)


class HealthCase(Case[Health, HttpAsk, HttpObservation]):
    """One health question, asked while little else runs where its time is judged."""

    block: ClassVar[str | None] = "health"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Health, HttpAsk]]:
        """Each question once, whatever is promised of its answer."""
        del target
        for health in component.health or ():
            lane = Lane.QUIET if health.within else Lane.NORMAL
            yield health, HttpAsk.of(component.url_of(health.path), lane=lane)

    @property
    def status(self) -> int | None:
        """The answer's status; None where there was no answer."""
        return None if isinstance(self.seen.result, Silence) else self.seen.result.status

    @property
    def told(self) -> str:
        """The answer in a few words."""
        return told(self.seen.result)

    @property
    def answer(self) -> Answer:
        """The answer with the promised status; another one's body and time say nothing of health.

        Raises:
            NotObserved: there was no answer, or one with another status.
        """
        if self.seen.answer.status != self.expected.status:
            raise NotObserved(Reason.NOT_APPLICABLE, f"answered {self.told}")
        return self.seen.answer
