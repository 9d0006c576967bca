"""On the host: a series of backups: which there are, what is in the newest, the copy elsewhere, a restore."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import stat
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from roadworthy.onhost.backups_inside import inside
from roadworthy.onhost.backups_restore import restored
from roadworthy.onhost.backups_stream import begins
from roadworthy.onhost.ground import (
    FAILED,
    LARGEST,
    NOT_PERMITTED,
    TOO_LONG,
    Unseen,
    at,
    exists,
    part,
    proc,
    read,
    run,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDS_ROOT = True
MOST = 1000
MOST_FILES = 20000
MOST_COPIES = 50
SHOWN = 5
A_MOMENT_S, LATELY_S = 0.7, 60.0
LISTED_WITHIN_S = 25.0
WRITES = os.O_WRONLY | os.O_RDWR


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/backups.py` holds."""
    backups, unnamed = _series(wanted["files"], wanted["named"])
    seen: dict[str, Any] = {"backups": backups, "unnamed": unnamed[:SHOWN]}
    newest = next((backup for backup in backups if not backup["written"]), None)
    if wanted["offsite"] is not None:
        seen["elsewhere"] = part(_elsewhere, wanted["offsite"], wanted["files"])
    if newest is not None and wanted["inside"]:
        seen["inside"] = part(inside, newest["path"], wanted)
    if newest is not None and wanted["restore"] is not None:
        seen["restored"] = part(restored, newest["path"], wanted)
    return seen


# --- which there are -------------------------------------------------------------------------------------------------


def _series(pattern: str, named: str | None) -> tuple[list[dict[str, Any]], list[str]]:
    """All of them, the newest first, and the names of those that tell no time where they are to."""
    paths = []
    for path in _matching("/", [step for step in pattern.split("/") if step]):
        paths.append(path)
        if len(paths) > MOST:
            raise Unseen(TOO_LONG, f"more than {MOST} files are {pattern}")
    open_folders: dict[str, bool] = {}
    found, unnamed = [], []
    for path in paths:
        backup = _backup(path, open_folders)
        if backup is None:
            continue
        if named is not None:
            backup["named_at"] = _time_in(os.path.basename(path), named)
            if backup["named_at"] is None:
                unnamed.append(os.path.basename(path))
                continue
        found.append(backup)
    found.sort(key=lambda backup: backup["named_at"] or backup["changed"], reverse=True)
    _mark_written(found)
    return found, unnamed


def _matching(folder: str, steps: list[str]) -> Iterator[str]:
    """Paths that a pattern stands for. A folder that is not there holds none; one that may not be read is unseen."""
    step, rest = steps[0], steps[1:]
    if not re.search(r"[*?\[]", step):
        names = [step]
    else:
        try:
            names = sorted(name for name in os.listdir(at(folder)) if fnmatch.fnmatchcase(name, step))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise told(error, folder) from error
        if not step.startswith("."):
            names = [name for name in names if not name.startswith(".")]
    for name in names:
        path = os.path.join(folder, name)
        if rest:
            for found in _matching(path, rest):
                yield found
        else:
            yield path


def _backup(path: str, open_folders: dict[str, bool]) -> dict[str, Any] | None:
    """One of them; None: neither a file nor a folder (a link, a pipe), or gone since."""
    try:
        found = os.lstat(at(path))
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            return None
        size, changed = _tree(path) if stat.S_ISDIR(found.st_mode) else (found.st_size, found.st_mtime)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise told(error, path) from error
    bit = stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else stat.S_IROTH
    public = bool(found.st_mode & bit) and _is_open(os.path.dirname(path), open_folders)
    return {
        "path": path,
        "size": size,
        "changed": changed,
        "named_at": None,
        "begins": begins(path),
        "public": public,
        "written": False,
    }


def _tree(path: str) -> tuple[int, float]:
    """The size of all files in a folder, and when any of them was last changed."""
    size, changed, count = 0, 0.0, 0
    for folder, _, names in os.walk(at(path), onerror=_raised):
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            size, changed, count = size + found.st_size, max(changed, found.st_mtime), count + 1
            if count > MOST_FILES:
                raise Unseen(TOO_LONG, f"more than {MOST_FILES} files are in {path}")
    return size, changed or os.lstat(at(path)).st_mtime


def _raised(error: OSError) -> None:
    raise error


def _is_open(folder: str, known: dict[str, bool]) -> bool:
    """Whether everybody can go into a folder, and through all above it."""
    if folder in ("/", ""):
        return True
    if folder not in known:
        try:
            mode = os.stat(at(folder)).st_mode
        except OSError as error:
            raise told(error, folder) from error
        known[folder] = bool(mode & stat.S_IXOTH) and _is_open(os.path.dirname(folder), known)
    return known[folder]


def _time_in(name: str, named: str) -> float | None:
    """The time that a name tells; what follows a dot may be left out."""
    while name:
        with suppress(ValueError, OverflowError, OSError):
            return datetime.strptime(name, named).timestamp()  # noqa: DTZ007 - one without a zone is the host's own
        name = name.rpartition(".")[0]
    return None


def _mark_written(backups: list[dict[str, Any]]) -> None:
    """Tells which of the newest are still being written: a program has it open for that, or it grows meanwhile."""
    latest = sorted(backups, key=lambda backup: backup["changed"], reverse=True)[:2]
    if not latest:
        return
    before = [_state(backup["path"]) for backup in latest]
    held = _written_to()
    if any(0 <= time.time() - backup["changed"] < LATELY_S for backup in latest):
        time.sleep(A_MOMENT_S)
    for backup, state in zip(latest, before):
        names = (os.path.realpath(at(backup["path"])), backup["path"])
        is_open = any(path == name or path.startswith(name + os.sep) for name in names for path in held)
        backup["written"] = is_open or _state(backup["path"]) != state


def _state(path: str) -> tuple[int, float] | None:
    with suppress(OSError):
        found = os.stat(at(path))
        return _tree(path) if stat.S_ISDIR(found.st_mode) else (found.st_size, found.st_mtime)
    return None


def _written_to() -> set[str]:
    """Files that programs have open to write, of those programs that may be looked into."""
    paths = set()
    for process in (name for name in os.listdir(proc("")) if name.isdigit()):
        folder = os.path.join(proc(""), process)
        with suppress(OSError, ValueError, IndexError):
            for number in os.listdir(os.path.join(folder, "fd"))[:MOST]:
                path = os.readlink(os.path.join(folder, "fd", number))
                if path.startswith("/") and not path.startswith("/dev/"):
                    with open(os.path.join(folder, "fdinfo", number)) as file:
                        flags = next(line for line in file if line.startswith("flags:"))
                    if int(flags.split()[1], 8) & WRITES:
                        paths.add(path)
    return paths


# --- the copy elsewhere ----------------------------------------------------------------------------------------------


def _elsewhere(wanted: dict[str, Any], files: str) -> dict[str, Any]:
    """What a program of the host's own lists there, the newest first."""
    if wanted["program"] == "folder":
        return _mounted(wanted["place"], files)
    copies, detail = {"aws": _aws, "rclone": _rclone, "restic": _restic}[wanted["program"]](
        wanted["place"], files, _environ(wanted["env_file"])
    )
    copies.sort(key=lambda copy: copy["changed"], reverse=True)
    return {"copies": copies[:MOST_COPIES], "detail": detail}


def _mounted(folder: str, files: str) -> dict[str, Any]:
    """What is in a folder, and whether it is another file system's."""
    here = os.path.dirname(files)
    while re.search(r"[*?\[]", here):
        here = os.path.dirname(here)
    copies: list[dict[str, Any]] = []
    try:
        for entry in os.scandir(at(folder)):
            if fnmatch.fnmatchcase(entry.name, os.path.basename(files)) and entry.is_file(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                copies.append({"name": entry.name, "changed": found.st_mtime, "size": found.st_size})
        same_disk = os.stat(at(folder)).st_dev == os.stat(at(here)).st_dev
    except FileNotFoundError:
        return {"copies": [], "detail": f"there is no {folder if exists(here) else here}"}
    except OSError as error:
        raise told(error, folder) from error
    copies.sort(key=lambda copy: copy["changed"], reverse=True)
    return {"copies": copies[:MOST_COPIES], "detail": "nothing there is named so", "same_disk": same_disk}


def _environ(path: str | None) -> dict[str, str]:
    """What a file of `NAME=value` lines says; none of it is told to anybody but the program."""
    given = {}
    for line in read(path).splitlines() if path is not None else ():
        name, equals, value = line.strip().partition("=")
        name = name.replace("export ", "", 1).strip()
        if equals and re.match(r"[A-Za-z_]\w*$", name):
            value = value.strip()
            given[name] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return given


def _aws(place: str, files: str, env: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
    return _listed(["aws", "s3", "ls", "s3://" + place], parse_aws, files, env, ("NoSuchBucket", "NoSuchKey"))


def _rclone(place: str, files: str, env: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
    command = ["rclone", "lsl", "--max-depth", "1", place]
    return _listed(command, parse_rclone, files, env, ("directory not found", "object not found"))


def _restic(place: str, files: str, env: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
    command = ["restic", "-r", place, "snapshots", "--json", "--no-lock", "--no-cache"]
    said = run(command, LISTED_WITHIN_S, env)
    if said.code:
        raise Unseen(_why(said.err), "restic: " + said.last_words)
    return parse_restic(_whole(said.out, "restic"), os.path.dirname(files)), "no snapshot holds that folder"


def _listed(
    command: list[str], parse: Any, files: str, env: dict[str, str], gone: tuple[str, ...]
) -> tuple[list[dict[str, Any]], str]:
    said = run(command, LISTED_WITHIN_S, env)
    silent = said.code == 1 and not said.err.strip()  # `aws s3 ls` where nothing has that prefix
    is_nothing = not said.out.strip() and (silent or any(word in said.err for word in gone))
    if said.code and not is_nothing:
        raise Unseen(_why(said.err), f"{command[0]}: {said.last_words}")
    pattern = os.path.basename(files)
    copies = [copy for copy in parse(_whole(said.out, command[0])) if fnmatch.fnmatchcase(copy["name"], pattern)]
    return copies, said.last_words if said.err.strip() else "it lists nothing of that name"


def _whole(out: str, program: str) -> str:
    if len(out) >= LARGEST:
        raise Unseen(TOO_LONG, f"{program} lists more than {LARGEST // 2**20} MiB")
    return out


def _why(err: str) -> str:
    words = ("AccessDenied", "Forbidden", "redentials", "wrong password", "denied", "InvalidAccessKeyId")
    return NOT_PERMITTED if any(word in err for word in words) else FAILED


def _utc(text: str, form: str) -> float | None:
    with suppress(ValueError, OverflowError):
        return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()
    return None


def parse_aws(text: str) -> list[dict[str, Any]]:
    """`aws s3 ls`: date, time (in the zone that it was run in: UTC), size, name."""
    copies = []
    for line in text.splitlines():
        words = line.split(None, 3)
        changed = _utc(" ".join(words[:2]), "%Y-%m-%d %H:%M:%S")
        if len(words) == 4 and changed is not None and words[2].isdecimal():  # noqa: PLR2004
            copies.append({"name": os.path.basename(words[3]), "changed": changed, "size": int(words[2])})
    return copies


def parse_rclone(text: str) -> list[dict[str, Any]]:
    """`rclone lsl`: size, date, time with parts of a second, path."""
    copies = []
    for line in text.splitlines():
        words = line.split(None, 3)
        changed = _utc(" ".join(words[1:3]).partition(".")[0], "%Y-%m-%d %H:%M:%S")
        if len(words) == 4 and changed is not None and words[0].isdecimal():  # noqa: PLR2004
            copies.append({"name": os.path.basename(words[3]), "changed": changed, "size": int(words[0])})
    return copies


def parse_restic(text: str, folder: str) -> list[dict[str, Any]]:
    """`restic snapshots --json`: those that hold a folder."""
    try:
        snapshots = json.loads(text)
    except ValueError as error:
        raise Unseen(FAILED, f"restic answers no JSON: {text[:80]}") from error
    copies = []
    for one in snapshots if isinstance(snapshots, list) else ():
        paths = one.get("paths") if isinstance(one, dict) else None
        at_second = (
            re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", str(one.get("time")))
            if paths
            else None
        )
        if at_second is None or not isinstance(paths, list):
            continue
        if any(folder == path or folder.startswith(str(path).rstrip("/") + "/") for path in paths):
            changed = _zoned(*at_second.groups())
            if changed is not None:
                copies.append({"name": str(one.get("short_id", one.get("id", "")))[:64], "changed": changed})
    return copies


def _zoned(text: str, zone: str) -> float | None:
    naive = _utc(text, "%Y-%m-%dT%H:%M:%S")
    if naive is None or zone == "Z":
        return naive
    sign = -1 if zone[0] == "-" else 1
    return naive - sign * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)
