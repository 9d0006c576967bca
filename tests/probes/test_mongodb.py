"""The MongoDB probe against real servers, and against servers that are none."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import struct
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import bson
import pymongo
import pytest
import trustme

from roadworthy.facts.database import (
    DatabaseAsk,
    DatabaseObservation,
    IndexSeen,
    PasswordSeen,
    PasswordWanted,
    Replica,
    RowsWanted,
    Session,
    Setting,
    TableSeen,
    TableWanted,
    Wants,
)
from roadworthy.facts.reading import ReadingAsk
from roadworthy.facts.store import Purpose, StoreEnd, Unseen
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.mongodb import _imitation, database, observe
from roadworthy.probes.mongodb_inside import _Members, _replicas, _setting
from roadworthy.probes.reader import LoginRefused, Withheld
from roadworthy.probes.way import Way, link
from roadworthy.sandbox.deployment import Certificate, Product, Store, Tls
from roadworthy.sandbox.stores.mongodb import Account, MongoDb, set_up
from roadworthy.sandbox.stores.serving import StoreJob, private
from roadworthy.sandbox.stores.tables import Index, Table
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.probes.conftest import Serve
    from tests.probes.http_servers import Talk

pytestmark = pytest.mark.real

HOST = "mongo.shop.test"
PASSWORD = "only-in-this-test"
PLAIN_HASH = "5ebe2294ecd0e0f08eab7690d2a6ee69"
ROLES = ("clusterMonitor@admin", "readWrite@shop")
FULL = MongoDb(
    database="shop",
    accounts=(Account("shop-app", PASSWORD, ROLES), Account("reader", PASSWORD, ("read@till",))),
    collections=(
        Table(
            "orders",
            (),
            (
                Index("customer_1", ("customer", "createdAt:-1")),
                Index("unused_1", ("unused",), valid=False),
                Index("place_2dsphere", ("place:2dsphere",)),
                Index("words", ("title:text",)),
            ),
        ),
        Table("users", (), rows=((("email", "admin@shop.test"), ("role", "admin"), ("password", "secret")),)),
    ),
    seeds=tuple(("events", (("n", number), ("by.whom", "nobody"))) for number in range(5)),
)
ALL = Wants(
    settings=("maxIndexBuildMemoryUsageMegabytes", "noSuchSetting"),
    tables=tuple(TableWanted(name=name) for name in ("orders", "users", "carts")),
    rows=(
        RowsWanted(table="users", where=(("role", "admin"),), up_to=2),
        RowsWanted(table="events", up_to=3),
        RowsWanted(table="users", where=(("role", "nobody"),), up_to=2),
    ),
    passwords=(
        PasswordWanted(table="users", where=(("role", "admin"),), column="password", published=("admin", "secret")),
        PasswordWanted(table="users", where=(("role", "nobody"),), column="password", published=("admin",)),
    ),
    parts=("replicas", "upstream", "connections", "privileges", "advice"),
)


class Place:
    """Addresses of this process alone, and certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        self._count = 0

    def bench(self, *, trusts: bool = True, patience_s: float = 4.0) -> Bench:
        network = Network(ca_file=str(self.folder / "ca.pem") if trusts else None)
        return Bench(network, "roadworthy-tests", patience_s)

    @contextmanager
    def running(self, contents: MongoDb, *, tls: bool = False, plain: bool = False) -> Iterator[list[Address]]:
        """Real servers; the addresses of the members."""
        self._count += 1
        pid = os.getpid()
        address = (f"127.{100 + pid // 250 % 100}.{pid % 250}.{self._count}", 27017)
        beside = tuple((address[0], address[1] + number) for number in range(1, contents.members + 1))
        if contents.replica_set:
            contents = replace(contents, beside=beside)
        store = Store("mongo", address, Product.MONGODB, contents=contents, plain=plain or not tls)
        directory = self.folder / "stores" / str(self._count)
        directory.mkdir(parents=True)
        chain, key = directory / "chain.pem", directory / "key.pem"
        if tls:
            issued = self.authority.issue_cert(HOST)
            chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
            key.write_bytes(issued.private_key_pem.bytes())
            store = replace(store, tls=Tls(Certificate((HOST,)), ("1.2", "1.3"), (), ()))
        _, processes = set_up(StoreJob(store, *((chain, key) if tls else (None, None))), directory)
        try:
            addresses = (address, *beside[:-1]) if contents.replica_set else (private(address),)
            yield [Address(*one) for one in addresses]
        finally:
            for process in processes:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("mongodb"))


@pytest.fixture(scope="module")
def secured(place: Place) -> Iterator[Address]:
    """One server that demands TLS and a login."""
    with place.running(FULL, tls=True) as (address,):
        yield address


@pytest.fixture(scope="module")
def members(place: Place) -> Iterator[list[Address]]:
    """A replica set of three."""
    with place.running(replace(FULL, replica_set="rs0", members=3)) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def opened(place: Place) -> Iterator[Address]:
    """A server that asks for no login, and speaks no TLS."""
    with place.running(replace(FULL, accounts=(), asks_for_login=False)) as (address,):
        yield address


def ask(**fields: Any) -> DatabaseAsk:
    fields = {"username": "shop-app", "password": PASSWORD, "name": "shop"} | fields
    return DatabaseAsk(host=HOST, port=27017, engine="mongodb", **fields)


def look(bench: Bench, address: Address, **fields: Any) -> DatabaseObservation:
    """One observation, after which nothing of it is left in the loop."""

    async def meet() -> DatabaseObservation:
        async with bench.exits:
            seen = await observe(ask(**fields), address, bench)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return seen

    seen = asyncio.run(meet())
    assert PASSWORD not in seen.model_dump_json()
    return seen


# --- sessions --------------------------------------------------------------------------------------------------------


def test_a_session_sees_all_that_is_wanted(place: Place, secured: Address) -> None:
    seen = look(place.bench(), secured, secures=True, wants=ALL)
    assert seen.broke is None, seen.broke
    assert seen.refused is None
    assert seen.server is not None
    assert (seen.server.product, seen.server.version) == ("MongoDB", "6.0.5")
    assert seen.secured is not None
    assert seen.secured.distrust == ""
    assert seen.offers_tls is True
    assert seen.tried
    assert seen.session == Session(user="shop-app", database="shop", writable=True, recovering=False)
    assert seen.privileges is not None
    assert not isinstance(seen.privileges, Unseen)
    assert seen.privileges.roles == ROLES
    assert seen.connections is not None
    assert not isinstance(seen.connections, Unseen)
    assert 0 < seen.connections.used < seen.connections.limit
    assert isinstance(seen.settings, dict)
    assert set(seen.settings) == {"maxIndexBuildMemoryUsageMegabytes"}
    assert seen.rows == (1, 3, 0)
    assert seen.passwords == (
        PasswordSeen(found=1, scheme="plain text", matches=1, compared=True),
        PasswordSeen(found=0),
    )
    assert (seen.replicas, seen.replica_set, seen.upstream) == ((), None, None)
    assert isinstance(seen.advice, tuple)
    assert [one.kind for one in seen.advice] == ["old"]


def test_collections_have_their_indexes(place: Place, secured: Address) -> None:
    seen = look(place.bench(), secured, secures=True, wants=ALL)
    assert seen.tables is not None
    orders, users, carts = seen.tables
    first = IndexSeen(name="_id_", columns=("_id",), unique=True)
    assert orders == TableSeen(
        name="orders",
        indexes=(
            first,
            IndexSeen(name="customer_1", columns=("customer", "createdAt:-1")),
            IndexSeen(name="unused_1", columns=("unused",), valid=False),
            IndexSeen(name="place_2dsphere", columns=("place:2dsphere",)),
            IndexSeen(name="words", columns=("title:text",)),
        ),
    )
    assert users == TableSeen(name="users", indexes=(first,))
    assert carts == TableSeen(name="carts", exists=False)


def test_what_a_login_may_not_see_is_not_taken_for_nothing(place: Place, secured: Address) -> None:
    seen = look(place.bench(), secured, secures=True, username="reader", wants=ALL)
    assert seen.session is not None
    hidden = [seen.connections, seen.settings, *(seen.tables or ()), *(seen.rows or ()), *(seen.passwords or ())]
    assert len(hidden) == 10
    assert {one.unseen for one in hidden if isinstance(one, Unseen)} == {"not permitted"}
    assert all(isinstance(one, Unseen) for one in hidden)
    assert seen.privileges is not None
    assert not isinstance(seen.privileges, Unseen)
    assert seen.privileges.roles == ("read@till",)


def test_members_of_a_set_are_the_same_from_each_side(place: Place, members: list[Address]) -> None:
    names = {f"{member.ip}:{member.port}" for member in members[1:]}
    for member in members[:2]:
        seen = look(place.bench(), member, wants=ALL)
        assert seen.replica_set == "rs0"
        assert isinstance(seen.replicas, tuple)
        assert {replica.name for replica in seen.replicas} == names
        assert all(replica.streams and replica.lag_s is not None and replica.lag_s < 15 for replica in seen.replicas)
        assert seen.session is not None
        is_primary = member == members[0]
        assert (seen.session.writable, seen.session.recovering) == (is_primary, not is_primary)
        assert seen.rows == (1, 3, 0)
        if is_primary:
            assert seen.upstream is None
        else:
            assert seen.upstream is not None
            assert not isinstance(seen.upstream, Unseen)
            assert seen.upstream.streams
            assert seen.upstream.name.startswith(members[0].ip)
            assert seen.session.why_read_only == "secondary"


def test_members_are_hidden_from_whoever_may_not_see_them(place: Place, members: list[Address]) -> None:
    seen = look(place.bench(), members[0], username="reader", wants=ALL)
    assert isinstance(seen.replicas, Unseen)
    assert isinstance(seen.upstream, Unseen)
    assert seen.replicas.unseen == "not permitted"


def test_without_a_login_only_the_greeting_is_seen(place: Place, secured: Address) -> None:
    seen = look(place.bench(), secured, secures=True, purpose=Purpose.HELLO, username="", password=None)
    assert seen.server is not None
    assert seen.server.version == "6.0.5"
    assert (seen.tried, seen.session) == (False, None)


# --- logins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "fields", "code"),
    [
        (Purpose.WRONG_PASSWORD, {}, "18"),
        (Purpose.PUBLISHED, {"username": "admin", "published": "admin"}, "18"),
        (Purpose.PUBLISHED, {"username": "admin", "published": ""}, "13"),
        (Purpose.ANONYMOUS, {"username": "", "password": None}, "13"),
        (Purpose.SESSION, {"password": "another"}, "18"),
        (Purpose.SESSION, {"auth_source": "shop"}, "18"),
    ],
)
def test_who_is_not_known_is_refused(
    place: Place, secured: Address, purpose: Purpose, fields: dict[str, Any], code: str
) -> None:
    seen = look(place.bench(), secured, secures=True, purpose=purpose, **fields)
    assert seen.refused is not None
    assert (seen.refused.code, seen.session, seen.broke, seen.tried) == (code, None, None, True)
    if purpose is Purpose.SESSION:
        assert seen.server is not None
        assert seen.server.version == "6.0.5"


def test_a_wrong_password_goes_out_once(place: Place) -> None:
    with place.running(FULL) as (address,):
        look(place.bench(), address, purpose=Purpose.WRONG_PASSWORD)
        log = (place.folder / "stores" / str(place._count) / "0" / "mongod.log").read_text()
    assert log.count("Authentication failed") == 1


def test_a_published_password_that_is_one_is_let_in(place: Place, secured: Address) -> None:
    seen = look(place.bench(), secured, secures=True, purpose=Purpose.PUBLISHED, username="reader", published=PASSWORD)
    assert seen.session is not None
    assert (seen.session.user, seen.refused) == ("reader", None)


def test_a_server_without_logins_lets_nobody_in_by_name(place: Place, opened: Address) -> None:
    seen = look(place.bench(), opened, purpose=Purpose.ANONYMOUS, username="", password=None)
    assert seen.session == Session(user="", database="shop", writable=True, recovering=False)
    seen = look(place.bench(), opened, username="", password=None, wants=ALL)
    assert seen.rows == (1, 3, 0)


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_a_server_that_demands_tls_closes_on_whoever_comes_in_plain(place: Place, secured: Address) -> None:
    seen = look(place.bench(), secured, secures=True, purpose=Purpose.PLAIN)
    assert seen.broke is not None
    assert (seen.broke.end, seen.server, seen.secured) == (StoreEnd.CLOSED, None, None)


def test_a_server_that_takes_both_answers_in_plain(place: Place) -> None:
    with place.running(FULL, tls=True, plain=True) as (address,):
        seen = look(place.bench(), address, secures=True, purpose=Purpose.PLAIN)
    assert seen.server is not None
    assert (seen.broke, seen.secured, seen.tried) == (None, None, False)


def test_no_password_goes_to_a_certificate_that_is_not_trusted(place: Place, secured: Address) -> None:
    seen = look(place.bench(trusts=False), secured, secures=True, wants=ALL)
    assert seen.secured is not None
    assert "certificate" in seen.secured.distrust
    assert "not trusted" in seen.withheld
    assert (seen.tried, seen.session, seen.broke) == (False, None, None)
    assert seen.server is not None
    assert seen.server.version == "6.0.5"


def test_a_server_without_tls_gets_no_password(place: Place, opened: Address) -> None:
    seen = look(place.bench(), opened, secures=True)
    assert seen.broke is not None
    assert (seen.broke.end, seen.offers_tls, seen.tried) == (StoreEnd.NO_TLS, False, False)


# --- servers that are none -------------------------------------------------------------------------------------------


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def _leaving(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(16)


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def _banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await reader.read(-1)


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"\x40\0\0\0\1\0")
    await reader.read(-1)


def _answering(document: dict[str, Any]) -> Talk:
    """Whatever is asked is answered with one document, in the protocol of `hello` or of commands."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length, number, _, code = struct.unpack("<iiii", await reader.readexactly(16))
            await reader.readexactly(length - 16)
            body = struct.pack("<iqii", 8, 0, 0, 1) if code == 2004 else b"\0\0\0\0\0"
            body += bson.encode(document)
            writer.write(struct.pack("<iiii", 16 + len(body), 9, number, 1 if code == 2004 else 2013) + body)

    return talk


HELLO = {"ok": 1, "ismaster": True, "helloOk": True, "maxWireVersion": 17, "minWireVersion": 0}


@pytest.mark.parametrize(
    ("talk", "end"),
    [
        (_silent, StoreEnd.SILENT),
        (_leaving, StoreEnd.CLOSED),
        (_http, StoreEnd.GARBLED),
        (_banner, StoreEnd.GARBLED),
        (_half, StoreEnd.GARBLED),
        (_answering({"ok": 1, "maxWireVersion": "many"}), StoreEnd.GARBLED),
        (_answering({"ok": 0, "code": 91, "errmsg": "going"}), StoreEnd.NOT_READY),
        (_answering({"ok": 0, "code": 1, "errmsg": "no"}), StoreEnd.GARBLED),
    ],
)
def test_servers_that_are_none(place: Place, serve: Serve, talk: Talk, end: StoreEnd) -> None:
    bench = place.bench(patience_s=0.5)

    async def meet() -> DatabaseObservation:
        async with serve(talk) as address, bench.exits:
            return await observe(ask(), address, bench)

    seen = asyncio.run(meet())
    assert seen.broke is not None
    assert (seen.broke.end, seen.session) == (end, None), seen.broke


def test_an_answer_that_makes_no_sense_later_ends_the_look(place: Place, serve: Serve) -> None:
    bench = place.bench(patience_s=0.5)

    async def meet() -> DatabaseObservation:
        async with serve(_answering(HELLO)) as address, bench.exits:
            return await observe(ask(username="", password=None, wants=ALL), address, bench)

    seen = asyncio.run(meet())
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.GARBLED


def test_a_server_too_old_for_the_driver_tells_its_version(place: Place, serve: Serve) -> None:
    bench = place.bench(patience_s=0.5)

    async def meet() -> DatabaseObservation:
        async with serve(_answering(HELLO | {"maxWireVersion": 7})) as address, bench.exits:
            return await observe(ask(), address, bench)

    seen = asyncio.run(meet())
    assert seen.server is not None
    assert (seen.server.version, seen.broke, seen.session) == ("4.0", None, None)
    assert "older" in seen.withheld


def test_nobody_there(place: Place) -> None:
    seen = look(place.bench(patience_s=0.5), Address("127.0.0.1", 1))
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.REFUSED


def test_a_server_that_hangs_costs_its_deadline(place: Place) -> None:
    with place.running(FULL) as (address,):
        bench = place.bench(patience_s=0.5)

        async def meet() -> DatabaseObservation:
            async with bench.exits, asyncio.timeout(5):
                return await observe(ask(), address, bench)

        (pid,) = _pids(address)
        os.kill(pid, signal.SIGSTOP)
        try:
            seen = asyncio.run(meet())
        finally:
            os.kill(pid, signal.SIGCONT)
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.SILENT


def _pids(address: Address) -> list[int]:
    with pymongo.MongoClient(
        address.ip, address.port, username="sandbox", password="only-between-these-servers"
    ) as client:
        return [int(client.admin.command("serverStatus")["pid"])]


def test_who_gives_up_leaves_nothing_behind(place: Place, serve: Serve) -> None:
    bench = place.bench(patience_s=5)

    async def meet() -> None:
        begun = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.read(1)
            begun.set()
            await reader.read(-1)

        async with serve(talk) as address, bench.exits:
            before = asyncio.all_tasks()
            looking = asyncio.create_task(observe(ask(), address, bench))
            await begun.wait()
            looking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await looking
            left = {task for task in asyncio.all_tasks() - before if "handle" not in repr(task)}
            assert not left

    asyncio.run(meet())


# --- reading for others ----------------------------------------------------------------------------------------------


def reading(**fields: Any) -> ReadingAsk:
    fields = {"username": "shop-app", "password": PASSWORD, "name": "shop"} | fields
    return ReadingAsk(kind="reading", host=HOST, port=27017, engine="mongodb", **fields)


def read(bench: Bench, asked: ReadingAsk, address: Address) -> list[Any]:
    async def meet() -> list[Any]:
        async with bench.exits, database(asked, address, bench) as shop:
            return await shop["events"].find({}, {"_id": 0, "n": 1}).sort("n").to_list()

    return asyncio.run(meet())


def test_a_database_is_read_by_those_who_are_let_in(place: Place, secured: Address) -> None:
    assert [one["n"] for one in read(place.bench(), reading(secures=True), secured)] == [0, 1, 2, 3, 4]
    with pytest.raises(LoginRefused):
        read(place.bench(), reading(secures=True, password="another"), secured)
    with pytest.raises(LoginRefused):
        read(place.bench(), reading(secures=True, password=None), secured)
    with pytest.raises(Withheld):
        read(place.bench(trusts=False), reading(secures=True), secured)


# --- what answers mean -----------------------------------------------------------------------------------------------


def status(*members: tuple[str, int, float | None], health: int = 1) -> dict[str, Any]:
    """A set: each member's name, state, and seconds behind noon."""
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    return {
        "members": [
            {
                "name": name,
                "state": state,
                "stateStr": {1: "PRIMARY", 2: "SECONDARY", 5: "STARTUP2", 7: "ARBITER"}[state],
                "health": health,
            }
            | ({} if behind is None else {"optimeDate": noon - timedelta(seconds=behind)})
            for name, state, behind in members
        ]
    }


def replicas(*looks: dict[str, Any], **delays: float) -> list[Replica]:
    return list(_replicas(_Members(looks, delays)))


def test_a_lag_that_is_gone_at_the_second_look_was_old_news() -> None:
    first, second = status(("a", 1, 0), ("b", 2, 10), ("c", 2, 10)), status(("a", 1, 0), ("b", 2, 0), ("c", 2, 12))
    assert [one.lag_s for one in replicas(first, second)] == [0, 10]


def test_a_member_that_is_late_on_purpose_is_not_behind_and_no_replica_to_count_on() -> None:
    (late,) = replicas(status(("a", 1, 0), ("b", 2, 3602)), b=3600)
    assert (late.lag_s, late.streams, late.state) == (2, False, "SECONDARY, 3600 s late on purpose")


def test_arbiters_copy_nothing() -> None:
    assert [one.name for one in replicas(status(("a", 1, 0), ("b", 2, 0), ("c", 7, None)))] == ["b"]


def test_without_a_primary_nobody_streams() -> None:
    assert [(one.streams, one.lag_s) for one in replicas(status(("a", 2, 0), ("b", 2, 5)))] == [(False, None)] * 2


def test_a_member_that_is_being_filled_does_not_stream() -> None:
    (one,) = replicas(status(("a", 1, 0), ("b", 5, 0)))
    assert (one.state, one.streams) == ("STARTUP2", False)


def test_a_member_that_is_not_heard_of_has_no_lag() -> None:
    gone = status(("b", 2, 56 * 365 * 86400), health=0)
    (one,) = replicas({"members": status(("a", 1, 0))["members"] + gone["members"]})
    assert (one.streams, one.lag_s) == (False, None)


@pytest.mark.parametrize(
    ("name", "value", "text", "unit"),
    [
        ("cursorTimeoutMillis", 600000, "600000", None),
        ("transactionLifetimeLimitSeconds", 60, "60", "seconds"),
        ("internalQueryMaxBlockingSortMemoryUsageBytes", 104857600, "104857600", "bytes"),
        ("notablescan", False, "false", None),
        ("featureCompatibilityVersion", {"version": "6.0"}, "6.0", None),
    ],
)
def test_settings_are_as_the_server_has_them(name: str, value: object, text: str, unit: str | None) -> None:
    assert _setting(name, value) == Setting.model_validate({"value": text, "unit": unit})


def test_who_imitates_mongodb_is_named() -> None:
    assert _imitation({}, {"me": "docdb-1.abc.eu-central-1.docdb.amazonaws.com:27017"}, HOST) == "Amazon DocumentDB"
    assert _imitation({"ferretdb": {"version": "v2"}}, {}, HOST) == "FerretDB"
    assert _imitation({}, {}, HOST) == ""


def test_a_later_connection_is_trusted_no_less_than_the_first(place: Place) -> None:
    """The driver logs in over a connection that comes up when the first one's certificate was judged already."""
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2)]
    for context, authority in zip(contexts, (place.authority, trustme.CA()), strict=True):
        authority.issue_cert(HOST).configure_cert(context)
    known, stranger = contexts
    met: list[asyncio.StreamReader] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(reader)
        with suppress(OSError):
            await writer.start_tls(known if len(met) == 1 else stranger)
            writer.write(await reader.read(5))
        writer.close()

    async def meet() -> tuple[list[bytes], Way]:
        server, bench, said = await asyncio.start_server(handle, "127.0.0.1", 0), place.bench(), []
        address = Address(*server.sockets[0].getsockname())
        async with server, bench.exits, link(ask(), address, bench, tls=True) as way:
            for _ in range(2):
                reader, writer = await asyncio.open_connection(way.ip, way.port)
                writer.write(b"hello")
                said.append(await reader.read(5))
                writer.close()
        return said, way

    said, way = asyncio.run(meet())
    assert said == [b"hello", b""]
    assert len(met) == 3
    assert way.ended is not None
