"""Everything that can be broken: real misconfigurations and deaths, by name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from roadworthy.sandbox.faults import (
    backups,
    cache,
    configuration,
    containers,
    cron,
    database,
    database_mongodb,
    database_mysql,
    dns,
    exposure,
    headers,
    host_files,
    host_services,
    hosts,
    http,
    limits,
    mail,
    migrations,
    queues,
    release,
    services,
    tls,
    vantage,
    websocket,
    workers,
)
from roadworthy.sandbox.faults.fault import Fault, FaultError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.sandbox.deployment import Deployment

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *exposure.FAULTS,
        *limits.FAULTS,
        *tls.FAULTS,
        *headers.FAULTS,
        *http.FAULTS,
        *mail.FAULTS,
        *dns.FAULTS,
        *release.FAULTS,
        *database.FAULTS,
        *database_mongodb.FAULTS,
        *database_mysql.FAULTS,
        *cache.FAULTS,
        *migrations.FAULTS,
        *queues.FAULTS,
        *services.FAULTS,
        *websocket.FAULTS,
        *vantage.FAULTS,
        *hosts.FAULTS,
        *host_services.FAULTS,
        *host_files.FAULTS,
        *workers.FAULTS,
        *cron.FAULTS,
        *backups.FAULTS,
        *configuration.FAULTS,
        *containers.FAULTS,
    )
}


def parse_fault(text: str) -> tuple[str, str | None]:
    """The name and the component of `FAULT[:COMPONENT]`.

    Raises:
        FaultError: there is no such fault.
    """
    name, _, component = text.partition(":")
    if name not in FAULTS:
        near = get_close_matches(name, FAULTS, n=3, cutoff=0.3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise FaultError(f"there is no fault {name!r}{hint}")
    return name, component or None


def broken(deployment: Deployment, faults: Iterable[str]) -> Deployment:
    """A deployment with faults in it, one after another.

    Raises:
        FaultError: there is no such fault, or it does not apply.
    """
    for text in faults:
        name, component = parse_fault(text)
        deployment = FAULTS[name].break_(deployment, component)
    return deployment


__all__ = ["FAULTS", "Fault", "FaultError", "broken", "parse_fault"]
