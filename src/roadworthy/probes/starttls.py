"""The plain words before TLS, where a protocol begins without it: SMTP, PostgreSQL, MySQL. Bounded, and never a login.

NoStarttls   the server offers no TLS, or speaks another protocol: a state of the server
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Protocol = Literal["smtp", "postgres", "mysql"]

LONGEST_LINE = 2048
MOST_LINES = 64
"""Of one SMTP reply; RFC 5321 section 4.5.3.1.5 allows 512 bytes a line."""

POSTGRES_SSL_REQUEST = struct.pack(">II", 8, 80877103)
"""PostgreSQL protocol, SSLRequest."""

MYSQL_SSL, MYSQL_PROTOCOL_41, MYSQL_SECURE_CONNECTION = 0x0800, 0x0200, 0x8000
MYSQL_LONGEST_GREETING = 4096


class NoStarttls(Exception):  # noqa: N818 - a state of the server, not an error of ours
    """TLS is not to be had behind the plain protocol."""


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: Protocol) -> None:
    """Brings a fresh connection to the point where the ClientHello comes next.

    The caller bounds the time.

    Raises:
        NoStarttls: the server does not offer it, or says something else.
        OSError: the connection broke.
    """
    try:
        await _WAYS[protocol](reader, writer)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        if isinstance(error, asyncio.IncompleteReadError):
            said = error.partial[:40].decode(errors="backslashreplace")
            raise NoStarttls(f"closed the connection before TLS began, after {said!r}") from error
        raise NoStarttls(f"sent a line of more than {LONGEST_LINE} bytes, or none that can be read") from error


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    greeting = await _reply(reader)
    if greeting[0][:3] != "220":
        raise NoStarttls(f"greeted with {greeting[0]!r}")
    writer.write(b"EHLO roadworthy.invalid\r\n")
    offered = await _reply(reader)
    if not any(line[4:].strip().upper() == "STARTTLS" for line in offered):
        raise NoStarttls(f"EHLO offers {', '.join(line[4:] for line in offered[1:]) or offered[0]!r}, but not STARTTLS")
    writer.write(b"STARTTLS\r\n")
    answer = await _reply(reader)
    if answer[0][:3] != "220":
        raise NoStarttls(f"answered STARTTLS with {answer[0]!r}")


async def _reply(reader: asyncio.StreamReader) -> list[str]:
    """The lines of one reply: all but the last have a hyphen behind the code (RFC 5321 section 4.2.1)."""
    lines: list[str] = []
    while len(lines) < MOST_LINES:
        line = (await reader.readuntil(b"\n"))[:LONGEST_LINE].decode(errors="backslashreplace").rstrip("\r\n")
        lines.append(line)
        if line[3:4] != "-":
            return lines
    raise NoStarttls(f"a reply of more than {MOST_LINES} lines")


async def _postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(POSTGRES_SSL_REQUEST)
    answer = await reader.readexactly(1)
    if answer != b"S":
        words = {b"N": "refuses TLS (N)", b"E": "answered SSLRequest with an error"}
        raise NoStarttls(words.get(answer, f"answered SSLRequest with {answer!r}"))


async def _mysql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    header = await reader.readexactly(4)
    length = int.from_bytes(header[:3], "little")
    if length > MYSQL_LONGEST_GREETING:
        raise NoStarttls(f"greeted with {header!r}, which is not MySQL")
    greeting = await reader.readexactly(length)
    if greeting[:1] == b"\xff":
        raise NoStarttls(f"refused the connection: {greeting[3:203].decode(errors='backslashreplace')!r}")
    version, end, rest = greeting[1:].partition(b"\0")
    if greeting[:1] != b"\n" or not end or len(rest) < 15:  # noqa: PLR2004 - thread, 8 of salt, filler, capabilities
        raise NoStarttls(f"greeted with {greeting[:40]!r}, which is not MySQL")
    capabilities = int.from_bytes(rest[13:15], "little")
    if not capabilities & MYSQL_SSL:
        raise NoStarttls(f"{version[:60].decode(errors='backslashreplace')} offers no TLS")
    wanted = MYSQL_SSL | MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION
    request = struct.pack("<IIB23x", wanted, 2**24 - 1, 45)
    writer.write(len(request).to_bytes(3, "little") + bytes([(header[3] + 1) % 256]) + request)


_WAYS: dict[str, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = {
    "smtp": _smtp,
    "postgres": _postgres,
    "mysql": _mysql,
}
