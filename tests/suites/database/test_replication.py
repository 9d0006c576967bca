from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.database import DatabaseCase, LagCase, MarkerCase, ReplicaLagCase
from roadworthy.facts.database import Replica
from roadworthy.facts.store import Broke, Refusal, StoreEnd
from tests.suites.database.builders import HIDDEN, NOBODY, broke, case, following, looks, marked, seen, session
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

CUT_OFF = broke(StoreEnd.CLOSED, "looking around", session=session())
FOLLOWS = {"component": "primary", "max_lag": "30s", "marker": {"within": "5s"}}


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("database/test_replication.py")


def replica(name: str = "replica-a", **changes: Any) -> Replica:
    given: dict[str, Any] = {"state": "streaming", "streams": True, "lag_s": 0.2, "lag_bytes": 512}
    return Replica(name=name, **given | changes)


def test_the_role(suite: ModuleType) -> None:
    check = suite.test_the_database_has_its_role
    passes(check, case(DatabaseCase, seen(), role="primary"))
    passes(check, case(DatabaseCase, following(), role="replica"))
    closed = session(writable=False, why_read_only="super_read_only")
    fails(check, case(DatabaseCase, seen(session=closed), role="primary"), "takes no writes (super_read_only)")
    fails(check, case(DatabaseCase, following(), role="primary"), "it is a replica", "in recovery")
    fails(check, case(DatabaseCase, seen(), role="replica"), "copies nobody", "takes writes of its own")
    open_replica = session(writable=True, recovering=True)
    fails(check, case(DatabaseCase, seen(session=open_replica), role="replica"), "takes writes of its own")
    is_not_observed(check, case(DatabaseCase, NOBODY, role="primary"), "28P01")


def test_the_replicas(suite: ModuleType) -> None:
    check = suite.test_the_replicas_stream
    two = {"replicas": {"count": 2}}
    passes(check, case(DatabaseCase, seen(replicas=(replica(), replica("replica-b"))), **two))
    catching = replica("replica-b", state="catchup", streams=False)
    told = "1 of 2 promised replicas stream: replica-a streams, replica-b is catchup"
    fails(check, case(DatabaseCase, seen(replicas=(replica(), catching)), **two), told)
    fails(check, case(DatabaseCase, seen(replicas=()), **two), "0 of 2", "nobody copies it")
    is_not_observed(check, case(DatabaseCase, seen(replicas=HIDDEN), **two), "not permitted", "pg_monitor")
    is_not_observed(check, case(DatabaseCase, seen(replicas=None), **two), "not looked at")
    is_not_observed(check, case(DatabaseCase, CUT_OFF, **two), "closed the connection")
    is_not_observed(check, case(DatabaseCase, NOBODY, **two), "28P01")


def lag(*replicas: Replica, **promised: Any) -> ReplicaLagCase:
    return case(ReplicaLagCase, seen(replicas=replicas), replicas={"count": 1} | promised)


def test_the_lag_of_replicas(suite: ModuleType) -> None:
    check = suite.test_no_replica_is_far_behind
    passes(check, lag(replica(lag_s=10.0), max_lag="10s"))
    fails(check, lag(replica(lag_s=10.1), max_lag="10s"), "replica-a is 10.1s behind, promised 10s")
    passes(check, lag(replica(lag_bytes=1 << 20), max_lag_bytes="1MiB"))
    fails(check, lag(replica(lag_bytes=(1 << 20) + 1), max_lag_bytes="1MiB"), "1048577B still to apply, promised 1MiB")
    catching = replica("replica-b", state="catchup", streams=False, lag_s=90.0)
    fails(check, lag(replica(), catching, max_lag="10s"), "replica-b is 1m30s behind")


def test_a_lag_that_is_not_told_is_not_none(suite: ModuleType) -> None:
    check = suite.test_no_replica_is_far_behind
    passes(check, lag(replica(lag_s=None, lag_bytes=0), max_lag="10s"))
    is_not_observed(check, lag(replica(lag_s=None), max_lag="10s"), "does not say how far behind replica-a is")
    is_not_observed(check, lag(replica(lag_s=None, lag_bytes=None), max_lag="10s"), "replica-a")
    is_not_observed(check, lag(replica(lag_bytes=None), max_lag_bytes="1MiB"), "replica-a")
    is_not_observed(check, lag(max_lag="10s"), "no replica streams")
    backup = replica("backup", state="backup", streams=False, lag_s=None, lag_bytes=None)
    is_not_observed(check, lag(backup, max_lag="10s"), "no replica streams")
    passes(check, lag(replica(), backup, max_lag="10s"))
    hidden = case(ReplicaLagCase, seen(replicas=HIDDEN), replicas={"count": 1, "max_lag": "1s"})
    is_not_observed(check, hidden, "not permitted")


def test_who_is_asked_for_lags() -> None:
    assert looks(ReplicaLagCase, replicas={"count": 1}) == 0
    assert looks(ReplicaLagCase, replicas={"count": 1, "max_lag_bytes": "1MiB"}) == 1
    assert looks(LagCase, follows={"component": "primary"}) == 0
    assert looks(MarkerCase, follows={"component": "primary"}) == 0


def test_the_replica_set(suite: ModuleType) -> None:
    check = suite.test_the_server_belongs_to_its_replica_set
    promised = {"replica_set": "rs0"}
    passes(check, case(DatabaseCase, seen(replica_set="rs0"), "mongodb", **promised))
    fails(check, case(DatabaseCase, seen(replica_set="rs1"), "mongodb", **promised), "belongs to rs1, promised rs0")
    fails(check, case(DatabaseCase, seen(), "mongodb", **promised), "belongs to no replica set")
    is_not_observed(check, case(DatabaseCase, NOBODY, "mongodb", **promised), "28P01")


def test_following(suite: ModuleType) -> None:
    check = suite.test_the_replica_follows
    promised = {"follows": {"component": "primary"}}
    passes(check, case(DatabaseCase, following(), **promised))
    stopped = following(streams=False, state="receives: Yes, applies: No", error="1062 Duplicate entry")
    told = "does not stream from db.shop.test:5432: receives: Yes, applies: No (1062 Duplicate entry)"
    fails(check, case(DatabaseCase, stopped, **promised), told)
    fails(check, case(DatabaseCase, seen(), **promised), "it copies nobody")
    is_not_observed(check, case(DatabaseCase, seen(upstream=HIDDEN), **promised), "not permitted")
    is_not_observed(check, case(DatabaseCase, CUT_OFF, **promised), "closed the connection")
    is_not_observed(check, case(DatabaseCase, NOBODY, **promised), "28P01")


def test_the_replicas_own_lag(suite: ModuleType) -> None:
    check = suite.test_the_replica_keeps_up
    passes(check, case(LagCase, following(lag_s=30.0), follows=FOLLOWS))
    fails(check, case(LagCase, following(lag_s=30.1), follows=FOLLOWS), "it is 30.1s behind, promised 30s")
    fails(check, case(LagCase, following(error="replay is paused"), follows=FOLLOWS), "replay is paused")
    gone = following(streams=False, state="no WAL receiver", lag_s=900.0)
    fails(check, case(LagCase, gone, follows=FOLLOWS), "15m behind")
    is_not_observed(check, case(LagCase, following(streams=False, lag_s=0.0), follows=FOLLOWS), "nothing comes")
    is_not_observed(check, case(LagCase, following(lag_s=None), follows=FOLLOWS), "does not say")
    is_not_observed(check, case(LagCase, seen(), follows=FOLLOWS), "copies nobody")
    is_not_observed(check, case(LagCase, seen(upstream=HIDDEN), follows=FOLLOWS), "not permitted")


def marker(**changes: Any) -> MarkerCase:
    return case(MarkerCase, marked(**changes), follows=FOLLOWS)


def test_a_marker_that_arrives(suite: ModuleType) -> None:
    check = suite.test_what_is_written_arrives
    passes(check, marker())
    passes(check, marker(seen_after_s=5.0))
    fails(check, marker(seen_after_s=5.01), "came after 5.01s, promised within 5s")
    fails(check, marker(seen_after_s=None), "written on primary did not come within 5s")
    fails(check, marker(removed=False), "the row was left behind on primary")


def test_a_marker_that_nobody_could_write_or_look_for(suite: ModuleType) -> None:
    check = suite.test_what_is_written_arrives
    no = Refusal(code="42501", message="permission denied for schema public")
    unwritten: dict[str, Any] = {"written": False, "seen_after_s": None, "removed": False}
    is_not_observed(check, marker(**unwritten, refused=no), "no row was written", "permission denied")
    lost = Broke(end=StoreEnd.SILENT, at="the marker")
    is_not_observed(check, marker(**unwritten, broke=lost), "no answer (the marker)")
    is_not_observed(check, marker(**unwritten, withheld="the certificate does not verify"), "does not verify")
    is_not_observed(check, marker(**unwritten), "nobody says why")
    is_not_observed(check, marker(seen_after_s=None, replica_broke=lost), "nobody could look on the replica")
    left = marker(seen_after_s=None, replica_refused=no, removed=False)
    is_not_observed(check, left, "permission denied", "the row was left behind on primary")


def test_a_marker_is_written_on_the_primary() -> None:
    ask = marker().ask
    assert (ask.host, ask.replica.host, ask.table, ask.within) == (
        "primary.shop.test",
        "db.shop.test",
        "roadworthy_markers",
        5.0,
    )
    assert (ask.engine, ask.username, ask.name) == ("postgresql", "shop", "shop")
    assert "let-me-in" not in ask.model_dump_json()
    assert not ask.may_repeat(marked())
    assert ask.may_repeat(marked(written=False))
    assert marked(written=False, broke=Broke(end=StoreEnd.REFUSED, at="connecting")).transient
    assert not marked().transient
