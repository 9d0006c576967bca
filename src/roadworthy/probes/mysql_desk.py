"""Asking questions of MySQL and MariaDB, inside one read-only transaction.

How long a statement may take is told with the statement itself (MariaDB's SET STATEMENT, MySQL's hint), so that no
setting of a session is left behind in a pooler. Which of the two a server understands is read from the settings that it
has, not from the version that it claims.

    CannotRead    the server would not, or could not, tell
    NoSuchTable   the table, or its schema, is not there
    Ended         the conversation broke off
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymysql.err import Error

from roadworthy.facts.store import Refusal, StoreEnd, Unseen
from roadworthy.probes.mysql_link import CLIENTS_OWN, NOT_READY, number_of, words_of
from roadworthy.probes.reader import MOST_ROWS, CannotRead, LoginRefused, NoSuchTable
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from roadworthy.probes.mysql_link import Driver
    from roadworthy.target.blocks.database import Engine

NOT_PERMITTED = frozenset({1044, 1142, 1143, 1227, 1345, 1356, 1370, 1698, 1820, 3118})
TOO_LONG = frozenset({1205, 1317, 1969, 3024})
NOT_THERE = frozenset({1049, 1146})
NOT_SUPPORTED = frozenset({1054, 1064, 1109, 1193, 1235, 1305})
LEAST_S = 0.2
LIMITS = ("max_statement_time", "max_execution_time")
"""Of MariaDB, in seconds; of MySQL, in milliseconds."""
FACTS = (
    *LIMITS,
    "version",
    "version_comment",
    "read_only",
    "super_read_only",
    "offline_mode",
    "innodb_read_only",
    "transaction_read_only",
    "tx_read_only",
    "max_connections",
    "require_secure_transport",
)


def identifier(name: str) -> str:
    """One name in MySQL's quotes, dots and all; no part of it is a placeholder."""
    return f"`{name.replace('`', '``').replace('%', '%%')}`"


class Desk:
    """A session in one read-only transaction; what is left of a `%` in a question is written `%%`."""

    def __init__(self, driver: Driver, engine: Engine) -> None:
        self.driver = driver
        self.engine: Engine = engine
        self.variables: dict[str, str] = {}
        """What the server runs with, by lower-case name."""

    @property
    def is_mariadb(self) -> bool:
        """It has MariaDB's settings, whatever it calls itself."""
        return LIMITS[0] in self.variables

    def is_on(self, name: str) -> bool:
        """Whether a setting is there, and on; MariaDB has more words than ON for `read_only`."""
        return self.variables.get(name, "OFF").upper() not in ("OFF", "0", "")

    def quote(self, name: str) -> str:
        """As `Reader.quote`."""
        return ".".join(map(identifier, name.split(".", 1)))

    async def open(self) -> None:
        """Begins the transaction.

        Raises:
            CannotRead, Ended: as the module says.
        """
        await self._ask("START TRANSACTION READ ONLY")
        self.variables = await self.settings(FACTS)

    async def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        """The global values of some variables, by lower-case name; those that there are."""
        marks = ", ".join(["%s"] * len(names))
        found = await self.rows(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({marks})", names)
        return {str(name).lower(): str(value) for name, value in found}

    async def rows(self, sql: str, parameters: tuple[Any, ...] = (), most: int = MOST_ROWS) -> list[tuple[Any, ...]]:
        """As `Reader.rows`."""
        _, found = await self._table(sql, parameters, most)
        return found

    async def named(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Rows by the lower-case names of their columns: which columns there are differs from server to server."""
        names, found = await self._table(sql, parameters, MOST_ROWS)
        return [dict(zip(names, row, strict=True)) for row in found]

    async def do(self, sql: str) -> None:
        """Something that has no rows."""
        await self._ask(sql % ())

    async def one(self, sql: str, parameters: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        """The one row of a question that has one."""
        found = await self.rows(sql, parameters)
        if len(found) != 1:
            raise CannotRead(Unseen(unseen="failed", detail=f"{len(found)} rows where one was asked for"))
        return found[0]

    async def _table(self, sql: str, parameters: tuple[Any, ...], most: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        result = await self._ask(self._bounded(sql) % tuple(map(self.driver.escape, parameters)))
        if result.description is None:
            raise CannotRead(Unseen(unseen="failed", detail="the server answered with no table"))
        found = list(result.rows or ())
        if len(found) > most:
            raise CannotRead(Unseen(unseen="failed", detail=f"more than {most} rows"))
        return [str(column[0]).lower() for column in result.description], found

    def _bounded(self, sql: str) -> str:
        limit_s = max(LEAST_S, self.driver.patience_s / 2)
        if LIMITS[0] in self.variables:
            return f"SET STATEMENT max_statement_time={limit_s:.3f} FOR {sql}"
        verb, _, rest = sql.lstrip().partition(" ")
        if LIMITS[1] in self.variables and verb.upper() == "SELECT":
            return f"SELECT /*+ MAX_EXECUTION_TIME({int(limit_s * 1000)}) */ {rest}"
        return sql

    async def _ask(self, sql: str) -> Any:
        self.driver.doing = "a question"
        try:
            await self.driver.bounded(self._query(sql))
        except LoginRefused as refused:
            raise _as_told(refused.refused) from refused
        return self.driver._result  # noqa: SLF001 - a cursor would ask for warnings, too

    async def _query(self, sql: str) -> None:
        try:
            await self.driver.query(sql)
        except Error as error:
            if number_of(error) in NOT_READY and number_of(error) not in CLIENTS_OWN:
                raise Ended(StoreEnd.NOT_READY, self.driver.doing, f"{number_of(error)} {words_of(error)}") from error
            raise


def _as_told(refused: Refusal) -> CannotRead | NoSuchTable:
    """The server's no to a question. What it says may quote what was asked, so of most only the number is kept."""
    code = int(refused.code)
    if code in NOT_THERE:
        return NoSuchTable(refused.told)
    if code in NOT_PERMITTED:
        return CannotRead(Unseen(unseen="not permitted", detail=refused.told))
    if code in TOO_LONG:
        return CannotRead(Unseen(unseen="took too long", detail=f"error {code}"))
    if code in NOT_SUPPORTED:
        return CannotRead(Unseen(unseen="not supported", detail=f"error {code}"))
    return CannotRead(Unseen(unseen="failed", detail=f"error {code}"))
