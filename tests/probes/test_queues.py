"""Queues in a real Valkey and a real PostgreSQL, as each library leaves them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import redis

from roadworthy.facts.queues import (
    FailedSeen,
    FailedWanted,
    JobAsk,
    JobObservation,
    Oldest,
    QueueAsk,
    QueueObservation,
    QueueSeen,
    QueueWanted,
)
from roadworthy.facts.store import StoreEnd, Unseen
from roadworthy.probes import queues, queues_job
from roadworthy.probes.bench import Address
from roadworthy.sandbox import programs
from roadworthy.sandbox.ending import die_with_parent
from roadworthy.target.blocks.queues import JobTable
from tests.probes.postgresql_servers import Cluster, cluster, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roadworthy.probes.bench import Bench

pytestmark = pytest.mark.real

PASSWORD = "only-in-this-test"
NOW = datetime.now(UTC)
AGO = NOW - timedelta(hours=1)
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
ALL = {"waiting": 100, "delayed": 100, "reserved": 100}


@contextmanager
def valkey(folder: Path) -> Iterator[Address]:
    port = free_port()
    users = folder / "users.acl"
    users.write_text(f"user default on nopass ~* +@all\nuser app on >{PASSWORD} ~queues:* +@all\n")
    words = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", "--aclfile", str(users)]
    command = [str(programs.valkey()), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)  # noqa: PLW1509 - as elsewhere
    try:
        until = time.monotonic() + 10
        while True:
            try:
                redis.Redis("127.0.0.1", port).ping()
                break
            except redis.RedisError:
                assert time.monotonic() < until
                time.sleep(0.02)
        yield Address("127.0.0.1", port)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with valkey(tmp_path_factory.mktemp("valkey")) as found:
        yield found


@pytest.fixture
def store(address: Address) -> Iterator[redis.Redis]:
    with redis.Redis(address.ip, address.port, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def count(address: Address, bench: Bench) -> Callable[..., QueueObservation]:
    def counted(kind: str, name: str = "default", **asked: Any) -> QueueObservation:
        wanted = asked.pop("wanted", {**ALL, "oldest": True})

        async def meet() -> QueueObservation:
            async with bench.exits:
                given: dict[str, Any] = {"host": address.ip, "port": address.port, "queues_of": kind}
                given["queues"] = (QueueWanted(name=name, **wanted),)
                return await queues.observe(QueueAsk.model_validate(given | asked), address, bench)

        return asyncio.run(meet())

    return counted


def only(observation: QueueObservation) -> QueueSeen:
    assert observation.queues is not None, observation.told
    return observation.queues[0]


def test_laravel(store: redis.Redis, count: Any) -> None:
    key = "shop_queues:default"
    store.rpush(key, json.dumps({"pushedAt": f"{AGO.timestamp():.4f}"}), json.dumps({"id": "2"}))
    store.zadd(f"{key}:delayed", {"due": NOW.timestamp() - 5, "later": NOW.timestamp() + 86400})
    store.zadd(f"{key}:reserved", {"a": NOW.timestamp() + 86400, "lost": NOW.timestamp() - 60})
    seen = only(count("laravel", prefix="shop_", retry_after_s=90.0))
    assert (seen.waiting, seen.delayed, seen.reserved, seen.overdue, seen.traces) == (3, 1, 2, 1, True)
    assert isinstance(seen.oldest, Oldest)
    assert seen.oldest.at is not None
    assert abs((seen.oldest.at - AGO).total_seconds()) < 1


def test_an_idle_queue_and_a_wrong_prefix_look_alike(store: redis.Redis, count: Any) -> None:
    store.set("something", "else")
    observation = count("laravel", prefix="wrong_")
    seen = only(observation)
    assert (seen.waiting, seen.traces, seen.oldest, observation.keys) == (0, False, Oldest(), 1)
    assert seen.looked_for[0] == "wrong_queues:default"
    other = count("laravel", prefix="wrong_", number=3)
    assert other.keys == 0


def test_a_job_that_does_not_say_when_it_came(store: redis.Redis, count: Any) -> None:
    store.rpush("queues:default", json.dumps({"job": "secret-of-a-customer"}))
    observation = count("laravel")
    assert only(observation).oldest == Oldest(silent="the next job of default does not say when it was put in")
    assert "secret-of-a-customer" not in observation.model_dump_json()


def test_rq(store: redis.Redis, count: Any) -> None:
    store.sadd("rq:queues", "rq:queue:default")
    assert only(count("rq", prefix="rq:")).traces is True
    store.rpush("rq:queue:default", "j1", "j2")
    store.hset("rq:job:j1", "enqueued_at", AGO.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    store.zadd("rq:wip:default", {"j3": NOW.timestamp() - 30, "j4": -1})
    store.zadd("rq:failed:default", {"f1": NOW.timestamp() + 900, "f2": NOW.timestamp() + 100})
    store.hset("rq:job:f1", "ended_at", "2026-11-20T10:00:00Z")
    store.hset("rq:job:f2", "ended_at", "2026-10-20T10:00:00Z")
    failed = FailedWanted(up_to=10, since=SINCE, up_to_since=5)
    observation = count("rq", prefix="rq:", retry_after_s=180.0, failed=failed)
    seen = only(observation)
    assert (seen.waiting, seen.reserved, seen.overdue) == (2, 2, 1)
    assert seen.oldest == Oldest(at=AGO)
    assert observation.failed == FailedSeen(count=2, since=1)


def test_celery(store: redis.Redis, count: Any) -> None:
    wanted = {"waiting": 9, "reserved": 9}
    assert only(count("celery", "celery", wanted=wanted)).traces is False
    store.sadd("_kombu.binding.celery", "x")
    store.lpush("celery", "1", "2")
    store.lpush("celery\x06\x163", "3")
    store.hset("unacked", "tag", "4")
    seen = only(count("celery", "celery", wanted=wanted))
    assert (seen.waiting, seen.reserved, seen.traces) == (3, 1, True)


def test_bullmq(store: redis.Redis, count: Any) -> None:
    store.hset("bull:mail:meta", "opts", "1")
    store.lpush("bull:mail:wait", "7")
    store.lpush("bull:mail:wait", "8")
    store.hset("bull:mail:7", "timestamp", int(AGO.timestamp() * 1000))
    store.zadd("bull:mail:prioritized", {"9": 1})
    store.zadd("bull:mail:failed", {"1": SINCE.timestamp() * 1000 - 1, "2": SINCE.timestamp() * 1000})
    observation = count("bullmq", "mail", prefix="bull:", failed=FailedWanted(up_to=9, since=SINCE, up_to_since=3))
    seen = only(observation)
    assert (seen.waiting, seen.delayed, seen.traces) == (3, 0, True)
    assert isinstance(seen.oldest, Oldest)
    assert seen.oldest.at is not None
    assert abs((seen.oldest.at - AGO).total_seconds()) < 0.01
    assert observation.failed == FailedSeen(count=2, since=1)


def test_sidekiq(store: redis.Redis, count: Any) -> None:
    store.sadd("queues", "default")
    store.lpush("queue:default", json.dumps({"enqueued_at": AGO.timestamp()}))
    store.zadd("retry", {"a": 1})
    store.zadd("dead", {"b": SINCE.timestamp() - 1})
    observation = count("sidekiq", failed=FailedWanted(up_to=9, since=SINCE, up_to_since=3))
    seen = only(observation)
    assert (seen.waiting, seen.delayed, seen.traces) == (1, 1, True)
    assert observation.failed == FailedSeen(count=1, since=0)


def test_a_login_with_rights_to_its_own_keys(store: redis.Redis, count: Any) -> None:
    login = {"username": "app", "password": PASSWORD}
    assert only(count("laravel", **login)).waiting == 0
    hidden = only(count("laravel", prefix="other_", **login)).waiting
    assert isinstance(hidden, Unseen)
    assert hidden.unseen == "not permitted"
    refused = count("laravel", username="app", password="another")
    assert (refused.let_in, refused.queues) == (False, None)
    assert "WRONGPASS" in refused.told
    assert store.dbsize() == 0


def test_something_else_under_the_name(store: redis.Redis, count: Any) -> None:
    store.set("queues:default", "text")
    waiting = only(count("laravel")).waiting
    assert isinstance(waiting, Unseen)
    assert "WRONGTYPE" in waiting.detail


def test_nobody_there(bench: Bench) -> None:
    place = Address("127.0.0.1", free_port())
    ask = QueueAsk(host=place.ip, port=place.port, queues_of="laravel")
    seen = asyncio.run(queues.observe(ask, place, bench))
    assert seen.broke is not None
    assert seen.broke.end is StoreEnd.REFUSED


# --- a job of ours ---------------------------------------------------------------------------------------------------


@pytest.fixture
def put_in(address: Address, bench: Bench) -> Callable[..., JobObservation]:
    def put(**asked: Any) -> JobObservation:
        async def meet() -> JobObservation:
            async with bench.exits:
                given: dict[str, Any] = {
                    "host": address.ip,
                    "port": address.port,
                    "queues_of": "laravel",
                    "queue": "default",
                    "payload": '{"uuid": "{id}", "job": "noop", "attempts": 0}',
                    "within_s": 2.0,
                }
                return await queues_job.observe(JobAsk.model_validate(given | asked), address, bench)

        return asyncio.run(meet())

    return put


@contextmanager
def working(address: Address, work: Callable[[redis.Redis, str], None]) -> Iterator[None]:
    """A worker that takes jobs as Laravel's does."""
    over = threading.Event()

    def loop() -> None:
        with redis.Redis(address.ip, address.port, decode_responses=True) as client:
            while not over.is_set():
                found: Any = client.blpop(["queues:default"], timeout=0.1)
                if found:
                    work(client, found[1])

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_job_that_is_done(store: redis.Redis, address: Address, put_in: Any) -> None:
    def work(client: redis.Redis, job: str) -> None:
        again = json.dumps({**json.loads(job), "attempts": 1})
        client.zadd("queues:default:reserved", {again: time.time() + 90})
        time.sleep(0.3)
        client.zrem("queues:default:reserved", again)

    with working(address, work):
        seen = put_in()
    assert seen.pushed
    assert seen.consumed_s is not None
    assert seen.consumed_s >= 0.3
    assert seen.taken_away is None
    assert store.dbsize() == 0


def test_a_job_that_nobody_takes_is_taken_away(store: redis.Redis, put_in: Any) -> None:
    store.rpush("queues:default", "another's", "and another's")
    seen = put_in(within_s=0.5)
    assert (seen.consumed_s, seen.last_in, seen.ahead, seen.taken_away) == (None, "waiting", 2, True)
    assert store.lrange("queues:default", 0, -1) == ["another's", "and another's"]


def test_a_job_that_hangs_is_left_to_its_worker(store: redis.Redis, address: Address, put_in: Any) -> None:
    def work(client: redis.Redis, job: str) -> None:
        client.zadd("queues:default:reserved", {job: time.time() + 90})

    with working(address, work):
        seen = put_in(within_s=0.6)
    assert (seen.last_in, seen.taken_away) == ("reserved", False)
    assert store.zcard("queues:default:reserved") == 1


def test_a_job_that_fails_and_is_put_off_is_taken_away(store: redis.Redis, address: Address, put_in: Any) -> None:
    def work(client: redis.Redis, job: str) -> None:
        client.zadd("queues:default:delayed", {job: time.time() + 90})

    with working(address, work):
        seen = put_in(within_s=0.6)
    assert (seen.last_in, seen.taken_away) == ("delayed", True)
    assert store.dbsize() == 0


def test_a_job_that_may_not_be_put_in(store: redis.Redis, put_in: Any) -> None:
    seen = put_in(username="app", password=PASSWORD, prefix="other_")
    assert not seen.pushed
    assert seen.no is not None
    assert seen.no.code == "NOPERM"
    assert store.dbsize() == 0


def test_a_look_that_is_cut_off_takes_its_job_along(store: redis.Redis, address: Address, bench: Bench) -> None:
    given: dict[str, Any] = {"host": address.ip, "port": address.port, "queues_of": "laravel", "queue": "default"}
    ask = JobAsk(**given, payload='{"uuid": "{id}"}', within_s=30.0)

    async def cut_off() -> None:
        task = asyncio.create_task(queues_job.observe(ask, address, bench))
        while not store.llen("queues:default"):  # noqa: ASYNC110 - nothing tells of its change
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cut_off())
    assert store.dbsize() == 0


def test_too_many_to_look_through(
    store: redis.Redis, address: Address, put_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues_job, "MOST", 1)
    store.zadd("queues:default:reserved", {"a": 1, "b": 2})
    with working(address, lambda *_: None):
        seen = put_in()
    assert "more than 1 jobs" in seen.unsure
    assert seen.taken_away is False


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    at, ago = int(datetime.now(UTC).timestamp()), int(AGO.timestamp())
    with cluster(tmp_path_factory.mktemp("queues")) as made:
        made.execute("CREATE DATABASE shop", f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        made.execute(
            "CREATE TABLE jobs (id serial, queue text, reserved_at bigint, available_at bigint, created_at bigint)",
            "INSERT INTO jobs (queue, reserved_at, available_at) VALUES "  # noqa: S608 - the test's own
            f"('default', NULL, {ago}), ('default', NULL, {at}), ('mail', NULL, {at}), "
            f"('default', NULL, {at + 900}), ('default', {ago}, {ago}), ('default', {at}, {ago})",
            "CREATE TABLE failed_jobs (id serial, failed_at timestamp)",
            "INSERT INTO failed_jobs (failed_at) VALUES ('2026-10-01'), ('2026-11-02'), ('2026-11-03')",
            "CREATE TABLE outbox (state text, topic text, put timestamptz, broke timestamptz)",
            "INSERT INTO outbox VALUES ('new', 'mail', '2026-11-20 10:00+00', NULL), ('new', 'mail', NOW(), NULL), "
            "('bad', 'mail', NOW(), '2026-11-20')",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO app",
        )
        yield made


@pytest.fixture
def tables(server: Cluster, bench: Bench) -> Callable[..., QueueObservation]:
    def counted(kind: str, name: str, **asked: Any) -> QueueObservation:
        wanted = asked.pop("wanted", {**ALL, "oldest": True})

        async def meet() -> QueueObservation:
            async with bench.exits:
                given: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "engine": "postgresql"}
                given |= {"name": "shop", "username": "app", "password": PASSWORD, "queues_of": kind}
                given["queues"] = (QueueWanted(name=name, **wanted),)
                return await queues.observe(QueueAsk.model_validate(given | asked), server.address, bench)

        return asyncio.run(meet())

    return counted


def test_laravels_tables(tables: Any) -> None:
    failed = FailedWanted(up_to=10, since=SINCE, up_to_since=5)
    observation = tables("laravel", "default", retry_after_s=90.0, failed=failed)
    seen = only(observation)
    assert (seen.waiting, seen.delayed, seen.reserved, seen.overdue) == (2, 1, 2, 1)
    assert seen.oldest == Oldest(at=AGO.replace(microsecond=0))
    assert observation.failed == FailedSeen(count=3, since=2)


def test_nothing_is_counted_further_than_needed(tables: Any) -> None:
    observation = tables("laravel", "default", wanted={"waiting": 1}, failed=FailedWanted(up_to=2))
    assert (only(observation).waiting, only(observation).delayed) == (1, None)
    assert observation.failed == FailedSeen(count=2)


def test_tables_that_are_not_there(tables: Any) -> None:
    waiting = only(tables("laravel", "default", table="nothing")).waiting
    assert isinstance(waiting, Unseen)
    assert "there is no such table" in waiting.detail


def test_a_table_of_ones_own(tables: Any) -> None:
    jobs = JobTable(
        table="outbox",
        queue="topic",
        created="put",
        waiting={"state": "new", "broke": None},
        failed={"state": "bad"},
        failed_at="broke",
    )
    failed = FailedWanted(up_to=10, since=SINCE, up_to_since=5)
    observation = tables("database", "mail", jobs=jobs, failed=failed)
    seen = only(observation)
    assert seen.waiting == 2
    assert seen.oldest == Oldest(at=datetime(2026, 11, 20, 10, tzinfo=UTC))
    assert isinstance(seen.delayed, Unseen)
    assert observation.failed == FailedSeen(count=1, since=1)
