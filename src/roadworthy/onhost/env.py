"""On the host: configuration files of keys and values. Of a secret, nothing leaves but how strong it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import os
import re
import stat
from typing import Any

from roadworthy.onhost.dotenv import parsed
from roadworthy.onhost.files import Names
from roadworthy.onhost.ground import Unseen, at, part
from roadworthy.onhost.held import held, text_of

NEEDS_ROOT = True

MOST = 100
"""Of each thing that is told."""
LONGEST = 1000
STEPS = 4
"""From so many equal steps on (12345, aaaaa), a text counts up and was not chosen; in chance, so many are rare."""

# What a value looks like that is still to be filled in. A value that merely holds a `<` is none.
_WHOLE = (
    (re.compile(r"<[^<>@]+>"), "a text in angle brackets"),
    (
        re.compile(
            r"\[(?=[^\[\]]*\b(?:change|your?|insert|replace|enter|put|add|fill|todo)\b)[^\[\]]+\]", re.IGNORECASE
        ),
        "a text in square brackets",
    ),
    (re.compile(r"__\w+__|@@?\w+@@?|%%\w+%%"), "a name to be replaced"),
    (re.compile(r"x{3,}|\.{3,}|\*{3,}|\?{3,}|-{3,}|_{3,}", re.IGNORECASE), "nothing but filling"),
    (
        re.compile(
            r"(?:please[-_ ]?)?change[-_ ]?(?:me|it|this|that)(?![a-z]).*|replace[-_ ]?(?:me|this|with|by)(?![a-z]).*"
            r"|fill[-_ ](?:me|in|this)(?![a-z]).*"
            r"|(?:insert|enter|put|add|set|paste)[-_ ](?:your|the|an?|in|here)(?![a-z]).*"
            r"|to[-_ ]be[-_ ](?:set|filled|changed|defined|replaced|determined)(?![a-z]).*|(?:todo|fixme)(?![a-z]).*"
            r"|tbd|tba|placeholder|your[-_].+|your (?:api|app|domain|email|host|key|password|secret|token|user).*"
            r"|.+[-_](?:goes[-_])?here|.*(?:key|password|secret|token|value|goes) here",
            re.IGNORECASE,
        ),
        "a word that asks to be replaced",
    ),
    (re.compile(r"(?:op|bao|doppler)://.+|ref\+\w+:.+"), "an unresolved reference"),
)
_WITHIN = (
    (re.compile(r"\$\{[A-Za-z][\w-]*:(?![-+?=])[^{}]*\}"), "an unresolved reference"),
    (re.compile(r"\{\{[^{}]*\}\}|<%[^%]*%>|#\{\w[\w.]*\}#"), "an unresolved template"),
    (re.compile(r"://[^\s<]*<[A-Za-z][\w .-]*>"), "a text in angle brackets"),
    (
        re.compile(r"\byour-?(?:domain|company|host|server|app|project|bucket)\b", re.IGNORECASE),
        "a name to be replaced",
    ),
    (re.compile(r"(?:^|[-./@:])x{4,}(?:$|[-./@:])", re.IGNORECASE), "nothing but filling"),
)
_LEFT = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_OF_THE_PROCESS = frozenset(["HOME", "HOSTNAME", "LANG", "PATH", "PWD", "SHELL", "TMPDIR", "TZ", "USER"])

_CREDENTIALS = re.compile(
    r"://[^/\s@]*:(?!\d+(?:/|$))[^\s@]+@|-----BEGIN [A-Z ]*PRIVATE|\beyJ[\w-]{8,}\.eyJ|\bA[KS]IA[0-9A-Z]{16}\b"
    r"|\b(?:gh[pousr]_|glpat-|[rs]k_live_|xox[abprs]-)\w|\bhooks\.slack\.com/services/|\bdiscord(?:app)?\.com/api/webhooks/"
    r"|\b(?i:password|passwd|pwd|secret|token|accountkey)=[^\s&;]"
)
"""The same as in `target/blocks/env.py`: what is not shown can't be promised."""
_NAMES = re.compile(r"(?:\w*_)?(?:USER|USERNAME|DATABASE|DB|DB_NAME|DBNAME|NAME)")


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/env.py` holds."""
    names = Names()
    known = {value.lower() for value in wanted["known"]}
    return {"files": [_file(one, names, known, wanted) for one in wanted["files"]]}


def _file(one: dict[str, Any], names: Names, known: set[str], wanted: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = {"path": one["path"]}
    try:
        place, seen["entry"] = held(one["path"], names)
    except Unseen as unseen:
        return dict(seen, entry=unseen.value())
    if place:
        seen["folder_mode"] = stat.S_IMODE(os.lstat(at(os.path.dirname(place))).st_mode)
        seen["text"] = part(_text, one, place, seen["entry"]["kind"], known, wanted)
    return seen


def _text(one: dict[str, Any], place: str, kind: str, known: set[str], wanted: dict[str, Any]) -> dict[str, Any]:
    if kind != "file":
        return {"problem": "it is no file: {}".format(kind)}
    found, problem = parsed(text_of(place), one["reader"])
    values = {entry.key: entry.value for entry in found}  # the last one counts
    return {
        "problem": problem,
        "keys": {key: _told(key, values, one, known, wanted) for key in one["plain"] + one["others"] if key in values},
        "to_fill": [
            {"key": entry.key, "line": entry.line, "what": what}
            for entry in found
            for what in [to_fill(entry.value, values)]
            if what
        ][:MOST],
        "repeated": _repeated(found),
    }


def _repeated(found: list[Any]) -> list[dict[str, Any]]:
    by_key: dict[str, list[Any]] = {}
    for entry in found:
        by_key.setdefault(entry.key, []).append(entry)
    return [
        {"key": key, "lines": [entry.line for entry in entries][:MOST]}
        for key, entries in by_key.items()
        if len({entry.value for entry in entries}) > 1
    ][:MOST]


def _told(
    key: str, values: dict[str, str], one: dict[str, Any], known: set[str], wanted: dict[str, Any]
) -> dict[str, Any]:
    value = values[key]
    told: dict[str, Any] = {"length": len(value)}
    if key in one["plain"]:
        told["value"] = None if len(value) > LONGEST or _CREDENTIALS.search(value) else value
        return told
    published = dict(one["published"]).get(key, ())
    told["bits"] = round(bits(value), 1)
    told["base64_bytes"] = _base64_bytes(value)
    told["known"] = _known(key, value, values, known, published)
    if key in one["hashes"]:
        digest = hashlib.pbkdf2_hmac("sha256", value.encode(), wanted["salt"].encode(), wanted["rounds"]).hex()
        told["equals"] = digest == one["hashes"][key]
    return told


def _known(key: str, value: str, values: dict[str, str], known: set[str], published: list[str]) -> str:
    """Who knows a value that should be a secret."""
    if not value:
        return ""
    if value.lower() in {text.lower() for text in published}:
        return "it is published"
    if value.lower() in known:
        return "it is one that everybody tries"
    if value.lower() == key.lower():
        return "it is the name of the key"
    same = next((other for other in values if other != key and _NAMES.fullmatch(other) and values[other] == value), "")
    return "it is the value of {}".format(same) if same else ""


def _base64_bytes(value: str) -> int | None:
    head, _, text = value.partition(":")
    if head != "base64":
        return None
    try:
        return len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None


def to_fill(value: str, values: dict[str, str]) -> str:
    """What says that a value is still to be filled in; empty: nothing does."""
    short = value.strip()[:4096]
    for shape, what in _WHOLE:
        if shape.fullmatch(short):
            return what
    for shape, what in _WITHIN:
        if shape.search(short):
            return what
    for name in _LEFT.findall(short):
        if name not in values and name not in _OF_THE_PROCESS:
            return "a reference to a key that is not there"
    return ""


def bits(value: str) -> float:
    """The most bits of entropy that a text can have: what repeats itself or counts up adds none. No word is known."""
    text = value[7:] if value.startswith("base64:") else value
    text = text[: _period(text[:4096])]
    counted, step, steps = 0, 0, 0
    for before, character in zip(" " + text, text):
        this = ord(character) - ord(before)
        step, steps = this, steps + 1 if this == step else 1
        counted += abs(this) > 1 or steps < STEPS
    return counted * math.log2(_alphabet(text)) if text else 0.0


def _alphabet(text: str) -> int:
    """How many characters the text was chosen from, it seems."""
    drawn = len(set(text))
    if re.fullmatch(r"[0-9]+", text):
        size = 10
    elif re.fullmatch(r"[0-9a-f-]+|[0-9A-F-]+", text):
        size = 16
    else:
        classes = ((r"[a-z]", 26), (r"[A-Z]", 26), (r"[0-9]", 10), (r"[^a-zA-Z0-9]", 33))
        size = sum(count for shape, count in classes if re.search(shape, text))
        size = min(size, 64) if re.fullmatch(r"[\w+/=-]+", text, re.ASCII) else size
    expected = size * (1 - (1 - 1 / size) ** len(text))
    return size if drawn * 2 >= expected else drawn  # few characters again and again were chosen from those few


def _period(text: str) -> int:
    """The length of the part that the text is a repetition of; its own, where it is none."""
    borders = [0] * len(text)  # Knuth, Morris and Pratt's table
    for place in range(1, len(text)):
        border = borders[place - 1]
        while border and text[place] != text[border]:
            border = borders[border - 1]
        borders[place] = border + (text[place] == text[border])
    period = len(text) - borders[-1] if text else 0
    return period if period * 2 <= len(text) else len(text)
