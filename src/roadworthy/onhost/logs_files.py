"""On the host: logs in files, and what was put aside of them. What is read is bounded in bytes and in time."""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import lzma
import os
import re
import stat
import time
import zlib
from typing import TYPE_CHECKING, Any

from roadworthy.onhost.counting import Counter
from roadworthy.onhost.files import Nothing, resolved
from roadworthy.onhost.ground import FAILED, NOT_THERE, TOO_LONG, Unseen, at, part, told
from roadworthy.onhost.lines import COLOURS, Zones, parse
from roadworthy.onhost.logrotate import rotations

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOWS = (2**18, 2**21, 2**23)
"""So much is read from a file's end, more only where that does not go back far enough."""
UNPACKED = 2**26
ENTRIES = 50_000
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
OLDER = re.compile(r"[.-]\d[\d.-]*(\.(gz|bz2|xz|zst))?")
"""What Logrotate and others add to the name of a log that they put aside."""
OLDER_WITHIN = re.compile(r"(\.\d+|(__|[._-])\d{4}[._-]?\d\d[._-]?\d\d[\d._-]*)(?=\.)")
"""What pm2-logrotate, Logrotate's `extension` and others put before its ending: app__2026-11-28_00-00-00.log.gz."""
PACKED = (".gz", ".bz2", ".xz", ".zst")
SLACK_S = 60.0
"""So much later than its file a line may be."""
OFFSET_S, OFFSETS_S, EXACT_S = 1800.0, 14 * 3600.0, 5.0
"""Zones are half hours apart, 14 hours at most; and a line is written within seconds."""


class Found:
    """A file of a log."""

    def __init__(self, path: str, found: os.stat_result) -> None:
        self.path = path
        self.size = found.st_size
        self.written = found.st_mtime
        self.ending = os.path.splitext(path)[1]

    @property
    def is_packed(self) -> bool:
        """Whether it must be unpacked to be read."""
        return self.ending in PACKED


def file_log(wanted: dict[str, Any], zones: Zones, until: float) -> dict[str, Any]:
    """A log in a file, as `facts.logs.Log` holds it."""
    path = wanted["name"]
    said: dict[str, Any] = {"source": "files", "name": path, "label": path}
    try:
        current, older = _found(path)
    except Nothing as nothing:
        return dict(said, absent="nothing is at {}".format(nothing))
    if not current:
        return dict(said, absent="no file is of that name")
    newest = max(current, key=lambda one: one.written)
    every = sorted(current + older, key=lambda one: one.written)
    written = next((one for one in reversed(every) if one.size), newest)
    said.update(label=newest.path, size=newest.size, written=written.written if written.size else None)
    said["oldest"] = {"path": every[0].path, "written": every[0].written}
    last = part(_last_time, written, zones)
    if wanted["newest"]:
        said["newest"] = last
    if wanted["rotation"]:
        said["rotations"] = part(_rotations, newest.path, path)
    if wanted["errors"] is not None:
        is_told = not isinstance(last, dict)
        said["errors"] = part(_errors_of, every, wanted["errors"], zones, until) if is_told else last
    return said


def _rotations(found: str, asked: str) -> list[dict[str, Any]]:
    """By its own path, or by that through folders that are links; where it is a link itself Logrotate leaves it."""
    folder, name = os.path.split(found)
    through = os.path.dirname(asked)
    paths = [found] + ([os.path.join(through, name)] if resolved(through, last_too=True) == folder else [])
    return next(filter(None, map(rotations, paths)), [])


def _found(path: str) -> tuple[list[Found], list[Found]]:
    """The files of a name, and older ones that were put aside.

    Raises:
        Nothing: the folder is not there.
        Unseen: it can't be looked into, or a file is none.
    """
    folder, _, name = path.rpartition("/")
    try:
        if "*" not in name:
            place = resolved(path, last_too=True)
            folder, _, name = place.rpartition("/")
        else:
            folder = resolved(folder or "/", last_too=True)
        names = _names(at(folder or "/"))
    except OSError as error:
        raise told(error, path) from error
    current: list[Found] = []
    older: list[Found] = []
    for one in names:
        is_current = fnmatch.fnmatchcase(one, name) if "*" in name else one == name
        if is_current or _is_older(one, name):
            here = os.path.join(folder or "/", one)
            try:
                found = os.stat(at(here))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise told(error, here) from error
            if stat.S_ISREG(found.st_mode):
                (current if is_current else older).append(Found(here, found))
            elif is_current and "*" not in name:
                raise Unseen(NOT_THERE, "{} is no file, so nothing is kept in it".format(here))
    return current, older


def _names(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry, _ in zip(entries, range(ENTRIES + 1))]
    if len(names) > ENTRIES:
        raise Unseen(TOO_LONG, "there are more than {} files beside it".format(ENTRIES))
    return names


def _is_older(one: str, name: str) -> bool:
    if "*" in name:
        return any(
            fnmatch.fnmatchcase(one[: found.start()], name) for found in OLDER.finditer(one) if found.end() == len(one)
        )
    if one.startswith(name):
        return OLDER.fullmatch(one[len(name) :]) is not None
    plain = os.path.splitext(one)[0] if one.endswith(PACKED) else one
    return any(plain[: found.start()] + plain[found.end() :] == name for found in OLDER_WITHIN.finditer(plain))


def _read_end(path: str, most: int) -> tuple[bytes, bool]:
    """The last bytes of a file, and whether they are all of it."""
    try:
        with os.fdopen(os.open(at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - most, 0))
            return file.read(most), size <= most
    except OSError as error:
        raise told(error, path) from error


def _decoded(data: bytes, whole: bool) -> list[str]:  # noqa: FBT001 - as it was read
    """Its lines, without the rest of one that began before."""
    lines = data.decode("utf-8", "replace").split("\n")
    return lines if whole else lines[1:]


def _last_time(found: Found, zones: Zones) -> float | None:
    """The time of the newest line that has one.

    Raises:
        Unseen: it can't be right, as the file says when it was last written.
    """
    if found.is_packed:
        return None
    for line in reversed(_decoded(*_read_end(found.path, WINDOWS[0]))):
        moment = parse(COLOURS.sub("", line), zones).at
        if moment is not None:
            early = found.written - moment
            if early < -SLACK_S or (zones.guessed and _is_an_offset(early)):
                what = "its newest line is of {}, and it was last written at {}: the clock of its lines is another"
                raise Unseen(FAILED, "{}: {}".format(found.path, what.format(clock(moment), clock(found.written))))
            return moment
    return None


def _is_an_offset(seconds: float) -> bool:
    """Whether two clocks that are so far apart may be those of two zones."""
    return OFFSET_S - EXACT_S <= seconds <= OFFSETS_S and abs(seconds - round(seconds / OFFSET_S) * OFFSET_S) <= EXACT_S


def clock(moment: float) -> str:
    """A time of day."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(moment))


def _errors_of(files: list[Found], wanted: dict[str, Any], zones: Zones, until: float) -> dict[str, Any]:
    """What was written since: in all files that were."""
    counter = Counter(wanted, zones, until)
    for found in files:
        if found.written < counter.since:
            continue
        counter.begin()
        short = _count_packed(found, counter) if found.is_packed else _count_plain(found, counter)
        counter.short = counter.short or short
    return counter.said()


def _count_plain(found: Found, counter: Counter) -> str:
    lines: list[str] = []
    whole, began = False, None
    for window in WINDOWS:
        data, whole = _read_end(found.path, window)
        lines = _decoded(data, whole)
        began = _first_time(lines, counter.zones)
        if whole or (began is not None and began < counter.since):
            break
    for line in lines:
        if counter.late():
            break
        counter.heed(line, is_first=whole)
    if whole or (began is not None and began < counter.since):
        return ""
    return "of {} the last {} MiB were read, which begin later".format(found.path, WINDOWS[-1] // 2**20)


def _first_time(lines: Iterable[str], zones: Zones) -> float | None:
    for line in lines:
        moment = parse(COLOURS.sub("", line), zones).at
        if moment is not None:
            return moment
    return None


def _count_packed(found: Found, counter: Counter) -> str:
    opener = OPENERS.get(found.ending)
    if opener is None:
        return "nothing here unpacks {}".format(found.path)
    left = UNPACKED
    try:
        with opener(at(found.path), "rb") as file:
            while left > 0:
                line = file.readline(left)
                if not line or counter.late():
                    return ""
                left -= len(line)
                counter.heed(line.decode("utf-8", "replace"))
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
        return "{} can't be unpacked: {}".format(found.path, error)
    return "of {} the first {} MiB were read".format(found.path, UNPACKED // 2**20)
