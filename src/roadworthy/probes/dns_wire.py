"""One question to one DNS server, over UDP or TCP; whatever comes back ends in a state, and within its time.

A datagram that answers something else (another id, another question) is left aside, as a resolver would. A truncated
answer is asked for again over TCP. Silence over UDP is asked into once more: one datagram gets lost.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple, cast

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from roadworthy.facts.base import NotObserved
from roadworthy.facts.dns import DnsState, RecordSet, Said
from roadworthy.probes.tcp import NO_ROUTE, close, connect

if TYPE_CHECKING:
    from dns.rrset import RRset

    from roadworthy.probes.bench import Address, Bench

PAYLOAD = 1232
"""Bytes of an answer over UDP that pass everywhere (DNS flag day 2020)."""

STRAYS = 64
"""Datagrams that answer something else, before the sender is called garbled."""

_TRUNCATED = 0x02
_MOST_SETS, _MOST_VALUES, _LONGEST = 64, 256, 4096
_UNREADABLE = (dns.exception.DNSException, ValueError, struct.error, IndexError, KeyError, UnicodeError)
_BY_CODE = {
    dns.rcode.NXDOMAIN: DnsState.NO_NAME,
    dns.rcode.REFUSED: DnsState.REFUSED,
    dns.rcode.SERVFAIL: DnsState.FAILED,
}


class Question(NamedTuple):
    """What is asked, and how."""

    name: str
    type: str
    recurse: bool = False
    signed: bool = False
    """Signatures are wanted, and judged here: the resolver is not to (DO, CD)."""
    over_tcp: bool = False
    edns: bool = True

    def message(self) -> dns.message.QueryMessage:
        """The query, with an id of its own.

        Raises:
            dns.exception.DNSException: the name can be none.
        """
        query = dns.message.make_query(
            dns.name.from_text(self.name),
            self.type,
            use_edns=0 if self.edns else None,
            payload=PAYLOAD if self.edns else None,
            want_dnssec=self.signed,
        )
        query.flags = (dns.flags.RD if self.recurse else dns.flags.Flag(0)) | (
            dns.flags.CD if self.signed else dns.flags.Flag(0)
        )
        return query


class Reply(NamedTuple):
    """What came back."""

    said: Said
    message: dns.message.Message | None = None


async def put(question: Question, address: Address, bench: Bench) -> Reply:
    """Asks, and tells what came back."""
    reply = await _once(question, address, bench)
    if reply.said.state is DnsState.SILENT and not question.over_tcp:
        reply = await _once(question, address, bench)
    refuses_edns = reply.said.state is DnsState.ERROR and reply.said.detail in ("FORMERR", "NOTIMP", "BADVERS")
    if refuses_edns and question.edns and not question.signed:
        plain = await _once(question._replace(edns=False), address, bench)
        if plain.message is not None:
            return Reply(plain.said.model_copy(update={"edns": False}), plain.message)
    return reply


async def _once(question: Question, address: Address, bench: Bench) -> Reply:
    patience_s = bench.patience_s / 2
    over_tcp = question.over_tcp
    try:
        query = question.message()
        async with asyncio.timeout(patience_s):
            wire = None if over_tcp else await _datagram(query, address)
            if wire is None:
                over_tcp = True
                wire = await _stream(query, address)
        answer = dns.message.from_wire(wire)
        if query.is_response(answer) and _is_of_the_internet(answer):
            return Reply(_said(question, answer, over_tcp=over_tcp), answer)
        state, detail = DnsState.GARBLED, "it answers something else"
    except (OSError, EOFError, NotObserved, *_UNREADABLE) as error:  # TimeoutError is an OSError
        state, detail = _failed(error, patience_s)
    return Reply(Said(type=question.type, state=state, detail=detail, over="TCP" if over_tcp else "UDP"))


def _is_of_the_internet(answer: dns.message.Message) -> bool:
    """Records of another class have other fields under the same names."""
    return all(rrset.rdclass == dns.rdataclass.IN for section in answer.sections for rrset in section)


def _failed(error: Exception, patience_s: float) -> tuple[DnsState, str]:
    """What an exchange without an answer says of the server."""
    if isinstance(error, TimeoutError):
        return DnsState.SILENT, f"within {patience_s:g} s"
    if isinstance(error, NotObserved):
        return DnsState.UNREACHABLE, error.detail
    if isinstance(error, EOFError | ConnectionResetError | BrokenPipeError):
        return DnsState.SILENT, "it ended the connection"
    if isinstance(error, OSError):
        state = DnsState.UNREACHABLE if error.errno in NO_ROUTE else DnsState.CLOSED
        return state, os.strerror(error.errno) if error.errno else str(error)
    return DnsState.GARBLED, f"{type(error).__name__}: {error}"[:120]


class _Inbox(asyncio.DatagramProtocol):
    """Datagrams as they come, no more than fit."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue(STRAYS)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.queue.full():
            self.queue.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if not self.queue.full():
            self.queue.put_nowait(exc)


async def _datagram(query: dns.message.QueryMessage, address: Address) -> bytes | None:
    """The answer over UDP; None where it was truncated.

    Raises:
        OSError: there is no way, or nobody listens.
        ValueError: what came can't be read; so are dnspython's own errors.
        TimeoutError: nothing came; that is the caller's clock.
    """
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    transport, inbox = await loop.create_datagram_endpoint(
        _Inbox, remote_addr=(address.ip, address.port), family=family
    )
    try:
        transport.sendto(query.to_wire())
        wanted = query.id.to_bytes(2, "big")
        for _ in range(STRAYS):
            came = await inbox.queue.get()
            if isinstance(came, Exception):
                raise came
            if came[:2] != wanted:
                continue
            if len(came) > 2 and came[2] & _TRUNCATED:  # noqa: PLR2004 - the octet of the flag
                return None
            if query.is_response(dns.message.from_wire(came)):
                return came
        raise ValueError(f"{STRAYS} datagrams that answer something else")
    finally:
        transport.close()


async def _stream(query: dns.message.QueryMessage, address: Address) -> bytes:
    """The answer over TCP; raises as `_datagram`."""
    reader, writer = await connect(address)
    try:
        wire = query.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()
        size = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(size)
    finally:
        close(writer)


def _said(question: Question, answer: dns.message.Message, *, over_tcp: bool) -> Said:
    code = answer.rcode()
    authoritative = bool(answer.flags & dns.flags.AA)
    records = tuple(_record_set(rrset) for rrset in answer.answer[:_MOST_SETS] if rrset.rdtype != dns.rdatatype.RRSIG)
    detail = ""
    if code != dns.rcode.NOERROR:
        state = _BY_CODE.get(code, DnsState.ERROR)
        detail = dns.rcode.to_text(code) if state is DnsState.ERROR else ""
    elif any(record.type == question.type for record in records) or (records and not question.recurse):
        state = DnsState.ANSWERED
    elif not records and not authoritative and _kinds(answer.authority) & {dns.rdatatype.NS} and not _soa(answer):
        state = DnsState.REFERRED
    else:
        state = DnsState.NO_DATA
    return Said(
        type=question.type,
        state=state,
        detail=detail,
        authoritative=authoritative,
        recursive=bool(answer.flags & dns.flags.RA),
        edns=answer.edns >= 0 or not question.edns,
        over="TCP" if over_tcp else "UDP",
        records=records,
    )


def _kinds(section: list[RRset]) -> set[dns.rdatatype.RdataType]:
    return {rrset.rdtype for rrset in section}


def _soa(answer: dns.message.Message) -> bool:
    return dns.rdatatype.SOA in _kinds(answer.authority)


def _record_set(rrset: RRset) -> RecordSet:
    values = sorted(value_of(rdata) for rdata in list(rrset)[:_MOST_VALUES])
    return RecordSet(
        name=plain(rrset.name), type=dns.rdatatype.to_text(rrset.rdtype), ttl=rrset.ttl, values=tuple(values)
    )


def plain(name: dns.name.Name) -> str:
    """A name as facts hold it."""
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else "."


def value_of(rdata: object) -> str:
    """A record's value as facts hold it."""
    kind = cast("dns.rdatatype.RdataType", rdata.rdtype)  # type: ignore[attr-defined]
    if kind in (dns.rdatatype.CNAME, dns.rdatatype.NS, dns.rdatatype.PTR, dns.rdatatype.DNAME):
        text = plain(rdata.target)  # type: ignore[attr-defined]
    elif kind == dns.rdatatype.MX:
        text = f"{rdata.preference} {plain(rdata.exchange)}"  # type: ignore[attr-defined]
    elif kind == dns.rdatatype.TXT:
        text = b"".join(rdata.strings).decode("utf-8", "backslashreplace")  # type: ignore[attr-defined]
    elif kind == dns.rdatatype.CAA:
        value = rdata.value.decode("utf-8", "backslashreplace")  # type: ignore[attr-defined]
        text = f"{rdata.flags} {rdata.tag.decode('ascii', 'backslashreplace').lower()} {value}"  # type: ignore[attr-defined]
    else:
        text = str(rdata)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
