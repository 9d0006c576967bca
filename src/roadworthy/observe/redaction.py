"""Keeps secrets out of everything that is written: evidence, reports, the terminal.

Two nets, one below the other. What a target resolved from `${env:...}` or `${file:...}` is known exactly and is
replaced by the reference itself, in every spelling in which it may come back (quoted, escaped, base64). What a running
system hands out (cookies, tokens, keys) is known by its place or its shape. Records are redacted before they are
stored *and before they are judged*, so that a replay judges the same text.
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from roadworthy.facts.base import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REDACTED = "[redacted]"

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-csrf-token", "x-xsrf-token"}
)

_SHAPES = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), "[key]"),
    (re.compile(r"\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*"), REDACTED),  # JWT, RFC 7519
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REDACTED),  # AWS access key ids
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {REDACTED}"),  # RFC 9110 section 11.6.2
    (re.compile(r"(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)"), REDACTED),  # RFC 3986 section 3.2.1
    (
        re.compile(
            r"""(?ix) (["'] [^"']{0,40}? (?:passw(?:or)?d|secret|token|api_?key|private_?key) [^"']{0,40} ["']
            \s*:\s* ") (?:[^"\\]|\\.)+ (?=")"""
        ),
        rf"\1{REDACTED}",
    ),
)


def _spellings(secret: str) -> Iterator[str]:
    """The forms in which a value may come back."""
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield html.escape(secret)
    yield json.dumps(secret)[1:-1]
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield raw.hex()


class Scrubber:
    """Replaces secrets in text. Built from what the target resolved: value -> the reference that gave it."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._named = {spelling: name for secret, name in secrets.items() for spelling in _spellings(secret)}
        longest_first = sorted(self._named, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without any secret that is known by value or by shape."""
        if self._known:
            text = self._known.sub(lambda match: self._named[match[0]], text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text

    def tree(self, value: Any) -> Any:
        """The same for every string, keys included, of a JSON-like value."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(key): self.tree(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._header(item) if _is_header(item) else self.tree(item) for item in value]
        return value

    def _header(self, pair: list[str]) -> list[str]:
        name, value = pair
        if name.lower() in SECRET_HEADERS:
            return [name, REDACTED]
        if name.lower() == "set-cookie":  # the attributes are judged, the value is nobody's business (RFC 6265)
            cookie, *attributes = value.split(";")
            return [name, ";".join([f"{cookie.partition('=')[0]}={REDACTED}", *map(self, attributes)])]
        return [self(name), self(value)]

    def record(self, record: Record) -> Record:
        """The record without secrets."""
        held = record.model_dump(mode="json")
        scrubbed = self.tree(held)
        return record if scrubbed == held else Record.model_validate(scrubbed)


def _is_header(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(part, str) for part in item)  # noqa: PLR2004 - a name and a value
