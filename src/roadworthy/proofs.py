"""What was seen red: which fault turned which check of which component red, in the sandbox of which target.

`proofs.json` is written by the fault matrix (`tests/matrix`), which fails when what it sees differs from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Red = tuple[str, str]
"""A check's id and a component's name."""


@dataclass(frozen=True)
class Proofs:
    """target -> fault -> what turned red by itself (`CHECK[component]`), explained findings left out."""

    by_target: Mapping[str, Mapping[str, tuple[str, ...]]]

    @classmethod
    def recorded(cls) -> Proofs:
        """Those that came with the program."""
        held = json.loads(files("roadworthy").joinpath("proofs.json").read_text(encoding="utf-8"))
        return cls({target: {f: tuple(reds) for f, reds in faults.items()} for target, faults in held.items()})

    def of(self, check_id: str, component: str | None = None, target: str | None = None) -> tuple[tuple[str, str], ...]:
        """The (target, fault) pairs that turned a check red, of one component and target if they are named."""
        return tuple(
            (name, fault)
            for name, faults in self.by_target.items()
            if target in (None, name)
            for fault, reds in faults.items()
            for red in reds
            if red == f"{check_id}[{component}]" or (component is None and red.startswith(f"{check_id}["))
        )
