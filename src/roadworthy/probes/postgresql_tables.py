"""Tables of a PostgreSQL database: what they are made of, from the catalogue, and rows that are counted by condition.

A table whose schema is kept from the login is *not permitted*, not missing; and a count that row-level security cuts
short is none (`SET LOCAL row_security = off` makes it an error).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from roadworthy.facts.database import ColumnSeen, IndexSeen, PasswordSeen, TableSeen
from roadworthy.facts.store import Unseen
from roadworthy.probes.hashes import compare_aside
from roadworthy.probes.postgresql_session import quoted, quoted_part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.database import PasswordWanted, RowsWanted, Scalar
    from roadworthy.probes.postgresql_session import Talk

MOST_ACCOUNTS = 10
MOST_PARTS = 2000
"""Columns or indexes of one table; PostgreSQL has 1600 columns at most."""

COLUMNS = """
SELECT a.attname::text, lower(format_type(a.atttypid, a.atttypmod)), a.attnotnull,
       a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> ''
FROM pg_attribute a WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
INDEXES = """
SELECT c.relname::text, i.indisunique, i.indisvalid AND i.indisready AND i.indislive,
       ARRAY(SELECT coalesce(a.attname::text, pg_get_indexdef(i.indexrelid, k, true))
             FROM generate_series(1, i.indnkeyatts::int) k
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum <> 0
             ORDER BY k)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s ORDER BY 1
"""
TABLE = """
SELECT c.relrowsecurity, c.relforcerowsecurity, c.reltuples::bigint,
       ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
FROM pg_class c WHERE c.oid = %s
"""
ELSEWHERE = """
SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT has_schema_privilege(n.oid, 'USAGE') LIMIT 1
"""


@dataclass
class Tables:
    """The looks at tables."""

    talk: Talk

    async def table(self, name: str) -> TableSeen | Unseen:
        """What a table is made of."""
        return await self.talk.look(f"the table {name}", partial(self._table, name))

    async def _table(self, name: str) -> TableSeen | Unseen:
        (oid,) = await self.talk.one("SELECT to_regclass(%s)::oid::bigint", (quoted(name).replace("%%", "%"),))
        if oid is None:
            hidden = [] if "." in name else await self.talk.rows(ELSEWHERE, (name,))
            if hidden:
                return Unseen(
                    unseen="not permitted", detail=f"the login may not use the schema {hidden[0][0]}, where one is"
                )
            return TableSeen(name=name, exists=False)
        on, forced, about, policies = await self.talk.one(TABLE, (oid,))
        columns = await self.talk.rows(COLUMNS, (oid,), MOST_PARTS)
        indexes = await self.talk.rows(INDEXES, (oid,), MOST_PARTS)
        security: Literal["off", "on", "forced"] = "off" if not on else "forced" if forced else "on"
        return TableSeen(
            name=name,
            columns=tuple(
                ColumnSeen(name=column, type=kind, nullable=not not_null, default=default)
                for column, kind, not_null, default in columns
            ),
            indexes=tuple(
                IndexSeen(name=index, columns=tuple(of), unique=unique, valid=valid)
                for index, unique, valid, of in indexes
            ),
            row_security=security,
            policies=tuple(policies),
            rows_about=about if about >= 0 else None,
        )

    async def count(self, wanted: RowsWanted) -> int | Unseen:
        """Rows, no further than needed. Those that may be seen suffice, where there are enough of them."""
        seen = await self.talk.look(f"rows of {wanted.table}", partial(self._count, wanted))
        if isinstance(seen, Unseen) and seen.unseen == "not permitted":
            partly = await self.talk.look(f"rows of {wanted.table}", partial(self._count_some, wanted))
            if isinstance(partly, int) and partly >= wanted.up_to:
                return partly
        return seen

    async def _count(self, wanted: RowsWanted) -> int:
        condition, given = _where(wanted.where)
        sql = f"SELECT count(*) FROM (SELECT FROM {quoted(wanted.table)}{condition} LIMIT {wanted.up_to:d}) found"  # noqa: S608 - quoted, bound
        (count,) = await self.talk.one(sql, given)
        return int(count)

    async def _count_some(self, wanted: RowsWanted) -> int:
        """With row-level security: those that this user sees."""
        await self.talk.rows("SET LOCAL row_security = on")
        count = await self._count(wanted)
        await self.talk.rows("SET LOCAL row_security = off")
        return count

    async def password(self, wanted: PasswordWanted) -> PasswordSeen | Unseen:
        """What comparing a stored hash comes to; the hash goes no further than this."""
        return await self.talk.look(f"a hash in {wanted.table}", partial(self._password, wanted))

    async def _password(self, wanted: PasswordWanted) -> PasswordSeen:
        condition, given = _where(wanted.where)
        column = quoted_part(wanted.column)
        sql = f"SELECT {column}::text FROM {quoted(wanted.table)}{condition} LIMIT {MOST_ACCOUNTS}"  # noqa: S608 - as above
        rows = await self.talk.rows(sql, given)
        if not rows or rows[0][0] is None:
            return PasswordSeen(found=len(rows))
        compared = await compare_aside(_text(rows[0][0]), wanted.published)
        return PasswordSeen(
            found=len(rows), scheme=compared.scheme, matches=compared.matched, compared=compared.compared
        )


def _where(conditions: Iterable[tuple[str, Scalar]]) -> tuple[str, tuple[Any, ...]]:
    """A condition with its values apart from it; the column's own type reads them."""
    columns, values = [], []
    for column, value in conditions:
        columns.append(f"{quoted_part(column)} = %s")
        values.append(str(value).lower() if isinstance(value, bool) else str(value))
    return (" WHERE " + " AND ".join(columns) if columns else ""), tuple(values)


def _text(stored: str) -> str:
    """A hash that is kept as bytes, as text."""
    if not stored.startswith("\\x"):
        return stored
    try:
        return bytes.fromhex(stored[2:]).decode("latin-1")
    except ValueError:
        return stored
