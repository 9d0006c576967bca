from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.suites import codes
from roadworthy.probes.tls_hello import (
    BAD_SIZES,
    LONGEST_RECORD,
    MOST_BYTES,
    NAMES,
    Alert,
    Closed,
    Met,
    NotTls,
    ServerHello,
    Silence,
    Ssl2Hello,
    ask,
    client_hello,
    read_answer,
    ssl2_hello,
)
from tests.probes.undead import alert, offered, server_hello, ssl2_server_hello

if TYPE_CHECKING:
    from tests.probes.conftest import Serve, Talk

VERSIONS = st.sampled_from(sorted(NAMES.values()))
SUITES = st.lists(st.integers(1, 0xFFFE), min_size=1, max_size=120, unique=True)
HOSTS = st.none() | st.just("api.shop.example")
HELLO = server_hello("1.2", 0xC02F, extensions=[(23, b""), (0xFF01, b"\0")])


@given(VERSIONS, SUITES, HOSTS)
def test_a_client_hello_says_how_long_it_is(version: str, suites: list[int], host: str | None) -> None:
    hello = client_hello(version, suites, host=host)
    kind, record, length = struct.unpack_from(">BHH", hello)
    assert (kind, record >> 8, length) == (22, 3, len(hello) - 5)
    assert (hello[5], int.from_bytes(hello[6:9], "big")) == (1, len(hello) - 9)
    assert offered(hello)[1][: len(suites)] == suites
    if version != "SSL3":
        assert len(hello) - 5 not in BAD_SIZES


def test_a_client_hello_of_ssl3_has_no_extensions() -> None:
    assert client_hello("SSL3", [4], host="api.shop.example").endswith(b"\0\4\0\4\0\xff\2\1\0")


def test_protocols_are_offered_by_name() -> None:
    hello = client_hello("1.2", [0x2F], protocols=("h2", "http/1.1"))
    assert b"\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1" in hello


def test_falling_back_is_said_by_a_suite() -> None:
    assert offered(client_hello("1.0", [0x2F], fallback=True)) == (0x0301, [0x2F, 0x5600])


@given(st.binary(max_size=600), st.booleans(), st.booleans())
def test_any_bytes_are_an_answer_or_wait_for_more(data: bytes, ssl2: bool, with_group: bool) -> None:  # noqa: FBT001
    answer = read_answer(data, ssl2=ssl2, with_group=with_group)
    assert answer is None or isinstance(answer, ServerHello | Ssl2Hello | Alert | NotTls)


@given(st.binary(max_size=400), st.sampled_from([22, 21]), st.integers(0, 4))
def test_any_record_is_an_answer_or_waits_for_more(body: bytes, kind: int, minor: int) -> None:
    record = struct.pack(">BBBH", kind, 3, minor, len(body)) + body
    assert not isinstance(read_answer(record), Ssl2Hello)


@given(st.binary(max_size=300))
def test_any_server_hello_is_an_answer(body: bytes) -> None:
    message = b"\2" + struct.pack(">I", len(body))[1:] + body
    record = struct.pack(">BHH", 22, 0x0303, len(message)) + message
    assert isinstance(read_answer(record), ServerHello | NotTls)


@given(st.integers(0, len(HELLO) - 1))
def test_a_part_of_a_server_hello_waits_for_the_rest(length: int) -> None:
    assert read_answer(HELLO[:length]) is None


@given(st.integers(0, len(HELLO) - 1), st.integers(0, 255))
def test_one_wrong_byte_ends_nothing_but_the_answer(at: int, byte: int) -> None:
    answer = read_answer(HELLO[:at] + bytes([byte]) + HELLO[at + 1 :])
    assert answer is None or isinstance(answer, ServerHello | Alert | NotTls)


@given(st.integers(1, len(HELLO) - 6))
def test_a_server_hello_may_come_in_several_records(cut: int) -> None:
    body = HELLO[5:]
    halves = [struct.pack(">BHH", 22, 0x0303, len(part)) + part for part in (body[:cut], body[cut:])]
    assert read_answer(b"".join(halves)) == read_answer(HELLO)


@pytest.mark.parametrize("version", ["SSL3", "1.0", "1.1", "1.2"])
def test_what_a_server_hello_says(version: str) -> None:
    hello = server_hello(version, 0x2F, compression=1, extensions=[(23, b""), (0xFF01, b"\0")])
    assert read_answer(hello) == ServerHello(version, 0x2F, compressed=True, extensions=frozenset({23, 0xFF01}))


def test_a_retry_tells_the_group() -> None:
    hello = server_hello("1.3", 0x1301, extensions=[(43, b"\3\4"), (51, b"\x11\xec")], retry=True)
    answer = read_answer(hello)
    assert isinstance(answer, ServerHello)
    assert (answer.version, answer.group) == ("1.3", 0x11EC)


def test_a_warning_ends_nothing() -> None:
    assert read_answer(alert(112, level=1)) is None
    assert read_answer(alert(112, level=1) + HELLO) == read_answer(HELLO)
    assert read_answer(alert(40)) == Alert(40)


def test_ssl2_names_all_its_suites() -> None:
    assert read_answer(ssl2_server_hello([0x010080, 0x0700C0]), ssl2=True) == Ssl2Hello((0x010080, 0x0700C0))
    assert read_answer(b"\x80\x03\x00\x00\x01", ssl2=True) == Alert(1)
    assert read_answer(alert(70), ssl2=True) == Alert(70)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.shop.example ESMTP\r\n",
        struct.pack(">BHH", 22, 0x0303, LONGEST_RECORD + 1),
        struct.pack(">BHHB", 22, 0x0303, 4, 14) + b"\0\0\0",
        struct.pack(">BHHB", 22, 0x0303, 4, 2) + b"\xff\xff\xff",
        server_hello("1.2", 0x2F)[:-3].replace(b"\x00\x2a", b"\x00\x27", 1).replace(b"\x00\x26", b"\x00\x23", 1),
    ],
)
def test_what_is_no_tls_is_told(answer: bytes) -> None:
    assert isinstance(read_answer(answer), NotTls)


def meet(serve: Serve, talk: Talk, *, ssl2: bool = False) -> Met:
    async def run() -> Met:
        async with serve(talk) as address:
            hello = ssl2_hello(codes("SSL2")) if ssl2 else client_hello("1.2", codes("1.2")[:20])
            return await ask(address, hello, patience_s=0.3, ssl2=ssl2)

    return asyncio.run(run())


async def is_silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def hangs_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(10)


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)
    while True:
        writer.write(alert(112, level=1) * 1000)
        await writer.drain()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)
    for byte in HELLO:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    await reader.read()


@pytest.mark.real
def test_every_way_to_answer_over_a_connection(serve: Serve) -> None:
    assert meet(serve, is_silent) == Silence()
    assert isinstance(meet(serve, hangs_up), Closed)
    assert meet(serve, drips) == read_answer(HELLO)


@pytest.mark.real
def test_an_answer_without_an_end_is_not_waited_for(serve: Serve) -> None:
    assert meet(serve, never_ends) in (NotTls("an answer without an end"), Silence())
    assert MOST_BYTES < 2**18
