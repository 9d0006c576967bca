"""Real PostgreSQL servers of which one copies the other: lag, a marker, and reading in them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.marker import MarkerAsk, MarkerObservation
from roadworthy.facts.reading import ReadingAsk
from roadworthy.facts.store import Unseen
from roadworthy.probes import marker
from roadworthy.probes.reader import CannotRead, LoginRefused, NoSuchTable, Withheld, open_reader
from tests.probes.postgresql_servers import HOST, Cluster, Place, ask_of, placed, replica, wanting

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("pg")) as made:
        yield made


@pytest.fixture(scope="module")
def second(place: Place) -> Iterator[Cluster]:
    with replica(place.primary, place.folder / "b", "second") as made:
        yield made


PARTS = {"parts": ("replicas", "upstream")}


def test_a_replica_is_seen_from_both_sides(place: Place, second: Cluster) -> None:
    seen = wanting(place, "monitor", **PARTS)
    assert not isinstance(seen.replicas, Unseen)
    assert seen.replicas is not None
    (copy,) = seen.replicas
    assert (copy.name, copy.state, copy.streams, copy.lag_bytes) == ("second", "streaming", True, 0)
    assert copy.lag_s is not None
    assert copy.lag_s < 1
    assert seen.upstream is None
    there = wanting(place, "monitor", second, **PARTS)
    assert (there.inside.writable, there.inside.recovering) == (False, True)
    assert not isinstance(there.upstream, Unseen)
    assert there.upstream is not None
    assert (there.upstream.state, there.upstream.streams, there.upstream.lag_s) == ("streaming", True, 0)


def test_what_a_login_may_not_see_of_replication_is_not_none(place: Place, second: Cluster) -> None:
    seen = wanting(place, "app", **PARTS).replicas
    assert isinstance(seen, Unseen)
    assert seen.unseen == "not permitted"
    seen = wanting(place, "app", second, **PARTS).upstream
    assert isinstance(seen, Unseen)


def test_a_replica_that_applies_nothing_is_behind(place: Place, second: Cluster) -> None:
    second.execute("SELECT pg_wal_replay_pause()")
    try:
        place.primary.execute("UPDATE orders SET total = total + 1", "SELECT pg_sleep(0.2)")
        seen = wanting(place, "monitor", **PARTS)
        there = wanting(place, "monitor", second, **PARTS)
    finally:
        second.execute("SELECT pg_wal_replay_resume()")
    assert not isinstance(seen.replicas, Unseen)
    assert seen.replicas is not None
    assert (seen.replicas[0].lag_s, (seen.replicas[0].lag_bytes or 0) > 0) == (None, True)
    assert not isinstance(there.upstream, Unseen)
    assert there.upstream is not None
    assert there.upstream.lag_s is not None
    assert there.upstream.lag_s > 0
    assert there.upstream.error == "replay is paused"


def test_a_marker_is_seen_on_the_replica_and_leaves_no_row(place: Place, second: Cluster) -> None:
    seen = mark(place, second)
    assert (seen.written, seen.removed, seen.broke, seen.refused) == (True, True, None, None)
    assert seen.seen_after_s is not None
    with place.primary.connect() as admin:
        assert admin.execute("SELECT count(*) FROM roadworthy_markers").fetchone() == (0,)


def test_a_marker_that_does_not_arrive_is_looked_for_and_taken_away(place: Place, second: Cluster) -> None:
    second.execute("SELECT pg_wal_replay_pause()")
    try:
        seen = mark(place, second, within=0.4)
    finally:
        second.execute("SELECT pg_wal_replay_resume()")
    assert (seen.written, seen.removed, seen.seen_after_s) == (True, True, None)
    assert 0.4 <= seen.looked_for_s < 2
    assert seen.untold is None


def test_a_primary_that_takes_no_marker_says_so(place: Place, second: Cluster) -> None:
    seen = mark(place, second, primary=second.port)
    assert (seen.written, seen.refused.code if seen.refused else "") == (False, "25006")
    nowhere = mark(place, second, replica_password="wrong")
    assert (nowhere.written, nowhere.removed) == (True, True)
    assert nowhere.replica_refused is not None
    assert mark(place, second, username="app").refused is not None


def mark(
    place: Place,
    second: Cluster,
    *,
    within: float = 5.0,
    primary: int | None = None,
    username: str = "boss",
    replica_password: str | None = None,
) -> MarkerObservation:
    there = {"host": "127.0.0.1"}
    writer = ask_of(username, **there, port=primary or place.primary.port)
    reader = ask_of(username, **there, port=second.port)
    if replica_password:
        reader = reader.model_copy(update={"password": replica_password})
    ask = MarkerAsk(host=HOST, port=5432, primary=writer, replica=reader, table="roadworthy_markers", within=within)

    async def meet() -> MarkerObservation:
        bench = place.bench()
        async with bench.exits:
            return await marker.observe(ask, None, bench)

    return asyncio.run(meet())


# --- reading ---------------------------------------------------------------------------------------------------------


def read(place: Place, sql: str, given: tuple[Any, ...] = (), most: int = 100, **fields: Any) -> Any:
    ask = ReadingAsk(
        **({"kind": "any", "host": HOST, "port": 5432, "engine": "postgresql", "name": "shop"} | fields)
        | {"username": fields.get("username", "app"), "password": fields.get("password", "app-pw")}
    )

    async def meet() -> Any:
        bench = place.bench()
        async with bench.exits, open_reader(ask, place.primary.address, bench) as reader:
            with suppress(CannotRead, NoSuchTable):
                await reader.rows("SELECT nothing")  # what fails spoils nothing
            return await reader.rows(sql.replace("{}", reader.quote("public.orders")), given, most)

    return asyncio.run(meet())


def test_a_reader_reads(place: Place) -> None:
    assert read(place, "SELECT name FROM {} WHERE name LIKE %s ORDER BY 1", ("f%",)) == [("first",)]
    assert read(place, "SELECT name FROM {} WHERE name LIKE 's%%'") == [("second",)]


@pytest.mark.parametrize(
    ("sql", "error", "words"),
    [
        ("SELECT * FROM nowhere", NoSuchTable, "42P01"),
        ("SELECT * FROM no.where", NoSuchTable, "42P01"),
        ("SELECT * FROM staff", CannotRead, "42501"),
        ("SELECT nothing FROM {}", CannotRead, "42703"),
        ("SELECT name FROM {}", CannotRead, "more than 2 rows"),
        ("SELECT slug FROM tenants", CannotRead, "row-level security"),
        ("INSERT INTO {} (name) VALUES ('x') RETURNING id", CannotRead, "25006"),
        ("SELECT pg_sleep(9)", CannotRead, "57014"),
    ],
)
def test_a_reader_says_why_it_can_not_read(place: Place, sql: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read(place, sql, most=2)


def test_a_reader_says_why_it_was_not_let_in(place: Place) -> None:
    with pytest.raises(LoginRefused, match="28P01"):
        read(place, "SELECT 1", password="wrong")
    with pytest.raises(Withheld, match="no TLS"):
        read(place, "SELECT 1", secures=True)
