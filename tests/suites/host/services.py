"""A host whose services are as promised; a test changes one thing of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.nginx import Configuration, Handled, Master, NginxObservation, ServerSeen
from roadworthy.facts.php import PhpObservation, PoolSeen
from roadworthy.facts.store import Unseen
from roadworthy.facts.systemd import SystemdObservation, UnitSeen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

FORBIDDEN = Unseen(unseen="not permitted", detail="a password is required")


def case(kind: type[C], seen: object, **promised: Any) -> C:
    """The case of a host that promises one block."""
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test", "sudo": True}}},
            "components": {"app": {"host": "app", **promised}},
        }
    )
    part = target.components["app"]
    expected, ask = next(iter(kind.looks(target, part)))
    return kind(target=target, name="app", component=part, expected=expected, ask=ask, address=None, seen=seen)


def ago(**how_long: float) -> Any:
    return NOW - timedelta(**how_long)


def unit(**changes: Any) -> UnitSeen:
    """A service that runs."""
    given: dict[str, Any] = {
        "load": "loaded",
        "active": "active",
        "sub": "running",
        "enabled": "enabled",
        "result": "success",
        "restarts": 0,
        "active_since": ago(days=3),
    }
    return UnitSeen(**given | changes)


GONE = unit(load="not-found", active="inactive", sub="dead", enabled="", active_since=None)


def timer(**changes: Any) -> UnitSeen:
    """A timer that waits."""
    return unit(**{"sub": "waiting", "restarts": None, "planned": True, "triggered": ago(hours=5)} | changes)


def systemd(units: Any = None, failed: Any = ()) -> SystemdObservation:
    """What systemd tells."""
    return SystemdObservation(observed_at=NOW, now=NOW, units=units, failed=failed)


def server(**changes: Any) -> ServerSeen:
    """A server that serves files, and no dot files."""
    denied = {path: Handled(location="~ /\\.", denies=True, max_body=100 * 2**20) for path in DOTS}
    given: dict[str, Any] = {
        "place": "/etc/nginx/conf.d/shop.conf",
        "tls": ("1.2", "1.3"),
        "handled": {"/": Handled(location="/", max_body=100 * 2**20), **denied},
    }
    return ServerSeen(**given | changes)


DOTS = ("/.env", "/.git/config", "/.htpasswd", "/files/.env")


def nginx(*servers: ServerSeen, **changes: Any) -> NginxObservation:
    """What nginx reads, and that it runs."""
    configuration: dict[str, Any] = {
        "changed": ago(hours=2),
        "changed_file": "/etc/nginx/conf.d/shop.conf",
        "servers": {"shop.test": servers},
        "settings": {"worker_connections": "2048", "gzip": None},
    }
    own = {key: changes.pop(key) for key in tuple(changes) if key in configuration}
    given: dict[str, Any] = {
        "configuration": Configuration(**configuration | own),
        "running": Master(started=ago(days=3), loaded=ago(hours=1)),
    }
    return NginxObservation(observed_at=NOW, now=NOW, **given | changes)


def php(**changes: Any) -> PhpObservation:
    """What FPM reads."""
    given: dict[str, Any] = {
        "pools": {"www": PoolSeen(directives={"pm": "dynamic", "pm.max_children": "50"})},
        "settings": {"memory_limit": "128M", "opcache.enable": "On", "display_errors": ""},
    }
    return PhpObservation(observed_at=NOW, now=NOW, **given | changes)
