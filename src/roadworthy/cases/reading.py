"""How whatever is read inside of a store comes in: with the login that its block has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roadworthy.target.models import Component


def entrance(component: Component) -> dict[str, Any]:
    """Fields of an ask that is a session with the component's database or cache."""
    host, port = component.endpoint
    place: dict[str, Any] = {"host": host, "port": port, "via": component.via}
    store = component.database or component.cache
    assert store is not None  # noqa: S101 - the model wants one
    login = store.login
    place |= {
        "username": login.username if login else "",
        "password": login.password if login else None,
        "secures": store.encrypted is True,
    }
    if component.database is not None:
        database = component.database
        place |= {"engine": database.engine, "name": database.name, "auth_source": database.auth_source}
    return place
