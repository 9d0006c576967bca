"""What is on a machine that keeps its promises of `listening`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.sandbox.machines.machine import Machine

if TYPE_CHECKING:
    from roadworthy.target.blocks.listening import Listening
    from roadworthy.target.models import Component, Target


def furnish(promised: Listening, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del promised, component, target
    return Machine()
