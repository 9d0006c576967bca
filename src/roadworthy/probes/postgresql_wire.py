"""PostgreSQL's protocol as far as it goes before anybody is logged in: the wish for TLS, and what is said first.

Messages are those of version 3.0 (https://www.postgresql.org/docs/current/protocol-message-formats.html).
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roadworthy.facts.store import Broke, Refusal, StoreEnd
from roadworthy.probes.tcp import close
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from roadworthy.probes.way import Stream, Way

SSL_REQUEST = struct.pack("!II", 8, 80877103)
VERSION = 3 << 16
LONGEST_MESSAGE = 30_000
MOST_MESSAGES = 100
HEADER = 5
AFTER_START = "the answer to the startup message"
AFTER_WISH = "the answer to a wish for TLS"

AUTHENTICATION = {
    2: "Kerberos",
    3: "a password in clear text",
    5: "a password (MD5)",
    7: "GSSAPI",
    9: "SSPI",
    10: "a password (SCRAM)",
}
"""What a server may want before it lets in."""

NOT_READY_CODES = frozenset({"57P01", "57P02", "57P03", "57P05"})
NOT_READY_CLASS = "53"  # insufficient resources: too many connections, no memory, no disk
POOLER_CODE = "08P01"
POOLER_WORDS = (
    "server login",
    "cannot connect to server",
    "server_login_retry",
    "query_wait_timeout",
    "no more connections allowed",
    "pooler is shut down",
    "database is disabled",
    "server conn crashed",
    "too many",
)
"""PgBouncer says all of its own with one code, in English; these tell of the server behind it, or of its own limits."""


@dataclass
class First:
    """What a server says first."""

    wants: str = ""
    """What it wants to be shown before it lets in."""
    let_in: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    """What it tells to whoever was let in."""


@dataclass
class Wish:
    """The wish for TLS, and what came of it."""

    granted: bool | None = None

    async def __call__(self, stream: Stream) -> bool:
        """Asks for TLS.

        Raises:
            Ended: the server answered what is no answer, or left.
        """
        await stream.write(SSL_REQUEST)
        answer = await stream.read()
        if not answer:
            raise Ended(StoreEnd.CLOSED, AFTER_WISH)
        if answer in (b"S", b"N"):
            self.granted = answer == b"S"
            return self.granted
        if answer[:1] == b"E":
            await _raise_error(stream, answer)
        if answer[:1] in (b"S", b"N") and not answer.isascii():
            raise Ended(StoreEnd.GARBLED, AFTER_WISH, "more came with it, unencrypted")
        raise Ended(StoreEnd.GARBLED, AFTER_WISH, f"it said {answer[:40]!r}")


async def _raise_error(stream: Stream, answer: bytes) -> None:
    """A server that is too busy to start anything says so in place of an answer, in plain."""
    while len(answer) < HEADER or len(answer) < 1 + struct.unpack("!I", answer[1:HEADER])[0]:
        more = await stream.read()
        if not more or len(answer) > LONGEST_MESSAGE:
            break
        answer += more
    refusal = parse_error(answer[HEADER:])
    end = StoreEnd.NOT_READY if refusal.code else StoreEnd.GARBLED
    raise Ended(end, AFTER_WISH, refusal.told or repr(answer[:40]))


async def first_words(way: Way, username: str, database: str | None, patience_s: float) -> First | Refusal:
    """What the server says to a user without a password.

    Raises:
        Ended: it broke off, or speaks another protocol.
    """
    try:
        async with asyncio.timeout(patience_s):
            reader, writer = await asyncio.open_connection(way.ip, way.port)
            try:
                writer.write(_startup(username, database))
                return await _first(reader)
            finally:
                close(writer)
    except TimeoutError as error:
        raise Ended(StoreEnd.SILENT, AFTER_START) from error
    except (OSError, asyncio.IncompleteReadError) as error:
        broke = way.ended or Broke(end=StoreEnd.CLOSED, at=AFTER_START)
        raise Ended(broke.end, AFTER_START, broke.detail) from error


def _startup(username: str, database: str | None) -> bytes:
    told = {"user": username, "database": database or username, "application_name": "roadworthy"}
    words = b"".join(f"{name}\0{value}\0".encode() for name, value in told.items()) + b"\0"
    return struct.pack("!II", len(words) + 8, VERSION) + words


async def _first(reader: asyncio.StreamReader) -> First | Refusal:
    seen = First()
    for _ in range(MOST_MESSAGES):
        kind, body = await _message(reader)
        match kind:
            case b"E":
                return parse_error(body)
            case b"R" if len(body) >= 4 and (code := struct.unpack("!I", body[:4])[0]) != 0:  # noqa: PLR2004 - 32 bits
                seen.wants = AUTHENTICATION.get(code, f"authentication {code}")
                return seen
            case b"R":
                seen.let_in = True
            case b"S":
                name, _, value = body.partition(b"\0")
                seen.parameters[name.decode(errors="replace")] = value.rstrip(b"\0").decode(errors="replace")
            case b"Z":
                return seen
            case b"N" | b"v" | b"K":
                pass
            case _:
                raise Ended(StoreEnd.GARBLED, AFTER_START, f"a message of kind {kind!r}")
    raise Ended(StoreEnd.GARBLED, AFTER_START, f"more than {MOST_MESSAGES} messages")


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    header = await reader.readexactly(HEADER)
    size = struct.unpack("!I", header[1:])[0]
    if not header[:1].isalpha() or not 4 <= size <= LONGEST_MESSAGE:  # noqa: PLR2004 - it counts itself
        raise Ended(StoreEnd.GARBLED, AFTER_START, f"it said {header!r}")
    return header[:1], await reader.readexactly(size - 4)


def parse_error(body: bytes) -> Refusal:
    """The code and the first line of an ErrorResponse; of one from before version 3, all of it."""
    fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
    message = fields.get(b"M", b"").decode(errors="backslashreplace")[:300]
    return Refusal(code=fields.get(b"C", b"").decode(errors="backslashreplace")[:5], message=message)


def last_error(tail: bytes) -> Refusal | None:
    """The ErrorResponse that a conversation ended with, from its last bytes; None: it ended otherwise."""
    at = tail.rfind(b"E")
    while at >= 0:
        if len(tail) >= at + HEADER and at + 1 + struct.unpack("!I", tail[at + 1 : at + HEADER])[0] == len(tail):
            return parse_error(tail[at + HEADER :])
        at = tail.rfind(b"E", 0, at)
    return None


def is_not_ready(refusal: Refusal) -> bool:
    """Whether a refusal tells of the server's state, and not of who came."""
    if refusal.code == POOLER_CODE:
        return any(words in refusal.message for words in POOLER_WORDS)
    return refusal.code in NOT_READY_CODES or refusal.code.startswith(NOT_READY_CLASS)
