"""Cases of the TLS suite: what a modern client meets, and what a scanner finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.facts.tls import TlsAsk, TlsObservation, TlsScanAsk, TlsScanObservation
from roadworthy.target.blocks.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class TlsCase(Case[Tls, TlsAsk, TlsObservation]):
    """One handshake under the component's own name. Resumption takes two more, where it is promised."""

    block = "tls"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Tls, TlsAsk]]:
        """One handshake, where the component promises anything about TLS."""
        if component.tls is not None:
            host, port = component.endpoint
            resumption = component.tls.resumes is not None
            yield (
                component.tls,
                TlsAsk(host=host, port=port, ca_file=target.network.ca_file, resumption=resumption),
            )


class TlsScanCase(Case[Tls, TlsScanAsk, TlsScanObservation]):
    """One scan under the component's own name."""

    block = "tls"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Tls, TlsScanAsk]]:  # noqa: ARG003 - a case's signature
        """One scan, where the component promises anything about TLS."""
        if component.tls is not None:
            host, port = component.endpoint
            yield component.tls, TlsScanAsk(host=host, port=port)
