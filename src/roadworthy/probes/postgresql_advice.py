"""What a database administrator would look into on a PostgreSQL server, from its statistics; no statement's text.

What this login may not see is left out: advice promises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from roadworthy.facts.database import Unwell
from roadworthy.facts.store import Unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.probes.postgresql_session import Talk

MOST = 5
"""Of one kind."""

ENDS = {
    9: date(2021, 11, 11),
    10: date(2022, 11, 10),
    11: date(2023, 11, 9),
    12: date(2024, 11, 21),
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""The last release of each major version. https://www.postgresql.org/support/versioning/"""

OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
LONG = f"""
SELECT usename::text, state, extract(epoch FROM clock_timestamp() - xact_start)::bigint FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND xact_start < clock_timestamp() - interval '15 minutes' ORDER BY xact_start LIMIT {MOST}
"""  # noqa: S608 - fixed text
INVALID = f"""
SELECT n.nspname || '.' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready) AND {OURS}
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
ORDER BY 1 LIMIT {MOST}
"""  # noqa: S608 - as above
WRAPAROUND = f"""
SELECT datname::text, greatest(age(datfrozenxid), mxid_age(datminmxid))::bigint FROM pg_database
WHERE greatest(age(datfrozenxid), mxid_age(datminmxid)) > 1500000000 ORDER BY 2 DESC LIMIT {MOST}
"""  # noqa: S608 - as above
BLOAT = f"""
SELECT schemaname || '.' || relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables
WHERE n_dead_tup > 100000 AND n_dead_tup > 0.4 * n_live_tup ORDER BY n_dead_tup DESC LIMIT {MOST}
"""  # noqa: S608 - as above
KEYLESS = f"""
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' AND {OURS}
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.reltuples DESC, 1 LIMIT {MOST}
"""  # noqa: S608 - as above
SLOTS = f"""
SELECT slot, kept FROM (
       SELECT slot_name::text AS slot, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
              ELSE pg_current_wal_lsn() END, restart_lsn)::bigint AS kept
       FROM pg_replication_slots WHERE NOT active) slots
WHERE kept > 1073741824 ORDER BY 2 DESC LIMIT {MOST}
"""  # noqa: S608 - as above
PREPARED = f"""
SELECT extract(epoch FROM clock_timestamp() - prepared)::bigint, database::text FROM pg_prepared_xacts
WHERE prepared < clock_timestamp() - interval '15 minutes' ORDER BY prepared LIMIT {MOST}
"""  # noqa: S608 - as above

MEBIBYTE = 1 << 20


@dataclass
class Advice:
    """The looks for what is unwell."""

    talk: Talk
    observed_at: datetime

    async def all(self) -> tuple[Unwell, ...] | Unseen:
        """All of it that can be seen; Unseen: nothing could be."""
        found: list[Unwell] = []
        unseen: list[Unseen] = []
        for kind, sql, words in LOOKS:
            rows = await self.talk.look(f"advice on {kind}", partial(self.talk.rows, sql))
            if isinstance(rows, Unseen):
                unseen.append(rows)
            else:
                found += (Unwell.model_validate({"kind": kind, "what": words(row)}) for row in rows)
        if len(unseen) == len(LOOKS):
            return unseen[0]
        return (*found, *self._old(await self.talk.look("the version", self._major)))

    async def _major(self) -> int:
        (number,) = await self.talk.one("SELECT current_setting('server_version_num')::int")
        return int(number) // 10000

    def _old(self, major: int | Unseen) -> Iterable[Unwell]:
        ends = None if isinstance(major, Unseen) else ENDS.get(major)
        if ends is not None and ends < self.observed_at.date():
            yield Unwell(kind="old", what=f"PostgreSQL {major} has had no corrections since {ends:%d %b %Y}")


def lasting(seconds: int) -> str:
    """3 h 20 min."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _long(row: tuple[Any, ...]) -> str:
    user, state, seconds = row
    return f"a transaction of {user} has been open for {lasting(seconds)} ({state})"


def _bloat(row: tuple[Any, ...]) -> str:
    return f"{row[0]} has {row[1]} dead rows beside {row[2]} live ones: autovacuum does not keep up"


LOOKS: tuple[tuple[str, str, Callable[[tuple[Any, ...]], str]], ...] = (
    ("long transaction", LONG, _long),
    ("invalid index", INVALID, lambda row: f"{row[0]} is not valid, and costs every write"),
    ("wraparound", WRAPAROUND, lambda row: f"{row[0]}: {row[1]} of 2147483648 transaction numbers are used up"),
    ("bloat", BLOAT, _bloat),
    ("no primary key", KEYLESS, lambda row: f"{row[0]} has no primary key"),
    ("abandoned slot", SLOTS, lambda row: f"the slot {row[0]} is not in use and keeps {row[1] // MEBIBYTE} MiB of WAL"),
    ("prepared", PREPARED, lambda row: f"a transaction in {row[1]} has been prepared for {lasting(row[0])}"),
)
