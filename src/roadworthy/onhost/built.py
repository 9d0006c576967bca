"""On the host: when something was built, and when what it is built from was last changed."""

from __future__ import annotations

import fnmatch
import os
import stat
from contextlib import suppress
from typing import Any

from roadworthy.onhost.files import Nothing, resolved
from roadworthy.onhost.ground import TOO_LONG, Unseen, at, part, told

NEEDS_ROOT = True

MOST = 50000
"""Files that are looked at for one output."""
LEFT_OUT = (".git", "node_modules", "vendor")


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/built.py` holds."""
    return {
        "outputs": [
            {
                "name": one["name"],
                "built": part(_built, one["paths"]),
                "newest": part(_newest, one["sources"]),
                "missing": [path for path in one["sources"] if _is_missing(path)],
            }
            for one in wanted["outputs"]
        ]
    }


def _built(paths: list[str]) -> dict[str, Any] | None:
    """The oldest part of the first of these that is there: all of it is as old as that."""
    for path in paths:
        files = [file for file in _files(path) if file[2]]
        if files:
            return _as_fact(min(files, key=lambda file: file[1]))
    return None


def _newest(paths: list[str]) -> dict[str, Any] | None:
    files: list[tuple[str, float, int]] = []
    for path in paths:
        files += _files(path)
        if len(files) > MOST:
            raise Unseen(TOO_LONG, "it is built from more than {} files".format(MOST))
    return _as_fact(max(files, key=lambda file: file[1])) if files else None


def _is_missing(path: str) -> bool:
    """Whether there is no such file or folder; `*` may stand for nothing, in a folder that is there."""
    folder, name = os.path.split(path)
    try:
        resolved(folder if "*" in name else path, last_too=True)
    except Nothing:
        return True
    except (OSError, Unseen):  # then the newest can't be told either
        return False
    return False


def _as_fact(file: tuple[str, float, int]) -> dict[str, Any]:
    return {"path": file[0], "at": file[1]}


def _files(path: str) -> list[tuple[str, float, int]]:
    """The files that a path stands for: their paths, when they were changed, their sizes.

    Raises:
        Unseen: they can't be looked at, or are too many.
    """
    folder, name = os.path.split(path)
    try:
        if "*" in name:
            return _in(folder, name)
        place = resolved(path, last_too=True)
        found = os.lstat(at(place))
        if stat.S_ISDIR(found.st_mode):
            return _below(place, path)
    except (Nothing, FileNotFoundError):
        return []
    except OSError as error:
        raise told(error, path) from error
    return [(path, found.st_mtime, found.st_size)]


def _in(folder: str, pattern: str) -> list[tuple[str, float, int]]:
    """Files of one folder."""
    place = resolved(folder, last_too=True)
    files: list[tuple[str, float, int]] = []
    with os.scandir(at(place)) as entries:
        for entry in entries:
            if fnmatch.fnmatchcase(entry.name, pattern) and not entry.is_dir(follow_symlinks=False):
                files += _file(os.path.join(folder, entry.name), os.path.join(place, entry.name))
    return files


def _below(place: str, shown: str) -> list[tuple[str, float, int]]:
    """Files of a folder and all that are in it; links are not followed."""
    files: list[tuple[str, float, int]] = []
    folders = [""]
    while folders:
        below = folders.pop()
        with suppress(FileNotFoundError), os.scandir(at(os.path.join(place, below))) as entries:
            for entry in entries:
                path = os.path.join(below, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    folders += [path] if entry.name not in LEFT_OUT else []
                elif len(files) > MOST:
                    raise Unseen(TOO_LONG, "there are more than {} files in {}".format(MOST, shown))
                else:
                    with suppress(FileNotFoundError):  # gone since
                        found = entry.stat(follow_symlinks=False)
                        files.append((os.path.join(shown, path), found.st_mtime, found.st_size))
    return files


def _file(shown: str, path: str) -> list[tuple[str, float, int]]:
    """One file, links followed."""
    try:
        found = os.lstat(at(resolved(path, last_too=True)))
    except (Nothing, FileNotFoundError):  # a link to nothing, or gone since
        return []
    return [(shown, found.st_mtime, found.st_size)]
