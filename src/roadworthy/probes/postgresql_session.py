"""A PostgreSQL session: how it is logged in, and its one read-only transaction, over a way of ours.

The driver (psycopg over libpq) is told everything: it reads no environment, no password or service file, and tries no
other way to log in than a password. TLS is spoken by the way. Nothing is set beyond the transaction: a pooler gives the
connection to somebody else afterwards.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import pq

from roadworthy.facts.store import Broke, Refusal, StoreEnd, Unseen
from roadworthy.probes.postgresql_wire import is_not_ready, last_error
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from roadworthy.probes.bench import Bench
    from roadworthy.probes.way import Way

T = TypeVar("T")

AFTER_LOGIN = "the answer to the login"
NO_FILE = os.path.join(os.devnull, "none")  # noqa: PTH118 - a path that nothing can be at
UNASKED = ("PGSERVICE", "PGSERVICEFILE", "PGTZ", "PGDATESTYLE", "PGGEQO")
"""What libpq reads and has no parameter for that would keep it from that."""
CUT_S = 1.0
MOST_ROWS = 10_000
LEAST_MS = 50
LOCK_SHARE, STATEMENT_SHARE = 0.2, 0.5
"""Of what a silent server is waited for: what one lock and one question may take, so that others have time, too."""

NO_RIGHTS = "42501"
TOO_LONG = frozenset({"57014", "55P03"})
NOT_SUPPORTED = frozenset({"0A000", "42883", "42704"})
"""Products that speak the protocol and are not PostgreSQL lack functions."""
GONE = frozenset({"57P01", "57P02", "57P03", "57P05"})


class Refused(Exception):  # noqa: N818 - a state of the server, not an error of ours
    """The login was refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.told)
        self.refusal = refusal


def parameters(way: Way, username: str, password: str, database: str | None, bench: Bench) -> dict[str, str]:
    """All that libpq is told, so that it looks nowhere else; what its version does not know is left out."""
    wanted = {
        "host": way.ip,
        "hostaddr": way.ip,
        "port": str(way.port),
        "user": username,
        "password": password,
        "dbname": database or username,
        "passfile": NO_FILE,
        "options": "",
        "client_encoding": "UTF8",
        "application_name": "roadworthy",
        "fallback_application_name": "roadworthy",
        "connect_timeout": str(max(2, round(bench.patience_s))),
        "sslmode": "disable",  # the way speaks it
        "sslnegotiation": "postgres",
        "sslcertmode": "disable",
        "sslcert": NO_FILE,
        "sslkey": NO_FILE,
        "gssencmode": "disable",
        "gssdelegation": "0",
        "channel_binding": "disable",
        "require_auth": "password,md5,scram-sha-256,none",
        "requirepeer": "",
        "target_session_attrs": "any",
        "load_balance_hosts": "disable",
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
        "replication": "",
        "keepalives": "1",
    }
    known = {default.keyword.decode() for default in pq.Conninfo.get_defaults()}
    return {name: value for name, value in wanted.items() if name in known}


@asynccontextmanager
async def logged_in(way: Way, username: str, password: str, database: str | None, bench: Bench) -> AsyncIterator[Talk]:
    """A session with nothing asked yet.

    Raises:
        Refused: the server's own no.
        Ended: it broke off.
    """
    for name in UNASKED:
        os.environ.pop(name, None)
    told = parameters(way, username, password, database, bench)
    connecting = psycopg.AsyncConnection.connect(**told, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
    try:
        connection = await undisturbed(way, connecting)
    except psycopg.Error as error:
        raise refusal_of(error, way) from error
    try:
        yield Talk(connection, way, bench.patience_s)
    finally:
        with suppress(psycopg.Error):
            await connection.close()


def refusal_of(error: psycopg.Error, way: Way) -> Refused | Ended:
    """Why nobody was let in."""
    refusal = last_error(way.tail)
    if refusal is not None and refusal.code:
        return Ended(StoreEnd.NOT_READY, AFTER_LOGIN, refusal.told) if is_not_ready(refusal) else Refused(refusal)
    if getattr(error.pgconn, "needs_password", False):
        return Refused(Refusal(message="it asks for a password"))
    if "authentication method requirement" in str(error):  # libpq's own words, which it does not translate for us
        return Refused(Refusal(message="it wants to be shown something else than a password"))
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Ended(StoreEnd.SILENT, AFTER_LOGIN)
    return broke_off(error, way, AFTER_LOGIN)


def broke_off(error: Exception, way: Way, at: str) -> Ended:
    """How a conversation broke off that the driver can't go on with."""
    broke = way.ended or Broke(end=StoreEnd.GARBLED, at=at, detail=str(error).strip().splitlines()[-1][:200])
    return Ended(broke.end, at, broke.detail)


async def undisturbed(way: Way, call: Awaitable[T]) -> T:
    """What a call of the driver comes to.

    A driver that is cancelled asks the server to cancel, and waits for it: so its connection is cut instead, which it
    takes for the server's leaving.
    """
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        way.cut()
        await asyncio.wait([task], timeout=CUT_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


@dataclass
class Talk:
    """A session and its one transaction."""

    connection: psycopg.AsyncConnection[Any]
    way: Way
    patience_s: float
    until: float = float("inf")
    """Nothing more is asked from then on."""
    doing: str = "the session"

    async def begin(self) -> None:
        """Opens the one transaction, in which all else happens.

        Raises:
            Ended: it broke off.
            psycopg.Error: the server would not.
        """
        statement_ms = max(int(self.patience_s * STATEMENT_SHARE * 1000), LEAST_MS)
        lock_ms = max(int(self.patience_s * LOCK_SHARE * 1000), LEAST_MS)
        await self.rows("BEGIN READ ONLY")
        await self.rows(
            f"SET LOCAL statement_timeout = {statement_ms}; SET LOCAL lock_timeout = {lock_ms};"
            f"SET LOCAL idle_in_transaction_session_timeout = {max(int(self.patience_s * 4000), 1000)};"
            # a table that shows a part of its rows to this user is an error, not a part of the truth
            "SET LOCAL row_security = off"
        )

    async def end(self) -> None:
        """Leaves nothing behind."""
        with suppress(psycopg.Error, Ended):
            await self.rows("ROLLBACK")

    async def rows(self, sql: str, given: tuple[Any, ...] = (), most: int = MOST_ROWS) -> list[tuple[Any, ...]]:
        """The rows of one question, at most so many and one more.

        Raises:
            psycopg.Error: the server's no, with its SQLSTATE.
            Ended: it broke off.
        """

        async def ask() -> list[tuple[Any, ...]]:
            async with self.connection.cursor() as cursor:
                # the driver reads `%%` as `%` only where something is given
                await cursor.execute((sql if given else sql.replace("%%", "%")).encode(), given or None)
                return await cursor.fetchmany(most + 1) if cursor.description else []

        try:
            return await undisturbed(self.way, ask())
        except psycopg.Error as error:
            if error.sqlstate in GONE:
                raise Ended(StoreEnd.NOT_READY, self.doing, told(error)) from error
            if self.connection.closed or error.sqlstate is None:
                raise broke_off(error, self.way, self.doing) from error
            raise

    async def one(self, sql: str, given: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        """The only row of a question that has one."""
        rows = await self.rows(sql, given)
        return rows[0]

    async def look(self, doing: str, look: Callable[[], Awaitable[T]]) -> T | Unseen:
        """What a part comes to, or why it came to nothing; what is refused spoils nothing else (a savepoint).

        Raises:
            Ended: the conversation broke off.
        """
        if asyncio.get_running_loop().time() > self.until:
            return Unseen(unseen="took too long", detail="no time was left for it")
        self.doing = doing
        await self.rows("SAVEPOINT roadworthy")
        try:
            return await look()
        except psycopg.Error as error:
            await self.rows("ROLLBACK TO SAVEPOINT roadworthy")
            return unseen(error)
        except UnicodeDecodeError:
            await self.rows("ROLLBACK TO SAVEPOINT roadworthy")
            return Unseen(unseen="failed", detail="text in no known encoding came")


def unseen(error: psycopg.Error) -> Unseen:
    """Why a part could not be seen."""
    code = error.sqlstate or ""
    if code == NO_RIGHTS:
        return Unseen(unseen="not permitted", detail=told(error))
    if code in TOO_LONG:
        return Unseen(unseen="took too long", detail=told(error))
    return Unseen(unseen="not supported" if code in NOT_SUPPORTED else "failed", detail=told(error))


def told(error: psycopg.Error) -> str:
    """The server's code and first line, no statement."""
    return Refusal(code=error.sqlstate or "", message=(error.diag.message_primary or "")[:300]).told


def quoted(name: str) -> str:
    """An identifier in quotes, for the text of a question (`%` is written `%%` there); `schema.table` is two."""
    return ".".join(map(quoted_part, name.split(".", 1)))


def quoted_part(name: str) -> str:
    """One identifier in quotes, dots and all."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'
