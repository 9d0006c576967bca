"""Real PostgreSQL servers on loopback: a cluster of their own below a test's folder, ended with the context."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import trustme

from roadworthy.facts.database import DatabaseAsk, DatabaseObservation, Wants
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.database import observe
from roadworthy.sandbox import programs
from roadworthy.sandbox.ending import die_with_parent
from roadworthy.sandbox.stores.doors import Door, Speech, open_doors
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

WITHIN_S = 30.0
SETTINGS = {
    "shared_buffers": "16MB",
    "max_connections": "20",
    "superuser_reserved_connections": "3",
    "fsync": "off",
    "autovacuum": "off",
    "wal_keep_size": "64MB",
    "wal_retrieve_retry_interval": "100ms",
}
HBA = """
local all all trust
host all trusted 127.0.0.1/32 trust
host all clear 127.0.0.1/32 password
host all hashed 127.0.0.1/32 md5
host replication postgres 127.0.0.1/32 trust
host all app,monitor,owner,boss,"50%er" 127.0.0.1/32 scram-sha-256
"""


@dataclass
class Cluster:
    """One server."""

    folder: Path
    port: int
    major: str = "pginstall18"
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, program: str, *arguments: str) -> None:
        prefix = programs.prefix_without_root(self.folder)
        command = [*prefix, str(programs.postgres_program(self.major, program)), *arguments]
        done = subprocess.run(command, env=programs.postgres_environ(), capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr

    def start(self, **settings: str) -> None:
        (self.data / "pg_hba.conf").write_text(HBA)
        options = {**SETTINGS, "port": str(self.port), "listen_addresses": "127.0.0.1", **settings}
        options["unix_socket_directories"] = str(self.folder)
        program = str(programs.postgres_program(self.major, "postgres"))
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*programs.prefix_without_root(self.folder), program, "-D", str(self.data), *arguments],
                stdout=log,
                stderr=log,
                env=programs.postgres_environ(),
                preexec_fn=die_with_parent,  # noqa: PLW1509 - the tests start no threads at that time
            )
        until = time.monotonic() + WITHIN_S
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL did not start"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(2)  # fast
            try:
                self.process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def connect(self, database: str = "shop") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True)

    def execute(self, *statements: str, database: str = "shop") -> None:
        with self.connect(database) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def cluster(folder: Path, major: str = "pginstall18", **settings: str) -> Iterator[Cluster]:
    """A primary."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Cluster(folder, free_port(), major)
    made.run("initdb", "-D", str(made.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
    try:
        made.start(**settings)
        yield made
    finally:
        made.stop()


@contextmanager
def replica(primary: Cluster, folder: Path, name: str) -> Iterator[Cluster]:
    """A server that copies another one."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Cluster(folder, free_port(), primary.major)
    conninfo = f"host=127.0.0.1 port={primary.port} user=postgres application_name={name}"
    made.run("pg_basebackup", "-D", str(made.data), "-d", conninfo, "-R", "-X", "stream", "-c", "fast", "--no-sync")
    try:
        made.start()
        yield made
    finally:
        made.stop()


HOST = "db.shop.test"
HASH = "$2b$04$abcdefghijklmnopqrstuuFmhpzW1w6Kk4d4gGpvYH3MaSd0ZTnKm"
ROLES = (
    "CREATE ROLE app LOGIN PASSWORD 'app-pw'",
    "CREATE ROLE monitor LOGIN PASSWORD 'monitor-pw' IN ROLE pg_monitor",
    "CREATE ROLE owner LOGIN CREATEDB PASSWORD 'owner-pw'",
    "CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'boss-pw'",
    "CREATE ROLE trusted LOGIN",
    "CREATE ROLE clear LOGIN PASSWORD 'clear-pw'",
    "CREATE ROLE \"50%er\" LOGIN PASSWORD '50%er-pw'",
    'ALTER ROLE "50%er" SET default_transaction_read_only = on',
    "CREATE DATABASE shop OWNER owner",
)
TABLES = (
    """CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) NOT NULL,
    total numeric(10,2) DEFAULT 0, open boolean)""",
    "CREATE INDEX orders_by_name ON orders (lower(name), total DESC) INCLUDE (open)",
    "CREATE INDEX orders_broken ON orders (total)",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_broken'::regclass",
    "INSERT INTO orders (name, open) VALUES ('first', true), ('second', true), ('third', false)",
    "GRANT SELECT, INSERT ON orders TO app",
    "CREATE TABLE tenants (slug text PRIMARY KEY)",
    "INSERT INTO tenants VALUES ('mine'), ('theirs')",
    "ALTER TABLE tenants ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE tenants FORCE ROW LEVEL SECURITY",
    "CREATE POLICY of_tenant ON tenants USING (slug = 'mine')",
    "GRANT SELECT ON tenants TO app WITH GRANT OPTION",
    'CREATE TABLE staff ("50%" text, password text)',
    f"INSERT INTO staff VALUES ('boss', '{HASH}'), ('nobody', NULL)",  # noqa: S608 - ours
    "GRANT SELECT (password) ON staff TO app",
    "CREATE SCHEMA kept",
    "CREATE TABLE kept.secrets (id int)",
    "CREATE SCHEMA stock",
    "CREATE TABLE stock.parts (id int)",
    "GRANT USAGE, CREATE ON SCHEMA stock TO app",
    "GRANT UPDATE ON stock.parts TO app",
    "ALTER TABLE orders OWNER TO owner",
)


class Place:
    """A primary, and certificates for its public side."""

    def __init__(self, primary: Cluster, folder: Path) -> None:
        self.primary, self.folder, self.authority = primary, folder, trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))

    def bench(self, *, trusts: bool = True, patience_s: float = 3.0) -> Bench:
        return Bench(Network(ca_file=str(self.ca_file) if trusts else None), "roadworthy-tests", patience_s)

    @asynccontextmanager
    async def door(self, *names: str, tls: bool = True, plain: bool = True) -> AsyncIterator[Address]:
        """The primary behind TLS, which its build lacks."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names or (HOST,)).configure_cert(context)
        public = Address("127.0.0.1", free_port())
        door = Door(tuple(public), tuple(self.primary.address), Speech.POSTGRES, plain)  # type: ignore[arg-type]
        task = asyncio.create_task(open_doors((door,), context if tls else None))
        try:
            async with asyncio.timeout(5):
                while True:
                    with suppress(OSError):
                        _, writer = await asyncio.open_connection(*public)
                        writer.transport.abort()
                        break
                    await asyncio.sleep(0)
            yield public
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def behind(self, *names: str, trusts: bool = True, plain: bool = True, **fields: Any) -> DatabaseObservation:
        """A look through the door."""

        async def meet() -> DatabaseObservation:
            bench = self.bench(trusts=trusts)
            async with self.door(*names, plain=plain) as address, bench.exits:
                return await observe(ask_of(**fields), address, bench)

        return asyncio.run(meet())

    def look(self, at: Cluster | None = None, **fields: Any) -> DatabaseObservation:
        """A look straight at the server."""

        async def meet() -> DatabaseObservation:
            bench = self.bench()
            async with bench.exits:
                return await observe(ask_of(**fields), (at or self.primary).address, bench)

        return asyncio.run(meet())


@contextmanager
def placed(folder: Path) -> Iterator[Place]:
    """A primary with roles, and tables of all kinds."""
    with cluster(folder / "a", allow_system_table_mods="on") as primary:
        primary.execute(*ROLES, database="postgres")
        primary.execute(*TABLES)
        yield Place(primary, folder)


def ask_of(username: str = "app", **fields: Any) -> DatabaseAsk:
    given = {"host": HOST, "port": 5432, "engine": "postgresql", "name": "shop", "password": f"{username}-pw"}
    return DatabaseAsk.model_validate(given | {"username": username} | fields)


def wanting(place: Place, username: str = "app", at: Cluster | None = None, **wants: Any) -> DatabaseObservation:
    return place.look(at, username=username, wants=Wants(**wants))
