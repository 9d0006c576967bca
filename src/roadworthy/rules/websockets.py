"""WebSocket (RFC 6455): the handshake, and who is let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from roadworthy.facts.websocket import WebsocketObservation

_NOT_FOUND, _UPGRADE_REQUIRED, _FIRST_ERROR, _FIRST_SERVER_ERROR = 404, 426, 400, 500


def handshake_faults(seen: WebsocketObservation) -> list[str]:
    """What kept a connection from being opened, and what that usually means."""
    if seen.opened:
        return [f"{seen}"] if seen.broke and "protocol" in seen.broke else []
    if seen.status is None:
        return [str(seen)]
    if seen.status == _UPGRADE_REQUIRED or (seen.status < _FIRST_ERROR and seen.refused is None):
        return [f"{seen}; the request for an upgrade did not get there"]
    return [str(seen)]


def echo_faults(seen: WebsocketObservation, awaited: str) -> list[str]:
    """Whether a message came that holds what is awaited."""
    if any(awaited in message for message in seen.messages):
        return []
    if seen.broke:
        return [f"the connection {seen.broke}"]
    if seen.closed_first:
        return [f"it was closed with {seen.closed}{f' ({seen.reason})' if seen.reason else ''} instead"]
    if seen.messages:
        return [f"{awaited!r} did not come; what came: {', '.join(repr(m[:60]) for m in seen.messages[:3])}"]
    return ["no message came"]


def stranger_faults(seen: WebsocketObservation, origin: str) -> list[str]:
    """Whether a page of an origin that is not promised was let in.

    It is refused by an error, or by a connection that is closed at once: then too nothing was said to it.

    Raises:
        NotObserved: it can't be told from a service that is not there.
    """
    if seen.opened:
        at_once = seen.ponged_s is None and not seen.messages and (seen.closed_first or seen.broke is not None)
        return [] if at_once else [f"{origin} may connect"]
    if seen.status is not None and _FIRST_ERROR <= seen.status < _FIRST_SERVER_ERROR and seen.status != _NOT_FOUND:
        return []
    raise NotObserved(Reason.NO_ANSWER, str(seen))
