"""A case: what a check is given to judge. One promise of one component, and one observation of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from roadworthy.facts.base import Ask, Observation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target

E = TypeVar("E")
A = TypeVar("A", bound=Ask)
O = TypeVar("O", bound=Observation)  # noqa: E741 - E expects, A asks, O observes


@dataclass(frozen=True)
class Case(Generic[E, A, O]):
    """One expectation and one observation. A check names, by its parameter's type, which kind it judges.

    Subclasses say in `looks` what must be asked for a component. The plugin observes every ask at every address behind
    the name and calls the check once for each.
    """

    target: Target
    name: str
    component: Component
    expected: E
    ask: A
    address: str | None
    seen: O

    block: ClassVar[str | None] = None
    """The component's key that holds the expectation; None where the case needs none."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[E, A]]:
        """What must be asked to judge this kind of promise of a component, each with the expectation it is for."""
        raise NotImplementedError
