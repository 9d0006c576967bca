"""Ports: connects to each of a list, a few at a time, and says nothing."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.name import NameState
from roadworthy.facts.ports import PortsObservation, PortState
from roadworthy.probes.bench import Address
from roadworthy.probes.name import addresses_of
from roadworthy.probes.tcp import close, connect
from roadworthy.target.routes import routed

if TYPE_CHECKING:
    from roadworthy.facts.ports import PortsAsk
    from roadworthy.probes.bench import Bench

AT_ONCE = 4
MOST_PATIENCE_S = 4.0
"""Long enough for a lost SYN to be sent twice more (RFC 6298 section 2: after 1 s, and after 2 s)."""


async def observe(ask: PortsAsk, address: Address, bench: Bench) -> PortsObservation:
    """Tries each port once.

    Raises:
        NotObserved: it can't be told where a port is, or who knows it failed.
    """
    observed_at = datetime.now(UTC)
    gate = asyncio.Semaphore(AT_ONCE)
    patience_s = min(bench.patience_s, MOST_PATIENCE_S)

    async def state(port: int) -> PortState:
        there = address if port == ask.port else await _place_of(ask, port, address, bench)
        async with gate:
            return await _state(there, patience_s)

    own, *states = await asyncio.gather(state(ask.port), *(state(port) for port in ask.ports))
    return PortsObservation(
        observed_at=observed_at,
        states=dict(zip(ask.ports, states, strict=True)),
        own=own,
        seen_from=_own_address(address),
    )


async def _place_of(ask: PortsAsk, port: int, address: Address, bench: Bench) -> Address:
    """Where to meet a port of the same machine: the same ip, or the same position in what `connect_to` says."""
    if not routed(bench.network.connect_to, ask.host, port):
        return Address(address.ip, port)
    found, _ = await addresses_of(ask.host, port, bench)
    if isinstance(found, NameState):
        raise NotObserved(Reason.NO_ADDRESS, f"connect_to leads port {port} to a name without an address")
    same = [other for other in found if other.ip == address.ip]
    if same or len(found) == 1:
        return (same or found)[0]
    own, _ = await addresses_of(ask.host, ask.port, bench)
    position = own.index(address) if isinstance(own, list) and address in own else 0
    return found[min(position, len(found) - 1)]


async def _state(address: Address, patience_s: float) -> PortState:
    try:
        async with asyncio.timeout(patience_s):
            _, writer = await connect(address)
    except TimeoutError:
        return PortState.SILENT
    except ConnectionError:
        return PortState.REFUSED
    except NotObserved:
        return PortState.UNREACHABLE
    close(writer)
    return PortState.OPEN


def _own_address(address: Address) -> str:
    """The address of this machine that the way there begins at; nothing is sent to find it."""
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as end:
        end.connect((address.ip, address.port))
        return str(end.getsockname()[0])
    return ""
