from __future__ import annotations

import asyncio
import json
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from roadworthy.facts.base import NotObserved, Reason, Record, Seen
from roadworthy.facts.tls import Handshake, NoHandshake, NoHandshakeKind, TlsAsk, TlsObservation
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.tls import observe, sni
from roadworthy.target.network import Network
from tests.probes.tls_servers import (
    CLIENT_ONLY,
    DAY,
    HOST,
    SAN,
    Authority,
    Pem,
    keeps_reading,
    nginx,
    of_version_4,
    server_context,
    weak_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.probes.conftest import Serve, Talk

pytestmark = pytest.mark.real

AUTHORITY = Authority()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """What the probes of a run share; the test's authority is trusted."""
    return Bench(network=Network(ca_file=AUTHORITY.ca_file(tmp_path)), user_agent="roadworthy-tests", patience_s=1.0)


@pytest.fixture
def look(serve: Serve, bench: Bench, tmp_path: Path) -> Callable[..., TlsObservation]:
    """What is seen of a server that stdlib's ssl runs."""

    def look(pem: Pem | ssl.SSLContext, talk: Talk = keeps_reading, host: str = HOST, **asked: Any) -> TlsObservation:
        context = pem if isinstance(pem, ssl.SSLContext) else server_context(pem.write(tmp_path))

        async def run() -> TlsObservation:
            async with serve(talk, tls=context) as address, bench.exits:
                return await observe(TlsAsk(host=host, port=address.port, **asked), address, bench)

        return asyncio.run(run())

    return look


def speak(serve: Serve, bench: Bench, talk: Talk) -> NoHandshake:
    """What is seen of a server that speaks no TLS."""

    async def run() -> TlsObservation:
        async with serve(talk) as address, bench.exits:
            return await observe(TlsAsk(host=HOST, port=address.port), address, bench)

    seen = asyncio.run(run())
    assert isinstance(seen.result, NoHandshake)
    return seen.result


def test_a_healthy_server(look: Callable[..., TlsObservation]) -> None:
    seen = look(AUTHORITY.issue(HOST, "127.0.0.1", not_after=datetime.now(UTC) + 60 * DAY))
    shaken = seen.handshake
    assert (shaken.version, shaken.alpn, shaken.distrust, shaken.resumed) == ("1.3", "http/1.1", (), None)
    assert shaken.suite.startswith("TLS_")
    assert shaken.leaf.dns_names == (HOST,)
    assert shaken.leaf.ip_addresses == ("127.0.0.1",)
    assert (shaken.leaf.key_type, shaken.leaf.key_bits, shaken.leaf.signature_hash) == ("ec", 256, "sha256")
    assert shaken.authorities_end is not None
    assert seen.days_left == 59
    assert not seen.transient


def test_an_observation_survives_the_round_trip(look: Callable[..., TlsObservation]) -> None:
    seen = look(AUTHORITY.issue())
    record = Record(
        ask=TlsAsk(host=HOST, port=443),
        address="127.0.0.1:443",
        result=Seen(observation=seen),
        started=seen.observed_at,
        elapsed_s=0.1,
    )
    assert Record.from_json(record.model_dump_json()) == record
    json.loads(record.model_dump_json())


def test_an_expired_certificate_is_trusted_and_old(look: Callable[..., TlsObservation]) -> None:
    seen = look(AUTHORITY.issue(not_before=datetime.now(UTC) - 90 * DAY, not_after=datetime.now(UTC) - DAY / 2))
    assert seen.handshake.distrust == ()
    assert seen.days_left == -1


def test_another_name_does_not_touch_trust(look: Callable[..., TlsObservation]) -> None:
    seen = look(AUTHORITY.issue("www.shop.example"))
    assert seen.handshake.distrust == ()
    assert seen.leaf.dns_names == ("www.shop.example",)


def test_an_unknown_authority_is_told(look: Callable[..., TlsObservation]) -> None:
    distrust = "; ".join(look(Authority().issue()).handshake.distrust)
    assert "unable to get local issuer certificate" in distrust
    assert "was not sent and is not trusted" in distrust


def test_a_self_signed_certificate_is_told(look: Callable[..., TlsObservation]) -> None:
    other = Authority().trustme
    root = Pem(other.private_key_pem.bytes(), (other.cert_pem.bytes(),))
    assert any("self-signed certificate" in words for words in look(root).handshake.distrust)


def test_a_whole_chain_is_trusted(look: Callable[..., TlsObservation]) -> None:
    shaken = look(AUTHORITY.issue_below()).handshake
    assert shaken.distrust == ()
    assert len(shaken.chain) == 2
    assert shaken.chain[1].is_ca


def test_a_missing_intermediate_is_told(look: Callable[..., TlsObservation]) -> None:
    whole = AUTHORITY.issue_below()
    distrust = look(Pem(whole.key, whole.chain[:1])).handshake.distrust
    assert any("an intermediate certificate is missing" in words for words in distrust)


def test_the_first_end_above_the_leaf_is_a_fact_of_its_own(look: Callable[..., TlsObservation]) -> None:
    pem = AUTHORITY.issue_below()
    shaken = look(pem).handshake
    assert shaken.authorities_end == min(
        shaken.chain[1].not_after,
        x509.load_pem_x509_certificate(AUTHORITY.trustme.cert_pem.bytes()).not_valid_after_utc,
    )


def test_the_ask_may_name_another_ca_file(look: Callable[..., TlsObservation], tmp_path: Path) -> None:
    other = Authority()
    folder = tmp_path / "other"
    folder.mkdir()
    assert look(other.issue(), ca_file=other.ca_file(folder)).handshake.distrust == ()


def test_a_short_key_is_a_fact(look: Callable[..., TlsObservation]) -> None:
    shaken = look(AUTHORITY.issue_odd(weak_key(), extensions=(SAN,))).handshake
    assert (shaken.leaf.key_type, shaken.leaf.key_bits) == ("rsa", 1024)
    assert shaken.distrust == ()


def test_a_certificate_for_clients_is_not_trusted(look: Callable[..., TlsObservation]) -> None:
    distrust = look(AUTHORITY.issue_odd(extensions=(SAN, CLIENT_ONLY))).handshake.distrust
    assert any("purpose" in words for words in distrust)


def test_a_certificate_without_names_has_none(look: Callable[..., TlsObservation]) -> None:
    assert look(AUTHORITY.issue_odd()).leaf.dns_names == ()


def test_names_that_can_not_be_read_are_told(look: Callable[..., TlsObservation]) -> None:
    not_ascii = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x03\x82\x01\xe9")
    shaken = look(AUTHORITY.issue_odd(extensions=(not_ascii,))).handshake
    assert any("extensions can't be read" in words for words in shaken.distrust)
    assert shaken.leaf.dns_names == ()


def test_a_certificate_that_can_not_be_read_is_no_session(look: Callable[..., TlsObservation]) -> None:
    result = look(of_version_4(AUTHORITY.issue())).result
    assert isinstance(result, NoHandshake)
    assert result.failure is NoHandshakeKind.FAILED
    assert "the server's certificate can't be read" in result.detail


def test_an_authority_that_can_not_be_read_is_told(look: Callable[..., TlsObservation]) -> None:
    leaf, below = AUTHORITY.issue(), of_version_4(AUTHORITY.issue_below())
    shaken = look(Pem(leaf.key, (leaf.chain[0], below.chain[0]))).handshake
    assert any("a certificate of the chain can't be read" in words for words in shaken.distrust)


def test_an_international_and_a_numeric_host_are_asked(look: Callable[..., TlsObservation]) -> None:
    assert look(AUTHORITY.issue("xn--mnchen-3ya.example"), host="münchen.example").handshake.distrust == ()
    assert (sni("straße.example"), sni("api.shop.example.")) == ("xn--strae-oqa.example", "api.shop.example")
    assert look(AUTHORITY.issue("127.0.0.1"), host="127.0.0.1").leaf.ip_addresses == ("127.0.0.1",)


def test_the_server_is_told_the_name(serve: Serve, bench: Bench, tmp_path: Path) -> None:
    context = server_context(AUTHORITY.issue().write(tmp_path))
    named: list[str | None] = []
    context.sni_callback = lambda _, name, __: named.append(name)  # type: ignore[assignment,misc]

    async def run() -> None:
        async with serve(keeps_reading, tls=context) as address, bench.exits:
            for host in (HOST, "127.0.0.1"):
                await observe(TlsAsk(host=host, port=address.port), address, bench)

    asyncio.run(run())
    assert named == [HOST, HOST, None, None]  # each once more, for a certificate of another kind of key


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_resumes(tmp_path: Path, look: Callable[..., TlsObservation], version: ssl.TLSVersion) -> None:
    context = server_context(AUTHORITY.issue().write(tmp_path))
    context.maximum_version = version
    assert look(context, resumption=True).handshake.resumed is True


def test_a_server_that_sends_no_ticket_resumes_nothing(tmp_path: Path, look: Callable[..., TlsObservation]) -> None:
    context = server_context(AUTHORITY.issue().write(tmp_path))
    context.num_tickets = 0
    assert look(context, resumption=True).handshake.resumed is False


@pytest.mark.parametrize(
    ("directives", "resumes"),
    [
        ("ssl_session_cache shared:TLS:1m; http2 on;", True),
        ("ssl_session_tickets off; ssl_session_cache shared:TLS:1m; ssl_protocols TLSv1.2;", True),
        ("ssl_session_tickets off; ssl_session_cache off;", False),
    ],
)
def test_resumption_at_nginx(tmp_path: Path, bench: Bench, directives: str, resumes: bool) -> None:  # noqa: FBT001
    async def run() -> TlsObservation:
        async with nginx(tmp_path, AUTHORITY.issue().write(tmp_path), directives) as address, bench.exits:
            return await observe(TlsAsk(host=HOST, port=address.port, resumption=True), address, bench)

    shaken = asyncio.run(run()).handshake
    assert shaken.resumed is resumes
    assert shaken.ticket_lifetime_s == (300 if "tickets" not in directives else None)
    assert shaken.alpn == ("h2" if "http2" in directives else "http/1.1")


def test_a_server_too_old_for_a_modern_client_alerts(tmp_path: Path, bench: Bench) -> None:
    old = "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"

    async def run() -> TlsObservation:
        async with nginx(tmp_path, AUTHORITY.issue().write(tmp_path), old) as address, bench.exits:
            return await observe(TlsAsk(host=HOST, port=address.port), address, bench)

    result = asyncio.run(run()).result
    assert isinstance(result, NoHandshake)
    assert result.failure is NoHandshakeKind.ALERT
    assert "protocol version" in result.detail


def test_a_server_that_wants_a_client_certificate_is_seen(tmp_path: Path, look: Callable[..., TlsObservation]) -> None:
    context = server_context(AUTHORITY.issue().write(tmp_path))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(AUTHORITY.ca_file(tmp_path))
    assert isinstance(look(context, resumption=True).result, Handshake)


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def speaks_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(bytes(range(256)) * 8)
    await writer.drain()


async def greets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.shop.example ESMTP\r\n")
    await writer.drain()
    await asyncio.sleep(60)


async def speaks_a_broken_record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"\x16\x03\x03\x00\x05\x63\x00\x00\x01x")
    await writer.drain()
    await asyncio.sleep(60)


async def says_nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def closes(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    return


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"\x16\x03\x03")
    await writer.drain()
    writer.write_eof()
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "kind", "told"),
    [
        (speaks_http, NoHandshakeKind.NOT_TLS, "HTTP/1.1 400"),
        (speaks_garbage, NoHandshakeKind.NOT_TLS, "answered"),
        (greets, NoHandshakeKind.NOT_TLS, "ESMTP"),
        (speaks_a_broken_record, NoHandshakeKind.FAILED, "unexpected message"),
        (says_nothing, NoHandshakeKind.TIMED_OUT, "within 1 s"),
        (closes, NoHandshakeKind.CLOSED, ""),
        (breaks_off, NoHandshakeKind.CLOSED, "in the midst"),
    ],
)
def test_every_other_answer_is_a_state(
    serve: Serve, bench: Bench, talk: Talk, kind: NoHandshakeKind, told: str
) -> None:
    met = speak(serve, bench, talk)
    assert (met.failure, told in met.detail) == (kind, True), met


def test_a_port_without_listener_is_refused(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])

    async def run() -> TlsObservation:
        async with bench.exits:
            return await observe(TlsAsk(host=HOST, port=address.port), address, bench)

    seen = asyncio.run(run())
    assert isinstance(seen.result, NoHandshake)
    assert seen.result.failure is NoHandshakeKind.REFUSED
    assert seen.transient


def test_a_ca_file_without_certificates_is_not_observed(serve: Serve, bench: Bench, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")

    async def run() -> None:
        async with serve(says_nothing) as address, bench.exits:
            await observe(TlsAsk(host=HOST, port=address.port, ca_file=str(empty)), address, bench)

    with pytest.raises(NotObserved, match=r"empty\.pem") as caught:
        asyncio.run(run())
    assert caught.value.reason is Reason.BROKEN
