"""What reads a cache's own words on itself."""

from __future__ import annotations

from hypothesis import strategies as st

from roadworthy.probes import cache_cluster, cache_info
from tests.fuzz.parser import Parser

FIELDS = st.sampled_from(
    [
        *(
            "redis_version",
            "valkey_version",
            "redis_mode",
            "role",
            "slave0",
            "slave1",
            "master_repl_offset",
            "maxmemory",
        ),
        *("used_memory", "maxclients", "connected_clients", "aof_enabled", "rdb_last_save_time", "db0", "db9"),
        *("master_link_status", "master_last_io_seconds_ago", "rdb_last_bgsave_status", "evicted_keys", "master_host"),
    ]
)
VALUES = st.sampled_from(["ok", "up", "master", "slave", "-1", "9" * 30, "ip=10.0.0.1,port=6379,state=online,lag=x"])
LINES = st.tuples(FIELDS, st.sampled_from([":", "", "::", "="]), VALUES | st.text(max_size=8)).map("".join)
INFO = st.lists(LINES | st.text(max_size=12), max_size=40).map("\r\n".join)

PARTS = st.sampled_from(
    [
        *("07c37dfeb235213a872192d90877d0cd55635b91", "10.0.0.1:6379@16379", ":0@0", "::1:6379@1,name,shard-id=x", "-"),
        *("master", "slave", "myself,master", "master,fail?", "fail", "handshake", "0", "7", "connected", "0-16383"),
        *("disconnected", "9-3", "[93-<-07c3]", "1-", "-1", "9" * 30, "²-³"),
    ]
)
NODES = st.lists(st.lists(PARTS | st.text(max_size=6), max_size=14).map(" ".join), max_size=20).map("\n".join)


def read_info(text: str) -> None:
    info = cache_info.parse_info(text)
    for part in (
        cache_info.server_of,
        cache_info.replication_of,
        cache_info.memory_of,
        cache_info.clients_of,
        cache_info.persistence_of,
        cache_info.keyspace_of,
    ):
        fact = part(info)
        assert fact is None or type(fact).model_validate_json(fact.model_dump_json()) == fact


def read_nodes(text: str) -> None:
    for line in cache_cluster.parse_nodes(text):
        assert line.member.slot_count >= 0
        assert len(line.member.model_dump_json()) < 40 * len(text) + 1000


PARSERS = (
    Parser("info", read_info, INFO | st.text(max_size=200)),
    Parser("cluster-nodes", read_nodes, NODES | st.text(max_size=200)),
)
