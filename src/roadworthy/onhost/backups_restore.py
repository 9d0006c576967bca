"""On the host: the newest dump is restored into a database that is made for it, counted, and dropped again.

Nothing else is touched: the name is random and must be new, and a dump that speaks of other databases, of users or of
the server's own settings is not restored at all. What was made is dropped however the restore ends, this process too.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from typing import Any

from roadworthy.onhost.backups_inside import READERS
from roadworthy.onhost.backups_stream import BrokenError, Program, first_error, unpacked
from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, TOO_LONG, Unseen, at, has, run, search_path

TELLING_S = 60.0
"""For one statement. The server gives it up a moment before, so that it makes nothing when nobody waits any more."""
SERVERS_S = 55
ROOM = 3
"""Times the size of the SQL: tables with their indexes, and the server's log of all of it."""

_OF_ROWS = re.compile(r"(\bnear|\bentry|\bvalue|:) +['\"].*")
"""Where a server's error quotes what a dump holds."""


def restored(path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """As `facts.backups.Restored` has it.

    Raises:
        Unseen: it was not tried.
    """
    asked = wanted["restore"]
    size = _stays_within(path, wanted)
    client = {"mysql": Mysql, "postgresql": Postgres}[asked["engine"]](asked)
    name = "{}_{}".format(asked["into"], os.urandom(6).hex())
    if client.tell(client.MAINTAINED, client.IS_THERE.format(name)).strip():
        raise Unseen(FAILED, f"there is a database {name} already")
    _has_room(client, size)
    guard, left = Guard(client, name), ""
    try:
        try:
            seen = _tried(client, name, path, wanted)
        finally:
            left = _dropped(client, name)
            guard.dismiss()
    except Unseen as unseen:
        raise Unseen(unseen.why, f"left behind: {left}; {unseen.detail}" if left else unseen.detail) from unseen
    return dict(seen, left=left)


def _tried(client: Any, name: str, path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Makes the database, fills it, counts."""
    began = time.monotonic()
    client.tell(client.MAINTAINED, client.MAKE.format(name))
    seen = _fed(client, name, path, wanted)
    seen["took_s"] = time.monotonic() - began
    if not seen["failed"] and not seen["too_slow"]:
        seen["rows"] = {table: client.rows(name, table) for table in wanted["restore"]["rows_of"]}
    return seen


def _stays_within(path: str, wanted: dict[str, Any]) -> int:
    """Reads it once, to its end, before anything is made of it; its size, unpacked."""
    reader = READERS[wanted["dump"]]()
    try:
        with unpacked(
            path, wanted["dump"], wanted["packing"], wanted["restore"]["at_most"], wanted["takes_s"]
        ) as stream:
            reader.read(stream)
            size = stream.size
    except BrokenError as error:
        raise Unseen(FAILED, f"it can't be read to its end: {error}") from error
    if reader.reaches:
        raise Unseen(FAILED, f"not restored, as it speaks of more than its own database: {reader.reaches}")
    return size


def _has_room(client: Any, size: int) -> None:
    """A server whose disk is full serves nobody. One that is elsewhere can't be asked, nor one that does not tell."""
    try:
        folder = client.tell(client.MAINTAINED, client.FOLDER).strip()
        disk = os.statvfs(at(folder))
    except (Unseen, OSError):
        return
    left = disk.f_bavail * disk.f_frsize
    if folder.startswith("/") and left < ROOM * size:
        raise Unseen(
            FAILED, f"not restored: {left >> 20} MiB are left for {folder}, and it unpacks to {size >> 20} MiB"
        )


def _fed(client: Any, name: str, path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """What the client says when it is given the dump."""
    within_s = wanted["restore"]["within_s"]
    program = Program(client.command(name), within_s, client.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    failed = ""
    try:
        with unpacked(path, wanted["dump"], wanted["packing"], wanted["restore"]["at_most"], within_s) as stream:
            data = stream.read()
            while data:
                program.process.stdin.write(data)
                data = stream.read()
    except BrokenPipeError:
        pass  # it ended by itself, and says why
    except BrokenError as error:
        failed = str(error)
    except Unseen as unseen:
        if unseen.why != TOO_LONG:
            raise
        program.too_slow = True
    finally:
        code = program.close()
    if not failed and code and not program.too_slow:
        failed = _without_rows(program.last_words)
    return {"failed": failed, "too_slow": program.too_slow, "rows": {}}


def _without_rows(said: str) -> str:
    return _OF_ROWS.sub(r"\1 ...", said)


def _dropped(client: Any, name: str) -> str:
    """Drops it; what is left, and why, or nothing."""
    try:
        with suppress(Unseen):  # whoever is still connected to it is ours, and holds it up
            client.disconnect(name)
        client.tell(client.MAINTAINED, client.DROP.format(name))
    except Unseen as unseen:
        with suppress(Unseen):
            if not client.tell(client.MAINTAINED, client.IS_THERE.format(name)).strip():
                return ""
        return f"{name}: {unseen.detail}"
    return ""


class Guard:
    """A shell that drops the database when this process has ended without doing so, for whatever reason."""

    def __init__(self, client: Any, name: str) -> None:
        command = client.command(client.MAINTAINED)
        for sql in client.last_will(name):
            command += [client.SAYS, sql]
        self.process: Any = subprocess.Popen(
            ["sh", "-c", 'cat >/dev/null; exec "$@"', "sh", *command],  # noqa: S607 - the host's own
            stdin=subprocess.PIPE,  # ends with this process
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "PATH": search_path(), **client.env},
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """It is not needed any more."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()


class Client:
    """A server's own client, set up as the host has it."""

    MAINTAINED = ""
    IS_THERE = MAKE = DROP = FOLDER = ""
    SAYS = ""
    """The option that a statement follows."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.env: dict[str, str] = {}

    def command(self, database: str) -> list[str]:
        """What reads SQL from its input and runs it in a database."""
        raise NotImplementedError

    def as_user(self, words: list[str]) -> list[str]:
        """The same as a user of the host."""
        if self.asked["as_user"] is None:
            return words
        given = [f"{name}={value}" for name, value in sorted(self.env.items())]
        return ["sudo", "-n", "-H", "-u", self.asked["as_user"], "env", *given, *words]

    def tell(self, database: str, sql: str) -> str:
        """What a statement answers.

        Raises:
            Unseen: it fails.
        """
        done = run(self.command(database), TELLING_S, self.env, sql + ";\n")
        if done.code:
            refused = ("denied", "permission", "authentication", "password")
            why = NOT_PERMITTED if any(word in done.err for word in refused) else FAILED
            raise Unseen(why, _without_rows(first_error(done.err) or done.last_words))
        return done.out

    def disconnect(self, database: str) -> None:
        """Ends what is connected to a database."""
        raise NotImplementedError

    def last_will(self, database: str) -> list[str]:
        """Statements that drop it."""
        raise NotImplementedError

    def rows(self, database: str, table: str) -> int | None:
        """How many rows a table has; None: there is none."""
        raise NotImplementedError

    def counted(self, database: str, named: str) -> int:
        """How many rows there are."""
        said = self.tell(database, f"SELECT COUNT(*) FROM {named}").strip()  # noqa: S608 - quoted
        if not said.isdecimal():
            raise Unseen(FAILED, f"counting {named}: {said[:80]}")
        return int(said)


class Postgres(Client):
    """By psql."""

    MAINTAINED = "postgres"
    IS_THERE = "SELECT 1 FROM pg_catalog.pg_database WHERE datname = '{}'"
    MAKE = 'CREATE DATABASE "{}" TEMPLATE template0'
    DROP = 'DROP DATABASE IF EXISTS "{}"'
    FOLDER = "SHOW data_directory"
    SAYS = "-c"
    END = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = '{}'"

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        self.env["PGOPTIONS"] = f"-c statement_timeout={SERVERS_S}s"  # pg_dump's own SQL sets it to none
        if asked["service"] is not None:
            self.env["PGSERVICE"] = asked["service"]
        if asked["service_file"] is not None:
            self.env["PGSERVICEFILE"] = at(asked["service_file"])

    def command(self, database: str) -> list[str]:
        """It stops at the first error, and asks nobody for a password."""
        options = ["-X", "-q", "-w", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
        return self.as_user(["psql", *options])

    def disconnect(self, database: str) -> None:
        """A backend that builds an index does not see that its client is gone."""
        self.tell(self.MAINTAINED, self.END.format(database))

    def last_will(self, database: str) -> list[str]:
        """Both."""
        return [self.END.format(database), self.DROP.format(database)]

    def rows(self, database: str, table: str) -> int | None:
        """`table` or `schema.table`."""
        named = ".".join('"{}"'.format(part.replace('"', '""')) for part in table.split("."))
        text = named.replace("'", "''")
        if self.tell(database, f"SELECT to_regclass('{text}') IS NOT NULL").strip() != "t":
            return None
        return self.counted(database, named)


class Mysql(Client):
    """By mysql, or mariadb where that is its name."""

    MAINTAINED = "information_schema"
    IS_THERE = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{}'"
    MAKE = "CREATE DATABASE `{}`"
    DROP = "DROP DATABASE IF EXISTS `{}`"
    FOLDER = "SELECT @@datadir"
    SAYS = "-e"
    CONNECTED = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{}'"

    def command(self, database: str) -> list[str]:
        """With `--binary-mode`, nothing in a dump is a command of the client's own."""
        file = self.asked["defaults_file"]
        options = [f"--defaults-file={at(file)}"] if file is not None else []
        options += [f"--init-command=SET SESSION lock_wait_timeout = {SERVERS_S}"]
        options += ["--batch", "--skip-column-names", "--binary-mode", "--one-database", database]
        return self.as_user(["mysql" if has("mysql") else "mariadb", *options])

    def disconnect(self, database: str) -> None:
        """One by one: a statement that runs on holds the lock of its table."""
        for number in self.tell(self.MAINTAINED, self.CONNECTED.format(database)).split():
            self.tell(self.MAINTAINED, f"KILL {number}")

    def last_will(self, database: str) -> list[str]:
        """It waits for the lock."""
        return [self.DROP.format(database)]

    def rows(self, database: str, table: str) -> int | None:
        """Of this database."""
        text = table.replace("\\", "\\\\").replace("'", "''")
        is_there = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}' AND TABLE_NAME = '{}'"
        if self.tell(database, is_there.format(database, text)).strip() == "0":
            return None
        return self.counted(database, "`{}`".format(table.replace("`", "``")))
