"""Databases and caches of the sandbox: real servers, one module a product.

A store is a pure value (`deployment.Store`): what a product's own `contents` say, its server is set up to be, from
nothing, each time it starts. A fault is a change of that value. Each module has

    contents_of(target, name, hosts)    what a component's promises make of it: a frozen dataclass
    set_up(job, directory)              starts the real server on private ports, fills it, returns the doors to open

The server listens where nobody looks (`private`); the public address is opened only when all is set up, by `doors`, so
that what accepts connections is ready. A door speaks TLS for servers that can't.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.target.models import Component, Target

MODULES = {
    Product.POSTGRES: "roadworthy.sandbox.stores.postgresql",
    Product.MARIADB: "roadworthy.sandbox.stores.mariadb",
    Product.MONGODB: "roadworthy.sandbox.stores.mongodb",
    Product.VALKEY: "roadworthy.sandbox.stores.valkey",
}
BY_ENGINE = {
    "postgresql": Product.POSTGRES,
    "mysql": Product.MARIADB,
    "mariadb": Product.MARIADB,
    "mongodb": Product.MONGODB,
}
BY_PORT = {5432: Product.POSTGRES, 6379: Product.VALKEY}
"""Of components that promise no more than an open port."""


def product_of(component: Component) -> Product:
    """What a component that speaks no HTTP really is."""
    if component.database is not None:
        return BY_ENGINE[component.database.engine]
    if component.cache is not None:
        return Product.VALKEY
    return BY_PORT.get(component.endpoint[1], Product.LISTENER)


def contents_of(target: Target, name: str, hosts: Mapping[str, tuple[str, ...]]) -> Any:
    """What the product's server is to be set up with; None for a bare listener."""
    module = MODULES.get(product_of(target.components[name]))
    return import_module(module).contents_of(target, name, hosts) if module else None
