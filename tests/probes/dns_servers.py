"""Name servers on loopback: every address answers as it is told to, and may be told otherwise, however hostile."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from roadworthy.probes.bench import Bench
from roadworthy.sandbox.names import anchor, replies
from roadworthy.sandbox.zones import NameServer, Naming, Record, Signing, Zone
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    Answer = Callable[[bytes, bool], bytes | Iterable[bytes] | None]
    """The query and whether it came over TCP, to what is sent back; several datagrams, or nothing."""

HOST, ZONE = "www.shop.test", "shop.test"


@dataclass
class Desk:
    """One address, over UDP and TCP, and what it was asked."""

    address: tuple[str, int]
    answer: Answer = lambda _wire, _tcp: None
    asked: list[bytes] = field(default_factory=list)

    def __call__(self, wire: bytes, *, over_tcp: bool) -> list[bytes]:
        self.asked.append(wire)
        sent = self.answer(wire, over_tcp)
        return [sent] if isinstance(sent, bytes) else list(sent or ())


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for wire in self.desk(data, over_tcp=False):
            self.transport.sendto(wire, addr)


def nobodys() -> str:
    """An address of loopback on which nobody else listens, by UDP or TCP."""
    return ".".join(("127", *(str(random.randint(128, 254)) for _ in range(3))))  # noqa: S311 - no secret


@asynccontextmanager
async def desks(number: int, *, without_tcp: Iterable[int] = ()) -> AsyncIterator[list[Desk]]:
    """So many addresses; some of them refuse TCP."""
    loop = asyncio.get_running_loop()
    found: list[Desk] = []
    closing: list[Any] = []
    waiting: set[asyncio.Task[None]] = set()

    def stream(desk: Desk) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], asyncio.Future[None]]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            waiting.add(task)
            with suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                size = int.from_bytes(await reader.readexactly(2), "big")
                for wire in desk(await reader.readexactly(size), over_tcp=True):
                    writer.write(len(wire).to_bytes(2, "big") + wire)
                    await writer.drain()
                await reader.read()
            writer.transport.abort()

        return talk  # type: ignore[return-value]

    for at in range(number):
        held = socket.socket()
        held.bind((nobodys(), 0))
        desk = Desk(held.getsockname())
        found.append(desk)
        transport, _ = await loop.create_datagram_endpoint(partial(_Datagrams, desk), local_addr=desk.address)
        refuses = at in without_tcp  # bound alone, the port refuses connections
        closing += [transport, held if refuses else await asyncio.start_server(stream(desk), sock=held)]
    try:
        yield found
    finally:
        for one in closing:
            one.close()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@dataclass
class Ground:
    """A resolver, a root and two servers of one zone."""

    resolver: Desk
    root: Desk
    first: Desk
    second: Desk
    naming: Naming
    bench: Bench
    anchor: Path


def zone_at(first: Desk, second: Desk) -> Zone:
    return Zone(
        ZONE,
        (
            Record(HOST, "A", "192.0.2.1"),
            Record(HOST, "A", "192.0.2.2"),
            Record(HOST, "AAAA", "2001:db8::1"),
            Record(HOST, "TXT", '"verify=1"'),
            Record("alias.shop.test", "CNAME", f"{HOST}."),
            Record("loop.shop.test", "CNAME", "loop2.shop.test."),
            Record("loop2.shop.test", "CNAME", "loop.shop.test."),
            *(Record("big.shop.test", "TXT", f'"{number:0250}"') for number in range(200)),
            Record(ZONE, "CAA", '0 issue "letsencrypt.org"'),
            Record("ns1.shop.test", "A", "192.0.2.53"),
            Record("ns2.shop.test", "A", "198.51.100.53"),
        ),
        (
            NameServer("ns1.shop.test", ("192.0.2.53",), first.address),
            NameServer("ns2.shop.test", ("198.51.100.53",), second.address),
        ),
        signing=Signing(),
    )


@asynccontextmanager
async def ground(folder: Path, *, patience_s: float = 0.4, without_tcp: Iterable[int] = ()) -> AsyncIterator[Ground]:
    """A healthy, signed zone and all that leads to it; every name server is reached by `connect_to` alone."""
    async with desks(4, without_tcp=without_tcp) as (resolver, root, first, second):
        naming = Naming(
            resolver.address,
            (
                Zone("", (), (NameServer("ns.rootserver", (), root.address),)),
                zone_at(first, second),
                Zone("rootserver", (Record("ns.rootserver", "A", "192.0.2.77"),)),
            ),
            "seed",
        )
        for desk, answer in zip((resolver, root, first, second), replies(naming).values(), strict=True):
            desk.answer = lambda wire, tcp, answer=answer: answer(wire, over_tcp=tcp)  # type: ignore[misc]
        trusted = folder / "anchor.txt"
        trusted.write_text(anchor(naming))
        network = Network(resolver="{}:{}".format(*resolver.address), connect_to=naming.routes)
        bench = Bench(network, "roadworthy-tests", patience_s)
        async with bench.exits:
            yield Ground(resolver, root, first, second, naming, bench, trusted)
