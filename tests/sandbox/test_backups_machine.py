"""Backups as the sandbox furnishes them keep what is promised, as the collector sees it: all kinds, all programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.backups import SeriesCase
from roadworthy.facts.backups import BackupsObservation, Elsewhere, Inside
from roadworthy.onhost import backups, ground
from roadworthy.rules import backups as rules
from roadworthy.sandbox.machines.backups import furnish
from roadworthy.sandbox.machines.standing import programs_of, put_up, root_of
from roadworthy.sandbox.programs import MissingError
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from pathlib import Path

SERIES = {
    "files": "/srv/backups/shop-*.sql.gz",
    "kind": "mysqldump",
    "within": "26h",
    "size_at_least": "10kB",
    "oldest": "10d",
    "every": "25h",
    "keeps": 7,
}


def target_of(promised: dict[str, Any]) -> Target:
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test"}}, "allows": ["restores"]},
            "components": {"app": {"host": "app", "backups": {"series": {"shop": {**SERIES, **promised}}}}},
        }
    )


def furnished(promised: dict[str, Any]) -> Any:
    target = target_of(promised)
    part = target.components["app"]
    assert part.backups is not None
    return furnish(part.backups, part, target)


@pytest.mark.parametrize(
    "promised",
    [
        {"intact": True, "holds": ["users", "orders"], "named": "shop-%Y%m%d"},
        {"files": "/srv/backups/shop-*.sql", "kind": "pg_dump", "intact": True, "holds": ["users"]},
        {"files": "/srv/backups/shop-*.tar.xz", "kind": "tar", "intact": True, "holds": ["uploads/a.pdf"]},
        {"files": "/srv/backups/shop-*.gz", "kind": "mongodump", "intact": True, "holds": ["users"]},
        {"files": "/srv/backups/shop-*.bz2", "kind": "other", "intact": True},
        {"files": "/srv/backups/shop-*.age", "encrypted": "age"},
        {"encrypted": "openssl", "offsite": {"s3": "bucket/shop/", "within": "26h", "same_size": True}},
        {"offsite": {"rclone": "b2:shop", "within": "26h", "same_size": True, "env_file": "/etc/backup.env"}},
        {"offsite": {"restic": "s3:https://s3.shop.test/backups", "within": "26h"}},
    ],
    ids=str,
)
def test_what_is_promised_is_there(promised: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = target_of(promised)
    expected, ask = next(iter(SeriesCase.looks(target, target.components["app"])))
    put_up(furnished(promised), tmp_path / "machine")
    monkeypatch.setattr(ground, "ROOT", str(root_of(tmp_path / "machine")))
    monkeypatch.setenv("PATH", f"{programs_of(tmp_path / 'machine')}:{os.environ['PATH']}")
    seen = BackupsObservation(observed_at=NOW, now=NOW, **backups.look(ask.wanted))
    seen = seen.model_copy(update={"now": seen.backups[0].changed})
    assert rules.stale(ask, seen, expected.within) is None
    assert rules.too_small(seen, expected.size_at_least or 0) is None
    assert rules.too_few(seen, expected.keeps or 0) is None
    assert rules.gaps(seen, expected.every or 0, expected.oldest) is None
    if expected.intact:
        assert isinstance(seen.inside, Inside)
        assert (seen.inside.broken, seen.inside.complete is not False) == ("", True)
        assert rules.lacking(ask, seen) is None
    if expected.encrypted is not None:
        assert rules.readable_ones(seen, expected.encrypted) is None
    if expected.offsite is not None:
        assert isinstance(seen.elsewhere, Elsewhere), seen.elsewhere
        assert len(seen.elsewhere.copies) == 5
        assert not expected.offsite.same_size or rules.of_other_size(seen) is None


@pytest.mark.parametrize(
    "promised",
    [
        {"restores": {"within": "10s"}},
        {"offsite": {"folder": "/mnt/backups", "within": "26h"}},
        {"files": "/srv/shop-*", "kind": "pg_directory"},
        {"files": "/srv/shop-*.dump", "kind": "pg_custom", "restores": {"within": "10s"}},
        {"files": "/srv/shop-*.sql", "named": "other-%Y%m%d"},
        {
            "files": "/srv/shop-*.dump",
            "kind": "pg_custom",
            "restores": {"within": "10s", "service": "x", "service_file": "/etc/x", "as_user": "postgres"},
        },
    ],
    ids=str,
)
def test_what_it_cannot_keep_is_said(promised: dict[str, Any]) -> None:
    with pytest.raises(MissingError):
        furnished(promised)
