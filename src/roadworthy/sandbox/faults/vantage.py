"""Faults of vantage points: hosts that are down, are others, or forward nothing. What is behind is not observed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import State
from roadworthy.sandbox.faults.fault import fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.sandbox.deployment import Deployment


def _by_ssh(deployment: Deployment) -> Iterable[str]:
    """Components that are looked at from a host."""
    vantages = deployment.target.network.vantages
    return (name for name, part in deployment.target.components.items() if part.via and vantages[part.via].ssh)


def _forwarded(deployment: Deployment) -> Iterable[str]:
    """Of those, the ones whose connections are forwarded."""
    vantages, parts = deployment.target.network.vantages, deployment.target.components
    return (name for name in _by_ssh(deployment) if vantages[parts[name].via or ""].command is None)


def _down(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_ssh(component, lambda host: replace(host, state=State.KILLED))


def _other_key(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_ssh(component, lambda host: replace(host, shows_other_key=True))


def _forwards_nothing(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_ssh(component, lambda host: replace(host, forwards=False))


FAULTS = (
    fault(
        "vantage-down",
        "the SSH server of the host that a store is looked at from is dead",
        "REACH-TCP",
        where=_by_ssh,
        change=_down,
        unseen=True,
    ),
    fault(
        "vantage-key-changed",
        "the host that a store is looked at from shows another key than the known one",
        "REACH-TCP",
        where=_by_ssh,
        change=_other_key,
        unseen=True,
    ),
    fault(
        "vantage-forwards-nothing",
        "the host that a store is looked at from forwards no connections (AllowTcpForwarding no)",
        "REACH-TCP",
        where=_forwarded,
        change=_forwards_nothing,
        unseen=True,
    ),
)
