"""Faults of Redis and Valkey: who gets in, what is kept and lost, who copies whom, and clusters that are not whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Issuer, Product
from roadworthy.sandbox.faults.fault import fault
from roadworthy.sandbox.stores.valkey import STALLED_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment, Store
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.stores.valkey import Valkey
    from roadworthy.target.blocks.cache import Cache

ANOTHER = "-and-something-else"
SLOW = "for i = 1, 8000000 do end"
"""Some 50 ms of a script's own time, in which nobody else is answered."""
SLOW_S = 0.05
ENDLESS = "while true do end"
FULL_SLOW_LOG = 130


def _promising(key: str, holds: Callable[[Cache, Valkey], bool] = lambda *_: True) -> Where:
    """Caches that promise something, and whose server is the sandbox's own."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            store, promised = deployment.store_of(name), component.cache
            if promised is None or store is None or store.product is not Product.VALKEY:
                continue
            if getattr(promised, key) is not None and holds(promised, store.contents):
                yield name

    return where


def _is_named(_: Cache, made: Valkey) -> bool:
    return made.username != "default"


def _is_alone(_: Cache, made: Valkey) -> bool:
    return not made.shards and not made.watches


def _without_queues(deployment: Deployment) -> Iterable[str]:
    """Those that no worker of the sandbox waits for: it could not begin."""
    found = _promising("version", _is_alone)(deployment)
    return (name for name in found if deployment.component(name).queues is None)


def _must_be_quick(promised: Cache, _: Valkey) -> bool:
    """The slow script is longer than that."""
    return promised.answers_within is not None and promised.answers_within <= SLOW_S


def _is_bounded(promised: Cache, made: Valkey) -> bool:
    return _is_alone(promised, made) and _limit(made) > 0


def _is_short(max_lag: float | None) -> bool:
    """The sandbox's stalled links are silent for longer than that."""
    return max_lag is not None and max_lag < STALLED_S


def _limit(made: Valkey) -> int:
    """Its maxmemory, as the faults need it: in mebibytes."""
    text = dict(made.settings).get("maxmemory", "0").lower().removesuffix("mb")
    return int(text) * 2**20 if text.isdigit() else 0


def _has_replicas(promised: Cache, _: Valkey) -> bool:
    return promised.cluster is not None and promised.cluster.replicas > 0


def _store(change: Callable[[Store], dict[str, Any]]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        store = deployment.store_of(component)
        assert store is not None  # noqa: S101 - `where` chose it
        return deployment.with_store(component, **change(store))

    return changed


def _contents(change: Callable[[Valkey], dict[str, Any]]) -> Change:
    return _store(lambda store: {"contents": replace(store.contents, **change(store.contents))})


def _with(**changes: Any) -> Change:
    return _contents(lambda _: changes)


def _set(**settings: str) -> Change:
    """Settings with other values; an underscore stands for a hyphen."""
    wanted = {name.replace("_", "-"): value for name, value in settings.items()}
    return _contents(lambda made: {"settings": tuple((dict(made.settings) | wanted).items())})


def _distrusted(store: Store) -> dict[str, Any]:
    assert store.tls is not None  # noqa: S101 - `where` chose it
    return {"tls": replace(store.tls, certificate=replace(store.tls.certificate, issuer=Issuer.UNKNOWN))}


def _published_login(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component).cache
    assert promised is not None  # noqa: S101 - `where` chose it
    login = (promised.refuses_logins or ())[0]
    return _with(known=((login.username or "default", login.published),))(deployment, component)


def _without_setting(deployment: Deployment, component: str) -> Deployment:
    """The eviction policy, or else the first setting that is promised, has the server's own default."""
    promised = deployment.component(component).cache
    assert promised is not None  # noqa: S101 - `where` chose it
    names = list(promised.settings or {})
    gone = "maxmemory-policy" if "maxmemory-policy" in names else names[0]
    change = _contents(lambda made: {"settings": tuple(pair for pair in made.settings if pair[0] != gone)})
    return change(deployment, component)


def _followers(deployment: Deployment, primary: str) -> Iterable[str]:
    for name, component in deployment.target.components.items():
        follows = component.cache.follows if component.cache is not None else None
        if follows is not None and follows.component == primary:
            yield name


def _copied(holds: Callable[[Cache, Valkey], bool] = lambda *_: True) -> Where:
    """Those whose replicas are promised, and are components."""
    promising = _promising("replicas", holds)
    return lambda deployment: (
        name for name in promising(deployment) if any(True for _ in _followers(deployment, name))
    )


def _in_followers(**changes: Any) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        for name in _followers(deployment, component):
            deployment = _with(**changes)(deployment, name)
        return deployment

    return changed


def _crowded(deployment: Deployment, component: str) -> Deployment:
    """As many as leave a few for those who look."""
    return _contents(
        lambda made: {"settings": tuple((dict(made.settings) | {"maxclients": "100"}).items()), "held": 86}
    )(deployment, component)


FAULTS = (
    fault(
        "cache-busy",
        "A script runs in the cache without an end: everybody is told BUSY.",
        "CACHE-ANSWERS",
        where=_without_queues,
        change=_contents(
            lambda made: {
                "repeated": ("EVAL", ENDLESS, "0"),
                "settings": (*made.settings, ("busy-reply-threshold", "10")),
            }
        ),
        also=("CACHE-LAG", "CACHE-REPLICA-LAG"),
    ),
    fault(
        "cache-locks-out",
        "The password that the cache knows is another one.",
        "CACHE-LOGIN",
        where=_promising("login"),
        change=_contents(lambda made: {"passwords": tuple(password + ANOTHER for password in made.passwords)}),
    ),
    fault(
        "cache-old",
        "The cache is of an old version.",
        "CACHE-VERSION",
        where=_promising("version"),
        change=_with(claims="6.0.9"),
    ),
    fault(
        "cache-plain",
        "The cache speaks no TLS.",
        "CACHE-ENCRYPTED",
        where=_promising("encrypted"),
        change=_store(lambda _: {"tls": None, "plain": True}),
        also=("CACHE-PLAIN",),
    ),
    fault(
        "cache-distrusted",
        "The cache's certificate is of an authority that nobody knows.",
        "CACHE-ENCRYPTED",
        where=_promising("encrypted"),
        change=_store(_distrusted),
    ),
    fault(
        "cache-takes-plain",
        "The cache lets in whoever comes without TLS.",
        "CACHE-PLAIN",
        where=_promising("refuses_plain"),
        change=_store(lambda _: {"plain": True}),
    ),
    fault(
        "cache-open",
        "The cache lets in whoever comes without a password.",
        "CACHE-ANONYMOUS",
        where=_promising("refuses_anonymous", _is_named),
        change=_with(anonymous=True),
        also=("CACHE-DEFAULT-LOGINS",),
    ),
    fault(
        "cache-careless",
        "The cache lets the user in with any password (`nopass`).",
        "CACHE-WRONG-PASSWORD",
        where=_promising("refuses_wrong_password", _is_named),
        change=_with(careless=True),
    ),
    fault(
        "cache-default-login",
        "The cache's default user has the password of the manual.",
        "CACHE-DEFAULT-LOGINS",
        where=_promising("refuses_logins", _is_named),
        change=_published_login,
    ),
    fault(
        "cache-slow",
        "Somebody runs slow scripts in the cache: all others wait for them.",
        "CACHE-LATENCY",
        where=_promising("answers_within", _must_be_quick),
        change=_with(repeated=("EVAL", SLOW, "0")),
    ),
    fault(
        "cache-setting",
        "The cache evicts by another policy.",
        "CACHE-SETTINGS",
        where=_promising("settings"),
        change=_without_setting,
    ),
    fault(
        "cache-full",
        "The cache is nearly full.",
        "CACHE-MEMORY",
        where=_promising("memory_below", _is_bounded),
        change=_contents(lambda made: {"filled": _limit(made) * 88 // 100}),
    ),
    fault(
        "cache-evicts",
        "The cache had too little memory for a while, and threw keys away.",
        "CACHE-EVICTIONS",
        where=_promising("evicts_nothing", _is_bounded),
        change=_contents(lambda made: {"filled": _limit(made) * 12 // 10, "emptied": True}),
    ),
    fault(
        "cache-crowded",
        "Nearly all connections to the cache are taken.",
        "CACHE-CLIENTS",
        where=_promising("clients_below", _is_alone),
        change=_crowded,
    ),
    fault(
        "cache-forgetful",
        "The cache keeps nothing on disk.",
        "CACHE-PERSISTENCE",
        where=_promising("persistence"),
        change=_set(appendonly="no", save=""),
    ),
    fault(
        "cache-slow-log",
        "Many commands took too long.",
        "CACHE-ADVICE",
        where=_promising("version", _is_alone),
        change=_contents(
            lambda made: {
                "settings": (*made.settings, ("slowlog-log-slower-than", "0")),
                "seeds": (*made.seeds, *(("PING",),) * FULL_SLOW_LOG),
            }
        ),
    ),
    fault(
        "cache-detached",
        "A replica of the cache has its primary's old password: it copies nothing any more.",
        "CACHE-FOLLOWS",
        where=_promising("follows"),
        change=_with(streams=False),
        also=("CACHE-REPLICAS", "CACHE-SENTINEL"),
    ),
    fault(
        "cache-without-replicas",
        "All replicas of the cache have its old password: nobody copies it.",
        "CACHE-REPLICAS",
        where=_copied(),
        change=_in_followers(streams=False),
        also=("CACHE-FOLLOWS", "CACHE-SENTINEL"),
    ),
    fault(
        "cache-replicas-late",
        "What the cache's replicas say no longer comes to it.",
        "CACHE-REPLICA-LAG",
        where=_copied(lambda promised, _: promised.replicas is not None and _is_short(promised.replicas.max_lag)),
        change=_in_followers(stalls=True),
        also=("CACHE-LAG",),
    ),
    fault(
        "cache-promoted",
        "A replica of the cache was promoted: it takes writes of its own.",
        "CACHE-ROLE",
        where=_promising("follows", lambda promised, _: promised.role is not None),
        change=_with(promoted=True),
        also=("CACHE-REPLICAS", "CACHE-SENTINEL"),
    ),
    fault(
        "cache-link-stalls",
        "Nothing comes any more over the link between a replica of the cache and its primary.",
        "CACHE-LAG",
        where=_promising(
            "follows", lambda promised, _: promised.follows is not None and _is_short(promised.follows.max_lag)
        ),
        change=_with(stalls=True),
        also=("CACHE-REPLICA-LAG",),
    ),
    fault(
        "cache-sentinel-elsewhere",
        "The sentinel watches a primary of another name.",
        "CACHE-SENTINEL",
        where=_promising("sentinel"),
        change=_contents(lambda made: {"watches": f"{made.watches}-old"}),
    ),
    fault(
        "cache-slot-uncovered",
        "Nobody holds one slot of the cluster.",
        "CACHE-CLUSTER-STATE",
        where=_promising("cluster"),
        change=_with(uncovered=1),
    ),
    fault(
        "cache-replica-dead",
        "A replica of the cluster died.",
        "CACHE-CLUSTER-SHAPE",
        where=_promising("cluster", _has_replicas),
        change=_contents(lambda made: {"dead": (made.shards * (1 + made.replicas) - 1,)}),
    ),
    fault(
        "cache-node-unknown",
        "A node of the cluster waits for another one that is not there and that nobody else knows.",
        "CACHE-CLUSTER-AGREES",
        where=_promising("cluster"),
        change=_with(ghost=True),
    ),
    fault(
        "cache-slot-moves",
        "A slot of the cluster was to be given to another node, and that broke off.",
        "CACHE-CLUSTER-MOVES",
        where=_promising("cluster"),
        change=_with(moving=True),
    ),
)
