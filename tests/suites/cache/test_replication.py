from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.cache import CacheCase, FollowsCase, LagCase, ReplicaLagCase, ReplicasCase, SentinelCase
from roadworthy.facts.cache import CacheServer, Replication
from roadworthy.facts.store import Unseen
from tests.suites.cache.builders import FORBIDDEN, REFUSED, REPLICA, SOURCE, WATCHED, cache, case
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.cache import CacheObservation

PRIMARY = {"replicas": {"count": 1, "max_lag": "1s", "max_lag_bytes": "100B"}}
COPY = {"follows": {"component": "other", "max_lag": "3s"}}
SENTINEL = {"sentinel": {"watches": "shop", "replicas": 2, "sentinels": 3}}


def primary(**changes: Any) -> CacheObservation:
    replica = REPLICA.model_copy(update=changes)
    return cache(replication=Replication(role="primary", replicas=(replica,)))


def copy(**changes: Any) -> CacheObservation:
    return cache(replication=Replication(role="replica", source=SOURCE.model_copy(update=changes)))


def sentinel(**changes: Any) -> CacheObservation:
    server = CacheServer(product="Valkey", version="9.1.2", compatible="7.2.4", mode="sentinel")
    return cache(server=server, watched=WATCHED.model_copy(update=changes))


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("cache/test_replication.py")


def test_the_role(suite: ModuleType) -> None:
    check = suite.test_the_cache_has_the_promised_role
    passes(check, case(CacheCase, primary(), role="primary"))
    passes(check, case(CacheCase, copy(), role="replica"))
    fails(check, case(CacheCase, copy(), role="primary"), "it is a replica, promised a primary")
    fails(check, case(CacheCase, primary(), role="replica"), "it is a primary, promised a replica")
    is_not_observed(check, case(CacheCase, cache(replication=FORBIDDEN), role="primary"), "not permitted")


def test_replicas(suite: ModuleType) -> None:
    check = suite.test_the_cache_has_its_replicas
    passes(check, case(ReplicasCase, primary(), **PRIMARY))
    fails(check, case(ReplicasCase, primary(), replicas={"count": 2}), "1 of 2 promised replicas are online")
    syncing = primary(streams=False, state="wait_bgsave")
    fails(check, case(ReplicasCase, syncing, **PRIMARY), "0 of 1", "10.0.0.2:6379 is wait_bgsave")
    alone = cache(replication=Replication(role="primary"))
    fails(check, case(ReplicasCase, alone, **PRIMARY), "nobody copies it")
    is_not_observed(check, case(ReplicasCase, REFUSED, **PRIMARY), "connection refused")


def test_how_far_replicas_are(suite: ModuleType) -> None:
    check = suite.test_the_replicas_of_the_cache_keep_up
    passes(check, case(ReplicaLagCase, primary(), **PRIMARY))
    fails(check, case(ReplicaLagCase, primary(lag_s=2), **PRIMARY), "10.0.0.2:6379 was last heard 2s ago, promised 1s")
    fails(check, case(ReplicaLagCase, primary(lag_bytes=101), **PRIMARY), "is 101B behind, promised 100B")
    is_not_observed(check, case(ReplicaLagCase, primary(streams=False), **PRIMARY), "no replica is online")
    is_not_observed(check, case(ReplicaLagCase, primary(lag_s=None), **PRIMARY), "is not told")
    assert not list(ReplicaLagCase.looks(case(CacheCase, cache()).target, case(CacheCase, cache()).component))


def test_whom_it_copies(suite: ModuleType) -> None:
    check = suite.test_the_cache_copies_its_primary
    passes(check, case(FollowsCase, copy(), **COPY))
    fails(check, case(FollowsCase, primary(), **COPY), "it copies nobody")
    fails(check, case(FollowsCase, copy(up=False), **COPY), "its link to 10.0.0.1:6379 is down")
    fails(check, case(FollowsCase, copy(up=False, syncing=True), **COPY), "everything is being copied anew")
    is_not_observed(check, case(FollowsCase, cache(replication=FORBIDDEN), **COPY), "not permitted")


def test_how_long_it_has_heard_nothing(suite: ModuleType) -> None:
    check = suite.test_the_cache_hears_its_primary
    passes(check, case(LagCase, copy(), **COPY))
    fails(check, case(LagCase, copy(silent_s=4), **COPY), "heard nothing of 10.0.0.1:6379 for 4s, promised 3s")
    passes(check, case(LagCase, copy(silent_s=10, period_s=None), **COPY))
    fails(check, case(LagCase, copy(silent_s=11, period_s=None), **COPY), "for 11s")
    passes(check, case(LagCase, copy(silent_s=5, period_s=5), **COPY))
    is_not_observed(check, case(LagCase, copy(up=False), **COPY), "is down")
    is_not_observed(check, case(LagCase, copy(silent_s=-1), **COPY), "nothing yet")
    is_not_observed(check, case(LagCase, primary(), **COPY), "it copies nobody")


def test_a_sentinel(suite: ModuleType) -> None:
    check = suite.test_the_sentinel_watches_its_primary
    passes(check, case(SentinelCase, sentinel(), **SENTINEL))
    passes(check, case(SentinelCase, sentinel(replicas=0, others=1), sentinel={"watches": "shop"}))
    fails(
        check, case(SentinelCase, sentinel(flags=("master", "o_down")), **SENTINEL), "shop at 10.0.0.1:6379 is o_down"
    )
    fails(check, case(SentinelCase, sentinel(replicas=1), **SENTINEL), "it knows 1 replicas, promised 2")
    fails(check, case(SentinelCase, sentinel(others=1), **SENTINEL), "2 sentinels watch, promised 3")
    fails(check, case(SentinelCase, sentinel(quorum=4), **SENTINEL), "3 sentinels are no quorum of 4")
    unknown = sentinel().model_copy(update={"watched": None})
    fails(check, case(SentinelCase, unknown, **SENTINEL), "it watches no primary of the name shop")
    fails(check, case(SentinelCase, cache(), **SENTINEL), "is no sentinel")
    hidden = sentinel().model_copy(update={"watched": Unseen(unseen="not permitted")})
    is_not_observed(check, case(SentinelCase, hidden, **SENTINEL), "not permitted")
    is_not_observed(check, case(SentinelCase, REFUSED, **SENTINEL), "connection refused")
