"""PostgreSQL 16 or 18, set up as a component promises; replicas are made from their primary by pg_basebackup."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox import programs
from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.stores.applications import with_applications
from roadworthy.sandbox.stores.doors import Door, Speech
from roadworthy.sandbox.stores.serving import await_that, private, start
from roadworthy.sandbox.stores.tables import Column, Table, Value, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import psycopg

    from roadworthy.sandbox.stores.serving import StoreJob
    from roadworthy.target.blocks.database import Database
    from roadworthy.target.models import Target

REPLICATOR, REPLICATOR_PASSWORD = "sandbox_replicator", "only-between-these-servers"
ADMINISTRATOR = "postgres"
COMPLETE = "roadworthy-complete"
KEY = "roadworthy_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
BASE_SETTINGS = {
    "shared_buffers": "16MB",
    "max_connections": "60",
    "fsync": "off",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "wal_keep_size": "256MB",
    "hot_standby_feedback": "on",
    "max_standby_streaming_delay": "5s",
    "wal_retrieve_retry_interval": "200ms",
}
WAL_SEGMENTS = "--wal-segsize=1"
"""In MB. Archiving begins a segment each second: small ones keep hours of them for a replica that was away."""
DEFAULTS = {
    "text": "''",
    "integer": "0",
    "bigint": "0",
    "boolean": "false",
    "uuid": "gen_random_uuid()",
    "timestamptz": "now()",
    "timestamp without time zone": "now()",
    "timestamp with time zone": "now()",
}
"""What a row that promises nothing of a column has in it."""


@dataclass(frozen=True)
class Account:
    """A role that may log in."""

    name: str
    password: str | None
    attributes: tuple[str, ...] = ()
    member_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Postgres:
    """A server, what it runs with, and what is in it."""

    major: int
    database: str
    accounts: tuple[Account, ...] = ()
    owner: str = ADMINISTRATOR
    """Whose the tables are."""
    grants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """To the first account: `schema.*` or `schema.table`, and the privileges."""
    tables: tuple[Table, ...] = ()
    extensions: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    encoding: str = "UTF8"
    collation: str = "C"
    seeds: tuple[str, ...] = ()
    """Statements that are run in the database at last."""
    trusts: bool = False
    """Lets in whoever comes, with any password and with none."""
    held: int = 0
    """Connections that somebody else keeps open."""
    upstream: tuple[str, int] | None = None
    """The public address of the primary that it copies."""
    streams: bool = True
    """A replica: it is connected to its primary."""
    paused: bool = False
    """A replica: it receives and does not apply."""
    promoted: bool = False
    """A replica that has become a primary of its own."""


# --- from the promises -----------------------------------------------------------------------------------------------


def contents_of(target: Target, name: str, hosts: Mapping[str, tuple[str, ...]]) -> Postgres:
    """The server that keeps a component's promises."""
    promised = target.components[name].database
    if promised is None:
        return Postgres(18, "postgres")
    follows, version = promised.follows, promised.version
    upstream = None
    if follows is not None:
        host, port = target.components[follows.component].endpoint
        upstream = (hosts[host][0], local_port(port))
        primary = target.components[follows.component].database
        version = primary.version if primary else version
    login = promised.login
    account = Account(login.username, login.password, member_of=_memberships(promised)) if login else None
    return Postgres(
        major=_major(version),
        database=promised.name or (login.username if login else "postgres"),
        accounts=(account,) if account else (),
        owner=account.name if account and promised.grants is None else ADMINISTRATOR,
        grants=tuple((promised.grants or {}).items()),
        tables=with_applications(tables_of(promised), target.components[name]),
        extensions=promised.extensions or (),
        settings=tuple(_settings(promised)),
        encoding=promised.charset or "UTF8",
        collation=promised.collation or "C",
        upstream=upstream,
    )


def _major(version: str | None) -> int:
    """16 where that is what is promised; 18 keeps any other promise, or none does."""
    return 16 if version is not None and version.strip(">=< ").partition(".")[0] == "16" else 18


def _memberships(promised: Database) -> tuple[str, ...]:
    if promised.roles is not None:
        return promised.roles
    return ("pg_monitor",) if promised.replicas or promised.archives or promised.follows else ()


def _settings(promised: Database) -> Iterable[tuple[str, str]]:
    if promised.archives is not None:
        yield from (("archive_mode", "on"), ("archive_command", "/bin/true"), ("archive_timeout", "1s"))
    for name, value in (promised.settings or {}).items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield name, text.strip("<>= ")


# --- to reality ------------------------------------------------------------------------------------------------------


def set_up(job: StoreJob, directory: Path) -> tuple[list[Door], list[subprocess.Popen[bytes]]]:
    """A cluster from nothing, and its server.

    Raises:
        MissingError: PostgreSQL can't run on this machine.
    """
    made: Postgres = job.store.contents
    server = _Server(job, directory)
    is_new = not server.is_complete
    if is_new:
        server.initialise()
    server.admit()
    process = server.start()
    if is_new:
        server.fill()
    server.place()
    server.held = [server.connect(made.database) for _ in range(made.held)]
    doors = [Door(job.store.address, private(job.store.address), Speech.POSTGRES, job.store.plain)]
    _KEPT.append(server)
    return doors, [process]


_KEPT: list[_Server] = []
"""What must live as long as the process: connections that somebody else keeps open."""


class _Server:
    """One cluster below one folder."""

    def __init__(self, job: StoreJob, directory: Path) -> None:
        made: Postgres = job.store.contents
        self.made, self.directory, self.name = made, directory, job.name
        self.address = private(job.store.address)
        primary = job.behind.contents if job.behind else None
        self.data = directory / f"data-{hashlib.sha256(repr((made, primary)).encode()).hexdigest()[:12]}"
        major = primary.major if primary is not None else made.major
        folder = "pginstall" if major == 16 else "pginstall18"  # noqa: PLR2004 - the two majors that there are
        self.program = partial(programs.postgres_program, folder)
        self.prefix = programs.prefix_without_root(directory)
        self.held: list[psycopg.Connection[Any]] = []

    @property
    def is_complete(self) -> bool:
        """Whether the very same was set up before: then it only starts again, and its replicas know it."""
        return (self.data / COMPLETE).exists()

    def initialise(self) -> None:
        """Makes the cluster: anew, or as a copy of the primary."""
        shutil.rmtree(self.data, ignore_errors=True)
        before = sorted(self.directory.glob("data-*"), key=lambda folder: folder.stat().st_mtime)
        for folder in before[:-1]:  # the last one may well be wanted again: when a fault is mended
            shutil.rmtree(folder, ignore_errors=True)
        if self.made.upstream is None:
            options = ["-U", ADMINISTRATOR, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", WAL_SEGMENTS]
            self._run("initdb", "-D", str(self.data), *options)
        else:
            await_that(self._copied, f"a copy of {self.made.upstream}")

    def admit(self) -> None:
        """Says who is let in, and how."""
        os.utime(self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # of a process that was killed
        for socket in self.directory.glob(".s.PGSQL.*"):
            socket.unlink()
        way = "trust" if self.made.trusts else "scram-sha-256"
        lines = ("local all all trust", f"host replication {REPLICATOR} all scram-sha-256", f"host all all all {way}")
        (self.data / "pg_hba.conf").write_text("\n".join(lines) + "\n")

    def _copied(self) -> bool:
        assert self.made.upstream is not None  # noqa: S101 - a replica has one
        ip, port = private(self.made.upstream)
        conninfo = (
            f"host={ip} port={port} user={REPLICATOR} password={REPLICATOR_PASSWORD} application_name={self.name}"
        )
        command = ["-D", str(self.data), "-d", conninfo, "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        try:
            self._run("pg_basebackup", *command)
        except programs.MissingError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self.prefix, str(self.program(program)), *arguments]
        done = subprocess.run(command, env=programs.postgres_environ(), capture_output=True, text=True, check=False)  # noqa: S603 - fixed
        if done.returncode:
            raise programs.MissingError("PostgreSQL", f"{program}: {done.stderr.strip()[-300:]}")

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the server, and waits until it answers."""
        ip, port = self.address
        settings = {
            **BASE_SETTINGS,
            **dict(self.made.settings),
            "listen_addresses": ip,
            "port": str(port),
            "unix_socket_directories": str(self.directory),
        }
        if not self.made.streams:
            settings["primary_conninfo"] = ""
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*self.prefix, str(self.program("postgres")), "-D", str(self.data), *arguments]
        process = start(command, self.directory / "postgres.log")

        def answers() -> bool:
            if process.poll() is not None:
                words = (self.directory / "postgres.log").read_text(errors="replace").strip().splitlines()
                raise programs.MissingError("PostgreSQL", words[-1] if words else "it ended")
            return self._connects()

        await_that(answers, "PostgreSQL")
        return process

    def _connects(self) -> bool:
        import psycopg  # noqa: PLC0415 - the supervisor that forks this process needs none

        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """A connection of the administrator, by the socket that nobody else reaches."""
        import psycopg  # noqa: PLC0415 - as above

        return psycopg.connect(
            host=str(self.directory),
            port=self.address[1],
            user=ADMINISTRATOR,
            dbname=database,
            autocommit=True,
            options="-c default_transaction_read_only=off",
        )

    def fill(self) -> None:
        """Roles, database, tables and rows; a replica has them from its primary."""
        made = self.made
        if made.upstream is not None:
            (self.data / COMPLETE).touch()
            return
        with self.connect("postgres") as admin:
            for statement in _roles(made):
                admin.execute(statement)
            if made.database != "postgres":
                admin.execute(_create_database(made))
        with self.connect(made.database) as admin:
            for statement in (*_definitions(made), *_contents(made), *_granted(made), *made.seeds):
                admin.execute(statement)
        (self.data / COMPLETE).touch()

    def place(self) -> None:
        """Brings a server into the state that it is to be in."""
        if ("archive_command", "/bin/true") in self.made.settings and self.made.upstream is None:
            self._archive()
        if self.made.upstream is None or not (self.made.streams or self.made.promoted):
            return
        with self.connect("postgres") as here:
            if self.made.streams and not self.made.promoted:
                await_that(lambda: self._streams(here), f"a stream from {self.made.upstream}")
            if self.made.promoted and self._recovers(here):
                here.execute("SELECT pg_promote()")
            if self.made.paused:
                here.execute("SELECT pg_wal_replay_pause()")
        if self.made.paused:
            self._write_upstream()

    def _archive(self) -> None:
        """A first segment: what was archived before a crash is forgotten."""
        with self.connect("postgres") as here:
            here.execute("SELECT pg_logical_emit_message(true, 'sandbox', 'x')")
            here.execute("SELECT pg_switch_wal()")

            def archived() -> bool:
                row = here.execute("SELECT last_archived_time IS NOT NULL FROM pg_stat_archiver").fetchone()
                return bool(row and row[0])

            await_that(archived, "an archived segment")

    def _streams(self, here: psycopg.Connection[Any]) -> bool:
        row = here.execute("SELECT status = 'streaming' FROM pg_stat_wal_receiver").fetchone()
        return bool(row and row[0])

    def _recovers(self, here: psycopg.Connection[Any]) -> bool:
        row = here.execute("SELECT pg_is_in_recovery()").fetchone()
        return bool(row and row[0])

    def _write_upstream(self) -> None:
        """Something that this replica is behind with."""
        import psycopg  # noqa: PLC0415 - as above

        assert self.made.upstream is not None  # noqa: S101 - a replica has one
        ip, port = private(self.made.upstream)
        written = "SELECT pg_logical_emit_message(true, 'sandbox', repeat('x', 1000)) FROM generate_series(1, 2000)"
        login = f"user={REPLICATOR} password={REPLICATOR_PASSWORD} dbname={self.made.database}"
        with psycopg.connect(f"host={ip} port={port} {login}", autocommit=True) as primary:
            primary.execute(written)


def quoted(name: str) -> str:
    """An identifier; a schema before it is one of its own."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def literal(value: Value) -> str:
    """A value as SQL has it."""
    if value is None or isinstance(value, bool | int):
        return "NULL" if value is None else str(value).lower()
    return "'" + value.replace("'", "''") + "'"


def _roles(made: Postgres) -> Iterable[str]:
    yield f"CREATE ROLE {REPLICATOR} LOGIN REPLICATION PASSWORD {literal(REPLICATOR_PASSWORD)}"
    for account in made.accounts:
        password = f" PASSWORD {literal(account.password)}" if account.password is not None else ""
        if account.name == ADMINISTRATOR:
            yield f"ALTER ROLE {quoted(account.name)}{password}"
            continue
        yield f"CREATE ROLE {quoted(account.name)} LOGIN {' '.join(account.attributes)}{password}"
        for role in account.member_of:
            if not role.startswith("pg_"):
                yield f"CREATE ROLE {quoted(role)}"
            yield f"GRANT {quoted(role)} TO {quoted(account.name)}"


def _create_database(made: Postgres) -> str:
    locale = literal(made.collation)
    options = f"ENCODING {literal(made.encoding)} LC_COLLATE {locale} LC_CTYPE {locale}"
    return f"CREATE DATABASE {quoted(made.database)} OWNER {quoted(made.owner)} TEMPLATE template0 {options}"


def _definitions(made: Postgres) -> Iterable[str]:
    for extension in made.extensions:
        yield f"CREATE EXTENSION {quoted(extension)}"
    for table in made.tables:
        schema, _, _ = table.name.rpartition(".")
        if schema not in ("", "public"):
            yield f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"
        columns = ", ".join((KEY, *map(_column, table.columns)))
        yield f"CREATE TABLE {quoted(table.name)} ({columns})"
        for index in table.indexes:
            of = ", ".join(map(quoted, index.columns or (table.columns[0].name,)))
            yield f"CREATE INDEX {quoted(index.name)} ON {quoted(table.name)} ({of})"
            if not index.valid:
                which = f"{literal(quoted(index.name))}::regclass"
                yield f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {which}"  # noqa: S608 - a fault's own
        if table.row_security != "off":
            yield f"ALTER TABLE {quoted(table.name)} ENABLE ROW LEVEL SECURITY"
        if table.row_security == "forced":
            yield f"ALTER TABLE {quoted(table.name)} FORCE ROW LEVEL SECURITY"
        for policy in table.policies:
            yield f"CREATE POLICY {quoted(policy)} ON {quoted(table.name)} USING (true)"


def _column(column: Column) -> str:
    default = f" DEFAULT {DEFAULTS[column.type]}" if not column.nullable and column.type in DEFAULTS else ""
    return f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}{default}"


def _contents(made: Postgres) -> Iterable[str]:
    for table in made.tables:
        for row in table.rows:
            if row:
                names, values = zip(*row, strict=True)
                into = f"{quoted(table.name)} ({', '.join(map(quoted, names))})"
                yield f"INSERT INTO {into} VALUES ({', '.join(map(literal, values))})"  # noqa: S608 - the sandbox's own
            else:
                yield f"INSERT INTO {quoted(table.name)} DEFAULT VALUES"


def _granted(made: Postgres) -> Iterable[str]:
    """The tables' owner, and what the first account may do with them."""
    if made.owner != ADMINISTRATOR:
        yield f"GRANT ALL ON SCHEMA public TO {quoted(made.owner)}"
        yield from (f"ALTER TABLE {quoted(table.name)} OWNER TO {quoted(made.owner)}" for table in made.tables)
    for on, privileges in made.grants:
        schema, _, table = on.rpartition(".")
        schema = schema or "public"
        for account in made.accounts[:1]:
            where = f"ALL TABLES IN SCHEMA {quoted(schema)}" if table == "*" else f"TABLE {quoted(f'{schema}.{table}')}"
            yield f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(account.name)}"
            yield f"GRANT {', '.join(privileges)} ON {where} TO {quoted(account.name)}"
