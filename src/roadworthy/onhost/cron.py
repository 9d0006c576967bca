"""On the host: what runs by the clock, and that it ran.

Sources: crontab(5), cron(8) of Debian and cronie; systemctl(1), show; journalctl(1); RFC 3164 section 4.1.2.
"""

from __future__ import annotations

import calendar
import fnmatch
import json
import os
import pwd
import re
import stat
import sys
import time
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from roadworthy.onhost import ground
from roadworthy.onhost.ground import (
    FAILED,
    NOT_PERMITTED,
    NOT_THERE,
    TOO_LONG,
    Unseen,
    at,
    exists,
    has,
    name_of,
    part,
    proc,
    read,
    read_proc,
    run,
    told,
    users,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NEEDS_ROOT = True  # other users' crontabs, the journal, /var/log/syslog

SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/etc/crontabs")
"""Of Debian, of Red Hat and SUSE, of Alpine."""

LOGS = ("/var/log/cron.log", "/var/log/cron", "/var/log/syslog", "/var/log/messages")
SHARED = ("/var/log/syslog", "/var/log/messages")
"""Where others write, too: a line of theirs tells that the log is still written."""
LEFT_OVER = re.compile(r"[.#].*|.*(?:~|\.rpm(?:save|orig|new)|\.(?:dpkg|ucf)-[a-z]+)")
"""Names of what editors and packages leave beside crontabs: no cron reads them."""
TAGS = ("CRON", "cron", "CROND", "crond")
DAEMONS = ("cron", "crond", "fcron")
PID_FILES = ("/run/crond.pid", "/run/cron.pid", "/run/fcron.pid")

MOST_FILES = 500
MOST_LINES = 5000
LARGEST_TAB = 2**20
LARGEST_LOG = 32 * 2**20
"""Of a log, this much is read from its end."""
FEW = 20
"""So many lines at either end are looked at for a time, whosever they are."""
MOST_ENTRIES = 20000
MOST_TOUCHED = 100000

PERIOD_S = 400 * 86400
OFFSETS = """
import json, time
def offset(at):
    return time.localtime(at).tm_gmtoff
now = int(time.time()); at = now - {period}; found = [[at, offset(at)]]
while at < now:
    ahead = min(at + 7 * 86400, now)
    if offset(ahead) != found[-1][1]:
        low, high = at, ahead
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if offset(middle) != found[-1][1] else (middle, high)
        found.append([high, offset(high)])
        at = high
    else:
        at = ahead
print(json.dumps(found))
"""
"""Run by itself: a time zone is a whole process's."""

NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat"
WORD = re.compile(r"(?:[0-9*,/~-]|{})+".format(NAMES), re.IGNORECASE)
NICKNAME = re.compile(r"@[A-Za-z]{1,12}")
VARIABLE = re.compile(r"""\s*(["']?)([A-Za-z_][A-Za-z0-9_]*)\1\s*=\s*(.*?)\s*$""")
FIELDS = 5
OTHER = "\u2026"

Matcher = Any
"""A command -> the looked-for texts that it holds, and those that it is."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/cron.py` holds."""
    found, others = tabs(texts(wanted["commands"]), wanted["environment"])
    shifts = part(offsets)
    seen: dict[str, Any] = {
        "debian": exists("/etc/debian_version"),
        "systemd": exists("/run/systemd/system"),
        "daemons": part(daemons),
        "tabs": found,
        "others": others,
        "scripts": {path: part(_script, path) for path in wanted["scripts"]},
        "touched": {path: part(_touched, path) for path in wanted["touched"]},
        "shifts": [{"since": since, "offset_s": offset} for since, offset in shifts]
        if isinstance(shifts, list)
        else shifts,
    }
    if wanted["timers"]:
        seen["timers"] = part(timers, wanted["timers"])
    if wanted["log"]:
        seen["log"] = part(_log, texts(wanted["commands"]), shifts)
    if wanted["artisan"] is not None:
        seen["scheduled"] = part(_scheduled, wanted["artisan"], wanted["php"])
    return seen


def texts(commands: Iterable[str]) -> Matcher:
    """Looks for texts; blanks count as one."""
    plain = [(text, " ".join(text.split())) for text in commands]

    def match(command: str) -> tuple[list[str], list[str]]:
        own = " ".join(command.split())
        return [text for text, words in plain if words in own], [text for text, words in plain if words == own]

    return match


def shell_command(text: str) -> str:
    """What cron hands to the shell: all up to a bare %."""
    return re.split(r"(?<!\\)%", text, maxsplit=1)[0].replace("\\%", "%")


# Crontabs


def tabs(match: Matcher, variables: Iterable[str]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """All crontabs that can be seen; and why not those of other users, where they can't."""
    names = users()
    found = [_tab(path, "", match, variables, names) for path in _system_tabs()]
    others = None
    try:
        spooled = list(_spooled())
    except Unseen as unseen:
        others, spooled = unseen.value(), []
        own = part(_own_tab)
        if isinstance(own, tuple):
            user, text = own
            head = {"path": "crontab of " + user, "user": user, "owner": user, "mode": 0o600, "changed": 0}
            found.append(dict(head, **_read_tab(text, user, match, variables)))
    found += [_tab(path, os.path.basename(path), match, variables, names) for path in spooled]
    return found, others


def _system_tabs() -> list[str]:
    paths = ["/etc/crontab"] if exists("/etc/crontab") else []
    if exists("/etc/cron.d"):
        paths += [path for path in _files_in("/etc/cron.d") if not LEFT_OVER.fullmatch(os.path.basename(path))]
    return paths


def _spooled() -> Iterator[str]:
    met: set[str] = set()
    for folder in SPOOLS:
        if not exists(folder) and not _hidden(folder):
            continue
        for path in _files_in(folder):
            real = os.path.realpath(at(path))
            if real not in met and not _is_left_over(os.path.basename(path)):
                met.add(real)
                yield path


def _is_left_over(name: str) -> bool:
    return name.startswith("tmp.") or LEFT_OVER.fullmatch(name) is not None


def _hidden(folder: str) -> bool:
    """Whether something above it keeps us from looking."""
    try:
        os.lstat(at(folder))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _files_in(folder: str) -> list[str]:
    try:
        with os.scandir(at(folder)) as listed:
            names = sorted(entry.name for entry in islice(listed, MOST_FILES + 1) if not _is_folder(entry))
    except OSError as error:
        raise told(error, folder) from error
    if len(names) > MOST_FILES:
        raise Unseen(TOO_LONG, "{}: more than {} files".format(folder, MOST_FILES))
    return [os.path.join(folder, name) for name in names]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere
        return False


def _own_tab() -> tuple[str, str]:
    done = run(["crontab", "-l"])
    if done.code and "no crontab for" not in done.err:
        raise Unseen(FAILED, "crontab -l: " + done.last_words)
    return name_of(os.getuid(), users()), "" if done.code else done.out


def _tab(path: str, user: str, match: Matcher, variables: Iterable[str], names: dict[int, str]) -> dict[str, Any]:
    try:
        found = os.stat(at(path))
    except OSError as error:
        blank = {"path": path, "user": user, "owner": "", "mode": 0, "changed": 0}
        return dict(blank, unread=told(error, path).value())
    head = {
        "path": path,
        "user": user,
        "owner": _owner(found.st_uid, names),
        "mode": stat.S_IMODE(found.st_mode),
        "changed": found.st_mtime,
    }
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_TAB:
        return dict(head, unread=Unseen(FAILED, path + ": no file, or one too large for a crontab").value())
    text = part(read, path, LARGEST_TAB)
    if isinstance(text, dict):
        return dict(head, unread=text)
    told_all = _read_tab(text, user, match, variables)
    strangers = {name: _is_stranger(name, names) for name in {line["user"] for line in told_all["lines"]}}
    told_all["lines"] = [dict(line, stranger=strangers[line["user"]]) for line in told_all["lines"]]
    return dict(head, **told_all)


def _owner(number: int, names: dict[int, str]) -> str:
    if number not in names and ground.ROOT == "/":
        with suppress(KeyError):
            return pwd.getpwuid(number).pw_name
    return name_of(number, names)


def _is_stranger(user: str, names: dict[int, str]) -> bool:
    """Whether the host has no such user. Of a root that is mounted elsewhere, only its own file can be asked."""
    if not user or user in names.values() or ground.ROOT != "/":
        return False
    try:
        pwd.getpwnam(user)
    except KeyError:
        return True
    return False


def _read_tab(text: str, user: str, match: Matcher, variables: Iterable[str]) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    asked, zone = tuple(variables), ""
    standing: dict[str, str] = {}
    for number, raw in enumerate(text.split("\n")[: MOST_LINES + 1], 1):
        line = raw.strip(" \t\r")
        given = VARIABLE.match(line)
        if not line:
            continue
        if given:
            name, value = given.group(2), _unquoted(given.group(3))
            zone = value[:60] if name == "CRON_TZ" else zone
            if name in asked:
                standing = dict(standing, **{name: value[:1000]})
            continue
        seen = dict(
            _line(line.lstrip("# \t"), match, names_user=not user), number=number, environment=standing, zone=zone
        )
        seen["user"] = user or seen["user"]
        seen["returns"] = raw.endswith("\r")
        if not line.startswith("#"):
            lines.append(seen)
        elif seen["holds"]:
            lines.append(dict(seen, commented=True))
    told_all = {"lines": lines, "ends": text.rpartition("\n")[2].lstrip(" \t")[:1] in ("", "#")}
    if text.count("\n") > MOST_LINES:
        told_all["unread"] = Unseen(TOO_LONG, "more than {} lines".format(MOST_LINES)).value()
    return told_all


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value


def _line(line: str, match: Matcher, *, names_user: bool) -> dict[str, Any]:
    """A line's parts. The words that say when are told as far as they can be such words."""
    count = 1 if line.startswith("@") else FIELDS
    words = line.split(None, count + (1 if names_user else 0))
    fields = []
    for word in words[:count]:
        is_one = (NICKNAME if count == 1 else WORD).fullmatch(word)
        fields.append(word[:200] if is_one else OTHER)
        if not is_one:
            break
    rest = words[count:] if len(fields) == len(words[:count]) else []
    user = rest.pop(0)[:64] if names_user and rest else ""
    command = shell_command(rest[0]) if rest else ""
    holds, equals = match(command)
    return {
        "fields": fields,
        "user": user,
        "has_command": bool(command.strip()),
        "holds": holds,
        "equals": equals,
        "without_systemd": bool(re.search(r"! +-d +/run/systemd/system", command)),
    }


# The daemon


def daemons() -> list[str]:
    """Processes that are cron daemons: those that a file of /run names, or else any but those of containers."""
    if not os.path.exists(proc("1/comm")):
        raise Unseen(NOT_PERMITTED, "/proc shows own processes only")
    noted = [read(path, 20).strip() for path in PID_FILES if exists(path)]
    if noted:
        numbers = sorted({number for number in noted if number.isdigit()}, key=int)
    else:
        listed = sorted(filter(str.isdigit, os.listdir(proc(""))), key=int)
        numbers = [number for number in listed if not _is_contained(number)]
    named = ((number, _name(number)) for number in numbers)
    return ["{} ({})".format(name, number) for number, name in named if name in DAEMONS]


def _name(number: str) -> str:
    try:
        with open(proc(number + "/comm"), "rb") as file:
            return file.read(64).decode("utf-8", "replace").strip()
    except OSError:  # it has ended
        return ""


def _is_contained(number: str) -> bool:
    """Whether a process has a number in a container, too: proc(5), NSpid, which everybody may read."""
    try:
        found = re.search(r"^NSpid:(.*)", read_proc(number + "/status"), re.MULTILINE)
    except Unseen:  # it has ended
        return False
    return found is not None and len(found.group(1).split()) > 1


# Timers

TIMED = ("Id", "LoadState", "ActiveState", "UnitFileState", "TimersCalendar", "RandomizedDelayUSec", "LastTriggerUSec")
SPANS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800, "month": 2629800, "y": 31557600}


def timers(names: list[str]) -> dict[str, Any]:
    """Timers of systemd, by name."""
    asked = ",".join((*TIMED, "ActiveEnterTimestamp"))
    done = run(["systemctl", "show", "--no-pager", "-p", asked, "--", *sorted(names)])
    if done.code:
        why = NOT_THERE if "not been booted with systemd" in done.err else FAILED
        raise Unseen(why, "systemctl: " + done.last_words)
    found = {}
    for record in re.split(r"\n\s*\n", done.out.strip()):
        values: dict[str, list[str]] = {}
        for line in record.splitlines():
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
        one = {key: value[0] for key, value in values.items()}
        calendars = (re.match(r"\{ OnCalendar=(.*?) ;", value) for value in values.get("TimersCalendar", []))
        found[one.get("Id", "")] = {
            "loaded": one.get("LoadState", ""),
            "active": one.get("ActiveState", ""),
            "enabled": one.get("UnitFileState", ""),
            "calendars": [match.group(1) for match in calendars if match],
            "delay_s": _span(one.get("RandomizedDelayUSec", "")),
            "last": _moment(one.get("LastTriggerUSec", "")),
            "since": _moment(one.get("ActiveEnterTimestamp", "")),
        }
    missing = [name for name in names if name not in found]
    if missing:
        raise Unseen(FAILED, "systemctl says nothing of " + ", ".join(missing))
    return found


def _span(text: str) -> float:
    """How long, as systemd writes it: `12h`, `1h 30min`, `0`."""
    return sum(float(number) * SPANS.get(unit, 0) for number, unit in re.findall(r"([0-9.]+)([a-z]+)", text))


def _moment(text: str) -> int | None:
    """`Sat 2026-11-28 00:00:01 UTC` as seconds since 1970; None: n/a."""
    match = re.match(r"(?:[A-Z][a-z]{2} )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", text)
    return calendar.timegm(time.strptime(match.group(1), "%Y-%m-%d %H:%M:%S")) if match else None


# Files


def _script(path: str) -> dict[str, Any] | None:
    found = _stat(path)
    return None if found is None else {"mode": stat.S_IMODE(found.st_mode)}


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(at(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise told(error, path) from error


def _touched(path: str) -> float | None:
    folder, _, pattern = path.rpartition("/")
    if not any(character in pattern for character in "*?["):
        found = _stat(path)
        return None if found is None else found.st_mtime
    newest = None
    try:
        with os.scandir(at(folder or "/")) as listed:
            for place, entry in enumerate(listed):
                if place >= MOST_TOUCHED:
                    raise Unseen(TOO_LONG, "{}: more than {} files".format(folder, MOST_TOUCHED))
                if fnmatch.fnmatchcase(entry.name, pattern):
                    changed = _changed(entry)
                    newest = changed if newest is None else max(newest, changed or newest)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise told(error, folder) from error
    return newest


def _changed(entry: os.DirEntry[str]) -> float | None:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:  # it was taken away in the meantime
        return None


# The daemon's log

ENTRY = re.compile(r"\((\S+?)\) CMD \((.*)\)\s*$|USER (\S+) pid +\d+ cmd (.*)")  # Vixie and cronie; BusyBox
STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?")
OLD_STAMP = re.compile(r"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d)")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

DAY_S = 86400
"""A line that is further ahead was written a year before."""

Entries = Any
"""Lines with the moment of each, in seconds since 1970."""


def _log(match: Matcher, shifts: Any) -> dict[str, Any]:
    """The newest run of each command, from the first place that has any of cron's own lines."""
    problems: list[Unseen] = []
    places: list[tuple[str, Callable[[], Entries]]] = [("the journal", _journal)]
    places += [(path, partial(_logged, path, shifts)) for path in LOGS if exists(path) or _hidden(path)]
    for source, entries in places:
        try:
            listed = entries()
        except Unseen as unseen:
            problems.append(Unseen(unseen.why, "{}: {}".format(source, unseen.detail)))
            continue
        runs = [(moment, found) for moment, found in ((when, ENTRY.search(line)) for when, line in listed) if found]
        if runs:
            ends = listed[-1][0] if source in SHARED else None
            return dict(_newest(runs, match), source=source, begins=listed[0][0], ends=ends)
    refused = [problem for problem in problems if problem.why == NOT_PERMITTED] or problems
    if refused:
        raise refused[0]
    raise Unseen(NOT_THERE, "neither the journal nor {} has a line of cron's work".format(", ".join(LOGS)))


def _newest(runs: Entries, match: Matcher) -> dict[str, Any]:
    newest: dict[tuple[str, str, bool], float] = {}
    for moment, found in runs:
        user, command = found.group(1) or found.group(3), found.group(2) or found.group(4)
        holds, equals = match(shell_command(command.replace("#011", " ")))
        for text in holds:
            key = text, user, text in equals
            newest[key] = max(moment, newest.get(key, 0.0))
    return {
        "runs": [
            {"command": text, "user": user, "exact": exact, "at": when} for (text, user, exact), when in newest.items()
        ]
    }


def _journal() -> Entries:
    if not has("journalctl"):
        raise Unseen(NOT_THERE, "there is no journalctl here")
    tags = [word for tag in TAGS for word in ("-t", tag)]
    done = run(["journalctl", "--no-pager", "-q", "-r", "-o", "short-unix", "-n", str(MOST_ENTRIES), *tags])
    if not done.out.strip() and ("permission" in done.err.lower() or "not seeing messages" in done.err):
        raise Unseen(NOT_PERMITTED, done.last_words)
    listed = [re.match(r"(\d+\.\d+) (.*)", line) for line in done.out.splitlines()]
    return sorted((float(match.group(1)), match.group(2)) for match in listed if match)


def _logged(path: str, shifts: Any) -> Entries:
    """Of a log, and of the one before it, the lines that may be cron's, the first and the last."""
    if not isinstance(shifts, list):
        raise Unseen(FAILED, "the host's time zone can't be told")
    listed: list[tuple[float, str]] = []
    for name in (path + ".1", path):
        if exists(name):
            data = end_of(name)
            if len(data) == LARGEST_LOG:  # what is between this and the log before it was not read
                listed = []
            lines = data.split(b"\n")
            kept = [
                *lines[:FEW],
                *(line for line in lines[FEW:-FEW] if b"CRON" in line or b"cron" in line),
                *lines[-FEW:],
            ]
            read_as = (line.decode("utf-8", "replace") for line in kept)
            stamped = ((_stamped(text, shifts), text) for text in read_as)
            listed += [(moment, text) for moment, text in stamped if moment is not None]
    return listed


def end_of(path: str) -> bytes:
    """The last part of a log, `LARGEST_LOG` bytes at most.

    Raises:
        Unseen: it can't be read.
    """
    try:
        with open(at(path), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LARGEST_LOG))
            return file.read(LARGEST_LOG)
    except OSError as error:
        raise told(error, path) from error


def _stamped(line: str, shifts: Any) -> float | None:
    """When a line was written; None: it does not say."""
    match = STAMP.match(line)
    if match:
        local = calendar.timegm(time.strptime(match.group(1) + match.group(2), "%Y-%m-%d%H:%M:%S"))
        zone = match.group(3)
        return _utc(local, shifts) if zone is None else local - _zone_s(zone)
    match = OLD_STAMP.match(line)
    if match is None or match.group(1) not in MONTHS:
        return None
    month, day, now = MONTHS.index(match.group(1)) + 1, int(match.group(2)), time.time()
    hours, minutes, seconds = (int(number) for number in match.group(3).split(":"))
    years = (time.gmtime(now).tm_year + ahead for ahead in (1, 0, -1))
    moments = (_utc(calendar.timegm((year, month, day, hours, minutes, seconds, 0, 0, 0)), shifts) for year in years)
    return next(moment for moment in moments if moment <= now + DAY_S)


def _zone_s(zone: str) -> int:
    if zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -seconds if zone.startswith("-") else seconds


def _utc(local: int, shifts: list[list[int]]) -> float:
    """A local time in UTC; where it was twice, the later one."""
    for since, offset in reversed(shifts):
        if local - offset >= since:
            return local - offset
    return local - shifts[0][1]


def offsets() -> list[list[int]]:
    """Since when local time has differed from UTC by how much, oldest first."""
    zone = {"TZ": ":" + at("/etc/localtime") if exists("/etc/localtime") else "UTC"}
    done = run([sys.executable, "-c", OFFSETS.format(period=PERIOD_S)], env=zone)
    if done.code:
        raise Unseen(FAILED, "local time: " + done.last_words)
    found: list[list[int]] = json.loads(done.out)
    return found


# Laravel


def _scheduled(folder: str, php: str) -> str:
    """What the application's scheduler knows of. Its owner asks: what root would write there, nobody else could."""
    artisan = os.path.join(folder, "artisan")
    found = _stat(artisan)
    if found is None:
        raise Unseen(NOT_THERE, "there is no {} here".format(artisan))
    owner = name_of(found.st_uid, users())
    as_owner = ["runuser", "-u", owner, "--"] if os.geteuid() == 0 and found.st_uid != 0 else []
    wide = {"COLUMNS": "400", "NO_COLOR": "1"}
    done = run([*as_owner, php, at(artisan), "schedule:list", "--no-ansi", "--no-interaction"], env=wide)
    if done.code:
        raise Unseen(FAILED, "artisan schedule:list: " + done.last_words)
    return done.out[: 2**16]
