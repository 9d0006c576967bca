r"""On the host: the text of a configuration file as its reader understands it.

Compared with phpdotenv 5.4 and with dotenv 18 of Node.js, on some thousands of files. Of Docker Compose, the parser
(compose-go, `dotenv/parser.go`) and the manual ("Interpolation", "Env file syntax") were read. In all of them the last
of two equal keys counts. A quote that is never closed is a fault here; phpdotenv leaves the key out in silence.
Where they differ:

              laravel                     node                       compose
    blank     ends a bare value           part of it                 part of it
    #         ends a bare value           ends a bare value          ends it after a blank
    "..."     \\ \" \$ \n ...; lines      \n \r alone; lines          \\ \" \n ...; lines
    '...'     as it stands, one line      as it stands; lines        as it stands; lines
    ${OTHER}  a key above, or as it is    as it is                   ${OTHER:-default} too; $OTHER
"""

from __future__ import annotations

import re

NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([\"']?)([\w.-]+)\1[ \t]*", re.ASCII)
AFTER = re.compile(r"[ \t]*(?:#.*)?$")
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
LONGEST = 65536
"""Characters that one value may refer to."""
TOO_LONG = "it refers to more than {} characters".format(LONGEST)

KEPT = "\0"
"""Stands before a dollar sign that refers to nothing."""

_REFERENCE = re.compile(r"(\0?)\$(?:\{([A-Za-z_][\w.]*)(?:(:?[-+?])([^{}]*))?\}|([A-Za-z_]\w*))", re.ASCII)


class Entry:
    """A key with its value, and the line that it begins on."""

    def __init__(self, key: str, value: str, line: int) -> None:
        self.key = key
        self.value = value
        self.line = line


class Odd(Exception):  # noqa: N818 - a state of the file
    """What the reader does not understand."""


def parsed(text: str, reader: str) -> tuple[list[Entry], str]:
    """The entries of a file, and the first thing that its reader does not understand; empty: it understands all."""
    if text.startswith("\ufeff"):
        text = text[1:]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: list[Entry] = []
    values: dict[str, str] = {}
    problem = "line 1: it holds bytes that are no text" if "\0" in text else ""
    number = 0
    while number < len(lines):
        start = number
        try:
            key, value, number = _entry(lines, number, reader, values)
        except Odd as odd:
            problem = problem or "line {}: {}".format(start + 1, odd)
            number = start + 1
            continue
        if key:
            values[key] = value
            found.append(Entry(key, value, start + 1))
    return found, problem


def _entry(lines: list[str], number: int, reader: str, values: dict[str, str]) -> tuple[str, str, int]:
    """The key (empty: none is here) and the value that begin on a line, and the line after them."""
    line = lines[number]
    if not line.strip() or line.lstrip().startswith("#"):
        return "", "", number + 1
    name = NAME.match(line)
    rest = line[name.end() :] if name else line
    if (
        name is None
        or (rest and rest[0] not in "=:")
        or (rest[:1] == ":" and (reader == "laravel" or rest[1:2] != " "))
    ):
        raise Odd("it is no KEY=value")
    if reader == "laravel" and "-" in name.group(2):
        raise Odd("a hyphen in the name of a key")
    if not rest:
        if reader == "node":
            raise Odd("it has no value, and is left out")
        return "", "", number + 1  # what the process has from elsewhere
    value = rest[1:].lstrip(" \t")
    quote = value[:1]
    if quote in ("'", '"') or (quote == "`" and reader == "node"):
        text, number = _quoted(lines, number, value[1:], quote, reader)
    else:
        text, number = _bare(value, reader), number + 1
    if quote != "'":
        text = _filled(text, reader, values)
    return name.group(2), text.replace("\0", ""), number


def _bare(value: str, reader: str) -> str:
    if reader == "compose":
        return re.split(r"[ \t]#", value, maxsplit=1)[0].strip()
    value = value.split("#", 1)[0]
    if reader == "laravel" and len(value.split()) > 1:
        raise Odd("a blank in a value without quotes")
    return value.strip()


def _quoted(lines: list[str], number: int, rest: str, quote: str, reader: str) -> tuple[str, int]:
    """What is in quotes that were just opened, and the line after it."""
    kept: list[str] = []
    many = reader != "laravel" or quote == '"'
    while True:
        end = _end(rest, quote, escapes=reader != "laravel" or quote == '"')
        if end >= 0:
            kept.append(rest[:end])
            break
        number += 1
        if not many or number >= len(lines):
            raise Odd("a quote that is not closed")
        kept.append(rest)
        rest = lines[number]
    if not AFTER.match(rest[end + 1 :]):
        raise Odd("something stands behind the closing quote")
    text = "\n".join(kept)
    if quote == '"':
        text = _unescaped(text, reader)
    return text, number + 1


def _end(text: str, quote: str, *, escapes: bool) -> int:
    """Where a quote is closed; -1: not here."""
    place = 0
    while place < len(text):
        if text[place] == quote:
            return place
        place += 2 if escapes and text[place] == "\\" else 1
    return -1


def _unescaped(text: str, reader: str) -> str:
    if reader == "node":
        return text.replace("\\n", "\n").replace("\\r", "\r")

    def plain(match: re.Match[str]) -> str:
        character = match.group(1)
        if character == "$":
            return KEPT + "$"
        if reader == "laravel" and character not in '"\\fnrtv':
            raise Odd("an unknown escape")
        return ESCAPED.get(character, character)

    return re.sub(r"\\(.)", plain, text.replace("\0", ""), flags=re.DOTALL)


def _filled(text: str, reader: str, values: dict[str, str]) -> str:
    """The text with the keys above it that it refers to."""
    if "$" not in text or reader == "node":
        return text
    left = [LONGEST]

    def filled(match: re.Match[str]) -> str:
        kept, name, sign, other, bare = match.groups()
        if kept or (reader == "laravel" and (sign or bare)):
            return match.group(0)
        value = values.get(name or bare)
        if sign and sign.endswith("+"):
            value = other if value is not None else ""
        elif sign and sign.endswith("-") and not value:
            value = other
        if value is None:
            return match.group(0)
        left[0] -= len(value)
        if left[0] < 0:
            raise Odd(TOO_LONG)
        return value

    return _REFERENCE.sub(filled, text)
