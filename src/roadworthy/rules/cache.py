"""Judgements on a Redis or Valkey server: whom it lets in, what it keeps, who copies it."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from roadworthy.facts import store
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import StoreEnd, Unseen
from roadworthy.rules.settings import differs
from roadworthy.rules.versions import is_version
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from roadworthy.facts.cache import CacheObservation, CacheServer, Persistence, Replication, Source
    from roadworthy.facts.database import Replica
    from roadworthy.target.blocks.cache import Cache, Sentinel
    from roadworthy.target.blocks.stores import Amount, Follows, Replicas, SettingValue

T = TypeVar("T")

OF_CREDENTIALS = frozenset({"WRONGPASS", "NOAUTH", "NOPERM"})
"""It looked at who came, and says no."""
USUAL_PERIOD_S = 10
"""repl-ping-replica-period, where the server does not tell it: an idle primary is heard so often."""
_OPEN = "asks for no password"


def looked_at(seen: CacheObservation, part: T | Unseen | None, what: str) -> T:
    """A part of what is inside.

    Raises:
        NotObserved: nobody was let in, the conversation broke off, or the server would not show it.
    """
    if part is None and seen.inside.broke is not None:
        raise NotObserved(Reason.NO_ANSWER, seen.told)
    _ = seen.inside
    return store.seen(part, what)


# --- who is there, and who is let in ---------------------------------------------------------------------------------


def speechless(seen: CacheObservation) -> list[str]:
    """What keeps clients from being served at all; how TLS and logins went is judged apart."""
    if seen.broke is not None:
        return [seen.broke.told]
    refused_all = seen.refused is not None and (seen.let_in or not seen.tried)
    if refused_all and seen.refused is not None and seen.refused.code not in OF_CREDENTIALS:
        return [f"the server refused: {seen.refused.told}"]
    return [] if seen.answered else ["it said nothing"]


def shut_out(seen: CacheObservation) -> list[str]:
    """How the promised credentials do not let in.

    Raises:
        NotObserved: no login was tried.
    """
    if seen.let_in:
        return []
    if seen.broke is not None or seen.withheld or seen.refused is None:
        raise NotObserved(Reason.NO_ANSWER, seen.told)
    if seen.tried:
        return [f"the login was answered with {seen.refused.told}"]
    if seen.refused.code == "NOAUTH":
        return ["it asks for a password, and none is promised"]
    raise NotObserved(Reason.NO_ANSWER, seen.told)


def admitted(seen: CacheObservation, who: str) -> list[str]:
    """How somebody was let in who must not be.

    Raises:
        NotObserved: the server was not there, or refused for another reason than who came.
    """
    if seen.let_in:
        return [f"{who} was let in"]
    if seen.broke is not None or seen.refused is None:
        raise NotObserved(Reason.NO_ANSWER, seen.told)
    if _OPEN in seen.refused.message:
        return [f"{who} was not refused: the server asks for no password"]
    if seen.refused.code in OF_CREDENTIALS or "invalid password" in seen.refused.message:
        return []
    raise NotObserved(Reason.NOT_APPLICABLE, f"refused, but not for the credentials: {seen.refused.told}")


def unencrypted(seen: CacheObservation) -> list[str]:
    """How the way to the server is not encrypted, or not to the server that was meant.

    Raises:
        NotObserved: it did not come to TLS.
    """
    if seen.secured is not None and seen.no_tls is None:
        distrust = seen.secured.distrust
        return [f"the certificate does not verify: {distrust}"] if distrust else []
    if seen.no_tls is not None:
        return [f"it speaks no TLS ({seen.no_tls.detail or seen.no_tls.told}), and answers in plain"]
    if seen.broke is not None and seen.broke.end is StoreEnd.NO_TLS:
        return [seen.broke.told]
    raise NotObserved(Reason.NO_ANSWER, seen.told)


def takes_plain(seen: CacheObservation) -> list[str]:
    """That the server answers whoever comes without TLS, be it with a question for the password.

    Raises:
        NotObserved: it was not there, or said nothing at all.
    """
    if seen.answered:
        asked = "and asks for the password" if seen.asks_password else "and does what it is told"
        return [f"it answers whoever comes without TLS, {asked}"]
    if seen.broke is not None and seen.broke.end is StoreEnd.NOT_READY:
        return [f"it answers whoever comes without TLS: {seen.broke.detail}"]
    hung_up = seen.broke is not None and seen.broke.end in (StoreEnd.CLOSED, StoreEnd.GARBLED)
    if hung_up and seen.broke is not None and seen.broke.at != "connecting":
        return []
    raise NotObserved(Reason.NO_ANSWER, seen.told)


# --- what it is, and how it runs -------------------------------------------------------------------------------------


def server_of(seen: CacheObservation) -> CacheServer:
    """Who answers; raises as `looked_at`."""
    return looked_at(seen, seen.server, "the version")


def other_version(seen: CacheObservation, promised: str) -> list[str]:
    """That another version answers; Valkey is held to the version of Redis that it behaves like."""
    server = server_of(seen)
    as_redis = f" (as Redis {server.compatible})" if server.product != "Redis" else ""
    told = f"{server.product} {server.version}{as_redis} answers, promised {promised}"
    return [] if is_version(promised, server.compatible) else [told]


def slow(seen: CacheObservation, within_s: float) -> list[str]:
    """That the median of the PINGs came late.

    Raises:
        NotObserved: there were none.
    """
    if not seen.inside.pings_s:
        raise NotObserved(Reason.NO_ANSWER, seen.told)
    middle = median(seen.pings_s)
    told = f"{middle * 1000:.1f} ms is the median of {len(seen.pings_s)} PINGs, promised {show_duration(within_s)}"
    return [told] if middle > within_s else []


def other_settings(seen: CacheObservation, promised: dict[str, SettingValue]) -> list[str]:
    """Settings that are not as promised.

    Raises:
        NotObserved: none of those that were seen is at fault, and one could not be seen.
    """
    found = looked_at(seen, seen.settings, "settings")
    faults: list[str] = []
    untold: NotObserved | None = None
    for name, value in promised.items():
        setting = found.get(name)
        if isinstance(setting, Unseen):
            untold = NotObserved(setting.error().reason, f"{name}: {setting.error().detail}")
        elif setting is None:
            faults.append(f"there is no setting {name}")
        elif fault := differs(name, value, setting):
            faults.append(fault)
    if untold is not None and not faults:
        raise untold
    return faults


def _share(promised: Amount) -> float | None:
    """Of a limit; None: the amount is a number."""
    match = re.fullmatch(r"([0-9.]+) ?%", promised) if isinstance(promised, str) else None
    return float(match[1]) / 100 if match else None


def full(seen: CacheObservation, promised: Amount) -> list[str]:
    """That more memory is in use than promised, or nothing bounds it of which a share is promised."""
    memory = looked_at(seen, seen.memory, "memory")
    share = _share(promised)
    used = show_size(memory.used)
    if share is None:
        return [] if memory.used <= int(promised) else [f"{used} in use, promised {show_size(int(promised))}"]
    if not memory.limit:
        return [f"{used} in use and no maxmemory, of which {promised} is promised"]
    told = f"{memory.used / memory.limit:.0%} of {show_size(memory.limit)} in use ({used}), promised {promised}"
    return [told] if memory.used > memory.limit * share else []


def evicted(seen: CacheObservation) -> list[str]:
    """That keys were thrown away."""
    count = looked_at(seen, seen.evicted, "evictions")
    return [f"{count} keys were evicted for want of memory since the server was started"] if count else []


def crowded(seen: CacheObservation, promised: Amount) -> list[str]:
    """That more clients are connected than promised.

    Raises:
        NotObserved: a share of a limit is promised that the server does not tell.
    """
    clients = looked_at(seen, seen.clients, "clients")
    share = _share(promised)
    if share is None:
        return [] if clients.used <= int(promised) else [f"{clients.used} clients, promised {promised}"]
    if clients.limit is None:
        raise NotObserved(Reason.NOT_PERMITTED, "the server does not tell maxclients")
    told = f"{clients.used} of {clients.limit} clients ({clients.used / clients.limit:.0%}), promised {promised}"
    return [told] if clients.used > clients.limit * share else []


def forgetful(seen: CacheObservation, promised: tuple[str, ...]) -> list[str]:
    """How data does not outlive a restart as promised.

    Raises:
        NotObserved: nothing is at fault that was seen, and whether snapshots are made is not told.
    """
    kept = looked_at(seen, seen.persistence, "persistence")
    faults = []
    if "aof" in promised:
        faults += _not_appended(kept)
    if "rdb" in promised:
        faults += _not_saved(kept)
    if "none" in promised:
        faults += ["an append-only file is written, promised none"] if kept.appends else []
        faults += ["snapshots are made, promised none"] if kept.saves else []
    if not faults and kept.saves is None and {"rdb", "none"} & set(promised):
        raise NotObserved(Reason.NOT_PERMITTED, "whether snapshots are made by themselves (save) is not told")
    return faults


def _not_appended(kept: Persistence) -> list[str]:
    if not kept.appends:
        return ["no append-only file is written (appendonly no)"]
    faults = [] if kept.last_write_ok else ["the last write of the append-only file failed"]
    return faults + ([] if kept.last_rewrite_ok else ["the last rewrite of the append-only file failed"])


def _not_saved(kept: Persistence) -> list[str]:
    if kept.saves is False:
        return ["no snapshots are made by themselves (save is empty)"]
    since = f"; the last good one is of {kept.saved_at:%d %b %Y %H:%M} UTC" if kept.saved_at else ""
    return [] if kept.last_save_ok else [f"the last snapshot failed{since}"]


# --- who copies whom --------------------------------------------------------------------------------------------------


def _replication(seen: CacheObservation) -> Replication:
    return looked_at(seen, seen.replication, "replication")


def other_role(seen: CacheObservation, promised: str) -> list[str]:
    """That it is a replica instead of the primary, or the other way round."""
    role = _replication(seen).role
    return [] if role == promised else [f"it is a {role}, promised a {promised}"]


def missing_replicas(seen: CacheObservation, promised: Replicas) -> list[str]:
    """That fewer replicas copy it than promised."""
    replicas = _replication(seen).replicas
    online = [replica for replica in replicas if replica.streams]
    if len(online) >= promised.count:
        return []
    told = ", ".join(f"{replica.name} is {replica.state}" for replica in replicas) or "nobody copies it"
    return [f"{len(online)} of {promised.count} promised replicas are online: {told}"]


def late_replicas(seen: CacheObservation, promised: Replicas) -> list[str]:
    """The replicas that are further behind than promised.

    Raises:
        NotObserved: none is seen to be, and there is none, or one does not say how far it is.
    """
    online = [replica for replica in _replication(seen).replicas if replica.streams]
    faults = [fault for replica in online for fault in _late(replica, promised)]
    if not faults and not online:
        raise NotObserved(Reason.NOT_APPLICABLE, "no replica is online")
    silent = [r.name for r in online if r.lag_s is None or r.lag_bytes is None]
    if not faults and silent:
        raise NotObserved(Reason.NO_ANSWER, f"how far behind {', '.join(silent)} is, is not told")
    return faults


def _late(replica: Replica, promised: Replicas) -> list[str]:
    faults = []
    if promised.max_lag is not None and replica.lag_s is not None and replica.lag_s > promised.max_lag:
        told = f"{replica.name} was last heard {show_duration(replica.lag_s)} ago"
        faults.append(f"{told}, promised {show_duration(promised.max_lag)}")
    limit = promised.max_lag_bytes
    if limit is not None and replica.lag_bytes is not None and replica.lag_bytes > limit:
        faults.append(f"{replica.name} is {show_size(replica.lag_bytes)} behind, promised {show_size(limit)}")
    return faults


def _source(seen: CacheObservation) -> Source | None:
    return _replication(seen).source


def not_following(seen: CacheObservation) -> list[str]:
    """How it does not copy a primary; by which name it knows that one differs by network."""
    source = _source(seen)
    if source is None:
        return ["it copies nobody"]
    if source.up:
        return []
    doing = ": everything is being copied anew" if source.syncing else ""
    return [f"its link to {source.address} is down{doing}"]


def own_lag(seen: CacheObservation, promised: Follows) -> list[str]:
    """That it has heard nothing of its primary for longer than promised, and than an idle primary is silent.

    Raises:
        NotObserved: it copies nobody, or the link is down.
    """
    source = _source(seen)
    if source is None or not source.up or source.silent_s < 0:
        raise NotObserved(Reason.NOT_APPLICABLE, "; ".join(not_following(seen)) or "it has heard nothing yet")
    max_lag = promised.max_lag or 0.0
    if source.silent_s <= max(max_lag, source.period_s or USUAL_PERIOD_S):
        return []
    told = f"it has heard nothing of {source.address} for {show_duration(source.silent_s)}"
    return [f"{told}, promised {show_duration(max_lag)}"]


def unwatched(seen: CacheObservation, promised: Sentinel) -> list[str]:
    """How a sentinel does not watch the primary as promised."""
    server = server_of(seen)
    if server.mode != "sentinel":
        return [f"{server.product} {server.version} answers, and is no sentinel"]
    if isinstance(seen.watched, Unseen):
        raise seen.watched.error()
    if seen.watched is None:
        if seen.broke is not None:
            raise NotObserved(Reason.NO_ANSWER, seen.told)
        return [f"it watches no primary of the name {promised.watches}"]
    watched, sentinels = seen.watched, seen.watched.others + 1
    down = [flag for flag in watched.flags if flag not in ("master", "")]
    faults = [f"{promised.watches} at {watched.address} is {', '.join(down)}"] if down else []
    if promised.replicas is not None and watched.replicas < promised.replicas:
        faults.append(f"it knows {watched.replicas} replicas, promised {promised.replicas}")
    if promised.sentinels is not None and sentinels < promised.sentinels:
        faults.append(f"{sentinels} sentinels watch, promised {promised.sentinels}")
    if sentinels < watched.quorum:
        faults.append(f"{sentinels} sentinels are no quorum of {watched.quorum}: nobody could fail over")
    return faults


def decided(promised: Cache, *names: str) -> bool:
    """Whether the target has said something of any of these itself."""
    return any(getattr(promised, name) is not None for name in names)
