"""Tables of MySQL and MariaDB: what they are made of, how many rows fit, whose hash is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roadworthy.facts.database import ColumnSeen, IndexSeen, PasswordSeen, TableSeen
from roadworthy.facts.store import Unseen
from roadworthy.probes.hashes import compare_aside
from roadworthy.probes.mysql_desk import identifier
from roadworthy.probes.reader import CannotRead, NoSuchTable

if TYPE_CHECKING:
    from roadworthy.facts.database import PasswordWanted, RowsWanted, Scalar
    from roadworthy.probes.mysql_desk import Desk


async def table(desk: Desk, name: str) -> TableSeen:
    """One table or view.

    Only who may read all of a table sees all of its columns; to others some are hidden, as if they were not there.

    Raises:
        CannotRead: it can't be told whether it is there, or not all of it may be seen.
    """
    try:
        await desk.rows(f"SELECT * FROM {desk.quote(name)} LIMIT 0")  # noqa: S608 - a quoted name
    except NoSuchTable:
        return TableSeen(name=name, exists=False)
    schema, _, bare = name.rpartition(".")
    where = "WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s"
    place = (schema or None, bare)
    columns = await desk.named(f"SELECT * FROM information_schema.columns {where} ORDER BY ordinal_position", place)  # noqa: S608 - a constant
    indexes = await desk.named(
        f"SELECT * FROM information_schema.statistics {where} ORDER BY index_name, seq_in_index",  # noqa: S608 - as above
        place,
    )
    about = await desk.rows(f"SELECT table_rows FROM information_schema.tables {where}", place)  # noqa: S608 - as above
    if not columns or not about:
        raise CannotRead(Unseen(unseen="failed", detail=f"{name} is there, and not described"))
    return TableSeen(
        name=name,
        columns=tuple(map(_column, columns)),
        indexes=_indexes(indexes),
        rows_about=int(about[0][0]) if about[0][0] is not None else None,
    )


def _column(row: dict[str, Any]) -> ColumnSeen:
    return ColumnSeen(
        name=str(row["column_name"]),
        type=_text(row["column_type"]).lower(),
        nullable=row["is_nullable"] == "YES",
        default=row["column_default"] is not None or bool(row.get("extra")),
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _indexes(rows: list[dict[str, Any]]) -> tuple[IndexSeen, ...]:
    parts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        parts.setdefault(str(row["index_name"]), []).append(row)
    return tuple(
        IndexSeen(
            name=name,
            columns=tuple(map(_index_column, of)),
            unique=not int(of[0]["non_unique"]),
            valid=of[0].get("is_visible", "YES") == "YES" and of[0].get("ignored", "NO") == "NO",
        )
        for name, of in parts.items()
    )


def _index_column(row: dict[str, Any]) -> str:
    """A column, or of MySQL the expression that stands in its place."""
    return str(row["column_name"]) if row["column_name"] is not None else _text(row.get("expression") or "?")


async def rows(desk: Desk, wanted: RowsWanted) -> int:
    """How many rows there are, counted no further than asked for."""
    conditions, values = _where(wanted.where)
    sql = f"SELECT COUNT(*) FROM (SELECT 1 FROM {desk.quote(wanted.table)}{conditions} LIMIT %s) AS some"  # noqa: S608 - quoted names
    try:
        (count,) = await desk.one(sql, (*values, wanted.up_to))
    except NoSuchTable as error:
        if wanted.up_to == 1:  # where none may be there, a table that is not there is no proof
            raise CannotRead(Unseen(unseen="failed", detail=error.detail)) from error
        return 0
    return int(count)


def _where(where: tuple[tuple[str, Scalar], ...]) -> tuple[str, tuple[Scalar, ...]]:
    conditions = " AND ".join(f"{identifier(column)} = %s" for column, _ in where)
    return (f" WHERE {conditions}" if where else ""), tuple(value for _, value in where)


async def password(desk: Desk, wanted: PasswordWanted) -> PasswordSeen:
    """What becomes of comparing one stored hash, which is kept by nobody."""
    conditions, values = _where(wanted.where)
    column = identifier(wanted.column)
    sql = f"SELECT {column} FROM {desk.quote(wanted.table)}{conditions} LIMIT 2"  # noqa: S608 - quoted names
    try:
        found = await desk.rows(sql, values)
    except NoSuchTable as error:
        raise CannotRead(Unseen(unseen="failed", detail=error.detail)) from error
    if not found or found[0][0] is None:
        return PasswordSeen(found=len(found))
    outcome = await compare_aside(_text(found[0][0]), wanted.published)
    return PasswordSeen(found=len(found), scheme=outcome.scheme, matches=outcome.matched, compared=outcome.compared)
