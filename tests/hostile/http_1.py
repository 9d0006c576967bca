"""Hostile HTTP/1 servers, as coroutines: bodies, headers, framing and redirects that no client should fall for."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import socket
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING

import brotli

from tests.hostile.hostile import Hostile

if TYPE_CHECKING:
    from tests.hostile.grounds import Talk

OK = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = 1024 * 1024


def says(*parts: bytes, end: bool = True) -> Talk:
    """Reads a request, sends the parts, and closes or stays."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()

    return talk


def goes_on(start: bytes, part: bytes, every_s: float = 0.0) -> Talk:
    """Never ends."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(every_s)

    return talk


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()
    await asyncio.Event().wait()


def breaks_off(*parts: bytes) -> Talk:
    """Resets the connection after what it says."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return talk


def leads(where: Talk | None = None, **to: str) -> Talk:
    """Redirects by path; a path that is not named leads to itself. `{n}` is a number that is never the same."""
    del where
    numbers = itertools.count()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().partition("?")[0].strip("/")
        location = to.get(path, to.get("anywhere", f"/{path}")).format(n=next(numbers))
        writer.write(f"HTTP/1.1 301 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return talk


async def many_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    for block in range(100):
        writer.write(b"".join(b"X-%d: y\r\n" % (block * 1000 + n) for n in range(1000)))
        await writer.drain()
    writer.write(b"\r\n")
    await writer.drain()


def body(content: bytes, *headers: str) -> Talk:
    named = "".join(f"{header}\r\n" for header in (f"Content-Length: {len(content)}", *headers))
    return says(OK + named.encode("latin-1") + b"\r\n" + content)


@cache
def gzip_bomb(layers: int = 1) -> bytes:
    """A gigabyte of zeros, in a megabyte; and that packed again."""
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(MEGABYTE)
    packed = b"".join(packer.compress(block) for _ in range(256)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


@cache
def brotli_bomb() -> bytes:
    packer = brotli.Compressor(quality=5)
    block = bytes(MEGABYTE)
    return b"".join(bytes(packer.process(block)) for _ in range(256)) + bytes(packer.finish())


@cache
def many_members() -> bytes:
    """A hundred thousand gzip members, each of nothing."""
    return gzip.compress(b"") * 10_000


JSON = "Content-Type: application/json"
HEALTH = "health: {path: /health, json: {status: ok}}"
TEXT = "health: {path: /health, contains: all is well}"
HEADERS = (
    "health: {path: /health}\n    headers: {x-content-type-options: nosniff, x-frame-options: DENY, "
    "strict-transport-security: {max_age: 1}, content-security-policy: {default-src: \"'self'\"}, "
    "permissions-policy: {camera: ()}, referrer-policy: no-referrer, hides_versions: true, "
    "cross-origin-opener-policy: same-origin}"
)
REDIRECTS = "http: {redirects_from_http: 301}"
CACHES = 'http: {caches: {/: "max-age=60"}}'
REGEX_HEADERS = (
    "Content-Security-Policy: " + "default-src " * 1000,
    "Strict-Transport-Security: " + " " * 9000 + "max-age=" + "1" * 3000,
    "Permissions-Policy: " + "camera=(" * 1500,
    "Referrer-Policy: " + "a-" * 5000,
    "Server: " + "nginx/1." * 1000,
    'Cache-Control: "' + "\\" * 9001,
    "Set-Cookie: " + "a=" * 4000 + ";" * 4000,
)

SERVERS = (
    # --- bodies ---
    Hostile("endless body", goes_on(OK + b"\r\n", b"x" * 65536), "is no JSON|was cut|characters", HEALTH),
    Hostile("endless text", goes_on(OK + b"\r\n", b"x" * 65536), "the rest was cut", TEXT),
    Hostile("dripping body", goes_on(OK + b"\r\n", b"x", 0.2), "timed out.*after its first bytes"),
    Hostile("gzip bomb", body(gzip_bomb(), JSON, "Content-Encoding: gzip"), "was cut", HEALTH),
    Hostile("gzip in gzip", body(gzip_bomb(3), JSON, "Content-Encoding: gzip, gzip, gzip"), "was cut", HEALTH),
    Hostile("fifty codings", body(gzip_bomb(2), "Content-Encoding: " + "gzip, " * 50), "50 content codings", HEALTH),
    Hostile("empty gzip members", body(many_members(), JSON, "Content-Encoding: gzip"), "no JSON|not JSON", HEALTH),
    Hostile("brotli bomb", body(brotli_bomb(), JSON, "Content-Encoding: br"), "was cut", HEALTH),
    Hostile("no gzip", body(b"\x1f\x8b" + b"\xff" * 999, "Content-Encoding: gzip"), "the body is no gzip"),
    Hostile("half a gzip", body(gzip.compress(b"x" * 9999)[:-9], "Content-Encoding: gzip"), "gzip ends early"),
    Hostile("a strange charset", body(b"+AGE-" * 9999, "Content-Type: text/html; charset=utf-7"), "is not in", TEXT),
    Hostile("a codec for charset", body(b"x" * 9999, "Content-Type: text/html; charset=zlib_codec"), "is not in", TEXT),
    Hostile("no UTF-8", body(b'{"status": "\xff\xfe\xc0\x80"}', JSON), r'\$\.status: "', HEALTH),
    Hostile("UTF-16 without its mark", body(b"\xd8\x00" * 999, "Content-Type: a/b; charset=utf-16le"), "not in", TEXT),
    Hostile("deep JSON", body(b"[" * 200_000, JSON), "no JSON|not JSON", HEALTH),
    Hostile("deep and whole JSON", body(b'{"a":' * 30_000 + b"1" + b"}" * 30_000, JSON), "no JSON|not JSON", HEALTH),
    Hostile("a number of 200,000 digits", body(b'{"status": ' + b"9" * 200_000 + b"}", JSON), "JSON|status", HEALTH),
    Hostile("an exponent of nines", body(b'{"status": 1e999999999}', JSON), r"\$\.status", HEALTH),
    Hostile("NaN", body(b'{"status": NaN}', JSON), "JSON|NaN", HEALTH),
    Hostile("a member twice", body(b'{"status": "down", "status": "ok"}', JSON), "'status' is there twice", HEALTH),
    Hostile("lone surrogates", body(b'{"status": "\\ud800\\udfff\\u0000"}', JSON), r"\$\.status", HEALTH),
    Hostile("many members", body(json.dumps({f"m{n}": n for n in range(12_000)}).encode(), JSON), "missing", HEALTH),
    # --- headers ---
    Hostile("dripping headers", goes_on(OK + b"X: ", b"y", 0.2), "timed out.*after its first bytes"),
    Hostile("endless headers", goes_on(OK, b"X: y\r\n" * 999), "too long|too many"),
    Hostile("a header of 10 MB", goes_on(OK + b"X: ", b"y" * MEGABYTE), "too long"),
    Hostile("100,000 headers", many_headers, "too long|too many"),
    Hostile("headers against regular expressions", body(b"{}", *REGEX_HEADERS), "nosniff|sent|syntax", HEADERS),
    Hostile("Cache-Control against regular expressions", body(b"", 'Cache-Control: "' + "\\" * 60_001), "age", CACHES),
    Hostile("header bytes that are no text", says(OK + b"X-Frame-Options: \xff\xc3\x28\r\n\r\n"), "xff|Ã|ÿ", HEADERS),
    Hostile("NUL in a header", says(OK + b"X-Frame-Options: DENY\0\r\n\r\n"), "illegal header|not HTTP"),
    Hostile("a status of 9,999 digits", says(b"HTTP/1.1 " + b"2" * 9999 + b" OK\r\n\r\n"), "not HTTP"),
    Hostile("a status line without end", goes_on(b"HTTP/1.1 200 ", b"O" * 65536), "too long|too many"),
    Hostile("1xx without end", goes_on(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 99), "timed out"),
    Hostile("switches protocols", says(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", b"x" * 9999), "101|not HTTP"),
    # --- framing ---
    Hostile("a chunk of negative size", says(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nab"), "not HTTP"),
    Hostile(
        "a chunk of 2^80 bytes", says(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 21 + b"\r\n"), "not HTTP"
    ),
    Hostile(
        "a chunk of 2^60 bytes",
        says(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 15 + b"\r\nab"),
        "closed without.*incomplete",
    ),
    Hostile("a chunk without its end", says(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n"), "not HTTP"),
    Hostile(
        "a chunk extension without end", goes_on(OK + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x" * 65536), "long"
    ),
    Hostile(
        "chunks of one byte", goes_on(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), "timed|cut", TEXT
    ),
    Hostile(
        "trailers without end", goes_on(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"T: x\r\n" * 999), "long"
    ),
    Hostile("two transfer codings", says(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "not HTTP"),
    Hostile(
        "garbage behind the answer",
        says(OK + b"Content-Length: 2\r\n\r\nok" + b"\0" * 99999),
        "'all is well' is not in",
        TEXT,
    ),
    Hostile(
        "two lengths", says(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), "conflicting Content-Length"
    ),
    Hostile("a negative length", says(OK + b"Content-Length: -2\r\n\r\nok"), "not HTTP"),
    Hostile(
        "a length of 2^80", says(OK + b"Content-Length: 1208925819614629174706176\r\n\r\nok"), "bad Content-Length"
    ),
    Hostile(
        "a length of 9,999 digits", says(OK + b"Content-Length: " + b"9" * 9999 + b"\r\n\r\nok"), "not HTTP|closed"
    ),
    Hostile("a length that is too long", says(OK + b"Content-Length: 99\r\n\r\nok", end=False), "timed out"),
    Hostile("an end mid-way", says(OK + b"Content-Length: 99\r\n\r\nok"), "received 2 bytes, expected 99"),
    Hostile("a reset mid-way", breaks_off(OK + b"Content-Length: 99\r\n\r\nok"), "connection reset"),
    Hostile("a reset at once", breaks_off(), "connection reset"),
    # --- no HTTP ---
    Hostile("silent", silent, "timed out"),
    Hostile("garbage", says(bytes(range(256)) * 400), "not HTTP.*began with"),
    Hostile("an SSH banner without end", goes_on(b"SSH-2.0-", b"x" * 65536), "not HTTP.*SSH"),
    Hostile("HTTP/0.9", says(b"<html>hello</html>"), "not HTTP"),
    # --- redirects ---
    Hostile("redirect to itself", leads(), "circle", REDIRECTS),
    Hostile("redirect there and back", leads(anywhere="/a", a="/b", b="/a"), "circle", REDIRECTS),
    Hostile("redirect ever on", leads(anywhere="/{n}"), "without end", REDIRECTS),
    Hostile("redirect to a huge place", leads(anywhere="/{n}" + "x" * 60_000), "301|changes the", REDIRECTS),
    Hostile("redirect to no URL", leads(anywhere="https://[::1"), "no URL", REDIRECTS),
    Hostile("redirect to a bad port", leads(anywhere="https://shop.example:99999/"), "no URL|leads to", REDIRECTS),
    Hostile("redirect to a script", leads(anywhere="javascript:alert(1)"), "javascript:", REDIRECTS),
    Hostile("redirect into this machine", leads(anywhere="http://169.254.169.254/latest"), "169.254", REDIRECTS),
)
