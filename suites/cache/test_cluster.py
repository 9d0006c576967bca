from roadworthy.cases.cache import ClusterCase
from roadworthy.check import check
from roadworthy.rules import cache_cluster as rules

SPECIFICATION = "https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/"
INSIDE = ("CACHE-ANSWERS", "CACHE-LOGIN", "CACHE-ENCRYPTED")


def by_hand(command: str) -> dict[str, str]:
    """The same, with TLS and without."""
    return {
        "in plain": "redis-cli -h {host} -p {port} --user '{user}' --askpass " + command,
        "over TLS": "redis-cli -h {host} -p {port} --tls --user '{user}' --askpass " + command,
    }


@check(
    "CACHE-CLUSTER-STATE",
    severity="critical",
    expects="cache.cluster",
    after=INSIDE,
    source=SPECIFICATION,
    by_hand=by_hand("CLUSTER INFO"),
    repair="Bring the primary that is gone back, or fail over to its replica (CLUSTER FAILOVER FORCE); slots that "
    "nobody holds are given to a node by redis-cli --cluster fix.",
)
def test_the_cluster_serves_every_slot(cluster: ClusterCase) -> None:
    """A slot that nobody serves takes its keys along, and by default the whole cluster stops with it."""
    faults = rules.uncovered(cluster.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-CLUSTER-SHAPE",
    severity="high",
    expects="cache.cluster",
    after=(*INSIDE, "CACHE-CLUSTER-STATE"),
    source=SPECIFICATION,
    by_hand=by_hand("CLUSTER NODES"),
    repair="Bring the replica that is gone back, or add one (redis-cli --cluster add-node --cluster-slave).",
)
def test_the_cluster_has_its_shards_and_replicas(cluster: ClusterCase) -> None:
    """A shard without a replica is one machine away from the loss of its part of all keys."""
    faults = rules.misshapen(cluster.seen, cluster.expected)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-CLUSTER-AGREES",
    severity="high",
    expects="cache.cluster",
    after=(*INSIDE, "CACHE-CLUSTER-STATE"),
    source=SPECIFICATION,
    by_hand=by_hand("CLUSTER NODES"),
    repair="Let the node meet the others again (CLUSTER MEET), and see that the bus's port (port + 10000) "
    "is open between all nodes, under the addresses that they announce.",
)
def test_the_nodes_of_the_cluster_agree(cluster: ClusterCase) -> None:
    """Nodes that see different clusters send clients in circles, and don't elect the same primary."""
    faults = rules.discord(cluster.seen)
    assert not faults, "; ".join(faults)


@check(
    "CACHE-CLUSTER-MOVES",
    severity="info",
    expects="cache.cluster",
    after=INSIDE,
    source=SPECIFICATION,
    by_hand=by_hand("CLUSTER NODES"),
    repair="Where no resharding is under way, it broke off: redis-cli --cluster fix ends it.",
)
def test_no_slot_of_the_cluster_is_on_the_move(cluster: ClusterCase) -> None:
    """A resharding that broke off leaves slots half here and half there: some of their keys are not found."""
    advice = rules.moving(cluster.seen)
    assert not advice, "; ".join(advice)
