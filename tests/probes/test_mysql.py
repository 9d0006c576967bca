"""The probe of MySQL and MariaDB against Debian's MariaDB, and against servers that talk nonsense."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pymysql
import pytest

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.database import (
    Connections,
    DatabaseAsk,
    DatabaseObservation,
    Grant,
    PasswordWanted,
    RowsWanted,
    Setting,
    TableSeen,
    TableWanted,
    Wants,
)
from roadworthy.facts.reading import ReadingAsk
from roadworthy.facts.store import Purpose, StoreEnd, Unseen
from roadworthy.probes import mysql_inside
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.mysql import observe, reader
from roadworthy.probes.mysql_link import server_of
from roadworthy.probes.reader import CannotRead, LoginRefused, NoSuchTable, Withheld
from roadworthy.sandbox.stores.mariadb import Account, MariaDb, Server
from roadworthy.sandbox.stores.tables import Column, Index, Table
from roadworthy.target.network import Network
from tests.probes.mariadb_servers import HOST, Authority, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

PASSWORD = "only-for-tests-ä"
HASH_OF_ADMIN123 = "$2b$04$abcdefghijklmnopqrstuur/uCBNBvVl4m8sbz1ePRFisPkMaJiTS"
ORDERS = Table(
    "orders",
    (Column("id", "bigint", nullable=False), Column("state", "varchar(20)"), Column("placed_at", "datetime")),
    (Index("by_state", ("state", "placed_at")), Index("unused", ("placed_at",), valid=False)),
    rows=((("state", "open"),), (("state", "open"),), (("state", "it's 100%"),)),
)
STAFF = Table(
    "staff",
    (Column("email"), Column("password", "varchar(190)")),
    rows=(
        (("email", "owner@shop.test"), ("password", HASH_OF_ADMIN123)),
        (("email", "clerk@shop.test"), ("password", "$2b$04$" + "a" * 53)),
    ),
)
SHOP = MariaDb(
    database="shop_live",
    version="8.0.35",
    accounts=(
        Account("shop", PASSWORD),
        Account("guarded", PASSWORD, demands_tls=True),
        Account("root", "root"),
        Account("open", None),
        Account("seer", PASSWORD, roles=("reporting",)),
    ),
    grants=(("shop_live.*", ("SELECT", "INSERT")),),
    tables=(ORDERS, STAFF),
    settings=(("long_query_time", "2"), ("max_allowed_packet", "67108864"), ("max_connections", "40")),
    charset="utf8mb4",
    collation="utf8mb4_unicode_ci",
    seeds=(
        "GRANT PROCESS, BINLOG MONITOR, SLAVE MONITOR ON *.* TO seer",
        "CREATE TABLE unkeyed (a int) ENGINE = MyISAM",
        "GRANT SELECT ON shop_live.orders TO reporting",
        "GRANT SELECT (email) ON shop_live.staff TO guarded",
    ),
)

real = [pytest.mark.real, pytest.mark.full]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("shop") / "m", SHOP, authority) as server:
        yield server


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that speaks no TLS, and calls itself by its own name."""
    with running(tmp_path_factory.mktemp("bare") / "m", replace(SHOP, version=None, tables=(), seeds=())) as server:
        yield server


def bench_of(ca_file: Any = None, patience_s: float = 3.0) -> Bench:
    return Bench(Network(ca_file=str(ca_file) if ca_file else None), "roadworthy-tests", patience_s)


def ask_of(purpose: Purpose = Purpose.SESSION, **asked: Any) -> DatabaseAsk:
    given = {"username": "shop", "password": PASSWORD, "name": "shop_live", "secures": True, "engine": "mysql"}
    return DatabaseAsk(host=HOST, port=3306, purpose=purpose, **given | asked)


def look(server: Server, bench: Bench, ask: DatabaseAsk) -> DatabaseObservation:
    async def meet() -> DatabaseObservation:
        async with bench.exits:
            return await observe(ask, Address(*server.address), bench)

    return asyncio.run(meet())


@pytest.fixture
def session(shop: Server, authority: Authority) -> Callable[..., DatabaseObservation]:
    def looked(purpose: Purpose = Purpose.SESSION, **asked: Any) -> DatabaseObservation:
        return look(shop, bench_of(authority.ca_file), ask_of(purpose, **asked))

    return looked


class TestInside:
    pytestmark = real

    def test_who_and_where(self, session: Callable[..., DatabaseObservation]) -> None:
        seen = session()
        assert (seen.broke, seen.refused, seen.withheld, seen.tried) == (None, None, "", True)
        assert seen.secured is not None
        assert (seen.secured.version, seen.secured.distrust, seen.offers_tls) == ("1.3", "", True)
        assert seen.server is not None
        assert (seen.server.product, seen.server.version) == ("MySQL", "8.0.35")
        assert seen.server.comment.endswith("with MariaDB's own settings")
        assert (seen.inside.user, seen.inside.database, seen.inside.writable) == ("shop@%", "shop_live", True)
        assert (seen.inside.charset, seen.inside.collation) == ("utf8mb4", "utf8mb4_unicode_ci")
        assert (seen.inside.recovering, seen.inside.why_read_only, seen.transient) == (False, "", False)
        assert DatabaseObservation.model_validate_json(seen.model_dump_json()) == seen
        assert PASSWORD not in seen.model_dump_json() + ask_of().model_dump_json()

    def test_settings_have_units(self, session: Callable[..., DatabaseObservation]) -> None:
        names = ("innodb_buffer_pool_size", "max_allowed_packet", "long_query_time", "log_bin", "max_connections", "no")
        assert session(wants=Wants(settings=names)).settings == {
            "innodb_buffer_pool_size": Setting(value="16777216", unit="bytes"),
            "max_allowed_packet": Setting(value="67108864", unit="bytes"),
            "long_query_time": Setting(value="2.000000", unit="seconds"),
            "log_bin": Setting(value="ON"),
            "max_connections": Setting(value="40"),
        }

    def test_tables(self, session: Callable[..., DatabaseObservation]) -> None:
        names = ("orders", "shop_live.staff", "nowhere", "mysql.user", "oth`er.x%s")
        seen = session(wants=Wants(tables=tuple(TableWanted(name=name) for name in names)))
        assert seen.tables is not None
        orders, staff, nowhere, hidden, odd = seen.tables
        assert isinstance(orders, TableSeen)
        assert isinstance(staff, TableSeen)
        assert [(c.name, c.type, c.nullable) for c in orders.columns] == [
            ("id", "bigint(20)", False),
            ("state", "varchar(20)", True),
            ("placed_at", "datetime", True),
        ]
        assert {index.name: (index.columns, index.unique, index.valid) for index in orders.indexes} == {
            "PRIMARY": (("id",), True, True),
            "by_state": (("state", "placed_at"), False, True),
            "unused": (("placed_at",), False, False),
        }
        assert staff.name == "shop_live.staff"
        assert nowhere == TableSeen(name="nowhere", exists=False)
        assert isinstance(hidden, Unseen)
        assert isinstance(odd, Unseen)
        assert (hidden.unseen, odd.unseen) == ("not permitted", "not permitted")

    def test_rows_are_counted_no_further_than_asked_for(self, session: Callable[..., DatabaseObservation]) -> None:
        wanted = (
            RowsWanted(table="orders", up_to=2),
            RowsWanted(table="orders", where=(("state", "it's 100%"),), up_to=9),
            RowsWanted(table="orders", where=(("state", "open"), ("id", 1)), up_to=9),
            RowsWanted(table="nowhere", up_to=2),
            RowsWanted(table="nowhere", up_to=1),
            RowsWanted(table="mysql.user", up_to=2),
        )
        seen = session(wants=Wants(rows=wanted)).rows
        assert seen is not None
        assert seen[:4] == (2, 1, 1, 0)
        assert [part.unseen for part in seen[4:] if isinstance(part, Unseen)] == ["failed", "not permitted"]

    def test_a_hash_is_compared_and_not_told(self, session: Callable[..., DatabaseObservation]) -> None:
        wanted = [
            PasswordWanted(
                table="staff", where=(("email", email),), column="password", published=("changeme", "admin123")
            )
            for email in ("owner@shop.test", "clerk@shop.test", "nobody@shop.test")
        ]
        seen = session(wants=Wants(passwords=tuple(wanted)))
        assert seen.passwords is not None
        told = [(part.found, part.scheme, part.matches) for part in seen.passwords if not isinstance(part, Unseen)]
        assert told == [(1, "bcrypt", 1), (1, "bcrypt", None), (0, "", None)]
        assert "$2b$" not in seen.model_dump_json()

    def test_privileges_of_the_login_and_of_its_roles(self, session: Callable[..., DatabaseObservation]) -> None:
        own = session(wants=Wants(parts=("privileges",))).privileges
        assert not isinstance(own, Unseen)
        assert own is not None
        assert (own.grants, own.roles) == ((Grant(on="shop_live.*", privileges=("INSERT", "SELECT")),), ())
        seer = session(username="seer", name=None, wants=Wants(parts=("privileges",))).privileges
        assert not isinstance(seer, Unseen)
        assert seer is not None
        assert seer.roles == ("reporting",)
        assert [grant.on for grant in seer.grants] == ["*.*", "shop_live.orders"]
        guarded = session(username="guarded", wants=Wants(parts=("privileges",)))
        assert not isinstance(guarded.privileges, Unseen)
        assert guarded.privileges is not None
        assert guarded.privileges.grants[0].privileges == ("SELECT (email)",)
        assert "IDENTIFIED" not in guarded.model_dump_json()

    def test_who_may_read_a_part_of_a_table_can_not_tell_what_it_has(
        self, session: Callable[..., DatabaseObservation]
    ) -> None:
        seen = session(username="guarded", wants=Wants(tables=(TableWanted(name="staff"),)))
        assert seen.tables is not None
        assert isinstance(seen.tables[0], Unseen)
        assert seen.tables[0].unseen == "not permitted"

    def test_what_is_hidden_is_no_zero(self, session: Callable[..., DatabaseObservation]) -> None:
        parts = ("upstream", "connections", "replicas", "advice")
        seen = session(wants=Wants(parts=parts))
        assert isinstance(seen.upstream, Unseen)
        assert seen.upstream.unseen == "not permitted"
        assert isinstance(seen.connections, Connections)
        assert (seen.connections.limit, seen.connections.used >= 1) == (40, True)
        assert not isinstance(seen.advice, Unseen)
        kinds = {one.kind for one in seen.advice or ()}
        assert kinds == {"old", "no primary key", "not transactional"}

    def test_whoever_may_see_it_sees_that_nobody_copies(
        self, shop: Server, session: Callable[..., DatabaseObservation]
    ) -> None:
        with shop.connect():
            hidden = session(wants=Wants(parts=("replicas",))).replicas
            seen = session(username="seer", name=None, wants=Wants(parts=("upstream", "replicas")))
        assert isinstance(hidden, Unseen)
        assert hidden.unseen == "not permitted"
        assert (seen.upstream, seen.replicas) == (None, ())


class TestLogins:
    pytestmark = real

    def test_a_greeting_and_tls_without_a_login(self, session: Callable[..., DatabaseObservation]) -> None:
        seen = session(Purpose.HELLO)
        assert seen.server is not None
        assert (seen.server.version, seen.tried, seen.session) == ("8.0.35", False, None)
        assert seen.secured is not None
        assert (seen.secured.distrust, seen.broke) == ("", None)

    @pytest.mark.parametrize(
        ("purpose", "asked", "outcome"),
        [
            (Purpose.WRONG_PASSWORD, {}, "refused"),
            (Purpose.ANONYMOUS, {}, "refused"),
            (Purpose.ANONYMOUS, {"username": "open"}, "let in"),
            (Purpose.PUBLISHED, {"username": "root", "published": "toor"}, "refused"),
            (Purpose.PUBLISHED, {"username": "root", "published": "root"}, "let in"),
            (Purpose.PUBLISHED, {"username": "open", "published": ""}, "let in"),
        ],
    )
    def test_other_logins(
        self, session: Callable[..., DatabaseObservation], purpose: Purpose, asked: dict[str, Any], outcome: str
    ) -> None:
        seen = session(purpose, password=None, **asked)
        let_in = outcome == "let in"
        assert (seen.session is not None, seen.refused is None, seen.tried, seen.broke) == (let_in, let_in, True, None)
        if seen.refused is not None:
            assert seen.refused.code == "1045"
            assert not ask_of(purpose).may_repeat(seen)

    @pytest.mark.parametrize(("asked", "code"), [({"password": "another"}, "1045"), ({"name": "nowhere"}, "1044")])
    def test_a_session_that_is_refused(
        self, session: Callable[..., DatabaseObservation], asked: dict[str, Any], code: str
    ) -> None:
        seen = session(**asked)
        assert seen.refused is not None
        assert (seen.refused.code, seen.session, seen.broke) == (code, None, None)

    def test_no_password_goes_to_whom_nobody_trusts(self, shop: Server) -> None:
        seen = look(shop, bench_of(), ask_of())
        assert seen.secured is not None
        assert (seen.tried, seen.secured.distrust != "") == (False, True)
        assert seen.withheld.startswith("no login was sent: the certificate does not verify")
        assert (seen.session, seen.refused, seen.broke) == (None, None, None)

    def test_where_tls_is_not_promised_it_is_used_all_the_same(self, shop: Server, bare: Server) -> None:
        over_tls = look(shop, bench_of(), ask_of(secures=False))
        in_plain = look(bare, bench_of(), ask_of(secures=False))
        assert (over_tls.session is not None, over_tls.secured is not None) == (True, True)
        assert (in_plain.session is not None, in_plain.secured, in_plain.offers_tls) == (True, None, False)
        assert in_plain.server is not None
        assert (in_plain.server.product, in_plain.server.version.split(".")[0] >= "1") == ("MariaDB", True)

    def test_a_server_without_tls_hears_no_password(self, bare: Server, authority: Authority) -> None:
        seen = look(bare, bench_of(authority.ca_file), ask_of())
        assert (seen.withheld, seen.tried) == ("no login was sent: the server offers no TLS", False)

    def test_plain_is_judged_without_sending_the_password_in_plain(
        self, session: Callable[..., DatabaseObservation], bare: Server
    ) -> None:
        accepted, guarded = session(Purpose.PLAIN), session(Purpose.PLAIN, username="guarded")
        assert accepted.refused is None
        assert accepted.withheld == "a login without TLS is answered, and the account need not come with TLS"
        assert guarded.refused is not None
        assert (guarded.refused.code, guarded.secured) == ("REQUIRE SSL", None)
        without = look(bare, bench_of(), ask_of(Purpose.PLAIN))
        assert (without.refused, without.withheld) == (None, "a login without TLS is answered: the server offers none")
        with pytest.raises(NotObserved, match="only its own login can see"):
            session(Purpose.PLAIN, password=None)

    def test_a_server_that_demands_tls_of_everybody(self, tmp_path: Any, authority: Authority) -> None:
        with running(tmp_path / "m", replace(SHOP, tables=(), seeds=()), authority, plain=False) as server:
            seen = look(server, bench_of(authority.ca_file), ask_of(Purpose.PLAIN))
            logged_in = look(server, bench_of(authority.ca_file), ask_of())
        assert seen.refused is not None
        assert seen.refused.code == "require_secure_transport"
        assert logged_in.session is not None

    def test_too_many_connections_are_no_refusal(
        self, shop: Server, session: Callable[..., DatabaseObservation]
    ) -> None:
        held = []
        try:
            with suppress(pymysql.OperationalError):
                while len(held) < 100:
                    held.append(shop.connect())
            seen = session(Purpose.WRONG_PASSWORD)
        finally:
            for connection in held:
                connection.close()
        assert seen.broke is not None
        assert (seen.broke.end, seen.refused, seen.transient) == (StoreEnd.NOT_READY, None, True)
        assert seen.broke.detail.startswith("1040")


class TestReplication:
    pytestmark = real

    def test_a_primary_and_its_replica(self, tmp_path: Any, authority: Authority) -> None:
        seer = ask_of(username="seer", name=None, wants=Wants(parts=("upstream", "replicas")))
        primary_made = replace(SHOP, version=None)
        with running(tmp_path / "a", primary_made, authority, plain=False) as primary:
            copy = replace(
                primary_made,
                upstream=primary.job.store.address,
                settings=(("read_only", "ON"),),
            )
            with running(tmp_path / "b", copy, authority, behind=primary.job.store) as replica:
                bench = bench_of(authority.ca_file)
                above, below = look(primary, bench, seer), look(replica, bench_of(authority.ca_file), seer)
                with replica.connect() as here, here.cursor() as cursor:
                    cursor.execute("STOP SLAVE SQL_THREAD")
                stopped = look(replica, bench_of(authority.ca_file), seer)
        assert not isinstance(above.replicas, Unseen)
        assert [(one.name, one.streams) for one in above.replicas or ()] == [("127.0.0.1", True)]
        assert above.inside.writable
        assert (below.inside.writable, below.inside.why_read_only, below.inside.recovering) == (
            False,
            "read_only",
            True,
        )
        assert below.upstream is not None
        assert not isinstance(below.upstream, Unseen)
        assert (below.upstream.streams, below.upstream.lag_s, below.upstream.error) == (True, 0.0, "")
        assert stopped.upstream is not None
        assert not isinstance(stopped.upstream, Unseen)
        assert (stopped.upstream.streams, stopped.upstream.lag_s) == (False, None)
        assert stopped.upstream.state == "receives: Yes, applies: No"

    def test_a_replica_that_lags(self, tmp_path: Any) -> None:
        seer = ask_of(username="seer", name=None, secures=False, wants=Wants(parts=("upstream",)))
        with running(tmp_path / "a", replace(SHOP, tables=(), seeds=SHOP.seeds[:1])) as primary:
            copy = replace(primary.made, upstream=primary.job.store.address, delayed=True)
            with running(tmp_path / "b", copy, behind=primary.job.store) as replica:

                def lags() -> bool:
                    seen = look(replica, bench_of(), seer).upstream
                    return seen is not None and not isinstance(seen, Unseen) and (seen.lag_s or 0) >= 600

                for _ in range(100):
                    if lags():
                        return
        pytest.fail("it never lagged")


class TestReader:
    pytestmark = real

    def test_reading(self, shop: Server, authority: Authority) -> None:
        async def read() -> None:
            bench = bench_of(authority.ca_file)
            ask = ReadingAsk(
                kind="x", host=HOST, port=3306, engine="mysql", name="shop_live", username="shop", password=PASSWORD
            )
            async with bench.exits, reader(ask, Address(*shop.address), bench) as desk:
                table = desk.quote("shop_live.orders")
                found = await desk.rows(f"SELECT state, '%%' FROM {table} WHERE state = %s", ("it's 100%",))  # noqa: S608 - quoted
                assert found == [("it's 100%", "%")]
                with pytest.raises(NoSuchTable):
                    await desk.rows(f"SELECT 1 FROM {desk.quote('gone')}")  # noqa: S608 - quoted
                with pytest.raises(CannotRead, match="error 1054"):
                    await desk.rows(f"SELECT gone FROM {table}")  # noqa: S608 - quoted
                with pytest.raises(CannotRead, match="more than 1 rows"):
                    await desk.rows(f"SELECT 1 FROM {table}", most=1)  # noqa: S608 - quoted
                with pytest.raises(CannotRead) as slow:
                    await desk.rows("SELECT SLEEP(9)")
                assert slow.value.unseen.unseen == "took too long"
                with pytest.raises(CannotRead):
                    await desk.rows(f"INSERT INTO {table} (state) VALUES ('x')")  # noqa: S608 - quoted
                assert desk.engine == "mysql"
            for bad, error in (({"password": "no"}, LoginRefused), ({"secures": True}, Withheld)):
                bench = bench_of()
                with pytest.raises(error):
                    async with bench.exits, reader(ask.model_copy(update=bad), Address(*shop.address), bench):
                        pass

        asyncio.run(read())


# --- servers that talk as they like ----------------------------------------------------------------------------------


def packet(payload: bytes, number: int = 0) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def greeting(plugin: bytes = b"caching_sha2_password", *, tls: bool = True, version: bytes = b"8.4.2") -> bytes:
    flags = 0x00080000 | 0x8000 | 0x0200 | 0x0008 | (0x0800 if tls else 0)
    head = b"\x0a" + version + b"\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", flags & 0xFFFF)
    rest = struct.pack("<BHHB", 45, 2, flags >> 16, 21) + bytes(10) + b"abcdefghijkl\0" + plugin + b"\0"
    return packet(head + rest)


def error(code: int, words: bytes, number: int = 0) -> bytes:
    return packet(b"\xff" + struct.pack("<H", code) + b"#08004" + words, number)


async def heard(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return await reader.readexactly(int.from_bytes(head[:3], "little"))


def saying(*words: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for word in words:
            writer.write(word)
            await writer.drain()
            await reader.read(1)

    return talk


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read()


async def leaving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader, writer


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    for number in range(2**16):
        writer.write(b"\xff\xff\xff" + bytes([number % 256]) + bytes(0xFFFFFF))
        await writer.drain()


def talk_to(talk: Talk, serve: Serve, ca_file: Any = None, **asked: Any) -> DatabaseObservation:
    async def meet() -> DatabaseObservation:
        bench = bench_of(ca_file, patience_s=0.6)
        async with serve(talk) as address, bench.exits:
            return await observe(ask_of(**asked), address, bench)

    return asyncio.run(meet())


@pytest.mark.parametrize(
    ("talk", "end"),
    [
        (mute, StoreEnd.SILENT),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), StoreEnd.GARBLED),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), StoreEnd.GARBLED),
        (saying(packet(b"\x0a8.4.2")), StoreEnd.GARBLED),
        (saying(packet(b"")), StoreEnd.GARBLED),
        (saying(packet(b"\xff\x10")), StoreEnd.GARBLED),
        (leaving, StoreEnd.CLOSED),
        (saying(greeting(), b"no TLS at all"), StoreEnd.NO_TLS),
        (saying(greeting()), StoreEnd.NO_TLS),
        (endless, StoreEnd.GARBLED),
        (saying(error(1040, b"Too many connections")), StoreEnd.NOT_READY),
    ],
)
def test_nonsense_ends_the_conversation(talk: Talk, end: StoreEnd, serve: Serve) -> None:
    seen = talk_to(talk, serve)
    assert seen.broke is not None, seen
    assert (seen.broke.end, seen.tried, seen.refused) == (end, False, None), seen.broke
    assert len(seen.model_dump_json()) < 5_000


def test_a_no_in_place_of_the_greeting(serve: Serve) -> None:
    seen = talk_to(saying(error(1130, b"Host '192.0.2.9' is not allowed to connect to this MySQL server")), serve)
    assert seen.refused is not None
    assert (seen.refused.code, seen.tried, seen.server, seen.broke) == ("1130", False, None, None)


def test_a_password_is_not_handed_over_in_plain(serve: Serve) -> None:
    """Nor is it scrambled for an old server, where the account is said to be an old one."""
    got: list[bytes] = []

    def switching(plugin: bytes) -> Talk:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(greeting(tls=False))
            await heard(reader)
            writer.write(packet(b"\xfe" + plugin + b"\0salt-of-twenty-bytes\0", 2))
            got.append(b"asked")
            got.append(await reader.read(100))

        return talk

    for plugin in (b"mysql_clear_password", b"mysql_old_password", b"client_ed25519"):
        seen = talk_to(switching(plugin), serve, secures=False)
        assert seen.withheld, seen
        assert seen.session is None
    assert set(got) <= {b"asked", b""}
    assert got.count(b"asked") == 3


@contextmanager
def securing(chain: Any, key: Any, *answers: bytes) -> Iterator[tuple[Address, list[bytes]]]:
    """A server that offers TLS, and inside it answers one packet after another; what it heard there.

    A thread, which leaves the first bytes of TLS where they are.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    got: list[bytes] = []

    def talk(guest: socket.socket) -> None:
        with guest:
            guest.settimeout(5)
            guest.sendall(greeting())
            guest.recv(36, socket.MSG_WAITALL)
            with context.wrap_socket(guest, server_side=True) as inside:
                for answer in (*answers, b""):
                    got.append(inside.recv(4096))
                    inside.sendall(answer)

    def serve() -> None:
        with suppress(OSError):
            while True:
                guest, _ = listening.accept()
                with suppress(OSError):
                    talk(guest)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Address(*listening.getsockname()), got
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def visit(address: Address, ca_file: Any = None, **asked: Any) -> DatabaseObservation:
    async def meet() -> DatabaseObservation:
        bench = bench_of(ca_file)
        async with bench.exits:
            return await observe(ask_of(**asked), address, bench)

    return asyncio.run(meet())


def test_a_login_of_mysql_8_inside_tls(tmp_path: Any) -> None:
    """Full authentication by caching_sha2_password: the password itself, as UTF-8, inside TLS that verifies."""
    authority = Authority(tmp_path)
    told = error(1045, b"Access denied: " + PASSWORD.encode(), 5)
    with securing(authority.chain, authority.key, packet(b"\x01\x04", 3), told) as (address, got):
        seen = visit(address, authority.ca_file)
    assert got[1] == packet(PASSWORD.encode() + b"\0", 4)
    assert PASSWORD.encode() not in got[0]
    assert seen.refused is not None
    assert (seen.refused.code, seen.refused.message) == ("1045", "Access denied: ...")


def test_an_untrusted_server_hears_no_login(tmp_path: Any) -> None:
    authority = Authority(tmp_path)
    with securing(authority.chain, authority.key) as (address, got):
        seen = visit(address)
    assert b"".join(got) == b""
    assert seen.withheld.startswith("no login was sent: the certificate does not verify")


def test_a_closed_port_is_a_state_and_no_way_there_is_not() -> None:
    async def meet(address: Address) -> DatabaseObservation:
        bench = bench_of(patience_s=0.5)
        async with bench.exits:
            return await observe(ask_of(), address, bench)

    async def closed() -> DatabaseObservation:
        listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        return await meet(Address("127.0.0.1", port))

    seen = asyncio.run(closed())
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.REFUSED
    with pytest.raises(NotObserved) as told:
        asyncio.run(meet(Address("224.0.0.1", 3306)))
    assert told.value.reason is Reason.UNREACHABLE


def test_a_cancelled_conversation_leaves_nothing(serve: Serve) -> None:
    async def meet() -> None:
        bench = bench_of(patience_s=5)
        async with serve(mute) as address, bench.exits:
            task = asyncio.create_task(observe(ask_of(), address, bench))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert {one.get_name() for one in asyncio.all_tasks() if "_passing" in repr(one)} == set()

    asyncio.run(meet())


@pytest.mark.parametrize(
    ("version", "comment", "product", "numbers"),
    [
        ("5.5.5-10.11.19-MariaDB-0+deb12u1", "", "MariaDB", "10.11.19"),
        ("11.8.2-MariaDB-log", "mariadb.org binary distribution", "MariaDB", "11.8.2"),
        ("8.0.35", "MySQL Community Server - GPL", "MySQL", "8.0.35"),
        ("8.0.36-28", "Percona Server (GPL), Release 28, Revision 47601f19", "MySQL", "8.0.36"),
        ("8.0.11-TiDB-v7.5.0", "", "TiDB", "8.0.11"),
        ("8.0.mysql_aurora.3.05.2", "Source distribution", "MySQL", "8.0"),
        ("5.5.5", "", "MySQL", "5.5.5"),
        ("", "", "MySQL", ""),
    ],
)
def test_who_answers(version: str, comment: str, product: str, numbers: str) -> None:
    seen = server_of(version, comment)
    assert (seen.product, seen.version) == (product, numbers)


def test_an_error_of_replication_tells_no_row_and_no_statement() -> None:
    told = mysql_inside._without_statement(
        "Could not execute Write_rows_v1 event on table shop.users; Duplicate entry 'o'neil@shop.test' for key"
        " 'PRIMARY', Error_code: 1062; Query: 'INSERT INTO users VALUES (1)'"
    )
    assert "neil" not in told
    assert "INSERT" not in told
    assert "for key 'PRIMARY', Error_code: 1062" in told
