"""A series as promised; a test changes one thing of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.backups import Backup, BackupsObservation
from roadworthy.facts.store import Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

NO_RIGHT = Unseen(unseen="not permitted", detail="sudo: a password is required")
DAY_S = 86400.0


def case(kind: type[C], seen: object, /, **promised: Any) -> C:
    """The case of a host that promises this of its series."""
    given = {"files": "/var/backups/shop_*.sql.gz", "kind": "mysqldump", "within": "26h", **promised}
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test"}}, "allows": ["restores"]},
            "components": {"app": {"host": "app", "backups": {"series": {"shop": given}}}},
        }
    )
    component = target.components["app"]
    expected, ask = next(iter(kind.looks(target, component)))
    return kind(target=target, name="app", component=component, expected=expected, ask=ask, address=None, seen=seen)


def backup(age_s: float, **changes: Any) -> Backup:
    """One that was made so long ago."""
    at = NOW - timedelta(seconds=age_s)
    given = {"path": f"/var/backups/shop_{at:%Y%m%d}.sql.gz", "size": 1000, "changed": at, "begins": "gzip"}
    return Backup.model_validate(given | changes)


def found(*backups: Backup, **seen: Any) -> BackupsObservation:
    """These, or a week of them."""
    week = tuple(backup(3600 + DAY_S * day) for day in range(7))
    return BackupsObservation(observed_at=NOW, now=NOW, **{"backups": backups or week, **seen})


NOTHING = BackupsObservation(observed_at=NOW, now=NOW)
