"""The cache probe against real Valkey servers."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from roadworthy.facts.cache import CacheAsk, CacheObservation, CacheServer, Keyspace, Memory, Persistence
from roadworthy.facts.database import Setting
from roadworthy.facts.store import Purpose, StoreEnd, Unseen
from roadworthy.probes.bench import Address
from roadworthy.probes.cache import observe
from tests.probes.cache_servers import APP, HOST, PASSWORD, USERS, Server, awaited, bench_of, free_port, look, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.probes.conftest import Serve

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that knows its users."""
    options = ("maxmemory 100mb", "maxmemory-policy allkeys-lru", "maxclients 500", "appendonly yes")
    with running(tmp_path_factory.mktemp("cache") / "one", *options, users=USERS) as made:
        made.do("SET", "a", 1)
        made.do("SET", "b", 1, "EX", 1000)
        yield made


def test_a_session_says_what_there_is(server: Server) -> None:
    seen = look(server, settings=("maxmemory", "maxmemory-policy", "appendonly", "no-such-setting"))
    assert (seen.answered, seen.asks_password, seen.tried, seen.let_in, seen.broke) == (True, True, True, True, None)
    assert isinstance(seen.server, CacheServer)
    assert (seen.server.product, seen.server.version, seen.server.compatible) == ("Valkey", "9.1.2", "7.2.4")
    assert seen.settings == {
        "maxmemory": Setting(value="104857600", unit="bytes"),
        "maxmemory-policy": Setting(value="allkeys-lru"),
        "appendonly": Setting(value="yes"),
    }
    assert isinstance(seen.memory, Memory)
    assert (seen.memory.limit, seen.memory.policy) == (104857600, "allkeys-lru")
    assert 0 < seen.memory.used < seen.memory.machine
    assert isinstance(seen.persistence, Persistence)
    assert (seen.persistence.saves, seen.persistence.appends, seen.persistence.last_write_ok) == (False, True, True)
    assert (seen.keyspace, seen.evicted, seen.slow) == (Keyspace(keys=2, expiring=1), 0, 0)
    assert seen.clients is not None
    assert seen.clients.model_dump() == {"used": 1, "limit": 500}
    assert seen.replication is not None
    assert seen.replication.model_dump() == {"role": "primary", "replicas": (), "source": None}
    assert CacheObservation.model_validate_json(seen.model_dump_json()) == seen
    assert PASSWORD not in seen.model_dump_json()


def test_pings_are_timed_and_nothing_else_is_looked_at(server: Server) -> None:
    seen = look(server, pings=5)
    assert len(seen.pings_s) == 5
    assert all(0 < each < 1 for each in seen.pings_s)
    assert seen.server is None


@pytest.mark.parametrize(
    ("fields", "let_in", "code"),
    [
        ({}, True, ""),
        ({"password": "let-me-out"}, False, "WRONGPASS"),
        ({"username": "nobody"}, False, "WRONGPASS"),
        ({"username": "default", "password": None}, False, "NOAUTH"),
        ({"username": "default", "password": "guessed"}, False, "WRONGPASS"),
        ({"purpose": Purpose.ANONYMOUS}, False, "NOAUTH"),
        ({"purpose": Purpose.WRONG_PASSWORD}, False, "WRONGPASS"),
        ({"purpose": Purpose.WRONG_PASSWORD, "username": "open"}, True, ""),
        ({"purpose": Purpose.PUBLISHED, "username": "default", "published": "foobared"}, False, "WRONGPASS"),
        ({"purpose": Purpose.PUBLISHED, "username": "default"}, False, "NOAUTH"),
        ({"purpose": Purpose.PUBLISHED, "published": PASSWORD}, True, ""),
    ],
)
def test_who_is_let_in(server: Server, fields: dict[str, Any], *, let_in: bool, code: str) -> None:
    seen = look(server, **fields)
    assert (seen.let_in, seen.refused.code if seen.refused else "", seen.broke) == (let_in, code, None)


def test_a_server_without_passwords(tmp_path: Path) -> None:
    with running(tmp_path / "open") as server:
        assert look(server).let_in
        assert look(server, purpose=Purpose.ANONYMOUS).let_in
        assert look(server).asks_password is False
        for fields in ({"password": "guessed"}, {"purpose": Purpose.WRONG_PASSWORD}):
            seen = look(server, **fields)
            assert seen.refused is not None
            assert (seen.let_in, seen.refused.message) == (False, "it asks for no password")


@pytest.mark.parametrize(
    ("rights", "let_in"),
    [("-@all +ping", False), ("~shop:* -@all +exists", True), ("~* +@all", True), ("-@all", False)],
)
def test_who_is_greeted_and_may_do_nothing_is_not_let_in(tmp_path: Path, rights: str, *, let_in: bool) -> None:
    users = (f"user default on nopass {rights}", *USERS[1:])
    with running(tmp_path / "probed", users=users) as server:
        assert look(server, purpose=Purpose.ANONYMOUS).let_in is let_in


def test_what_a_login_may_not_see_is_unseen(server: Server) -> None:
    seen = look(server, username="reader", password="read-only", settings=("maxmemory", "timeout"))
    assert seen.let_in
    assert isinstance(seen.settings, dict)
    assert seen.settings["maxmemory"] == Setting(value="104857600", unit="bytes")
    assert isinstance(seen.settings["timeout"], Unseen)
    assert seen.settings["timeout"].unseen == "not permitted"
    assert isinstance(seen.slow, Unseen)
    assert isinstance(seen.persistence, Persistence)
    assert seen.persistence.saves is None


def test_a_login_without_any_rights_sees_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "none", users=(*USERS, "user none on >nothing -@all")) as server:
        seen = look(server, username="none", password="nothing")
        assert seen.let_in
        parts = (seen.server, seen.memory, seen.clients, seen.replication, seen.persistence, seen.evicted)
        assert all(isinstance(part, Unseen) and part.unseen == "not permitted" for part in parts)


def test_config_that_was_renamed_is_read_from_info(tmp_path: Path) -> None:
    with running(tmp_path / "managed", 'rename-command CONFIG ""', "maxmemory 50mb", "maxclients 100") as server:
        seen = look(server, settings=("maxmemory-policy", "appendonly", "timeout"))
        assert isinstance(seen.settings, dict)
        assert seen.settings["maxmemory-policy"] == Setting(value="noeviction")
        assert seen.settings["appendonly"] == Setting(value="no")
        assert isinstance(seen.settings["timeout"], Unseen)
        assert seen.settings["timeout"].unseen == "not supported"


def test_replicas_and_whom_they_copy(tmp_path: Path) -> None:
    with (
        running(tmp_path / "primary") as primary,
        running(tmp_path / "replica", f"replicaof 127.0.0.1 {primary.port}", "repl-ping-replica-period 3") as replica,
    ):
        awaited(lambda: replica.field("master_link_status") == "up", "no link")
        awaited(lambda: "online" in str(primary.do("INFO", "replication")), "not online")
        seen = look(primary)
        assert seen.replication is not None
        assert not isinstance(seen.replication, Unseen)
        copy = seen.replication.replicas[0]
        assert (copy.name, copy.streams, copy.state) == (f"127.0.0.1:{replica.port}", True, "online")
        assert copy.lag_s is not None
        assert copy.lag_s <= 2
        seen = look(replica)
        assert not isinstance(seen.replication, Unseen | None)
        assert seen.replication.role == "replica"
        source = seen.replication.source
        assert source is not None
        assert (source.address, source.up, source.period_s) == (f"127.0.0.1:{primary.port}", True, 3)
        primary.process.kill()
        primary.process.wait()
        awaited(lambda: replica.field("master_link_status") == "down", "still up")
        seen = look(replica)
        assert not isinstance(seen.replication, Unseen | None)
        assert seen.replication.source is not None
        assert not seen.replication.source.up


def test_a_replica_that_serves_nothing_without_its_primary(tmp_path: Path) -> None:
    with running(tmp_path / "orphan", users=USERS) as server:
        server.do("CONFIG", "SET", "replica-serve-stale-data", "no")
        server.do("REPLICAOF", "127.0.0.1", free_port())
        seen = look(server)
        assert seen.refused is not None
        assert (seen.refused.code, seen.let_in) == ("MASTERDOWN", True)
        assert not isinstance(seen.replication, Unseen | None)
        assert seen.replication.source is not None
        assert not seen.replication.source.up


def test_a_sentinel(tmp_path: Path) -> None:
    with (
        running(tmp_path / "primary") as primary,
        running(tmp_path / "sentinel", f"sentinel monitor shop 127.0.0.1 {primary.port} 1") as sentinel,
    ):
        seen = look(sentinel, watches="shop")
        assert isinstance(seen.server, CacheServer)
        assert seen.server.mode == "sentinel"
        assert seen.watched is not None
        assert seen.watched.model_dump() == {
            "address": f"127.0.0.1:{primary.port}",
            "flags": ("master",),
            "replicas": 0,
            "others": 0,
            "quorum": 1,
        }
        assert look(sentinel, watches="other").watched is None
        assert isinstance(look(primary, watches="shop").watched, Unseen)


# --- TLS -------------------------------------------------------------------------------------------------------------


class Front:
    """TLS in front of a server."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))

    def look(self, serve: Serve, server: Server, name: str = HOST, **fields: Any) -> CacheObservation:
        """One conversation through it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)

        async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
            finally:
                inner_writer.transport.abort()

        async def meet() -> CacheObservation:
            bench = bench_of(ca_file=str(self.ca_file))
            async with serve(passing, tls=context) as address, bench.exits:
                given = {"username": APP, "password": PASSWORD, "tls": True, **fields}
                return await observe(CacheAsk.model_validate({"host": HOST, "port": 6379, **given}), address, bench)

        return asyncio.run(meet())


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.transport.abort()


@pytest.fixture
def front(tmp_path: Path) -> Front:
    return Front(tmp_path)


def test_tls_that_verifies_carries_the_login(serve: Serve, server: Server, front: Front) -> None:
    seen = front.look(serve, server)
    assert seen.secured is not None
    assert (seen.secured.version, seen.secured.distrust, seen.let_in) == ("1.3", "", True)


def test_no_password_goes_over_tls_that_does_not_verify(serve: Serve, server: Server, front: Front) -> None:
    seen = front.look(serve, server, "another.test")
    assert seen.secured is not None
    assert seen.secured.distrust
    assert (seen.answered, seen.tried, seen.let_in) == (True, False, False)
    assert seen.withheld.startswith("no password was sent: the certificate does not verify")


def test_a_tls_server_refuses_plain(serve: Serve, server: Server, front: Front) -> None:
    seen = front.look(serve, server, tls=False, purpose=Purpose.PLAIN)
    assert (seen.answered, seen.secured) == (False, None)
    assert seen.broke is not None
    assert seen.broke.end in (StoreEnd.CLOSED, StoreEnd.GARBLED)


def test_a_plain_server_that_is_asked_for_tls(server: Server) -> None:
    seen = look(server, bench_of(0.5), tls=True)
    assert seen.no_tls is not None
    assert seen.no_tls.end is StoreEnd.NO_TLS
    assert (seen.answered, seen.asks_password, seen.tried, seen.broke) == (True, True, False, None)
    assert look(server, purpose=Purpose.PLAIN).answered


# --- servers that are none, or not well ------------------------------------------------------------------------------


def saying(*answers: bytes) -> Any:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(4096)
            writer.write(answer)
            await writer.drain()
        await reader.read(4096)

    return talk


def heard(serve: Serve, talk: Any, **fields: Any) -> CacheObservation:
    async def meet() -> CacheObservation:
        bench = bench_of(0.4)
        async with serve(talk) as address, bench.exits:
            return await observe(CacheAsk.model_validate({"host": HOST, "port": 6379, **fields}), address, bench)

    return asyncio.run(meet())


async def _mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read()


async def _gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    writer.write(b"$999999999\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


@pytest.mark.parametrize(
    ("talk", "end", "told"),
    [
        (_mute, StoreEnd.SILENT, "PING"),
        (_gone, StoreEnd.CLOSED, "PING"),
        (_endless, StoreEnd.GARBLED, "PING"),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), StoreEnd.GARBLED, "HTTP/1.1 400"),
        (saying(b"\x15\x03\x03\x00\x02\x02\x0a"), StoreEnd.GARBLED, "7 bytes came"),
        (saying(b"*1\r\n" * 5000), StoreEnd.GARBLED, "PING"),
        (saying(b":" + b"9" * 5000 + b"\r\n"), StoreEnd.GARBLED, "PING"),
        (saying(b"$abc\r\n"), StoreEnd.GARBLED, "PING"),
        (saying(b"+HELLO\r\n"), StoreEnd.GARBLED, "HELLO"),
        (
            saying(b"-LOADING Redis is loading the dataset in memory\r\n"),
            StoreEnd.NOT_READY,
            "LOADING Redis is loading",
        ),
        (saying(b"-BUSY Redis is busy running a script.\r\n"), StoreEnd.NOT_READY, "BUSY Redis is busy"),
        (saying(b"-ERR max number of clients reached\r\n"), StoreEnd.NOT_READY, "max number of clients"),
        (saying(b"+PONG\r\n", b"+PONG\r\n"), StoreEnd.CLOSED, "INFO"),
    ],
)
def test_how_a_conversation_ends(serve: Serve, talk: Any, end: StoreEnd, told: str) -> None:
    seen = heard(serve, talk)
    assert seen.broke is not None
    assert (seen.broke.end, told in seen.broke.told) == (end, True), seen.broke
    assert len(seen.model_dump_json()) < 20_000


def test_protected_mode_is_the_servers_own_no(serve: Serve) -> None:
    seen = heard(serve, saying(b"-DENIED Redis is running in protected mode because ...\r\n"))
    assert seen.refused is not None
    assert (seen.refused.code, seen.let_in, seen.answered, seen.broke) == ("DENIED", False, True, None)


def test_a_replica_that_has_lost_its_primary_tells_of_itself(serve: Serve) -> None:
    info = b"# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:down\r\n"
    bulk = b"$%d\r\n%s\r\n" % (len(info), info)
    no = b"-MASTERDOWN Link with MASTER is down\r\n"
    seen = heard(serve, saying(no, no, bulk, b"-ERR unknown command\r\n", b":0\r\n"))
    assert seen.refused is not None
    assert seen.refused.code == "MASTERDOWN"
    assert not isinstance(seen.replication, Unseen | None)
    assert seen.replication.source is not None
    assert not seen.replication.source.up


def test_an_answer_to_a_login_is_kept_as_its_code(serve: Serve) -> None:
    """A hostile server repeats what it was told."""
    talk = saying(b"+PONG\r\n", b"-ERR unknown command 'AUTH', with args beginning with: 'app' 'let-me-in'\r\n")
    seen = heard(serve, talk, username=APP, password=PASSWORD)
    assert seen.refused is not None
    assert (seen.refused.told, seen.tried) == ("ERR", True)
    assert PASSWORD not in seen.model_dump_json()


def test_an_old_server_says_no_in_its_own_way(serve: Serve) -> None:
    seen = heard(serve, saying(b"-ERR operation not permitted\r\n", b"-ERR invalid password\r\n"), password="x")
    assert seen.refused is not None
    assert (seen.asks_password, seen.refused.message) == (True, "invalid password")


def test_a_closed_port_is_a_state() -> None:
    seen = look(Address("127.0.0.1", free_port()))
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.REFUSED
    assert seen.transient


def test_it_ends_when_it_is_cancelled(serve: Serve) -> None:
    async def meet() -> None:
        bench = bench_of(5)
        async with serve(_mute) as address, bench.exits:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await observe(CacheAsk(host=HOST, port=6379), address, bench)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(meet())
