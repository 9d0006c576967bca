"""The field types of a target file: durations, sizes, secrets by reference, what may be printed.

A value is written as people write it (`500ms`, `20MB`) and held as a plain number (seconds, bytes), so that arithmetic
needs no unwrapping; the field's name carries the unit where it could be doubted.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer


class Frozen(BaseModel):
    """A value of a target file: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_DURATIONS = re.compile(rf"(?:{_DURATION.pattern})+", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?(B|kB|KB|MB|GB|KiB|MiB|GiB)", re.ASCII)
LONGEST_S, LARGEST = 100 * 366 * 86400.0, 10.0**18
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}


def parse_duration(text: Any) -> Any:
    """Seconds in a duration such as `500ms`, `2s`, `1m30s`; other types are left to the model to refuse.

    Raises:
        ValueError: the text is no duration, or has no unit.
    """
    if not isinstance(text, str):
        if isinstance(text, int | float) and not isinstance(text, bool):
            raise ValueError(f"a duration needs a unit: write {text}s or {text}ms")
        return text
    if not _DURATIONS.fullmatch(text):
        raise ValueError("a duration is written as 500ms, 2s, 5m, 1h30m or 7d")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))
    if seconds > LONGEST_S:
        raise ValueError("a duration is at most 100 years")
    return seconds


def show_duration(seconds: float) -> str:
    """The shortest usual way to write a duration: 0.5 -> `500ms`, 90 -> `1m30s`."""
    if seconds and seconds < 1:
        return f"{seconds * 1000:g}ms"
    parts = []
    rest = seconds
    for unit in ("d", "h", "m"):
        whole, rest = divmod(rest, _SECONDS[unit])
        if whole:
            parts.append(f"{whole:g}{unit}")
    if rest or not parts:
        parts.append(f"{rest:g}s")
    return "".join(parts)


def parse_size(text: Any) -> Any:
    """Bytes in a size such as `20MB` (decimal) or `20MiB` (binary).

    Raises:
        ValueError: the text is no size, or has no unit.
    """
    if not isinstance(text, str):
        if isinstance(text, int | float) and not isinstance(text, bool):
            raise ValueError(f"a size needs a unit: write {text}B or {text}MB")
        return text
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError("a size is written as 512B, 20MB or 20MiB")
    size = float(match[1]) * _BYTES[match[2]]
    if size > LARGEST:
        raise ValueError("a size is at most 1000000000GB")
    return int(size)


def show_size(size: int) -> str:
    """The shortest exact way to write a size: 20000000 -> `20MB`, 1048576 -> `1MiB`."""
    for unit in ("GB", "GiB", "MB", "MiB", "kB", "KiB"):
        if size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    PlainSerializer(show_duration, return_type=str),
    Field(gt=0),
]
"""Seconds; written as `500ms`, `2s`, `5m`."""

Size = Annotated[
    int,
    BeforeValidator(parse_size, json_schema_input_type=str),
    PlainSerializer(show_size, return_type=str),
    Field(gt=0),
]
"""Bytes; written as `512B`, `20MB`, `20MiB`."""


def check_json_query(text: str) -> str:
    """The text, if it is an RFC 9535 query.

    Raises:
        ValueError: it is none.
    """
    import jsonpath_rfc9535  # noqa: PLC0415 - costs time to import, and few targets ask queries

    try:
        jsonpath_rfc9535.compile(text)
    except jsonpath_rfc9535.JSONPathError as error:
        raise ValueError(f"no RFC 9535 query: {error}") from error
    return text


_ALLOWED = r'(?:\*|self|"https?://[^"\s\\]+")'
_ALLOW_LIST = re.compile(rf"\*|self|\( *(?:{_ALLOWED}(?: +{_ALLOWED})*)? *\)")


def check_allow_list(text: str) -> str:
    """The text, if it is an allow-list of Permissions-Policy.

    Raises:
        ValueError: it is none.
    """
    if not _ALLOW_LIST.fullmatch(text):
        raise ValueError('an allow-list is written as (), (self), * or (self "https://maps.example")')
    return text


Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=64)]
"""Of a target, a component, a vantage point."""

JsonQuery = Annotated[str, AfterValidator(check_json_query)]
"""An RFC 9535 query; `$.checks[*].status`."""

JsonPlace = Annotated[str, AfterValidator(lambda text: check_json_query(text) if text.startswith("$") else text)]
"""A member's name, or an RFC 9535 query, which starts with `$`."""

AllowList = Annotated[str, AfterValidator(check_allow_list)]
"""Whom Permissions-Policy allows a feature."""

BY_REFERENCE = "by reference alone"
"""Marks a field whose value must not stand in a file (a password)."""

PUBLIC = "may be printed"
"""Marks a field whose value may be printed although it came by reference (a version, a host name)."""
