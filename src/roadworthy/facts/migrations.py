"""Migrations: a tool's own record of what it has applied, and columns that take each other's place."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.reading import ReadingAsk, ReadingObservation
from roadworthy.facts.store import Unseen
from roadworthy.target.blocks.migrations import Tool


class RecordWanted(Fact):
    """Where a tool's record is."""

    tool: Tool
    table: str
    column: str = Field("version", description="Of a table that is no tool's own, or the field of a document.")
    order_by: str | None = None
    dirty: str | None = None


class ChangeWanted(Fact):
    """A change of columns to look at."""

    table: str
    new: str
    old: str | None = None
    nulls: bool = Field(False, description="Whether a row is left that has NULL in the new one.")
    by: str | None = Field(None, description="The column by which rows are new.")
    since: datetime | None = None
    at_most: int = 0


class MigrationsAsk(ReadingAsk):
    """One session with the database."""

    kind: Literal["migrations"] = "migrations"
    record: RecordWanted | None = None
    changes: tuple[ChangeWanted, ...] = ()


class Applied(Fact):
    """One entry of a tool's record, as it stands there."""

    name: str = Field(description="A name, a version, a revision; of Django app.name, of Liquibase author:id.")
    state: str = Field("", description="What the tool says of it: success or failure, baseline, undone.")
    failed: bool = False


class History(Fact):
    """A tool's record."""

    table: str
    exists: bool = True
    applied: tuple[Applied, ...] = Field((), description="In the order in which they were applied.")
    locked: str = Field("", description="Who holds the tool's lock, and since when; empty: nobody, or it has none.")
    lock_unseen: Unseen | None = Field(None, description="Why the lock could not be looked at.")


class ColumnState(Fact):
    """A column, as the catalogue has it."""

    nullable: bool
    default: bool = Field(False, description="It has a default, or is generated.")


class RecentRows(Fact):
    """The newest rows."""

    looked: int = Field(description="So many were written since then, and looked at.")
    lacking: int = Field(description="So many of them have the old one alone.")


class ChangeSeen(Fact):
    """Two columns of a table."""

    table_exists: bool = True
    new: ColumnState | None = Field(None, description="None: it is not there.")
    old: ColumnState | None = None
    has_null: bool | Unseen | None = Field(None, description="A row has NULL in the new one; None: not looked for.")
    recent: RecentRows | Unseen | None = None


class MigrationsObservation(ReadingObservation):
    """One session, as far as it went."""

    kind: Literal["migrations"] = "migrations"
    history: History | Unseen | None = None
    changes: tuple[ChangeSeen | Unseen, ...] | None = Field(None, description="In the order in which they were wanted.")
