"""The visit to all nodes of a cluster, against real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.base import NotObserved
from roadworthy.facts.cache import CacheClusterObservation
from roadworthy.facts.store import StoreEnd
from roadworthy.probes.cache_cluster import parse_nodes
from tests.probes.cache_servers import IP, awaited, bench_of, clustered, free_port, running, visit

if TYPE_CHECKING:
    from pathlib import Path

IDS = ("07c37dfeb235213a872192d90877d0cd55635b91", "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1")
NODES = f"""\
{IDS[0]} 10.0.0.4:6379@16379,cache-4.test,tls-port=0,shard-id=1 slave {IDS[1]} 0 1426238317239 4 connected
{IDS[1]} 2001:db8::2:6379@16379 myself,master - 0 0 2 connected 5461-10922 3 [93-<-{IDS[0]}] [94->-{IDS[0]}]
{"a" * 40} 10.0.0.5:6379@16379 master,fail? - 0 0 3 connected 0
{"b" * 40} 10.0.0.6:6379@16379 master,fail - 0 0 3 disconnected 1-2
{"c" * 40} :0@0 handshake - 0 0 0 disconnected
nonsense
{"d" * 40} no-port master - 0 0 x connected 1-y 99999999-1
"""


def test_the_lines_of_cluster_nodes() -> None:
    replica, own, suspect, failed, stranger = parse_nodes(NODES)
    assert replica.member.model_dump(exclude_defaults=True) == {
        "id": IDS[0],
        "address": "10.0.0.4:6379",
        "hostname": "cache-4.test",
        "primary": IDS[1],
    }
    assert (own.member.address, own.member.slots, own.moving) == ("[2001:db8::2]:6379", ((3, 3), (5461, 10922)), 2)
    assert (own.myself, own.lost, own.member.epoch, own.member.slot_count) == (True, False, 2, 5463)
    assert (suspect.lost, suspect.member.failed) == (True, False)
    assert (failed.lost, failed.member.failed) == (False, True)
    assert (stranger.member.unjoined, stranger.lost) == (True, False)


@pytest.mark.real
def test_every_node_is_visited_and_all_agree(tmp_path: Path) -> None:
    with clustered(tmp_path, 3, 1) as nodes:
        seen = visit(nodes[4].port)
        assert sorted(node.reached_at for node in seen.nodes) == sorted(str(node.address) for node in nodes)
        assert {node.state for node in seen.visited} == {"ok"}
        assert {node.slots_ok for node in seen.visited} == {16384}
        assert sorted(node.link_up is True for node in seen.visited) == [False] * 3 + [True] * 3
        assert (len(seen.views), len(seen.members), seen.left_out, seen.transient) == (1, 6, 0, False)
        assert sorted(member.slot_count for member in seen.members) == [0, 0, 0, 5461, 5461, 5462]
        assert CacheClusterObservation.model_validate_json(seen.model_dump_json()) == seen

        nodes[5].process.kill()
        nodes[5].process.wait()
        awaited(lambda: "fail" in str(nodes[0].do("CLUSTER", "NODES")), "nobody noticed")
        awaited(lambda: sum(member.failed for member in visit(nodes[0].port).members) == 1, "they do not agree")
        seen = visit(nodes[0].port)
        dead = next(node for node in seen.nodes if node.view is None)
        assert dead.broke is not None
        assert (dead.broke.end, len(seen.visited), len(seen.views)) == (StoreEnd.REFUSED, 5, 1)

        nodes[1].do("CLUSTER", "MEET", IP, free_port(), free_port())  # nobody is there
        seen = visit(nodes[0].port)
        assert sorted(map(len, seen.views)) == [6, 7]
        assert seen.transient
        assert len(seen.members) == 6


@pytest.mark.real
def test_a_server_that_is_no_cluster(tmp_path: Path) -> None:
    with running(tmp_path / "alone") as server:
        seen = visit(server.port)
        assert seen.nodes[0].refused is not None
        assert "cluster support disabled" in seen.nodes[0].refused.message
        with pytest.raises(NotObserved, match="cluster support disabled"):
            _ = seen.visited


@pytest.mark.real
def test_an_announced_address_is_reached_where_connect_to_leads(tmp_path: Path) -> None:
    options = ("cluster-enabled yes", f"cluster-port {free_port()}", "cluster-announce-ip 192.0.2.1")
    with running(tmp_path / "nat", *options) as server:
        server.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        seen = visit(server.port)
        assert [node.reached_at for node in seen.nodes] == [f"{IP}:{server.port}"]  # its own id: visited already
        assert seen.members[0].address == f"192.0.2.1:{server.port}"


def test_a_node_that_is_not_there_is_named() -> None:
    port = free_port()
    seen = visit(port, bench_of(0.5))
    assert [(node.address, node.told) for node in seen.nodes] == [(f"{IP}:{port}", "connection refused (connecting)")]
    with pytest.raises(NotObserved, match="connection refused"):
        _ = seen.members
