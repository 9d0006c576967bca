"""On the host: logs in files, in the journal, of containers. What is read is bounded in bytes and in time."""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import json
import lzma
import os
import re
import selectors
import signal
import stat
import subprocess
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any

from roadworthy.onhost.files import Nothing, resolved
from roadworthy.onhost.ground import (
    FAILED,
    NOT_PERMITTED,
    NOT_THERE,
    TOO_LONG,
    Done,
    Unseen,
    at,
    has,
    part,
    run,
    search_path,
    told,
)
from roadworthy.onhost.lines import COLOURS, ERROR, MATCHED, Line, Zones, kind, parse, when
from roadworthy.onhost.logrotate import rotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NEEDS_ROOT = True

LOOK_S = 35.0
"""For all logs together."""
WINDOWS = (2**18, 2**21, 2**23)
"""So much is read from a file's end, more only where that does not go back far enough."""
UNPACKED = 2**26
STREAMED = 2**25
KINDS = 400
KINDS_SHOWN = 8
ENTRIES = 50_000
PER_LOOK = 2000
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
CONTINUED = re.compile(r"\s|#\d|[\]})\"'|<>+=*&-]|\[(?:stacktrace|previous exception)\]|at |Caused by:|\.\.\.")
"""How a line begins that belongs to the one before it."""
PRIORITY_ERR = 3
CONTAINERS = '{{.ID}}\t{{.Names}}\t{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.service"}}'


KEPT = '{{.HostConfig.LogConfig.Type}}\t{{index .HostConfig.LogConfig.Config "max-size"}}\t{{.Created}}'
SPEAKS_S = 300.0
"""So long after it was made a container has said something: it may wait for others before it starts."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/logs.py` holds."""
    host = _Host()
    logs: list[dict[str, Any]] = []
    unseen: dict[str, Any] = {}
    for one in wanted["logs"]:
        said = part(LOOKS[one["source"]], one, host)
        if isinstance(said, list):
            logs.extend(said)
        else:
            unseen["{} {}".format(one["source"], one["name"])] = said
    return {"logs": logs, "unseen": unseen}


class _Host:
    """What is looked up once."""

    def __init__(self) -> None:
        self.now = time.time()
        self.until = time.monotonic() + LOOK_S
        self.began: float | None = None
        self._containers: list[list[str]] | None = None

    def zones(self, default: str | None) -> Zones:
        """Clocks of a log."""
        return Zones(default, self.now)

    def journal_began(self) -> float | None:
        """How far back the machine's own journal goes, where units write; those of users may go further."""
        if self.began is None:
            first: list[str] = []

            def heed(line: str, _: str) -> bool:
                first.append(line)
                return True

            command = ["journalctl", "--no-pager", "--system", "-o", "json", "--output-fields=PRIORITY"]
            stream(command, self.until, heed)
            self.began = _stamp(_entry(first[0])) if first else None
        return self.began

    def containers(self) -> list[list[str]]:
        """Each with its id, name, project and service.

        Raises:
            Unseen: the runtime does not say.
        """
        if self._containers is None:
            done = run(["docker", "ps", "--all", "--no-trunc", "--format", CONTAINERS])
            if done.code:
                raise _refused(done.last_words)
            self._containers = [(line + "\t\t\t").split("\t")[:4] for line in done.out.splitlines()]
        return self._containers


# --- counting --------------------------------------------------------------------------------------------------------


class Counter:
    """The errors of a log since a moment."""

    def __init__(self, wanted: dict[str, Any], zones: Zones, until: float) -> None:
        self.since: float = wanted["since"]
        self.patterns = None if wanted["patterns"] is None else _compiled(wanted["patterns"])
        self.without = _compiled(wanted["without"])
        self.zones = zones
        self.until = until
        self.count = 0
        self.undated = 0
        self.lines = 0
        self.short = ""
        self.kinds: dict[str, dict[str, Any]] = {}
        self.last: float | None = None
        self.in_error = False

    def begin(self) -> None:
        """Another file: what comes first in it belongs to no line before."""
        self.last = None
        self.in_error = False

    def heed(self, raw: str, *, is_first: bool = True) -> None:
        """One line of a file.

        Args:
            raw: the line.
            is_first: whether an undated line at the beginning has no line before it that was not read.
        """
        text = COLOURS.sub("", raw).rstrip()
        if not text:
            return
        line = parse(text, self.zones)
        if line.at is not None:
            self.last = line.at
            self.in_error = self._is_error(text, line)
            if self.in_error:
                self._add(line, line.at)
        elif self.last is not None:
            if not self.in_error and _stands_alone(text, line) and self._is_error(text, line):
                self.in_error = True
                self._add(line, self.last)
        elif is_first and self._is_error(text, line):
            self._add(line, None)

    def heed_at(self, moment: float, raw: str, *, is_error: bool = False) -> None:
        """One line whose time is told apart from it."""
        text = COLOURS.sub("", raw).rstrip()
        if not text.strip():
            return
        line = parse(text, self.zones)
        if line.at is None and not is_error and not _stands_alone(text, line):
            return
        if self._is_error(text, line, is_told=is_error):
            self._add(line, moment)

    def _is_error(self, text: str, line: Line, *, is_told: bool = False) -> bool:
        shown = text[:MATCHED]
        if self.patterns is not None:
            is_told = any(pattern.search(shown) for pattern in self.patterns)
        elif not is_told:
            is_told = line.is_error
        return is_told and not any(pattern.search(shown) for pattern in self.without)

    def _add(self, line: Line, moment: float | None) -> None:
        if moment is not None and moment < self.since:
            return
        if moment is None:
            self.undated += 1
        else:
            self.count += 1
        text = kind(line.text)
        if text not in self.kinds and len(self.kinds) >= KINDS:
            return
        seen = self.kinds.setdefault(text, {"text": text, "count": 0, "first": moment, "last": moment})
        seen["count"] += 1
        seen["last"] = moment

    def late(self) -> bool:
        """Whether the time is over; one more line was read."""
        self.lines += 1
        if self.lines % PER_LOOK == 0 and time.monotonic() > self.until:
            self.short = "there was no time to read all of it"
            return True
        return False

    def said(self) -> dict[str, Any]:
        """As `facts.logs.Errors` holds it."""
        kinds = sorted(self.kinds.values(), key=lambda one: -one["count"])[:KINDS_SHOWN]
        return {
            "count": self.count,
            "undated": self.undated,
            "lines": self.lines,
            "short": self.short,
            "kinds": kinds,
        }


def _compiled(patterns: list[str]) -> list[Any]:
    try:
        return [re.compile(one) for one in patterns]
    except re.error as error:  # the host's Python may be older than the one that has read the target
        raise Unseen(
            NOT_THERE, "Python {}.{} here knows no such pattern: {}".format(*sys.version_info[:2], error)
        ) from error


def _stands_alone(text: str, line: Line) -> bool:
    """Whether an undated line is one of its own, and no part of a stack trace."""
    return line.level == ERROR or CONTINUED.match(text) is None


# --- files -----------------------------------------------------------------------------------------------------------


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


def _file(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    path = wanted["name"]
    said: dict[str, Any] = {"source": "files", "name": path, "label": path}
    try:
        current, older = _found(path)
    except Nothing as nothing:
        return [dict(said, absent="nothing is at {}".format(nothing))]
    if not current:
        return [dict(said, absent="no file is of that name")]
    newest = max(current, key=lambda one: one.written)
    every = sorted(current + older, key=lambda one: one.written)
    written = next((one for one in reversed(every) if one.size), newest)
    said.update(label=newest.path, size=newest.size, written=written.written if written.size else None)
    said["oldest"] = {"path": every[0].path, "written": every[0].written}
    zones = host.zones(wanted["zone"])
    last = part(_last_time, written, zones)
    if wanted["newest"]:
        said["newest"] = last
    if wanted["rotation"]:
        said["rotations"] = part(_rotations, newest.path, path)
    if wanted["errors"] is not None:
        is_told = not isinstance(last, dict)
        said["errors"] = part(_errors_of, every, wanted["errors"], zones, host.until) if is_told else last
    return [said]


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
        number = os.open(at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise told(error, path) from error
    with os.fdopen(number, "rb") as file:
        size = os.fstat(number).st_size
        file.seek(max(size - most, 0))
        return file.read(most), size <= most


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
                raise Unseen(FAILED, "{}: {}".format(found.path, what.format(_clock(moment), _clock(found.written))))
            return moment
    return None


def _is_an_offset(seconds: float) -> bool:
    """Whether two clocks that are so far apart may be those of two zones."""
    return OFFSET_S - EXACT_S <= seconds <= OFFSETS_S and abs(seconds - round(seconds / OFFSET_S) * OFFSET_S) <= EXACT_S


def _clock(moment: float) -> str:
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


# --- the journal -----------------------------------------------------------------------------------------------------


def _unit(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    unit = wanted["name"]
    said: dict[str, Any] = {"source": "units", "name": unit, "label": unit}
    done = run(["journalctl", "--no-pager", "-o", "json", "--output-fields=PRIORITY", "-n", "1", "-u", unit])
    if "not seeing messages" in done.err or "insufficient permissions" in done.err:
        raise Unseen(NOT_PERMITTED, "the journal of others is not shown to this user")
    if done.code:
        raise Unseen(FAILED, "journalctl: " + done.last_words)
    entries = [line for line in done.out.splitlines() if line.startswith("{")]
    if not entries:
        return [dict(said, absent="the journal has nothing of it")]
    said["newest"] = _stamp(_entry(entries[-1]))
    if wanted["errors"] is not None:
        said["errors"] = part(_errors_of_unit, unit, wanted["errors"], host)
    return [said]


def _errors_of_unit(unit: str, wanted: dict[str, Any], host: _Host) -> dict[str, Any]:
    counter = Counter(wanted, host.zones(None), host.until)

    def heed(line: str, _: str) -> bool:
        if line.startswith("{"):
            entry = _entry(line)
            moment = _stamp(entry)
            priority = str(entry.get("PRIORITY", ""))
            by_priority = counter.patterns is None and priority.isdigit() and int(priority) <= PRIORITY_ERR
            for nth, text in enumerate(_message(entry).split("\n")):
                counter.heed_at(moment, text, is_error=by_priority and nth == 0)
        return counter.late()

    command = ["journalctl", "--no-pager", "--all", "-o", "json", "--output-fields=PRIORITY,MESSAGE"]
    done, short = stream([*command, "--since", "@{:d}".format(int(counter.since)), "-u", unit], host.until, heed)
    if done.code:
        raise Unseen(FAILED, "journalctl: " + done.last_words)
    began = host.journal_began()
    if began is not None and began > counter.since:
        short = short or "the journal begins later"
    counter.short = counter.short or short
    return counter.said()


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise Unseen(FAILED, "journalctl says something that is no entry")
    return entry


def _stamp(entry: dict[str, Any]) -> float:
    stamp = str(entry.get("__REALTIME_TIMESTAMP", ""))
    if not stamp.isdigit():
        raise Unseen(FAILED, "an entry of the journal has no time")
    return int(stamp) / 1e6


def _message(entry: dict[str, Any]) -> str:
    """What an entry says; what is no text comes as a list of bytes, and without `--all` what is long as nothing."""
    said = entry.get("MESSAGE")
    if isinstance(said, list):
        return bytes(one for one in said if isinstance(one, int) and 0 <= one < 256).decode("utf-8", "replace")  # noqa: PLR2004 - a byte
    return said if isinstance(said, str) else ""


# --- containers ------------------------------------------------------------------------------------------------------


def _container(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    found = [one for one in host.containers() if wanted["name"] in one[1].split(",")]
    if not found:
        said = {"source": "containers", "name": wanted["name"], "label": wanted["name"]}
        return [dict(said, absent="there is no such container")]
    return [_of_container(one, wanted, host) for one in found]


def _project(wanted: dict[str, Any], host: _Host) -> list[dict[str, Any]]:
    name = wanted["name"]
    members = [one for one in host.containers() if one[2] == name]
    services = wanted["services"]
    logs = [_of_container(one, wanted, host) for one in members if services is None or one[3] in services]
    said = {"source": "projects", "name": name}
    if services is None and not members:
        logs.append(dict(said, label=name, absent="there is no container of this project"))
    for service in services or ():
        if all(one[3] != service for one in members):
            absent = "there is no container of this service"
            logs.append(dict(said, label="{}/{}".format(name, service), absent=absent))
    return logs


def _of_container(one: list[str], wanted: dict[str, Any], host: _Host) -> dict[str, Any]:
    identity, name = one[0], one[1].split(",")[0]
    said: dict[str, Any] = {"source": wanted["source"], "name": wanted["name"], "label": name}
    if wanted["newest"]:
        said["newest"] = part(_newest_of_container, identity, host)
    if wanted["errors"] is not None:
        said["errors"] = part(_errors_of_container, identity, wanted["errors"], host)
    return said


def _newest_of_container(identity: str, host: _Host) -> float | None:
    zones = host.zones("UTC")
    done = run(["docker", "logs", "--timestamps", "--tail", "1", identity])
    if done.code:
        raise _refused(done.last_words)
    moments = [when(line, zones)[0] for line in (done.out + "\n" + done.err).splitlines()]
    return max((one for one in moments if one is not None), default=None)


def _errors_of_container(identity: str, wanted: dict[str, Any], host: _Host) -> dict[str, Any]:
    counter = Counter(wanted, host.zones(None), host.until)
    stamps = host.zones("UTC")

    def heed(line: str, _pipe: str) -> bool:
        stamp, text = (line + " ").split(" ", 1)
        moment = when(stamp, stamps)[0]
        if moment is not None:
            counter.heed_at(moment, text)
        return counter.late()

    command = ["docker", "logs", "--timestamps", "--since", "{:.3f}".format(counter.since), identity]
    done, short = stream(command, host.until, heed)
    if done.code:
        raise _refused(done.last_words)
    counter.short = counter.short or short or _cut(identity, counter.since, host)
    return counter.said()


def _cut(identity: str, since: float, host: _Host) -> str:
    """Why not all since then is kept, where the runtime throws away what is beyond a size; empty: it is."""
    done = run(["docker", "inspect", "--type", "container", "--format", KEPT, identity])
    if done.code:
        raise _refused(done.last_words)
    driver, size, created = (done.out.strip("\n") + "\t\t").split("\t")[:3]
    if driver == "json-file" and size in ("", "-1"):
        return ""
    zones = host.zones("UTC")
    held: list[float] = []

    def heed(line: str, _: str) -> bool:
        held.extend(filter(None, [when(line, zones)[0]]))
        return bool(held)

    stream(["docker", "logs", "--timestamps", identity], host.until, heed)
    made = when(created, zones)[0] or 0.0
    if not held or held[0] <= (since if made <= since else made + SPEAKS_S):
        return ""
    return "what the runtime has kept of it begins later, at " + _clock(held[0])


def _refused(words: str) -> Unseen:
    return Unseen(NOT_PERMITTED if "permission denied" in words else FAILED, "docker: " + words)


# --- programs that say much ------------------------------------------------------------------------------------------


def stream(command: list[str], until: float, heed: Callable[[str, str], bool], most: int = 0) -> tuple[Done, str]:
    """A program whose output is read line by line, and kept nowhere.

    Args:
        command: the program.
        until: when it is ended, on the clock of `time.monotonic`.
        heed: gets each line, and `out` or `err`; says whether that is enough.
        most: so many bytes are read (0: as many as usual).

    Returns:
        How it ended, with its last complaint, and why not all of it was read (empty: it was).

    Raises:
        Unseen: it can't be run.
    """
    if not has(command[0]):
        raise Unseen(NOT_THERE, "there is no {} here".format(command[0]))
    env = dict(os.environ, LC_ALL="C", TZ="UTC", PATH=search_path())
    try:
        process: Any = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise told(error, command[0]) from error
    try:
        short, complaint = _drain(process, until, heed, most or STREAMED)
        if short is None:
            return Done(process.wait(), "", complaint), ""
        return Done(0, "", ""), short
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
        process.stderr.close()


def _drain(process: Any, until: float, heed: Callable[[str, str], bool], most: int) -> tuple[str | None, str]:
    """Why it was left (None: it ended; empty: that was enough), and the last of its complaints."""
    held = {"out": b"", "err": b""}
    complaint, read = "", 0
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ, "out")
        waiting.register(process.stderr, selectors.EVENT_READ, "err")
        while waiting.get_map():
            left = until - time.monotonic()
            ready = waiting.select(max(left, 0))
            if not ready and left <= 0:
                return "there was no time to read all of it", complaint
            for key, _ in ready:
                data = os.read(key.fd, 2**16)
                read += len(data)
                if not data:
                    waiting.unregister(key.fileobj)
                *lines, held[key.data] = (held[key.data] + (data or b"\n")).split(b"\n")
                for line in lines:
                    text = line.decode("utf-8", "replace")
                    if key.data == "err" and text.strip():
                        complaint = text
                    if text and heed(text, key.data):
                        return "", complaint
                if read > most:
                    return "the first {} MiB of it were read".format(most // 2**20), complaint
    return None, complaint


LOOKS: dict[str, Callable[[dict[str, Any], _Host], list[dict[str, Any]]]] = {
    "files": _file,
    "units": _unit,
    "containers": _container,
    "projects": _project,
}
