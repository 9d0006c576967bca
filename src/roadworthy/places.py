"""Where the project's folders are: the nearest ones at or above the working folder, else those of this package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

OWN = next(
    (folder for folder in (PACKAGE.parents[1], PACKAGE / "_shipped") if (folder / "suites").is_dir()),
    PACKAGE / "_shipped",
)
"""The folder that this package's own suites and targets are in: the source tree, or what the wheel brought along."""


def suites_folder() -> Path:
    """The checks."""
    return _nearest("suites") or OWN / "suites"


def targets_folder() -> Path:
    """The target files."""
    return _nearest("targets") or OWN / "targets"


def reports_folder() -> Path:
    """Where runs are kept: beside the targets, or below the working folder where there are only the shipped ones."""
    targets = _nearest("targets")
    return (targets.parent if targets else Path.cwd()) / "reports"


def _nearest(name: str) -> Path | None:
    here = Path.cwd()
    return next((folder / name for folder in (here, *here.parents) if (folder / name).is_dir()), None)
