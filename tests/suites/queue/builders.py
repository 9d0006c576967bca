"""Queues as promised; a test changes one thing of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.queues import FailedSeen, JobObservation, QueueObservation, QueueSeen
from roadworthy.facts.store import Broke, Refusal, StoreEnd, Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

LOGIN = {"username": "shop", "password": "only-in-this-test"}
NO_RIGHT = Unseen(unseen="not permitted", detail="NOPERM")
JOB = {"queue": "default", "payload": '{"uuid": "{id}"}', "within": "5s"}
SILENT = QueueObservation(observed_at=NOW, broke=Broke(end=StoreEnd.SILENT, at="connecting"))
REFUSED = QueueObservation(observed_at=NOW, refused=Refusal(code="WRONGPASS"))


def queues_in(store: str, **promised: Any) -> dict[str, Any]:
    blocks: dict[str, Any] = {"cache": {"login": LOGIN}}
    if store == "database":
        blocks = {"database": {"engine": "mysql", "name": "shop", "login": LOGIN}}
    return {"address": "store.shop.test:6379", **blocks, "queues": promised}


def case(kind: type[C], seen: object, store: str = "cache", /, **promised: Any) -> C:
    """The case of a store that promises this of its queues; by default everything."""
    given = {"kind": "laravel", "names": {"default": {"at_most": 10, "oldest": "1m"}}} | promised
    part = queues_in(store, **{key: value for key, value in given.items() if value is not None})
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": ["writes"]},
            "components": {"store": part},
        }
    )
    component = target.components["store"]
    expected, ask = next(iter(kind.looks(target, component)))
    return kind(target=target, name="store", component=component, expected=expected, ask=ask, address=None, seen=seen)


def counted(failed: FailedSeen | None = None, **seen: Any) -> QueueObservation:
    """One queue."""
    queue = QueueSeen(**{"name": "default", "waiting": 0, "traces": True, **seen})
    return QueueObservation(observed_at=NOW, let_in=True, queues=(queue,), failed=failed, keys=7)


def tried(**seen: Any) -> JobObservation:
    """A job that was put in."""
    return JobObservation(**{"observed_at": NOW, "let_in": True, "pushed": True, **seen})
