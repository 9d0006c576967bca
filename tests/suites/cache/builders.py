"""A healthy cache and a healthy cluster; a test changes one thing of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.cache import (
    CacheClusterObservation,
    CacheObservation,
    CacheServer,
    Clients,
    Keyspace,
    Member,
    Memory,
    Node,
    Persistence,
    Replication,
    Source,
    Watched,
)
from roadworthy.facts.database import Replica, Setting
from roadworthy.facts.store import Broke, Refusal, Secured, StoreEnd, Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

LOGIN = {"username": "app", "password": "let-me-in"}
FORBIDDEN = Unseen(unseen="not permitted", detail="NOPERM")
SLOTS = 16384

SERVER = CacheServer(product="Valkey", version="9.1.2", compatible="7.2.4")
MEMORY = Memory(used=80, limit=100, resident=90, machine=1000, policy="allkeys-lru")
REPLICA = Replica(name="10.0.0.2:6379", state="online", streams=True, lag_s=1, lag_bytes=100)
SOURCE = Source(address="10.0.0.1:6379", up=True, silent_s=3, period_s=1)
KEPT = Persistence(saves=True, appends=True, saved_at=NOW)
WATCHED = Watched(address="10.0.0.1:6379", flags=("master",), replicas=2, others=2, quorum=2)


def cache(**changes: Any) -> CacheObservation:
    """A session that came to its end."""
    given: dict[str, Any] = {
        "secured": Secured(version="1.3"),
        "answered": True,
        "asks_password": True,
        "tried": True,
        "let_in": True,
        "server": SERVER,
        "replication": Replication(role="primary", replicas=(REPLICA,)),
        "memory": MEMORY,
        "clients": Clients(used=80, limit=100),
        "persistence": KEPT,
        "keyspace": Keyspace(keys=100, expiring=90),
        "evicted": 0,
        "settings": {"maxmemory": Setting(value="104857600", unit="bytes"), "appendonly": Setting(value="yes")},
        "slow": 3,
        "watched": WATCHED,
    }
    return CacheObservation(observed_at=NOW, **given | changes)


def outside(code: str = "", message: str = "", **changes: Any) -> CacheObservation:
    """A conversation in which nobody was let in: with a refusal, where there is a code."""
    refused = Refusal(code=code, message=message) if code else None
    given = {"answered": True, "asks_password": True, "refused": refused}
    return CacheObservation(observed_at=NOW, **given | changes)


def broken(end: StoreEnd, at: str = "PING", detail: str = "", **changes: Any) -> CacheObservation:
    """A conversation that broke off."""
    return CacheObservation(observed_at=NOW, broke=Broke(end=end, at=at, detail=detail), **changes)


REFUSED = broken(StoreEnd.REFUSED, "connecting")


def case(kind: type[C], seen: object, **promised: Any) -> C:
    """The case of a cache that promises this."""
    other = {"address": "other.shop.test:6379", "cache": {"role": "primary"}}
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": ["logins"]},
            "components": {
                "cache": {"address": "cache.shop.test:6379", "cache": promised or {"login": LOGIN}},
                "other": other,
            },
        }
    )
    part = target.components["cache"]
    expected, ask = next(iter(kind.looks(target, part)))
    return kind(target=target, name="cache", component=part, expected=expected, ask=ask, address=None, seen=seen)


def member(number: int, shards: int = 3, **changes: Any) -> Member:
    """One of a cluster: the primaries come first, and each holds its part of the slots."""
    slots = ((SLOTS * number // shards, SLOTS * (number + 1) // shards - 1),) if number < shards else ()
    given: dict[str, Any] = {
        "id": f"id-{number}",
        "address": f"10.0.0.{number}:6379",
        "primary": f"id-{number % shards}" if number >= shards else "",
        "slots": slots,
        "epoch": number + 1 if number < shards else 0,
    }
    return Member(**given | changes)


def node(number: int, shards: int = 3, **changes: Any) -> Node:
    """The same, visited."""
    given: dict[str, Any] = {
        "id": f"id-{number}",
        "address": f"10.0.0.{number}:6379",
        "reached_at": f"10.0.0.{number}:6379",
        "state": "ok",
        "slots_assigned": SLOTS,
        "slots_ok": SLOTS,
        "link_up": None if number < shards else True,
        "view": 0,
    }
    return Node(**given | changes)


def silent(number: int) -> Node:
    """The same, which could not be asked."""
    broke = Broke(end=StoreEnd.REFUSED, at="connecting")
    return Node(id=f"id-{number}", address=f"10.0.0.{number}:6379", broke=broke)


VIEW = tuple(member(number) for number in range(6))


def cluster(
    nodes: dict[int, Node] | None = None, *views: tuple[Member, ...], members: dict[int, Member] | None = None
) -> CacheClusterObservation:
    """A cluster of three shards with one replica each, with some nodes, some members, or further views."""
    seen = tuple((nodes or {}).get(number, node(number)) for number in range(6))
    view = tuple((members or {}).get(number, VIEW[number]) for number in range(6))
    return CacheClusterObservation(observed_at=NOW, nodes=seen, views=(view, *views))


__all__ = ["FORBIDDEN", "KEPT", "LOGIN", "MEMORY", "REFUSED", "REPLICA", "SERVER", "SOURCE", "VIEW", "WATCHED"]
