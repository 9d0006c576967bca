"""What an application leaves in its stores: its tool's record of migrations, columns on their way, tables of jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.stores.tables import Column, Index, Table, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roadworthy.target.blocks.migrations import ColumnChange, Migrations
    from roadworthy.target.blocks.queues import JobTable, Queues
    from roadworthy.target.models import Component

Row = tuple[tuple[str, Value], ...]


def with_applications(tables: Iterable[Table], component: Component) -> tuple[Table, ...]:
    """The tables of a database, with what its application's migrations and queues need of them."""
    found = {table.name: table for table in tables}
    for table in _tables(component):
        found[table.name] = _merged(found[table.name], table) if table.name in found else table
    return tuple(found.values())


def _merged(here: Table, other: Table) -> Table:
    """Both, the other one's columns as it says."""
    columns = {column.name: column for column in (*here.columns, *other.columns)}
    indexes = {index.name: index for index in (*here.indexes, *other.indexes)}
    return Table(
        name=here.name,
        columns=tuple(columns.values()),
        indexes=tuple(indexes.values()),
        row_security=here.row_security,
        policies=here.policies,
        rows=(*here.rows, *other.rows),
    )


def _tables(component: Component) -> Iterator[Table]:
    promised, engine = component.migrations, component.database.engine if component.database else ""
    if promised is not None and promised.tool is not None:
        yield from records(promised, capitals=engine != "postgresql")
    for change in (promised.columns if promised else None) or ():
        yield column_table(change)
    if component.queues is not None:
        yield from _job_tables(component.queues)


# --- migrations ------------------------------------------------------------------------------------------------------


def records(promised: Migrations, *, capitals: bool) -> Iterator[Table]:
    """A tool's tables, with all that is promised of them applied."""
    name = promised.record
    if promised.tool == "liquibase" and capitals and promised.table is None:
        name = name.upper()
    yield Table(
        name, columns_of(promised), rows=tuple(entry(promised, *one) for one in enumerate(_applied(promised), 1))
    )
    if promised.tool == "knex":
        held = (Column("index", "bigint"), Column("is_locked", "integer"))
        yield Table(f"{name}_lock", held, rows=((("index", 1), ("is_locked", 0)),))
    if promised.tool == "liquibase":
        columns = (Column("id", "bigint"), Column("locked", "boolean"), Column("lockgranted", "timestamp"))
        rows = ((("id", 1), ("locked", False)),)
        lock = f"{name}{'LOCK' if name.isupper() else 'lock'}"
        yield Table(lock, (*columns, Column("lockedby")), rows=rows)


def _applied(promised: Migrations) -> tuple[str, ...]:
    names = promised.names or ()
    if promised.tool == "alembic":
        above = {one for before in (promised.parents or {}).values() for one in before}
        heads = tuple(name for name in names if name not in above) if promised.parents else names[-1:]
        return promised.version or heads
    if promised.version is not None and promised.version[0] not in names:
        return (*names, *promised.version)
    return names


COLUMNS = {
    "laravel": (Column("id", "bigint"), Column("migration"), Column("batch", "integer")),
    "alembic": (Column("version_num"),),
    "flyway": (
        Column("installed_rank", "integer"),
        Column("version"),
        Column("type"),
        Column("script"),
        Column("success", "boolean"),
    ),
    "liquibase": (Column("id"), Column("author"), Column("exectype"), Column("orderexecuted", "integer")),
    "django": (Column("id", "bigint"), Column("app"), Column("name")),
    "knex": (Column("id", "bigint"), Column("name")),
    "rails": (Column("version"),),
}


def columns_of(promised: Migrations) -> tuple[Column, ...]:
    """Those of the tool's table, as far as anybody reads them."""
    if promised.tool in COLUMNS:
        return COLUMNS[str(promised.tool)]
    columns = [Column(promised.column)]
    columns += [Column(promised.order_by, "integer")] if promised.order_by else []
    columns += [Column(promised.dirty, "boolean")] if promised.dirty else []
    return tuple(columns)


def entry(promised: Migrations, number: int, name: str, *, failed: bool = False) -> Row:
    """One row of the tool's table."""
    match promised.tool:
        case "laravel":
            row: dict[str, Value] = {"id": number, "migration": name, "batch": 1}
        case "alembic":
            row = {"version_num": name}
        case "flyway":
            repeats = name.startswith("R__")
            script = name if "__" in name else f"V{name.removeprefix('V')}__change"
            version = None if repeats else script.removeprefix("V").partition("__")[0]
            row = {"installed_rank": number, "version": version, "type": "SQL", "script": script, "success": not failed}
        case "liquibase":
            author, _, changeset = name.partition(":")
            row = {"id": changeset, "author": author, "exectype": "EXECUTED", "orderexecuted": number}
        case "django":
            app, _, migration = name.replace("/", ".").partition(".")
            row = {"id": number, "app": app, "name": migration}
        case "knex":
            row = {"id": number, "name": name}
        case "rails":
            row = {"version": name.partition("_")[0]}
        case _:
            row = {promised.column: name}
            row |= {promised.order_by: number} if promised.order_by else {}
            row |= {promised.dirty: failed} if promised.dirty else {}
    return tuple(row.items())


def documents_of(component: Component) -> Iterator[tuple[str, Row]]:
    """The documents of a schema's version, and their collection."""
    promised = component.migrations
    if promised is None or promised.tool != "mongo" or promised.field is None:
        return
    for number, version in enumerate(_applied(promised), 1):
        order = ((promised.order_by, number),) if promised.order_by else ()
        yield promised.record, ((promised.field, version), *order)


def column_table(change: ColumnChange) -> Table:
    """A table whose columns are in the declared phase, with a row that was written in it."""
    columns = [Column("id", "bigint"), Column(change.new, nullable=change.phase != "not-null")]
    values: dict[str, Value] = {"id": 1, change.new: "new"}
    if change.old is not None and change.phase != "dropped":
        columns.append(Column(change.old))
        values[change.old] = "old"
    indexes: tuple[Index, ...] = ()
    if change.recent is not None:
        columns.append(Column(change.recent.by, "timestamp"))
        values[change.recent.by] = f"{change.recent.since + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
        indexes = (Index(f"{change.table.rpartition('.')[2]}_by_time", (change.recent.by,)),)
    return Table(change.table, tuple(columns), indexes, rows=(tuple(values.items()),))


# --- queues ----------------------------------------------------------------------------------------------------------


def _job_tables(promised: Queues) -> Iterator[Table]:
    if promised.kind == "laravel":
        times = tuple(Column(name, "bigint") for name in ("reserved_at", "available_at", "created_at"))
        yield Table(promised.table, (Column("id", "bigint"), Column("queue"), *times))
        yield Table(promised.failed_table, (Column("id", "bigint"), Column("failed_at", "timestamp")))
    if promised.jobs is not None:
        yield _own_table(promised.jobs)


def _own_table(jobs: JobTable) -> Table:
    columns = {"id": Column("id", "bigint")}
    for name in (jobs.created, jobs.failed_at):
        columns |= {name: Column(name, "timestamp")} if name else {}
    columns |= {jobs.queue: Column(jobs.queue)} if jobs.queue else {}
    for state in (jobs.waiting, jobs.delayed, jobs.reserved, jobs.failed):
        for name, value in (state or {}).items():
            columns.setdefault(name, Column(name, _type_of(value)))
    return Table(jobs.table, tuple(columns.values()))


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "bigint" if isinstance(value, int) else "text"


# --- Redis -----------------------------------------------------------------------------------------------------------

FAR = "4000000000"
"""A moment in 2096."""

TRACES = {
    "laravel": ("ZADD", "queues:{q}:delayed", FAR, '{"job":"of-another-day"}'),
    "rq": ("SADD", "queues", "{p}queue:{q}"),
    "celery": ("SADD", "_kombu.binding.{q}", "{q}"),
    "bullmq": ("HSET", "{q}:meta", "version", "bullmq:5"),
    "sidekiq": ("SADD", "queues", "{q}"),
}
"""What says that there is such a queue."""


def commands_of(promised: Queues) -> tuple[tuple[str, ...], ...]:
    """What a library has written of its queues before any job came; {now} becomes the moment."""
    if promised.kind not in TRACES:
        return ()
    return tuple(
        command(promised, name, *TRACES[promised.kind])
        for name, bounds in (promised.names or {}).items()
        if promised.kind != "laravel" or bounds.delayed_at_most != 0
    )


def command(promised: Queues, queue: str, verb: str, key: str, *rest: str) -> tuple[str, ...]:
    """A command with its key's prefix."""
    words = (promised.keys + key, *rest)
    return (verb, *(word.replace("{p}", promised.keys).replace("{q}", queue) for word in words))
