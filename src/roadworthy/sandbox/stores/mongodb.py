"""MongoDB, set up as a component promises: alone, or as a replica set whose members listen at the ports after its own.

Members tell their clients where they listen, so they stand at their public ports themselves, without doors. One port
more is opened when the set has a primary and is filled.
"""

from __future__ import annotations

import base64
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox import programs
from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.stores.applications import documents_of
from roadworthy.sandbox.stores.doors import Door
from roadworthy.sandbox.stores.serving import await_that, private, start
from roadworthy.sandbox.stores.tables import Table, tables_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from roadworthy.sandbox.stores.serving import StoreJob
    from roadworthy.target.blocks.stores import SettingValue
    from roadworthy.target.models import Target

ADMINISTRATOR, ADMINISTRATOR_PASSWORD = "sandbox", "only-between-these-servers"
PARAMETERS = {
    "diagnosticDataCollectionEnabled": "false",
    "shutdownTimeoutMillisForSignaledShutdown": "0",
}
NEWS_S = "1"
"""So often a primary that nobody writes to tells its copies that it is there: what they are behind of."""

_HELD: list[socket.socket] = []
"""Of clients that give no connection back, as long as this process lives."""


@dataclass(frozen=True)
class Account:
    """Somebody who may log in, and with which roles (`readWrite@shop`)."""

    name: str
    password: str
    roles: tuple[str, ...] = ()
    source: str = "admin"


@dataclass(frozen=True)
class MongoDb:
    """A server or a replica set, and what is in it."""

    database: str
    accounts: tuple[Account, ...] = ()
    asks_for_login: bool = True
    collections: tuple[Table, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    seeds: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = ()
    """Further documents: the collection, and the document."""
    replica_set: str | None = None
    members: int = 1
    beside: tuple[tuple[str, int], ...] = ()
    """A replica set: the addresses of its further members, and one that is opened when it is complete."""
    dead: tuple[int, ...] = ()
    """Members that died after it was made; without a majority of them nobody takes writes."""
    delayed_s: int = 0
    """The last member applies everything so much later."""
    locked_s: float = 0.0
    """The last member was locked for a backup, and never unlocked: it is that far behind at least."""
    most_connections: int = 200
    held: int = 0
    """So many connections are taken by clients that give none back."""


# --- from the promises -----------------------------------------------------------------------------------------------


def contents_of(target: Target, name: str, hosts: Mapping[str, tuple[str, ...]]) -> MongoDb:
    """The server that keeps a component's promises."""
    component = target.components[name]
    promised = component.database
    if promised is None:
        return MongoDb("test")
    host, port = component.endpoint
    address = (hosts[host][0], local_port(port))
    login = promised.login
    database = promised.name or "test"
    roles = promised.roles if promised.roles is not None else (f"readWrite@{database}", "clusterMonitor@admin")
    accounts = (
        (Account(login.username, login.password, roles, promised.auth_source or "admin"),)
        if login is not None and login.username and login.password
        else ()
    )
    copies = promised.replicas.count if promised.replicas else 0
    replica_set = promised.replica_set or ("rs0" if copies else None)
    members = 1 + copies if replica_set else 1
    return MongoDb(
        database=database,
        accounts=accounts,
        asks_for_login=bool(accounts),
        collections=tuple(tables_of(promised)),
        seeds=tuple(documents_of(component)),
        parameters=tuple((key, _parameter(value)) for key, value in (promised.settings or {}).items()),
        replica_set=replica_set,
        members=members,
        beside=tuple((address[0], address[1] + number) for number in range(1, members + 1 if replica_set else 1)),
    )


def _parameter(promised: SettingValue) -> str:
    """As the server reads it; of a bound, what is just inside."""
    return str(promised).lower() if isinstance(promised, bool) else str(promised).strip("<>= ")


# --- to reality ------------------------------------------------------------------------------------------------------


def set_up(job: StoreJob, directory: Path) -> tuple[list[Door], list[subprocess.Popen[bytes]]]:
    """Servers from nothing.

    Raises:
        MissingError: there is no MongoDB for this machine.
    """
    made: MongoDb = job.store.contents
    addresses = (job.store.address, *made.beside[:-1]) if made.replica_set else (private(job.store.address),)
    keys = _files(job, directory)
    members = [_Member(job, address, directory / str(number), keys) for number, address in enumerate(addresses)]
    await_that(lambda: all(map(_is_free, addresses)), "the end of those that were here before")
    processes = [member.start() for member in members]
    for member in members:
        await_that(member.answers, "MongoDB")
    if made.replica_set:
        _unite(made, members)
    members[0].fill()
    if made.replica_set:
        await_that(lambda: _have_copied(members), "copies of all there was at first")
    if made.locked_s:
        _lock(made, members)
    for number in made.dead:
        processes[number].kill()
        processes[number].wait()
    if 2 * len(made.dead) >= len(members):
        await_that(lambda: not members[0].is_primary(), "a primary that has lost the others")
    _HELD.extend(socket.create_connection(addresses[0]) for _ in range(made.held))
    alive = [process for number, process in enumerate(processes) if number not in made.dead]
    door = Door(made.beside[-1], addresses[-1]) if made.replica_set else Door(job.store.address, addresses[0])
    return [door], alive


def _is_free(address: tuple[str, int]) -> bool:
    """Whether nobody listens: a server that was killed takes its time."""
    try:
        socket.create_server(address).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class _Files:
    """What the members share."""

    key_file: Path
    certificate: Path | None
    authority: Path | None


def _files(job: StoreJob, directory: Path) -> _Files:
    key_file = directory / "keyfile"
    key_file.unlink(missing_ok=True)
    key_file.write_text(base64.b64encode(os.urandom(96)).decode())
    key_file.chmod(0o400)
    if job.chain is None or job.key is None:
        return _Files(key_file, None, None)
    certificate = directory / "certificate.pem"
    certificate.touch(mode=0o600)
    certificate.write_bytes(job.chain.read_bytes() + job.key.read_bytes())
    return _Files(key_file, certificate, directory.parents[1] / "ca.pem")


class _Member:
    """One server process."""

    def __init__(self, job: StoreJob, address: tuple[str, int], directory: Path, files: _Files) -> None:
        self.job, self.address, self.directory, self.files = job, address, directory, files
        self.made: MongoDb = job.store.contents

    def start(self) -> subprocess.Popen[bytes]:
        data = self.directory / "data"
        programs.emptied(data)
        ip, port = self.address
        command = [str(programs.mongod()), "--dbpath", str(data), "--bind_ip", ip, "--port", str(port)]
        command += [
            "--nounixsocket",
            "--maxConns",
            str(self.made.most_connections),
            "--wiredTigerCacheSizeGB",
            "0.25",
            "--oplogSize",
            "64",
        ]
        for name, value in (PARAMETERS | dict(self.made.parameters)).items():
            command += ["--setParameter", f"{name}={value}"]
        if self.made.replica_set:
            command += ["--replSet", self.made.replica_set, "--setParameter", f"periodicNoopIntervalSecs={NEWS_S}"]
        if self.made.asks_for_login:
            command += ["--keyFile", str(self.files.key_file)] if self.made.replica_set else ["--auth"]
        if self.files.certificate is not None:
            mode = "preferTLS" if self.job.store.plain else "requireTLS"
            command += ["--tlsMode", mode, "--tlsCertificateKeyFile", str(self.files.certificate)]
            command += ["--tlsCAFile", str(self.files.authority), "--tlsAllowConnectionsWithoutCertificates"]
            command += ["--tlsAllowInvalidHostnames", "--tlsAllowInvalidCertificates"]
        return start(command, self.directory / "mongod.log", programs.mongod_environ(self.directory))

    def client(self, *, anonymous: bool = False) -> Any:
        """A connection of the administrator, or of nobody."""
        import pymongo  # noqa: PLC0415 - the supervisor that forks this process needs none

        ip, port = self.address
        options: dict[str, Any] = {"directConnection": True, "serverSelectionTimeoutMS": 500}
        if self.files.certificate is not None:
            options |= {"tls": True, "tlsAllowInvalidCertificates": True}
        if self.made.asks_for_login and not anonymous:
            options |= {"username": ADMINISTRATOR, "password": ADMINISTRATOR_PASSWORD}
        return pymongo.MongoClient(ip, port, **options)

    def answers(self) -> bool:
        """Whether it does."""
        import pymongo.errors  # noqa: PLC0415 - as above

        try:
            with self.client(anonymous=True) as client:
                client.admin.command("ping")
        except pymongo.errors.PyMongoError:
            return False
        return True

    def is_primary(self) -> bool:
        """Whether it takes writes."""
        import pymongo.errors  # noqa: PLC0415 - as above

        try:
            with self.client(anonymous=True) as client:
                return bool(client.admin.command("hello").get("isWritablePrimary"))
        except pymongo.errors.PyMongoError:
            return False

    def fill(self) -> None:
        """The administrator, whom it lets in once without a login, then all else."""
        made = self.made
        await_that(self.is_primary, "a primary")
        if made.asks_for_login:
            with self.client(anonymous=True) as client:
                client.admin.command("createUser", ADMINISTRATOR, pwd=ADMINISTRATOR_PASSWORD, roles=["root"])
        with self.client() as client:
            for account in made.accounts:
                roles = [dict(zip(("role", "db"), role.split("@"), strict=True)) for role in account.roles]
                client[account.source].command("createUser", account.name, pwd=account.password, roles=roles)
            database = client[made.database]
            for collection in made.collections:
                database.create_collection(collection.name)
                for index in collection.indexes:
                    keys = [_key(column) for column in index.columns] or [("roadworthy", 1)]
                    database[collection.name].create_index(keys, name=index.name, hidden=not index.valid)
                for row in collection.rows:
                    database[collection.name].insert_one(_document(row))
            for name, document in made.seeds:
                database[name].insert_one(_document(document))


def _document(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """`a.b` is a field of a field."""
    document: dict[str, Any] = {}
    for path, value in fields:
        *outer, name = path.split(".")
        place = document
        for part in outer:
            place = place.setdefault(part, {})
        place[name] = value
    return document


def _key(column: str) -> tuple[str, int | str]:
    """`createdAt:-1`, `place:2dsphere`, or a field by its name."""
    name, _, direction = column.partition(":")
    if not direction:
        return name, 1
    return name, int(direction) if direction.lstrip("-").isdigit() else direction


def _have_copied(members: list[_Member]) -> bool:
    """Whether every member is over its initial sync: one that is locked in the middle of it can't be relied on."""
    with members[0].client() as client:
        states = [member["stateStr"] for member in client.admin.command("replSetGetStatus")["members"]]
    return len(states) == len(members) and set(states) <= {"PRIMARY", "SECONDARY"}


def _lock(made: MongoDb, members: list[_Member]) -> None:
    """Locks the last member, as a backup of its files does, and waits until it is behind."""
    name = "{}:{}".format(*members[-1].address)

    def lags() -> bool:
        with members[0].client() as client:
            status = client.admin.command("replSetGetStatus")["members"]
        newest = max(member["optimeDate"] for member in status)
        late = next(member["optimeDate"] for member in status if member["name"] == name)
        return bool((newest - late).total_seconds() > made.locked_s)

    with members[-1].client() as client:
        client.admin.command("fsync", lock=True)
    await_that(lags, "a copy that is behind")


def _unite(made: MongoDb, members: list[_Member]) -> None:
    """Makes one replica set, whose first member becomes the primary."""
    configured: list[dict[str, Any]] = [
        {"_id": number, "host": f"{member.address[0]}:{member.address[1]}", "priority": 0 if number else 1}
        for number, member in enumerate(members)
    ]
    if made.delayed_s:
        configured[-1] |= {"secondaryDelaySecs": made.delayed_s, "hidden": True}
    settings = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 500}
    configuration = {"_id": made.replica_set, "members": configured, "settings": settings}
    with members[0].client(anonymous=True) as client:
        client.admin.command("replSetInitiate", configuration)
