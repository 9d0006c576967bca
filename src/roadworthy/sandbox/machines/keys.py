"""What is on a machine that keeps its promises of `keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.sandbox.machines.machine import Machine

if TYPE_CHECKING:
    from roadworthy.target.blocks.keys import Keys
    from roadworthy.target.models import Component, Target


def furnish(promised: Keys, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del promised, component, target
    return Machine()
