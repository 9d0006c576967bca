"""Cases of the TLS suite: what a modern client meets, and what a scanner finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.facts.tls import TlsAsk, TlsObservation, TlsScanAsk, TlsScanObservation
from roadworthy.target.blocks.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roadworthy.target.models import Component, Target


class TlsCase(Case[Tls, TlsAsk, TlsObservation]):
    """One handshake for each kind of key under the component's own name; resumption takes two more where promised."""

    block = "tls"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Tls, TlsAsk]]:
        """One ask, where the component promises anything about TLS."""
        if component.tls is not None:
            yield component.tls, _handshake(target, component)


class TlsScanCase(Case[Tls, TlsScanAsk, TlsScanObservation]):
    """One scan under the component's own name."""

    block = "tls"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Tls, TlsScanAsk]]:
        """One scan, where the component promises anything about TLS."""
        if component.tls is not None:
            yield component.tls, _scan(target, component)


class TlsAdviceCase(Case[Tls, TlsAsk | TlsScanAsk, TlsObservation | TlsScanObservation]):
    """What the other two look at, once more, for what the target says nothing about."""

    block = "tls"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Tls, TlsAsk | TlsScanAsk]]:
        """Both; but MySQL counts handshakes that break off, and locks their client out: no scan for advice alone."""
        if component.tls is not None:
            yield component.tls, _handshake(target, component)
            if component.tls.starttls != "mysql":
                yield component.tls, _scan(target, component)

    @property
    def is_public(self) -> bool:
        """Whether certificates come from authorities that every browser knows."""
        return self.target.network.ca_file is None


def _handshake(target: Target, component: Component) -> TlsAsk:
    """The same for all components of an endpoint, so that it is made once."""
    assert component.tls is not None  # noqa: S101 - those who call looked
    host, port = component.endpoint
    return TlsAsk(
        host=host,
        port=port,
        ca_file=target.network.ca_file,
        starttls=component.tls.starttls,
        resumption=_any(target, component, lambda tls: bool(tls.resumes or tls.session_lifetime)),
        stapling=_any(target, component, lambda tls: tls.stapling is not None),
    )


def _scan(target: Target, component: Component) -> TlsScanAsk:
    """The same for all components of an endpoint, unless they promise several cipher strings."""
    assert component.tls is not None  # noqa: S101 - those who call looked
    host, port = component.endpoint
    return TlsScanAsk(
        host=host,
        port=port,
        starttls=component.tls.starttls,
        groups=_any(target, component, lambda tls: bool(tls.groups or tls.includes_groups)),
        keys=_any(target, component, lambda tls: tls.suites_exact is not None),
        ciphers=component.tls.ciphers,
    )


def _any(target: Target, component: Component, promises: Callable[[Tls], bool]) -> bool:
    """Whether any component of the same endpoint promises something."""
    there = (one for one in target.reached.values() if one.endpoint == component.endpoint)
    return any(one.tls is not None and promises(one.tls) for one in there)
