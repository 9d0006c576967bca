"""Faults of WebSocket endpoints: the upgrade that is lost on the way, and services that do half of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.faults.fault import fault, fronted, promising

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.sandbox.deployment import Deployment, Page, Service
    from roadworthy.sandbox.faults.fault import Change, Where


def _with_upgrade(deployment: Deployment) -> Iterable[str]:
    """Components whose endpoint is behind nginx."""
    return fronted(promising("websocket"))(deployment)


def _upgrade_lost(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_front(component, lambda front: replace(front, edge=replace(front.edge, upgrades=())))


def _served(key: str) -> Where:
    """Components that promise something, and whose own service has the endpoint."""
    return lambda deployment: (name for name in promising(key)(deployment) if deployment.services_of(name))


def _endpoint(**changes: Any) -> Change:
    def page(held: Page) -> Page:
        return replace(held, socket=replace(held.socket, **changes)) if held.socket else held

    def service(held: Service) -> Service:
        return replace(held, pages=tuple(map(page, held.pages)))

    return lambda deployment, component: deployment.with_services(component, service)


FAULTS = (
    fault(
        "websocket-upgrade-lost",
        "The gateway does not pass the upgrade on.",
        "WS-HANDSHAKE",
        where=_with_upgrade,
        change=_upgrade_lost,
    ),
    fault(
        "websocket-refused",
        "The service refuses every handshake.",
        "WS-HANDSHAKE",
        where=_served("websocket"),
        change=_endpoint(opens=False),
    ),
    fault(
        "websocket-wrong-accept",
        "Something answers 101 that has not read the key: a gateway's fixed answer.",
        "WS-HANDSHAKE",
        where=_served("websocket"),
        change=_endpoint(accepts_wrongly=True),
    ),
    fault(
        "websocket-no-pong",
        "The service does not answer pings.",
        "WS-PING",
        where=_served("websocket.pings"),
        change=_endpoint(pongs=False),
    ),
    fault(
        "websocket-mute",
        "The service answers pings, and no message.",
        "WS-ECHO",
        where=_served("websocket.sends"),
        change=_endpoint(replies=False, greets=None),
    ),
    fault(
        "websocket-other-subprotocol",
        "The service agrees on no subprotocol.",
        "WS-SUBPROTOCOL",
        where=_served("websocket.subprotocol"),
        change=_endpoint(subprotocols=()),
    ),
    fault(
        "websocket-no-close",
        "The service drops the connection where it should close it.",
        "WS-CLOSE",
        where=_served("websocket.closes"),
        change=_endpoint(closes=False),
    ),
    fault(
        "websocket-any-origin",
        "The service lets pages of any origin connect.",
        "WS-ORIGIN",
        where=_served("websocket.origins"),
        change=_endpoint(origins=()),
    ),
)
