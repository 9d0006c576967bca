"""One ClientHello over a plain socket, and a bounded reading of what comes back. No library takes part.

So a server is understood that no library of today would talk to (SSL 2.0 and 3.0, export suites, a pre-shared key
alone), and what libraries do not tell can be asked: which group is chosen, whether the order of the client counts.

    client_hello()   the bytes of a ClientHello (SSL 3.0 to TLS 1.3), or with `ssl2_hello()` of SSL 2.0
    read_answer()    ServerHello | Ssl2Hello | Alert | NotTls, or None while bytes are missing
    ask()            both over a connection; `Silence` where nothing came, `Closed` where the server hung up

TLS 1.3 is asked with an empty key share: the server says which group it wants (HelloRetryRequest, RFC 8446 section
4.1.4), at no cost to either side, and no key exchange is ever made.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from roadworthy.facts.suites import GROUPS
from roadworthy.probes import starttls, tcp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roadworthy.probes.bench import Address

WIRE: Final = {"SSL3": 0x0300, "1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
NAMES: Final = {code: name for name, code in WIRE.items()}

MOST_BYTES: Final = 128 * 1024
"""Of one answer: OpenSSL takes a chain of 100 kB at most."""
LONGEST_RECORD: Final = 2**14 + 2048
LONGEST_MESSAGE: Final = 100 * 1024

ALERT, HANDSHAKE = 21, 22
SERVER_HELLO, KEY_EXCHANGE, HELLO_DONE = 2, 12, 14
SNI, GROUPS_OFFERED, POINT_FORMATS, SIGNATURES, ALPN, PADDING, EMS = 0, 10, 11, 13, 16, 21, 23
VERSIONS, KEY_SHARE, RENEGOTIATION = 43, 51, 0xFF01

PROTOCOL_VERSION, INAPPROPRIATE_FALLBACK = 70, 86
"""Alerts (RFC 8446 section 6.2, RFC 7507)."""

SCSV_RENEGOTIATION, SCSV_FALLBACK = 0x00FF, 0x5600
RETRY_RANDOM: Final = hashlib.sha256(b"HelloRetryRequest").digest()

SIGNATURE_SCHEMES: Final = (
    *(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0808),
    *(0x0809, 0x080A, 0x080B, 0x0904, 0x0905, 0x0906, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0202, 0x0101),
)
"""All that are met, and those that nobody should use any more (SHA-1, MD5, DSA): the certificate may be of any kind."""

BAD_SIZES = range(256, 512)
"""Sizes of a ClientHello that some old load balancers hang on (F5 K14758); RFC 7685 pads them away."""


@dataclass(frozen=True)
class ServerHello:
    """What the server chose."""

    version: str
    suite: int
    compressed: bool
    extensions: frozenset[int]
    group: int | None = None
    """Of a HelloRetryRequest or a ServerKeyExchange."""


@dataclass(frozen=True)
class Ssl2Hello:
    """An answer in SSL 2.0: all suites that client and server share."""

    suites: tuple[int, ...]


@dataclass(frozen=True)
class Alert:
    """The server says no, and why (RFC 8446 section 6)."""

    description: int


@dataclass(frozen=True)
class NotTls:
    """Bytes that are no TLS, or TLS that is broken."""

    detail: str


@dataclass(frozen=True)
class Closed:
    """The server hung up without an answer."""

    detail: str = "closed the connection"


@dataclass(frozen=True)
class Silence:
    """Nothing came in time."""


Answer = ServerHello | Ssl2Hello | Alert | NotTls
Met = Answer | Closed | Silence


def client_hello(
    version: str,
    suites: Sequence[int],
    *,
    host: str | None = None,
    groups: Iterable[int] = tuple(GROUPS),
    fallback: bool = False,
    protocols: Iterable[str] = (),
) -> bytes:
    """A ClientHello of exactly one version, in one record; `protocols` are those of ALPN, which some servers demand."""
    codes = [*suites, *([SCSV_FALLBACK] if fallback else []), *([SCSV_RENEGOTIATION] if version == "SSL3" else [])]
    modern = version == "1.3"
    body = struct.pack(">H", min(WIRE[version], WIRE["1.2"])) + os.urandom(32)
    body += _short(os.urandom(32) if modern else b"")
    body += _long(b"".join(struct.pack(">H", code) for code in codes))
    body += _short(b"\0" if modern else b"\1\0")  # deflate is offered where it exists, to see whether it is taken
    if version != "SSL3":
        body += _extensions(version, host, groups, tuple(protocols), len(body))
    message = b"\1" + struct.pack(">I", len(body))[1:] + body
    return struct.pack(">BHH", HANDSHAKE, min(WIRE[version], WIRE["1.0"]), len(message)) + message


def _extensions(
    version: str, host: str | None, groups: Iterable[int], protocols: tuple[str, ...], before: int
) -> bytes:
    given: list[tuple[int, bytes]] = []
    if host:
        given.append((SNI, _long(b"\0" + _long(host.encode("ascii")))))
    given.append((GROUPS_OFFERED, _long(b"".join(struct.pack(">H", group) for group in groups))))
    if version in ("1.2", "1.3"):
        given.append((SIGNATURES, _long(b"".join(struct.pack(">H", scheme) for scheme in SIGNATURE_SCHEMES))))
    if protocols:
        given.append((ALPN, _long(b"".join(_short(protocol.encode()) for protocol in protocols))))
    if version == "1.3":
        given += [(VERSIONS, _short(struct.pack(">H", WIRE["1.3"]))), (KEY_SHARE, _long(b""))]
    else:
        given += [(POINT_FORMATS, _short(b"\0")), (EMS, b""), (RENEGOTIATION, _short(b""))]
    block = b"".join(_extension(kind, data) for kind, data in given)
    if (size := before + 4 + 2 + len(block)) in BAD_SIZES:
        block += _extension(PADDING, bytes(max(0, BAD_SIZES.stop - size - 4)))
    return _long(block)


def _extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">H", kind) + _long(data)


def _short(data: bytes) -> bytes:
    return struct.pack(">B", len(data)) + data


def _long(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def ssl2_hello(suites: Sequence[int]) -> bytes:
    """A CLIENT-HELLO of SSL 2.0 (draft-hickman-netscape-ssl section 2.5)."""
    specs = b"".join(struct.pack(">I", code)[1:] for code in suites)
    body = struct.pack(">BHHHH", 1, 2, len(specs), 0, 16) + specs + os.urandom(16)
    return struct.pack(">H", 0x8000 | len(body)) + body


class _Short(Exception):  # noqa: N818 - more bytes are needed; no error
    """The bytes end before the answer does."""


class _Garbled(Exception):  # noqa: N818 - the peer's doing; becomes NotTls
    """What came is no sound TLS."""


@dataclass
class _Cursor:
    """Reads from a message that is there as a whole: what is missing in it is missing for good."""

    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise _Garbled("a message ends before its own length")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    @property
    def is_over(self) -> bool:
        return self.at == len(self.data)


def read_answer(data: bytes, *, ssl2: bool = False, with_group: bool = False) -> Answer | None:
    """What the server says, as soon as it is told; None while bytes are missing.

    Args:
        data: all that came until now, at most `MOST_BYTES`.
        ssl2: SSL 2.0 was asked.
        with_group: goes on to the ServerKeyExchange, which tells the group before TLS 1.3.
    """
    try:
        return _read_ssl2(data) if ssl2 else _read_tls(data, with_group=with_group)
    except _Short:
        return None
    except _Garbled as error:
        return NotTls(f"{error}: {data[:40].decode(errors='backslashreplace')!r}")


def _read_ssl2(data: bytes) -> Answer:
    if data[:1] in (bytes((ALERT,)), bytes((HANDSHAKE,))):  # a server that answers in TLS, as a rule with an alert
        return _read_tls(data, with_group=False)
    if len(data) < 3:  # noqa: PLR2004 - the header and the message's kind
        raise _Short
    length = ((data[0] & 0x7F) << 8) | data[1]
    if not data[0] & 0x80 or length > LONGEST_RECORD:
        raise _Garbled("answered")
    if len(data) < 2 + length:
        raise _Short
    message = _Cursor(data[2 : 2 + length])
    kind = message.number(1)
    if kind == 0:  # SSL 2.0's own way to say no
        return Alert(message.number(2))
    if kind != 4:  # noqa: PLR2004 - SERVER-HELLO
        raise _Garbled("answered")
    message.take(2)  # whether the session is known, the certificate's kind
    message.take(2)
    certificate, specs, _ = (message.number(2) for _ in range(3))
    message.take(certificate)
    chosen = message.take(specs)
    return Ssl2Hello(tuple(int.from_bytes(chosen[at : at + 3], "big") for at in range(0, len(chosen) - 2, 3)))


def _read_tls(data: bytes, *, with_group: bool) -> Answer:
    hello: ServerHello | None = None
    said, alert = _unwrap(data)
    at = 0
    while at + 4 <= len(said):
        kind, length = said[at], int.from_bytes(said[at + 1 : at + 4], "big")
        if length > LONGEST_MESSAGE:
            raise _Garbled("a message of more than 100 kB")
        if at + 4 + length > len(said):
            break
        message = _Cursor(said[at + 4 : at + 4 + length])
        at += 4 + length
        if hello is None:
            if kind != SERVER_HELLO:
                raise _Garbled("began with a message other than its hello")
            hello = _server_hello(message)
        elif kind == KEY_EXCHANGE:
            return ServerHello(hello.version, hello.suite, hello.compressed, hello.extensions, _named_curve(message))
        elif kind == HELLO_DONE:
            return hello
        if not with_group or hello.version == "1.3":
            return hello
    if alert is not None:
        return hello or alert
    raise _Short


def _unwrap(data: bytes) -> tuple[bytes, Alert | None]:
    """The handshake messages of the records that are there as a whole, and the alert that ended them."""
    said = b""
    at = 0
    while at + 5 <= len(data):
        kind, version, length = struct.unpack_from(">BHH", data, at)
        if kind not in (ALERT, HANDSHAKE, 20) or version >> 8 != 3 or length > LONGEST_RECORD:  # noqa: PLR2004
            if at == 0 or kind == HANDSHAKE:
                raise _Garbled("answered")
            break  # what is encrypted follows
        if at + 5 + length > len(data):
            break
        record = data[at + 5 : at + 5 + length]
        at += 5 + length
        if kind == HANDSHAKE:
            said += record
        elif kind == ALERT:
            if length < 2:  # noqa: PLR2004 - level and description
                raise _Garbled("an alert without a reason")
            if record[0] != 1:  # a warning, such as unrecognized_name, ends nothing
                return said, Alert(record[1])
    if data and at == 0 and data[0] not in (ALERT, HANDSHAKE):
        raise _Garbled("answered")
    return said, None


def _server_hello(message: _Cursor) -> ServerHello:
    version = message.number(2)
    is_retry = message.take(32) == RETRY_RANDOM
    message.take(message.number(1))
    suite, compression = message.number(2), message.number(1)
    extensions: dict[int, bytes] = {}
    if not message.is_over:
        block = _Cursor(message.take(message.number(2)))
        while not block.is_over:
            kind = block.number(2)
            extensions[kind] = block.take(block.number(2))
    if VERSIONS in extensions:
        version = _Cursor(extensions[VERSIONS]).number(2)
    if version not in NAMES:
        raise _Garbled(f"a ServerHello of version {version:#06x}")
    share = extensions.get(KEY_SHARE)
    group = _Cursor(share).number(2) if share is not None and (is_retry or version == WIRE["1.3"]) else None
    return ServerHello(NAMES[version], suite, compression != 0, frozenset(extensions), group)


def _named_curve(message: _Cursor) -> int | None:
    """The group of an elliptic-curve key exchange; None where it is another one (RFC 8422 section 5.4)."""
    return message.number(2) if message.number(1) == 3 else None  # noqa: PLR2004 - named_curve


async def ask(
    address: Address,
    hello: bytes,
    *,
    patience_s: float,
    protocol: starttls.Protocol | None = None,
    ssl2: bool = False,
    with_group: bool = False,
) -> Met:
    """One connection, one ClientHello, one answer; whatever the server does after it is not waited for.

    Raises:
        NotObserved: there is no route from here.
        ConnectionError: the connection was refused.
        starttls.NoStarttls: TLS was not offered behind the plain protocol.
    """
    try:
        async with asyncio.timeout(patience_s):
            reader, writer = await tcp.connect(address)
            try:
                if protocol is not None:
                    await starttls.upgrade(reader, writer, protocol)
                return await _converse(reader, writer, hello, ssl2=ssl2, with_group=with_group)
            finally:
                tcp.close(writer)
    except TimeoutError:
        return Silence()


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: bytes, *, ssl2: bool, with_group: bool
) -> Met:
    came = b""
    try:
        writer.write(hello)
        await writer.drain()
        while len(came) < MOST_BYTES:
            more = await reader.read(16 * 1024)
            if not more:
                return Closed()
            came += more
            if (answer := read_answer(came, ssl2=ssl2, with_group=with_group)) is not None:
                return answer
    except OSError as error:
        return Closed(error.strerror or str(error))
    return NotTls("an answer without an end")
