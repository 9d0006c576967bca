"""TCP: does an address accept connections."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.tcp import TcpObservation, TcpState

if TYPE_CHECKING:
    from roadworthy.facts.tcp import TcpAsk
    from roadworthy.probes.bench import Address, Bench

NO_ROUTE = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.EHOSTDOWN,
        errno.EADDRNOTAVAIL,  # no address of our own of that family, or no free port
        errno.EAFNOSUPPORT,
        errno.EACCES,
        errno.EPERM,  # a packet filter of this machine
    }
)
"""Errors that tell of the way there, or of this machine, and nothing about the peer."""


async def observe(ask: TcpAsk, address: Address, bench: Bench) -> TcpObservation:
    """Connects once, and closes.

    Raises:
        NotObserved: there is no route from here, or the vantage point failed.
    """
    if ask.via is not None:
        return await _from_afar(ask, address, bench)
    observed_at, started = datetime.now(UTC), time.perf_counter()
    try:
        async with asyncio.timeout(bench.patience_s):
            _, writer = await connect(address)
    except TimeoutError:
        state = TcpState.SILENT
    except ConnectionError:
        state = TcpState.REFUSED
    else:
        state = TcpState.OPEN
    connect_s = time.perf_counter() - started
    if state is TcpState.OPEN:
        close(writer)
    return TcpObservation(observed_at=observed_at, state=state, connect_s=round(connect_s, 6))


async def _from_afar(ask: TcpAsk, address: Address, bench: Bench) -> TcpObservation:
    from roadworthy.facts.store import StoreEnd  # noqa: PLC0415 - few targets have vantage points
    from roadworthy.probes.way import Ended, knock  # noqa: PLC0415 - as above, and it imports this module

    observed_at, started, state = datetime.now(UTC), time.perf_counter(), TcpState.OPEN
    try:
        await knock(ask, address, bench)
    except Ended as ended:
        state = TcpState.SILENT if ended.broke.end is StoreEnd.SILENT else TcpState.REFUSED
    return TcpObservation(observed_at=observed_at, state=state, connect_s=round(time.perf_counter() - started, 6))


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to one address.

    Raises:
        NotObserved: there is no route from here.
        ConnectionError: it was refused.
        TimeoutError: the kernel gave up waiting.
    """
    try:
        reader, writer = await asyncio.open_connection(address.ip, address.port)
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        if error.errno in NO_ROUTE:
            raise NotObserved(Reason.UNREACHABLE, f"{address}: {os.strerror(error.errno)}") from error
        raise
    if meets_itself(writer):
        close(writer)
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"connected to itself at {address}")
    return reader, writer


def meets_itself(writer: asyncio.StreamWriter) -> bool:
    """Whether nobody listens, and the kernel chose the very port that was asked as our own (a TCP self-connection)."""
    return bool(writer.get_extra_info("sockname") == writer.get_extra_info("peername"))


def close(writer: asyncio.StreamWriter) -> None:
    """Ends a connection at once, waiting for nobody: a peer may never close, a TLS handshake may hang half-way."""
    writer.transport.abort()
