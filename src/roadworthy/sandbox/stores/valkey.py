"""Valkey, set up as a component promises: alone, as a replica, or as a cluster of several nodes at one address.

What is promised is held by the server's own access lists and settings. Nodes of a cluster tell each other, and their
clients, where they listen, so they stand at their public ports themselves, without doors: the component's port and
those after it. One port more is opened when all of them have joined.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox import programs
from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.machines.supervisor import does_jobs_of, supervises_laravel
from roadworthy.sandbox.stores.applications import commands_of
from roadworthy.sandbox.stores.doors import Door, Speech
from roadworthy.sandbox.stores.serving import await_that, private, start
from roadworthy.sandbox.stores.valkey_clients import command_of, environ_of, fill, held, seed
from roadworthy.sandbox.stores.worker import Worker

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping

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
    "repl-ping-replica-period": "1",
    "repl-timeout": "3600",
    "repl-backlog-size": "1mb",
}
OWN_VERSION = b"7.2.4"
"""The version of Redis that Valkey behaves like, as its program has it."""
STALLED_S = 5
COPIES_S = 6.0


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
    """A replica: its primary takes its password."""
    promoted: bool = False
    """A replica that copies nobody any more."""
    stalls: bool = False
    """A replica: nothing comes any more over a link that is up."""
    careless: bool = False
    """The user is let in with any password."""
    known: tuple[tuple[str, str], ...] = ()
    """Others that are let in, with their passwords."""
    claims: str = ""
    """The version of Redis that it behaves like; empty: its own."""
    watches: str = ""
    """A sentinel: the name of the primary at `upstream`."""
    sentinels: int = 1
    """So many of them watch."""
    copies: int = 0
    """A sentinel: replicas of the primary, which it hears of at once where they are there first."""
    uncovered: int = 0
    """So many slots of a cluster nobody holds."""
    dead: tuple[int, ...] = ()
    """Nodes of a cluster that died after it was made."""
    ghost: bool = False
    """One node of a cluster is made to wait for another one that is not there."""
    moving: bool = False
    """A slot of a cluster is on its way to another node."""
    filled: int = 0
    """Bytes of keys that fill it."""
    emptied: bool = False
    """All keys are gone again."""
    repeated: tuple[str, ...] = ()
    """A command that somebody says again and again."""
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
    if promised.sentinel is not None:
        upstream = _first_primary(target, hosts)
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
        watches=promised.sentinel.watches if promised.sentinel else "",
        sentinels=(promised.sentinel.sentinels if promised.sentinel else None) or 1,
        copies=(promised.sentinel.replicas if promised.sentinel else None) or 0,
        number=component.queues.number if component.queues else 0,
        seeds=commands_of(component.queues) if component.queues else (),
        worker=None if does_jobs_of(target) and supervises_laravel(target) else _worker(component.queues),
    )


def _first_primary(target: Target, hosts: Mapping[str, tuple[str, ...]]) -> tuple[str, int] | None:
    """Whom sentinels watch."""
    for component in target.components.values():
        if component.cache is not None and component.cache.role == "primary":
            host, port = component.endpoint
            return hosts[host][0], local_port(port)
    return None


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
    if made.watches:
        ip, port = job.store.address
        addresses = tuple((ip, port + number) for number in range(made.sentinels))
        _await_copies(made)
    nodes = [_Node(made, address, directory / str(number)) for number, address in enumerate(addresses)]
    processes = [process for node in nodes for process in node.start()]
    for node in nodes:
        await_that(node.answers, "Valkey")
    if made.shards:
        _join(made, nodes)
    _settle(made, nodes[0], processes)
    _use(made, nodes[0])
    processes += _company(made, nodes, directory)
    alive = [process for number, process in enumerate(processes) if number not in made.dead]
    for number in made.dead:
        processes[number].kill()
        processes[number].wait()
    first = nodes[0].client()
    if made.shards and made.dead:
        await_that(lambda: _failed(first) >= len(made.dead), "the cluster's own notice")
    if made.shards:
        return [Door(made.beside[-1], job.store.address)], alive
    speech = Speech.TLS if job.store.tls else Speech.NOTHING
    return [Door(job.store.address, private(job.store.address), speech, job.store.plain)], alive


def _await_copies(made: Valkey) -> None:
    """A sentinel asks its primary for replicas when it starts, and then only every ten seconds."""
    primary = _Node(made, made.upstream or ("127.0.0.1", 0), Path())
    with contextlib.suppress(TimeoutError):  # a fault of theirs is not one of the sentinel
        await_that(lambda: primary.copies() >= made.copies, "the primary's replicas", COPIES_S)


def _settle(made: Valkey, node: _Node, processes: list[subprocess.Popen[bytes]]) -> None:
    """Waits until a replica, or a sentinel, is what it is to be."""
    client = node.client()
    if made.watches:
        await_that(lambda: _watched(client)["num-other-sentinels"] == made.sentinels - 1, "the other sentinels")
    elif made.upstream is not None and made.streams and not made.promoted:
        await_that(lambda: client.info("replication").get("master_link_status") == "up", "a replica's link")
    if made.stalls:
        processes[0].send_signal(signal.SIGSTOP)
        await_that(
            lambda: client.info("replication").get("master_last_io_seconds_ago", 0) >= STALLED_S, "a link that stalls"
        )


def _use(made: Valkey, node: _Node) -> None:
    """What clients have done with it."""
    client = node.client()
    if made.filled:
        fill(client, made.filled)
    if made.emptied:
        client.flushall()
    if made.seeds:
        with node.client(made.number) as other:
            seed(other, made.seeds)
    _KEPT.enter_context(held(node.client() for _ in range(made.held)))


def _company(made: Valkey, nodes: list[_Node], directory: Path) -> list[subprocess.Popen[bytes]]:
    """Programs that work with it."""
    login = (ADMINISTRATOR, ADMINISTRATOR_PASSWORD)
    processes = []
    if made.worker is not None:
        environ = made.worker.environ(nodes[0].address, *login)
        processes.append(start(made.worker.command, directory / "worker.log", environ))
    repeated = made.repeated
    if made.ghost:
        repeated = ("CLUSTER", "MEET", nodes[0].address[0], "1", "2")
    if made.moving:
        to = nodes[1].client().execute_command("CLUSTER", "MYID")
        nodes[0].client().execute_command("CLUSTER", "SETSLOT", 0, "MIGRATING", to)
    if repeated:
        environ = environ_of(nodes[0].address, *login, repeated)
        processes.append(start(command_of(), directory / "client.log", environ))
    return processes


def _watched(client: Any) -> dict[str, Any]:
    """What a sentinel says of the one primary that it watches."""
    (told,) = client.sentinel_masters().values()
    return dict(told)


_KEPT = ExitStack()
"""What lives as long as the process."""


class _Node:
    """One server process."""

    def __init__(self, made: Valkey, address: tuple[str, int], directory: Path) -> None:
        self.made, self.directory = made, directory
        self.address = address if made.shards else private(address)

    def start(self) -> list[subprocess.Popen[bytes]]:
        """The server, and a link of its own to its primary before it, where that one is to stall."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for leftover in self.directory.iterdir():
            if leftover.is_file():
                leftover.unlink()
        users = self.directory / "users.acl"
        users.write_text("".join(f"{line}\n" for line in self._users()))
        settings = {
            "bind": self.address[0],
            "port": str(self.address[1]),
            "dir": str(self.directory),
            "aclfile": str(users),
        }
        links = []
        if self.made.watches:
            lines = [*_lines(settings), *self._watching()]
        else:
            upstream = self.made.upstream and private(self.made.upstream)
            if self.made.stalls and upstream is not None:
                links.append(start(_relay(self._link, upstream), self.directory / "link.log"))
                upstream = self._link
            lines = list(_lines({**BASE_SETTINGS, **dict(self.made.settings), **settings, **self._copying(upstream)}))
        file = self.directory / "valkey.conf"
        file.write_text("".join(f"{line}\n" for line in lines))
        file.chmod(0o600)
        mode = ["--sentinel"] if self.made.watches else []
        return [*links, start([str(self._program()), str(file), *mode], self.directory / "valkey.log")]

    @property
    def _link(self) -> tuple[str, int]:
        """Where a link that is to stall is listened for."""
        ip, port = self.address
        return ip, port + 1

    def _copying(self, upstream: tuple[str, int] | None) -> dict[str, str]:
        """Whom it copies, and who it is there."""
        password = ADMINISTRATOR_PASSWORD if self.made.streams else "the-one-before"
        settings = {"masteruser": ADMINISTRATOR, "masterauth": password}
        if self.made.shards:
            return settings | {"cluster-enabled": "yes", "cluster-announce-ip": self.address[0]}
        if upstream is not None and not self.made.promoted:
            return settings | {"replicaof": " ".join(map(str, upstream))}
        return settings

    def _watching(self) -> Iterable[str]:
        """A sentinel that never takes it upon itself to fail over."""
        name, (ip, port) = self.made.watches, private(self.made.upstream or self.address)
        yield f"sentinel monitor {name} {ip} {port} {self.made.sentinels // 2 + 1}"
        yield f"sentinel auth-user {name} {ADMINISTRATOR}"
        yield f"sentinel auth-pass {name} {ADMINISTRATOR_PASSWORD}"
        yield f"sentinel down-after-milliseconds {name} 3600000"
        yield f"sentinel sentinel-user {ADMINISTRATOR}"
        yield f"sentinel sentinel-pass {ADMINISTRATOR_PASSWORD}"

    def _program(self) -> Path:
        """Valkey; or the same, which says that it behaves like another version of Redis."""
        program = programs.valkey()
        if not self.made.claims:
            return program
        other = self.directory / "valkey-server"
        other.write_bytes(program.read_bytes().replace(OWN_VERSION, self.made.claims.encode()))
        other.chmod(0o700)
        return other

    def _users(self) -> Iterable[str]:
        yield f"user {ADMINISTRATOR} on >{ADMINISTRATOR_PASSWORD} {EVERYTHING}"
        words = " ".join(f">{password}" for password in self.made.passwords)
        if self.made.anonymous:
            yield f"user default on nopass {EVERYTHING}"
        elif self.made.username == "default":
            yield f"user default on {words} {EVERYTHING}"
        elif "default" not in dict(self.made.known):
            yield "user default off"
        if self.made.username != "default":
            yield f"user {self.made.username} on {'nopass' if self.made.careless else words or 'nopass'} {EVERYTHING}"
        for name, password in self.made.known:
            yield f"user {name} on >{password} {EVERYTHING}"

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

    def copies(self) -> int:
        """How many replicas it has; none while it does not answer."""
        import redis  # noqa: PLC0415 - as above

        try:
            return int(self.client().info("replication")["connected_slaves"])
        except redis.RedisError:
            return 0


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


def _lines(settings: Mapping[str, str]) -> Iterable[str]:
    """As a configuration file has them."""
    return (f"{name} {value or chr(34) * 2}" for name, value in settings.items())


def _relay(public: tuple[str, int], inner: tuple[str, int]) -> list[str]:
    """A program that passes on what comes."""
    code = "import asyncio; from roadworthy.sandbox.stores.doors import Door, open_doors"
    return [sys.executable, "-c", f"{code}; asyncio.run(open_doors((Door({public!r}, {inner!r}),), None))"]
