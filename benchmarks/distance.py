"""Puts a distance between a benchmark and the servers on loopback: `python distance.py ROUND_TRIP_S`.

Reads a JSON list of [address, port] from stdin, listens on a port of its own for each, tells these ports as a JSON list
on stdout, and forwards until stdin ends. Every byte takes half a round trip, each way; the first one of a connection a
whole one more, for TCP's own handshake, which the kernel answers at once here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from functools import partial


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late_s: float, first_s: float) -> None:
    """One direction of a connection: what comes in goes out so much later, and no sooner than that after the start."""
    loop = asyncio.get_running_loop()
    way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    not_before = loop.time() + first_s

    async def leave() -> None:
        data = b"-"
        while data:
            due, data = await way.get()
            await asyncio.sleep(due - loop.time())
            if data:
                writer.write(data)
                await writer.drain()
        writer.close()

    leaving = asyncio.create_task(leave())
    data = b"-"
    while data:
        try:
            data = await reader.read(65536)
        except ConnectionError:
            data = b""
        way.put_nowait((max(loop.time(), not_before) + late_s, data))
    with suppress(ConnectionError):
        await leaving


async def forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: tuple[str, int], trip_s: float
) -> None:
    """One connection."""
    there_reader, there_writer = await asyncio.open_connection(*place)
    await asyncio.gather(
        carry(reader, there_writer, trip_s / 2, trip_s),
        carry(there_reader, writer, trip_s / 2, 0),
    )


async def main(trip_s: float) -> None:
    """Serves until stdin ends."""
    loop = asyncio.get_running_loop()
    places = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    servers = [
        await asyncio.start_server(partial(forward, place=(ip, port), trip_s=trip_s), "127.0.0.1", 0, backlog=512)
        for ip, port in places
    ]
    sys.stdout.write(json.dumps([server.sockets[0].getsockname()[1] for server in servers]) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
