"""HTTP servers for the probe's tests, as coroutines for `serve`; few of them behave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events

from roadworthy.facts.http import HttpObservation, Silence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    Look = Callable[..., HttpObservation]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOST = "shop.example"


async def request_of(reader: asyncio.StreamReader) -> list[str]:
    return (await reader.readuntil(b"\r\n\r\n")).decode().rstrip("\r\n").split("\r\n")


def says(*parts: bytes, end: bool = True) -> Talk:
    """Reads a request, sends the parts one by one, and closes or stays."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()

    return talk


def endless(start: bytes, part: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()

    return talk


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    await reader.read()
    await asyncio.Event().wait()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    writer.close()


def h2_says(headers: list[tuple[str, str]], *bodies: bytes, then: bytes = b"") -> Talk:
    """An HTTP/2 server that answers the first request, and may send raw bytes after it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = h2.config.H2Configuration(
            client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    connection.send_headers(event.stream_id, headers, end_stream=not bodies and not then)
                    for left, body in reversed(list(enumerate(reversed(bodies)))):
                        connection.send_data(event.stream_id, body, end_stream=not left and not then)
            writer.write(connection.data_to_send() + then)
            await writer.drain()

    return talk


def redirects(places: dict[str, str]) -> Talk:
    """Redirects as a map of path to location says; anything else is answered."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await request_of(reader))[0].split()[1]
        if location := places.get(path):
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            writer.write(OK)
        await writer.drain()

    return talk


def silence(observation: HttpObservation) -> Silence:
    assert isinstance(observation.result, Silence)
    assert observation.transient
    return observation.result
