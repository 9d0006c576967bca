"""The mail probe against a real name server on loopback, and a real host of policies."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trustme

from roadworthy.facts.mail import LookupState, MailAsk, MailObservation, NoPolicyAnswer, PolicyAnswer
from roadworthy.probes.bench import Bench
from roadworthy.probes.mail import MOST_LOOKUPS, observe
from roadworthy.rules import mail, spf_judging
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.probes.conftest import Serve

    Zone = Mapping[str, tuple[str, ...] | dns.rcode.Rcode | None]

SHOP: Zone = {
    "shop.test MX": ("10 Mx1.Shop.test.", "20 alias.shop.test."),
    "mx1.shop.test A": ("192.0.2.25",),
    "alias.shop.test CNAME": ("mx1.shop.test.",),
    "shop.test TXT": ('"v=spf1 include:a.test " "redirect=b.test"', '"\\200\\255"'),
    "a.test TXT": ('"v=spf1 a mx:shop.test exists:%{i}.list.test ?all"',),
    "a.test A": ("198.51.100.9",),
    "198.51.100.7.list.test A": ("127.0.0.2",),
    "b.test TXT": ('"v=spf1 ip4:198.51.100.64/26 -all"',),
    "s1._domainkey.shop.test TXT": ('"v=DKIM1; p=AAAA"',),
    "_dmarc.test TXT": ('"v=DMARC1; p=reject; rua=mailto:d@reports.example"',),
    "test._report._dmarc.reports.example TXT": ('"v=DMARC1"',),
}
"""Question to: the answer's records, a response code, or None for silence. A name without entry does not exist."""


@dataclass
class Server(asyncio.DatagramProtocol):
    """Answers from a zone, over UDP as far as 1232 bytes go, and over TCP."""

    zone: Zone
    asked: list[str] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if answer := self.answer(data):
            try:
                wire = answer.to_wire(max_size=1232)
            except dns.exception.TooBig:
                short = dns.message.make_response(dns.message.from_wire(data))
                short.flags |= dns.flags.TC
                wire = short.to_wire()
            self.transport.sendto(wire, addr)

    async def over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        if answer := self.answer(await reader.readexactly(length)):
            wire = answer.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    def answer(self, data: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query, recursion_available=True)
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        plain = name.to_text(omit_final_dot=True)
        self.asked.append(f"{plain} {kind}")
        if alias := self.zone.get(f"{plain} CNAME"):
            assert isinstance(alias, tuple)
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", alias[0]))
            name = dns.name.from_text(alias[0])
            plain = name.to_text(omit_final_dot=True)
        exists = any(key.startswith(f"{plain} ") for key in self.zone)
        found = self.zone.get(f"{plain} {kind}", () if exists else dns.rcode.NXDOMAIN)
        if found is None:
            return None
        if isinstance(found, dns.rcode.Rcode):
            answer.set_rcode(found)
        elif found:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
        return answer


@asynccontextmanager
async def serving(zone: Zone) -> AsyncIterator[tuple[Server, str]]:
    server = Server(zone)
    over_tcp = await asyncio.start_server(server.over_tcp, "127.0.0.1", 0)
    port = over_tcp.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", port)
    )
    try:
        yield server, f"127.0.0.1:{port}"
    finally:
        transport.close()
        over_tcp.close()


def look(zone: Zone, *, patience_s: float = 1.0, **asked: Any) -> tuple[MailObservation, list[str]]:
    """The observation, and what the name server was asked for it."""

    async def meet() -> tuple[MailObservation, list[str]]:
        async with serving(zone) as (server, at):
            bench = Bench(Network(resolver=at), "roadworthy-tests", patience_s)
            async with bench.exits:
                ask = MailAsk(host="shop.test", port=53, **asked)
                return await observe(ask, None, bench), server.asked

    return asyncio.run(meet())


def test_everything_that_judging_takes_is_looked_up_once() -> None:
    seen, asked = look(SHOP, selectors=("s1", "s2"), senders=("198.51.100.7", "198.51.100.9", "192.0.2.25"))
    assert len(asked) == len(set(asked)) == len(seen.lookups)
    assert not seen.transient
    assert mail.hosts(seen, "shop.test") == ("mx1.shop.test", "alias.shop.test")
    assert seen.lookup("alias.shop.test", "A").alias_of == "mx1.shop.test"
    assert spf_judging.record_faults(seen, "shop.test") == []
    assert spf_judging.unpermitted(seen, "shop.test", ("198.51.100.7", "198.51.100.9", "192.0.2.25", "a.test")) == []
    assert spf_judging.end_of(seen, "shop.test") == "-all"
    assert mail.lax_policy(seen, "shop.test", "reject", below=False) == []
    assert mail.report_faults(seen, "shop.test") == []


def test_answers_are_kept_as_states() -> None:
    seen, _ = look({**SHOP, "shop.test TXT": dns.rcode.SERVFAIL, "_smtp._tls.shop.test A": ("192.0.2.1",)})
    assert seen.answer("shop.test", "TXT").state is LookupState.FAILED
    assert "SERVFAIL" in seen.answer("shop.test", "TXT").detail
    assert seen.answer("_mta-sts.shop.test", "TXT").state is LookupState.NXDOMAIN
    assert seen.answer("_smtp._tls.shop.test", "TXT").state is LookupState.NODATA
    assert seen.answer("shop.test", "PTR").detail == "was not looked up"
    assert seen.transient


def test_texts_are_joined_and_their_bytes_kept() -> None:
    seen, _ = look(SHOP)
    assert seen.lookup("shop.test", "TXT").records == ("v=spf1 include:a.test redirect=b.test", "\xc8\xff")
    assert MailObservation.model_validate_json(seen.model_dump_json()) == seen


def test_a_null_exchanger_is_a_dot() -> None:
    seen, _ = look({"shop.test MX": ("0 .",)})
    assert seen.lookup("shop.test", "MX").records == ("0 .",)


def test_a_silent_server_is_told_within_its_time() -> None:
    seen, _ = look({**SHOP, "shop.test MX": None}, patience_s=0.4)
    assert "no answer within 0.4 s" in seen.answer("shop.test", "MX").detail


def test_what_never_ends_is_cut_off() -> None:
    """Every exchanger includes ten more, and each answer is as large as one can be."""
    filler = " ".join(f'"{"x" * 250}"' for _ in range(200))
    zone: dict[str, tuple[str, ...]] = {}
    for number in range(40):
        includes = " ".join(f"mx:m{number}-{n}.test include:s{number * 10 + n}.test" for n in range(1, 10))
        name = "shop.test" if number == 0 else f"s{number}.test"
        zone[f"{name} TXT"] = (f'"v=spf1 {includes[:240]}"', filler)
        for n in range(1, 10):
            zone[f"m{number}-{n}.test MX"] = tuple(f"{i} m{number}-{n}-{i}.test." for i in range(10))
    seen, asked = look(zone)
    assert len(asked) <= 2 * MOST_LOOKUPS  # over UDP, and then TCP
    assert len(seen.model_dump_json()) < 3_000_000
    assert spf_judging.record_faults(seen, "shop.test")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.shop.test\r\nmax_age: 86400\r\n"


def fetch(
    serve: Serve, authority: trustme.CA, *names: str, status: str = "200 OK", zone: Zone | None = None
) -> tuple[PolicyAnswer | NoPolicyAnswer, list[str]]:
    """The policy of a host with a certificate for these names, and the requests that it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    requests: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        head = ("Content-Type: text/plain", "Location: /elsewhere", f"Content-Length: {len(POLICY)}", "", POLICY)
        writer.write("\r\n".join((f"HTTP/1.1 {status}", *head)).encode())
        await writer.drain()

    async def meet() -> PolicyAnswer | NoPolicyAnswer:
        with tempfile.TemporaryDirectory() as folder:
            ca_file = Path(folder) / "ca.pem"
            authority.cert_pem.write_to_path(str(ca_file))
            known = {"mta-sts.shop.test A": ("127.0.0.1",)} if zone is None else zone
            async with serve(talk, tls=context) as address, serving(known) as (_, at):
                network = Network(resolver=at, ca_file=str(ca_file), connect_to=(f"::127.0.0.1:{address.port}",))
                if zone is not None:
                    network = Network(resolver=at, ca_file=str(ca_file))
                bench = Bench(network, "roadworthy-tests", 2.0)
                async with bench.exits:
                    seen = await observe(MailAsk(host="shop.test", port=53, policy_file=True), None, bench)
                    return seen.policies[0]

    return asyncio.run(meet()), requests


def test_the_policy_is_fetched_and_trusted(serve: Serve, authority: trustme.CA) -> None:
    policy, requests = fetch(serve, authority, "mta-sts.shop.test")
    assert isinstance(policy, PolicyAnswer)
    assert (policy.status, policy.media_type, policy.text, policy.distrust) == (200, "text/plain", POLICY, "")
    assert requests == ["GET /.well-known/mta-sts.txt HTTP/1.1"]


def test_a_certificate_for_another_name_is_told(serve: Serve, authority: trustme.CA) -> None:
    policy, _ = fetch(serve, authority, "shop.test")
    assert isinstance(policy, PolicyAnswer)
    assert policy.distrust == "the certificate is not for mta-sts.shop.test"


def test_an_unknown_authority_is_told(serve: Serve, authority: trustme.CA) -> None:
    policy, _ = fetch(serve, _Mixed(trustme.CA(), authority), "mta-sts.shop.test")  # type: ignore[arg-type]
    assert isinstance(policy, PolicyAnswer)
    assert "certificate" in policy.distrust


class _Mixed:
    """Issues by one authority, and names another one to trust."""

    def __init__(self, issuing: trustme.CA, trusted: trustme.CA) -> None:
        self.issue_cert = issuing.issue_cert
        self.cert_pem = trusted.cert_pem


def test_a_redirect_is_not_followed(serve: Serve, authority: trustme.CA) -> None:
    policy, requests = fetch(serve, authority, "mta-sts.shop.test", status="301 Moved Permanently")
    assert isinstance(policy, PolicyAnswer)
    assert policy.status == 301
    assert len(requests) == 1


def test_no_host_is_no_policy(serve: Serve, authority: trustme.CA) -> None:
    policy, _ = fetch(serve, authority, "mta-sts.shop.test", zone={"shop.test A": ("192.0.2.1",)})
    assert isinstance(policy, NoPolicyAnswer)
    assert policy.detail == "mta-sts.shop.test: NXDOMAIN"
