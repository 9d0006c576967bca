"""Migrations: what of a release's changes to the schema is applied, and how far a change without downtime has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, one_or_many
from roadworthy.target.values import PUBLIC, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

Tool = Literal["laravel", "alembic", "flyway", "liquibase", "django", "knex", "rails", "schema-version", "mongo"]
TABLES: dict[str, str] = {
    "laravel": "migrations",
    "alembic": "alembic_version",
    "flyway": "flyway_schema_history",
    "liquibase": "databasechangelog",
    "django": "django_migrations",
    "knex": "knex_migrations",
    "rails": "schema_migrations",
    "schema-version": "schema_version",
}
"""Where each tool keeps its record, unless it is told otherwise. Liquibase's is in capitals on MySQL."""

VERSIONED = ("alembic", "flyway", "schema-version", "mongo")
WITHOUT_FILES = ("schema-version", "mongo")


def _texts(value: object) -> object:
    """A version that YAML takes for a number, as text."""
    return tuple(str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in one_or_many(value))


Versions = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(_texts, json_schema_input_type=str | int | tuple[str | int, ...]),
    Field(min_length=1),
]


def _once(names: Iterable[str]) -> tuple[str, ...]:
    names = tuple(names)
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise ValueError(f"{repeated[0]} stands there twice")
    return names


class Recent(Frozen):
    """Which rows were written by the release that writes both columns."""

    by: str = Field(min_length=1, description="The column of when a row was written; an index begins with it.")
    since: AwareDatetime = Field(
        description="From when on both are written, with its zone: `${env:DEPLOYED_AT}`.",
        json_schema_extra={PUBLIC: True},
    )
    at_most: int = Field(100, ge=1, le=1000, description="So many of the newest rows are looked at.")


class ColumnChange(Frozen):
    """A column that takes another one's place without downtime, and how far that has come."""

    table: str = Field(min_length=1, description="`table` or `schema.table`.", json_schema_extra={PUBLIC: True})
    new: str = Field(min_length=1, description="The column that comes.")
    old: str | None = Field(None, min_length=1, description="The column that goes; none where one is only added.")
    phase: Literal["added", "dual-write", "backfilled", "not-null", "dropped"] = Field(
        description="`added`: the new one is there and may be NULL; `dual-write`: what is written now has both; "
        "`backfilled`: no row is left that has NULL in it; `not-null`: it can't be NULL any more; `dropped`: the old "
        "one is gone."
    )
    recent: Recent | None = Field(None, description="dual-write: which rows are new.")

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if self.phase in ("dual-write", "dropped") and self.old is None:
            raise ValueError(f"the phase {self.phase} is about two columns: give old")
        if (self.phase == "dual-write") is not (self.recent is not None):
            raise ValueError("recent says which rows are new enough to have both: it goes with the phase dual-write")
        if self.old == self.new:
            raise ValueError("old and new are the same column")
        return self


class Migrations(Expectation):
    """Promises about the schema's migrations, read with the login of the component's database."""

    WHERE = frozenset({"table", "folder", "column", "order_by", "dirty", "field", "parents", "replaces", "besides"})

    tool: Tool | None = Field(
        None,
        description="Who applies them. `schema-version` is any table with a version in it (golang-migrate's, one of "
        "your own), `mongo` a collection of such documents.",
        json_schema_extra={PUBLIC: True},
    )
    table: str | None = Field(
        None,
        min_length=1,
        description="The table or collection of the tool's record, where it is not the tool's own default.",
        json_schema_extra={PUBLIC: True},
    )
    folder: OneOrMany | None = Field(
        None,
        min_length=1,
        description="The release's folders of migrations, found from this file's own folder. They are read, never run, "
        "when a run begins; django: the project's folder.",
        json_schema_extra={PUBLIC: True},
    )
    names: Annotated[tuple[str, ...], AfterValidator(_once)] | None = Field(
        None,
        min_length=1,
        description="The release's migrations in their order, as the tool records them; instead of a folder. Flyway: "
        "V1, V1.1, or file names; Django: app.0001_initial; Liquibase: author:id; Rails: versions.",
    )
    parents: dict[str, tuple[str, ...]] | None = Field(
        None, description="Alembic: which revisions each one comes after; without it and a folder, the one before it."
    )
    replaces: dict[str, tuple[str, ...]] | None = Field(
        None, description="Django: which migrations a squashed one stands for; a folder tells."
    )
    besides: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Names, with * and ?, of applied migrations that come from elsewhere: from packages, or squashed.",
    )
    version: Versions | None = Field(
        None,
        description="The version that the database is at; with Alembic all its heads.",
        json_schema_extra={PUBLIC: True},
    )
    column: str = Field("version", min_length=1, description="schema-version: the column that holds it.")
    order_by: str | None = Field(
        None, min_length=1, description="schema-version, mongo: the last one by this column or field holds."
    )
    dirty: str | None = Field(
        None, min_length=1, description="schema-version: a column that is true while a migration is half done."
    )
    field: str | None = Field(None, min_length=1, description="mongo: the field that holds the version.")
    columns: tuple[ColumnChange, ...] | None = Field(
        None, min_length=1, description="Changes without downtime, each in its phase."
    )

    @property
    def record(self) -> str:
        """The table or collection of the tool's record."""
        return self.table or TABLES.get(self.tool or "", "")

    @model_validator(mode="after")
    def _is_of_its_tool(self) -> Self:
        for key, tools in (
            ("version", VERSIONED),
            ("dirty", ("schema-version",)),
            ("order_by", WITHOUT_FILES),
            ("field", ("mongo",)),
            ("parents", ("alembic",)),
            ("replaces", ("django",)),
        ):
            if getattr(self, key) is not None and self.tool not in tools:
                raise ValueError(f"{key} is of {', '.join(tools)}, not of {self.tool or 'no tool'}")
        if self.folder is not None and self.tool in WITHOUT_FILES:
            raise ValueError(f"folder: {self.tool} has no files whose names would be known; give version or names")
        return self

    @model_validator(mode="after")
    def _says_what_is_applied(self) -> Self:
        given = [key for key in ("folder", "names", "version") if getattr(self, key) is not None]
        if self.tool is None:
            if given:
                raise ValueError(f"{given[0]} needs the tool that applies migrations")
            return self
        if not given:
            raise ValueError(f"tool: say what {self.tool} has applied: give folder, names or version")
        if self.tool == "mongo" and (self.field is None or self.table is None):
            raise ValueError("mongo: give the collection (table) and the field that holds the version")
        if self.tool != "alembic" and len(self.version or ()) > 1:
            raise ValueError(f"version: {self.tool} is at one version at a time")
        return self
