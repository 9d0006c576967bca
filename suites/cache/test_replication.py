from roadworthy.cases.cache import CacheCase, FollowsCase, LagCase, ReplicaLagCase, ReplicasCase, SentinelCase
from roadworthy.check import check
from roadworthy.rules import cache as rules

REPLICATION = "https://redis.io/docs/latest/operate/oss_and_stack/management/replication/"
INSIDE = ("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED")
INFO = {
    "in plain": "redis-cli -h {ip} -p {address_port} --user '{user}' --askpass INFO replication",
    "over TLS": "redis-cli -h {ip} -p {address_port} --tls --sni {host} --user '{user}' --askpass INFO replication",
}


@check(
    "CACHE-ROLE",
    severity="critical",
    expects="cache.role",
    after=INSIDE,
    source="https://redis.io/docs/latest/commands/role/",
    by_hand=INFO,
    repair="After a failover the name must lead to the new primary: correct it, or let clients ask a sentinel.",
)
def test_the_cache_has_the_promised_role(cache: CacheCase) -> None:
    """A replica that is taken for the primary refuses every write."""
    faults = rules.other_role(cache.seen, cache.expected.role or "")
    assert not faults, "; ".join(faults)


@check(
    "CACHE-REPLICAS",
    severity="high",
    expects="cache.replicas",
    after=(*INSIDE, "CACHE-ROLE"),
    source=REPLICATION,
    by_hand=INFO,
    repair="Look at the log of the replica that is missing: a password (masterauth), the network, or a backlog that is "
    "too small, so that everything is copied again and again.",
)
def test_the_cache_has_its_replicas(cache: ReplicasCase) -> None:
    """Without replicas the death of one machine is the loss of everything that it holds."""
    faults = rules.missing_replicas(cache.seen, cache.expected)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-REPLICA-LAG",
    severity="medium",
    expects="cache.replicas",
    after=(*INSIDE, "CACHE-ROLE", "CACHE-REPLICAS"),
    source=REPLICATION,
    by_hand=INFO,
    repair="Look at the network and the replica's load; a replica that executes something slow is heard late.",
)
def test_the_replicas_of_the_cache_keep_up(cache: ReplicaLagCase) -> None:
    """What a replica has not yet got is lost in a failover."""
    faults = rules.late_replicas(cache.seen, cache.expected)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-FOLLOWS",
    severity="high",
    expects="cache.follows",
    after=(*INSIDE, "CACHE-ROLE"),
    following=True,
    source=REPLICATION,
    by_hand=INFO,
    repair="Look at the replica's log; where it copies nobody, REPLICAOF makes it do so until the next restart, and "
    "the configuration file for good.",
)
def test_the_cache_copies_its_primary(cache: FollowsCase) -> None:
    """A replica whose link is down serves what was true some time ago, and is promoted with it."""
    faults = rules.not_following(cache.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-LAG",
    severity="medium",
    expects="cache.follows",
    after=(*INSIDE, "CACHE-ROLE", "CACHE-FOLLOWS"),
    following=True,
    source=REPLICATION,
    by_hand=INFO,
    repair="Look at the network between the two and at the primary: it sends a PING at least every "
    "repl-ping-replica-period.",
)
def test_the_cache_hears_its_primary(cache: LagCase) -> None:
    """A link that is up and silent is a primary that hangs, or a network that drops: the copy grows old."""
    faults = rules.own_lag(cache.seen, cache.expected)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-SENTINEL",
    severity="high",
    expects="cache.sentinel",
    after=INSIDE,
    source="https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/",
    by_hand={
        "in plain": "redis-cli -h {ip} -p {address_port} SENTINEL MASTERS",
        "over TLS": "redis-cli -h {ip} -p {address_port} --tls --sni {host} SENTINEL MASTERS",
    },
    repair="Look at the sentinel's log and at the name that it watches; sentinels find each other through the primary.",
)
def test_the_sentinel_watches_its_primary(cache: SentinelCase) -> None:
    """Without a quorum of sentinels nobody fails over: a dead primary stays dead."""
    faults = rules.unwatched(cache.seen, cache.expected)
    assert not faults, "; ".join(faults)
