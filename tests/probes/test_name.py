from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.name import NameAsk, NameObservation, NameState
from roadworthy.probes import name as probe
from roadworthy.probes.bench import Bench
from roadworthy.target.network import Network
from tests.probes.dns_servers import nobodys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    Zone = dict[str, tuple[str, ...] | dns.rcode.Rcode | None]

ZONE: Zone = {
    "both.example A": ("192.0.2.2", "192.0.2.10", "192.0.2.1"),
    "both.example AAAA": ("2001:db8::2", "2001:db8::1"),
    "four.example A": ("192.0.2.1",),
    "six.example AAAA": ("2001:db8::1",),
    "alias.example A": ("CNAME both.example", "192.0.2.1"),
    "many.example A": tuple(f"192.0.2.{i}" for i in range(1, 201)),
    "xn--bcher-kva.example A": ("192.0.2.7",),
    "text.example A": (),
    "refused.example A": dns.rcode.REFUSED,
    "failing.example A": dns.rcode.SERVFAIL,
    "half.example A": ("192.0.2.1",),
    "half.example AAAA": dns.rcode.SERVFAIL,
    "silent.example A": None,
    "intranet A": ("192.0.2.5",),
}
"""Question to: the answer's records, a response code, or None for silence. A name without entry does not exist."""


BOTH = ["192.0.2.1:443", "192.0.2.2:443", "192.0.2.10:443", "[2001:db8::1]:443", "[2001:db8::2]:443"]


class DnsServer(asyncio.DatagramProtocol):
    """Answers from ZONE, over UDP as far as 512 bytes go, and over TCP."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if answer := self.answer(data):
            if len(wire := answer.to_wire()) > 512:
                answer = dns.message.make_response(dns.message.from_wire(data))
                answer.flags |= dns.flags.TC
                wire = answer.to_wire()
            self.transport.sendto(wire, addr)

    async def over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        if answer := self.answer(await reader.readexactly(length)):
            wire = answer.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    def answer(self, data: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        asked = f"{name.to_text(omit_final_dot=True)} {kind}"
        self.asked.append(asked)
        answer = dns.message.make_response(query, recursion_available=True)
        exists = any(entry.startswith(asked.split(maxsplit=1)[0] + " ") for entry in ZONE)
        found = ZONE.get(asked, () if exists else dns.rcode.NXDOMAIN)
        if found is None:
            return None
        if isinstance(found, dns.rcode.Rcode):
            answer.set_rcode(found)
            return answer
        for record in found:
            if record.startswith("CNAME "):
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", record.split()[1] + "."))
                name = dns.name.from_text(record.split()[1])
            else:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, record))
        return answer


@asynccontextmanager
async def dns_server() -> AsyncIterator[tuple[DnsServer, str]]:
    loop = asyncio.get_running_loop()
    server = DnsServer()
    over_tcp = await asyncio.start_server(server.over_tcp, nobodys(), 0)
    ip, port = over_tcp.sockets[0].getsockname()
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=(ip, port))
    try:
        yield server, f"{ip}:{port}"
    finally:
        transport.close()
        over_tcp.close()


def look(host: str, *connect_to: str, port: int = 443, patience_s: float = 1.0) -> tuple[NameObservation, list[str]]:
    """The observation, and what the DNS server was asked for it."""

    async def meet() -> tuple[NameObservation, list[str]]:
        async with dns_server() as (server, at):
            bench = Bench(Network(resolver=at, connect_to=connect_to), "roadworthy-tests", patience_s)
            async with bench.exits:
                return await probe.observe(NameAsk(host=host, port=port), None, bench), server.asked

    return asyncio.run(meet())


@pytest.mark.parametrize(
    ("host", "endpoints"),
    [
        (
            "both.example",
            ["192.0.2.1:443", "192.0.2.2:443", "192.0.2.10:443", "[2001:db8::1]:443", "[2001:db8::2]:443"],
        ),
        (
            "BOTH.example.",
            ["192.0.2.1:443", "192.0.2.2:443", "192.0.2.10:443", "[2001:db8::1]:443", "[2001:db8::2]:443"],
        ),
        ("four.example", ["192.0.2.1:443"]),
        ("six.example", ["[2001:db8::1]:443"]),
        ("alias.example", ["192.0.2.1:443"]),
        ("bücher.example", ["192.0.2.7:443"]),
        ("intranet", ["192.0.2.5:443"]),
        ("many.example", [f"192.0.2.{i}:443" for i in range(1, 201)]),
    ],
)
def test_all_addresses_count_in_an_order_that_stays(host: str, endpoints: list[str]) -> None:
    seen, _ = look(host)
    assert (seen.state, seen.source) == (NameState.RESOLVED, "DNS")
    assert list(seen.endpoints) == endpoints


@pytest.mark.parametrize(
    ("host", "state"),
    [("missing.example", NameState.NXDOMAIN), ("text.example", NameState.NODATA), ("missing", NameState.NXDOMAIN)],
)
def test_a_name_that_leads_nowhere_is_a_state(host: str, state: NameState) -> None:
    seen, asked = look(host)
    assert (seen.state, seen.endpoints, seen.source) == (state, (), "DNS")
    assert sorted(asked) == [f"{host} A", f"{host} AAAA"]


@pytest.mark.parametrize(
    ("host", "detail"),
    [
        ("failing.example", "SERVFAIL"),
        ("refused.example", "REFUSED"),
        ("half.example", "half.example AAAA: "),
        ("silent.example", "silent.example A: "),
        ("a..example", "a..example A: "),
        (f"{'a' * 64}.example", "> 63"),
        ("ü" * 64 + ".example", "Label too long"),
    ],
)
def test_a_resolver_that_fails_says_nothing_of_the_name(host: str, detail: str) -> None:
    with pytest.raises(NotObserved) as told:
        look(host, patience_s=0.3)
    assert told.value.reason is Reason.RESOLVER
    assert detail in told.value.detail


def test_no_resolver_there_says_nothing_of_the_name() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    bench = Bench(Network(resolver=f"127.0.0.1:{port}"), "roadworthy-tests", 0.3)
    with pytest.raises(NotObserved) as told:
        asyncio.run(probe.observe(NameAsk(host="both.example", port=443), None, bench))
    assert told.value.reason is Reason.RESOLVER


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("192.0.2.1", "192.0.2.1:443"),
        ("2001:DB8::1", "[2001:db8::1]:443"),
        ("[2001:db8::1]", "[2001:db8::1]:443"),
        ("localhost", "127.0.0.1:443"),
        ("LOCALHOST.", "127.0.0.1:443"),
        ("shop.localhost", "127.0.0.1:443"),
    ],
)
def test_what_is_an_address_by_itself_is_not_looked_up(host: str, endpoint: str) -> None:
    seen, asked = look(host)
    assert (seen.endpoints, seen.source, asked) == ((endpoint,), "literal", [])


@pytest.mark.parametrize(
    ("connect_to", "endpoints"),
    [
        (["both.example:443:127.0.0.1:8443"], ["127.0.0.1:8443"]),
        (["::127.0.0.1:"], ["127.0.0.1:443"]),
        (["both.example:443:127.0.0.2:1", "both.example:443:[::1]:2"], ["127.0.0.2:1", "[::1]:2"]),
        (["both.example:443:four.example:8443"], ["192.0.2.1:8443"]),
        (["four.example::127.0.0.1:1", "both.example:443:four.example:"], ["192.0.2.1:443"]),
        (["both.example:443:four.example:", "both.example:443:192.0.2.1:"], ["192.0.2.1:443"]),
        (["both.example:443:localhost:8443"], ["127.0.0.1:8443"]),
    ],
)
def test_connect_to_goes_before_all_else(connect_to: list[str], endpoints: list[str]) -> None:
    seen, _ = look("both.example", *connect_to)
    assert (list(seen.endpoints), seen.source) == (endpoints, "connect-to")


def test_connect_to_only_another_port_keeps_the_names_addresses() -> None:
    seen, _ = look("four.example", "four.example:443::8443")
    assert (seen.endpoints, seen.source) == (("192.0.2.1:8443",), "connect-to")


def test_connect_to_for_another_port_is_not_for_this_one() -> None:
    seen, _ = look("four.example", "four.example:80:127.0.0.1:8080")
    assert (seen.endpoints, seen.source) == (("192.0.2.1:443",), "DNS")


def test_connect_to_a_name_that_does_not_exist_leads_nowhere() -> None:
    seen, _ = look("both.example", "both.example:443:127.0.0.1:1", "both.example:443:missing.example:")
    assert (seen.state, seen.endpoints, seen.source) == (NameState.NXDOMAIN, (), "DNS")


HOSTS = """\
# comment
127.0.0.1       localhost
192.0.2.2  Shop.Example www.shop.example  # both
fe80::1%lo0     scoped.example
nonsense        shop.example
2001:db8::1     shop.example

192.0.2.1       shop.example
192.0.2.2       shop.example
"""


def test_a_hosts_file_may_give_a_name_several_addresses() -> None:
    names = {name: [str(ip) for ip in ips] for name, ips in probe.parse_hosts(HOSTS).items()}
    assert names["shop.example"] == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert names["www.shop.example"] == ["192.0.2.2"]
    assert "comment" not in names
    assert "both" not in names


def test_the_hosts_file_goes_before_dns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts").write_text(HOSTS)
    monkeypatch.setattr(probe, "HOSTS_FILE", tmp_path / "hosts")
    ask = NameAsk(host="WWW.Shop.example", port=443)
    seen = asyncio.run(probe.observe(ask, None, Bench(Network(), "roadworthy-tests", 1.0)))
    assert (seen.endpoints, seen.source) == (("192.0.2.2:443",), "hosts file")


def test_a_target_that_names_its_resolver_does_not_mean_this_machines_hosts_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hosts").write_text("192.0.2.99 four.example\n")
    monkeypatch.setattr(probe, "HOSTS_FILE", tmp_path / "hosts")
    seen, _ = look("four.example")
    assert (seen.endpoints, seen.source) == (("192.0.2.1:443",), "DNS")


def test_observations_survive_a_round_trip() -> None:
    for host in "both.example", "missing.example":
        seen, _ = look(host)
        assert NameObservation.model_validate_json(seen.model_dump_json()) == seen
