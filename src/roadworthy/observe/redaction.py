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
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from roadworthy.facts.base import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")

REDACTED = "[redacted]"

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-csrf-token", "x-xsrf-token"}
)

_SHAPES = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), "[key]"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REDACTED),  # AWS access key ids
    (  # RFC 9110 section 11.6.2; words of prose have neither digits nor capitals inside
        re.compile(r"\b((?i:bearer|basic))\s+(?=[\w.~+/=-]*(?:\d|[a-z][A-Z]))[\w.~+/=-]{12,}"),
        rf"\1 {REDACTED}",
    ),
    (re.compile(r"(?<=://)[^/\s:@\"']*:[^/\s@\"']+(?=@)"), REDACTED),  # RFC 3986 section 3.2.1
    (  # a query's or an environment file's KEY=value
        re.compile(r"(?i)((?:passw(?:or)?d|secret|token|api_?key)[\w-]{0,64}=)[^\s&;,\"'#<>]{4,}"),
        rf"\1{REDACTED}",
    ),
)
"""Servers write the text: each search takes time in proportion to it, so no part without bounds may begin anywhere."""

_DOTTED = re.compile(r"[\w.-]{17,}")
_JWT_HEAD = re.compile(r"\beyJ[\w-]{5,}\Z")
_JWT_BODY = re.compile(r"eyJ[\w-]{5,}")

_MEMBER = re.compile(
    r"""(?ix) (["'] [^"']{0,40}? (?:passw(?:or)?d|secret|token|api_?key|private_?key) [^"']{0,40} ["'] \s*:\s* ")
    ((?:[^"\\]|\\.)+) (?=")"""
)
"""A JSON member whose name says that its value is a secret."""

_SHORT = 256
"""Characters up to which a text is likely to come again (names, phrases), and is remembered."""


def _spellings(secret: str) -> Iterator[str]:
    """The forms in which a value may come back."""
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield quote_plus(secret, safe="{}")  # as a form of ours is sent, whose `{invented}` must stay
    yield html.escape(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")  # as PHP writes JSON
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield raw.hex()


class Scrubber:
    """Replaces secrets in text.

    Args:
        secrets: what the target resolved: value -> the reference that gave it.
        promised: values that the target promises in plain words (`{"token_service": "ok"}`): to be judged, they stay.
    """

    def __init__(self, secrets: Mapping[str, str], promised: frozenset[str] = frozenset()) -> None:
        self._promised = promised - secrets.keys()
        self._named = {spelling: name for secret, name in secrets.items() for spelling in _spellings(secret)}
        longest_first = sorted(self._named, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._remembered = lru_cache(8192)(self._clean)

    def __call__(self, text: str) -> str:
        """The text without any secret that is known by value or by shape."""
        return self._remembered(text) if len(text) <= _SHORT else self._clean(text)

    def _clean(self, text: str) -> str:
        if self._known:
            text = self._known.sub(lambda match: self._named[match[0]], text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        if ".eyJ" in text:
            text = _DOTTED.sub(_without_tokens, text)
        return _MEMBER.sub(self._member, text)

    def _member(self, match: re.Match[str]) -> str:
        return match[0] if match[2] in self._promised else match[1] + REDACTED

    def sealed(self, value: T) -> T:
        """The same for every string of a model or a collection, its types kept and nothing validated anew."""
        return cast("T", self._sealed(value))

    def _sealed(self, value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, Enum):
            return self(value)
        if isinstance(value, BaseModel):
            return value.model_copy(update={name: self._sealed(held) for name, held in value})
        if isinstance(value, dict):
            return {self._sealed(key): self._sealed(item) for key, item in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(map(self._sealed, value))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{field.name: self._sealed(getattr(value, field.name)) for field in fields(value)})
        return value

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


def _without_tokens(match: re.Match[str]) -> str:
    """A dotted word without the JSON Web Tokens in it (RFC 7519): three parts, of which two are JSON in base64url."""
    told: list[str] = []
    parts = match[0].split(".")
    position = 0
    while position < len(parts):
        part, taken = parts[position], 1
        if position + 2 < len(parts) and _JWT_BODY.fullmatch(parts[position + 1]) and (head := _JWT_HEAD.search(part)):
            part, taken = part[: head.start()] + REDACTED, 3
        told.append(part)
        position += taken
    return ".".join(told)


def _is_header(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(part, str) for part in item)  # noqa: PLR2004 - a name and a value
