"""Promises on caches as they are written: what is taken, what is refused, and why."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.cases.cache import (
    AnonymousCase,
    CacheCase,
    ClusterCase,
    LatencyCase,
    PlainCase,
    PublishedLoginCase,
    WrongPasswordCase,
)
from roadworthy.facts.base import Lane
from roadworthy.facts.store import Purpose
from roadworthy.target.models import Target

LOGIN = {"username": "app", "password": "let-me-in"}


def target(*allows: str, connect_to: tuple[str, ...] = (), **cache: Any) -> Target:
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": list(allows), "connect_to": list(connect_to)},
            "components": {
                "cache": {"address": "redis.shop.test:6379", "cache": cache},
                "other": {"address": "other.shop.test:6379", "tcp": {"open": True}},
            },
        }
    )


def asks_of(kind: Any, given: Target) -> list[Any]:
    return [ask for _, ask in kind.looks(given, given.components["cache"])]


def test_what_is_promised_is_asked_for() -> None:
    given = target(
        "logins",
        login=LOGIN,
        encrypted=True,
        refuses_plain=True,
        refuses_anonymous=True,
        refuses_wrong_password=True,
        refuses_logins=[{"published": "foobared"}, {"username": "admin", "published": ""}],
        answers_within="10ms",
        settings={"MaxMemory": "2gb"},
        cluster={"shards": 3, "replicas": 2},
    )
    (session,) = asks_of(CacheCase, given)
    assert (session.purpose, session.username, session.tls, session.settings) == (
        Purpose.SESSION,
        "app",
        True,
        ("maxmemory",),
    )
    (quick,) = asks_of(LatencyCase, given)
    assert (quick.lane, quick.pings > 2, quick.settings, quick.password) == (Lane.QUIET, True, (), "let-me-in")
    (plain,) = asks_of(PlainCase, given)
    assert (plain.tls, plain.password, plain.lane) == (False, None, Lane.NORMAL)
    rough = [ask for kind in (AnonymousCase, WrongPasswordCase, PublishedLoginCase) for ask in asks_of(kind, given)]
    assert [(ask.username, ask.published) for ask in rough[2:]] == [("default", "foobared"), ("admin", None)]
    assert {(ask.lane, ask.password, ask.tls) for ask in rough} == {(Lane.ROUGH, None, True)}
    (cluster,) = asks_of(ClusterCase, given)
    assert (cluster.per_address, cluster.username, cluster.tls, cluster.exchanges) == (False, "app", True, 64)


def test_a_password_alone_is_the_default_users() -> None:
    assert asks_of(CacheCase, target(login={"password": "x"}))[0].username == "default"
    assert asks_of(CacheCase, target(role="primary"))[0].password is None


@pytest.mark.parametrize(
    ("cache", "told"),
    [
        ({}, "promises nothing"),
        ({"settings": {"requirepass": "x"}}, "requirepass holds a secret"),
        ({"settings": {"MASTERAUTH": "x"}}, "masterauth holds a secret"),
        ({"settings": {"max*": 1}}, "is no setting's name"),
        ({"persistence": ["none", "rdb"]}, "none goes with nothing else"),
        ({"persistence": []}, "at least 1 item"),
        ({"persistence": "disk"}, "persistence"),
        ({"memory_below": "101%"}, "an amount is"),
        ({"memory_below": 100}, "a size needs a unit"),
        ({"clients_below": "many"}, "an amount is"),
        ({"refuses_plain": True}, "without encrypted it is spoken to in plain"),
        ({"role": "primary", "follows": {"component": "other"}}, "a primary follows nobody"),
        ({"follows": {"component": "other", "marker": {}}}, "nothing is written into a cache"),
        ({"follows": {"component": "other"}}, "other is no other cache"),
        ({"follows": {"component": "cache"}}, "cache is no other cache"),
        ({"cluster": {"shards": 3}, "replicas": {"count": 1}}, "promised by cluster.replicas"),
        ({"cluster": {"replicas": 1}}, "shards"),
        ({"sentinel": {"watches": "shop"}, "memory_below": "80%"}, "memory_below is a promise of a server"),
        ({"refuses_anonymous": True}, "allows: [logins]"),
        ({"refuses_wrong_password": True}, "allows: [logins]"),
        ({"refuses_logins": [{"published": "x"}]}, "1 default logins are tried"),
        ({"version": 7.2}, "write a version in quotes"),
    ],
)
def test_what_cannot_be_is_refused(cache: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        target(**cache)
    assert told in str(caught.value)


def test_what_can_be_is_taken() -> None:
    assert target(memory_below="2GiB").components["cache"].cache.memory_below == 2**31  # type: ignore[union-attr]
    assert target(memory_below="80%", persistence="rdb").components["cache"].cache.persistence == ("rdb",)  # type: ignore[union-attr]


def test_nodes_of_a_cluster_may_be_reached_elsewhere() -> None:
    route = ("10.0.0.7:6379:127.0.0.1:16379",)
    assert target(cluster={"shards": 3}, connect_to=route)
    with pytest.raises(ValidationError, match="is about no component"):
        target(role="primary", connect_to=route)
