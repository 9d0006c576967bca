"""Where the project's folders are: in the working folder, in the source tree, or as shipped with the package."""

from __future__ import annotations

from pathlib import Path


def project_root() -> Path:
    """The folder that holds `suites/` and `targets/`: the nearest one above the working folder, else this package's.

    Raises:
        FileNotFoundError: there is none.
    """
    here = Path.cwd()
    package = Path(__file__).resolve().parent
    for folder in (here, *here.parents, package.parents[1], package / "_shipped"):
        if (folder / "suites").is_dir() and (folder / "targets").is_dir():
            return folder
    raise FileNotFoundError("no folder with suites/ and targets/ here or above")


def suites_folder() -> Path:
    """The checks."""
    return project_root() / "suites"


def targets_folder() -> Path:
    """The target files."""
    return project_root() / "targets"
