"""A database whose migrations are as promised; a test changes one thing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.migrations import Applied, History, MigrationsObservation
from roadworthy.facts.store import Broke, Refusal, StoreEnd, Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

LOGIN = {"username": "shop", "password": "only-in-this-test"}
NAMES = ("2025_01_01_000000_create_orders", "2026_03_01_000000_add_totals", "2026_11_01_000000_add_notes")
REFUSED = MigrationsObservation(observed_at=NOW, refused=Refusal(code="28P01", message="no"))
SILENT = MigrationsObservation(observed_at=NOW, broke=Broke(end=StoreEnd.SILENT, at="connecting"))
NO_RIGHT = Unseen(unseen="not permitted", detail="permission denied for table migrations")


def component(engine: str = "postgresql", **blocks: Any) -> dict[str, Any]:
    database = {"engine": engine, "name": "shop", "login": LOGIN}
    return {"address": "db.shop.test:5432", "database": database, **blocks}


def case(kind: type[C], seen: object, engine: str = "postgresql", /, **promised: Any) -> C:
    """The case of a database that promises this."""
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "components": {"db": component(engine, migrations=promised or {"tool": "laravel", "names": NAMES})},
        }
    )
    part = target.components["db"]
    expected, ask = next(iter(kind.looks(target, part)))
    return kind(target=target, name="db", component=part, expected=expected, ask=ask, address=None, seen=seen)


def recorded(*names: str | Applied, **changes: Any) -> MigrationsObservation:
    """A tool's record with these entries."""
    entries = tuple(name if isinstance(name, Applied) else Applied(name=name) for name in names)
    history = History(table="migrations", applied=entries, **changes)
    return MigrationsObservation(observed_at=NOW, let_in=True, history=history, changes=())


def unreadable() -> MigrationsObservation:
    return MigrationsObservation(observed_at=NOW, let_in=True, history=NO_RIGHT, changes=())


NO_TABLE = recorded(exists=False)
