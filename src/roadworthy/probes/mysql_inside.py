"""What whoever is logged in to MySQL or MariaDB sees: each part for itself; one that is hidden hides no other."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.database import Connections, Privileges, Replica, Session, Setting, Unwell, Upstream
from roadworthy.facts.store import Unseen
from roadworthy.probes.mysql_desk import identifier
from roadworthy.probes.mysql_link import server_of
from roadworthy.probes.mysql_tables import password, rows, table
from roadworthy.probes.reader import CannotRead, NoSuchTable
from roadworthy.rules import grants

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from roadworthy.facts.database import DatabaseAsk
    from roadworthy.probes.mysql_desk import Desk

T = TypeVar("T")

LONG_S = 600
"""A transaction that is open so long keeps old versions of rows alive, and locks of its own."""
MOST_NAMES = 5
SHARP = ("Query:", " on query", "Default database:")
"""Where the text of a statement begins in an error of replication."""

BYTES = frozenset(
    {
        "max_allowed_packet",
        "slave_max_allowed_packet",
        "replica_max_allowed_packet",
        "net_buffer_length",
        "thread_stack",
        "innodb_redo_log_capacity",
        "innodb_buffer_pool_chunk_size",
        "relay_log_space_limit",
        "temptable_max_ram",
        "temptable_max_mmap",
        "tmp_memory_table_size",
    }
)
COUNTS = re.compile(
    r"(?:thread|host)_cache_size|thread_pool_size|performance_schema_.*|.*_token_size|histogram_size|.*_pool_size_.*"
    r"|innodb_ft_.*_size|innodb_sync_array_size|binlog_transaction_dependency_history_size|optimizer_.*"
    r"|.*_sample_size|group_replication_.*|wsrep_.*|.*_history_size|.*_list_size|feedback_.*"
)
"""Named `_size`, and not in bytes (or not surely)."""
SECONDS = frozenset({"long_query_time", "binlog_expire_logs_seconds", "slave_net_timeout", "replica_net_timeout"})
NO_SECONDS = re.compile(r"rpl_semi_sync_.*|deadlock_timeout_.*|group_replication_.*|wsrep_.*|gcs_.*|ndb_.*")
"""Named `_timeout`, and in milliseconds or less."""

ENDS = {
    ("MySQL", "5.5"): date(2018, 12, 31),
    ("MySQL", "5.6"): date(2021, 2, 28),
    ("MySQL", "5.7"): date(2023, 10, 31),
    ("MySQL", "8.0"): date(2026, 4, 30),
    ("MariaDB", "10.3"): date(2023, 5, 25),
    ("MariaDB", "10.4"): date(2024, 6, 18),
    ("MariaDB", "10.5"): date(2025, 6, 24),
    ("MariaDB", "10.6"): date(2026, 7, 6),
}
"""The last day of a series' support by its maker (dev.mysql.com, mariadb.org/about/#maintenance-policy)."""


async def part(looking: Awaitable[T]) -> T | Unseen:
    """A part, or why it can't be seen."""
    try:
        return await looking
    except CannotRead as error:
        return error.unseen
    except NoSuchTable:
        return Unseen(unseen="not supported", detail="this server has no such thing")


async def look(desk: Desk, ask: DatabaseAsk, seen: dict[str, Any]) -> None:
    """All that is wanted, into `seen` as it is found.

    Raises:
        CannotRead: not even who is logged in can be told.
        Ended: the conversation broke off.
    """
    seen["server"] = server_of(desk.variables.get("version", ""), desk.variables.get("version_comment", ""))
    following = await part(upstream(desk))
    seen["session"] = await session(desk, replicates=await _replicates(desk, following))
    if desk.is_mariadb and seen["server"].product != "MariaDB":
        told = f"{seen['server'].comment}; with MariaDB's own settings"
        seen["server"] = seen["server"].model_copy(update={"comment": told})
    wants = ask.wants
    if wants.settings:
        seen["settings"] = await part(settings(desk, wants.settings))
    if "upstream" in wants.parts:
        seen["upstream"] = following
    if "privileges" in wants.parts:
        seen["privileges"] = await part(privileges(desk))
    if "connections" in wants.parts:
        seen["connections"] = await part(connections(desk))
    if "replicas" in wants.parts:
        seen["replicas"] = await part(replicas(desk))
    if "advice" in wants.parts:
        seen["advice"] = await part(advice(desk, seen["server"].product, seen["server"].version))
    await _look_at_tables(desk, ask, seen)


async def _look_at_tables(desk: Desk, ask: DatabaseAsk, seen: dict[str, Any]) -> None:
    """At last, and for a short time: whoever changes a table waits for those who read it in a transaction."""
    wants = ask.wants
    if wants.tables:
        seen["tables"] = tuple([await part(table(desk, wanted.name)) for wanted in wants.tables])
    if wants.rows:
        seen["rows"] = tuple([await part(rows(desk, wanted)) for wanted in wants.rows])
    if wants.passwords:
        seen["passwords"] = tuple([await part(password(desk, wanted)) for wanted in wants.passwords])


async def _replicates(desk: Desk, following: Upstream | Unseen | None) -> bool:
    """Whether the server copies another one; where that is hidden, MariaDB counts the copies that are under way.

    MySQL hides that, too: a server that is read-only is taken for a replica there.
    """
    if not isinstance(following, Unseen):
        return following is not None
    if desk.is_mariadb:
        _, running = await desk.one("SHOW GLOBAL STATUS LIKE 'Slaves_running'")
        return int(running) > 0
    return desk.is_on("read_only")


async def session(desk: Desk, *, replicates: bool) -> Session:
    """Who is logged in, and where."""
    user, database = await desk.one("SELECT CURRENT_USER(), DATABASE()")
    charset = collation = None
    if database is not None:
        described = await desk.rows(
            "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata"
            " WHERE schema_name = DATABASE()"
        )
        charset, collation = described[0] if described else (None, None)
    names = ("super_read_only", "read_only", "offline_mode", "innodb_read_only", "transaction_read_only")
    hindrances = [name for name in names if desk.is_on(name)]
    if desk.is_on("tx_read_only"):
        hindrances.append("transaction_read_only")
    return Session(
        user=str(user),
        database=database,
        writable=not hindrances,
        recovering=replicates,
        why_read_only=", ".join(dict.fromkeys(hindrances)),
        charset=charset,
        collation=collation,
    )


# --- settings, connections -------------------------------------------------------------------------------------------


async def settings(desk: Desk, names: tuple[str, ...]) -> dict[str, Setting | Unseen]:
    """Those that there are, under the names by which they are asked for."""
    found = await desk.settings(names)
    return {
        name: Setting(value=found[name.lower()], unit=_unit(name.lower(), found[name.lower()]))
        for name in names
        if name.lower() in found
    }


def _unit(name: str, value: str) -> Any:
    """What a number counts, where that is sure."""
    if not re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", value):
        return None
    if name in BYTES or (name.endswith("_size") and not COUNTS.fullmatch(name)):
        return "bytes"
    if name in SECONDS or (name.endswith("_timeout") and not NO_SECONDS.fullmatch(name)):
        return "seconds"
    return None


async def connections(desk: Desk) -> Connections:
    """Those in use, ours among them, of those that there may be; one more is kept for an administrator."""
    return Connections(used=await _connected(desk), limit=int(desk.variables["max_connections"]))


async def _connected(desk: Desk) -> int:
    _, used = await desk.one("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
    return int(used)


# --- replication -----------------------------------------------------------------------------------------------------


async def replicas(desk: Desk) -> tuple[Replica, ...]:
    """Those that take the binary log: a thread of this server for each. How far they are only they know.

    Whoever may not see other accounts' threads sees fewer of them than there are connections.
    """
    connected = await _connected(desk)
    threads = await desk.rows(
        "SELECT host, command, state FROM information_schema.processlist"
        " WHERE command <> 'Daemon' AND user NOT IN ('system user', 'event_scheduler')"
    )
    if len(threads) < connected and not await _may_see_threads(desk):
        told = f"{len(threads)} of {connected} connections are shown: the PROCESS privilege is missing"
        raise CannotRead(Unseen(unseen="not permitted", detail=told))
    dumping = [(str(host or ""), str(state or "")) for host, what, state in threads if what.startswith("Binlog Dump")]
    return tuple(
        Replica(name=host.rpartition(":")[0] or host, state=state, streams=_streams(state)) for host, state in dumping
    )


async def _may_see_threads(desk: Desk) -> bool:
    held = await privileges(desk)
    return any(grant.on == "*.*" and {"PROCESS", "ALL PRIVILEGES"} & set(grant.privileges) for grant in held.grants)


def _streams(state: str) -> bool:
    """It has all of the log, or is being sent the rest."""
    words = state.lower()
    return words.startswith(("sending binlog event", "master has sent all", "source has sent all", "writing to net"))


async def upstream(desk: Desk) -> Upstream | None:
    """Whom this server copies; with several sources, as the worst of them does.

    Raises:
        CannotRead: the right to see it is missing.
    """
    questions = ("SHOW ALL SLAVES STATUS",) if desk.is_mariadb else ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS")
    for number, question in enumerate(questions):
        try:
            channels = [_upstream(row) for row in await desk.named(question)]
        except CannotRead as error:
            if error.unseen.unseen != "not supported" or number == len(questions) - 1:
                raise
        else:
            return _worst(channels)
    return None


def _upstream(row: dict[str, Any]) -> Upstream:
    def value(new: str, old: str) -> str:
        return str(row.get(new) if row.get(new) is not None else row.get(old) or "")

    receives, applies = (
        value("replica_io_running", "slave_io_running"),
        value("replica_sql_running", "slave_sql_running"),
    )
    behind = row.get("seconds_behind_source", row.get("seconds_behind_master"))
    host, port = value("source_host", "master_host"), value("source_port", "master_port")
    errors = (
        f"{row[f'last_{kind}_errno']} {_without_statement(str(row.get(f'last_{kind}_error') or ''))}"
        for kind in ("io", "sql")
        if row.get(f"last_{kind}_errno")
    )
    return Upstream(
        name=f"{host}:{port}" if port else host,
        state=f"receives: {receives}, applies: {applies}",
        streams=receives == applies == "Yes",
        lag_s=float(behind) if behind is not None else None,
        error="; ".join(errors)[:400],
    )


def _without_statement(words: str) -> str:
    """An error without the statement that failed, and without the values of rows."""
    for sharp in SHARP:
        words = words.partition(sharp)[0]
    return re.sub(r"(entry|value:?) '.*?'(?= for )", r"\1 '...'", words, flags=re.DOTALL).strip()


def _worst(channels: list[Upstream]) -> Upstream | None:
    if len(channels) < 2:  # noqa: PLR2004 - none, or one
        return channels[0] if channels else None
    lags = [channel.lag_s for channel in channels]
    return Upstream(
        name=", ".join(channel.name for channel in channels),
        state="; ".join(dict.fromkeys(channel.state for channel in channels)),
        streams=all(channel.streams for channel in channels),
        lag_s=max((lag for lag in lags if lag is not None), default=None) if None not in lags else None,
        error="; ".join(filter(None, (channel.error for channel in channels)))[:400],
    )


# --- privileges ------------------------------------------------------------------------------------------------------


async def privileges(desk: Desk) -> Privileges:
    """All that the login may do, by itself and by its roles, active or not: it may make them active."""
    own = await _granted(desk, "SHOW GRANTS FOR CURRENT_USER()")
    if not own.roles:
        return own
    if desk.is_mariadb:
        return _together([own, *await _of_roles(desk, own.roles)], own.roles)
    using = ", ".join(_role(role) for role in own.roles)
    return _together([await _granted(desk, f"SHOW GRANTS FOR CURRENT_USER() USING {using}")], own.roles)


async def _of_roles(desk: Desk, roles: tuple[str, ...]) -> list[Privileges]:
    """MariaDB shows what a role may do to whoever has made it active; at last the one is active that was."""
    (before,) = await desk.one("SELECT CURRENT_ROLE()")
    held = []
    try:
        for role in roles:
            await desk.do(f"SET ROLE {identifier(role)}")
            held.append(await _granted(desk, f"SHOW GRANTS FOR {identifier(role)}"))
    finally:
        await desk.do(f"SET ROLE {identifier(before)}" if before else "SET ROLE NONE")
    return held


def _role(role: str) -> str:
    name, _, host = role.partition("@")
    quoted = [part.replace("'", "''").replace("%", "%%") for part in (name, host or grants.EVERY_HOST)]
    return f"'{quoted[0]}'@'{quoted[1]}'"


async def _granted(desk: Desk, sql: str) -> Privileges:
    lines = [str(line) for (line,) in await desk.rows(sql)]
    try:
        return grants.read(lines)
    except grants.UnreadableError as error:
        raise CannotRead(Unseen(unseen="failed", detail=str(error))) from error


def _together(held: list[Privileges], roles: tuple[str, ...]) -> Privileges:
    together: dict[str, set[str]] = {}
    for grant in (grant for one in held for grant in one.grants):
        together.setdefault(grant.on, set()).update(grant.privileges)
    merged = tuple({"on": on, "privileges": tuple(sorted(of))} for on, of in sorted(together.items()))
    return Privileges.model_validate({"grants": merged, "roles": roles})


# --- advice ----------------------------------------------------------------------------------------------------------


async def advice(desk: Desk, product: str, version: str) -> tuple[Unwell, ...]:
    """What an administrator would look into."""
    found = [*_old(product, version, datetime.now(UTC).date()), *await _of_tables(desk)]
    transactions = await part(_long_transactions(desk))
    return (*found, *transactions) if not isinstance(transactions, Unseen) else tuple(found)


def _old(product: str, version: str, today: date) -> list[Unwell]:
    series = ".".join(version.split(".")[:2])
    end = ENDS.get((product, series))
    if end is None or today <= end:
        return []
    return [Unwell(kind="old", what=f"{product} {series} had its last update from its maker by {end:%d %b %Y}")]


async def _long_transactions(desk: Desk) -> list[Unwell]:
    """Of other accounts, too: who has not the right to see those is not told of any."""
    ages = await desk.rows(
        "SELECT TIMESTAMPDIFF(SECOND, trx_started, NOW()), trx_rows_modified FROM information_schema.innodb_trx"
        " WHERE trx_started < NOW() - INTERVAL %s SECOND ORDER BY trx_started LIMIT 6",
        (LONG_S,),
    )
    return [
        Unwell(kind="long transaction", what=f"open for {int(age) // 60} minutes, {int(changed)} rows changed")
        for age, changed in ages[:MOST_NAMES]
    ]


async def _of_tables(desk: Desk) -> list[Unwell]:
    unkeyed = await desk.rows(
        "SELECT t.table_name FROM information_schema.tables t"
        " LEFT JOIN information_schema.table_constraints c ON c.table_schema = t.table_schema"
        " AND c.table_name = t.table_name AND c.constraint_type IN ('PRIMARY KEY', 'UNIQUE')"
        " WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND c.table_name IS NULL"
        " ORDER BY 1 LIMIT 1000"
    )
    unsafe = await desk.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        " AND table_type = 'BASE TABLE' AND engine IN ('MyISAM', 'Aria') ORDER BY 1 LIMIT 1000"
    )
    found = []
    if unkeyed:
        found.append(Unwell(kind="no primary key", what=_listed([name for (name,) in unkeyed])))
    if unsafe:
        told = f"{_listed([name for (name,) in unsafe])} in an engine without transactions"
        found.append(Unwell(kind="not transactional", what=told))
    return found


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
