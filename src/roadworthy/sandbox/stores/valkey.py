"""Valkey, set up as a component promises: alone, as a replica, or as a cluster of several nodes at one address.

What is promised is held by the server's own access lists and settings. Nodes of a cluster tell each other, and their
clients, where they listen, so they stand at their public ports themselves, without doors: the component's port and
those after it. One port more is opened when all of them have joined.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox import programs
from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.stores.applications import commands_of
from roadworthy.sandbox.stores.doors import Door, Speech
from roadworthy.sandbox.stores.serving import await_that, private, start
from roadworthy.sandbox.stores.worker import Worker

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from roadworthy.sandbox.stores.serving import StoreJob
    from roadworthy.target.blocks.queues import Queues
    from roadworthy.target.models import Target

ADMINISTRATOR, ADMINISTRATOR_PASSWORD = "sandbox", "only-between-these-servers"
SLOTS = 16384
EVERYTHING = "~* &* +@all"
BASE_SETTINGS = {
    "save": "",
    "appendonly": "no",
    "repl-diskless-sync-delay": "0",
    "cluster-node-timeout": "2000",
    "cluster-replica-validity-factor": "0",
}


@dataclass(frozen=True)
class Valkey:
    """A server, who it knows, and what it runs with."""

    username: str = "default"
    passwords: tuple[str, ...] = ()
    """Each of them lets the user in."""
    anonymous: bool = True
    """Lets in whoever comes without a password, or with any."""
    settings: tuple[tuple[str, str], ...] = ()
    shards: int = 0
    """0: no cluster."""
    replicas: int = 0
    """Of each shard."""
    beside: tuple[tuple[str, int], ...] = ()
    """A cluster: the addresses of its further nodes, and one that is opened when it is complete."""
    upstream: tuple[str, int] | None = None
    """The public address of the primary that it copies."""
    streams: bool = True
    """A replica: it is connected to its primary."""
    uncovered: int = 0
    """So many slots of a cluster nobody holds."""
    dead: tuple[int, ...] = ()
    """Nodes of a cluster that died after it was made."""
    filled: int = 0
    """Bytes of keys that fill it."""
    held: int = 0
    """Connections that somebody else keeps open."""
    number: int = 0
    """The database that the seeds are in."""
    seeds: tuple[tuple[str, ...], ...] = ()
    """Commands that are said at last; {now} in them becomes the moment, in seconds."""
    worker: Worker | None = None
    """A real one, which works on a queue."""


def contents_of(target: Target, name: str, hosts: Mapping[str, tuple[str, ...]]) -> Valkey:
    """The server that keeps a component's promises."""
    component = target.components[name]
    promised = component.cache
    if promised is None:
        return Valkey()
    host, port = component.endpoint
    address = (hosts[host][0], local_port(port))
    login, upstream = promised.login, None
    if promised.follows is not None:
        other, other_port = target.components[promised.follows.component].endpoint
        upstream = (hosts[other][0], local_port(other_port))
    nodes = promised.cluster.shards * (1 + promised.cluster.replicas) if promised.cluster else 1
    return Valkey(
        username=(login.username if login else "") or "default",
        passwords=(login.password,) if login and login.password else (),
        anonymous=not (login and login.password),
        settings=tuple(_settings(promised)),
        shards=promised.cluster.shards if promised.cluster else 0,
        replicas=promised.cluster.replicas if promised.cluster else 0,
        beside=tuple((address[0], address[1] + number) for number in range(1, nodes + 1 if nodes > 1 else 1)),
        upstream=upstream,
        number=component.queues.number if component.queues else 0,
        seeds=commands_of(component.queues) if component.queues else (),
        worker=_worker(component.queues),
    )


def _worker(promised: Queues | None) -> Worker | None:
    """Who does a job that is put in."""
    if promised is None or promised.probe_job is None:
        return None
    return Worker(promised.kind, promised.keys, promised.probe_job.queue, promised.number)


def _settings(promised: Any) -> Iterable[tuple[str, str]]:
    kept = promised.persistence or ()
    if "rdb" in kept:
        yield "save", "3600 1"
    if "aof" in kept:
        yield "appendonly", "yes"
    for name, value in (promised.settings or {}).items():
        text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        yield name, text.strip("<>= ")


def set_up(job: StoreJob, directory: Path) -> tuple[list[Door], list[subprocess.Popen[bytes]]]:
    """Starts the nodes, and joins them.

    Raises:
        MissingError: there is no Valkey.
    """
    made: Valkey = job.store.contents
    addresses = (job.store.address, *made.beside[:-1])
    nodes = [_Node(made, address, directory / str(number)) for number, address in enumerate(addresses)]
    processes = [node.start() for node in nodes]
    for node in nodes:
        await_that(node.answers, "Valkey")
    if made.shards:
        _join(made, nodes)
    first = nodes[0].client()
    if made.upstream is not None and made.streams:
        await_that(lambda: first.info("replication").get("master_link_status") == "up", "a replica's link")
    if made.filled:
        _fill(first, made.filled)
    _KEPT.enter_context(_held(nodes[0], made.held))
    _seed(nodes[0], made)
    if made.worker is not None:
        login = (ADMINISTRATOR, ADMINISTRATOR_PASSWORD)
        environ = made.worker.environ(nodes[0].address, *login)
        processes.append(start(made.worker.command, directory / "worker.log", environ))
    for number in made.dead:
        processes[number].kill()
        processes[number].wait()
    if made.shards and made.dead:
        await_that(lambda: _failed(first) >= len(made.dead), "the cluster's own notice")
    alive = [process for number, process in enumerate(processes) if number not in made.dead]
    if made.shards:
        return [Door(made.beside[-1], job.store.address)], alive
    speech = Speech.TLS if job.store.tls else Speech.NOTHING
    return [Door(job.store.address, private(job.store.address), speech, job.store.plain)], alive


_KEPT = ExitStack()
"""What lives as long as the process."""


class _Node:
    """One server process."""

    def __init__(self, made: Valkey, address: tuple[str, int], directory: Path) -> None:
        self.made, self.directory = made, directory
        self.address = address if made.shards else private(address)

    def start(self) -> subprocess.Popen[bytes]:
        self.directory.mkdir(parents=True, exist_ok=True)
        for leftover in self.directory.iterdir():
            if leftover.is_file():
                leftover.unlink()
        users, ip = self.directory / "users.acl", self.address[0]
        users.write_text("".join(f"{line}\n" for line in self._users()))
        settings = {
            **BASE_SETTINGS,
            **dict(self.made.settings),
            "bind": ip,
            "port": str(self.address[1]),
            "dir": str(self.directory),
            "aclfile": str(users),
            "masteruser": ADMINISTRATOR,
            "masterauth": ADMINISTRATOR_PASSWORD,
        }
        if self.made.shards:
            settings |= {"cluster-enabled": "yes", "cluster-announce-ip": ip}
        if self.made.upstream is not None and self.made.streams:
            settings["replicaof"] = " ".join(map(str, private(self.made.upstream)))
        file = self.directory / "valkey.conf"
        file.write_text("".join(f"{name} {value or chr(34) * 2}\n" for name, value in settings.items()))
        file.chmod(0o600)
        return start([str(programs.valkey()), str(file)], self.directory / "valkey.log")

    def _users(self) -> Iterable[str]:
        yield f"user {ADMINISTRATOR} on >{ADMINISTRATOR_PASSWORD} {EVERYTHING}"
        words = " ".join(f">{password}" for password in self.made.passwords)
        if self.made.anonymous:
            yield f"user default on nopass {EVERYTHING}"
        elif self.made.username == "default":
            yield f"user default on {words} {EVERYTHING}"
        else:
            yield "user default off"
        if self.made.username != "default":
            yield f"user {self.made.username} on {words or 'nopass'} {EVERYTHING}"

    def client(self, number: int = 0) -> Any:
        """A connection of the administrator."""
        import redis  # noqa: PLC0415 - the supervisor that forks this process needs none

        ip, port = self.address
        return redis.Redis(
            ip, port, number, username=ADMINISTRATOR, password=ADMINISTRATOR_PASSWORD, decode_responses=True
        )

    def answers(self) -> bool:
        """Whether it does."""
        import redis  # noqa: PLC0415 - as above

        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False


def _join(made: Valkey, nodes: list[_Node]) -> None:
    """Makes one cluster of all nodes: the first ones hold the slots, the others copy them in turn."""
    clients = [node.client() for node in nodes]
    held = SLOTS - made.uncovered
    for number, client in enumerate(clients[: made.shards]):
        first, last = held * number // made.shards, held * (number + 1) // made.shards - 1
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
    for number, client in enumerate(clients, 1):
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number)
    for node in nodes[1:]:
        ip, port = node.address
        clients[0].execute_command("CLUSTER", "MEET", ip, port, port + 10000)
    await_that(lambda: all(_known(client) == len(nodes) for client in clients), "nodes that know each other")
    ids = [client.execute_command("CLUSTER", "MYID") for client in clients]
    for number, client in enumerate(clients[made.shards :]):
        primary = ids[number % made.shards]
        await_that(lambda client=client, primary=primary: _copies(client, primary), "a node to copy")  # type: ignore[misc]
    state = "ok" if not made.uncovered else "fail"
    await_that(lambda: all(client.cluster("info")["cluster_state"] == state for client in clients), f"state {state}")
    copying = clients[made.shards :]
    await_that(lambda: all(c.info("replication").get("master_link_status") == "up" for c in copying), "links")


def _known(client: Any) -> int:
    return int(client.cluster("info")["cluster_known_nodes"])


def _copies(client: Any, primary: str) -> bool:
    import redis  # noqa: PLC0415 - as above

    try:
        client.execute_command("CLUSTER", "REPLICATE", primary)
    except redis.ResponseError:
        return False  # it does not know that one yet
    return True


def _failed(client: Any) -> int:
    return sum("fail" in entry["flags"].split(",") for entry in client.cluster("nodes").values())


def _fill(client: Any, size: int) -> None:
    piece = 64 * 1024
    for number in range(size // piece):
        client.set(f"filling:{number}", "x" * piece)


def _seed(node: _Node, made: Valkey) -> None:
    if not made.seeds:
        return
    with node.client(made.number) as client:
        for words in made.seeds:
            client.execute_command(*(word.replace("{now}", f"{time.time():.3f}") for word in words))


def _held(node: _Node, count: int) -> ExitStack:
    stack = ExitStack()
    for _ in range(count):
        client = stack.enter_context(node.client())
        client.ping()
        stack.enter_context(_kept(client))
    return stack


def _kept(client: Any) -> ExitStack:
    """A connection that is taken from its pool and never given back."""
    stack = ExitStack()
    connection = client.connection_pool.get_connection()
    stack.callback(connection.disconnect)
    return stack
