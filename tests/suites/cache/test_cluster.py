from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.cases.cache import ClusterCase
from roadworthy.facts.cache import CacheClusterObservation, Node
from roadworthy.facts.store import Refusal
from tests.suites.cache.builders import VIEW, case, cluster, member, node, silent
from tests.suites.healthy import NOW, fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROMISED = {"cluster": {"shards": 3, "replicas": 1}}
NOBODY = CacheClusterObservation(observed_at=NOW, nodes=(silent(0),))
DEAD = {5: member(5, failed=True)}


def of(seen: CacheClusterObservation, replicas: int = 1) -> ClusterCase:
    return case(ClusterCase, seen, cluster={"shards": 3, "replicas": replicas})


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("cache/test_cluster.py")


def test_the_state(suite: ModuleType) -> None:
    check = suite.test_the_cluster_serves_every_slot
    passes(check, of(cluster()))
    passes(check, of(cluster({5: silent(5)})))
    fails(check, of(cluster({1: node(1, state="fail")})), "the state is fail at 1 of 6 nodes: 10.0.0.1:6379")
    hole = cluster({1: node(1, slots_assigned=16383, slots_ok=16383)})
    fails(check, of(hole), "16383 of 16384 slots are held by somebody; 16383 of 16384 slots are served")
    refusal = Refusal(code="ERR", message="This instance has cluster support disabled")
    alone = CacheClusterObservation(observed_at=NOW, nodes=(Node(address="10.0.0.1:6379", refused=refusal),))
    fails(check, of(alone), "10.0.0.1:6379 is no cluster")
    is_not_observed(check, of(NOBODY), "connection refused")


def test_the_shape(suite: ModuleType) -> None:
    check = suite.test_the_cluster_has_its_shards_and_replicas
    passes(check, of(cluster()))
    fails(check, of(cluster(), replicas=2), "1 of 2 promised replicas copy 10.0.0.0:6379")
    fails(check, case(ClusterCase, cluster(), cluster={"shards": 2}), "3 shards, promised 2")
    fails(check, of(cluster({5: silent(5)}, members=DEAD)), "0 of 1", "copy 10.0.0.2:6379: 10.0.0.5:6379 is gone")
    fails(check, of(cluster({5: node(5, link_up=False)})), "10.0.0.5:6379 has no link")
    lost = cluster({0: node(0, lost=("id-5",)), 5: silent(5)})
    fails(check, of(lost), "10.0.0.5:6379 connection refused")
    is_not_observed(check, of(cluster({5: silent(5)})), "10.0.0.5:6379 could not be asked")
    passes(check, of(cluster({5: silent(5)}), replicas=0))
    is_not_observed(check, of(NOBODY), "connection refused")


def test_whether_nodes_agree(suite: ModuleType) -> None:
    check = suite.test_the_nodes_of_the_cluster_agree
    passes(check, of(cluster()))
    passes(check, of(cluster({5: silent(5)}, members=DEAD)))
    fails(check, of(cluster({1: node(1, view=1)}, VIEW[:5])), "10.0.0.1:6379 sees it", "does not know 10.0.0.5:6379")
    more = (*VIEW, member(6))
    fails(check, of(cluster({1: node(1, view=1)}, more)), "it alone knows 10.0.0.6:6379")
    other = (member(0, slots=((0, 5000),)), *VIEW[1:])
    fails(check, of(cluster({1: node(1, view=1)}, other)), "slots of 10.0.0.0:6379")
    fails(check, of(cluster({1: node(1, lost=("id-2",))})), "10.0.0.1:6379 has lost sight of 10.0.0.2:6379")
    is_not_observed(check, of(cluster({5: silent(5)})), "1 nodes could not be asked: 10.0.0.5:6379: connection refused")
    many = cluster().model_copy(update={"left_out": 3})
    is_not_observed(check, of(many), "3 nodes could not be asked")
    is_not_observed(check, of(NOBODY), "connection refused")


def test_what_is_on_the_move(suite: ModuleType) -> None:
    check = suite.test_no_slot_of_the_cluster_is_on_the_move
    passes(check, of(cluster()))
    fails(check, of(cluster({1: node(1, moving=2)})), "10.0.0.1:6379 has 2 slots on the move")
    is_not_observed(check, of(NOBODY), "connection refused")


def test_an_observation_is_looked_at_again_where_it_may_settle() -> None:
    assert not cluster().transient
    assert cluster({5: silent(5)}).transient
    assert cluster({1: node(1, view=1)}, VIEW[:5]).transient
