"""MariaDB from the distribution, set up as a component promises; it stands in for MySQL, which can't be embedded.

Where MySQL is promised, the server is told to call itself by a version of MySQL's (`--version`), as some operators do
for old applications. Its own settings give it away, and the sandbox's status says so.

A replica is set up empty, and applies all that its primary has logged since it was made: accounts, tables, rows.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.programs import MissingError
from roadworthy.sandbox.stores.applications import with_applications
from roadworthy.sandbox.stores.doors import Door
from roadworthy.sandbox.stores.serving import await_that, private, start
from roadworthy.sandbox.stores.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pymysql

    from roadworthy.sandbox.stores.serving import StoreJob
    from roadworthy.sandbox.stores.tables import Column, Table, Value
    from roadworthy.target.blocks.database import Database
    from roadworthy.target.models import Target

PACKAGE = "apt-get install mariadb-server-core"
ADMINISTRATOR = "root"
REPLICATOR, REPLICATOR_PASSWORD = "sandbox_replicator", "only-between-these-servers"
COMPLETE = "roadworthy-complete"
NEWEST_MYSQL = "8.4.7"
SYSTEM = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "mysql_sys_schema.sql",
)
CHECKS_NOBODY = "--skip-grant-tables"
STOP_S = 5.0
LOG = "binary"
ONLY_HERE = "DELETE FROM mysql.global_priv WHERE Host <> 'localhost' OR User = '';"
"""The administrator that is made without a password comes by the socket alone."""
SHARED = (Path("/usr/share/mysql"), Path("/usr/share/mariadb"))
BASE_SETTINGS = {
    "innodb_buffer_pool_size": "16M",
    "innodb_log_file_size": "8M",
    "innodb_flush_log_at_trx_commit": "2",  # what is committed outlives the process
    "innodb_use_native_aio": "0",
    "performance_schema": "off",
    "max_connections": "60",
    "slave_net_timeout": "5",
}
TYPES = {"text": "varchar(190)", "uuid": "char(36)"}
"""Types that can't stand in an index, or are not there."""
LONG_AGO_S = 600
"""How long ago something was written that a replica with a delay has not applied."""
DELAY_S = 3600
EXTRA = ("PROCESS", "BINLOG MONITOR", "SLAVE MONITOR")
"""What sees replication; granted where it is promised, and nothing else is promised of grants."""


@dataclass(frozen=True)
class Account:
    """Who may log in."""

    name: str
    password: str | None
    demands_tls: bool = False
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class MariaDb:
    """A server, what it runs with, and what is in it."""

    database: str
    version: str | None = None
    """What it calls itself; None: by its own name."""
    accounts: tuple[Account, ...] = ()
    grants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """To the first account: `*.*`, `schema.*` or `schema.table`, and the privileges."""
    tables: tuple[Table, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    charset: str = "utf8mb4"
    collation: str | None = None
    seeds: tuple[str, ...] = ()
    """Statements that are run in the database at last."""
    checks_nobody: bool = False
    """`skip_grant_tables`: lets in whoever comes, with any password and with none."""
    held: int = 0
    """Connections that somebody else keeps open."""
    upstream: tuple[str, int] | None = None
    """The public address of the primary that it copies."""
    streams: bool = True
    """A replica: it is connected to its primary."""
    delayed: bool = False
    """A replica: it receives, and applies an hour later."""

    @property
    def described(self) -> str:
        """What it really is, for the sandbox's status."""
        return f"MariaDB, which stands in for MySQL {self.version}" if self.version else "MariaDB"


# --- from the promises -----------------------------------------------------------------------------------------------


def contents_of(target: Target, name: str, hosts: Mapping[str, tuple[str, ...]]) -> MariaDb:
    """The server that keeps a component's promises."""
    component = target.components[name]
    promised = component.database
    assert promised is not None  # noqa: S101 - it is chosen by its engine
    upstream = None
    source = promised
    if promised.follows is not None:
        primary = target.components[promised.follows.component]
        host, port = primary.endpoint
        upstream = (hosts[host][0], local_port(port))
        source = primary.database or promised
    login = promised.login
    database = promised.name or (login.username if login else "app")
    account = Account(login.username, login.password, roles=promised.roles or ()) if login else None
    return MariaDb(
        database=database,
        version=_version(source) if promised.engine == "mysql" else None,
        accounts=(account,) if account else (),
        grants=tuple((promised.grants or _grants(promised, database)).items()),
        tables=with_applications(tables_of(promised), component),
        settings=tuple(_settings(promised)),
        charset=promised.charset or "utf8mb4",
        collation=promised.collation,
        upstream=upstream,
    )


def _version(promised: Database) -> str:
    """A version of MySQL's that keeps the promise: the promised one, where it is one, else the newest."""
    version = promised.version
    if version is None or not version[0].isdigit():
        return NEWEST_MYSQL
    numbers = version.split(".")
    return ".".join([*numbers, *["0"] * (3 - len(numbers))])


def _grants(promised: Database, database: str) -> dict[str, tuple[str, ...]]:
    sees = promised.replicas or promised.follows
    return {f"{database}.*": ("ALL PRIVILEGES",), **({"*.*": EXTRA} if sees else {})}


def _settings(promised: Database) -> Iterable[tuple[str, str]]:
    for name, value in (promised.settings or {}).items():
        text = ("ON" if value else "OFF") if isinstance(value, bool) else str(value).strip("<>= ")
        yield name, text
    if promised.role == "replica":
        yield "read_only", "ON"


# --- to reality ------------------------------------------------------------------------------------------------------


def set_up(job: StoreJob, directory: Path) -> tuple[list[Door], list[subprocess.Popen[bytes]]]:
    """A server from nothing.

    Raises:
        MissingError: MariaDB is not on this machine, or does not start.
    """
    made: MariaDb = job.store.contents
    server = Server(job, directory)
    is_new = not server.is_complete
    if is_new:
        server.initialise()
    process = server.start(*([CHECKS_NOBODY] if made.checks_nobody and not is_new else []))
    if not is_new and made.upstream is not None and made.streams:
        await_that(server.follows, f"a stream from {made.upstream}")
    if is_new:
        server.fill()
        if made.checks_nobody:  # it takes no accounts while it knows of none
            process.terminate()
            process.wait(STOP_S)
            process = server.start(CHECKS_NOBODY)
    server.held = [server.connect() for _ in range(made.held)]
    _KEPT.append(server)
    return [Door(job.store.address, private(job.store.address))], [process]


_KEPT: list[Server] = []
"""What must live as long as the process: connections that somebody else keeps open."""


def program() -> str:
    """MariaDB's program.

    Raises:
        MissingError: there is none.
    """
    found = shutil.which("mariadbd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        raise MissingError("MariaDB", PACKAGE)
    return found


class Server:
    """One server below one folder."""

    def __init__(self, job: StoreJob, directory: Path) -> None:
        self.job, self.directory = job, directory
        self.made: MariaDb = job.store.contents
        self.address = private(job.store.address)
        behind = job.behind.contents if job.behind else None
        whole = repr((self.made, behind)).encode()
        self.data = directory / f"data-{hashlib.sha256(whole).hexdigest()[:12]}"
        self.socket = directory / "s.sock"
        self.server_id = zlib.crc32(repr(self.address).encode()) or 1
        self.held: list[pymysql.Connection[Any]] = []

    @property
    def is_complete(self) -> bool:
        """Whether the very same was set up before: then it only starts again."""
        return (self.data / COMPLETE).exists()

    def initialise(self) -> None:
        """Makes the system's own tables."""
        for folder in self.directory.glob("data-*"):
            shutil.rmtree(folder, ignore_errors=True)
        self.data.mkdir()
        shared = next((folder for folder in SHARED if (folder / SYSTEM[0]).exists()), None)
        if shared is None:
            raise MissingError("MariaDB", f"{SYSTEM[0]} is not there: {PACKAGE}")
        statements = "".join((shared / name).read_text() for name in SYSTEM if (shared / name).exists())
        sized = ["--innodb-log-file-size=8M", "--innodb-use-native-aio=0", "--max-allowed-packet=8M"]
        command = [*self._common(), "--bootstrap", "--skip-networking", "--log-warnings=0", *sized]
        done = subprocess.run(  # noqa: S603 - a fixed program
            command,
            input=f"create database mysql;\nuse mysql;\n{statements}\n{ONLY_HERE}\n",  # one statement a line
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise MissingError("MariaDB", done.stderr.strip()[-300:])

    def _common(self) -> list[str]:
        as_root = ["--user=root"] if not os.geteuid() else []
        return [program(), "--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.directory}", *as_root]

    def start(self, *further: str) -> subprocess.Popen[bytes]:
        """Starts the server, and waits until it answers."""
        ip, port = self.address
        own = [
            f"--bind-address={ip}",
            f"--port={port}",
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'pid'}",
            f"--server-id={self.server_id}",
            "--skip-name-resolve",
            "--relay-log=relay",
            *self._secured(),
            *further,
        ]
        if self.made.version:
            own.append(f"--version={self.made.version}-sandbox")
        if not self.made.streams and self.is_complete:
            own.append("--skip-slave-start")
        self.socket.unlink(missing_ok=True)
        log = self.directory / "mariadb.log"
        process = start([*self._common(), *own, *_options({**BASE_SETTINGS, **dict(self.made.settings)})], log)

        def answers() -> bool:
            if process.poll() is not None:
                words = [line for line in log.read_text(errors="replace").splitlines() if "[ERROR]" in line]
                raise MissingError("MariaDB", words[0][:300] if words else "it ended")
            return self._connects()

        await_that(answers, "MariaDB")
        return process

    def _secured(self) -> list[str]:
        job = self.job
        if not job.store.tls or not job.chain or not job.key:
            return ["--skip-ssl"]
        versions = ",".join(f"TLSv{version}" for version in job.store.tls.versions if version in ("1.2", "1.3"))
        demanded = ["--require-secure-transport=ON"] if not job.store.plain else []
        return [f"--ssl-cert={job.chain}", f"--ssl-key={job.key}", f"--tls-version={versions}", *demanded]

    def _connects(self) -> bool:
        with socket.socket(socket.AF_UNIX) as knocking:  # a driver that finds nobody would leave its own open
            return not knocking.connect_ex(str(self.socket))

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        """A connection of the administrator, by the socket that nobody else reaches."""
        import pymysql  # noqa: PLC0415 - the supervisor that forks this process needs none

        return pymysql.connect(
            unix_socket=str(self.socket), user=ADMINISTRATOR, database=database, autocommit=True, charset="utf8mb4"
        )

    def fill(self) -> None:
        """Accounts, database, tables and rows; a replica has them from its primary."""
        with self.connect() as here:
            _run(here, self._following() if self.made.upstream else _made(self.made))
        if self.made.upstream is not None:
            await_that(self._has_caught_up, "the replica")
            self._place()
        (self.data / COMPLETE).touch()

    def _following(self) -> Iterable[str]:
        """What makes a server copy another one, from the beginning of its log."""
        assert self.made.upstream is not None  # noqa: S101 - the caller has looked
        ip, port = private(self.made.upstream)
        secured = int(self.job.behind is not None and self.job.behind.tls is not None)
        login = f"MASTER_USER = '{REPLICATOR}', MASTER_PASSWORD = '{REPLICATOR_PASSWORD}', MASTER_SSL = {secured}"
        place = f"MASTER_HOST = '{ip}', MASTER_PORT = {port}, MASTER_CONNECT_RETRY = 1"
        # by place and not by GTID: of a server that calls itself MySQL, MariaDB takes none
        log = f"MASTER_USE_GTID = no, MASTER_LOG_FILE = '{LOG}.000001', MASTER_LOG_POS = 4"
        yield f"CHANGE MASTER TO {place}, {log}, {login}"
        yield "START SLAVE"

    def _place(self) -> None:
        """Brings a replica into the state that it is to be in."""
        if not self.made.streams:
            with self.connect() as here:
                _run(here, ["STOP SLAVE"])
            self._be_missed()
        elif self.made.delayed:
            self._fall_behind()

    def follows(self) -> bool:
        """Whether it is connected to its primary."""
        with self.connect() as here, here.cursor() as cursor:
            cursor.execute("SHOW SLAVE STATUS")
            names = [column[0] for column in cursor.description or ()]
            status = dict(zip(names, cursor.fetchone() or (), strict=False))
        return status.get("Slave_IO_Running") == "Yes"

    def _has_caught_up(self) -> bool:
        """It has applied all, the application's account at last."""
        with self.connect() as here, here.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = %s", (COMPLETE,))
            (found,) = cursor.fetchone() or (0,)
        return bool(found)

    def _be_missed(self) -> None:
        """Its primary sees that it is gone when it sends something: by itself within half a minute."""
        with self._upstream() as primary, primary.cursor() as cursor:

            def is_missed() -> bool:
                _run(primary, [f"CREATE OR REPLACE DATABASE {quoted(f'{COMPLETE}-missed')}"])
                cursor.execute("SHOW SLAVE HOSTS")
                return self.server_id not in {row[0] for row in cursor.fetchall()}

            await_that(is_missed, "a primary that misses its replica")

    def _upstream(self) -> pymysql.Connection[Any]:
        """A connection to the primary."""
        import pymysql  # noqa: PLC0415 - as above

        assert self.made.upstream is not None  # noqa: S101 - a replica has one
        ip, port = private(self.made.upstream)
        return pymysql.connect(host=ip, port=port, user=REPLICATOR, password=REPLICATOR_PASSWORD, autocommit=True)

    def _fall_behind(self) -> None:
        """Something that was written a while ago, and that this replica is to apply later still."""
        with self.connect() as here:
            _run(here, ["STOP SLAVE", f"CHANGE MASTER TO MASTER_DELAY = {DELAY_S}", "START SLAVE"])
        with self._upstream() as primary:
            written = f"CREATE OR REPLACE DATABASE {quoted(f'{COMPLETE}-late')}"
            _run(primary, [f"SET timestamp = UNIX_TIMESTAMP() - {LONG_AGO_S}", written])


def _run(connection: pymysql.Connection[Any], statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _options(settings: Mapping[str, str]) -> Iterable[str]:
    """On the command line; MySQL's own settings, which MariaDB has not, are left out by it."""
    if "log_bin" not in settings:
        yield f"--log-bin={LOG}"
    for name, value in settings.items():
        if name == "log_bin":
            yield f"--log-bin={LOG}" if value.upper() == "ON" else "--skip-log-bin"
        else:
            yield f"--loose-{name.replace('_', '-')}={value}"


def quoted(name: str) -> str:
    """One name."""
    return f"`{name.replace('`', '``')}`"


def literal(value: Value) -> str:
    """A value as SQL has it."""
    if value is None or isinstance(value, bool | int):
        return "NULL" if value is None else str(int(value))
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _made(made: MariaDb) -> Iterable[str]:
    """What fills a server that copies nobody."""
    yield "SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'"  # a row that promises nothing of a column has its default
    yield f"CREATE USER {REPLICATOR} IDENTIFIED BY {literal(REPLICATOR_PASSWORD)}"
    yield f"GRANT ALL ON *.* TO {REPLICATOR}"
    collation = f" COLLATE {made.collation}" if made.collation else ""
    yield f"CREATE DATABASE {quoted(made.database)} CHARACTER SET {made.charset}{collation}"
    yield f"USE {quoted(made.database)}"
    for table in made.tables:
        yield from _table(table)
    for account in made.accounts:
        yield from _account(account)
    for on, privileges in made.grants:
        for account in made.accounts[:1]:
            gives_on = " WITH GRANT OPTION" if "GRANT OPTION" in privileges else ""
            what = ", ".join(privilege for privilege in privileges if privilege != "GRANT OPTION")
            yield f"GRANT {what} ON {_place(on)} TO {literal(account.name)}@'%'{gives_on}"
    yield from made.seeds
    yield f"CREATE DATABASE {quoted(COMPLETE)}"


def _account(account: Account) -> Iterable[str]:
    who = f"{literal(account.name)}@'%'"
    demanded = " REQUIRE SSL" if account.demands_tls else ""
    yield f"CREATE OR REPLACE USER {who} IDENTIFIED BY {literal(account.password or '')}{demanded}"
    for role in account.roles:
        yield f"CREATE ROLE IF NOT EXISTS {quoted(role)}"
        yield f"GRANT {quoted(role)} TO {who}"


def _place(on: str) -> str:
    """Where a grant holds: in the name of a schema, `_` would stand for any character."""
    schema, _, table = on.partition(".")
    if schema == "*":
        return "*.*"
    return f"{quoted(schema.replace('_', chr(92) + '_'))}.*" if table == "*" else f"{quoted(schema)}.{quoted(table)}"


def _table(table: Table) -> Iterable[str]:
    name = ".".join(map(quoted, table.name.split(".", 1)))
    columns = [_column(column) for column in table.columns]
    if not any(column.name == "id" for column in table.columns):
        columns.append("`id` bigint NOT NULL AUTO_INCREMENT")
    yield f"CREATE TABLE {name} ({', '.join(columns)}, PRIMARY KEY (`id`))"
    for index in table.indexes:
        of = ", ".join(map(quoted, index.columns or (table.columns[0].name,)))
        ignored = "" if index.valid else " IGNORED"
        yield f"CREATE INDEX {quoted(index.name)} ON {name} ({of}){ignored}"
    for number, row in enumerate(table.rows, 1):
        values = dict(row)
        if any(column.name == "id" for column in table.columns):
            values.setdefault("id", number)
        columns_named, told = ", ".join(map(quoted, values)), ", ".join(map(literal, values.values()))
        yield f"INSERT INTO {name} ({columns_named}) VALUES ({told})"  # noqa: S608 - the sandbox's own


def _column(column: Column) -> str:
    return f"{quoted(column.name)} {TYPES.get(column.type, column.type)}{'' if column.nullable else ' NOT NULL'}"
