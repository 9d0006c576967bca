"""Judgements that need look-ups on their way, without making any: coroutines that yield questions and are sent answers.

The probe drives them with DNS and keeps what it learns; the rules drive the same ones with what was kept. So what a
rule will want to know is known, whatever the records of a domain lead to.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from roadworthy.facts.mail import Lookup, LookupKind

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Question(NamedTuple):
    """What must be known to go on."""

    name: str
    kind: LookupKind


Steps = Generator[Question, Lookup, T]

LONGEST_NAME = 253
_LABEL = re.compile(r"[ -~]{1,63}")


def run(steps: Steps[T], answer: Callable[[str, LookupKind], Lookup]) -> T:
    """What the steps come to, given what is known."""
    try:
        question = next(steps)
        while True:
            question = steps.send(answer(*question))
    except StopIteration as end:
        value: T = end.value
        return value


def is_name(text: str, *, several: bool = True) -> bool:
    """Whether a text can be a domain's name: labels of 1 to 63 characters, and where it matters, two of them."""
    name = text.removesuffix(".")
    labels = name.split(".")
    fits = len(name) <= LONGEST_NAME and all(_LABEL.fullmatch(label) for label in labels)
    return fits and (not several or (len(labels) > 1 and not text.startswith("[")))


def is_below(name: str, domain: str) -> bool:
    """Whether a name is a domain or stands below it."""
    name, domain = name.lower().rstrip("."), domain.lower().rstrip(".")
    return name == domain or name.endswith("." + domain)
