"""Servers that are no PostgreSQL, or one that is not well: each ends within its time, and says what it is."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.store import Purpose, StoreEnd
from roadworthy.probes.database import observe
from roadworthy.probes.postgresql_wire import last_error, parse_error
from tests.probes.postgresql_servers import ask_of, free_port

if TYPE_CHECKING:
    from roadworthy.facts.database import DatabaseObservation
    from roadworthy.probes.bench import Bench
    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

pytestmark = pytest.mark.real

WISH = struct.pack("!I", 80877103)
PURPOSES = (Purpose.HELLO, Purpose.PLAIN, Purpose.SESSION)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def error(code: str, words: str) -> bytes:
    return message(b"E", f"SFATAL\0VFATAL\0C{code}\0M{words}\0\0".encode())


LET_IN = message(b"R", struct.pack("!I", 0)) + message(b"Z", b"I")


def answering(*answers: bytes, stays: bool = False) -> Talk:
    """Says no to TLS, then what is given, one for each thing that it is told."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1024)
        if first[4:8] == WISH:
            writer.write(b"N")
            await reader.read(1024)
        for number, answer in enumerate(answers):
            if number:
                await reader.read(1024)
            writer.write(answer)
            await writer.drain()
        if stays:
            await asyncio.Event().wait()

    return talk


def saying(words: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(words)
        await writer.drain()

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - a talk
    await asyncio.Event().wait()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Leaves at once."""


async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if (await reader.read(1024))[4:8] == WISH:
        writer.write(b"N")
        await reader.read(1024)
    notice = message(b"N", b"SNOTICE\0C00000\0M" + b"x" * 20000 + b"\0\0")
    while True:
        writer.write(notice)
        await writer.drain()


def look(serve: Serve, bench: Bench, talk: Talk, purpose: Purpose) -> DatabaseObservation:
    async def meet() -> DatabaseObservation:
        async with serve(talk) as address, bench.exits:
            started = time.monotonic()
            seen = await observe(ask_of(purpose=purpose), address, bench)
            assert time.monotonic() - started < bench.patience_s * 2 + 1.5
            assert len(asyncio.all_tasks()) <= 3  # this one, and the server's
            return seen

    return asyncio.run(meet())


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(
    ("talk", "end"),
    [
        (closing, StoreEnd.CLOSED),
        (silent, StoreEnd.SILENT),
        (answering(stays=True), StoreEnd.SILENT),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), StoreEnd.GARBLED),
        (saying(b"-ERR unknown command\r\n"), StoreEnd.GARBLED),
        (saying(b"\x4a\0\0\0\x0a8.0.35\0"), StoreEnd.GARBLED),
        (flooding, StoreEnd.GARBLED),
        (answering(error("57P03", "the database system is starting up")), StoreEnd.NOT_READY),
        (answering(error("53300", "sorry, too many clients already")), StoreEnd.NOT_READY),
        (answering(error("08P01", "server login failed: no such user")), StoreEnd.NOT_READY),
    ],
    ids=["closes", "silent", "silent later", "http", "redis", "mysql", "flood", "starting", "full", "pooler"],
)
def test_what_is_no_well_server_has_its_own_word(
    serve: Serve, bench: Bench, talk: Talk, end: StoreEnd, purpose: Purpose
) -> None:
    seen = look(serve, bench, talk, purpose)
    assert seen.session is None
    assert seen.broke is not None
    assert seen.broke.end is end, seen.broke
    assert "app-pw" not in seen.model_dump_json()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_pooler_that_knows_no_such_database_refuses(serve: Serve, bench: Bench, purpose: Purpose) -> None:
    seen = look(serve, bench, answering(error("08P01", "no such database: shop")), purpose)
    assert seen.broke is None
    assert seen.refused is not None
    assert seen.refused.told == "08P01 no such database: shop"


def test_a_server_that_lets_in_and_says_nothing_more_is_silent(serve: Serve, bench: Bench) -> None:
    seen = look(serve, bench, answering(LET_IN, stays=True), Purpose.SESSION)
    assert seen.tried
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.SILENT


def test_a_server_that_wants_tls_and_speaks_none(serve: Serve, bench: Bench) -> None:
    for talk in (saying(b"S"), saying(b"Sand more")):
        seen = look(serve, bench, talk, Purpose.HELLO)
        assert seen.broke is not None
        assert seen.broke.end in (StoreEnd.NO_TLS, StoreEnd.GARBLED)
        assert not seen.offers_tls


def test_a_look_that_is_cancelled_ends_at_once(serve: Serve, bench: Bench) -> None:
    async def meet() -> float:
        async with serve(answering(LET_IN, stays=True)) as address, bench.exits:
            task = asyncio.create_task(observe(ask_of(), address, bench))
            await asyncio.sleep(0.2)
            started = time.monotonic()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            assert len(asyncio.all_tasks()) <= 3
            return time.monotonic() - started

    assert asyncio.run(meet()) < 0.8


def test_nobody_listens(bench: Bench) -> None:
    from roadworthy.probes.bench import Address  # noqa: PLC0415 - here alone

    async def meet() -> DatabaseObservation:
        async with bench.exits:
            return await observe(ask_of(), Address("127.0.0.1", free_port()), bench)

    seen = asyncio.run(meet())
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.REFUSED


def test_the_last_error_is_found_in_the_last_bytes() -> None:
    tail = b"EEEE" + LET_IN + error("28P01", "password authentication failed")
    found = last_error(tail)
    assert found is not None
    assert (found.code, found.message) == ("28P01", "password authentication failed")
    assert last_error(tail + b"E") is None
    assert last_error(b"") is None
    assert parse_error(b"\xff\xfe").told == ""
