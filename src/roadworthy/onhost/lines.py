"""On the host: what a line of a log says of itself: when it was written, and whether it is an error.

2026-11-28T06:00:00.123Z ...  [2026-11-28 06:00:00] production.ERROR: ...  2026/11/28 06:00:00 [error] ...
2026-11-28  6:00:00 0 [ERROR] ...                      E, [2026-11-28T06:00:00.123456 #71] ERROR -- : ...
Nov 28 06:00:00 host ...      [28-Nov-2026 06:00:00 Europe/Berlin] ...     ... [28/Nov/2026:06:00:00 +0000] ...
[Sat Nov 28 06:00:00.1 2026]  {"level":50,"time":1795845600000,...}        time="2026-11-28T06:00:00Z" level=error
"""

from __future__ import annotations

import calendar
import json
import os
import re
import sys
import time
from typing import Any

from roadworthy.onhost.ground import NOT_THERE, Unseen, at, read, run

MATCHED = 4096
"""So much of a line is looked at by regular expressions."""
SHOWN = 200

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = {name: number for number, name in enumerate(_MONTHS, 1)}
_MON = "(" + "|".join(MONTHS) + ")"
_CLOCK = r"(\d\d?):(\d\d):(\d\d)"
_FRACTION = r"(?:[.,](\d{1,9}))?"
_ZONE = r"(?: ?(Z\b|[+-]\d\d(?::?\d\d)?\b|[A-Z][a-z]+/[A-Za-z_/]+|[A-Z]{3,4}\b))?"

ISO = re.compile(
    r"\s*(?:<\d{1,3}>\d?\s*)?(?:[A-Z]{3,9}:?\s+|[A-Z], )?[\[(]?(?:(?:time|ts|timestamp|t|date)=)?\"?"
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ] ?" + _CLOCK + _FRACTION + _ZONE
)
ACCESS = re.compile(r"[^\[\"]{0,300}\[(\d\d)/" + _MON + r"/(\d{4}):" + _CLOCK + r" ([+-]\d{4})\]")
DAY_FIRST = re.compile(r"\s*(?:\d+:[A-Z] )?\[?(\d\d)[- ]" + _MON + r"[- ](\d{4}) " + _CLOCK + _FRACTION + _ZONE)
APACHE = re.compile(r"\[[A-Z][a-z][a-z] " + _MON + r" +(\d\d?) " + _CLOCK + _FRACTION + r" (\d{4})\]")
SYSLOG = re.compile(r"(?:<\d{1,3}>)?" + _MON + r" +(\d\d?) " + _CLOCK + r"\b")
NEST = re.compile(r"\[\w+\] \d+ +- (\d\d)/(\d\d)/(\d{4}), " + _CLOCK + r" ([AP])M")

ZONES = {"Z": 0.0, "UTC": 0.0, "GMT": 0.0, "WET": 0.0, "WEST": 1.0, "BST": 1.0, "CET": 1.0, "CEST": 2.0, "EET": 2.0}
ZONES.update({"EEST": 3.0, "SAST": 2.0, "MSK": 3.0, "IST": 5.5, "JST": 9.0, "AEST": 10.0, "AEDT": 11.0})
ZONES.update({"EST": -5.0, "EDT": -4.0, "CST": -6.0, "CDT": -5.0, "MST": -7.0, "MDT": -6.0, "PST": -8.0, "PDT": -7.0})
"""Hours before UTC of the zones that PostgreSQL and others name by their initials."""

ERROR, OTHER = "error", "other"
ERRORS = {
    "emerg",
    "emergency",
    "alert",
    "crit",
    "critical",
    "error",
    "err",
    "fatal",
    "panic",
    "dpanic",
    "severe",
    "e",
    "f",
}
OTHERS = {
    "warn",
    "warning",
    "notice",
    "note",
    "info",
    "information",
    "log",
    "debug",
    "trace",
    "verbose",
    "silly",
    "http",
}
OTHERS |= {"system", "detail", "hint", "statement", "context", "i", "w", "d"}

_ALONE = {"e", "f", "i", "w", "d", "http"}
"""Levels where a field holds nothing else; in a line, HTTP is the protocol."""
_COLON = {"detail", "hint", "statement", "context", "system", "note"}
"""PostgreSQL's and others', always before a colon where they are in capitals."""
_LEVEL = "|".join(sorted((ERRORS | OTHERS) - _ALONE, key=len, reverse=True))
_IN_CAPITALS = "|".join(sorted((ERRORS | OTHERS) - _ALONE - _COLON, key=len, reverse=True)).upper()
IN_BRACKETS = re.compile(r"\[(?:[\w.-]+:)?(" + _LEVEL + r")\d?\]", re.IGNORECASE)
LARAVEL = re.compile(r"^[\]\s]*[\w-]+\.(EMERGENCY|ALERT|CRITICAL|ERROR|WARNING|NOTICE|INFO|DEBUG): ")
LOGFMT = re.compile(r"\b(?:level|lvl|severity|levelname)=\"?([A-Za-z]+)")
CAPITALS = re.compile(r"\b((?:" + _IN_CAPITALS + r")\d?\b|(?:" + "|".join(sorted(_COLON)).upper() + r")(?=:))")
STATUS = re.compile(r"\" ([1-5]\d\d) ")
WORDS = re.compile(
    r"\b(?i:error|fatal|failed|failure|exception|panic|critical)\b|[A-Za-z](?:Error|Exception|Failure)\b"  # TypeError
)
FPM = re.compile(
    r"[^\"]{0,200}?(?:\bsaid into std(?:err|out): \"(?:NOTICE: )?(?:PHP message: )?|(?:^|\] )NOTICE: PHP message: )"
)
"""What PHP-FPM puts before a line of a script's, with a level that is not the line's own."""
PREFIX = 80
"""Where in a line, after its time, a level stands in capitals, or an object begins."""
LEVELS = ("level_name", "levelname", "level", "severity", "lvl", "log.level", "s")
"""Where an object has its level."""

COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

SECRETS = (
    (re.compile(r"SQL: .*", re.DOTALL), "SQL: <hidden>"),
    (re.compile(r"://[^/\s@]*@"), "://<hidden>@"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]*(?:\.[\w-]*)?"), "<hidden>"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), r"\1 <hidden>"),
    (re.compile(r"\b((?:set-)?cookie|authorization)([\"']?\s*[:=]\s*).*", re.IGNORECASE), r"\1\2<hidden>"),
    (
        re.compile(
            r"((?:passw(?:or)?d|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|"
            r"signature)s?[\"']?\s*(?:=>|[:=])\s*)(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&})]+)",
            re.IGNORECASE,
        ),
        r"\1<hidden>",
    ),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"\b(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{24,}"), "<hidden>"),
)
NUMBERS = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\d+(?:[.,:-]\d+)*")

OFFSETS = """
import json, time
now, found = int(time.time()) // 1800 * 1800, []
for at in range(now - 400 * 86400, now + 86400 * 2, 1800):
    offset = time.localtime(at).tm_gmtoff
    if not found or found[-1][1] != offset:
        found.append([at, offset])
print(json.dumps(found))
"""
"""A zone's changes of the last year, told by a program of its own: a process has one zone."""


class Zones:
    """What clocks show elsewhere."""

    def __init__(self, default: str | None, now: float) -> None:
        self.default = default
        self.now = now
        self.guessed = False
        self.known: dict[str, list[list[float]]] = {"UTC": [[0, 0]]}

    def seconds(self, naive: float, zone: str | None) -> float:
        """Seconds since 1970 of a time as a clock there shows it; `guessed` is then whether nobody said which clock.

        Raises:
            Unseen: nothing here knows that zone.
        """
        if zone and zone[0] in "+-":
            digits = zone[1:].replace(":", "")
            behind = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
            return naive - behind if zone[0] == "+" else naive + behind
        if zone in ZONES:
            return naive - ZONES[zone] * 3600
        if zone and "/" not in zone:
            zone = None  # a word that follows the time
        self.guessed = not zone and not self.default
        changes = self._of(zone or self.default or "")
        return naive - _offset(changes, naive - _offset(changes, naive))

    def _of(self, zone: str) -> list[list[float]]:
        if zone not in self.known:
            told = _clock(zone)
            if told is None:
                self.known[zone] = self.known["UTC"]
            else:
                done = run([sys.executable, "-c", OFFSETS], env={"TZ": told})
                self.known[zone] = json.loads(done.out)
        return self.known[zone]


def _offset(changes: list[list[float]], moment: float) -> float:
    found = changes[0][1]
    for began, offset in changes:
        if began > moment:
            break
        found = offset
    return found


def _clock(zone: str) -> str | None:
    """What TZ must be for a zone; empty: the host's own. None: it is UTC.

    Raises:
        Unseen: there is no such zone.
    """
    if not zone:
        if os.path.islink(at("/etc/localtime")):
            zone = os.readlink(at("/etc/localtime")).partition("zoneinfo/")[2]
        elif os.path.exists(at("/etc/localtime")):
            return ":" + at("/etc/localtime")
        elif os.path.exists(at("/etc/timezone")):
            zone = read("/etc/timezone", 100).strip()
    if zone in ("", "UTC", "Etc/UTC", "GMT"):
        return None
    places = [at("/usr/share/zoneinfo/" + zone), "/usr/share/zoneinfo/" + zone]
    for place in places:
        if os.path.isfile(place):
            return ":" + place
    raise Unseen(NOT_THERE, "there is no time zone {} here".format(zone))


class Line:
    """One line: when it was written (None: it does not say), its level (empty: it has none), what it says."""

    __slots__ = ("at", "level", "text")

    def __init__(self, at: float | None, level: str, text: str) -> None:
        self.at = at
        self.level = level
        self.text = text

    @property
    def is_error(self) -> bool:
        """By its level, or else by its words."""
        return self.level == ERROR or (not self.level and bool(WORDS.search(self.text[:MATCHED])))


def parse(line: str, zones: Zones) -> Line:
    """A line of any of the formats above; one of none of them has no time.

    Raises:
        Unseen: its time is of a zone that nothing here knows.
    """
    zones.guessed = False
    said = _object(line) if line.startswith("{") else None
    if said is not None:
        return _of_object(said, zones)
    moment, end = when(line, zones)
    rest = line[end:]
    begins = rest.find("{", 0, PREFIX)
    if begins >= 0 and rest.endswith("}"):  # what pm2 and syslog put before a line that is an object
        said = _object(rest[begins:])
        if said is not None and _first(said, *LEVELS) is not None:
            inner = _of_object(said, zones)
            return Line(inner.at if moment is None else moment, inner.level, inner.text)
    handed = FPM.match(rest)
    if handed:
        rest = rest[handed.end() :]
    before = CAPITALS.search(line[:end])
    return Line(moment, _named(before.group(1)) if before and not handed else _level(line, rest), rest)


def _object(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def when(line: str, zones: Zones) -> tuple[float | None, int]:
    """The time that a line begins with, and where the rest of it begins."""
    head = line[:400]
    for told in (_iso, _access, _day_first, _apache, _syslog, _nest):
        try:
            found = told(head, zones)
        except (ValueError, OverflowError):
            continue
        if found is not None:
            return found
    return None, 0


def _naive(year: str, month: int, day: str, clock: tuple[str, ...], fraction: str | None = None) -> float:
    hour, minute, second = (int(part) for part in clock)
    if not 1 <= int(day) <= 31 or hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 - a calendar
        raise ValueError("no time")
    return calendar.timegm((int(year), month, int(day), hour, minute, second)) + float("0." + (fraction or "0"))


def _iso(head: str, zones: Zones) -> tuple[float, int] | None:
    found = ISO.match(head)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    return zones.seconds(_naive(year, int(month), day, (hour, minute, second), fraction), zone), _end(found, zone)


def _access(head: str, zones: Zones) -> tuple[float, int] | None:
    found = ACCESS.match(head)
    if found is None:
        return None
    day, month, year, hour, minute, second, zone = found.groups()
    return zones.seconds(_naive(year, MONTHS[month], day, (hour, minute, second)), zone), found.end()


def _day_first(head: str, zones: Zones) -> tuple[float, int] | None:
    found = DAY_FIRST.match(head)
    if found is None:
        return None
    day, month, year, hour, minute, second, fraction, zone = found.groups()
    return zones.seconds(_naive(year, MONTHS[month], day, (hour, minute, second), fraction), zone), _end(found, zone)


def _end(found: Any, zone: str | None) -> int:
    """Where the rest begins: a word in capitals after the time is a level, and no zone."""
    is_word = zone and zone[0] not in "+-" and zone not in ZONES and "/" not in zone
    end: int = found.start(8) if is_word else found.end()
    return end


def _apache(head: str, zones: Zones) -> tuple[float, int] | None:
    found = APACHE.match(head)
    if found is None:
        return None
    month, day, hour, minute, second, fraction, year = found.groups()
    return zones.seconds(_naive(year, MONTHS[month], day, (hour, minute, second), fraction), None), found.end()


def _syslog(head: str, zones: Zones) -> tuple[float, int] | None:
    """It has no year: it is the one that makes it the past."""
    found = SYSLOG.match(head)
    if found is None:
        return None
    month, day, hour, minute, second = found.groups()
    year = time.gmtime(zones.now).tm_year
    moment = zones.seconds(_naive(str(year), MONTHS[month], day, (hour, minute, second)), None)
    if moment > zones.now + 86400:
        moment = zones.seconds(_naive(str(year - 1), MONTHS[month], day, (hour, minute, second)), None)
    return moment, found.end()


def _nest(head: str, zones: Zones) -> tuple[float, int] | None:
    found = NEST.match(head)
    if found is None:
        return None
    month, day, year, hour, minute, second, half = found.groups()
    hour = str(int(hour) % 12 + (12 if half == "P" else 0))
    return zones.seconds(_naive(year, int(month), day, (hour, minute, second)), None), found.end()


def _level(line: str, rest: str) -> str:
    if ACCESS.match(line[:400]):
        status = STATUS.search(line[:MATCHED])
        return (ERROR if status.group(1) >= "500" else OTHER) if status else ""
    head = rest[:MATCHED]
    for pattern, within in ((LARAVEL, 200), (IN_BRACKETS, 200), (LOGFMT, MATCHED), (CAPITALS, PREFIX)):
        found = pattern.search(head[:within])
        if found:
            return _named(found.group(1))
    return ""


def _named(level: str) -> str:
    word = level.lower().rstrip("0123456789")
    return ERROR if word in ERRORS else OTHER if word in OTHERS else ""


def _numbered(level: float) -> str:
    """RFC 5424 and GELF count down to 0, pino and Bunyan up to 60, Monolog to 600."""
    if level <= 7:  # noqa: PLR2004 - syslog's
        return ERROR if level <= 3 else OTHER  # noqa: PLR2004 - RFC 5424, error
    if level < 100:  # noqa: PLR2004 - pino's
        return ERROR if level >= 50 else OTHER  # noqa: PLR2004 - its error
    return ERROR if level >= 400 else OTHER  # noqa: PLR2004 - Monolog's error


def _of_object(said: dict[str, Any], zones: Zones) -> Line:
    moment = _moment(_first(said, "time", "timestamp", "@timestamp", "ts", "t", "datetime", "date"), zones)
    if isinstance(said.get("log"), str) and "stream" in said:  # Docker's json-file holds a line of the container's own
        inner = parse(COLOURS.sub("", said["log"]).rstrip("\n"), zones)
        return Line(moment if moment is not None else inner.at, inner.level, inner.text)
    level = _first(said, *LEVELS)
    if level is None and isinstance(said.get("log"), dict):  # Elastic Common Schema, unfolded
        level = said["log"].get("level")
    told = ""
    if isinstance(level, str):
        told = _named(level)
    elif isinstance(level, (int, float)) and not isinstance(level, bool):
        told = _numbered(level)
    elif level is None and re.fullmatch("[1-5][0-9][0-9]", str(said.get("status"))):  # an access log
        told = ERROR if str(said["status"]) >= "500" else OTHER
    text = _first(said, "msg", "message", "error", "err", "exception")
    return Line(moment, told, text if isinstance(text, str) else json.dumps(said if text is None else text))


def _first(said: dict[str, Any], *keys: str) -> Any:
    return next((said[key] for key in keys if said.get(key) is not None), None)


def _moment(value: Any, zones: Zones) -> float | None:
    if isinstance(value, dict):
        value = value.get("$date", value.get("date"))
    if isinstance(value, str):
        return when(value, zones)[0]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e20:  # noqa: PLR2004 - nanoseconds
        while value > 1e11:  # noqa: PLR2004 - seconds are less until the year 5138
            value = value / 1000
        return float(value)
    return None


def kind(text: str) -> str:
    """What a line says, without its numbers, and without what looks like a secret or like a person."""
    shown = " ".join(text[:MATCHED].strip(" ]:-").split())
    for pattern, instead in SECRETS:
        shown = pattern.sub(instead, shown)
    return NUMBERS.sub("#", shown)[:SHOWN]
