"""Values by reference: `${env:NAME}`, `${env:NAME:-default}`, `${file:/run/secrets/name}`, in for_each `${each:key}`.

A reference may be a part of a text; `$${` stands for a plain `${`. What comes by `env` or `file` is taken for a secret
and is kept out of every report, except where the target's field is public (a version). A default is no secret: it
stands in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_FILE_BYTES = 65_536
MIN_SECRET_LENGTH = 4
MAX_FILLED = 10_000

_TOKEN = re.compile(r"\$\$\{|\$\{(?P<body>[^{}]*)\}|\$\{")
_EACH = re.compile(r"\$\$\{|\$\{each:(?P<key>[^{}]+)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ALLOWED = (
    "allowed: ${env:NAME}, ${env:NAME:-default}, ${file:/path}, ${each:key} (in for_each), and $${ for a plain ${"
)


class Unresolvable(ValueError):  # noqa: N818 - reads as what it says
    """A reference that stands for nothing; `args` are the reasons, one for each reference of the text."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A text with its references replaced, and the values that came from outside, each with its reference."""

    text: str
    secrets: tuple[tuple[str, str], ...] = ()


def has_references(text: str) -> bool:
    """Whether a text holds a reference or an escaped one."""
    return "${" in text


def resolve(text: str, folder: Path, environ: Mapping[str, str]) -> Resolved:
    """Replaces `env` and `file` references and unescapes `$${`. Relative files are looked for below `folder`.

    Raises:
        Unresolvable: with a reason for each reference that stands for nothing.
    """
    secrets: list[tuple[str, str]] = []
    reasons: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        try:
            value, is_secret = _value(match, folder, environ)
        except ValueError as error:
            reasons.append(str(error))
            return match[0]
        if is_secret:
            secrets.append((value, match[0]))
        return value

    done = _TOKEN.sub(replaced, text)
    if reasons:
        raise Unresolvable(*reasons)
    return Resolved(done, tuple(secrets))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replaces `${each:key}`; all else is left for `resolve`, so that `${env:TOKEN_${each:name}}` works too.

    Raises:
        Unresolvable: a key that the item does not have, or a text without measure.
    """
    unknown = [key for key in _EACH.findall(text) if key and key not in values]
    if unknown:
        has = ", ".join(values)
        raise Unresolvable(*(f"${{each:{key}}}: the item has no key {key!r}; it has: {has}" for key in unknown))
    if sum(len(values[key]) for key in _EACH.findall(text) if key) > MAX_FILLED:
        raise Unresolvable(f"becomes longer than {MAX_FILLED:,} characters")
    return _EACH.sub(lambda match: values[match["key"]] if match["key"] else match[0], text)


def needed(text: str) -> frozenset[str]:
    """The environment variables that a text can't be resolved without: those that it gives no default for."""
    bodies = (match["body"] or "" for match in _TOKEN.finditer(text))
    return frozenset(
        name
        for scheme, _, name in (body.partition(":") for body in bodies)
        if scheme == "env" and _NAME.fullmatch(name)
    )


def each_key(text: str) -> str | None:
    """The key, where a text is nothing but `${each:key}`."""
    match = _EACH.fullmatch(text)
    return match["key"] if match else None


def _value(match: re.Match[str], folder: Path, environ: Mapping[str, str]) -> tuple[str, bool]:
    """What a reference stands for, and whether that came from outside the target file."""
    body, reference = match["body"], match[0]
    if body is None:
        raise ValueError(f"'${{' is not closed by '}}'; {_ALLOWED}")
    scheme, _, rest = body.partition(":")
    if scheme == "each" and rest:
        raise ValueError(f"{reference} is known inside for_each only")
    if scheme == "file" and rest:
        return _content(folder / rest, reference), True
    name, has_default, default = rest.partition(":-")
    if scheme != "env" or not _NAME.fullmatch(name):
        raise ValueError(f"{reference} is no known reference; {_ALLOWED}")
    value = environ.get(name)
    if value:
        return value, True
    if has_default:
        return default, False
    state = "not set" if value is None else "empty"
    raise ValueError(
        f"{reference}: the environment variable {name} is {state}; set it, or write ${{env:{name}:-default}}"
    )


def _content(path: Path, reference: str) -> str:
    try:
        if not path.is_file():
            raise ValueError(f"{reference}: " + ("is no regular file" if path.exists() else "there is no such file"))
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{reference}: can't be read: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{reference}: is larger than {MAX_FILE_BYTES:,} bytes")
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{reference}: is not text in UTF-8") from None
    if not text:
        raise ValueError(f"{reference}: is empty")
    return text
