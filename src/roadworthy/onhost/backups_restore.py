"""On the host: the newest dump is restored into a database that is made for it, counted, and dropped again.

Nothing else is touched: the name is random and must be new, and a dump that speaks of other databases, of users or of
the server's own settings is not restored at all.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from roadworthy.onhost.backups_inside import READERS, BrokenError, Program, first_error, unpacked
from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, TOO_LONG, Unseen, at, has, run

CLEANING_S = 10.0


def restored(path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """As `facts.backups.Restored` has it.

    Raises:
        Unseen: it was not tried.
    """
    asked = wanted["restore"]
    _stays_within(path, wanted)
    client = {"mysql": Mysql, "postgresql": Postgres}[asked["engine"]](asked)
    name = "{}_{}".format(asked["into"], os.urandom(6).hex())
    if client.tell(client.MAINTAINED, client.IS_THERE.format(name)).strip():
        raise Unseen(FAILED, f"there is a database {name} already")
    began = time.monotonic()
    client.tell(client.MAINTAINED, client.MAKE.format(name))
    seen: dict[str, Any] = {}
    try:
        seen = _fed(client, name, path, wanted)
        seen["took_s"] = time.monotonic() - began
        if not seen["failed"] and not seen["too_slow"]:
            seen["rows"] = {table: client.rows(name, table) for table in asked["rows_of"]}
    finally:
        seen["left"] = _dropped(client, name)
    return seen


def _stays_within(path: str, wanted: dict[str, Any]) -> None:
    """Reads it once, to its end, before anything is made of it."""
    reader = READERS[wanted["dump"]]()
    try:
        with unpacked(
            path, wanted["dump"], wanted["packing"], wanted["restore"]["at_most"], wanted["takes_s"]
        ) as stream:
            reader.read(stream)
    except BrokenError as error:
        raise Unseen(FAILED, f"it can't be read to its end: {error}") from error
    if reader.reaches:
        raise Unseen(FAILED, f"not restored, as it speaks of more than its own database: {reader.reaches}")


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
        failed = program.last_words
    return {"failed": failed, "too_slow": program.too_slow, "rows": {}}


def _dropped(client: Any, name: str) -> str:
    try:
        client.tell(client.MAINTAINED, client.DROP.format(name))
    except Unseen as unseen:
        return f"{name}: {unseen.detail}"
    return ""


class Client:
    """A server's own client, set up as the host has it."""

    MAINTAINED = ""
    IS_THERE = MAKE = DROP = ""

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
        done = run(self.command(database), CLEANING_S, self.env, sql + ";\n")
        if done.code:
            refused = ("denied", "permission", "authentication", "password")
            why = NOT_PERMITTED if any(word in done.err for word in refused) else FAILED
            raise Unseen(why, first_error(done.err) or done.last_words)
        return done.out

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
    DROP = 'DROP DATABASE "{}"'

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        if asked["service"] is not None:
            self.env["PGSERVICE"] = asked["service"]
        if asked["service_file"] is not None:
            self.env["PGSERVICEFILE"] = at(asked["service_file"])

    def command(self, database: str) -> list[str]:
        """It stops at the first error, and asks nobody for a password."""
        options = ["-X", "-q", "-w", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
        return self.as_user(["psql", *options])

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
    DROP = "DROP DATABASE `{}`"

    def command(self, database: str) -> list[str]:
        """With `--binary-mode`, nothing in a dump is a command of the client's own."""
        file = self.asked["defaults_file"]
        options = [f"--defaults-file={at(file)}"] if file is not None else []
        options += ["--batch", "--skip-column-names", "--binary-mode", "--one-database", database]
        return self.as_user(["mysql" if has("mysql") else "mariadb", *options])

    def rows(self, database: str, table: str) -> int | None:
        """Of this database."""
        text = table.replace("\\", "\\\\").replace("'", "''")
        is_there = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}' AND TABLE_NAME = '{}'"
        if self.tell(database, is_there.format(database, text)).strip() == "0":
            return None
        return self.counted(database, "`{}`".format(table.replace("`", "``")))
