"""What a database's catalogue says of a table, in each product's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from roadworthy.facts.migrations import ColumnState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roadworthy.probes.reader import Reader


class Catalogue(Protocol):
    """One table. Each question raises what `Reader.rows` raises."""

    @property
    def reader(self) -> Reader:
        """The session."""

    async def exists(self) -> bool:
        """Whether there is such a table."""

    async def columns(self, names: Sequence[str]) -> dict[str, ColumnState]:
        """Those of these columns that there are."""

    async def leads_an_index(self, column: str) -> str | None:
        """The type of a column that an index of all rows begins with; None: there is none."""

    async def rows_about(self) -> int | None:
        """The server's own estimate."""

    def moment(self, kind: str, at: datetime) -> tuple[str, object]:
        """A placeholder and its value, to compare a column of such a type with a moment. No zone: UTC."""


def catalogue_of(reader: Reader, table: str) -> Catalogue:
    """The product's own."""
    return OfPostgres(reader, table) if reader.engine == "postgresql" else OfMysql(reader, table)


def moment_of(kind: str, at: datetime) -> object:
    """A moment as a column of such a type has it."""
    if "int" in kind or kind in ("decimal", "numeric"):
        return int(at.timestamp())
    return at if "with time zone" in kind else at.astimezone(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class OfPostgres:
    """PostgreSQL."""

    reader: Reader
    table: str

    async def exists(self) -> bool:
        """By the search path."""
        return bool((await self.reader.rows("SELECT to_regclass(%s::text) IS NOT NULL", (self._name,)))[0][0])

    async def columns(self, names: Sequence[str]) -> dict[str, ColumnState]:
        """As the catalogue has them."""
        marks = ", ".join(["%s"] * len(names))
        rows = await self.reader.rows(
            "SELECT a.attname::text, a.attnum, a.attnotnull, a.atthasdef OR a.attidentity <> '' "  # noqa: S608 - marks
            "FROM pg_catalog.pg_attribute a WHERE a.attrelid = to_regclass(%s::text) AND a.attnum > 0 "
            f"AND NOT a.attisdropped AND a.attname::text IN ({marks})",
            (self._name, *names),
        )
        constraints = await self.reader.rows(
            "SELECT contype::text, convalidated, pg_get_constraintdef(oid), conkey FROM pg_catalog.pg_constraint "
            "WHERE conrelid = to_regclass(%s::text) AND contype IN ('c', 'n')",
            (self._name,),
        )
        return {
            name: ColumnState(nullable=not _never_null(name, number, constraints, marked=marked), default=bool(default))
            for name, number, marked, default in rows
        }

    async def leads_an_index(self, column: str) -> str | None:
        """Valid, and of all rows."""
        rows = await self.reader.rows(
            "SELECT format_type(a.atttypid, NULL) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a "
            "ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
            "WHERE i.indrelid = to_regclass(%s::text) AND a.attname = %s AND i.indisvalid AND i.indpred IS NULL "
            "LIMIT 1",
            (self._name, column),
        )
        return str(rows[0][0]) if rows else None

    async def rows_about(self) -> int | None:
        """As it was last counted."""
        rows = await self.reader.rows(
            "SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = to_regclass(%s::text)", (self._name,)
        )
        return int(rows[0][0]) if rows and rows[0][0] >= 0 else None  # -1: nobody has counted yet

    def moment(self, kind: str, at: datetime) -> tuple[str, object]:
        """As the type has it."""
        return "%s", moment_of(kind, at)

    @property
    def _name(self) -> str:
        return self.reader.quote(self.table)


def _never_null(name: str, number: int, constraints: list[tuple[object, ...]], *, marked: bool) -> bool:
    """Whether it is NOT NULL for all rows there are: by its mark, or by a CHECK that says no more than that.

    PostgreSQL 18 marks a column whose constraint is NOT VALID, too.
    """
    words = {f"CHECK (({name} IS NOT NULL))", f'CHECK (("{name}" IS NOT NULL))'}
    is_checked = any(kind == "c" and valid and text in words for kind, valid, text, _ in constraints)
    is_open = any(
        kind == "n" and not valid and isinstance(of, list) and number in of for kind, valid, _, of in constraints
    )
    return is_checked or (marked and not is_open)


@dataclass(frozen=True)
class OfMysql:
    """MySQL, MariaDB."""

    reader: Reader
    table: str

    async def exists(self) -> bool:
        """Raises where it is not."""
        await self.reader.rows(f"SELECT 1 FROM {self.reader.quote(self.table)} LIMIT 0")  # noqa: S608 - it is quoted
        return True

    async def columns(self, names: Sequence[str]) -> dict[str, ColumnState]:
        """As the catalogue has them."""
        marks = ", ".join(["%s"] * len(names))
        rows = await self.reader.rows(
            "SELECT column_name, is_nullable, column_default, extra FROM information_schema.columns "  # noqa: S608 - marks
            f"WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s AND column_name IN ({marks})",
            (*self._place, *names),
        )
        told = {
            name.lower(): ColumnState(
                nullable=str(nullable).upper() == "YES",
                default=default not in (None, "NULL") or "GENERATED" in str(extra).upper(),
            )
            for name, nullable, default, extra in rows
        }
        return {name: told[name.lower()] for name in names if name.lower() in told}

    async def leads_an_index(self, column: str) -> str | None:
        """Valid, and of all rows."""
        rows = await self.reader.rows(
            "SELECT c.data_type FROM information_schema.statistics s JOIN information_schema.columns c "
            "ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name "
            "WHERE s.table_schema = COALESCE(%s, DATABASE()) AND s.table_name = %s AND s.column_name = %s "
            "AND s.seq_in_index = 1 LIMIT 1",
            (*self._place, column),
        )
        return str(rows[0][0]).lower() if rows else None

    async def rows_about(self) -> int | None:
        """As it was last counted."""
        rows = await self.reader.rows(
            "SELECT table_rows FROM information_schema.tables "
            "WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s",
            self._place,
        )
        return int(rows[0][0]) if rows and rows[0][0] is not None else None

    def moment(self, kind: str, at: datetime) -> tuple[str, object]:
        """As the type has it."""
        if kind == "timestamp":  # which the session's own zone is applied to
            return "FROM_UNIXTIME(%s)", int(at.timestamp())
        return "%s", moment_of(kind, at)

    @property
    def _place(self) -> tuple[str | None, str]:
        schema, _, table = self.table.rpartition(".")
        return schema or None, table
