"""What whoever runs Redis or Valkey would look into, where the target has not decided on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.cache import CacheServer, Keyspace, Memory, Persistence
from roadworthy.rules.cache import decided
from roadworthy.rules.versions import is_version
from roadworthy.target.values import show_size

if TYPE_CHECKING:
    from roadworthy.facts.cache import CacheObservation
    from roadworthy.target.blocks.cache import Cache

NEAR = 0.8
"""Of what there is: from here on, growth is urgent."""
HALF = 0.5
FRAGMENTED, LARGE = 1.5, 256 * 1024 * 1024
"""From this ratio on memory is lost, and from this size on that matters (redis.io: memory optimization)."""
FULL_SLOW_LOG = 128
"""slowlog-max-len as it is shipped: more was slow than is kept."""
MAINTAINED = ">= 6.2"
"""As of November 2026, older branches get no fixes from anybody."""


def advice(seen: CacheObservation, promised: Cache) -> list[str]:
    """Everything, as far as it was seen.

    Raises:
        NotObserved: nobody was let in.
    """
    inside = seen.inside
    found = []
    if inside.asks_password is False and not decided(promised, "refuses_anonymous", "sentinel"):
        found.append("whoever reaches it is let in without a password")
    if isinstance(inside.memory, Memory) and not decided(promised, "memory_below"):
        found += _memory(inside.memory, inside.keyspace if isinstance(inside.keyspace, Keyspace) else Keyspace())
    if isinstance(inside.persistence, Persistence) and not decided(promised, "persistence"):
        found += _persistence(inside.persistence)
    if isinstance(inside.slow, int) and inside.slow >= FULL_SLOW_LOG:
        found.append(f"{inside.slow} commands are in the slow log")
    if isinstance(inside.server, CacheServer) and not decided(promised, "version"):
        found += _age(inside.server)
    return found


def _memory(memory: Memory, keys: Keyspace) -> list[str]:
    found = []
    lasting = keys.keys - keys.expiring
    bound, of_what = (memory.limit, "maxmemory") if memory.limit else (memory.machine, "the machine, and no maxmemory")
    spares = memory.policy.startswith("volatile") or memory.policy in ("noeviction", "") or not memory.limit
    if bound and memory.used > bound * NEAR and spares and lasting > keys.keys * HALF:
        share = f"{memory.used / bound:.0%} of {of_what}"
        found.append(f"{lasting} of {keys.keys} keys never expire and are never evicted, at {share}: they only grow")
    if memory.used > LARGE and memory.resident > memory.used * FRAGMENTED:
        found.append(f"{show_size(memory.resident)} of memory are taken for {show_size(memory.used)}: it is fragmented")
    return found


def _persistence(kept: Persistence) -> list[str]:
    found = [] if kept.last_save_ok else ["the last snapshot failed (rdb_last_bgsave_status)"]
    if kept.appends and not kept.last_write_ok:
        found.append("the last write of the append-only file failed (aof_last_write_status)")
    return found


def _age(server: CacheServer) -> list[str]:
    if is_version(MAINTAINED, server.compatible):
        return []
    return [f"{server.product} {server.version} is no longer maintained"]
