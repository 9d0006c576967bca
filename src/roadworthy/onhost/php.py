"""On the host: PHP as its process manager runs it.

`php-fpm -tt` tests the configuration and tells all pools as FPM reads them, defaults included; `php-fpm -i` tells
the settings of php.ini and of what follows it. Both tell secrets, too (`env[...]`): those stay here.
"""

from __future__ import annotations

import os
import re
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, NOT_THERE, Unseen, part, run, search_path

NEEDS_ROOT = True
"""The test opens log files."""

WITHIN_S = 20.0
FPM = re.compile(r"php-fpm(?:-?[0-9]+(?:\.[0-9]+)?)?|php[0-9.]+-fpm")
LINE = re.compile(r"\[[^\]]*\] ([A-Z]+): (.*)")
POOL = re.compile(r"\[(.+)\]")
OWN = re.compile(r"php(?:_admin)?_value\[(.+)\]")
EMPTY = {"undefined": "", "no value": ""}
ABSENT = "directive => local value => master value"


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/php.py` holds."""
    program = wanted["program"] or _only()
    done = run([program, "-tt"], WITHIN_S)
    lines = [match.groups() for match in map(LINE.match, (done.err + "\n" + done.out).splitlines()) if match]
    if done.code:
        errors = [text for level, text in lines if level in ("ERROR", "ALERT")] or [done.last_words]
        if "Permission denied" in errors[0] and os.geteuid():
            raise Unseen(NOT_PERMITTED, errors[0])
        return {"refused": errors[0][:300], "pools": None, "settings": part(_settings, program, wanted)}
    return {"refused": None, "pools": part(_pools, lines, wanted), "settings": part(_settings, program, wanted)}


def _only() -> str:
    """The one FPM of this machine, by its path.

    Raises:
        Unseen: there is none, or there are several.
    """
    for folder in search_path().split(os.pathsep):
        try:
            names = [name for name in os.listdir(folder or ".") if FPM.fullmatch(name)]
        except OSError:
            continue
        found = {os.path.realpath(os.path.join(folder, name)): os.path.join(folder, name) for name in sorted(names)}
        if len(found) > 1:
            raise Unseen(FAILED, "there are several: {}; promise php.program".format(", ".join(sorted(names))))
        if found:
            return next(iter(found.values()))
    raise Unseen(NOT_THERE, "there is no php-fpm here")


def _pools(lines: list[tuple[str, str]], wanted: dict[str, Any]) -> dict[str, Any]:
    """What `-tt` tells: a line for each directive, below the name of its pool."""
    found: dict[str, dict[str, str]] = {}
    name = ""
    for level, text in lines:
        heading = POOL.fullmatch(text)
        if heading:
            name = heading.group(1)
            found[name] = {}
        elif level == "NOTICE" and text.startswith("\t") and name:
            key, _, value = text.strip().partition(" = ")
            found[name][key] = EMPTY.get(value, value)
    if found.pop("global", None) is None or not found:
        raise Unseen(FAILED, "php-fpm -tt tells of no pools")
    asked = {pool["name"]: pool["directives"] for pool in wanted["pools"]}
    return {pool: _pool(given, asked.get(pool, []), wanted["settings"]) for pool, given in found.items()}


def _pool(given: dict[str, str], directives: list[str], settings: list[str]) -> dict[str, Any]:
    own = {match.group(1): value for key, value in given.items() for match in [OWN.fullmatch(key)] if match}
    return {
        "directives": {name: given.get(name) for name in directives},
        "overrides": {name: own[name] for name in settings if name in own},
    }


def _settings(program: str, wanted: dict[str, Any]) -> dict[str, str | None] | None:
    if not wanted["settings"]:
        return None
    done = run([program, "-i"], WITHIN_S)
    if ABSENT not in done.out.lower():
        raise Unseen(FAILED, "php-fpm -i: " + done.last_words)
    found: dict[str, str] = {}
    for line in done.out.splitlines():
        fields = line.split(" => ")
        if len(fields) > 2:  # noqa: PLR2004 - a name, the value here, and the one of php.ini
            value = " => ".join(fields[1 : len(fields) // 2 + 1])
            found.setdefault(fields[0], EMPTY.get(value, value))
    return {name: found.get(name) for name in wanted["settings"]}
