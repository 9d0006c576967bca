"""Migrations: what a tool's own record says, and columns in the catalogue; one read-only session with the database.

No table is scanned without a bound: whether a NULL is left is asked for one, within the session's time-out, and new
rows are read in the order of an index, a few of them.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from roadworthy.facts.migrations import (
    Applied,
    ChangeSeen,
    ChangeWanted,
    ColumnState,
    History,
    MigrationsObservation,
    RecentRows,
    RecordWanted,
)
from roadworthy.facts.store import Unseen
from roadworthy.probes.migrations_catalogue import Catalogue, catalogue_of
from roadworthy.probes.reader import CannotRead, NoSuchTable, Reader, hold, open_reader
from roadworthy.target.migration_names import flyway_name, flyway_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.facts.migrations import MigrationsAsk
    from roadworthy.probes.bench import Address, Bench

    Row = tuple[Any, ...]

FLYWAY_ENTRY = "SELECT version, script, type, success FROM {} ORDER BY installed_rank"
RECORDS = {
    "laravel": "SELECT migration FROM {} ORDER BY batch, migration",
    "alembic": "SELECT version_num FROM {} ORDER BY version_num",
    "flyway": FLYWAY_ENTRY,
    "liquibase": "SELECT id, author, exectype FROM {} ORDER BY orderexecuted",
    "django": "SELECT app, name FROM {} ORDER BY id",
    "knex": "SELECT name FROM {} ORDER BY id",
    "rails": "SELECT version FROM {} ORDER BY version",
}
"""What each tool's record is asked."""


async def observe(ask: MigrationsAsk, address: Address, bench: Bench) -> MigrationsObservation:
    """What is recorded, and how far changes have come.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    observed_at = datetime.now(UTC)
    if ask.engine == "mongodb":
        documents = import_module("roadworthy.probes.migrations_documents")
        session = import_module("roadworthy.probes.mongodb").database(ask, address, bench)
        seen = await hold(session, documents.look_of(ask, bench), bench)
    else:

        async def look(reader: Reader, seen: dict[str, Any]) -> None:
            await _look(ask, reader, seen)

        seen = await hold(open_reader(ask, address, bench), look, bench)
    return MigrationsObservation(observed_at=observed_at, **seen)


async def _look(ask: MigrationsAsk, reader: Reader, seen: dict[str, Any]) -> None:
    if ask.record is not None:
        seen["history"] = await _history(reader, ask.record)
    seen["changes"] = ()
    for wanted in ask.changes:
        seen["changes"] += (await _change(catalogue_of(reader, wanted.table), wanted),)


# --- the record ------------------------------------------------------------------------------------------------------


async def _history(reader: Reader, record: RecordWanted) -> History | Unseen:
    table = record.table.upper() if record.table == "databasechangelog" and _in_capitals(reader) else record.table
    try:
        rows = await reader.rows(_question(reader, record, table))
    except NoSuchTable:
        return History(table=table, exists=False)
    except CannotRead as error:
        return error.unseen
    locked, unseen = await _lock(reader, record.tool, table)
    applied = tuple(ENTRIES.get(record.tool, _plain)(row) for row in rows)
    return History(table=table, applied=applied, locked=locked, lock_unseen=unseen)


def _in_capitals(reader: Reader) -> bool:
    """Liquibase writes its names in capitals, which PostgreSQL takes for small letters."""
    return reader.engine != "postgresql"


def _question(reader: Reader, record: RecordWanted, table: str) -> str:
    if record.tool in RECORDS:
        return RECORDS[record.tool].format(reader.quote(table))
    columns = [reader.quote(name) for name in (record.column, record.dirty) if name is not None]
    order = f" ORDER BY {reader.quote(record.order_by)}" if record.order_by is not None else ""
    return f"SELECT {', '.join(columns)} FROM {reader.quote(table)}{order}"  # noqa: S608 - all are quoted


def _plain(row: Row) -> Applied:
    dirty = len(row) > 1 and bool(row[1])
    return Applied(name=_text(row[0]), failed=dirty, state="dirty" if dirty else "")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _django(row: Row) -> Applied:
    return Applied(name=f"{row[0]}.{row[1]}")


def _liquibase(row: Row) -> Applied:
    state = _text(row[2] or "")
    return Applied(name=f"{row[1]}:{row[0]}", state=state, failed=state == "FAILED")


def _flyway(row: Row) -> Applied:
    version, script, state, success = row
    name = f"V{flyway_version(_text(version))}" if version is not None else flyway_name(_text(script)) or _text(script)
    failed = success in (False, 0, b"\0")
    return Applied(name=name, state=_text(state), failed=failed)


ENTRIES: dict[str, Callable[[Row], Applied]] = {"django": _django, "liquibase": _liquibase, "flyway": _flyway}


async def _lock(reader: Reader, tool: str, table: str) -> tuple[str, Unseen | None]:
    """Who holds the tool's lock; why that can't be told."""
    if tool not in ("knex", "liquibase"):
        return "", None
    name = f"{table}_lock" if tool == "knex" else f"{table}{'LOCK' if table.isupper() else 'lock'}"
    columns = "is_locked" if tool == "knex" else "locked, lockgranted, lockedby"
    try:
        rows = await reader.rows(f"SELECT {columns} FROM {reader.quote(name)}")  # noqa: S608 - it is quoted
    except NoSuchTable:
        return "", Unseen(unseen="failed", detail=f"there is no table {name}")
    except CannotRead as error:
        return "", error.unseen
    for row in rows:
        if row[0] not in (None, False, 0, b"\0"):
            since = f" since {row[1]:%Y-%m-%d %H:%M:%S}" if len(row) > 1 and isinstance(row[1], datetime) else ""
            by = f" by {_text(row[2])[:100]}" if len(row) > 2 and row[2] else ""  # noqa: PLR2004 - Liquibase says who
            return f"{name} is held{by}{since}", None
    return "", None


# --- columns ---------------------------------------------------------------------------------------------------------


async def _change(catalogue: Catalogue, wanted: ChangeWanted) -> ChangeSeen | Unseen:
    try:
        if not await catalogue.exists():
            return ChangeSeen(table_exists=False)
        names = [name for name in (wanted.new, wanted.old) if name is not None]
        columns = await catalogue.columns(names)
    except NoSuchTable:
        return ChangeSeen(table_exists=False)
    except CannotRead as error:
        return error.unseen
    new = columns.get(wanted.new)
    seen = ChangeSeen(new=new, old=columns.get(wanted.old or ""))
    if new is None:
        return seen
    parts: dict[str, Any] = {}
    if wanted.nulls:
        parts["has_null"] = await _has_null(catalogue, wanted, new)
    if wanted.by is not None and seen.old is not None:
        parts["recent"] = await _recent(catalogue, wanted)
    return seen.model_copy(update=parts)


async def _has_null(catalogue: Catalogue, wanted: ChangeWanted, new: ColumnState) -> bool | Unseen:
    """Whether a row has NULL there; the catalogue knows, where it can't be NULL."""
    if not new.nullable:
        return False
    reader = catalogue.reader
    question = f"SELECT 1 FROM {reader.quote(wanted.table)} WHERE {reader.quote(wanted.new)} IS NULL LIMIT 1"  # noqa: S608 - quoted
    try:
        return bool(await reader.rows(question))
    except NoSuchTable as error:
        return Unseen(unseen="failed", detail=error.detail)
    except CannotRead as error:
        if error.unseen.unseen != "took too long":
            return error.unseen
    about: int | None = None
    with suppress(CannotRead, NoSuchTable):
        about = await catalogue.rows_about()
    size = f"about {about:,} rows" if about is not None else "of unknown size"
    return Unseen(
        unseen="took too long",
        detail=f"a NULL in {wanted.table}.{wanted.new} was looked for until the time-out, and the table ({size}) was "
        "not through; an index on the column, where it is NULL, answers at once",
    )


async def _recent(catalogue: Catalogue, wanted: ChangeWanted) -> RecentRows | Unseen:
    """The newest rows, in the order of an index."""
    assert wanted.by is not None  # noqa: S101 - the caller has looked
    assert wanted.since is not None  # noqa: S101 - one goes with the other
    reader = catalogue.reader
    new, old, by = (reader.quote(name) for name in (wanted.new, wanted.old or "", wanted.by))
    try:
        kind = await catalogue.leads_an_index(wanted.by)
        if kind is None:
            return Unseen(unseen="not supported", detail=f"no index of {wanted.table} begins with {wanted.by}")
        mark, moment = catalogue.moment(kind, wanted.since)
        rows = await reader.rows(
            f"SELECT CASE WHEN {old} IS NOT NULL AND {new} IS NULL THEN 1 ELSE 0 END "  # noqa: S608 - all are quoted
            f"FROM {reader.quote(wanted.table)} WHERE {by} >= {mark} ORDER BY {by} DESC LIMIT {wanted.at_most}",
            (moment,),
        )
    except NoSuchTable as error:
        return Unseen(unseen="failed", detail=error.detail)
    except CannotRead as error:
        return error.unseen
    return RecentRows(looked=len(rows), lacking=sum(int(row[0]) for row in rows))
