"""Judgements on who copies whom in a set of databases, and how far behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen
from roadworthy.rules.database import looked_at
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from roadworthy.facts.database import DatabaseObservation, Replica, Upstream
    from roadworthy.facts.marker import MarkerObservation
    from roadworthy.target.blocks.stores import Follows, Marker, Replicas, Role


def other_role(seen: DatabaseObservation, promised: Role) -> list[str]:
    """How a server is not the primary, or the replica, that was promised."""
    session = seen.inside
    why = f" ({session.why_read_only})" if session.why_read_only else ""
    if promised == "primary":
        faults = ["it is a replica: it applies what another one writes"] if session.recovering else []
        return faults + ([] if session.writable else [f"it takes no writes{why}"])
    faults = [] if session.recovering else ["it is no replica: it copies nobody"]
    return faults + (["it takes writes of its own"] if session.writable else [])


def missing_replicas(seen: DatabaseObservation, promised: Replicas) -> list[str]:
    """That fewer replicas stream than promised."""
    replicas = looked_at(seen, seen.replicas, "the list of replicas")
    streaming = [replica for replica in replicas if replica.streams]
    if len(streaming) >= promised.count:
        return []
    others = [f"{replica.name} is {replica.state}" for replica in replicas if not replica.streams]
    told = ", ".join((*(f"{replica.name} streams" for replica in streaming), *others)) or "nobody copies it"
    return [f"{len(streaming)} of {promised.count} promised replicas stream: {told}"]


def late_replicas(seen: DatabaseObservation, promised: Replicas) -> list[str]:
    """The replicas that are further behind than promised.

    Raises:
        NotObserved: none is seen to be, and how far one is behind is not told, or there is none.
    """
    replicas = looked_at(seen, seen.replicas, "the list of replicas")
    faults = [fault for replica in replicas for fault in _late(replica, promised)]
    if faults:
        return faults
    streaming = [replica for replica in replicas if replica.streams]
    if not streaming:
        raise NotObserved(Reason.NOT_APPLICABLE, "no replica streams")
    if unknown := [replica.name for replica in streaming if _is_unknown(replica, promised)]:
        raise NotObserved(Reason.NO_ANSWER, f"the server does not say how far behind {', '.join(unknown)} is")
    return []


def _late(replica: Replica, promised: Replicas) -> list[str]:
    faults = []
    lag_s, lag_bytes = _seconds(replica), replica.lag_bytes
    if promised.max_lag is not None and lag_s is not None and lag_s > promised.max_lag:
        faults.append(
            f"{replica.name} is {show_duration(round(lag_s, 1))} behind, promised {show_duration(promised.max_lag)}"
        )
    if promised.max_lag_bytes is not None and lag_bytes is not None and lag_bytes > promised.max_lag_bytes:
        faults.append(
            f"{replica.name} has {show_size(lag_bytes)} still to apply, promised {show_size(promised.max_lag_bytes)}"
        )
    return faults


def _seconds(replica: Replica) -> float | None:
    """Seconds behind; who has nothing to apply is not behind."""
    return 0.0 if replica.lag_s is None and replica.lag_bytes == 0 else replica.lag_s


def _is_unknown(replica: Replica, promised: Replicas) -> bool:
    return (promised.max_lag is not None and _seconds(replica) is None) or (
        promised.max_lag_bytes is not None and replica.lag_bytes is None
    )


def other_set(seen: DatabaseObservation, promised: str) -> list[str]:
    """That a server of MongoDB belongs to another replica set, or to none."""
    _ = seen.inside
    if seen.replica_set is None:
        return [f"it belongs to no replica set, promised {promised}"]
    return [] if seen.replica_set == promised else [f"it belongs to {seen.replica_set}, promised {promised}"]


def upstream_of(seen: DatabaseObservation) -> Upstream | None:
    """Whom the server copies; None: nobody.

    Raises:
        NotObserved: nobody was let in, or the server does not show it.
    """
    _ = seen.inside
    if isinstance(seen.upstream, Unseen):
        raise seen.upstream.error()
    if seen.upstream is None and seen.broke is not None:
        raise NotObserved(Reason.NO_ANSWER, seen.broke.told)
    return seen.upstream


def not_following(seen: DatabaseObservation) -> list[str]:
    """How a server does not follow another one; by which name it knows that one differs by network."""
    upstream = upstream_of(seen)
    if upstream is None:
        return ["it copies nobody"]
    if upstream.streams:
        return []
    error = f" ({upstream.error})" if upstream.error else ""
    return [f"it does not stream from {upstream.name or 'any primary'}: {upstream.state}{error}"]


def own_lag(seen: DatabaseObservation, max_lag: float) -> list[str]:
    """That a replica is further behind than promised.

    Raises:
        NotObserved: it does not say, or nothing comes that it could be behind of.
    """
    upstream = upstream_of(seen)
    if upstream is None:
        raise NotObserved(Reason.NOT_APPLICABLE, "it copies nobody")
    if upstream.lag_s is not None and upstream.lag_s > max_lag:
        return [f"it is {show_duration(round(upstream.lag_s, 1))} behind, promised {show_duration(max_lag)}"]
    if not upstream.streams:
        raise NotObserved(Reason.NOT_APPLICABLE, f"nothing comes that it could be behind of: {upstream.state}")
    if upstream.error:  # it is not behind yet, and will be
        return [f"it receives what is written, and does not apply it: {upstream.error}"]
    if upstream.lag_s is None:
        raise NotObserved(Reason.NO_ANSWER, "the server does not say how far behind it is")
    return []


def lost_markers(seen: MarkerObservation, follows: Follows, marker: Marker) -> list[str]:
    """How a row that was written on the primary is not on the replica in time, or was left behind.

    Raises:
        NotObserved: it was not written, or nobody could look for it.
    """
    left = [f"the row was left behind on {follows.component}"] if seen.written and not seen.removed else []
    if (untold := seen.untold) is not None:
        raise NotObserved(untold.reason, "; ".join([untold.detail, *left]))
    within = show_duration(marker.within)
    if seen.seen_after_s is None:
        return [f"a row written on {follows.component} did not come within {within}", *left]
    if seen.seen_after_s > marker.within:
        after = show_duration(round(seen.seen_after_s, 2))
        return [f"a row written on {follows.component} came after {after}, promised within {within}", *left]
    return left
