from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.cache import CacheCase, LatencyCase, PlainCase
from roadworthy.facts.cache import CacheServer, Clients, Keyspace, Memory
from roadworthy.facts.database import Setting
from roadworthy.facts.store import Broke, Refusal, Secured, StoreEnd
from tests.suites.cache.builders import FORBIDDEN, KEPT, LOGIN, MEMORY, REFUSED, broken, cache, case, outside
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

TLS = {"login": LOGIN, "encrypted": True}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("cache/test_server.py")


def test_a_cache_that_answers(suite: ModuleType) -> None:
    check = suite.test_the_cache_answers
    passes(check, case(CacheCase, cache()))
    passes(check, case(CacheCase, outside("NOAUTH")))
    passes(check, case(CacheCase, outside("WRONGPASS", tried=True)))
    passes(check, case(CacheCase, outside("ERR", "it asks for no password", tried=True)))
    fails(check, case(CacheCase, REFUSED), "connection refused")
    loading = broken(StoreEnd.NOT_READY, "PING", "LOADING Redis is loading the dataset in memory")
    fails(check, case(CacheCase, loading), "not ready", "LOADING")
    fails(check, case(CacheCase, outside("DENIED", "protected mode")), "the server refused: DENIED protected mode")
    fails(check, case(CacheCase, cache(refused=Refusal(code="MASTERDOWN"))), "MASTERDOWN")
    hung = cache(broke=Broke(end=StoreEnd.SILENT, at="INFO"))
    fails(check, case(CacheCase, hung), "no answer (INFO)")


def test_the_version(suite: ModuleType) -> None:
    check = suite.test_the_promised_version_of_the_cache_answers
    passes(check, case(CacheCase, cache(), version="7"))
    passes(check, case(CacheCase, cache(), version=">= 7.2.4"))
    fails(check, case(CacheCase, cache(), version="8"), "Valkey 9.1.2 (as Redis 7.2.4) answers, promised 8")
    redis = cache(server=CacheServer(product="Redis", version="6.2.14", compatible="6.2.14"))
    fails(check, case(CacheCase, redis, version=">= 7.0"), "Redis 6.2.14 answers, promised >= 7.0")
    is_not_observed(check, case(CacheCase, cache(server=FORBIDDEN), version="7"), "not permitted")
    is_not_observed(check, case(CacheCase, outside("NOAUTH"), version="7"), "NOAUTH")
    is_not_observed(check, case(CacheCase, REFUSED, version="7"), "connection refused")


def test_tls(suite: ModuleType) -> None:
    check = suite.test_the_cache_is_spoken_to_over_tls
    passes(check, case(CacheCase, cache(), **TLS))
    distrusted = outside(secured=Secured(version="1.3", distrust="self-signed certificate"), withheld="no")
    fails(check, case(CacheCase, distrusted, **TLS), "does not verify: self-signed certificate")
    no_tls = Broke(end=StoreEnd.NO_TLS, at="the TLS handshake", detail="record layer failure")
    fails(check, case(CacheCase, outside(no_tls=no_tls), **TLS), "no TLS (record layer failure), and answers in plain")
    fails(check, case(CacheCase, broken(StoreEnd.NO_TLS, "the TLS handshake"), **TLS), "TLS failed")
    is_not_observed(check, case(CacheCase, REFUSED, **TLS), "connection refused")


def test_plain(suite: ModuleType) -> None:
    check = suite.test_the_cache_refuses_who_comes_without_tls
    promised = {**TLS, "refuses_plain": True}
    passes(check, case(PlainCase, broken(StoreEnd.CLOSED), **promised))
    passes(check, case(PlainCase, broken(StoreEnd.GARBLED), **promised))
    fails(check, case(PlainCase, outside(), **promised), "without TLS, and asks for the password")
    fails(check, case(PlainCase, outside(asks_password=False), **promised), "and does what it is told")
    fails(check, case(PlainCase, broken(StoreEnd.NOT_READY, detail="LOADING"), **promised), "without TLS: LOADING")
    for end in (StoreEnd.SILENT, StoreEnd.REFUSED):
        is_not_observed(check, case(PlainCase, broken(end), **promised), end.value)
    is_not_observed(check, case(PlainCase, broken(StoreEnd.CLOSED, "connecting"), **promised), "connecting")


def test_latency(suite: ModuleType) -> None:
    check = suite.test_the_cache_answers_in_time
    passes(check, case(LatencyCase, cache(pings_s=(0.001, 0.002, 9.0)), answers_within="2ms"))
    fails(check, case(LatencyCase, cache(pings_s=(0.0021, 0.001, 0.003)), answers_within="2ms"), "2.1 ms", "2ms")
    is_not_observed(check, case(LatencyCase, cache(), answers_within="2ms"), "nobody was let in")
    is_not_observed(check, case(LatencyCase, REFUSED, answers_within="2ms"), "connection refused")


def test_settings(suite: ModuleType) -> None:
    check = suite.test_the_cache_runs_with_the_promised_settings
    passes(check, case(CacheCase, cache(), settings={"maxmemory": "100mb", "appendonly": True}))
    fails(check, case(CacheCase, cache(), settings={"maxmemory": ">= 101mb"}), "maxmemory is 100MiB, promised >= 101mb")
    fails(
        check, case(CacheCase, cache(), settings={"hz": 10, "appendonly": "no"}), "no setting hz", "appendonly is yes"
    )
    hidden = cache(settings={"maxmemory": FORBIDDEN, "appendonly": Setting(value="yes")})
    is_not_observed(check, case(CacheCase, hidden, settings={"maxmemory": 1, "appendonly": "yes"}), "maxmemory")
    fails(check, case(CacheCase, hidden, settings={"maxmemory": 1, "appendonly": "no"}), "appendonly is yes")
    is_not_observed(check, case(CacheCase, outside("NOAUTH"), settings={"hz": 10}), "NOAUTH")


def test_memory(suite: ModuleType) -> None:
    check = suite.test_the_cache_has_memory_left
    passes(check, case(CacheCase, cache(), memory_below="80%"))
    fails(check, case(CacheCase, cache(), memory_below="79.9%"), "80% of 100B in use (80B), promised 79.9%")
    passes(check, case(CacheCase, cache(), memory_below="80B"))
    fails(check, case(CacheCase, cache(), memory_below="79B"), "80B in use, promised 79B")
    boundless = cache(memory=Memory(used=80, limit=0))
    fails(check, case(CacheCase, boundless, memory_below="80%"), "80B in use and no maxmemory")
    passes(check, case(CacheCase, boundless, memory_below="80B"))
    is_not_observed(check, case(CacheCase, cache(memory=FORBIDDEN), memory_below="80%"), "not permitted")
    unfinished = cache(memory=None, broke=Broke(end=StoreEnd.SILENT, at="INFO"))
    is_not_observed(check, case(CacheCase, unfinished, memory_below="80%"), "no answer (INFO)")


def test_evictions(suite: ModuleType) -> None:
    check = suite.test_the_cache_has_thrown_nothing_away
    passes(check, case(CacheCase, cache(), evicts_nothing=True))
    fails(check, case(CacheCase, cache(evicted=1), evicts_nothing=True), "1 keys were evicted")
    is_not_observed(check, case(CacheCase, cache(evicted=FORBIDDEN), evicts_nothing=True), "not permitted")


def test_clients(suite: ModuleType) -> None:
    check = suite.test_the_cache_has_connections_left
    passes(check, case(CacheCase, cache(), clients_below="80%"))
    fails(check, case(CacheCase, cache(), clients_below="79%"), "80 of 100 clients (80%), promised 79%")
    passes(check, case(CacheCase, cache(), clients_below=80))
    fails(check, case(CacheCase, cache(), clients_below=79), "80 clients, promised 79")
    untold = cache(clients=Clients(used=80))
    passes(check, case(CacheCase, untold, clients_below=80))
    is_not_observed(check, case(CacheCase, untold, clients_below="80%"), "does not tell maxclients")


@pytest.mark.parametrize(
    ("changes", "promised", "told"),
    [
        ({}, ["rdb", "aof"], ""),
        ({"saves": False, "appends": False}, "none", ""),
        ({"saves": False, "last_save_ok": False}, "aof", ""),
        ({"saves": None}, "aof", ""),
        ({"appends": False}, "aof", "no append-only file is written"),
        ({"last_write_ok": False}, "aof", "the last write of the append-only file failed"),
        ({"last_rewrite_ok": False}, "aof", "the last rewrite of the append-only file failed"),
        ({"saves": False}, "rdb", "no snapshots are made by themselves"),
        ({"last_save_ok": False}, "rdb", "the last snapshot failed; the last good one is of 21 Nov 2026"),
        ({"saves": False}, "none", "an append-only file is written, promised none"),
        ({"appends": False}, "none", "snapshots are made, promised none"),
    ],
)
def test_persistence(suite: ModuleType, changes: dict[str, Any], promised: Any, told: str) -> None:
    check = suite.test_the_data_of_the_cache_outlives_a_restart
    seen = case(CacheCase, cache(persistence=KEPT.model_copy(update=changes)), persistence=promised)
    if told:
        fails(check, seen, told)
    else:
        passes(check, seen)


def test_persistence_that_is_not_told(suite: ModuleType) -> None:
    check = suite.test_the_data_of_the_cache_outlives_a_restart
    untold = KEPT.model_copy(update={"saves": None, "appends": False})
    for promised in ("rdb", "none"):
        is_not_observed(check, case(CacheCase, cache(persistence=untold), persistence=promised), "not told")
    fails(check, case(CacheCase, cache(persistence=untold), persistence=["rdb", "aof"]), "no append-only file")
    is_not_observed(check, case(CacheCase, cache(persistence=FORBIDDEN), persistence="aof"), "not permitted")


@pytest.mark.parametrize(
    ("changes", "decided", "told"),
    [
        ({"asks_password": False}, {"refuses_anonymous": True}, "let in without a password"),
        (
            {"memory": MEMORY.model_copy(update={"policy": "noeviction", "used": 81}), "keyspace": Keyspace(keys=9)},
            {"memory_below": "90%"},
            "9 of 9 keys never expire and are never evicted, at 81% of maxmemory",
        ),
        (
            {"memory": Memory(used=81, limit=0, machine=100, policy="allkeys-lru"), "keyspace": Keyspace(keys=9)},
            {"memory_below": "90%"},
            "81% of the machine, and no maxmemory",
        ),
        ({"memory": Memory(used=2**30, limit=2**40, resident=2**31)}, {"memory_below": "90%"}, "it is fragmented"),
        ({"persistence": KEPT.model_copy(update={"last_save_ok": False})}, {"persistence": "rdb"}, "last snapshot"),
        ({"persistence": KEPT.model_copy(update={"last_write_ok": False})}, {"persistence": "aof"}, "last write"),
        (
            {"server": CacheServer(product="Redis", version="6.0.16", compatible="6.0.16")},
            {"version": "6"},
            "Redis 6.0.16 is no longer maintained",
        ),
    ],
)
def test_advice(suite: ModuleType, changes: dict[str, Any], decided: dict[str, Any], told: str) -> None:
    check = suite.test_an_administrator_would_leave_the_cache_as_it_is
    fails(check, case(CacheCase, cache(**changes)), told)
    passes(check, case(CacheCase, cache(**changes), login=LOGIN, **decided))


def test_no_advice(suite: ModuleType) -> None:
    check = suite.test_an_administrator_would_leave_the_cache_as_it_is
    passes(check, case(CacheCase, cache()))
    passes(check, case(CacheCase, cache(slow=127)))
    fails(check, case(CacheCase, cache(slow=128)), "128 commands are in the slow log")
    expiring = cache(memory=MEMORY.model_copy(update={"policy": "noeviction", "used": 90}))
    passes(check, case(CacheCase, expiring))
    passes(check, case(CacheCase, cache(memory=FORBIDDEN, persistence=FORBIDDEN, slow=FORBIDDEN, server=FORBIDDEN)))
    is_not_observed(check, case(CacheCase, REFUSED), "connection refused")
