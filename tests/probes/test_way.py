"""The way to a store, by real servers: straight, by SSH, by a command; and what is told where it leads nowhere."""

# ruff: noqa: SIM117, PT012 - a server, the run that meets it, and what is raised at that one's end

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import sys
import threading
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest
import trustme

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import StoreEnd
from roadworthy.facts.tcp import TcpAsk, TcpState
from roadworthy.probes import way as ways
from roadworthy.probes.bench import Address
from roadworthy.probes.tcp import observe
from roadworthy.probes.way import Ended, link
from roadworthy.target.network import Network
from tests.probes.ssh_servers import HOST, bench_of, ssh_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.probes.bench import Bench
    from roadworthy.probes.way import Stream, Way
    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

pytestmark = pytest.mark.real

ASK = TcpAsk(host="store.test", port=5432)
AFAR = TcpAsk(host="store.test", port=5432, via="bastion")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()
    await asyncio.Event().wait()


@asynccontextmanager
async def driver(way: Way) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """What a driver does: connects, and closes when it is done."""
    reader, writer = await asyncio.open_connection(way.ip, way.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def says(way: Way, text: bytes = b"hello") -> bytes:
    """What comes back for a text."""
    async with driver(way) as (reader, writer):
        writer.write(text)
        return await reader.readexactly(len(text))


def nobody() -> Address:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Address("127.0.0.1", listener.getsockname()[1])


def left_over() -> set[str]:
    """Tasks of this loop, but this one."""
    return {str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()}


# --- straight --------------------------------------------------------------------------------------------------------


def test_bytes_pass_and_nothing_is_left(serve: Serve) -> None:
    async def meet() -> None:
        async with serve(echo) as address, bench_of(Network()) as bench:
            async with link(ASK, address, bench) as way:
                assert await says(way) == b"hello"
                assert await says(way, b"x" * 1_000_000) == b"x" * 1_000_000  # a second connection, and a large one
                assert way.received == 1_000_005
                assert way.tail == b"x" * ways.TAIL
            assert (way.ended, way.failed) == (None, None)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(way.ip, way.port)

    asyncio.run(meet())


def test_the_last_words_of_both_sides_arrive(serve: Serve) -> None:
    """A driver's goodbye reaches the server though the driver closes at once; a refusal reaches the driver."""
    heard: list[bytes] = []

    async def refuses(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no" * 100_000)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def listens(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    async def meet() -> tuple[Way, Way]:
        async with serve(refuses) as no, serve(listens) as yes, bench_of(Network()) as bench:
            async with link(ASK, no, bench) as refused, driver(refused) as (reader, _):
                assert await reader.read() == b"no" * 100_000
            async with link(ASK, yes, bench) as left, driver(left) as (_, writer):
                writer.write(b"goodbye")
            return refused, left

    refused, left = asyncio.run(meet())
    assert heard == [b"goodbye"]
    assert refused.ended is not None
    assert refused.ended.end is StoreEnd.CLOSED
    assert left.ended is None


def test_nobody_there_is_refused_and_a_full_queue_is_silent() -> None:
    async def meet(address: Address) -> StoreEnd:
        async with bench_of(Network(), 0.2) as bench:
            with pytest.raises(Ended) as ended:
                async with link(ASK, address, bench):
                    pass
            return ended.value.broke.end

    assert asyncio.run(meet(nobody())) is StoreEnd.REFUSED
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        assert asyncio.run(meet(Address(*listener.getsockname()))) is StoreEnd.SILENT
        for one in waiting:
            one.close()


def test_a_flood_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "MOST_BYTES", 1 << 20)

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async def meet() -> Way:
        async with serve(flood) as address, bench_of(Network()) as bench:
            async with link(ASK, address, bench) as way, driver(way) as (reader, _):
                assert len(await reader.read()) <= 1 << 20
            return way

    way = asyncio.run(meet())
    assert way.ended is not None
    assert (way.ended.end, way.ended.detail) == (StoreEnd.GARBLED, "more than 1 MiB came")


@pytest.mark.parametrize("how", ["closes", "resets"])
def test_a_server_that_leaves_is_told_from_a_driver_that_does(serve: Serve, how: str) -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        if how == "resets":
            writer.get_extra_info("socket").setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: a reset
        writer.transport.abort()

    async def meet() -> tuple[Way, Way]:
        async with serve(leaves) as address, bench_of(Network()) as bench:
            async with link(ASK, address, bench) as left, driver(left) as (reader, writer):
                writer.write(b"?")
                assert await reader.read() == b""
            async with link(ASK, address, bench) as own, driver(own):
                pass
            return left, own

    left, own = asyncio.run(meet())
    assert left.ended is not None
    assert left.ended.end is StoreEnd.CLOSED
    assert own.ended is None


def test_a_cancelled_driver_leaves_no_task(serve: Serve) -> None:
    async def meet() -> None:
        async with serve(silent) as address, bench_of(Network()) as bench:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), link(ASK, address, bench) as way, driver(way) as (reader, _):
                    await reader.read()
            await asyncio.sleep(0)
            assert not [name for name in left_over() if "passing" in name]

    asyncio.run(meet())


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def server_of(ca: trustme.CA, name: str = "store.test", **more: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name, **more).configure_cert(context)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_that_is_trusted(serve: Serve, ca: trustme.CA, tmp_path: Path, version: ssl.TLSVersion) -> None:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = server_of(ca)
    context.maximum_version = version

    async def meet() -> Way:
        network = Network(ca_file=str(tmp_path / "ca.pem"))
        async with serve(echo, tls=context) as address, bench_of(network) as bench:
            async with link(ASK, address, bench, tls=True) as way:
                assert await says(way, b"x" * 300_000) == b"x" * 300_000
            return way

    way = asyncio.run(meet())
    assert way.secured is not None
    assert (way.secured.version, way.secured.distrust) == (version.name.removeprefix("TLSv").replace("_", "."), "")
    assert way.ended is None


@pytest.mark.parametrize(
    "case",
    [
        ("store.test", {"not_after": datetime.now(UTC) - timedelta(days=1)}, "trusted", "expired"),
        ("other.test", {}, "trusted", "[Hh]ostname mismatch"),
        ("store.test", {}, "of another CA", "issuer certificate|self-signed"),
    ],
    ids=["expired", "another name", "another CA"],
)
def test_tls_that_is_not_trusted_is_up_all_the_same(
    serve: Serve, ca: trustme.CA, tmp_path: Path, case: tuple[str, dict[str, Any], str, str]
) -> None:
    name, more, trusted, told = case
    (ca if trusted == "trusted" else trustme.CA()).cert_pem.write_to_path(tmp_path / "ca.pem")
    if "not_after" in more:
        more = {**more, "not_before": datetime.now(UTC) - timedelta(days=9)}

    async def meet() -> Way:
        network = Network(ca_file=str(tmp_path / "ca.pem"))
        async with serve(echo, tls=server_of(ca, name, **more)) as address, bench_of(network) as bench:
            async with link(ASK, address, bench, tls=True) as way:
                assert await says(way) == b"hello"
            return way

    way = asyncio.run(meet())
    assert way.secured is not None
    assert re.search(told, way.secured.distrust)


def test_a_server_without_tls_says_so(serve: Serve) -> None:
    async def noise(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(5)

    async def leaves(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer

    async def meet(talk: Talk) -> str:
        async with serve(talk) as address, bench_of(Network(), 0.3) as bench:
            with pytest.raises(Ended) as ended:
                async with link(ASK, address, bench, tls=True):
                    pass
            assert ended.value.broke.end is StoreEnd.NO_TLS
            return ended.value.broke.detail

    assert "wrong version number" in asyncio.run(meet(noise))
    assert "closed the connection" in asyncio.run(meet(leaves))
    assert "no answer within 0.3 s" in asyncio.run(meet(silent))


def test_an_alert_after_the_handshake_is_told(ca: trustme.CA, tmp_path: Path) -> None:
    """In TLS 1.3 a client learns only then that it should have shown a certificate."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = server_of(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(context)

    def refuse(listener: socket.socket) -> None:  # asyncio's own servers keep the alert to themselves
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secure:
            with suppress(ssl.SSLError):
                secure.do_handshake()
            os.read(secure.fileno(), 65536)  # what is left unread would become a reset

    async def meet(address: Address) -> Way:
        async with bench_of(Network(ca_file=str(tmp_path / "ca.pem"))) as bench:
            async with link(ASK, address, bench, tls=True) as way, driver(way) as (reader, _):
                with suppress(ConnectionError):
                    await reader.read()
            return way

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=refuse, args=(listener,))
        server.start()
        way = asyncio.run(meet(Address(*listener.getsockname())))
        server.join()
    assert way.ended is not None
    assert way.ended.end is StoreEnd.NO_TLS
    assert "certificate required" in way.ended.detail


# --- by SSH ----------------------------------------------------------------------------------------------------------


async def asked(bench: Bench, address: Address, ask: TcpAsk = AFAR) -> TcpState | NotObserved:
    """What is seen of a port from a vantage point."""
    try:
        return (await observe(ask, address, bench)).state
    except NotObserved as error:
        return error


def test_a_store_is_reached_by_the_host_that_knows_it(serve: Serve, tmp_path: Path, ca: trustme.CA) -> None:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def meet() -> None:
        async with ssh_host(tmp_path / "ssh", known={"store.test": "127.0.0.1"}) as host, serve(echo) as plain:
            network = host.network(bastion=host.vantage()).model_copy(update={"ca_file": str(tmp_path / "ca.pem")})
            async with serve(echo, tls=server_of(ca)) as secure, bench_of(network) as bench:
                there = Address("store.test", plain.port)
                assert await asyncio.gather(*(asked(bench, there) for _ in range(20))) == [TcpState.OPEN] * 20
                async with link(AFAR, there, bench) as way:
                    assert await says(way, b"x" * 300_000) == b"x" * 300_000
                async with link(AFAR, Address("store.test", secure.port), bench, tls=True) as way:
                    assert await says(way) == b"hello"
                    assert way.secured is not None
                assert (way.ended, way.failed, way.secured.distrust) == (None, None, "")
            assert host.logins == ["ops"]
            assert host.asked[0] == ("store.test", plain.port)
            await asyncio.gather(*(one.wait_closed() for one in host.connections))  # the run's end ended it

    asyncio.run(meet())


def test_what_the_host_says_of_a_port(tmp_path: Path) -> None:
    async def meet(there: Address, **fields: Any) -> TcpState | NotObserved:
        async with ssh_host(tmp_path, **fields) as host:
            async with bench_of(host.network(bastion=host.vantage()), 0.5) as bench:
                return await asked(bench, there)

    assert asyncio.run(meet(nobody())) is TcpState.REFUSED
    assert asyncio.run(meet(Address("224.0.0.1", 80))) is TcpState.SILENT  # the host has no route there

    unknown = asyncio.run(meet(Address("nowhere.invalid", 80)))
    assert isinstance(unknown, NotObserved)
    assert (unknown.reason, f"ops@{HOST} knows no nowhere.invalid" in unknown.detail) == (Reason.NO_ADDRESS, True)

    prohibited = asyncio.run(meet(nobody(), forwards=False))
    assert isinstance(prohibited, NotObserved)
    assert prohibited.reason is Reason.VANTAGE
    assert prohibited.detail.startswith(f"ops@{HOST} forwards no such connections")


def test_a_far_server_that_leaves_is_no_failed_vantage_point(serve: Serve, tmp_path: Path) -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.write(b"no")
        await writer.drain()

    async def meet() -> Way:
        async with ssh_host(tmp_path) as host, serve(leaves) as there:
            async with bench_of(host.network(bastion=host.vantage())) as bench:
                async with link(AFAR, there, bench) as way, driver(way) as (reader, writer):
                    writer.write(b"?")
                    assert await reader.read() == b"no"
                return way

    way = asyncio.run(meet())
    assert way.failed is None
    assert way.ended is not None
    assert way.ended.end is StoreEnd.CLOSED


def test_a_host_that_dies_while_a_driver_talks_is_a_failed_vantage_point(serve: Serve, tmp_path: Path) -> None:
    """Whatever the driver makes of it; the next ask logs in once more, and a third time nobody does."""

    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(echo) as there:
            async with bench_of(host.network(bastion=host.vantage())) as bench:
                for login in (1, 2):
                    with pytest.raises(NotObserved) as failed:
                        async with link(AFAR, there, bench) as way, driver(way) as (reader, _):
                            host.connections[-1].abort()
                            await reader.read()
                            raise RuntimeError("lost connection during query")
                    assert failed.value.reason is Reason.VANTAGE
                    assert failed.value.detail == f"ops@{HOST}: the SSH connection broke off"
                    assert len(host.logins) == login
                again = await asked(bench, there)
                assert isinstance(again, NotObserved)
                assert "broke off" in again.detail
                assert host.tries == 2

    asyncio.run(meet())


def test_a_host_that_freezes_is_told_from_a_silent_store(serve: Serve, tmp_path: Path) -> None:
    async def meet() -> None:
        frozen = asyncio.Event()

        async def freezes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            near, there = await asyncio.open_connection("127.0.0.1", host.port)

            async def passes(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                while (data := await source.read(65536)) and not frozen.is_set():
                    sink.write(data)
                await asyncio.Event().wait()

            try:
                await asyncio.gather(passes(reader, there), passes(near, writer))
            finally:
                there.transport.abort()

        async with ssh_host(tmp_path) as host, serve(freezes) as between, serve(silent) as mute:
            network = host.network(f"{HOST}:22:127.0.0.1:{between.port}", bastion=host.vantage())
            async with bench_of(network) as bench:
                async with link(AFAR, mute, bench) as way, driver(way) as (reader, _):
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(2 * bench.patience_s):
                            await reader.read()  # the store is silent, and the host is well
                    frozen.set()
                    with suppress(ConnectionError):
                        assert await reader.read() == b""
                    assert way.failed is not None
                    assert way.ended is None
                    way.failed = None
                seen = await asked(bench, mute)
                assert isinstance(seen, NotObserved)
                assert seen.reason is Reason.VANTAGE

    asyncio.run(meet())


def test_who_is_not_let_in_tries_once(tmp_path: Path) -> None:
    """Twenty asks, one login: hosts lock out who keeps trying."""

    async def meet() -> None:
        async with ssh_host(tmp_path / "other") as other, ssh_host(tmp_path / "ssh") as host:
            network = host.network(bastion=host.vantage(key_file=str(other.key)))
            async with bench_of(network) as bench:
                seen = await asyncio.gather(*(asked(bench, nobody()) for _ in range(20)))
                seen += [await asked(bench, nobody()) for _ in range(20)]
            told = {str(one) for one in seen}
            assert told == {f"vantage point failed: ops@{HOST}: the host does not let us in with the key {other.key}"}
            assert (host.tries, host.logins) == (1, [])

    asyncio.run(meet())


def test_a_host_that_is_down_is_tried_twice_at_most(serve: Serve, tmp_path: Path) -> None:
    tries: list[int] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tries.append(1)
        await silent(reader, writer)

    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(counted) as mute:
            network = host.network(f"{HOST}:22:127.0.0.1:{mute.port}", bastion=host.vantage())
            async with bench_of(network, 0.3) as bench:
                for _ in range(3):
                    seen = await asyncio.gather(*(asked(bench, nobody()) for _ in range(7)))
                    assert {str(one) for one in seen} == {
                        f"vantage point failed: ops@{HOST}: no SSH server answers within 0.3 s"
                    }
            assert len(tries) == 2
            gone = host.network(f"{HOST}:22:127.0.0.1:{nobody().port}", bastion=host.vantage())
            async with bench_of(gone) as bench:
                assert str(await asked(bench, nobody())).endswith(f"ops@{HOST}: connection refused")

    asyncio.run(meet())


def test_all_addresses_of_a_host_are_tried(serve: Serve, tmp_path: Path) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(echo) as there:
            routes = (f"{HOST}:22:127.0.0.1:{nobody().port}", f"{HOST}:22:127.0.0.1:{host.port}")
            async with bench_of(host.network(*routes, bastion=host.vantage())) as bench:
                assert await asked(bench, there) is TcpState.OPEN

    asyncio.run(meet())


def test_another_protocol_is_no_ssh_server(serve: Serve, tmp_path: Path) -> None:
    async def http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(http) as web:
            network = host.network(f"{HOST}:22:127.0.0.1:{web.port}", bastion=host.vantage())
            async with bench_of(network) as bench:
                seen = await asked(bench, nobody())
        assert isinstance(seen, NotObserved)
        assert (seen.reason, seen.detail.startswith(f"ops@{HOST}: ")) == (Reason.VANTAGE, True)

    asyncio.run(meet())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("another key", "the host's key is another one than in"),
        ("nothing", "has no key of this host"),
        ("no file", "can't be read: No such file"),
    ],
)
def test_a_host_whose_key_is_not_known_is_not_logged_into(tmp_path: Path, change: str, told: str) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path / "other") as other, ssh_host(tmp_path / "ssh") as host:
            known = {"another key": other.known_hosts.read_text(), "nothing": "# empty\n"}.get(change)
            if known is None:
                host.known_hosts.unlink()
            else:
                host.known_hosts.write_text(known)
            async with bench_of(host.network(bastion=host.vantage())) as bench:
                seen = await asyncio.gather(*(asked(bench, nobody()) for _ in range(5)))
            assert len({str(one) for one in seen}) == 1
            assert isinstance(seen[0], NotObserved)
            assert seen[0].reason is Reason.VANTAGE
            assert told in seen[0].detail
            assert f"ssh-keyscan {HOST} | ssh-keygen -lf -" in seen[0].detail
            assert host.logins == []
            assert host.tries <= 1

    asyncio.run(meet())


def test_another_port_than_22_is_part_of_the_known_name(serve: Serve, tmp_path: Path) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(echo) as there:
            named = host.vantage(ssh=f"ops@{HOST}:{host.port}")
            lines = host.known_hosts.read_text().splitlines()
            host.known_hosts.write_text(f"{lines[1]}\n")
            async with bench_of(host.network(f"{HOST}::127.0.0.1:", bastion=named)) as bench:
                assert await asked(bench, there) is TcpState.OPEN
            async with bench_of(host.network(bastion=host.vantage())) as bench:
                assert "has no key of this host" in str(await asked(bench, there))

    asyncio.run(meet())


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("missing", "can't be read: No such file"),
        ("loose", "is open to others (mode 644), and ssh takes no such key: chmod 600"),
        ("noise", "can't be used"),
        ("locked", "can't be used: Passphrase must be specified"),
    ],
)
def test_a_key_that_is_of_no_use_is_named(tmp_path: Path, spoil: str, told: str) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path) as host:
            if spoil == "missing":
                host.key.unlink()
            elif spoil == "loose":
                host.key.chmod(0o644)
            elif spoil == "noise":
                host.key.write_text("no key")
            else:
                key = asyncssh.read_private_key(host.key)
                key.write_private_key(host.key, passphrase="opens-the-key", rounds=50)
            async with bench_of(host.network(bastion=host.vantage())) as bench:
                seen = await asked(bench, nobody())
            assert isinstance(seen, NotObserved)
            assert seen.reason is Reason.VANTAGE
            assert told in seen.detail
            assert host.tries == 0

    asyncio.run(meet())


def test_a_locked_key_is_opened_with_its_passphrase(serve: Serve, tmp_path: Path) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(echo) as there:
            asyncssh.read_private_key(host.key).write_private_key(host.key, passphrase="opens-the-key", rounds=50)
            async with bench_of(host.network(bastion=host.vantage(passphrase="opens-the-key"))) as bench:
                assert await asked(bench, there) is TcpState.OPEN
            async with bench_of(host.network(bastion=host.vantage(passphrase="another-one"))) as bench:
                seen = str(await asked(bench, there))
            assert "can't be used" in seen
            assert "another-one" not in seen

    asyncio.run(meet())


def test_without_a_key_file_the_agent_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def meet() -> str:
        async with ssh_host(tmp_path) as host:
            async with bench_of(host.network(bastion=host.vantage(key_file=None))) as bench:
                seen = await asked(bench, nobody())
            assert host.tries == 0
            return str(seen)

    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert "neither a key_file nor an SSH agent" in asyncio.run(meet())
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    assert "the SSH agent does not answer: No such file" in asyncio.run(meet())


@pytest.mark.full
def test_an_agent_shows_its_keys(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = str(tmp_path / "agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", place)

    async def meet() -> None:
        agent = await asyncio.create_subprocess_exec("ssh-agent", "-D", "-a", place, stdout=asyncio.subprocess.PIPE)
        assert agent.stdout is not None
        try:
            async with ssh_host(tmp_path / "ssh") as host, serve(echo) as there:
                network = host.network(bastion=host.vantage(key_file=None))
                assert b"SSH_AUTH_SOCK" in await agent.stdout.readline()
                async with bench_of(network) as bench:
                    assert "the SSH agent holds no key" in str(await asked(bench, there))
                added = await asyncio.create_subprocess_exec("ssh-add", "-q", str(host.key))
                assert await added.wait() == 0
                async with bench_of(network) as bench:
                    assert await asked(bench, there) is TcpState.OPEN
        finally:
            agent.terminate()
            await agent.communicate()

    asyncio.run(meet())


def test_a_host_behind_a_host(serve: Serve, tmp_path: Path) -> None:
    """The inner one's name is known to the outer one alone; where the outer one fails, both say the same."""

    async def meet() -> None:
        async with ssh_host(tmp_path / "in") as inner, ssh_host(tmp_path / "out") as outer, serve(echo) as there:
            outer.known = {HOST: "127.0.0.1"}
            behind = inner.vantage(ssh=f"app@{HOST}:{inner.port}", through="outer")
            network = outer.network(outer=outer.vantage(), bastion=behind)
            async with bench_of(network) as bench:
                assert await asked(bench, there) is TcpState.OPEN
                assert await asked(bench, nobody()) is TcpState.REFUSED
            assert (outer.logins, inner.logins) == (["ops"], ["app"])
            assert outer.asked == [(HOST, inner.port)]
            outer.forwards = False
            async with bench_of(network) as bench:
                told = {
                    str(await asked(bench, there, AFAR.model_copy(update={"via": via}))) for via in network.vantages
                }
            assert len(told) == 1
            assert f"ops@{HOST} forwards no such connections" in told.pop()

    asyncio.run(meet())


def test_a_cancelled_ask_leaves_the_login_to_the_others(serve: Serve, tmp_path: Path) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(echo) as there:
            async with bench_of(host.network(bastion=host.vantage())) as bench:
                first = asyncio.create_task(asked(bench, there))
                second = asyncio.create_task(asked(bench, there))
                await asyncio.sleep(0.01)
                first.cancel()
                assert await second is TcpState.OPEN
            assert host.tries == 1

    asyncio.run(meet())


def test_a_run_that_is_cancelled_while_logging_in_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(silent) as mute:
            network = host.network(f"{HOST}:22:127.0.0.1:{mute.port}", bastion=host.vantage())
            before = left_over()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), bench_of(network, 5) as bench:
                    await asked(bench, nobody())
            await asyncio.sleep(0)
            assert len(left_over()) <= len(before) + 1  # the mute server's own talk

    asyncio.run(meet())


def test_nothing_is_logged_of_hosts_and_users(serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path) as host, serve(echo) as there:
            async with bench_of(host.network(bastion=host.vantage())) as bench:
                await asked(bench, there)
                caplog.clear()
                with caplog.at_level("DEBUG"):
                    await asked(bench, there)
                    async with link(AFAR, there, bench) as way:
                        await says(way)

    asyncio.run(meet())
    assert [record.message for record in caplog.records if record.name.startswith("asyncssh")] == []


# --- by a command ----------------------------------------------------------------------------------------------------

CONNECTS = """
import os, socket, sys, threading
try:
    there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
except OSError as error:
    sys.exit(f"connecting: {error.strerror}")
if "-v" in sys.argv:
    print("Connection succeeded!", file=sys.stderr, flush=True)
def up():
    while data := os.read(0, 65536):
        there.sendall(data)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := there.recv(65536):
    os.write(1, data)
"""


def command(tmp_path: Path, *options: str) -> tuple[str, ...]:
    """What `nc` does, by a name of its own, so that it can be looked for."""
    script = tmp_path / "connects.py"
    script.write_text(CONNECTS)
    return (sys.executable, "-SE", str(script), "{host}", "{port}", *options)


@pytest.mark.parametrize("there", ["here", "on the host"])
def test_a_command_is_a_connection(serve: Serve, tmp_path: Path, there: str) -> None:
    async def meet() -> None:
        async with ssh_host(tmp_path / "ssh") as host, serve(echo) as address, serve(silent) as mute:
            more = {"command": command(tmp_path)}
            network = host.network(bastion=more if there == "here" else host.vantage(**more))
            async with bench_of(network) as bench:
                async with link(AFAR, address, bench) as way:
                    assert await says(way, b"x" * 300_000) == b"x" * 300_000
                assert (way.ended, way.failed) == (None, None)
                assert await asked(bench, address) is TcpState.OPEN  # it leaves when we do
                assert await asked(bench, nobody()) is TcpState.REFUSED
                unsure = await asked(bench, mute)
                assert isinstance(unsure, NotObserved)
                assert "does not tell whether it is connected" in unsure.detail
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3), link(AFAR, mute, bench) as way, driver(way) as (reader, _):
                        await reader.read()
            spoken = {"command": command(tmp_path, "-v")}
            network = host.network(bastion=spoken if there == "here" else host.vantage(**spoken))
            async with bench_of(network) as bench:
                assert await asked(bench, mute) is TcpState.OPEN
            await asyncio.wait_for(asyncio.gather(*host.sessions, return_exceptions=True), 5)
        assert running(str(tmp_path / "connects.py")) == []

    asyncio.run(meet())


def running(word: str) -> list[str]:
    """Processes of this machine with a word in their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word.encode() in (line := file.read_bytes()):
                found.append(line.decode())
    return found


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sh", "-c", "echo no such container: db >&2; exit 1"), "sh ended with 1: no such container: db"),
        (("sh", "-c", "exit 3"), "sh ended with 3 and said nothing"),
        (("no-such-program-here",), "no-such-program-here: No such file or directory"),
    ],
)
def test_a_command_that_fails_is_a_failed_vantage_point(words: tuple[str, ...], told: str) -> None:
    async def meet() -> None:
        network = Network.model_validate({"vantages": {"bastion": {"command": words}}})
        async with bench_of(network) as bench:
            seen = await asked(bench, nobody())
            assert isinstance(seen, NotObserved)
            assert seen.reason is Reason.VANTAGE
            assert told in seen.detail
            with pytest.raises(NotObserved, match=r"ended with|No such file"):
                async with link(AFAR, nobody(), bench, tls=True):
                    pass

    asyncio.run(meet())


@pytest.mark.parametrize(
    ("said", "end"),
    [("nc: connect to 10.0.0.9 port 5432: Connection refused", "refused"), ("Ncat: TIMEOUT timed out.", "silent")],
)
def test_a_command_that_could_not_connect_tells_of_the_server(said: str, end: str) -> None:
    async def meet() -> None:
        words = ("sh", "-c", f"echo '{said}' >&2; exit 1")
        network = Network.model_validate({"vantages": {"bastion": {"command": words}}})
        async with bench_of(network) as bench:
            expected = {"refused": (TcpState.REFUSED, StoreEnd.REFUSED), "silent": (TcpState.SILENT, StoreEnd.SILENT)}[
                end
            ]
            assert await asked(bench, nobody()) is expected[0]
            with pytest.raises(Ended) as ended:
                async with link(AFAR, nobody(), bench, tls=True):
                    pass
            assert ended.value.broke.end is expected[1]

    asyncio.run(meet())


def test_a_wish_for_tls_goes_the_same_way(serve: Serve, tmp_path: Path, ca: trustme.CA) -> None:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = server_of(ca)

    async def grants(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(4) == b"TLS?"
        writer.write(b"Y")
        await writer.start_tls(context)
        await echo(reader, writer)

    async def wish(stream: Stream) -> bool:
        await stream.write(b"TLS?")
        return await stream.read() == b"Y"

    async def meet() -> None:
        async with ssh_host(tmp_path / "ssh") as host, serve(grants) as there:
            network = host.network(bastion=host.vantage()).model_copy(update={"ca_file": str(tmp_path / "ca.pem")})
            async with (
                bench_of(network) as bench,
                link(AFAR, Address("127.0.0.1", there.port), bench, wish=wish) as way,
            ):
                assert await says(way) == b"hello"
                assert way.secured is not None
                assert way.secured.distrust == ""

    asyncio.run(meet())
