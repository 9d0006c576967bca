"""A target's promises of a host -> the machine that keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from roadworthy.sandbox.machines import (
    backups,
    built,
    compose,
    cron,
    env,
    files,
    firewall,
    keys,
    kubernetes,
    listening,
    logs,
    nginx,
    php,
    pm2,
    renewal,
    supervisor,
    system,
    systemd,
)
from roadworthy.sandbox.machines.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target


class Furnishes(Protocol):
    """A module of this folder that is named like a block."""

    def furnish(self, promised: Any, component: Component, target: Target) -> Machine:
        """What of a machine keeps the block's promises."""


FURNISHES: dict[str, Furnishes] = {
    "system": system,
    "listening": listening,
    "firewall": firewall,
    "files": files,
    "logs": logs,
    "systemd": systemd,
    "nginx": nginx,
    "php": php,
    "supervisor": supervisor,
    "pm2": pm2,
    "cron": cron,
    "renewal": renewal,
    "backups": backups,
    "env": env,
    "keys": keys,
    "built": built,
    "compose": compose,
    "kubernetes": kubernetes,
}


def machine_of(target: Target, vantages: Iterable[str]) -> Machine | None:
    """The machine that some vantage points lead to; None where nothing is looked at on it."""
    here = [component for component in target.components.values() if component.host in tuple(vantages)]
    if not here:
        return None
    machine = Machine()
    for component in here:
        for block, module in FURNISHES.items():
            promised = getattr(component, block)
            if promised is not None:
                machine = machine.plus(module.furnish(promised, component, target))
    for component in here:
        machine = files.adopted(machine, component.files)
    return machine
