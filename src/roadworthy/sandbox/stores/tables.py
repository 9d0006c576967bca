"""Tables that keep what is promised of them, with every column that any promise needs, and the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.database import Database
    from roadworthy.target.blocks.database import Table as Promised

OTHER_HASH = "$2b$04$zI8rJ7bH5cVv0yK1n6m3eO0b0GgY8m0q9gq2p2i0t6c1b4l3V7l9S"
"""Of a password that nobody published (bcrypt)."""

Value = str | int | bool | None


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str = "text"
    nullable: bool = True


@dataclass(frozen=True)
class Index:
    """An index of a table."""

    name: str
    columns: tuple[str, ...]
    valid: bool = True


@dataclass(frozen=True)
class Table:
    """A table and what is in it."""

    name: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    row_security: str = "off"
    policies: tuple[str, ...] = ()
    rows: tuple[tuple[tuple[str, Value], ...], ...] = ()


def tables_of(promised: Database) -> Iterable[Table]:
    """Every table that any promise names, with every column that any promise needs."""
    wheres = [(rows.table, dict(rows.where)) for rows in promised.rows or ()]
    wheres += [(one.table, {**one.where, one.column: ""}) for one in promised.published_passwords or ()]
    for name in dict.fromkeys((*(promised.tables or {}), *(table for table, _ in wheres))):
        table = (promised.tables or {}).get(name)
        columns = {column.name: column for column in _columns(table)}
        for where in (where for other, where in wheres if other == name):
            for column, value in where.items():
                columns.setdefault(column, Column(column, _type_of(value)))
        yield Table(
            name=name,
            columns=tuple(columns.values()) or (Column("id", "bigint"),),
            indexes=tuple(Index(index, tuple(of or ())) for index, of in ((table and table.indexes) or {}).items()),
            row_security=(table.row_level_security if table else None) or "off",
            policies=(table.policies if table else None) or (),
            rows=tuple(tuple(row.items()) for row in _rows(promised, name)),
        )


def _columns(table: Promised | None) -> Iterable[Column]:
    for name, column in ((table.columns if table else None) or {}).items():
        nullable = column is None or column.nullable is not False
        yield Column(name, (column.type if column else None) or "text", nullable)
    for columns in ((table.indexes if table else None) or {}).values():
        yield from (Column(name) for name in columns or () if name not in ((table and table.columns) or {}))


def _type_of(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "bigint" if isinstance(value, int) else "text"


def _rows(promised: Database, table: str) -> Iterable[dict[str, Value]]:
    """As many as are promised; an account with a published password is one of them, where it can be."""
    published = [one for one in promised.published_passwords or () if one.table == table]
    accounts: list[dict[str, Value]] = [{**one.where, one.column: OTHER_HASH} for one in published]
    wanted = [rows for rows in promised.rows or () if rows.table == table]
    for rows in wanted:
        count = rows.count if rows.count is not None else rows.at_least or 0
        for _ in range(count):
            fitting = accounts.pop() if accounts else {}
            row: dict[str, Value] = {**fitting, **rows.where}
            yield row
    yield from accounts
