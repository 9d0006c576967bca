"""Bodies: decoded, and bounded however much they swell."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import brotli
import pytest

from tests.probes.http_servers import HOST, endless, h2_says, says

if TYPE_CHECKING:
    import ssl

    from tests.probes.http_servers import Look, Talk

LIMIT = 10_000


def bomb_of(coding: str) -> bytes:
    """A GiB of zeros, of which the very end is missing: nobody is to come that far."""
    if coding == "br":
        compressor = brotli.Compressor(quality=1)
        return b"".join(compressor.process(bytes(1 << 20)) for _ in range(1024))
    deflater = zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "deflate": 15}[coding])
    first, again = (deflater.compress(bytes(1 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 1023


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_bomb_does_not_go_off(coding: str, ask_of: Look) -> None:
    bomb = bomb_of(coding)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    tracemalloc.start()
    answer = ask_of(says(head + bomb), body_limit=LIMIT).answer
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.body, answer.truncated) == ("\0" * LIMIT, True)
    assert answer.body_bytes <= LIMIT + (1 << 17)
    assert peak < 8 << 20


def test_a_bomb_within_a_bomb_does_not_go_off(ask_of: Look) -> None:
    bomb = gzip.compress(gzip.compress(bomb_of("gzip")))
    answer = ask_of(
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\n\r\n" + bomb), body_limit=LIMIT
    ).answer
    assert (len(answer.body) <= LIMIT, answer.truncated) == (True, True)


@pytest.mark.parametrize(
    "talk",
    [
        endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 999),
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3e7\r\n" + b"x" * 999 + b"\r\n"),
    ],
)
def test_an_endless_body_is_read_to_the_limit(talk: Talk, ask_of: Look) -> None:
    answer = ask_of(talk, body_limit=LIMIT).answer
    assert (answer.body, answer.truncated) == ("x" * LIMIT, True)
    assert answer.body_bytes <= LIMIT + (1 << 17)


def test_a_long_http_2_body_is_read_to_the_limit(ask_of: Look, h2_tls: ssl.SSLContext) -> None:
    talk = h2_says([(":status", "200")], *[b"x" * 9000] * 7)
    answer = ask_of(talk, url=f"https://{HOST}/", tls=h2_tls, body_limit=LIMIT).answer
    assert (answer.body, answer.truncated) == ("x" * LIMIT, True)
    assert answer.body_bytes <= LIMIT + (1 << 17)


@pytest.mark.parametrize(("size", "truncated"), [(LIMIT, False), (LIMIT + 1, True)])
@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_a_body_at_the_limit_is_whole(size: int, truncated: bool, coding: str, ask_of: Look) -> None:  # noqa: FBT001
    data = b"x" * size
    body = {"identity": data, "gzip": gzip.compress(data, mtime=0), "br": brotli.compress(data)}[coding]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answer = ask_of(says(head + body), body_limit=LIMIT).answer
    assert (answer.body, answer.truncated) == ("x" * LIMIT, truncated)
    assert answer.body_bytes == len(body)
