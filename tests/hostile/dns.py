"""Hostile name servers: what they answer to any question, over UDP and over TCP."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.hostile.hostile import Hostile
from tests.hostile.http_1 import silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.grounds import Grounds, Talk

    Answer = Callable[[bytes], list[bytes]]

HEADER = struct.Struct(">HHHHHH")
POINTER = b"\xc0\x0c"
"""To the question's name (RFC 1035 section 4.1.4)."""


def reply(
    query: bytes, answers: bytes = b"", *, count: int = 0, flags: int = 0x8180, ident: int | None = None
) -> bytes:
    """The question again, and whatever follows it."""
    asked = dns.message.from_wire(query)
    end = 12 + len(asked.question[0].name.to_wire()) + 4
    return HEADER.pack(asked.id if ident is None else ident, flags, 1, count, 0, 0) + query[12:end] + answers


def record(data: bytes, *, kind: int = 1, name: bytes = POINTER, ttl: int = 60, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return name + struct.pack(">HHIH", kind, 1, ttl, size) + data


def records(*made: bytes) -> Answer:
    return lambda query: [reply(query, b"".join(made), count=len(made))]


def nothing(_: bytes) -> list[bytes]:
    return []


def coded(rcode: int) -> Answer:
    return lambda query: [reply(query, flags=0x8180 | rcode)]


def addresses(count: int) -> Answer:
    def answer(query: bytes) -> list[bytes]:
        kind = dns.message.from_wire(query).question[0].rdtype
        made = [record(IPv4Address(f"127.1.{n // 250}.{n % 250 + 1}").packed) for n in range(count)]
        return [reply(query, b"".join(made), count=count)] if kind == dns.rdatatype.A else [reply(query)]

    return answer


def truncated(query: bytes) -> list[bytes]:
    return [reply(query, flags=0x8380)]


def strangers(query: bytes) -> list[bytes]:
    return [reply(query, record(b"\x7f\0\0\1"), count=1, ident=ident) for ident in range(200)]


def another_question(query: bytes) -> list[bytes]:
    asked = dns.message.make_query("evil.example", "A", id=dns.message.from_wire(query).id)
    answer = dns.message.make_response(asked)
    answer.answer.append(dns.rrset.from_text("evil.example.", 60, "IN", "A", "127.0.0.1"))
    return [answer.to_wire()]


def named(name: bytes) -> bytes:
    return record(b"\x7f\0\0\1", name=name)


def chain(length: int) -> Answer:
    """CNAMEs, each to the next."""

    def label(number: int) -> bytes:
        return bytes((len(f"{number}"),)) + f"{number}".encode() + b"\x04shop\x07example\0"

    return records(record(label(0), kind=5), *(record(label(n + 1), kind=5, name=label(n)) for n in range(length)))


def framed(message: bytes, length: int | None = None) -> bytes:
    return struct.pack(">H", len(message) if length is None else length) + message


def over_tcp(answer: Answer) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (length,) = struct.unpack(">H", await reader.readexactly(2))
            query = await reader.readexactly(length)
            writer.write(b"".join(framed(message) for message in answer(query)))
            await writer.drain()

    return talk


def tcp_says(start: bytes, forever: bytes = b"", every_s: float = 0.0) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(512)
        writer.write(start)
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(every_s)
        await reader.read()

    return talk


@dataclass(frozen=True)
class Serving:
    """Datagrams are answered by a function, connections at the same port by a talk; none are refused."""

    answer: Answer

    def __call__(self, grounds: Grounds, hostile: Hostile) -> int:
        for _ in range(20):
            port = grounds.answer_datagrams(self.answer)
            if hostile.talk is refusing:
                return port
            try:
                return grounds.serve(hostile.talk, port=port)
            except OSError:
                continue  # another server has that port for TCP
        raise AssertionError("no port is free for both")


async def refusing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Stands for no server at all."""


ROUTE = ', resolver: "127.0.0.1:{port}"'
WHERE = "url: http://shop.example"


def hostile(name: str, answer: Answer, told: str, talk: Talk = refusing) -> Hostile:
    return Hostile(name, talk, told, where=WHERE, serve=Serving(answer), network=ROUTE)


def texts(*values: bytes) -> Answer:
    """The same TXT records for every name; nothing of any other type."""

    def answer(query: bytes) -> list[bytes]:
        made = [record(_strings(value), kind=dns.rdatatype.TXT) for value in values]
        is_asked = dns.message.from_wire(query).question[0].rdtype == dns.rdatatype.TXT
        return [reply(query, b"".join(made), count=len(made))] if is_asked else [reply(query)]

    return answer


def _strings(value: bytes) -> bytes:
    parts = [value[at : at + 255] for at in range(0, len(value), 255)]
    return b"".join(bytes((len(part),)) + part for part in parts)


def domain(name: str, answer: Answer, told: str = ".", talk: Talk = refusing) -> Hostile:
    """A domain whose records on mail come from a hostile server."""
    return Hostile(name, talk, told, MAIL, "domain: shop.example", Serving(answer), network=ROUTE)


MAIL = (
    'mail: {spf: {ends: "-all", permits: [192.0.2.0/24]}, dkim: {selectors: [s1]}, dmarc: {policy: reject}, '
    "tls_rpt: true}\n    dns: {txt: [hello]}"
)

BAD = "resolver failed"
LOOP = b"\xc0\x1d"
"""A pointer to the place where it stands itself: behind the header (12) and the question for shop.example (18)."""

SERVERS = (
    hostile("a silent resolver", nothing, f"{BAD}.*no answer", silent),
    hostile("a resolver of noise", lambda _: [b"\xff" * 999], BAD),
    hostile("a resolver that gives the question back", lambda query: [query], BAD),
    hostile("half a header", lambda query: [query[:5]], BAD),
    hostile("a header that counts 65,535 records", lambda query: [reply(query, count=65535)], BAD),
    hostile("a compression loop", records(named(b"\xc0\x1e")), BAD),
    hostile("a compression loop of two", records(named(b"\xc0\x20" + b"\xc0\x1e")), BAD),
    hostile("a pointer ahead", records(named(b"\xff\xff")), BAD),
    hostile("a label of 200", records(named(b"\x80" + b"x" * 200 + b"\0")), BAD),
    hostile("a name of 1,000 labels", records(named(b"\1x" * 1000 + b"\0")), BAD),
    hostile("other ids", strangers, BAD),
    hostile("another question", another_question, BAD),
    hostile("truncated, and no TCP", truncated, BAD),
    hostile("truncated, and silence on TCP", truncated, BAD, silent),
    hostile("truncated for ever", truncated, f"{BAD}|no A or AAAA", over_tcp(truncated)),
    hostile("TCP that promises more", truncated, BAD, tcp_says(b"\xff\xff")),
    hostile("TCP without end", truncated, BAD, tcp_says(b"", b"\0\x20" + b"\xff" * 32)),
    hostile("TCP that drips", truncated, BAD, tcp_says(b"\xff\xff", b"\0", 0.1)),
    hostile("messages of no length", truncated, BAD, tcp_says(b"", b"\0\0" * 999)),
    hostile("an address of three bytes", records(record(b"\x7f\0\0")), BAD),
    hostile("a record that ends behind the message", records(record(b"\x7f\0\0\1", length=65535)), BAD),
    hostile("records of another name", records(named(b"\4evil\7example\0")), "no A or AAAA"),
    hostile("a CNAME to itself", records(record(b"\4shop\7example\0", kind=5)), f"{BAD}|no A or AAAA"),
    hostile("a chain of 30 CNAMEs", chain(30), f"{BAD}|no A or AAAA"),
    hostile("SERVFAIL", coded(2), BAD),
    hostile("REFUSED", coded(5), BAD),
    hostile("an unknown answer", coded(11), BAD),
    hostile("NXDOMAIN a hundred times", lambda query: [reply(query, flags=0x8183)] * 100, "NXDOMAIN"),
    hostile("1,000 addresses", truncated, "has 1000 addresses", over_tcp(addresses(1000))),
    domain("a silent server of a domain", nothing, "no answer|resolver failed|deadline", silent),
    domain("a compression loop in a domain", records(named(b"\xc0\x1e"))),
    domain("a domain of noise", lambda _: [b"\xff" * 999]),
    domain("a domain that is truncated, without TCP", truncated),
    domain("a domain with other ids", strangers),
    domain("a TXT record of 60 kB", truncated, ".", over_tcp(texts(b"v=spf1 " + b"a " * 30_000))),
    domain(
        "a thousand TXT records",
        truncated,
        ".",
        over_tcp(texts(*(b"v=spf1 a:%d.example -all" % n for n in range(999)))),
    ),
    domain("SPF that includes itself", texts(b"v=spf1 include:shop.example -all"), "look-ups|permerror|itself"),
    domain(
        "SPF of macros alone", truncated, ".", over_tcp(texts(b"v=spf1 include:" + b"%{i}" * 2400 + b".example -all"))
    ),
    domain("records with terminal commands", texts(b"v=spf1 \x1b[2J\x07 ::error::x -all", b"v=DMARC1; p=\x9b<script>")),
)
