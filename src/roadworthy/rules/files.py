"""Judgements on files and trees of a host: what is there, whose it is, who may do what with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.files import Absent, Entry, FilesObservation, Sort, Walk
from roadworthy.facts.store import Unseen, seen
from roadworthy.target.blocks.files import mode_of
from roadworthy.target.values import show_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.target.blocks.files import FilePromise, Files, Tree

K = TypeVar("K")
V = TypeVar("V")
F = TypeVar("F", Entry, Walk)

SPECIAL_AND_ALL = 0o7777
OTHERS_WRITE = 0o002


def all_faults(judge: Callable[[K, V], Iterable[str]], given: Iterable[tuple[K, V]]) -> list[str]:
    """The faults of all that is promised, by name.

    Raises:
        NotObserved: there are none, and something could not be told.
    """
    faults: list[str] = []
    untold: list[NotObserved] = []
    for name, promised in given:
        try:
            faults.extend(judge(name, promised))
        except NotObserved as error:
            untold.append(error)
    if untold and not faults:
        raise untold[0]
    return faults


def _found(part: F | Absent | Unseen | None, path: str) -> F | Absent:
    """What is at a path, where that could be seen."""
    if isinstance(part, Unseen):
        raise part.error()
    if part is None:
        raise NotObserved(Reason.NO_ANSWER, f"{path} was not looked at")
    return part


# --- paths -----------------------------------------------------------------------------------------------------------


def not_there(observed: FilesObservation, promised: Files) -> list[str]:
    """Paths at which something else is than is promised.

    Raises:
        NotObserved: all that was seen is as promised, and not all was.
    """

    def judged(path: str, one: FilePromise) -> Iterable[str]:
        found = _found(observed.paths.get(path), path)
        if isinstance(found, Absent):
            if one.kind != "absent":
                yield f"{path} is not there" + (f": nothing is at {found.absent}" if found.absent != path else "")
        elif one.kind == "absent":
            yield f"{path} is there: a {found.kind} of {found.owner}"
        elif found.kind != one.kind:
            yield f"{path} is a {found.kind}, promised a {one.kind}"
        elif one.to is not None and found.to != one.to:
            yield f"{path} leads to {found.to}, promised {one.to}"

    return all_faults(judged, (promised.paths or {}).items())


def owned_by_others(observed: FilesObservation, promised: Files) -> list[str]:
    """Paths that are another user's or group's."""

    def judged(path: str, one: FilePromise, found: Entry) -> Iterable[str]:
        yield from (f"{path} {fault}" for fault in _whose(found, one.owner, one.group))

    return _of_entries(observed, promised, ("owner", "group"), judged)


def wrong_modes(observed: FilesObservation, promised: Files) -> list[str]:
    """Paths with another mode."""

    def judged(path: str, one: FilePromise, found: Entry) -> Iterable[str]:
        if broken := unmet(found.mode, one.mode or ()):
            yield f"{path} has mode {found.mode:03o}, promised {' and '.join(broken)}"

    return _of_entries(observed, promised, ("mode",), judged)


def other_contents(observed: FilesObservation, promised: Files) -> list[str]:
    """Files that hold something else."""

    def judged(path: str, one: FilePromise, found: Entry) -> Iterable[str]:
        if one.sha256 is not None and (digest := seen(found.sha256, f"the hash of {path}")) != one.sha256:
            yield f"{path} has the hash {digest[:12]}..., promised {one.sha256[:12]}..."
        if one.contains is not None:
            held = zip(one.contains, seen(found.contains, f"what is in {path}"), strict=True)
            if missing := [text for text, is_in in held if not is_in]:
                yield f"{path} lacks {', '.join(map(repr, missing))}"

    return _of_entries(observed, promised, ("sha256", "contains"), judged)


def _of_entries(
    observed: FilesObservation,
    promised: Files,
    keys: tuple[str, ...],
    judged: Callable[[str, FilePromise, Entry], Iterable[str]],
) -> list[str]:
    """Faults of what is there, where one of the keys is promised; that something is there is another promise.

    Raises:
        NotObserved: there are none, and one could not be told.
    """

    def of(path: str, one: FilePromise) -> Iterable[str]:
        found = _found(observed.paths.get(path), path)
        if isinstance(found, Absent):
            raise NotObserved(Reason.NOT_APPLICABLE, f"{path} is not there")
        return judged(path, one, found)

    given = ((path, one) for path, one in (promised.paths or {}).items() if promises(one, keys))
    return all_faults(of, given)


def promises(one: FilePromise | Tree, keys: tuple[str, ...]) -> bool:
    """Whether one of the keys is promised."""
    return any(getattr(one, key) is not None for key in keys)


def _whose(found: Entry | Sort, owners: tuple[str, ...] | None, groups: tuple[str, ...] | None) -> Iterable[str]:
    if owners is not None and found.owner not in owners:
        yield f"is owned by {found.owner}, promised {' or '.join(owners)}"
    if groups is not None and found.group not in groups:
        yield f"is of the group {found.group}, promised {' or '.join(groups)}"


def unmet(mode: int, promised: Iterable[str]) -> list[str]:
    """The modes that a mode is not."""
    return [text for text in promised if not _is_met(mode, *mode_of(text))]


def _is_met(mode: int, sign: str, bits: int) -> bool:
    if sign == "<=":
        return mode & ~bits & SPECIAL_AND_ALL == 0
    return mode & bits == bits if sign == ">=" else mode == bits


# --- trees -----------------------------------------------------------------------------------------------------------


def no_trees(observed: FilesObservation, promised: Files) -> list[str]:
    """Trees that are not there.

    Raises:
        NotObserved: the others are, and one could not be told.
    """

    def judged(path: str, _: Tree) -> Iterable[str]:
        found = _found(observed.trees.get(path), path)
        if isinstance(found, Absent):
            yield f"{path} is not there" + (f": nothing is at {found.absent}" if found.absent != path else "")

    return all_faults(judged, (promised.trees or {}).items())


def trees_of_others(observed: FilesObservation, promised: Files) -> list[str]:
    """What of trees is another user's or group's.

    Raises:
        NotObserved: nothing is, and not all was seen.
    """

    def judged(one: Tree, sort: Sort) -> str:
        return " and ".join(_whose(sort, one.owner, one.group))

    return _of_trees(observed, promised, ("owner", "group"), judged)


def tree_modes(observed: FilesObservation, promised: Files) -> list[str]:
    """What of trees has another mode.

    Raises:
        NotObserved: nothing has, and not all was seen.
    """

    def judged(one: Tree, sort: Sort) -> str:
        wanted = {"folder": one.folders, "file": one.files}.get(sort.kind) or ()
        told = (
            [f"has mode {sort.mode:03o}, promised {' and '.join(broken)}"]
            if (broken := unmet(sort.mode, wanted))
            else []
        )
        if one.nobody_else_writes and sort.kind != "link" and sort.mode & OTHERS_WRITE:
            told.append(f"can be written by all the world (mode {sort.mode:03o})")
        return " and ".join(told)

    return _of_trees(observed, promised, ("folders", "files", "nobody_else_writes"), judged)


def _of_trees(
    observed: FilesObservation, promised: Files, keys: tuple[str, ...], judged: Callable[[Tree, Sort], str]
) -> list[str]:
    def of(path: str, one: Tree) -> list[str]:
        walk = _found(observed.trees.get(path), path)
        if isinstance(walk, Absent):
            raise NotObserved(Reason.NOT_APPLICABLE, f"{path} is not there")
        faults = [_told(path, walk, sort, fault) for sort in walk.sorts if (fault := judged(one, sort))]
        if not faults:
            _all_was_seen(path, walk, promised)
        return faults

    given = ((path, one) for path, one in (promised.trees or {}).items() if promises(one, keys))
    return all_faults(of, given)


def _told(path: str, walk: Walk, sort: Sort, fault: str) -> str:
    """What is wrong, of how much, and the first of it."""
    shown = [path if example == "." else f"{path}/{example}" for example in sort.examples]
    more = f" and {sort.count - len(shown)} more" if sort.count > len(shown) else ""
    least = "" if walk.complete and not walk.denied else " so far"
    return f"{', '.join(shown)}{more} {fault} ({sort.count} of {walk.walked} seen{least})"


def _all_was_seen(path: str, walk: Walk, promised: Files) -> None:
    if walk.denied:
        first = f"{path}/{walk.first_denied}"
        raise NotObserved(Reason.NOT_PERMITTED, f"{walk.denied} places in {path} can't be looked into, such as {first}")
    if not walk.complete:
        bound = f"{promised.walk_entries} entries or {show_duration(promised.walk_within)}"
        raise NotObserved(
            Reason.DEADLINE,
            f"{path} is larger than is walked ({bound}): the first {walk.walked} entries are as promised; leave out "
            "what need not be seen (`except`), or raise walk_entries",
        )
    if walk.unsorted:
        raise NotObserved(
            Reason.NOT_APPLICABLE, f"{path} has so many owners and modes that {walk.unsorted} were not kept"
        )
