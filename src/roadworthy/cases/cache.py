"""Cases of the cache suite: conversations with a Redis or Valkey server, one for each purpose, and with a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.facts.base import Lane
from roadworthy.facts.cache import (
    DEFAULT_USER,
    CacheAsk,
    CacheClusterAsk,
    CacheClusterObservation,
    CacheObservation,
)
from roadworthy.facts.store import Purpose
from roadworthy.target.blocks.cache import Cache, Cluster, Sentinel
from roadworthy.target.blocks.stores import Follows, Replicas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target

PINGS = 5
"""A few, so that one that was held up does not count; not so many that they are a load."""


def session_ask(component: Component) -> CacheAsk:
    """The one conversation that answers all about what is inside."""
    promised = component.cache
    assert promised is not None  # noqa: S101 - the callers have looked
    host, port = component.endpoint
    login = promised.login
    return CacheAsk(
        host=host,
        port=port,
        via=component.via,
        username=(login.username if login else "") or DEFAULT_USER,
        password=login.password if login else None,
        tls=promised.encrypted is True,
        settings=tuple(promised.settings or ()),
        watches=promised.sentinel.watches if promised.sentinel else None,
    )


def other_ask(component: Component, purpose: Purpose, username: str = "", published: str | None = None) -> CacheAsk:
    """A conversation that is no session: it ends where the server lets in or refuses."""
    ask = session_ask(component)
    plain = purpose is Purpose.PLAIN
    changes = {"purpose": purpose, "lane": Lane.NORMAL if plain else Lane.ROUGH, "tls": ask.tls and not plain}
    quiet = {"password": None, "settings": (), "watches": None}
    return ask.model_copy(
        update=changes | quiet | {"username": username or ask.username, "published": published or None}
    )


class CacheCase(Case[Cache, CacheAsk, CacheObservation]):
    """A session as promised."""

    block = "cache"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Cache, CacheAsk]]:  # noqa: ARG003 - a case's signature
        """One session, where the component promises anything about a cache."""
        if component.cache is not None:
            yield component.cache, session_ask(component)


class LatencyCase(CacheCase):
    """A few timed PINGs, while little else is under way."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Cache, CacheAsk]]:  # noqa: ARG003 - as above
        """One conversation, where a time is promised."""
        if component.cache is not None and component.cache.answers_within is not None:
            changes = {"lane": Lane.QUIET, "pings": PINGS, "settings": (), "watches": None}
            yield component.cache, session_ask(component).model_copy(update=changes)


class PlainCase(CacheCase):
    """A conversation without TLS."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Cache, CacheAsk]]:  # noqa: ARG003 - as above
        """One, where its refusal is promised."""
        if component.cache is not None and component.cache.refuses_plain:
            yield component.cache, other_ask(component, Purpose.PLAIN)


class AnonymousCase(CacheCase):
    """A command without a login."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Cache, CacheAsk]]:  # noqa: ARG003 - as above
        """One, where its refusal is promised."""
        if component.cache is not None and component.cache.refuses_anonymous:
            yield component.cache, other_ask(component, Purpose.ANONYMOUS)


class WrongPasswordCase(CacheCase):
    """A login with a wrong password."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Cache, CacheAsk]]:  # noqa: ARG003 - as above
        """One try, where its refusal is promised."""
        if component.cache is not None and component.cache.refuses_wrong_password:
            yield component.cache, other_ask(component, Purpose.WRONG_PASSWORD)


class PublishedLoginCase(CacheCase):
    """A login with credentials that everybody knows."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Cache, CacheAsk]]:  # noqa: ARG003 - as above
        """One try for each; who knows of no password comes without one."""
        promised = component.cache
        for login in (promised.refuses_logins if promised is not None else None) or ():
            assert promised is not None  # noqa: S101 - it has logins
            yield promised, other_ask(component, Purpose.PUBLISHED, login.username or DEFAULT_USER, login.published)


class ClusterCase(Case[Cluster, CacheClusterAsk, CacheClusterObservation]):
    """All nodes of a cluster."""

    block = "cache"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Cluster, CacheClusterAsk]]:  # noqa: ARG003 - as above
        """One visit to all of them, where a cluster is promised."""
        if component.cache is not None and component.cache.cluster is not None:
            ask = session_ask(component)
            yield (
                component.cache.cluster,
                CacheClusterAsk(
                    host=ask.host,
                    port=ask.port,
                    via=ask.via,
                    username=ask.username,
                    password=ask.password,
                    tls=ask.tls,
                ),
            )


class ReplicasCase(Case[Replicas, CacheAsk, CacheObservation]):
    """The session, for who copies the server."""

    block = "cache"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Replicas, CacheAsk]]:  # noqa: ARG003 - as above
        """The same ask."""
        if component.cache is not None and component.cache.replicas is not None:
            yield component.cache.replicas, session_ask(component)


class ReplicaLagCase(ReplicasCase):
    """The same, where a bound on their lag is promised."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Replicas, CacheAsk]]:
        """The same ask."""
        for promised, ask in super().looks(target, component):
            if promised.max_lag is not None or promised.max_lag_bytes is not None:
                yield promised, ask


class FollowsCase(Case[Follows, CacheAsk, CacheObservation]):
    """The session, for whom the server copies."""

    block = "cache"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Follows, CacheAsk]]:  # noqa: ARG003 - as above
        """The same ask."""
        if component.cache is not None and component.cache.follows is not None:
            yield component.cache.follows, session_ask(component)


class LagCase(FollowsCase):
    """The same, where a bound on its lag is promised."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Follows, CacheAsk]]:
        """The same ask."""
        for promised, ask in super().looks(target, component):
            if promised.max_lag is not None:
                yield promised, ask


class SentinelCase(Case[Sentinel, CacheAsk, CacheObservation]):
    """The session, with a sentinel."""

    block = "cache"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Sentinel, CacheAsk]]:  # noqa: ARG003 - as above
        """The same ask."""
        if component.cache is not None and component.cache.sentinel is not None:
            yield component.cache.sentinel, session_ask(component)
