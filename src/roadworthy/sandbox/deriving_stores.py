"""A target's promises on a database or cache -> the store that keeps them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import Store, local_port
from roadworthy.sandbox.deriving_tls import tls_of
from roadworthy.sandbox.stores import contents_of, product_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.target.models import Target


def store_of(target: Target, name: str, hosts: Mapping[str, tuple[str, ...]]) -> Store:
    """The store of a component, set up as it promises."""
    component = target.components[name]
    host, port = component.endpoint
    block = component.database or component.cache
    store = Store(name, (hosts[host][0], local_port(port)), product_of(component))
    offered = component.database is not None and component.database.engine != "mongodb"  # as a careful operator does
    if block is not None and (offered or block.encrypted or block.refuses_plain):
        store = replace(store, tls=tls_of(host, [component]), plain=not block.refuses_plain)
    contents = contents_of(target, name, hosts)
    beside = tuple(getattr(contents, "beside", ()))
    return replace(store, contents=contents, beside=beside)
