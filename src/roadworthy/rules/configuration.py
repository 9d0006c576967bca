"""Judgements on configuration files: values by meaning, and what is still to be filled in."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.files import Absent
from roadworthy.facts.store import Unseen, seen
from roadworthy.rules.files import unmet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roadworthy.facts.built import OutputSeen
    from roadworthy.facts.env import EnvText, KeySeen
    from roadworthy.facts.files import Entry
    from roadworthy.facts.keys import PublicKey
    from roadworthy.target.blocks.env import Reader, Value

TRUE = frozenset({"true", "(true)", "1", "on", "yes"})
FALSE = frozenset({"false", "(false)", "0", "off", "no"})
TRUE_IN_PHP = frozenset({"off", "no"})
"""Laravel's env() leaves them as text, and PHP takes every text for true but an empty one and "0"."""

ALL_THE_WORLD, STICKY = 0o002, 0o1000


def unreadable(path: str, entry: Entry | Absent | Unseen, held: EnvText | PublicKey | Unseen | None) -> str:
    """Why a file is not what it should be; empty: it is.

    Raises:
        NotObserved: that can't be told.
    """
    if isinstance(entry, Unseen):
        raise entry.error()
    if isinstance(entry, Absent):
        return f"{path} is not there" + (f": nothing is at {entry.absent}" if entry.absent != path else "")
    if isinstance(held, Unseen) or held is None:
        raise NotObserved(Reason.NO_ANSWER, f"{path} was not looked at") if held is None else held.error()
    problem = held.problem
    return f"{path}: {problem}" if problem else ""


def is_meant(promised: Value, value: str, reader: Reader) -> bool:
    """Whether a value means what is promised."""
    if isinstance(promised, bool):
        word = value.strip().lower()
        return word in TRUE if promised else word in (FALSE - TRUE_IN_PHP if reader == "laravel" else FALSE)
    if isinstance(promised, int | float):
        try:
            return Decimal(value.strip()) == Decimal(str(promised))
        except InvalidOperation:
            return False
    return value == promised


def _written(promised: Value) -> str:
    return str(promised).lower() if isinstance(promised, bool) else str(promised) or "nothing"


def _shown(key: KeySeen) -> str:
    if key.value is None:
        return f"something that is not shown ({key.length} characters)"
    return key.value or "empty"


def other_values(promised: Mapping[str, Value], text: EnvText, reader: Reader) -> Iterator[str]:
    """Keys that have other values than promised."""
    for key, value in promised.items():
        found = text.keys.get(key)
        if found is None:
            yield f"{key} is missing, promised {_written(value)}"
        elif found.value is None or not is_meant(value, found.value, reader):
            yield f"{key} is {_shown(found)}, promised {_written(value)}"


def refused_values(promised: Mapping[str, tuple[Value, ...]], text: EnvText, reader: Reader) -> Iterator[str]:
    """Keys that are set to what they must not be, or not set, so that somebody's default stands for them."""
    for key, values in promised.items():
        found = text.keys.get(key)
        if found is None or not found.length:
            yield f"{key} is not set"
        elif found.value is not None and any(_is_one(value, found.value, reader) for value in values):
            yield f"{key} is {found.value}"


def _is_one(refused: Value, value: str, reader: Reader) -> bool:
    """Whether a value means what it must not, however it is written."""
    return is_meant(refused, value, reader) or value.strip().lower() == _written(refused).lower()


def not_set(promised: Iterable[str], text: EnvText) -> Iterator[str]:
    """Keys that are missing or empty."""
    for key in promised:
        found = text.keys.get(key)
        if found is None or not found.length:
            yield f"{key} is {'missing' if found is None else 'empty'}"


def exposed(promised: Iterable[str], entry: Entry, folder_mode: int | None, path: str) -> Iterator[str]:
    """What a file's mode and its folder's let others do that they should not."""
    if broken := unmet(entry.mode, promised):
        yield f"{path} has mode {entry.mode:03o}, promised {' and '.join(broken)}"
    if folder_mode is not None and folder_mode & ALL_THE_WORLD and not folder_mode & STICKY:
        yield f"the folder of {path} has mode {folder_mode:03o}: all the world can put another file there"


def not_built(caches: Iterable[tuple[str, OutputSeen]]) -> list[str]:
    """Caches that are not there.

    Raises:
        NotObserved: all that were seen are, and one could not be seen.
    """
    missing: list[str] = []
    unseen: list[Unseen] = []
    for name, output in caches:
        missing += [name] if output.built is None else []
        unseen += [output.built] if isinstance(output.built, Unseen) else []
    if unseen and not missing:
        raise unseen[0].error()
    return missing


def older(name: str, output: OutputSeen) -> str:
    """Why something that is built is out of date; empty: it is not.

    Raises:
        NotObserved: that can't be told.
    """
    if output.built is None:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{name} is not there")
    if output.newest is None:
        raise NotObserved(Reason.NOT_APPLICABLE, f"nothing that {name} is built from is there")
    built, newest = seen(output.built, name), seen(output.newest, name)
    if built.at >= newest.at:
        return ""
    return f"{name} is of {built.at:%d %b %H:%M:%S}, and {newest.path} was changed after it, {newest.at:%d %b %H:%M:%S}"


def older_than_any(name: str, output: OutputSeen) -> str:
    """The same, of something all of whose sources must be there.

    Raises:
        NotObserved: that can't be told, or one of them is not there.
    """
    fault = older(name, output)
    if output.missing and not fault:
        raise NotObserved(Reason.NOT_APPLICABLE, f"nothing is at {', '.join(output.missing)}")
    return fault
