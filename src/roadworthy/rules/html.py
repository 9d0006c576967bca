"""The tags of an HTML document, as browsers find them (HTML Standard, section Tokenization).

A server writes the text, so reading takes time in proportion to its length, whatever it is: nothing is searched twice.
(The parser of the standard library takes minutes for some kilobytes of `<a/<a/<a/`.) What is inert for a browser that
runs scripts is left out: comments, texts, `<noscript>` and `<template>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = " \t\n\f\r"
_NAME = re.compile(r"[A-Za-z][^ \t\n\f\r/>]*+")
_ATTRIBUTE = re.compile(
    r"""[ \t\n\f\r/]*+(?:(>)|(=?[^ \t\n\f\r/>=]*+)(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+
    (?:"([^"]*+)"|'([^']*+)'|(?!["'])([^ \t\n\f\r>]*+)))?+)""",
    re.VERBOSE,
)
_UNCLOSED = re.compile(r"""[ \t\n\f\r]*+=[ \t\n\f\r]*+["']""")
_COMMENT_END = re.compile(r"--!?>")

_TEXT = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript"})
"""Elements whose content is text until their end tag."""
_END_OF = {name: re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE) for name in _TEXT}
_HEAD = frozenset({"html", "head", "base", "link", "meta", "script", "style", "title", "noframes", "noscript"})
"""What may stand in a document's head; anything else begins its body."""
_ENDS_HEAD = frozenset({"body", "html", "br"})


@dataclass(frozen=True)
class Tag:
    """A start tag, its names in lower case; of an attribute given twice the first counts."""

    name: str
    attributes: dict[str, str]
    in_head: bool


@dataclass(frozen=True)
class _Token:
    """A tag as it stands in the text."""

    name: str
    attributes: dict[str, str]
    closes: bool
    before: bool
    """Text stands before it."""


def tags_of(text: str) -> Iterator[Tag]:
    """The start tags of a document, in order, without those in templates."""
    in_head, templates = True, 0
    for token in _tokens(text.removeprefix("\ufeff")):
        in_head = in_head and not token.before and token.name not in (_ENDS_HEAD if token.closes else ())
        if token.name == "template":
            templates = max(0, templates + (-1 if token.closes else 1))
        elif not token.closes and not templates:
            in_head = in_head and token.name in _HEAD
            yield Tag(token.name, token.attributes, in_head)


def _tokens(text: str) -> Iterator[_Token]:
    position, since = 0, 0
    before = False
    while (start := text.find("<", position)) >= 0:
        before = before or bool(text[since:start].strip(_SPACE))
        name = _NAME.match(text, start + 2 if text.startswith("</", start) else start + 1)
        if name is not None:
            end, attributes = _attributes(text, name.end())
            if end is None:
                return
            closes = text[start + 1] == "/"
            token = _Token(name[0].lower(), attributes, closes, before)
            yield token
            position = _after_text(token, text, end)
            if position < 0 or (token.name == "plaintext" and not closes):
                return
            since, before = position, False
        elif text.startswith(("<!", "<?", "</"), start):
            position = since = _after_comment(text, start)
            if position <= start:
                return
        else:
            before, position, since = True, start + 1, start + 1


def _attributes(text: str, position: int) -> tuple[int | None, dict[str, str]]:
    """Where a tag ends (None: nowhere), and its attributes."""
    found: dict[str, str] = {}
    while (match := _ATTRIBUTE.match(text, position)) is not None:
        closing, name, *values = match.groups()
        if closing:
            return match.end(), found
        given = next((value for value in values if value is not None), None)
        if match.end() in (position, len(text)) or (given is None and _UNCLOSED.match(text, match.end())):
            return None, found
        found.setdefault(name.lower(), unescape(given or ""))
        position = match.end()
    return None, found


def _after_text(token: _Token, text: str, end: int) -> int:
    """Where reading goes on behind a start tag; -1: its text never ends."""
    if token.closes or token.name not in _TEXT:
        return end
    match = _END_OF[token.name].search(text, end)
    return match.start() if match else -1


def _after_comment(text: str, start: int) -> int:
    """Where reading goes on behind a comment, or what browsers take for one; 0: it never ends."""
    if not text.startswith("<!--", start):
        return text.find(">", start) + 1
    if text.startswith((">", "->"), start + 4):
        return text.index(">", start) + 1
    match = _COMMENT_END.search(text, start + 4)
    return match.end() if match else 0
