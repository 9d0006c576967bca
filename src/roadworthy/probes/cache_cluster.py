"""A cluster of Redis or Valkey: every node is asked how it sees all of them.

It begins at the addresses behind the endpoint's name and goes on to every node that anyone names, each over a way of
its own: a node is reached where it announces itself, or where `network.connect_to` leads from there. A node that can't
be reached is recorded as such. Of CLUSTER NODES what matters is kept, and the views that are the same only once.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.cache import MOST_NODES, CacheAsk, CacheClusterObservation, Member, Node
from roadworthy.facts.name import NameState
from roadworthy.facts.store import Broke, StoreEnd
from roadworthy.probes.bench import Address
from roadworthy.probes.cache_info import number, parse_info
from roadworthy.probes.cache_talk import Refused, Talk, greet, log_in, may_log_in, talking
from roadworthy.probes.name import addresses_of
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from roadworthy.facts.cache import CacheClusterAsk
    from roadworthy.probes.bench import Bench

AT_ONCE = 8
MOST_MEMBERS = 1000
"""That a cluster can have, by its makers' own advice."""

SLOTS = 16384
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)
_FIELDS = 8
"""Of a line of CLUSTER NODES before its slots."""


async def observe(ask: CacheClusterAsk, address: None, bench: Bench) -> CacheClusterObservation:  # noqa: ARG001 - a probe's signature
    """Visits every node.

    Raises:
        NotObserved: the endpoint's name leads nowhere, or the vantage point failed.
    """
    round_ = _Round(ask, bench)
    observed_at = datetime.now(UTC)
    try:
        async with asyncio.timeout(bench.network.scan_timeout * 0.8):
            await round_.visit_all(await _behind(ask, ask.host, ask.port, bench))
    except TimeoutError:
        round_.give_up()
    return CacheClusterObservation(
        observed_at=observed_at,
        nodes=tuple(round_.nodes.values()),
        views=tuple(round_.views),
        left_out=round_.left_out,
    )


async def _behind(ask: CacheClusterAsk, host: str, port: int, bench: Bench) -> list[Address]:
    """Where a node is connected to, as the vantage point reaches it."""
    if ask.via is not None:
        return [Address(host, port)]
    found, _ = await addresses_of(host, port, bench)
    if isinstance(found, NameState):
        raise NotObserved(Reason.NO_ADDRESS, f"{host}: {found.value}")
    return found


@dataclass
class _Round:
    """The visits so far, by the node's own id, or by where it was to be found while that is not known."""

    ask: CacheClusterAsk
    bench: Bench
    nodes: dict[str, Node] = field(default_factory=dict)
    views: dict[tuple[Member, ...], int] = field(default_factory=dict)
    left_out: int = 0
    _waiting: dict[str, Member] = field(default_factory=dict)

    async def visit_all(self, entries: list[Address]) -> None:
        """The entries, then everybody whom somebody names."""
        seats = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._visit_entry(entry, seats) for entry in entries[:MOST_NODES]))
        while unvisited := self._unvisited():
            self._waiting = unvisited
            await asyncio.gather(*(self._visit(member, seats) for member in unvisited.values()))

    def give_up(self) -> None:
        """Notes those that were not visited in time."""
        late = Broke(end=StoreEnd.SILENT, at="visiting", detail="the time for all nodes was over")
        for key, member in self._waiting.items():
            self.nodes.setdefault(key, Node(address=member.address, id=member.id, broke=late))

    def _unvisited(self) -> dict[str, Member]:
        named = {member.id: member for view in self.views for member in view if not member.unjoined}
        todo = [member for key, member in named.items() if key not in self.nodes]
        room = max(0, MOST_NODES - len(self.nodes))
        self.left_out = len(todo) - len(todo[:room])
        return {member.id: member for member in todo[:room]}

    async def _visit_entry(self, entry: Address, seats: asyncio.Semaphore) -> None:
        async with seats:
            node = await self._look(Node(address=str(entry)), self.ask.host, entry)
        self.nodes[node.id or node.address] = node

    async def _visit(self, member: Member, seats: asyncio.Semaphore) -> None:
        node = Node(address=member.address, id=member.id)
        host, _, port = member.address.rpartition(":")
        try:
            async with seats:
                places = await _behind(self.ask, host.strip("[]"), int(port), self.bench)
                node = await self._look(node, member.hostname or self.ask.host, places[0])
        except NotObserved as error:
            broke = Broke(end=StoreEnd.SILENT, at="connecting", detail=str(error)[:300])
            node = node.model_copy(update={"broke": broke})
        self.nodes[member.id] = node

    async def _look(self, node: Node, name: str, place: Address) -> Node:
        """One node; `name` is what its certificate is for."""
        told: dict[str, Any] = {"reached_at": str(place)}
        seen: dict[str, Any] = {}
        ask = CacheAsk(
            host=name,
            port=place.port,
            via=self.ask.via,
            username=self.ask.username,
            password=self.ask.password,
            tls=self.ask.tls,
        )
        try:
            async with asyncio.timeout(self.bench.patience_s * 2), talking(ask, place, self.bench) as talk:
                willing = await greet(talk, seen) and may_log_in(ask, talk, seen)
                if willing and await log_in(talk, ask.username, ask.password, seen):
                    told |= await self._told(talk)
        except Ended as ended:
            told["broke"] = ended.broke
        except Refused as refused:
            told["refused"] = refused.refusal
        except NotObserved as error:
            told["broke"] = Broke(end=StoreEnd.SILENT, at="connecting", detail=str(error)[:300])
        except TimeoutError:
            told["broke"] = Broke(end=StoreEnd.SILENT, at="visiting")
        if "view" not in told:
            told |= {key: seen[key] for key in ("refused", "withheld") if key in seen}
        return node.model_copy(update=told)

    async def _told(self, talk: Talk) -> dict[str, Any]:
        """How a node sees the cluster.

        Raises:
            Refused: it would not say, or is no cluster.
        """
        state = parse_info(str(await talk.say("CLUSTER", "INFO")))
        lines = parse_nodes(str(await talk.say("CLUSTER", "NODES")))
        info = parse_info(str(await talk.say("INFO", "replication")))
        own = next((line for line in lines if line.myself), None)
        if own is None:
            return {"broke": Broke(end=StoreEnd.GARBLED, at="CLUSTER NODES", detail="it does not name itself")}
        members = tuple(sorted((line.member for line in lines), key=lambda member: member.id))
        return {
            "id": own.member.id,
            "state": state.get("cluster_state", ""),
            "slots_assigned": number(state, "cluster_slots_assigned"),
            "slots_ok": number(state, "cluster_slots_ok"),
            "link_up": info.get("master_link_status") == "up" if own.member.primary else None,
            "lost": tuple(line.member.id for line in lines if line.lost),
            "moving": own.moving,
            "view": self.views.setdefault(members, len(self.views)),
        }


@dataclass(frozen=True)
class Line:
    """A line of CLUSTER NODES: the member, and what only the node that was asked thinks of it."""

    member: Member
    myself: bool
    lost: bool
    moving: int


def parse_nodes(text: str) -> list[Line]:
    """The lines of CLUSTER NODES (https://redis.io/commands/cluster-nodes); those that make no sense are left out."""
    lines = (line.split(" ") for line in text.splitlines()[:MOST_MEMBERS])
    return [_line(parts) for parts in lines if len(parts) >= _FIELDS and ":" in parts[1]]


def _line(parts: list[str]) -> Line:
    identity, place, told, primary, _, _, epoch, link, *held = parts
    flags = told.split(",")
    address, _, rest = place.partition("@")
    slots, moving = _slots(held)
    myself, failed = "myself" in flags, "fail" in flags
    replica = "slave" in flags
    member = Member(
        id=identity[:40],
        address=_shown(address),
        hostname=_hostname(rest),
        primary=primary if replica and primary != "-" else "",
        slots=slots,
        epoch=0 if replica else number({"": epoch}, ""),
        failed=failed,
        unjoined="handshake" in flags or "noaddr" in flags,
    )
    lost = not myself and not failed and not member.unjoined and ("fail?" in flags or link != "connected")
    return Line(member, myself=myself, lost=lost, moving=moving)


def _hostname(rest: str) -> str:
    """The name that a node announces: what stands behind the port of its bus, unless it is a pair of something else."""
    name = rest.partition(",")[2].partition(",")[0]
    return "" if "=" in name or name == "?" else name[:255]


def _shown(address: str) -> str:
    """An address with brackets, where it is of IPv6: CLUSTER NODES has none."""
    ip, _, port = address.rpartition(":")
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _slots(held: list[str]) -> tuple[tuple[tuple[int, int], ...], int]:
    """Ranges of slots, and how many slots are on the move (`[93-<-id]`, `[77->-id]`)."""
    ranges = [match for text in held if (match := _RANGE.fullmatch(text))]
    found = [(int(match[1]), int(match[2] or match[1])) for match in ranges]
    known = ((first, last) for first, last in found if first <= last < SLOTS)
    return tuple(sorted(known)), sum(text.startswith("[") for text in held)
