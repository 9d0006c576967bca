"""The folders of a release's migrations, read when a run begins, so that all that follows knows their names."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.target.loading import Loaded, load_target
from roadworthy.target.migration_names import NESTED, WITH_TEXT, UnreadableError, is_of, read_files
from roadworthy.target.problems import Mark, Problem, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roadworthy.target.blocks.migrations import Migrations

MOST_FILES = 20_000
LARGEST = 2 * 1024 * 1024
"""Bytes of one file that are read."""

_OF_OTHERS = frozenset({".git", "node_modules", "venv", ".venv", "__pycache__", "vendor", "site-packages"})


def load_release(
    path: Path,
    overlays: Iterable[Path] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """A target as `load_target` gives it, with the names of the migrations that its folders hold.

    Raises:
        TargetError: with all that is wrong.
    """
    return with_releases(load_target(path, overlays, overrides, environ))


def with_releases(loaded: Loaded) -> Loaded:
    """The target with the names of the migrations that its folders hold.

    Raises:
        TargetError: with all folders that can't be used.
    """
    components, problems = dict(loaded.target.components), []
    for name, component in components.items():
        promised = component.migrations
        if promised is None or promised.folder is None:
            continue
        key = f"components.{name}.migrations.folder"
        place = loaded.where(key) or ""
        base = Path(place.rsplit(":", 2)[0]).parent
        try:
            found = _names_of(promised, [base / one for one in promised.folder])
        except (OSError, UnreadableError) as error:
            text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
            problems.append(Problem(Mark(place), key, text))
            continue
        components[name] = component.model_copy(update={"migrations": promised.model_copy(update=found)})
    if problems:
        raise TargetError(problems)
    return replace(loaded, target=loaded.target.model_copy(update={"components": components}))


def _names_of(promised: Migrations, folders: list[Path]) -> dict[str, Any]:
    """Fields of the block. What the target itself says stands."""
    tool = str(promised.tool)
    files: dict[str, str] = {}
    for folder in folders:
        prefix = "/".join(folder.absolute().parts[-2:]) + "/"  # where the folder is an app's, it names the app
        for path in _files(tool, folder):
            files[prefix + path.relative_to(folder).as_posix()] = _text(path) if tool in WITH_TEXT else ""
    release = read_files(tool, files)
    if not release.names:
        raise UnreadableError(str(folders[0]), f"holds no migration of {tool}")
    found: dict[str, Any] = {
        "names": release.names,
        "parents": dict(release.parents) or None,
        "replaces": dict(release.replaces) or None,
    }
    return {key: value for key, value in found.items() if getattr(promised, key) is None}


def _files(tool: str, folder: Path) -> Iterator[Path]:
    """Files that may be migrations.

    Raises:
        OSError: the folder can't be read.
    """
    met = 0
    for at, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(set(folders) - _OF_OTHERS) if tool in NESTED else []
        for name in sorted(names):
            met += 1
            if met > MOST_FILES:
                raise UnreadableError(str(folder), f"has more than {MOST_FILES} files; name the folder of migrations")
            if is_of(tool, name) and _may_be(tool, Path(at)):
                yield Path(at) / name


def _may_be(tool: str, folder: Path) -> bool:
    return tool != "django" or folder.name == "migrations"


def _raise(error: OSError) -> None:
    raise error


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        raise UnreadableError(str(path), f"is larger than {LARGEST} bytes")
    return path.read_text(encoding="utf-8", errors="replace")
