"""What a fault is, and where it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment

    Change = Callable[[Deployment, str], Deployment]
    Where = Callable[[Deployment], Iterable[str]]


class FaultError(ValueError):
    """There is no such fault, or it can't be in this deployment."""


@dataclass(frozen=True)
class Fault:
    """A misconfiguration or a death, as a pure change of a deployment."""

    name: str
    summary: str
    """One line for people."""
    reds: frozenset[str]
    """The checks that find it, wherever it is: what else turns red is explained by these."""
    where: Where
    """The components that it can be in, the natural one first."""
    change: Change
    also: frozenset[str] = frozenset()
    """Checks that find it too, where the component makes their promise."""
    unseen: bool = False
    """Nothing can be observed any more: the verdict is inconclusive."""

    def applies(self, deployment: Deployment) -> bool:
        """Whether there is a component that it can be in."""
        return any(True for _ in self.where(deployment))

    def component_for(self, deployment: Deployment, component: str | None = None) -> str:
        """The component to break: the given one, or the natural one.

        Raises:
            FaultError: it can't be in that component, or in none.
        """
        possible = tuple(self.where(deployment))
        if component is not None and component not in deployment.target.components:
            raise FaultError(f"there is no component {component}")
        if not possible or (component is not None and component not in possible):
            where = (
                f"possible in {', '.join(possible)}" if possible else f"nothing in {deployment.target.name} promises it"
            )
            raise FaultError(f"{self.name} does not apply{f' to {component}' if component else ''}: {where}")
        return component or possible[0]

    def break_(self, deployment: Deployment, component: str | None = None) -> Deployment:
        """The deployment with the fault in it.

        Raises:
            FaultError: it can't be there.
        """
        return self.change(deployment, self.component_for(deployment, component))


def fault(
    name: str, summary: str, *reds: str, where: Where, change: Change, also: Iterable[str] = (), unseen: bool = False
) -> Fault:
    """A fault, its checks given one by one."""
    return Fault(name, summary, frozenset(reds), where, change, frozenset(also), unseen)


def _is_given(value: object) -> bool:
    """0 is a promise."""
    return value is not None and value is not False


def promising(key: str) -> Where:
    """Components that promise something: `tls.min_days_left` is set and not False."""
    block, _, member = key.partition(".")

    def where(deployment: Deployment) -> Iterable[str]:
        for name, component in deployment.target.components.items():
            promised = getattr(component, block)
            if promised is not None and (not member or _is_given(getattr(promised, member))):
                yield name

    return where


def fronted(where: Where) -> Where:
    """Of some components, those that an nginx server of the sandbox answers for."""
    return lambda deployment: (name for name in where(deployment) if deployment.front_of(name))


def frontmost(where: Where) -> Where:
    """Of some components, first those that no other depends on: what is broken there explains nothing else."""

    def ordered(deployment: Deployment) -> Iterable[str]:
        needed = {other for component in deployment.target.components.values() for other in component.depends_on}
        return sorted(where(deployment), key=lambda name: name in needed)

    return ordered
