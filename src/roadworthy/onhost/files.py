"""On the host: what is at a path, and what is in a tree, without reading more of either than is wanted."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections import deque
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, TOO_LONG, Unseen, at, groups, name_of, part, told, users

NEEDS_ROOT = True

LINKS = 40
"""So many links are followed from one path, as Linux does."""
HASHED = 64 * 2**20
SEARCHED = 4 * 2**20
SORTS = 400
EXAMPLES = 3
PER_LOOK = 512
"""Entries between two looks at the clock."""

KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISLNK, "link"),
    (stat.S_ISSOCK, "socket"),
)


class Nothing(Exception):  # noqa: N818 - a state, no error
    """Nothing is at a path."""


class Names:
    """Names of users and groups."""

    def __init__(self) -> None:
        self.users = users()
        self.groups = groups()

    def of(self, found: os.stat_result) -> tuple[str, str]:
        """Owner and group."""
        return name_of(found.st_uid, self.users), name_of(found.st_gid, self.groups)


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/files.py` holds."""
    names = Names()
    until = time.monotonic() + wanted["within_s"]
    return {
        "paths": {one["path"]: part(_path, one, names) for one in wanted["paths"]},
        "trees": {one["path"]: part(_tree, one, names, wanted["entries"], until) for one in wanted["trees"]},
    }


# --- one path --------------------------------------------------------------------------------------------------------


def _path(wanted: dict[str, Any], names: Names) -> dict[str, Any]:
    try:
        place = resolved(wanted["path"], last_too=wanted["follow"])
        found = os.lstat(at(place))
    except Nothing as nothing:
        return {"absent": str(nothing)}
    except FileNotFoundError:
        return {"absent": wanted["path"]}
    except OSError as error:
        raise told(error, wanted["path"]) from error
    owner, group = names.of(found)
    seen: dict[str, Any] = {
        "kind": kind_of(found.st_mode),
        "owner": owner,
        "group": group,
        "mode": stat.S_IMODE(found.st_mode),
    }
    if stat.S_ISLNK(found.st_mode):
        seen["to"] = _shown(os.readlink(at(place)))
    if stat.S_ISREG(found.st_mode):
        seen["sha256"] = part(_read_in, place, _digest, place) if wanted["digest"] else None
        seen["contains"] = part(_read_in, place, _contains, place, wanted["contains"]) if wanted["contains"] else None
    return seen


def _read_in(path: str, read: Any, *given: Any) -> Any:
    """What a file is read for; a disk that fails under it is told of that file alone."""
    try:
        return read(*given)
    except OSError as error:
        raise told(error, path) from error


def kind_of(mode: int) -> str:
    """What a mode says that it is."""
    return next((kind for is_it, kind in KINDS if is_it(mode)), "other")


def resolved(path: str, *, last_too: bool) -> str:
    """A path of the host without links: those of a root that is mounted elsewhere lead out of it if they are followed.

    Raises:
        Nothing: it leads to nothing.
        Unseen: the links lead in a circle.
        OSError: it can't be looked at.
    """
    left = [name for name in path.split("/") if name]
    came, followed = "", 0
    while left:
        name = left.pop(0)
        if name == ".":
            continue
        if name == "..":
            came = came.rpartition("/")[0]
            continue
        here = came + "/" + name
        try:
            mode = os.lstat(at(here)).st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Nothing(here) from error
        if not stat.S_ISLNK(mode) or not (left or last_too):
            came = here
            continue
        followed += 1
        if followed > LINKS:
            raise Unseen(FAILED, "{}: too many links".format(path))
        leads = os.readlink(at(here))
        came = "" if leads.startswith("/") else came
        left = [part_ for part_ in leads.split("/") if part_] + left
    return came or "/"


def _opened(path: str) -> Any:
    """A file, opened; a pipe in its place would wait for whoever writes."""
    number = os.open(at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise Unseen(FAILED, "{} is no file any more".format(path))
    return os.fdopen(number, "rb")


def _digest(path: str) -> str:
    digest, read = hashlib.sha256(), 0
    with _opened(path) as file:
        for block in iter(lambda: file.read(2**20), b""):
            read += len(block)
            if read > HASHED:
                raise Unseen(TOO_LONG, "{} is larger than {} MiB".format(path, HASHED // 2**20))
            digest.update(block)
    return digest.hexdigest()


def _contains(path: str, texts: list[str]) -> list[bool]:
    with _opened(path) as file:
        held = file.read(SEARCHED + 1)
    found = [text.encode() in held[:SEARCHED] for text in texts]
    if len(held) > SEARCHED and not all(found):
        raise Unseen(TOO_LONG, "{} is larger than {} MiB".format(path, SEARCHED // 2**20))
    return found


# --- a tree ----------------------------------------------------------------------------------------------------------


def _shown(name: str) -> str:
    """A name that may be no text, as one."""
    return name.encode("utf-8", "replace").decode()


class Walked:
    """What was met of a tree, what is alike together."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.walked = 0
        self.complete = True
        self.denied: list[str] = []
        self.unsorted = 0
        self.sorts: dict[tuple[int, int, int], dict[str, Any]] = {}

    def add(self, name: str, found: os.stat_result) -> None:
        """One more."""
        self.walked += 1
        key = (found.st_mode, found.st_uid, found.st_gid)
        if key not in self.sorts:
            if len(self.sorts) >= SORTS:
                self.unsorted += 1
                return
            owner, group = self.names.of(found)
            self.sorts[key] = {
                "kind": kind_of(found.st_mode),
                "owner": owner,
                "group": group,
                "mode": stat.S_IMODE(found.st_mode),
                "count": 0,
                "examples": [],
            }
        sort = self.sorts[key]
        sort["count"] += 1
        if len(sort["examples"]) < EXAMPLES:
            sort["examples"].append(_shown(name[:300]))

    def said(self) -> dict[str, Any]:
        """As `facts.files.Walk` holds it."""
        return {
            "walked": self.walked,
            "complete": self.complete,
            "denied": len(self.denied),
            "first_denied": _shown(self.denied[0][:300]) if self.denied else "",
            "unsorted": self.unsorted,
            "sorts": list(self.sorts.values()),
        }


def _tree(wanted: dict[str, Any], names: Names, most: int, until: float) -> dict[str, Any]:
    try:
        top = resolved(wanted["path"], last_too=True)
        found = os.lstat(at(top))
    except Nothing as nothing:
        return {"absent": str(nothing)}
    except OSError as error:
        raise told(error, wanted["path"]) from error
    if not stat.S_ISDIR(found.st_mode):
        raise Unseen(FAILED, "{} is no folder".format(wanted["path"]))
    seen = Walked(names)
    seen.add(".", found)
    _walk(at(top), set(wanted["without"]), seen, most, until)
    if seen.walked == 1 and seen.denied:
        raise Unseen(NOT_PERMITTED, "{}: what is in it".format(wanted["path"]))
    return seen.said()


def _walk(top: str, without: set[str], seen: Walked, most: int, until: float) -> None:
    """Breadth first, so that where there is too much of it, what is nearest was seen."""
    waiting = deque([""])
    while waiting:
        folder = waiting.popleft()
        try:
            entries = os.scandir(os.path.join(top, folder))
        except FileNotFoundError:
            continue  # gone in the meantime
        except OSError:
            seen.denied.append(folder or ".")
            continue
        with entries:
            for entry in entries:
                name = os.path.join(folder, entry.name)
                if entry.name in without or name in without:
                    continue
                if seen.walked >= most or (seen.walked % PER_LOOK == 0 and time.monotonic() > until):
                    seen.complete = False
                    return
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError:  # a folder that may be listed and not entered, or another's mount
                    seen.denied.append(name)
                    continue
                seen.add(name, found)
                if stat.S_ISDIR(found.st_mode):
                    waiting.append(name)
