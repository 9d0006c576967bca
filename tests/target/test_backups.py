from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.backups import Backups, Series
from roadworthy.target.models import Target

SERIES: dict[str, Any] = {"files": "/var/backups/shop_*.sql.gz", "kind": "mysqldump", "within": "26h"}
RESTORES = {"within": "30s"}
OFFSITE = {"s3": "shop-backups/daily/", "within": "26h"}


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"files": "/var/backups/shop.sql"}, r"write \* where"),
        ({"files": "/var/**/shop_*"}, "is not known"),
        ({"files": "backups/shop_*"}, "starts with '/'"),
        ({"named": "shop"}, "nothing in it tells a time"),
        ({"shrinks_at_most": 30}, "write 30%"),
        ({"shrinks_at_most": "100%"}, "written as 30%"),
        ({"kind": "pg_custom"}, "packed by pg_dump itself"),
        ({"kind": "other", "holds": ["users"]}, "nothing in other has a name"),
        ({"kind": "other", "packing": "none", "intact": True}, "tells nobody that it is whole"),
        ({"encrypted": "openpgp", "intact": True}, "leave intact or encrypted"),
        ({"encrypted": "openpgp", "holds": ["users"]}, "leave holds or encrypted"),
        ({"encrypted": "openpgp", "restores": RESTORES}, "leave restores or encrypted"),
        ({"kind": "tar", "restores": RESTORES}, "tar can't be restored here"),
        ({"restores": {**RESTORES, "service": "shop"}}, "restores.service is not for mysqldump"),
        ({"kind": "pg_dump", "restores": {**RESTORES, "defaults_file": "/root/.my.cnf"}}, "is not for pg_dump"),
        ({"restores": {**RESTORES, "into": "Shop; DROP"}}, "pattern"),
        ({"restores": {**RESTORES, "as_user": "-u root"}}, "pattern"),
        ({"offsite": {"within": "1d"}}, "give one of s3"),
        ({"offsite": {**OFFSITE, "rclone": "b2:shop"}}, "give one of s3"),
        ({"offsite": {"restic": "/srv/restic", "within": "1d", "same_size": True}}, "does not tell the size"),
        ({"offsite": {"restic": "rest:https://me:hunter2@b.test/", "within": "1d"}}, "belong into env_file"),
        ({"offsite": {"rclone": "b2,secret_access_key=hunter2:shop", "within": "1d"}}, "belong into env_file"),
        ({"offsite": {"s3": "--profile=x", "within": "1d"}}, "pattern"),
        ({"offsite": {"rclone": "-v:x", "within": "1d"}}, "pattern"),
    ],
)
def test_what_cannot_be_promised(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Series.model_validate({**SERIES, **promised})


def test_no_series_is_no_promise() -> None:
    with pytest.raises(ValidationError):
        Backups.model_validate({"series": {}})
    with pytest.raises(ValidationError, match="promises nothing"):
        Backups.model_validate({})


@pytest.mark.parametrize(
    ("files", "packing", "how"),
    [("*.sql.gz", None, "gzip"), ("*.tgz", None, "gzip"), ("*.sql", None, "none"), ("*.dump", "zstd", "zstd")],
)
def test_what_it_is_packed_by(files: str, packing: str | None, how: str) -> None:
    promised = Series.model_validate({**SERIES, "files": f"/srv/{files}", "packing": packing})
    assert promised.packed == how


def test_a_share_is_written_as_it_is_read() -> None:
    promised = Series.model_validate({**SERIES, "shrinks_at_most": "30%"})
    assert promised.shrinks_at_most == 0.3
    assert promised.model_dump(mode="json")["shrinks_at_most"] == "30%"


def target(*, within: str = "30s", **network: Any) -> Target:
    series = {**SERIES, "restores": {"within": within}}
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test"}}, **network},
            "components": {"app": {"host": "app", "backups": {"series": {"shop": series}}}},
        }
    )


def test_a_restore_needs_leave() -> None:
    with pytest.raises(ValidationError, match=r"series\.shop\.restores: .*allows: \[restores\]"):
        target()
    assert target(allows=["restores"])


def test_a_restore_must_fit_into_an_observation() -> None:
    with pytest.raises(ValidationError, match=r"series\.shop\.restores\.within: .*raise network\.scan_timeout"):
        target(allows=["restores"], within="5m")
    assert target(allows=["restores"], within="5m", scan_timeout="7m", deadline="10m")
