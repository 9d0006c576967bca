"""Caches: a conversation with one Redis or Valkey server, and all nodes of a cluster as each of them sees it.

What a server tells of itself (INFO) is taken apart into facts; what was not asked for is `None`, and what the server
would not say is `Unseen`. No key's name, no value and no client's address is among them.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, NotObserved, Observation, Reason
from roadworthy.facts.database import Replica, Setting
from roadworthy.facts.store import Broke, Purpose, Refusal, Secured, StoreEnd, Unseen

DEFAULT_USER = "default"
"""Who logs in with a password alone."""

MOST_NODES = 64
"""Of a cluster that are visited: each is a connection of its own."""


class _CacheAsk(Ask):
    """How a cache is spoken to."""

    username: str = DEFAULT_USER
    password: str | None = Field(None, exclude=True, repr=False, description="Never written down.")
    tls: bool = Field(False, description="TLS from the first byte; a password is sent only if it verifies.")

    @property
    def engine(self) -> str:
        """Which command by hand fits."""
        return "over TLS" if self.tls else "in plain"


class CacheAsk(_CacheAsk):
    """One conversation."""

    kind: Literal["cache"] = "cache"
    purpose: Purpose = Purpose.SESSION
    published: str | None = Field(None, description="The default password to try; everybody knows it.")
    settings: tuple[str, ...] = Field((), description="To look up.")
    watches: str | None = Field(None, description="The primary that a sentinel is asked about.")
    pings: int = Field(0, description="So many PINGs are timed, and nothing else is looked at.")

    @property
    def exchanges(self) -> int:
        """More connections tell what is behind a certificate that is not trusted, and whether plain is spoken."""
        return 3 if self.tls else 1

    def may_repeat(self, seen: Observation) -> bool:
        """Whether asking again is no second try of a wrong password."""
        return self.purpose in (Purpose.SESSION, Purpose.PLAIN) or not (
            isinstance(seen, CacheObservation) and seen.tried
        )


class CacheServer(Fact):
    """Who answers."""

    product: Literal["Redis", "Valkey"]
    version: str = Field(description="Its own: 7.0.15, 9.1.2.")
    compatible: str = Field(description="The version of Redis that it behaves like: 7.2.4.")
    mode: Literal["standalone", "cluster", "sentinel"] = "standalone"


class Source(Fact):
    """The one that this server copies, as this server knows it."""

    address: str
    up: bool
    silent_s: int = Field(description="Seconds since it was heard; -1: never.")
    syncing: bool = Field(False, description="Everything is being copied anew.")
    period_s: int | None = Field(None, description="How often an idle primary is heard; None: it does not say.")


class Replication(Fact):
    """Who copies whom."""

    role: Literal["primary", "replica"]
    replicas: tuple[Replica, ...] = ()
    source: Source | None = None


class Memory(Fact):
    """What is in use, in bytes."""

    used: int
    limit: int = Field(description="maxmemory; 0: none.")
    resident: int = 0
    machine: int = Field(0, description="All that the machine has; 0: it does not say.")
    policy: str = ""


class Clients(Fact):
    """Clients that are connected."""

    used: int
    limit: int | None = Field(None, description="maxclients; None: it does not say.")


class Persistence(Fact):
    """How data outlives a restart."""

    saves: bool | None = Field(None, description="Snapshots are made by themselves (`save`); None: it does not say.")
    last_save_ok: bool = True
    saved_at: datetime | None = None
    unsaved: int = Field(0, description="Changes since the last snapshot.")
    appends: bool = Field(False, description="An append-only file is written.")
    last_write_ok: bool = True
    last_rewrite_ok: bool = True


class Keyspace(Fact):
    """Keys in all databases."""

    keys: int = 0
    expiring: int = 0


class Watched(Fact):
    """What a sentinel says of a primary."""

    address: str
    flags: tuple[str, ...] = Field(description="master, s_down, o_down, disconnected, ...")
    replicas: int
    others: int = Field(description="Other sentinels that watch it.")
    quorum: int


class CacheObservation(Observation):
    """One conversation, as far as it went."""

    kind: Literal["cache"] = "cache"
    secured: Secured | None = Field(None, description="None: no TLS.")
    no_tls: Broke | None = Field(None, description="How TLS failed, where it was asked in plain after that.")
    answered: bool = Field(False, description="It said something in its own protocol, be it no.")
    asks_password: bool | None = Field(None, description="Whoever has not logged in is refused; None: not seen.")
    tried: bool = Field(False, description="A login was sent.")
    withheld: str = Field("", description="Why no login was sent.")
    refused: Refusal | None = Field(None, description="Its no to the login, or to the first command.")
    broke: Broke | None = None
    let_in: bool = Field(False, description="Commands are done for whoever this is.")
    pings_s: tuple[float, ...] = ()
    server: CacheServer | Unseen | None = None
    replication: Replication | Unseen | None = None
    memory: Memory | Unseen | None = None
    clients: Clients | Unseen | None = None
    persistence: Persistence | Unseen | None = None
    keyspace: Keyspace | Unseen | None = None
    evicted: int | Unseen | None = Field(None, description="Keys, since the start.")
    settings: dict[str, Setting | Unseen] | None = Field(None, description="Those asked for that there are.")
    slow: int | Unseen | None = Field(None, description="Entries of the slow log.")
    watched: Watched | Unseen | None = Field(None, description="None, where asked for: it watches none of that name.")

    @property
    def transient(self) -> bool:
        """A server that is not there, or is loading, may be well a moment later."""
        return self.broke is not None and self.broke.end is not StoreEnd.GARBLED

    @property
    def told(self) -> str:
        """Why nobody is let in, on one line."""
        if self.broke is not None:
            return self.broke.told
        if self.withheld:
            return self.withheld
        return f"the server refused: {self.refused.told}" if self.refused is not None else "nobody was let in"

    @property
    def inside(self) -> CacheObservation:
        """The same, for checks that say nothing where nobody was let in.

        Raises:
            NotObserved: nobody was.
        """
        if not self.let_in:
            raise NotObserved(Reason.NO_ANSWER, self.told)
        return self


class CacheClusterAsk(_CacheAsk):
    """All nodes of a cluster, beginning with those behind one name."""

    kind: Literal["cache-cluster"] = "cache-cluster"

    per_address: ClassVar[bool] = False
    many_exchanges: ClassVar[bool] = True

    @property
    def exchanges(self) -> int:
        """One conversation with each node, and a second one where its certificate is not trusted."""
        return MOST_NODES


class Member(Fact):
    """A node, as another one knows it (CLUSTER NODES)."""

    id: str
    address: str = Field(description="As it is announced.")
    hostname: str = ""
    primary: str = Field("", description="The id of the one that it copies; empty: it is a primary itself.")
    slots: tuple[tuple[int, int], ...] = ()
    epoch: int = 0
    failed: bool = Field(False, description="The cluster agreed that it is gone.")
    unjoined: bool = Field(False, description="In handshake, or without an address.")

    @property
    def slot_count(self) -> int:
        """How many slots it holds."""
        return sum(last - first + 1 for first, last in self.slots)


class Node(Fact):
    """One node that was visited, or was to be."""

    address: str = Field(description="As it was announced, or the endpoint's own.")
    reached_at: str = Field("", description="Where it was really connected to; empty: nowhere.")
    id: str = Field("", description="Its own; empty: it did not say.")
    broke: Broke | None = None
    refused: Refusal | None = None
    withheld: str = ""
    state: str = Field("", description="cluster_state: ok, fail; empty: it did not say.")
    slots_assigned: int = 0
    slots_ok: int = 0
    link_up: bool | None = Field(None, description="Of a replica: it copies its primary; None: it is none.")
    lost: tuple[str, ...] = Field((), description="Ids of the nodes that it has no link to, or suspects to be gone.")
    moving: int = Field(0, description="Slots that it is about to give away, or to take.")
    view: int | None = Field(None, description="Which of the views is its own, counted from 0.")

    @property
    def told(self) -> str:
        """Why it said nothing, on one line."""
        if self.broke is not None:
            return self.broke.told
        return self.withheld or (self.refused.told if self.refused is not None else "it said nothing")


class CacheClusterObservation(Observation):
    """All nodes, and the different views that they have of the cluster; where all agree there is one."""

    kind: Literal["cache-cluster"] = "cache-cluster"
    nodes: tuple[Node, ...]
    views: tuple[tuple[Member, ...], ...] = ()
    left_out: int = Field(0, description="Nodes that were not visited because there are so many.")

    @property
    def transient(self) -> bool:
        """A node that is away, and views that differ, may be well a moment later."""
        return len(self.views) != 1 or any(node.view is None for node in self.nodes)

    @property
    def visited(self) -> tuple[Node, ...]:
        """The nodes that said how they see it.

        Raises:
            NotObserved: none did.
        """
        found = tuple(node for node in self.nodes if node.view is not None)
        if not found:
            told = "; ".join(f"{node.address}: {node.told}" for node in self.nodes[:3])
            raise NotObserved(Reason.NO_ANSWER, told or "there is no node")
        return found

    @property
    def members(self) -> tuple[Member, ...]:
        """The cluster as most of its nodes see it.

        Raises:
            NotObserved: none told.
        """
        shown = [node.view for node in self.visited]
        commonest = max(dict.fromkeys(shown), key=shown.count)
        assert commonest is not None  # noqa: S101 - those who were visited have one
        return self.views[commonest]
