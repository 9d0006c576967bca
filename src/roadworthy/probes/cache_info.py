"""What a Redis server tells of itself (INFO, CONFIG GET, SENTINEL MASTER), taken apart into facts. Pure text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from roadworthy.facts.cache import (
    CacheServer,
    Clients,
    Keyspace,
    Memory,
    Persistence,
    Replication,
    Source,
    Watched,
)
from roadworthy.facts.database import Replica, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LINES = 5000
MOST_REPLICAS = 200
NEVER = 4_000_000_000
"""Later than this no server was ever started: nonsense, and no date that Python knows."""

_REPLICA = re.compile(r"slave[0-9]+")
_DATABASE = re.compile(r"db[0-9]+")
_UNITS: dict[str, Literal["bytes", "seconds"]] = {
    **dict.fromkeys(
        (
            "maxmemory",
            "maxmemory-clients",
            "repl-backlog-size",
            "client-query-buffer-limit",
            "proto-max-bulk-len",
            "auto-aof-rewrite-min-size",
            "active-defrag-ignore-bytes",
            "stream-node-max-bytes",
        ),
        "bytes",
    ),
    **dict.fromkeys(
        (
            "timeout",
            "tcp-keepalive",
            "repl-timeout",
            "repl-ping-replica-period",
            "repl-backlog-ttl",
            "repl-diskless-sync-delay",
            "min-replicas-max-lag",
        ),
        "seconds",
    ),
}
"""What settings count, where CONFIG GET answers in a unit that people write otherwise."""

_IN_INFO = {
    "maxmemory": "maxmemory",
    "maxmemory-policy": "maxmemory_policy",
    "maxclients": "maxclients",
    "appendonly": "aof_enabled",
    "cluster-enabled": "cluster_enabled",
    "port": "tcp_port",
    "hz": "configured_hz",
}
"""Settings that INFO tells, too: where a service keeps CONFIG to itself."""

_SWITCHES = ("appendonly", "cluster-enabled")


def parse_info(text: str) -> dict[str, str]:
    """The fields of INFO; lines that make no sense are left out."""
    found = {}
    for line in text.splitlines()[:MOST_LINES]:
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            found[name.strip()] = value.strip()
    return found


def parse_pairs(text: str) -> dict[str, str]:
    """`ip=10.0.0.3,port=6379,state=online`."""
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def number(info: Mapping[str, str], name: str, default: int = 0) -> int:
    """A field's number; the default where it is none."""
    value = info.get(name, "")
    return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII) else default


def server_of(info: Mapping[str, str]) -> CacheServer | None:
    """Who answers; None: it does not say."""
    compatible = info.get("redis_version")
    if not compatible:
        return None
    valkey = info.get("valkey_version")
    told = info.get("redis_mode", info.get("server_mode", ""))
    mode: Literal["standalone", "cluster", "sentinel"] = "standalone"
    if told in ("cluster", "sentinel"):
        mode = told  # type: ignore[assignment]  # one of the two
    return CacheServer(
        product="Valkey" if valkey else "Redis", version=valkey or compatible, compatible=compatible, mode=mode
    )


def replication_of(info: Mapping[str, str]) -> Replication | None:
    """Who copies whom."""
    role = {"master": "primary", "slave": "replica"}.get(info.get("role", ""))
    if role is None:
        return None
    offset = number(info, "master_repl_offset")
    names = [name for name in info if _REPLICA.fullmatch(name)][:MOST_REPLICAS]
    return Replication(
        role="primary" if role == "primary" else "replica",
        replicas=tuple(_replica(parse_pairs(info[name]), offset) for name in names),
        source=_source(info) if role == "replica" else None,
    )


def _replica(told: Mapping[str, str], offset: int) -> Replica:
    streams = told.get("state") == "online"
    lag = number(told, "lag", -1)
    return Replica(
        name=f"{told.get('ip', '?')}:{told.get('port', '?')}",
        state=told.get("state", "?"),
        streams=streams,
        lag_s=float(lag) if streams and lag >= 0 else None,
        lag_bytes=max(0, offset - number(told, "offset")) if streams and "offset" in told else None,
    )


def _source(info: Mapping[str, str]) -> Source:
    return Source(
        address=f"{info.get('master_host', '?')}:{info.get('master_port', '?')}",
        up=info.get("master_link_status") == "up",
        silent_s=number(info, "master_last_io_seconds_ago", -1),
        syncing=info.get("master_sync_in_progress", "0") != "0",
    )


def memory_of(info: Mapping[str, str]) -> Memory | None:
    """Memory in use."""
    if "used_memory" not in info or "maxmemory" not in info:
        return None
    return Memory(
        used=number(info, "used_memory"),
        limit=number(info, "maxmemory"),
        resident=number(info, "used_memory_rss"),
        machine=number(info, "total_system_memory"),
        policy=info.get("maxmemory_policy", ""),
    )


def clients_of(info: Mapping[str, str]) -> Clients | None:
    """Clients that are connected."""
    if "connected_clients" not in info:
        return None
    limit = number(info, "maxclients")
    return Clients(used=number(info, "connected_clients"), limit=limit or None)


def persistence_of(info: Mapping[str, str]) -> Persistence | None:
    """How data outlives a restart; whether snapshots are made by themselves is a setting."""
    if "aof_enabled" not in info:
        return None
    at = number(info, "rdb_last_save_time")
    return Persistence(
        last_save_ok=info.get("rdb_last_bgsave_status", "ok") == "ok",
        saved_at=datetime.fromtimestamp(at, UTC) if 0 < at < NEVER else None,
        unsaved=number(info, "rdb_changes_since_last_save"),
        appends=info["aof_enabled"] == "1",
        last_write_ok=info.get("aof_last_write_status", "ok") == "ok",
        last_rewrite_ok=info.get("aof_last_bgrewrite_status", "ok") == "ok",
    )


def keyspace_of(info: Mapping[str, str]) -> Keyspace:
    """Keys in all databases; a database without any is not mentioned."""
    told = [parse_pairs(value) for name, value in info.items() if _DATABASE.fullmatch(name)]
    return Keyspace(keys=sum(number(one, "keys") for one in told), expiring=sum(number(one, "expires") for one in told))


def setting_of(name: str, value: str) -> Setting:
    """A setting, with the unit that it counts in."""
    return Setting(value=value, unit=_UNITS.get(name) if value.isascii() and value.isdigit() else None)


def setting_from_info(name: str, info: Mapping[str, str]) -> Setting | None:
    """The same from INFO, for the few that it tells."""
    value = info.get(_IN_INFO.get(name, ""))
    if value is None:
        return None
    return setting_of(name, {"0": "no", "1": "yes"}.get(value, value) if name in _SWITCHES else value)


def watched_of(answer: Any) -> Watched | None:
    """What SENTINEL MASTER says; None: it makes no sense."""
    if not isinstance(answer, list) or not all(isinstance(part, str) for part in answer):
        return None
    told = dict(zip(answer[::2], answer[1::2], strict=False))
    return Watched(
        address=f"{told.get('ip', '?')}:{told.get('port', '?')}",
        flags=tuple(told.get("flags", "").split(",")),
        replicas=number(told, "num-slaves"),
        others=number(told, "num-other-sentinels"),
        quorum=number(told, "quorum"),
    )
