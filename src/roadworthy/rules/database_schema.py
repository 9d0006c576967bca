"""Judgements on what is in a database: tables, columns, indexes, row-level security."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.rules.database import of_each

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roadworthy.facts.database import ColumnSeen, DatabaseObservation, IndexSeen, TableSeen
    from roadworthy.target.blocks.database import Column, Database, Engine, Table

SYNONYMS = {
    "postgresql": {
        "varchar": "character varying",
        "char": "character",
        "bpchar": "character",
        "int": "integer",
        "int2": "smallint",
        "int4": "integer",
        "int8": "bigint",
        "bool": "boolean",
        "decimal": "numeric",
        "float4": "real",
        "float8": "double precision",
        "timestamptz": "timestamp with time zone",
        "timestamp": "timestamp without time zone",
        "timetz": "time with time zone",
        "time": "time without time zone",
        "varbit": "bit varying",
    },
    "mysql": {
        "integer": "int",
        "bool": "tinyint",
        "boolean": "tinyint",
        "numeric": "decimal",
        "dec": "decimal",
        "double precision": "double",
    },
}
SYNONYMS["mariadb"] = SYNONYMS["mysql"] | {"json": "longtext"}
"""Names that a server knows for a type, and the one that it prints."""

_WORDS = re.compile(r"([^(\[]*)(\([^)]*\))?(.*)", re.DOTALL)
_WIDTH = re.compile(r"\b(tinyint|smallint|mediumint|int|bigint)\s*\(\d+\)")
"""What MySQL showed as a width until 8.0.19, and MariaDB still does, is none."""


def missing_tables(seen: DatabaseObservation, promised: Database) -> list[str]:
    """The tables that are not there."""
    names = tuple(promised.tables or ())
    kind = "collection" if promised.engine == "mongodb" else "table"
    gone: list[str] = of_each(seen, seen.tables, names, lambda nth, table: [] if table.exists else [names[nth]])
    if len(gone) > 1:
        return [f"{kind}s {', '.join(gone)} are not there"]
    return [f"{kind} {gone[0]} is not there"] if gone else []


def _of_tables(
    seen: DatabaseObservation, promised: Database, judge: Callable[[str, Table, TableSeen], list[str]]
) -> list[str]:
    """The faults of all tables that there are; one that is not there is the fault of another check."""
    wanted = promised.tables or {}
    names = tuple(wanted)

    def judged(nth: int, table: TableSeen) -> list[str]:
        more = wanted[names[nth]]
        if more is None:
            return []
        faults = judge(names[nth], more, table) if table.exists else []
        if not table.exists and judge(names[nth], more, table):
            raise NotObserved(Reason.NOT_APPLICABLE, "it is not there")
        return faults

    return of_each(seen, seen.tables, names, judged)


# --- columns ---------------------------------------------------------------------------------------------------------


def wrong_columns(seen: DatabaseObservation, promised: Database) -> list[str]:
    """The columns that are not there, or not as promised."""

    def judge(name: str, table: Table, found: TableSeen) -> list[str]:
        if table.columns and promised.engine == "mongodb" and found.exists and not found.columns:
            raise NotObserved(Reason.NOT_APPLICABLE, "a collection without a schema has no columns")
        return _wrong_columns(name, table.columns or {}, found, promised.engine)

    return _of_tables(seen, promised, judge)


def _wrong_columns(name: str, wanted: Mapping[str, Column | None], table: TableSeen, engine: Engine) -> list[str]:
    there = {_name(column.name, engine): column for column in table.columns}
    faults = []
    for column, more in wanted.items():
        found = there.get(_name(column, engine))
        if found is None:
            faults.append(f"{name}.{column} is not there")
        elif more is not None:
            faults += [f"{name}.{column} {fault}" for fault in _wrong_column(more, found, engine)]
    return faults


def _wrong_column(wanted: Column, found: ColumnSeen, engine: Engine) -> list[str]:
    faults = []
    if wanted.type is not None and type_of(wanted.type, engine) != type_of(found.type, engine):
        faults.append(f"is {found.type}, promised {wanted.type}")
    if wanted.nullable is not None and wanted.nullable != found.nullable:
        faults.append("may be NULL" if found.nullable else "may not be NULL")
    return faults


def type_of(text: str, engine: Engine) -> str:
    """A type as one name: `varchar (255)` and `character varying(255)` are one in PostgreSQL."""
    folded = " ".join(text.casefold().split())
    if engine in ("mysql", "mariadb"):
        folded = _WIDTH.sub(r"\1", folded)
    match = _WORDS.fullmatch(folded)
    assert match is not None  # noqa: S101 - it takes any text
    word, size, rest = match[1].strip(), (match[2] or "").replace(" ", ""), match[3].strip()
    if engine in ("mysql", "mariadb"):
        first, _, more = word.partition(" ")
        known = SYNONYMS[engine]
        word = known.get(word) or " ".join(filter(None, (known.get(first, first), more)))
    else:
        word = SYNONYMS.get(engine, {}).get(word, word) if not rest or rest.startswith("[") else word
        word, of_zone, zone = word.partition(" with")  # `timestamp(3) with time zone`: the size stands inside
        size += of_zone + zone
    return " ".join(filter(None, (word + size, rest)))


def _name(name: str, engine: Engine) -> str:
    """MySQL's names of columns and indexes have no case."""
    return name.casefold() if engine in ("mysql", "mariadb") else name


# --- indexes ---------------------------------------------------------------------------------------------------------


def wrong_indexes(seen: DatabaseObservation, promised: Database) -> list[str]:
    """The indexes that are not there, not used, or of other columns."""
    engine = promised.engine

    def judge(name: str, table: Table, found: TableSeen) -> list[str]:
        there = {_name(index.name, engine): index for index in found.indexes}
        return [
            f"{index} on {name} {fault}"
            for index, columns in (table.indexes or {}).items()
            for fault in _wrong_index(columns, there.get(_name(index, engine)), engine)
        ]

    return _of_tables(seen, promised, judge)


def _wrong_index(columns: tuple[str, ...] | None, found: IndexSeen | None, engine: Engine) -> list[str]:
    if found is None:
        return ["is not there"]
    faults = [] if found.valid else ["is there, and not used (invalid, or hidden from the planner)"]
    if columns is not None and [_name(one, engine) for one in columns] != [_name(one, engine) for one in found.columns]:
        faults.append(f"is on ({', '.join(found.columns)}), promised ({', '.join(columns)})")
    return faults


# --- row-level security ----------------------------------------------------------------------------------------------


def unsecured_rows(seen: DatabaseObservation, promised: Database) -> list[str]:
    """Tables whose rows are not kept apart as promised; forced is more than on."""

    def judge(name: str, table: Table, found: TableSeen) -> list[str]:
        if table.row_level_security is None or found.row_security in ("forced", table.row_level_security):
            return []
        return [f"row-level security of {name} is {found.row_security}, promised {table.row_level_security}"]

    return _of_tables(seen, promised, judge)


def other_policies(seen: DatabaseObservation, promised: Database) -> list[str]:
    """Tables that have other policies than promised: one too few, or one too many."""

    def judge(name: str, table: Table, found: TableSeen) -> list[str]:
        if table.policies is None:
            return []
        missing, more = set(table.policies) - set(found.policies), set(found.policies) - set(table.policies)
        parts = [f"lacks {', '.join(sorted(missing))}"] if missing else []
        parts += [f"has {', '.join(sorted(more))}, too"] if more else []
        return [f"{name} {' and '.join(parts)}"] if parts else []

    return _of_tables(seen, promised, judge)
