"""Whether the version that answers is one of those that are promised.

A promise is as exact as it is written: `16` is any 16.x, `8.0.35` that one, `> 16` is 17 and later, `<= 16` takes 16.9.
"""

from __future__ import annotations

import re
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

_PROMISE = re.compile(r"(>=|<=|<|>)? ?([0-9]+(?:\.[0-9]+)*)", re.ASCII)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_HOW: dict[str | None, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    None: eq,
    ">=": ge,
    "<=": le,
    "<": lt,
    ">": gt,
}
LONGEST = 100


def is_version(promised: str, seen: str) -> bool:
    """Whether a version is one that is promised; what follows its numbers (`-log`, `beta1`) is no part of it.

    Raises:
        NotObserved: what was seen is no version, or what was promised says none.
    """
    bound, version = _PROMISE.fullmatch(promised[:LONGEST].strip()), _NUMBERS.match(seen[:LONGEST].strip())
    if bound is None or version is None:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{seen[:LONGEST]!r} can't be compared with {promised[:LONGEST]!r}")
    wanted, numbers = _parts(bound[2]), _parts(version[0])
    exact = (*numbers, *([0] * len(wanted)))[: len(wanted)]
    return _HOW[bound[1]](exact, wanted)


def _parts(numbers: str) -> tuple[int, ...]:
    return tuple(int(part) for part in numbers.split("."))
