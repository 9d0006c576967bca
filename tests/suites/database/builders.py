"""A healthy database as a session sees it; a test changes one thing of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from roadworthy.facts.database import (
    Archive,
    ColumnSeen,
    Connections,
    DatabaseObservation,
    Grant,
    IndexSeen,
    PasswordSeen,
    Privileges,
    Replica,
    Server,
    Session,
    Setting,
    TableSeen,
    Upstream,
)
from roadworthy.facts.marker import MarkerObservation
from roadworthy.facts.store import Broke, Refusal, Secured, StoreEnd, Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

C = TypeVar("C", bound="Case[Any, Any, Any]")

LOGIN = {"username": "shop", "password": "let-me-in"}
HIDDEN = Unseen(unseen="not permitted", detail="pg_monitor is missing")
SLOW = Unseen(unseen="took too long")


def server(product: str = "PostgreSQL", version: str = "16.14", comment: str = "") -> Server:
    return Server(product=product, version=version, comment=comment)


def session(**changes: Any) -> Session:
    given: dict[str, Any] = {
        "user": "shop",
        "database": "shop",
        "writable": True,
        "recovering": False,
        "charset": "UTF8",
        "collation": "en_US.utf8",
    }
    return Session(**given | changes)


def table(name: str = "orders", **changes: Any) -> TableSeen:
    given: dict[str, Any] = {
        "name": name,
        "columns": (
            ColumnSeen(name="id", type="bigint", nullable=False),
            ColumnSeen(name="customer", type="character varying(255)", nullable=True),
        ),
        "indexes": (IndexSeen(name="orders_customer", columns=("customer", "id")),),
        "row_security": "on",
        "policies": ("of_tenant",),
    }
    return TableSeen(**given | changes)


def gone(name: str = "orders") -> TableSeen:
    return TableSeen(name=name, exists=False)


def seen(**changes: Any) -> DatabaseObservation:
    """A session that came to its end."""
    given: dict[str, Any] = {
        "server": server(),
        "secured": Secured(version="1.3"),
        "offers_tls": True,
        "tried": True,
        "session": session(),
        "replicas": (Replica(name="replica-a", state="streaming", streams=True, lag_s=0.2, lag_bytes=512),),
        "connections": Connections(used=40, limit=100),
        "settings": {"work_mem": Setting(value="8388608", unit="bytes")},
        "extensions": ("plpgsql", "vector"),
        "tables": (table(),),
        "privileges": Privileges(grants=(Grant(on="public.*", privileges=("INSERT", "SELECT")),), roles=("reader",)),
        "rows": (1,),
        "passwords": (PasswordSeen(found=1, scheme="bcrypt", compared=True),),
        "archive": Archive(enabled=True, last_at=NOW - timedelta(minutes=59)),
        "advice": (),
    }
    return DatabaseObservation(observed_at=NOW, **given | changes)


def hello(**changes: Any) -> DatabaseObservation:
    """A conversation in which nobody was let in."""
    return DatabaseObservation(observed_at=NOW, **changes)


def broke(end: StoreEnd = StoreEnd.REFUSED, at: str = "connecting", detail: str = "", **others: Any) -> Any:
    return hello(broke=Broke(end=end, at=at, detail=detail), **others)


def refused(code: str, message: str = "", **others: Any) -> DatabaseObservation:
    return hello(refused=Refusal(code=code, message=message), tried=True, offers_tls=True, **others)


NOBODY = refused("28P01", 'password authentication failed for user "shop"')
SILENT = broke(StoreEnd.SILENT)


def following(**changes: Any) -> DatabaseObservation:
    """A replica."""
    given: dict[str, Any] = {"name": "db.shop.test:5432", "state": "streaming", "streams": True, "lag_s": 0.4}
    replica = session(writable=False, recovering=True, why_read_only="in recovery")
    return seen(session=replica, upstream=Upstream(**given | changes))


def marked(**changes: Any) -> MarkerObservation:
    """A row that came in time and was taken away again."""
    given: dict[str, Any] = {"written": True, "seen_after_s": 0.3, "looked_for_s": 0.3, "removed": True}
    return MarkerObservation(observed_at=NOW, **given | changes)


def target(engine: str = "postgresql", **promised: Any) -> Target:
    database = {"engine": engine, "name": "shop", "login": LOGIN, **promised}
    given = {key: value for key, value in database.items() if value is not None}
    return Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"allows": ["logins", "writes"]},
            "components": {
                "database": {"address": "db.shop.test:5432", "database": given},
                "primary": {
                    "address": "primary.shop.test:5432",
                    "database": {"engine": engine, "name": "shop", "login": LOGIN},
                },
            },
        }
    )


def case(kind: type[C], observed: object, engine: str = "postgresql", nth: int = 0, **promised: Any) -> C:
    """The case of a database that promises this beside its login."""
    made = target(engine, **promised)
    component = made.components["database"]
    expected, ask = list(kind.looks(made, component))[nth]
    address = "192.0.2.7:5432"
    return kind(
        target=made, name="database", component=component, expected=expected, ask=ask, address=address, seen=observed
    )


def looks(kind: type[C], engine: str = "postgresql", **promised: Any) -> int:
    """How often a case looks at a database that promises this."""
    made = target(engine, **promised)
    return len(list(kind.looks(made, made.components["database"])))
