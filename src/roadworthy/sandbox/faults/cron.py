"""Faults of what runs by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roadworthy.sandbox.faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
