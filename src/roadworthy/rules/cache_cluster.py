"""Judgements on a cluster of Redis or Valkey, by what each of its nodes says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.cache import CacheClusterObservation, Member, Node
    from roadworthy.target.blocks.cache import Cluster

SLOTS = 16384
"""Of every cluster (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/)."""

MOST_TOLD = 6


def uncovered(seen: CacheClusterObservation) -> list[str]:
    """How the cluster does not serve every key.

    Raises:
        NotObserved: no node said how it sees it.
    """
    if strangers := [node for node in seen.nodes if _is_no_cluster(node)]:
        return [f"{', '.join(node.address for node in strangers)} is no cluster (cluster-enabled no)"]
    visited = seen.visited
    faults = []
    if failing := [node for node in visited if node.state != "ok"]:
        told = _listed(node.address for node in failing)
        faults.append(
            f"the state is {failing[0].state or 'not told'} at {len(failing)} of {len(visited)} nodes: {told}"
        )
    for what, numbers in (
        ("held by somebody", [node.slots_assigned for node in visited]),
        ("served", [node.slots_ok for node in visited]),
    ):
        if min(numbers) < SLOTS:
            faults.append(f"{min(numbers)} of {SLOTS} slots are {what}")
    return faults


def _is_no_cluster(node: Node) -> bool:
    return node.refused is not None and "cluster support disabled" in node.refused.message


def misshapen(seen: CacheClusterObservation, promised: Cluster) -> list[str]:
    """How there are other shards than promised, or fewer replicas of one that copy it.

    Raises:
        NotObserved: nothing is seen to be amiss, and a replica could not be asked whether it copies.
    """
    members = seen.members
    nodes = {node.id: node for node in seen.nodes if node.id}
    primaries = [member for member in members if not member.primary and member.slots]
    faults = []
    if len(primaries) != promised.shards:
        told = _listed(f"{member.address} ({member.slot_count} slots)" for member in primaries)
        faults.append(f"{len(primaries)} shards, promised {promised.shards}: {told or 'nobody holds slots'}")
    unsure: list[str] = []
    for primary in primaries:
        replicas = [member for member in members if member.primary == primary.id]
        well = [member for member in replicas if _copies(member, nodes, seen) is True]
        open_ = [member for member in replicas if _copies(member, nodes, seen) is None]
        if len(well) + len(open_) < promised.replicas:
            told = _listed(f"{member.address} {_state(member, nodes)}" for member in replicas if member not in well)
            faults.append(
                f"{len(well)} of {promised.replicas} promised replicas copy {primary.address}"
                + (f": {told}" * bool(told))
            )
        elif len(well) < promised.replicas:
            unsure += [member.address for member in open_]
    if unsure and not faults:
        raise NotObserved(Reason.NO_ANSWER, f"{_listed(unsure)} could not be asked whether it copies its primary")
    return faults


def _copies(member: Member, nodes: dict[str, Node], seen: CacheClusterObservation) -> bool | None:
    """Whether a replica copies its primary; None: nobody knows."""
    node = nodes.get(member.id)
    if member.failed or member.unjoined:
        return False
    if node is not None and node.view is not None:
        return bool(node.link_up)
    return False if any(member.id in other.lost for other in seen.nodes) else None


def _state(member: Member, nodes: dict[str, Node]) -> str:
    node = nodes.get(member.id)
    if member.failed or node is None:
        return "is gone"
    return node.told if node.view is None else "has no link"


def discord(seen: CacheClusterObservation) -> list[str]:
    """Where nodes see the cluster differently, or not each other.

    Raises:
        NotObserved: all that were asked agree, and one that must be there could not be asked.
    """
    visited, members = seen.visited, seen.members
    faults = []
    for node in visited:
        view = seen.views[node.view or 0]
        if view != members:
            faults.append(f"{node.address} sees it differently from most: {_difference(view, members)}")
        names = {member.id: member.address for member in view}
        faults += [f"{node.address} has lost sight of {names.get(other, other)}" for other in node.lost]
    if faults:
        return [*faults[:MOST_TOLD], *([f"and {len(faults) - MOST_TOLD} more"] if len(faults) > MOST_TOLD else [])]
    gone = {member.id for member in members if member.failed}
    silent = [node for node in seen.nodes if node.view is None and node.id not in gone]
    if silent or seen.left_out:
        told = _listed(f"{node.address}: {node.told}" for node in silent)
        count = len(silent) + seen.left_out
        raise NotObserved(Reason.NO_ANSWER, f"{count} nodes could not be asked: {told or 'there are so many'}")
    return []


def _difference(view: tuple[Member, ...], usual: tuple[Member, ...]) -> str:
    """In what a view differs, in a few words."""
    own, most = {member.id: member for member in view}, {member.id: member for member in usual}
    told = [f"it does not know {most[key].address}" for key in most if key not in own]
    told += [f"it alone knows {own[key].address}" for key in own if key not in most]
    for key in own.keys() & most.keys():
        fields = [name for name in type(own[key]).model_fields if getattr(own[key], name) != getattr(most[key], name)]
        if fields:
            told.append(f"{', '.join(fields)} of {most[key].address}")
    return _listed(sorted(told))


def moving(seen: CacheClusterObservation) -> list[str]:
    """Slots that are on their way from one node to another one."""
    return [f"{node.address} has {node.moving} slots on the move" for node in seen.visited if node.moving]


def _listed(parts: Iterable[str]) -> str:
    """The first few."""
    told = list(parts)
    rest = len(told) - MOST_TOLD
    return ", ".join(told[:MOST_TOLD]) + (f" and {rest} more" if rest > 0 else "")
