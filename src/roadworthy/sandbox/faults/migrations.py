"""Faults of migrations: one that was not applied, or is of another release, or broke off; a phase that is missed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import Product
from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.stores.applications import entry
from roadworthy.sandbox.stores.tables import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.stores.tables import Table, Value
    from roadworthy.target.blocks.migrations import ColumnChange, Migrations

NEWER = {
    "laravel": "2099_01_01_000000_of_another_release",
    "knex": "20990101_of_another_release",
    "rails": "20990101000000",
    "flyway": "V2099",
}
WITH_TABLES = (Product.POSTGRES, Product.MARIADB)


def _where(suits: Callable[[Migrations], object]) -> Where:
    """Components that are no replica, and whose promises suit."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            store, promised = deployment.store_of(name), component.migrations
            if promised is None or store is None or store.contents is None or not suits(promised):
                continue
            if getattr(store.contents, "upstream", None) is None:
                yield name

    return where


def _of(*tools: str) -> Where:
    return _where(lambda promised: promised.names and promised.tool in tools)


def _in_phase(phase: str) -> Where:
    return _where(lambda promised: any(change.phase == phase for change in promised.columns or ()))


def _promised(deployment: Deployment, component: str) -> Migrations:
    promised = deployment.component(component).migrations
    assert promised is not None  # noqa: S101 - `where` chose it
    return promised


def _on_table(deployment: Deployment, component: str, name: str, change: Callable[[Table], Table | None]) -> Deployment:
    """One table is changed, or gone."""
    store = deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    tables = (change(table) if table.name.lower() == name.lower() else table for table in store.contents.tables)
    contents = replace(store.contents, tables=tuple(table for table in tables if table is not None))
    return deployment.with_store(component, contents=contents)


def _on_record(change: Callable[[Migrations, Table], Table | None]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = _promised(deployment, component)
        return _on_table(deployment, component, promised.record, lambda table: change(promised, table))

    return changed


def _with_newer(promised: Migrations, table: Table) -> Table:
    more = entry(promised, len(table.rows) + 1, NEWER[str(promised.tool)])
    return replace(table, rows=(*table.rows, more))


def _with_failure(promised: Migrations, table: Table) -> Table:
    """The last one that has a version broke off."""
    names = promised.names or ()
    number = max(at for at, name in enumerate(names) if not name.startswith("R__"))
    broken = entry(promised, number + 1, names[number], failed=True)
    return replace(table, rows=(*table.rows[:number], broken, *table.rows[number + 1 :]))


def _locked(deployment: Deployment, component: str) -> Deployment:
    def held(table: Table) -> Table:
        return replace(table, rows=((("index", 1), ("is_locked", 1)),))

    return _on_table(deployment, component, f"{_promised(deployment, component).record}_lock", held)


OLD_VERSION = "0"


def _at_old_version(deployment: Deployment, component: str) -> Deployment:
    promised, store = _promised(deployment, component), deployment.store_of(component)
    assert store is not None  # noqa: S101 - `where` chose it
    if store.product in WITH_TABLES:
        change = _on_record(lambda one, table: replace(table, rows=(entry(one, 1, OLD_VERSION),)))
        return change(deployment, component)
    document = (promised.record, ((promised.field or "", OLD_VERSION),))
    kept = tuple(one for one in store.contents.seeds if one[0] != promised.record)
    return deployment.with_store(component, contents=replace(store.contents, seeds=(*kept, document)))


def _on_change(phase: str, change: Callable[[ColumnChange, Table], Table]) -> Change:
    """The table of the first change that is in a phase."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        columns = _promised(deployment, component).columns or ()
        first = next(one for one in columns if one.phase == phase)
        return _on_table(deployment, component, first.table, lambda table: change(first, table))

    return changed


def _without_new(change: ColumnChange, table: Table) -> Table:
    """One more row, that has the old column alone."""
    values: dict[str, Value] = {**dict(table.rows[-1]), change.new: None}
    values |= {"id": len(table.rows) + 1} if "id" in values else {}
    return replace(table, rows=(*table.rows, tuple(values.items())))


def _may_be_null(change: ColumnChange, table: Table) -> Table:
    columns = (replace(one, nullable=True) if one.name == change.new else one for one in table.columns)
    return replace(table, columns=tuple(columns))


def _with_old(change: ColumnChange, table: Table) -> Table:
    return replace(table, columns=(*table.columns, Column(str(change.old))))


def _without_column(change: ColumnChange, table: Table) -> Table:
    rows = (tuple(pair for pair in row if pair[0] != change.new) for row in table.rows)
    columns = tuple(one for one in table.columns if one.name != change.new)
    return replace(table, columns=columns, rows=tuple(rows))


FAULTS = (
    fault(
        "migration-pending",
        "The release's last migration was never run.",
        "MIG-PENDING",
        where=_of("laravel", "knex", "rails", "flyway", "django", "liquibase"),
        change=_on_record(lambda _, table: replace(table, rows=table.rows[:-1])),
    ),
    fault(
        "migration-unknown",
        "A newer release's migration is applied.",
        "MIG-UNKNOWN",
        where=_of(*NEWER),
        change=_on_record(_with_newer),
    ),
    fault(
        "migration-failed",
        "A migration broke off half-way.",
        "MIG-FAILED",
        where=_of("flyway"),
        change=_on_record(_with_failure),
    ),
    fault(
        "migration-lock-held",
        "Who migrated last died, and left the lock.",
        "MIG-FAILED",
        where=_of("knex"),
        change=_locked,
    ),
    fault(
        "migrations-table-missing",
        "The application's database was never migrated.",
        "MIG-TABLE",
        where=_where(lambda promised: promised.tool not in (None, "mongo")),
        change=_on_record(lambda _promised, _table: None),
    ),
    fault(
        "schema-version-old",
        "The schema is that of an earlier release.",
        "MIG-VERSION",
        where=_where(lambda promised: promised.version and promised.tool in ("schema-version", "mongo")),
        change=_at_old_version,
    ),
    fault(
        "column-not-added",
        "A column that the release writes to is not there.",
        "MIG-PHASE",
        where=_in_phase("added"),
        change=_on_change("added", _without_column),
    ),
    fault(
        "dual-write-missing",
        "What is written now has the old column alone.",
        "MIG-PHASE",
        where=_in_phase("dual-write"),
        change=_on_change("dual-write", _without_new),
    ),
    fault(
        "backfill-half-done",
        "A row is left that the backfill did not come to.",
        "MIG-PHASE",
        where=_in_phase("backfilled"),
        change=_on_change("backfilled", _without_new),
    ),
    fault(
        "not-null-missing",
        "A column may still be NULL that must not.",
        "MIG-PHASE",
        where=_in_phase("not-null"),
        change=_on_change("not-null", _may_be_null),
    ),
    fault(
        "old-column-left",
        "The old column was never dropped.",
        "MIG-PHASE",
        where=_in_phase("dropped"),
        change=_on_change("dropped", _with_old),
    ),
)
