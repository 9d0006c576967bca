"""Makes a sandbox's name servers be where DNS says that they are: port 53 of their published addresses.

Only inside a network namespace of our own, whose loopback interface is given those addresses.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Place = tuple[str, int]


def add_address(ip: str) -> None:
    """Gives the loopback interface an address."""
    subprocess.run(["ip", "address", "add", f"{ip}/32", "dev", "lo"], check=False, capture_output=True)


class _Datagrams(asyncio.DatagramProtocol):
    """Passes each datagram on from a socket of its own, and its answer back."""

    def __init__(self, behind: Place) -> None:
        self.behind = behind

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Place) -> None:
        asyncio.get_running_loop().create_task(self._pass(data, address))

    async def _pass(self, data: bytes, address: Place) -> None:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bytes] = loop.create_future()

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, _address: Place) -> None:
                if not answered.done():
                    answered.set_result(data)

        transport, _ = await loop.create_datagram_endpoint(Back, remote_addr=self.behind)
        transport.sendto(data)
        try:
            self.transport.sendto(await asyncio.wait_for(answered, 5), address)  # type: ignore[attr-defined]
        except TimeoutError:
            return
        finally:
            transport.close()


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: Place) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_connection(*behind)
    except OSError:
        writer.close()
        return

    async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer), return_exceptions=True)


@contextmanager
def forwarding(places: Mapping[Place, Place]) -> Iterator[None]:
    """While it is entered, each place answers with what another one says, over UDP and TCP."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> None:
        for place, behind in places.items():
            await loop.create_datagram_endpoint(lambda behind=behind: _Datagrams(behind), local_addr=place)
            await asyncio.start_server(lambda r, w, behind=behind: _stream(r, w, behind), *place)
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("no forwarding")
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
