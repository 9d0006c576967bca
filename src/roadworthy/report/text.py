"""Text made harmless before it is told: servers choose what part of it says.

A banner may hold terminal escapes, a header may hold bytes that XML forbids, a page may turn the reading direction
round. Every report starts from a verdict whose strings went through here; escaping for a format comes after that.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.verdict.models import Verdict

T = TypeVar("T")

# Controls but tab and newline (terminal escapes, XML 1.0), bidirectional marks (CVE-2021-42574), separators that some
# readers take for a newline, lone surrogates and the two noncharacters that XML 1.0 forbids.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)

# What our own wording uses beyond ASCII, and how it reads without.
_ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "…": "..."})


def harmless(text: str) -> str:
    r"""The text with every control character written out: ESC becomes the four characters `\x1b`."""
    return _UNSAFE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def encodable(text: str, encoding: str) -> str:
    r"""The text as a stream of that encoding can carry it: our marks in ASCII, anything else as `\xe9`."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def clipped(text: str, limit: int) -> str:
    """At most `limit` characters and a word on how many there were."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()}… ({len(text)} characters in all)"


def scrubbed(verdict: Verdict, scrub: Callable[[str], str]) -> Verdict:
    """The verdict with `scrub` applied to every string in it, so that escaping for a format comes after."""
    return _mapped(verdict, scrub)


def tellable(verdict: Verdict) -> Verdict:
    """The verdict with every string made harmless."""
    return _mapped(verdict, harmless)


def _mapped(value: T, change: Callable[[str], str]) -> T:
    changed: object = value
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        changed = change(value)
    elif isinstance(value, tuple):
        changed = tuple(_mapped(part, change) for part in value)
    elif isinstance(value, BaseModel):
        fields = type(value).model_fields
        changed = value.model_copy(update={name: _mapped(getattr(value, name), change) for name in fields})
    return changed  # type: ignore[return-value]  # the same type as came in, by construction
