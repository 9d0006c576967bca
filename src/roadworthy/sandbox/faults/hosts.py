"""Faults of a machine: that it is there, its size, its disks, who listens, its firewall."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import State
from roadworthy.sandbox.faults.fault import fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.sandbox.deployment import Deployment


def _hosts(deployment: Deployment) -> Iterable[str]:
    return (name for name, component in deployment.target.components.items() if component.host is not None)


def _with_sudo(deployment: Deployment) -> Iterable[str]:
    vantages = deployment.target.network.vantages
    components = deployment.target.components.items()
    return (name for name, component in components if component.host is not None and vantages[component.host].sudo)


def _down(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_ssh(component, lambda host: replace(host, state=State.KILLED))


def _without_sudo(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_machine(component, lambda machine: replace(machine, lets_sudo=False))


FAULTS = (
    fault(
        "host-down",
        "A host's SSH server is dead.",
        "HOST-REACH",
        where=_hosts,
        change=_down,
        also=("REACH-TCP",),
    ),
    fault(
        "host-refuses-sudo",
        "The user that looks may not use sudo without a password.",
        "HOST-SUDO",
        where=_with_sudo,
        change=_without_sudo,
    ),
)
