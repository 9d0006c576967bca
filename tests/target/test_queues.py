from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.queues import Queues
from roadworthy.target.models import Target

NAMES = {"default": {"at_most": 1}}
JOB = {"queue": "default", "payload": '{"id": "{id}"}', "within": "5s"}
SINCE = "2026-11-21T10:00:00Z"


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"kind": "laravel"}, "promises nothing"),
        ({"kind": "laravel", "names": {"default": {}}}, "give at least one of at_most"),
        ({"kind": "database", "names": NAMES}, "one goes with the other"),
        ({"kind": "laravel", "retry_after": "1m"}, "give the names of the queues"),
        ({"kind": "celery", "names": {"celery": {"oldest": "1m"}}}, "nothing in celery's data tells it"),
        ({"kind": "rq", "probe_job": JOB}, "not of rq"),
        ({"kind": "laravel", "probe_job": {**JOB, "payload": "without it"}}, "write {id}"),
        ({"kind": "bullmq", "failed": {"at_most": 1, "since": SINCE}}, "go together"),
        ({"kind": "bullmq", "failed": {"since": "2026-11-21T10:00:00", "at_most_since": 1}}, "timezone"),
        ({"kind": "bullmq", "failed": {}}, "nothing|at least|give"),
        (
            {"kind": "database", "jobs": {"table": "j", "waiting": {"a": 1}}, "failed": {"at_most": 1}},
            "jobs.failed says",
        ),
        (
            {"kind": "database", "jobs": {"table": "j", "waiting": {"a": 1}}, "names": {"x": {"oldest": "1m"}}},
            "jobs.created says",
        ),
    ],
)
def test_what_cannot_be_promised(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Queues.model_validate(promised)


def test_prefixes() -> None:
    assert Queues.model_validate({"kind": "rq", "names": NAMES}).keys == "rq:"
    assert Queues.model_validate({"kind": "laravel", "names": NAMES}).keys == ""
    assert Queues.model_validate({"kind": "bullmq", "prefix": "", "names": NAMES}).keys == ""


def target(queues: dict[str, Any], store: str = "cache", **network: Any) -> Target:
    blocks: dict[str, Any] = {"cache": {"version": "7"}}
    if store == "database":
        blocks = {"database": {"engine": "mysql", "name": "shop", "login": {"username": "shop"}}}
    part = {"address": "store.shop.test:6379", **blocks, "queues": queues}
    given = {"schema": 1, "name": "shop", "environment": "test", "network": network}
    return Target.model_validate({**given, "components": {"store": part}})


@pytest.mark.parametrize(
    ("queues", "store", "network", "told"),
    [
        ({"kind": "laravel", "failed": {"at_most": 1}}, "cache", {}, "promise it of the database that has failed_jobs"),
        ({"kind": "bullmq", "names": NAMES, "retry_after": "1m"}, "cache", {}, "does not tell since when"),
        (
            {"kind": "laravel", "probe_job": JOB},
            "database",
            {"allows": ["writes"]},
            "nothing is written into a database",
        ),
        ({"kind": "laravel", "probe_job": JOB}, "cache", {}, r"allows: \[writes\]"),
        (
            {"kind": "laravel", "probe_job": {**JOB, "within": "5m"}},
            "cache",
            {"allows": ["writes"]},
            "network.scan_timeout",
        ),
    ],
)
def test_what_a_store_cannot_tell(queues: dict[str, Any], store: str, network: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        target(queues, store, **network)


def test_a_job_with_leave_is_all_right() -> None:
    assert target({"kind": "laravel", "probe_job": JOB}, allows=["writes"])
