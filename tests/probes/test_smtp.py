"""The SMTP probe against aiosmtpd, and against servers that talk nonsense."""

from __future__ import annotations

import asyncio
import base64
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.smtp import Purpose, Reply, SmtpAsk, SmtpEnd, SmtpObservation, mechanisms
from roadworthy.probes import smtp
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.smtp import observe
from roadworthy.probes.tcp import close, connect
from roadworthy.sandbox.deployment import Certificate, Tls
from roadworthy.sandbox.mail import MailJob, MailServer, listen
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

HOST = "smtp.mailer.test"
TLS = Tls(Certificate((HOST,)), ("1.2", "1.3"), (), ())
SERVER = MailServer("relay", HOST, ("127.0.0.1", 0), TLS, login=("app", "let-me-in"))


class Place:
    """Files of an authority, and of certificates that it issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))

    def bench(self, *, trusts: bool = True, patience_s: float = 1.0) -> Bench:
        network = Network(ca_file=str(self.ca_file) if trusts else None)
        return Bench(network, "roadworthy-tests", patience_s)

    def job(self, server: MailServer, *names: str) -> MailJob:
        issued = self.authority.issue_cert(*names or (HOST,))
        chain, key = self.folder / f"{server.name}.pem", self.folder / f"{server.name}.key"
        chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return MailJob(server, chain, key)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("smtp"))


@asynccontextmanager
async def running(job: MailJob) -> AsyncIterator[Address]:
    """A real mail server on a free port."""
    probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    address = Address("127.0.0.1", port)
    task = asyncio.create_task(listen(replace(job, server=replace(job.server, address=tuple(address)))))
    try:
        async with asyncio.timeout(5):
            while not await _accepts(address):
                assert not task.done(), task.exception()
                await asyncio.sleep(0)
        yield address
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _accepts(address: Address) -> bool:
    try:
        _, writer = await connect(address)
    except ConnectionError:
        return False
    close(writer)
    return True


def look(
    place: Place, server: MailServer, purpose: Purpose = Purpose.HELLO, *names: str, trusts: bool = True, **asked: Any
) -> SmtpObservation:
    """One conversation with a mail server."""

    async def meet() -> SmtpObservation:
        bench = place.bench(trusts=trusts)
        async with running(place.job(server, *names)) as address, bench.exits:
            ask = SmtpAsk(host=HOST, port=587, purpose=purpose, implicit_tls=server.implicit_tls, **asked)
            return await observe(ask, address, bench)

    return asyncio.run(meet())


def talk_to(talk: Talk, serve: Serve, place: Place, **asked: Any) -> SmtpObservation:
    """One conversation with a server that says what it likes."""

    async def meet() -> SmtpObservation:
        bench = place.bench(patience_s=0.5)
        async with serve(talk) as address, bench.exits:
            return await observe(SmtpAsk(host=HOST, port=587, **asked), address, bench)

    return asyncio.run(meet())


def test_what_is_offered_before_and_inside_tls(place: Place) -> None:
    seen = look(place, SERVER)
    assert seen.greeting == Reply(code=220, lines=(f"{HOST} ESMTP",))
    assert (seen.starttls and seen.starttls.code, mechanisms(seen.offers)) == (220, ())
    assert seen.secured is not None
    assert (seen.secured.version, seen.secured.distrust, seen.secured.early) == ("1.3", "", 0)
    assert set(mechanisms(seen.offers_secured)) == {"PLAIN", "LOGIN"}
    assert (seen.broke, seen.outcome, seen.tried, seen.transient) == (None, None, False, False)
    assert SmtpObservation.model_validate_json(seen.model_dump_json()) == seen


def test_tls_from_the_first_byte(place: Place) -> None:
    seen = look(place, replace(SERVER, implicit_tls=True))
    assert seen.secured is not None
    assert (seen.offers, seen.starttls) == (None, None)
    assert set(mechanisms(seen.offers_secured)) == {"PLAIN", "LOGIN"}


def test_no_starttls(place: Place) -> None:
    seen = look(place, replace(SERVER, starttls=False), Purpose.LOGIN, username="app", password="let-me-in")
    assert (seen.starttls, seen.secured, seen.tried) == (None, None, False)
    assert seen.withheld == "no login was sent: the server offers no TLS"


def test_the_right_login_and_a_wrong_one(place: Place) -> None:
    right = look(place, SERVER, Purpose.LOGIN, username="app", password="let-me-in")
    wrong = look(place, SERVER, Purpose.LOGIN, username="app", password="let-me-out")
    tried = look(place, SERVER, Purpose.WRONG_LOGIN, username="app", password="let-me-in")
    assert (right.result.code, right.result.enhanced, right.result.lines) == (235, "2.7.0", ())
    assert (wrong.result.code, tried.result.code) == (535, 535)
    assert right.tried


def test_a_login_is_in_no_evidence(place: Place) -> None:
    ask = SmtpAsk(host=HOST, port=587, purpose=Purpose.LOGIN, username="app", password="let-me-in")
    assert "let-me-in" not in ask.model_dump_json()
    assert "let-me-in" not in repr(ask)
    assert "let-me-in" not in look(place, SERVER, Purpose.LOGIN, username="app", password="let-me-in").model_dump_json()


@pytest.mark.parametrize("names", [("another.test",), ()])
def test_no_login_goes_over_tls_that_is_not_verified(place: Place, names: tuple[str, ...]) -> None:
    """A certificate for another name; one of an authority that nobody knows."""
    seen = look(place, SERVER, Purpose.LOGIN, *names, trusts=bool(names), username="app", password="let-me-in")
    assert seen.secured is not None
    assert seen.secured.distrust
    assert (seen.tried, seen.outcome) == (False, None)
    with pytest.raises(NotObserved, match="no login was sent: the certificate does not verify"):
        _ = seen.result


def test_an_untrusted_server_hears_no_password(serve: Serve, place: Place) -> None:
    """All that a server with another authority's certificate gets to read, in two connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            heard.append(line)
            if line.startswith(b"STARTTLS"):
                writer.write(b"220 go\r\n")
                await writer.start_tls(context)
            else:
                writer.write(b"250-hello\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n")

    seen = talk_to(talk, serve, place, purpose=Purpose.LOGIN, username="app", password="let-me-in")
    assert seen.secured is not None
    assert [line.split()[0] for line in heard] == [b"EHLO", b"STARTTLS", b"EHLO", b"STARTTLS", b"EHLO", b"QUIT"]


def test_a_relay_is_asked_and_nothing_is_sent(place: Place) -> None:
    refused = look(place, SERVER, Purpose.RELAY)
    at_rcpt = look(place, replace(SERVER, login=None), Purpose.RELAY)
    accepted = look(place, replace(SERVER, relays=True), Purpose.RELAY)
    assert (refused.result.code, refused.accepted_sender) == (530, False)
    assert (at_rcpt.result.code, at_rcpt.accepted_sender) == (554, True)
    assert (accepted.result.code, accepted.accepted_sender) == (250, True)


def test_a_server_that_is_not_willing(place: Place) -> None:
    seen = look(place, replace(SERVER, unwilling=True))
    assert seen.greeting is not None
    assert (seen.greeting.code, seen.offers) == (554, None)


def saying(*lines: bytes) -> Callable[..., Coroutine[Any, Any, None]]:
    """Says one thing after another, whatever is asked."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(line)
            await writer.drain()
            await reader.readline()

    return talk


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    while True:
        writer.write(b"220-still greeting\r\n" * 50)
        await writer.drain()


async def lineless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    while True:
        writer.write(b"220 " + b"x" * 65536)
        await writer.drain()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    while True:
        writer.write(b"220-a\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "end", "detail"),
    [
        (endless, SmtpEnd.GARBLED, "more than 100 lines"),
        (lineless, SmtpEnd.GARBLED, "a line without an end"),
        (dripping, SmtpEnd.SILENT, "not done within"),
        (mute, SmtpEnd.SILENT, ""),
        (saying(b"220 hi\r\n", b"HTTP/1.1 400 Bad Request\r\n"), SmtpEnd.GARBLED, "HTTP/1.1 400"),
        (saying(b"\xff\xfe\0\r\n"), SmtpEnd.GARBLED, "the server said"),
        (saying(b"220 hi\r\n", b"502 what?\r\n"), SmtpEnd.GARBLED, "502 what?"),
        (saying(b"220 hi\r\n"), SmtpEnd.CLOSED, ""),
        (saying(b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n", b"no TLS at all\r\n"), SmtpEnd.NO_TLS, ""),
    ],
)
def test_nonsense_ends_the_conversation(talk: Talk, end: SmtpEnd, detail: str, serve: Serve, place: Place) -> None:
    seen = talk_to(talk, serve, place)
    assert seen.broke is not None
    assert (seen.broke.end, detail in seen.broke.detail) == (end, True), seen.broke
    assert seen.transient
    assert len(seen.model_dump_json()) < 20_000


def test_words_behind_the_consent_to_tls_are_noted_and_not_taken(serve: Serve, place: Place) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    place.authority.issue_cert(HOST).configure_cert(context)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250-hi\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n")
        await writer.start_tls(context)
        await reader.readline()
        writer.write(b"250-hi\r\n250 SIZE 1\r\n")
        await reader.readline()

    seen = talk_to(talk, serve, place)
    assert seen.secured is not None
    assert seen.secured.early == len(b"250-injected\r\n250 AUTH PLAIN\r\n")
    assert seen.offers_secured == ("SIZE 1",)


def test_a_reply_to_a_login_is_kept_as_its_code(serve: Serve, place: Place) -> None:
    """A hostile server repeats what it was told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    place.authority.issue_cert(HOST).configure_cert(context)
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250-hi\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n")
        await writer.start_tls(context)
        await reader.readline()
        writer.write(b"250-hi\r\n250 AUTH LOGIN\r\n")
        await reader.readline()
        for _ in range(2):
            writer.write(b"334 VXNlcm5hbWU6\r\n")
            heard.append((await reader.readline()).strip())
        writer.write(b"535 5.7.8 not " + heard[1] + b"\r\n")
        await reader.readline()

    seen = talk_to(talk, serve, place, purpose=Purpose.LOGIN, username="app", password="let-me-in")
    assert heard == [base64.b64encode(b"app"), base64.b64encode(b"let-me-in")]
    assert seen.result == Reply(code=535, enhanced="5.7.8", lines=())
    assert heard[1].decode() not in seen.model_dump_json()


def test_a_closed_port_is_a_state_and_no_way_there_is_not(place: Place) -> None:
    async def meet(address: Address) -> SmtpObservation:
        bench = place.bench()
        async with bench.exits:
            return await observe(SmtpAsk(host=HOST, port=587), address, bench)

    async def closed() -> SmtpObservation:
        listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        return await meet(Address("127.0.0.1", port))

    seen = asyncio.run(closed())
    assert seen.broke is not None
    assert seen.broke.end is SmtpEnd.REFUSED
    with pytest.raises(NotObserved) as told:
        asyncio.run(meet(Address("224.0.0.1", 587)))
    assert told.value.reason is Reason.UNREACHABLE


def test_a_wrong_password_is_tried_once() -> None:
    ask = SmtpAsk(host=HOST, port=587, purpose=Purpose.WRONG_LOGIN)
    seen = SmtpObservation(observed_at="2026-11-21T12:00:00Z", tried=True)  # type: ignore[arg-type]
    assert not ask.may_repeat(seen)
    assert ask.may_repeat(seen.model_copy(update={"tried": False}))
    assert smtp.WRONG_PASSWORD not in ask.model_dump_json()
