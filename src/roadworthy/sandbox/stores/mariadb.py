"""MariaDB, set up as a component promises; for promises of MySQL it stands in, and calls itself by their version.

It is the machine's own (Debian's mariadb-server-core), as no package of Python's brings one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.programs import MissingError
from roadworthy.sandbox.stores.doors import Door
from roadworthy.sandbox.stores.serving import await_that, private, start
from roadworthy.sandbox.stores.tables import Table, Value, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.sandbox.stores.serving import StoreJob
    from roadworthy.target.blocks.database import Database
    from roadworthy.target.models import Target

REPLICATOR, REPLICATOR_PASSWORD = "sandbox_replicator", "only-between-these-servers"
SYSTEM_TABLES = Path("/usr/share/mysql")
COMPLETE = "roadworthy-complete"
BASE_SETTINGS = {
    "innodb_buffer_pool_size": "32M",
    "innodb_log_file_size": "8M",
    "innodb_flush_log_at_trx_commit": "0",
    "innodb_use_native_aio": "0",
    "log_bin": "binlog",
    "server_id": "1",
    "skip_name_resolve": "1",
    "performance_schema": "0",
    "slave_net_timeout": "5",
}
ON = {"on": "1", "off": "0", "true": "1", "false": "0"}


@dataclass(frozen=True)
class Account:
    """Somebody who may log in, from anywhere."""

    name: str
    password: str | None
    needs_tls: bool = False


@dataclass(frozen=True)
class MariaDb:
    """A server, what it runs with, and what is in it."""

    calls_itself: str | None
    """The version that it answers with; None: its own."""
    database: str | None
    accounts: tuple[Account, ...] = ()
    grants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """To the first account: `*.*`, `schema.*` or `schema.table`, and the privileges."""
    tables: tuple[Table, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    charset: str = "utf8mb4"
    collation: str = "utf8mb4_general_ci"
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
    read_only: bool = False


# --- from the promises -----------------------------------------------------------------------------------------------


def contents_of(target: Target, name: str, hosts: Mapping[str, tuple[str, ...]]) -> MariaDb:
    """The server that keeps a component's promises."""
    promised = target.components[name].database
    if promised is None:
        return MariaDb(None, None)
    upstream = None
    if promised.follows is not None:
        host, port = target.components[promised.follows.component].endpoint
        upstream = (hosts[host][0], local_port(port))
    login = promised.login
    return MariaDb(
        calls_itself=_calls_itself(promised),
        database=promised.name,
        accounts=(Account(login.username, login.password),) if login else (),
        grants=tuple((promised.grants or _usual_grants(promised)).items()),
        tables=tuple(tables_of(promised)),
        settings=tuple(_settings(promised)),
        charset=promised.charset or "utf8mb4",
        collation=promised.collation or f"{promised.charset or 'utf8mb4'}_general_ci",
        upstream=upstream,
        read_only=promised.role == "replica",
    )


def _calls_itself(promised: Database) -> str | None:
    """As the promised MySQL would; a promise of MariaDB is kept by its own version."""
    if promised.engine == "mariadb":
        return None
    numbers = (promised.version or "8.0").strip("<>= ").split(".")
    return ".".join([*numbers, "0", "0"][:3]) + "-stand-in"


def _usual_grants(promised: Database) -> dict[str, tuple[str, ...]]:
    own = {f"{promised.name}.*": ("ALL PRIVILEGES",)} if promised.name else {}
    sees = promised.replicas or promised.follows or promised.archives
    return own | ({"*.*": ("PROCESS", "REPLICATION SLAVE ADMIN", "BINLOG MONITOR", "REPLICA MONITOR")} if sees else {})


def _settings(promised: Database) -> Iterable[tuple[str, str]]:
    for name, value in (promised.settings or {}).items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        text = text.strip("<>= ")
        yield name, ON.get(text.lower(), text)


# --- to reality ------------------------------------------------------------------------------------------------------


def set_up(job: StoreJob, directory: Path) -> tuple[list[Door], list[subprocess.Popen[bytes]]]:
    """A server from nothing.

    Raises:
        MissingError: this machine has no MariaDB.
    """
    server = _Server(job, directory)
    is_new = not (server.data / COMPLETE).exists()
    if is_new:
        server.initialise()
    process = server.start()
    if is_new:
        server.fill()
    _KEPT.enter_context(server.held())
    return [Door(job.store.address, private(job.store.address))], [process]


_KEPT = ExitStack()
"""What lives as long as the process: connections that somebody else keeps open."""


class _Server:
    """One server below one folder."""

    def __init__(self, job: StoreJob, directory: Path) -> None:
        made: MariaDb = job.store.contents
        self.job, self.made, self.directory = job, made, directory
        self.address = private(job.store.address)
        self.socket = directory / "s"
        primary = job.behind.contents if job.behind else None
        self.data = directory / f"data-{hashlib.sha256(repr((made, primary)).encode()).hexdigest()[:12]}"

    def initialise(self) -> None:
        """Makes the system's own tables, of which only the local administrator is kept."""
        for before in self.directory.glob("data-*"):
            shutil.rmtree(before, ignore_errors=True)
        self.data.mkdir(parents=True)
        made = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
        script = ["CREATE DATABASE mysql;", "USE mysql;", *(_script(SYSTEM_TABLES / name) for name in made)]
        script += ["DELETE FROM global_priv WHERE Host<>'localhost' OR User='';"]
        options = ["--bootstrap", "--skip-networking", "--enforce-storage-engine=", "--max_allowed_packet=8M"]
        command = [*self._command(), *options, "--innodb-log-file-size=8M", "--innodb-use-native-aio=0"]
        done = subprocess.run(  # noqa: S603 - a fixed program
            command, input="\n".join(script) + "\n", capture_output=True, text=True, check=False
        )
        if not (self.data / "mysql" / "global_priv.frm").exists():
            raise MissingError("MariaDB", f"bootstrap: {done.stderr.strip()[-300:]}")

    def _command(self) -> list[str]:
        program = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise MissingError("MariaDB", "this machine has none (Debian: mariadb-server-core)")
        return [program, "--no-defaults", *(["--user=root"] if os.geteuid() == 0 else []), f"--datadir={self.data}"]

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the server, and waits until it answers."""
        ip, port = self.address
        store, made = self.job.store, self.made
        settings = {**BASE_SETTINGS, **dict(made.settings)}
        if made.settings and dict(made.settings).get("log_bin") == "1":
            settings["log_bin"] = "binlog"
        if settings["log_bin"] == "0":
            del settings["log_bin"]
        if made.upstream is not None:
            settings["server_id"] = str(1000 + int(ip.rpartition(".")[2]))
        if made.calls_itself is not None:
            settings["version"] = made.calls_itself
        settings |= {"read_only": str(int(made.read_only)), "bind_address": ip, "port": str(port)}
        settings |= {"socket": str(self.socket), "pid_file": str(self.directory / "pid")}
        if store.tls is not None:
            settings |= {"ssl_cert": str(self.job.chain), "ssl_key": str(self.job.key)}
            settings["require_secure_transport"] = str(int(not store.plain))
        if made.trusts:
            settings["skip_grant_tables"] = "1"
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        process = start([*self._command(), *arguments], self.directory / "mariadb.log")

        def answers() -> bool:
            if process.poll() is not None:
                words = (self.directory / "mariadb.log").read_text(errors="replace").strip().splitlines()
                raise MissingError("MariaDB", words[-1] if words else "it ended")
            return self._connects()

        await_that(answers, "MariaDB")
        return process

    def _connects(self) -> bool:
        import pymysql  # noqa: PLC0415 - the supervisor that forks this process needs none

        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True

    def connect(self) -> Any:
        """A connection of the administrator, by the socket that nobody else reaches."""
        import pymysql  # noqa: PLC0415 - as above

        return pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)

    def fill(self) -> None:
        """Accounts, database, tables and rows; a replica has them from its primary."""
        made = self.made
        with self.connect() as admin, admin.cursor() as cursor:
            if made.upstream is not None:
                statements: Iterable[str] = _following(made)
            else:
                statements = (*_definitions(made), *_accounts(made), *made.seeds)
            for statement in statements:
                cursor.execute(statement)
        if made.upstream is not None and made.streams:
            await_that(self._has_caught_up, "a replica that has caught up")
        (self.data / COMPLETE).touch()

    def _has_caught_up(self) -> bool:
        import pymysql.cursors  # noqa: PLC0415 - as above

        with self.connect() as admin, admin.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute("SHOW SLAVE STATUS")
            row = cursor.fetchone() or {}
            cursor.execute("SHOW DATABASES")
            known = {found["Database"] for found in cursor.fetchall()}
        return row.get("Seconds_Behind_Master") == 0 and (self.made.database or "mysql") in known

    def held(self) -> ExitStack:
        """Connections that somebody else keeps open."""
        stack = ExitStack()
        for _ in range(self.made.held):
            stack.enter_context(self.connect())
        return stack


def _script(file: Path) -> str:
    """A script of the distribution's; the server wants each statement to end its line, as they do.

    Raises:
        MissingError: it is not there.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingError("MariaDB", f"{file}: {error.strerror}") from error


def quoted(name: str) -> str:
    """An identifier; a schema before it is one of its own."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in name.split("."))


def literal(value: Value) -> str:
    """A value as SQL has it."""
    if value is None or isinstance(value, bool | int):
        return "NULL" if value is None else str(int(value))
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _definitions(made: MariaDb) -> Iterable[str]:
    if made.database is None:
        return
    yield f"CREATE DATABASE {quoted(made.database)} CHARACTER SET {made.charset} COLLATE {made.collation}"
    yield f"USE {quoted(made.database)}"
    for table in made.tables:
        columns = ", ".join(
            f"{quoted(c.name)} {_type(c.type)}{'' if c.nullable else ' NOT NULL'}" for c in table.columns
        )
        yield f"CREATE TABLE {quoted(table.name)} (roadworthy_id BIGINT AUTO_INCREMENT PRIMARY KEY, {columns})"
        for index in table.indexes:
            over = ", ".join(map(quoted, index.columns or (table.columns[0].name,)))
            yield f"CREATE INDEX {quoted(index.name)} ON {quoted(table.name)} ({over})"
            if not index.valid:
                yield f"ALTER TABLE {quoted(table.name)} ALTER INDEX {quoted(index.name)} IGNORED"
        for row in table.rows:
            names = ", ".join(quoted(name) for name, _ in row)
            values = ", ".join(literal(value) for _, value in row)
            yield f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({values})"  # noqa: S608 - the sandbox's own


def _type(name: str) -> str:
    """Text that an index can be made of has a length."""
    return "VARCHAR(191)" if name == "text" else name


def _accounts(made: MariaDb) -> Iterable[str]:
    yield f"CREATE USER {REPLICATOR} IDENTIFIED BY {literal(REPLICATOR_PASSWORD)}"
    yield f"GRANT REPLICATION SLAVE ON *.* TO {REPLICATOR}"
    for account in made.accounts:
        identified = f" IDENTIFIED BY {literal(account.password)}" if account.password is not None else ""
        required = " REQUIRE SSL" if account.needs_tls else ""
        yield f"CREATE USER {literal(account.name)}@'%'{identified}{required}"
    for account in made.accounts[:1]:
        for on, privileges in made.grants:
            schema, _, table = on.rpartition(".")
            where = ".".join(part if part == "*" else quoted(part) for part in (schema, table))
            yield f"GRANT {', '.join(privileges)} ON {where} TO {literal(account.name)}@'%'"


def _following(made: MariaDb) -> Iterable[str]:
    assert made.upstream is not None  # noqa: S101 - a replica has one
    ip, port = private(made.upstream)
    login = f"MASTER_USER='{REPLICATOR}', MASTER_PASSWORD='{REPLICATOR_PASSWORD}'"
    options = f"MASTER_HOST='{ip}', MASTER_PORT={port}, {login}, MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1"
    yield "RESET MASTER"
    yield f"CHANGE MASTER TO {options}"
    if made.streams:
        yield "START SLAVE"
