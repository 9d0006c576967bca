"""Which ports were open that must not be, and from where that was seen."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from roadworthy.facts.ports import PortState
from roadworthy.target.blocks.exposure import SERVICES

if TYPE_CHECKING:
    from roadworthy.facts.ports import PortsObservation

_NAMES = {port: service for service, port in SERVICES.items()}


def port_faults(seen: PortsObservation, address: str) -> list[str]:
    """Ports that took a connection; one text, as they were seen from one place."""
    opened = [
        f"{port} ({_NAMES[port]})" if port in _NAMES else str(port)
        for port, state in seen.states.items()
        if state is PortState.OPEN
    ]
    if not opened:
        return []
    return [f"{', '.join(opened)} {'takes' if len(opened) == 1 else 'take'} connections{_vantage(seen, address)}"]


def _vantage(seen: PortsObservation, address: str) -> str:
    """From where, in words: what is open to a neighbour may be closed to strangers."""
    if not seen.seen_from:
        return ""
    inside = ip_address(seen.seen_from).is_private
    target = address.rpartition(":")[0].strip("[]")
    if seen.seen_from == target:
        return f" from the machine itself ({seen.seen_from})"
    return f" from {seen.seen_from}" + (", which is inside a private network" if inside else "")
