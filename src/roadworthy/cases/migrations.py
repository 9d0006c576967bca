"""Cases of the migrations suite: one session with the database answers all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.reading import entrance
from roadworthy.facts.migrations import (
    ChangeSeen,
    ChangeWanted,
    History,
    MigrationsAsk,
    MigrationsObservation,
    RecordWanted,
)
from roadworthy.facts.store import Unseen, seen
from roadworthy.rules.migrations import TELLS_FAILURES
from roadworthy.target.blocks.migrations import Migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.blocks.migrations import ColumnChange
    from roadworthy.target.models import Component, Target


def migrations_ask(component: Component) -> MigrationsAsk:
    """The one session."""
    promised = component.migrations
    assert promised is not None  # noqa: S101 - the callers have looked
    record = None
    if promised.tool is not None:
        record = RecordWanted(
            tool=promised.tool,
            table=promised.record,
            column=promised.field or promised.column,
            order_by=promised.order_by,
            dirty=promised.dirty,
        )
    changes = tuple(_wanted(change) for change in promised.columns or ())
    return MigrationsAsk.model_validate({**entrance(component), "record": record, "changes": changes})


def _wanted(change: ColumnChange) -> ChangeWanted:
    recent = change.recent
    return ChangeWanted(
        table=change.table,
        new=change.new,
        old=change.old,
        nulls=change.phase == "backfilled",
        by=recent.by if recent else None,
        since=recent.since if recent else None,
        at_most=recent.at_most if recent else 0,
    )


class MigrationsCase(Case[Migrations, MigrationsAsk, MigrationsObservation]):
    """What is recorded as applied."""

    block = "migrations"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Migrations, MigrationsAsk]]:  # noqa: ARG003 - a case's signature
        """One session, where the component promises anything about migrations."""
        if component.migrations is not None:
            yield component.migrations, migrations_ask(component)

    @property
    def history(self) -> History:
        """The tool's record.

        Raises:
            NotObserved: nobody was let in, or may read it.
        """
        if self.seen.history is None:
            raise self.seen.error()
        return seen(self.seen.history, f"the record of {self.expected.tool}")

    @property
    def changes(self) -> tuple[ChangeSeen | Unseen, ...]:
        """The columns, in the order of the promises.

        Raises:
            NotObserved: it did not come that far.
        """
        if self.seen.changes is None or len(self.seen.changes) < len(self.expected.columns or ()):
            raise self.seen.error()
        return self.seen.changes or ()


class RecordCase(MigrationsCase):
    """The same, of a tool whose record can show that something went wrong."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Migrations, MigrationsAsk]]:  # noqa: ARG003 - as above
        """The same session."""
        promised = component.migrations
        if promised is not None and (promised.tool in TELLS_FAILURES or promised.dirty is not None):
            yield promised, migrations_ask(component)
