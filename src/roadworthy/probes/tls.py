"""TLS: one handshake of a modern client (TLS 1.2 and 1.3, SNI, ALPN), and whether its session resumes.

One more is made by a client that knows the other kind of key alone: a server may have two certificates. OpenSSL works
on memory and asyncio carries its bytes: no thread, nothing blocks. The handshake is completed whatever the certificate
is worth; what OpenSSL has against the chain is written down on the way.

    NoSession     why there is no TLS session; becomes a `NoHandshake`
    NotObserved   there is no route from here, or the CA file can't be read
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import certifi
from OpenSSL import SSL
from OpenSSL._util import (
    ffi,
    lib,  # OpenSSL's words for an error code have no public name
)
from OpenSSL.SSL import X509VerificationCodes as Codes

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.tls import Handshake, NoHandshake, NoHandshakeKind, TlsObservation
from roadworthy.probes import starttls, tcp
from roadworthy.probes.certificates import name_of, read_certificate
from roadworthy.probes.name import ascii_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from OpenSSL.crypto import X509

    from roadworthy.facts.tls import Certificate, TlsAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.starttls import Protocol

T = TypeVar("T")

CIPHERS = "DEFAULT:@SECLEVEL=1"
"""Level 1 takes RSA-1024, as browsers do: a short key is a fact to judge, not a reason to see nothing."""

ALPN = ("h2", "http/1.1")
LONGEST_CHAIN = 20
"""Certificates that are kept; OpenSSL itself refuses more than 100 kB of them."""

READ_BYTES = 16 * 1024
PARTIAL_CHAIN = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN: what the trust store names is trusted, root or not; as curl and Go
DATES = frozenset({Codes.ERR_CERT_NOT_YET_VALID, Codes.ERR_CERT_HAS_EXPIRED})
"""Told by the certificates themselves and judged apart from trust."""

WEAK_DIGESTS = frozenset({68})  # X509_V_ERR_CA_MD_TOO_WEAK
"""Told by the certificates that were sent, and judged apart from trust too."""

KeyKind = Literal["rsa", "ec"]
SIGNATURES: dict[KeyKind, str] = {
    "rsa": "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
    "rsa_pss_pss_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512",
    "ec": "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:ed448",
}
"""The signature algorithms of a client that knows one kind of key alone (RFC 8446 section 4.2.3)."""

KIND_OF: dict[str, KeyKind] = {"rsa": "rsa", "ec": "ec", "ed25519": "ec", "ed448": "ec"}

SHARE = 0.9
"""Of an observation's time, what all handshakes may take together."""

STAPLE_S = 0.5
"""Before asking a second time for an OCSP response: nginx gets one only after it was first asked."""

RECORD_TYPES = range(20, 25)  # RFC 8446 section 5.1, RFC 6520

TICKET_S = 0.3
"""The least wait for a TLS 1.3 session ticket, which comes after the handshake (RFC 8446 section 4.6.1)."""

H2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""The client's preface and empty SETTINGS (RFC 9113 section 3.4)."""


class NoSession(Exception):  # noqa: N818 - a state of the server, not an error of ours
    """There is no TLS session, in one of the ways that a server can refuse it."""

    def __init__(self, kind: NoHandshakeKind, detail: str) -> None:
        super().__init__(f"{kind.value}: {detail}")
        self.state = NoHandshake(failure=kind, detail=detail)


async def observe(ask: TlsAsk, address: Address, bench: Bench) -> TlsObservation:
    """A handshake, and if the ask wants to know, whether the session resumes.

    Raises:
        NotObserved: there is no route from here, or the CA file can't be read.
    """
    observed_at, until = datetime.now(UTC), asyncio.get_running_loop().time() + bench.network.timeout * SHARE
    way = Way(ask.host, ask.ca_file, ask.starttls)
    result, other = await shake(way, address, bench), None
    if isinstance(result, NoHandshake):
        return TlsObservation(observed_at=observed_at, result=result)
    with suppress(TimeoutError):  # the first handshake is not lost with a later one
        async with asyncio.timeout_at(until):
            other = await shake_other(way, address, bench, result)
            if not result.stapled and (ask.stapling or result.leaf.must_staple):
                result = await _again(way, address, bench, result)
            if ask.resumption:
                result = result.model_copy(update=await _resumption(way, address, bench))
    return TlsObservation(observed_at=observed_at, result=result, other=other)


class Way(NamedTuple):
    """As whom a server is asked, and how TLS begins."""

    host: str
    ca_file: str | None = None
    protocol: Protocol | None = None
    signatures: KeyKind | None = None
    """The one kind of key that the client claims to know; None: all."""


async def shake(way: Way, address: Address, bench: Bench) -> Handshake | NoHandshake:
    """One handshake with one address.

    Raises:
        NotObserved: there is no route from here, or the CA file can't be read.
    """
    contexts = await bench.shared(_contexts)
    key = (way.ca_file or bench.network.ca_file, way.protocol is None, way.signatures)
    if key not in contexts:
        contexts[key] = _context(key)
    client = SSL.Connection(contexts[key])
    client.set_app_data(_Notes())
    client.set_connect_state()
    client.request_ocsp()
    if name := sni(way.host):
        client.set_tlsext_host_name(name.encode())
    try:
        async with (
            asyncio.timeout(bench.patience_s),
            _linked(address, way.protocol, client.bio_write, partial(_drain, client)) as link,
        ):
            await link.pump(client.do_handshake)
            return _read(client)
    except TimeoutError:
        return NoHandshake(failure=NoHandshakeKind.TIMED_OUT, detail=f"no answer within {bench.patience_s:g} s")
    except NoSession as refusal:
        return refusal.state


async def shake_other(way: Way, address: Address, bench: Bench, first: Handshake) -> Handshake | None:
    """The handshake of a client that does not know the first certificate's kind of key; None where there is none.

    Raises:
        NotObserved: there is no route from here.
    """
    other: KeyKind = "ec" if KIND_OF.get(first.leaf.key_type) == "rsa" else "rsa"
    met = await shake(way._replace(signatures=other), address, bench)
    is_other = isinstance(met, Handshake) and KIND_OF.get(met.leaf.key_type) == other
    return met if isinstance(met, Handshake) and is_other else None


async def _again(way: Way, address: Address, bench: Bench, first: Handshake) -> Handshake:
    """A second handshake, where it went as well as the first."""
    await asyncio.sleep(STAPLE_S)
    second = await shake(way, address, bench)
    return second if isinstance(second, Handshake) else first


@dataclass
class _Notes:
    """What OpenSSL tells on the way of one handshake."""

    problems: list[tuple[int, X509]] = field(default_factory=list)
    stapled: bool = False


def _note_problem(client: SSL.Connection, certificate: X509, code: int, _depth: int, _ok: int) -> bool:
    if code and code not in DATES:
        client.get_app_data().problems.append((code, certificate))
    return True  # go on: everything that is wrong, at once


def _note_staple(client: SSL.Connection, response: bytes, _: object) -> bool:
    client.get_app_data().stapled = bool(response)
    return True


@asynccontextmanager
async def _contexts(_: Bench) -> AsyncIterator[dict[tuple[str | None, bool, KeyKind | None], SSL.Context]]:
    """One OpenSSL context for each CA file of a run: loading the trust store costs more than a handshake."""
    yield {}


def _context(key: tuple[str | None, bool, KeyKind | None]) -> SSL.Context:
    ca_file, speaks_http, signatures = key
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS.encode())
    if speaks_http:
        context.set_alpn_protos([protocol.encode() for protocol in ALPN])
    if signatures is not None and not _offers_only(context, SIGNATURES[signatures]):
        raise NotObserved(Reason.BROKEN, "this OpenSSL can't be told which signatures to offer")
    context.set_verify(SSL.VERIFY_PEER, _note_problem)
    context.set_ocsp_client_callback(_note_staple)
    try:
        context.load_verify_locations(ca_file or certifi.where())
    except SSL.Error as error:
        raise NotObserved(Reason.BROKEN, f"{ca_file}: holds no PEM certificate that can be read") from error
    store = context.get_cert_store()
    if store is not None:
        store.set_flags(PARTIAL_CHAIN)
    return context


def _offers_only(context: SSL.Context, signatures: str) -> bool:
    handle = context._context  # noqa: SLF001 - pyOpenSSL has no name for it
    return bool(lib.SSL_CTX_set1_sigalgs_list(handle, signatures.encode()) == 1)


def sni(host: str) -> str | None:
    """The name as it goes into the ClientHello (RFC 6066 section 3): none for an IP address, A-labels for others."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ascii_name(host.rstrip("."))
    return None


@dataclass
class _Link:
    """A TCP connection and the memory that OpenSSL reads from and writes to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    feed: Callable[[bytes], object]
    drain: Callable[[], bytes]
    first: bytes = b""

    async def pump(self, step: Callable[[], T]) -> T:
        """Repeats one step of OpenSSL until it needs no more bytes of the peer.

        Raises:
            NoSession: the peer closed, refused, or speaks no TLS.
        """
        while True:
            try:
                return step()
            except (SSL.WantReadError, ssl.SSLWantReadError):
                pass
            except (SSL.Error, ssl.SSLError) as error:
                raise self._refusal(_words(error)) from error
            finally:
                self.writer.write(self.drain())  # our own alert goes out too
            await self._receive()

    async def _receive(self) -> None:
        try:
            await self.writer.drain()
            received = await self.reader.read(READ_BYTES)
        except OSError as error:
            raise NoSession(NoHandshakeKind.CLOSED, error.strerror or str(error)) from error
        if not received:
            raise NoSession(NoHandshakeKind.CLOSED, "in the midst of the handshake" if self.first else "without a word")
        self.first = self.first or received[:40]
        self.feed(received)

    def _refusal(self, words: str) -> NoSession:
        if self.first and (self.first[0] not in RECORD_TYPES or self.first[1:2] not in (b"", b"\3")):
            return NoSession(NoHandshakeKind.NOT_TLS, f"answered {self.first.decode(errors='backslashreplace')!r}")
        return NoSession(NoHandshakeKind.ALERT if "alert" in words else NoHandshakeKind.FAILED, words)


@asynccontextmanager
async def _linked(
    address: Address, protocol: Protocol | None, feed: Callable[[bytes], object], drain: Callable[[], bytes]
) -> AsyncIterator[_Link]:
    try:
        reader, writer = await tcp.connect(address)
    except ConnectionError as error:
        raise NoSession(NoHandshakeKind.REFUSED, f"at {address}") from error
    try:
        if protocol is not None:
            await _upgrade(reader, writer, protocol)
        yield _Link(reader, writer, feed, drain)
    finally:
        tcp.close(writer)


async def _upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: Protocol) -> None:
    try:
        await starttls.upgrade(reader, writer, protocol)
    except starttls.NoStarttls as error:
        raise NoSession(NoHandshakeKind.NO_STARTTLS, str(error)) from error
    except OSError as error:
        raise NoSession(NoHandshakeKind.CLOSED, error.strerror or str(error)) from error


def _drain(client: SSL.Connection) -> bytes:
    with suppress(SSL.WantReadError):  # nothing to send
        return client.bio_read(64 * 1024)
    return b""


def _words(error: SSL.Error | ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    reasons = [reason for _, _, reason in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(reasons) or type(error).__name__


def _read(client: SSL.Connection) -> Handshake:
    """The facts of a completed handshake.

    Raises:
        NoSession: the server's own certificate can't be read.
    """
    notes: _Notes = client.get_app_data()
    chain: list[Certificate] = []
    unread: list[str] = []
    for received in (client.get_peer_cert_chain() or [])[:LONGEST_CHAIN]:
        try:
            certificate, missing = read_certificate(received)
        except ValueError as error:
            if not chain:
                raise NoSession(NoHandshakeKind.FAILED, f"the server's certificate can't be read: {error}") from error
            missing = (f"a certificate of the chain can't be read: {error}",)
        else:
            chain.append(certificate)
        unread.extend(missing)
    sent = {certificate.sha256 for certificate in chain}
    problems = [(code, one) for code, one in notes.problems if code not in WEAK_DIGESTS or _sha256(one) not in sent]
    distrust = (*unread, *dict.fromkeys(_distrust(code, received, len(chain)) for code, received in problems))
    above = () if distrust else _authorities(client)
    return Handshake(
        version=client.get_protocol_version_name().removeprefix("TLSv"),
        suite=client.get_cipher_name() or "",
        alpn=client.get_alpn_proto_negotiated().decode(errors="replace") or None,
        chain=tuple(chain),
        distrust=distrust,
        authorities_begin=max((one.not_before for one in above), default=None),
        authorities_end=min((one.not_after for one in above), default=None),
        stapled=notes.stapled,
    )


def _distrust(code: int, certificate: X509, sent: int) -> str:
    """OpenSSL's words for what is wrong with the chain, and with which certificate of it."""
    words = ffi.string(lib.X509_verify_cert_error_string(code)).decode()
    subject, issuer = name_of(certificate)
    if code != Codes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        return f"{words} ({subject})"
    alone = "an intermediate certificate is missing, or the authority is unknown"
    return f"{words}: {issuer} was not sent and is not trusted; {alone if sent == 1 else 'the authority is unknown'}"


def _sha256(certificate: X509) -> str:
    return certificate.digest("sha256").decode().replace(":", "").lower()


def _authorities(client: SSL.Connection) -> tuple[Certificate, ...]:
    """What stands above the leaf on the verified path."""
    return tuple(read_certificate(one)[0] for one in (client.get_verified_chain() or [])[1:])


async def _resumption(way: Way, address: Address, bench: Bench) -> dict[str, bool | int | None]:
    """Whether a second handshake resumes the session of a first one, and what its ticket says of its life.

    Both connections stay open until it is told: a server may forget a session whose connection broke off.
    """
    context = _unverified(way)
    try:
        async with asyncio.timeout(bench.patience_s), AsyncExitStack() as exits:
            started = time.monotonic()
            first, link = await _stdlib_handshake(context, way, address, exits)
            wait_s = max(TICKET_S, 4 * (time.monotonic() - started))
            if first.version() == "TLSv1.3" and not await _ticket(first, link, _nudge(first, way.host, bench), wait_s):
                return {"resumed": False}
            lifetime_s = first.session.ticket_lifetime_hint if _has_ticket(first) and first.session else None
            second, _ = await _stdlib_handshake(context, way, address, exits, session=first.session)
            if not second.session_reused:
                return {"resumed": False}
            return {"resumed": True, "ticket_lifetime_s": lifetime_s or None}
    except (TimeoutError, NoSession):
        return {}  # there was no second one


def _unverified(way: Way) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # trust was judged in the first handshake; nothing secret is sent
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    if way.protocol is None:
        context.set_alpn_protocols(ALPN)
    return context


async def _stdlib_handshake(
    context: ssl.SSLContext,
    way: Way,
    address: Address,
    exits: AsyncExitStack,
    session: ssl.SSLSession | None = None,
) -> tuple[ssl.SSLObject, _Link]:
    """A handshake that the standard library makes: it tells whether a session was reused, which pyOpenSSL does not."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=sni(way.host), session=session)
    link = await exits.enter_async_context(_linked(address, way.protocol, incoming.write, outgoing.read))
    await link.pump(client.do_handshake)
    return client, link


def _nudge(client: ssl.SSLObject, host: str, bench: Bench) -> bytes:
    """Harmless words in the protocol that was agreed on: some servers send a ticket only with their first answer."""
    match client.selected_alpn_protocol():
        case "h2":
            return H2_GREETING
        case "http/1.1":
            request = f"HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {bench.user_agent}\r\nConnection: close\r\n\r\n"
            return request.encode()
        case _:
            return b""


async def _ticket(client: ssl.SSLObject, link: _Link, nudge: bytes, wait_s: float) -> bool:
    """Reads until a session ticket is there, and a second time after a nudge."""

    def read() -> None:
        try:
            while client.read(READ_BYTES):
                pass  # what the server says is not asked for
        except ssl.SSLWantReadError:
            if not _has_ticket(client):
                raise

    for words in (b"", nudge) if nudge else (b"",):
        with suppress(TimeoutError, NoSession):
            async with asyncio.timeout(wait_s):
                if words:
                    await link.pump(partial(client.write, words))
                await link.pump(read)
        if _has_ticket(client):
            return True
    return False


def _has_ticket(client: ssl.SSLObject) -> bool:
    return client.session is not None and client.session.has_ticket
