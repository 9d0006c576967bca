"""Real Valkey servers on loopback: alone, copying each other, as a cluster, as a sentinel."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from roadworthy.facts.cache import CacheAsk, CacheClusterAsk, CacheClusterObservation, CacheObservation
from roadworthy.probes import cache, cache_cluster
from roadworthy.probes.bench import Address, Bench
from roadworthy.sandbox import programs
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "cache.shop.test"
IP = "127.0.0.1"
APP, PASSWORD = "app", "let-me-in"
USERS = (
    "user default off",
    f"user {APP} on >{PASSWORD} ~* &* +@all",
    "user reader on >read-only ~* +@read +ping +info",
    "user open on nopass ~* +@all",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((IP, 0))
        port: int = probe.getsockname()[1]
        return port


def awaited(holds: Callable[[], bool], what: str, within_s: float = 20) -> None:
    """Returns when it holds."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@dataclass
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]
    login: dict[str, Any]

    @property
    def address(self) -> Address:
        return Address(IP, self.port)

    def client(self) -> Any:
        return redis.Redis(IP, self.port, decode_responses=True, **self.login)

    def do(self, *words: Any) -> Any:
        with self.client() as client:
            return client.execute_command(*words)

    def field(self, name: str) -> str:
        with self.client() as client:
            return str(client.info("everything").get(name))

    def answers(self) -> bool:
        try:
            return bool(self.do("PING"))
        except redis.ConnectionError:
            return False


@contextmanager
def running(folder: Path, *options: str, users: tuple[str, ...] = (), port: int = 0) -> Iterator[Server]:
    """A server with these lines of configuration."""
    folder.mkdir(parents=True)
    port = port or free_port()
    lines = [f"bind {IP}", f"port {port}", f"dir {folder}", 'save ""', "repl-diskless-sync-delay 0", *options]
    if users:
        (folder / "users.acl").write_text("\n".join(users) + "\n")
        lines.append(f"aclfile {folder / 'users.acl'}")
    file = folder / "valkey.conf"
    file.write_text("\n".join(lines) + "\n")
    command = [str(programs.valkey()), str(file), *(["--sentinel"] if "sentinel" in folder.name else [])]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    server = Server(port, process, {"username": APP, "password": PASSWORD} if users else {})
    try:
        awaited(server.answers, "Valkey did not start")
        yield server
    finally:
        process.kill()
        process.wait()


@contextmanager
def clustered(folder: Path, shards: int, replicas: int) -> Iterator[list[Server]]:
    """A cluster: the primaries first."""
    with ExitStack() as stack:
        buses = [free_port() for _ in range(shards * (1 + replicas))]
        nodes = [
            stack.enter_context(
                running(
                    folder / str(number),
                    "cluster-enabled yes",
                    f"cluster-port {bus}",
                    "cluster-node-timeout 1500",
                    "cluster-require-full-coverage yes",
                )
            )
            for number, bus in enumerate(buses)
        ]
        for number, node in enumerate(nodes[:shards]):
            node.do("CLUSTER", "ADDSLOTSRANGE", 16384 * number // shards, 16384 * (number + 1) // shards - 1)
        for number, node in enumerate(nodes, 1):
            node.do("CLUSTER", "SET-CONFIG-EPOCH", number)
        for node, bus in zip(nodes[1:], buses[1:], strict=True):
            nodes[0].do("CLUSTER", "MEET", IP, node.port, bus)
        awaited(lambda: all(_knows(node) == len(nodes) for node in nodes), "they do not know each other")
        ids = [node.do("CLUSTER", "MYID") for node in nodes]
        for number, node in enumerate(nodes[shards:]):
            awaited(lambda node=node, number=number: _copies(node, ids[number % shards]), "no primary")  # type: ignore[misc]
        awaited(lambda: all(_is_settled(node, nodes, replicas) for node in nodes), "no cluster")
        yield nodes


def _knows(node: Server) -> int:
    with node.client() as client:
        return int(client.cluster("info")["cluster_known_nodes"])


def _copies(node: Server, primary: str) -> bool:
    try:
        node.do("CLUSTER", "REPLICATE", primary)
    except redis.ResponseError:
        return False
    return True


def _is_settled(node: Server, nodes: list[Server], replicas: int) -> bool:
    with node.client() as client:
        info, seen = client.cluster("info"), client.cluster("nodes")
        link = client.info("replication").get("master_link_status", "up")
    copying = sum("slave" in entry["flags"] for entry in seen.values())
    shards = len(nodes) // (1 + replicas)
    return info["cluster_state"] == "ok" and link == "up" and copying == shards * replicas


def bench_of(patience_s: float = 2.0, **network: Any) -> Bench:
    return Bench(Network.model_validate(network), "roadworthy-tests", patience_s)


def look(place: Server | Address, bench: Bench | None = None, **fields: Any) -> CacheObservation:
    """One conversation."""
    address = place.address if isinstance(place, Server) else place
    login = {"username": APP, "password": PASSWORD} if isinstance(place, Server) and place.login else {}

    async def meet() -> CacheObservation:
        used = bench or bench_of()
        async with used.exits:
            ask = CacheAsk.model_validate({"host": HOST, "port": 6379, **login, **fields})
            return await cache.observe(ask, address, used)

    return asyncio.run(meet())


def visit(port: int, bench: Bench | None = None, **fields: Any) -> CacheClusterObservation:
    """All nodes of a cluster."""

    async def meet() -> CacheClusterObservation:
        used = bench or bench_of()
        async with used.exits:
            ask = CacheClusterAsk.model_validate({"host": IP, "port": port, **fields})
            return await cache_cluster.observe(ask, None, used)

    return asyncio.run(meet())
