"""Faults of systemd, nginx and PHP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roadworthy.sandbox.faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
