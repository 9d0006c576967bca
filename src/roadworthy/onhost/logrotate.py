"""On the host: what Logrotate's configuration says of a file."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
from typing import Any

from roadworthy.onhost.ground import at, exists, read, told

MAIN = "/etc/logrotate.conf"
FILES = 500
FOREVER = 1_000_000
"""What `rotate -1` keeps."""
EVERY = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")
IGNORED = re.compile(
    r"(,v|\.bak|\.cfsaved|\.disabled|\.dpkg-(bak|del|dist|new|old|tmp)|\.rhn-cfg-tmp-.*|\.rpm(new|orig|save)|\.swp|"
    r"\.ucf-(dist|new|old)|~)$"
)
"""Endings of files in a folder that is included which Logrotate passes over (its tabooext)."""
OTHERS_WRITE = 0o022


def rotations(path: str) -> list[dict[str, Any]]:
    """The sections that speak of a file, as `facts.logs.Rotation` holds them.

    Raises:
        Unseen: a file of the configuration can't be read.
    """
    found: list[dict[str, Any]] = []
    if exists(MAIN):
        _heed(MAIN, {"every": None, "keep": 0}, path, found, [])
    return found


def _heed(file: str, given: dict[str, Any], path: str, found: list[dict[str, Any]], met: list[str]) -> None:
    """One file: its own settings hold in all that follows, those of a section in that section alone."""
    if file in met or len(met) >= FILES:
        return
    met.append(file)
    if _is_open(file):
        return
    section: dict[str, Any] | None = None
    names: list[str] = []
    for line in _lines(read(file)):
        word = line.split(None, 1)[0]
        if line == "}":
            if section is not None and any(_meant(name, path) for name in names):
                found.append({"by": file, "every": section["every"], "keep": section["keep"]})
            section, names = None, []
        elif line.endswith("{"):
            names += _words(line[:-1])
            section = dict(given)
        elif section is None and (line.startswith(("/", '"', "'"))):
            names += _words(line)
        elif section is None and word == "include":
            for other in _included(_words(line)[-1]):
                _heed(other, given, path, found, met)
        else:
            _set(section if section is not None else given, line.split())


def _is_open(path: str) -> bool:
    """Whether others than its owner may write a file: Logrotate complains of it, and goes on without."""
    try:
        return bool(os.stat(at(path)).st_mode & OTHERS_WRITE)
    except OSError as error:
        raise told(error, path) from error


def _lines(text: str) -> list[str]:
    """Lines of a configuration, `{` and `}` at the end of theirs, without scripts."""
    found: list[str] = []
    script = False
    for raw in text.replace("\\\n", " ").splitlines():
        line = raw.split("#", 1)[0].strip() if not raw.lstrip().startswith(("/", '"', "'")) else raw.strip()
        head, brace, tail = line.partition("{")
        if brace and tail.strip():
            found += [head.strip() + " {", *(part.strip() for part in tail.replace("}", "\n}\n").split("\n"))]
        elif line.endswith(" }"):
            found += [line[:-1].strip(), "}"]
        else:
            found.append(line)
    kept = []
    for line in filter(None, found):
        word = line.split(None, 1)[0]
        if not script and word not in SCRIPTS:
            kept.append(line)
        script = word != "endscript" and (script or word in SCRIPTS)
    return kept


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _set(settings: dict[str, Any], words: list[str]) -> None:
    if words[0] in EVERY:
        settings["every"] = EVERY[words[0]]
    elif words[0] == "size":
        settings["every"] = None
    elif words[0] == "rotate" and words[-1].lstrip("-").isdigit():
        settings["keep"] = FOREVER if words[-1].startswith("-") else int(words[-1])


def _included(path: str) -> list[str]:
    """The files that an `include` means."""
    if not os.path.isdir(at(path)):
        return [path]
    try:
        names = sorted(os.listdir(at(path)))
    except OSError as error:
        raise told(error, path) from error
    return [
        os.path.join(path, name)
        for name in names
        if not name.startswith(".") and IGNORED.search(name) is None and os.path.isfile(at(os.path.join(path, name)))
    ]


def _meant(pattern: str, path: str) -> bool:
    """Whether a pattern means a path: as a shell would, `*` ends at a slash."""
    parts, given = pattern.split("/"), path.split("/")
    return len(parts) == len(given) and all(map(fnmatch.fnmatchcase, given, parts))
