"""Judgements on a tool's record of migrations: what it lacks, what it has too much, and what went wrong."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.target.migration_names import flyway_name, flyway_version, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.facts.migrations import Applied, History
    from roadworthy.target.blocks.migrations import Migrations

MOST_TOLD = 5
TELLS_FAILURES = ("laravel", "alembic", "flyway", "liquibase", "django", "knex")
"""Tools whose record can show that something went wrong."""

ONCE = ("laravel", "django", "knex", "liquibase")
"""Tools that keep one row for each migration, and whose table does not see to it by itself."""

_SCRIPT = re.compile(r"\.(?:d\.ts|[cm]?[jt]s|php|py|rb)$")
_MARKS = ("SCHEMA", "DELETE")
"""Flyway: rows that stand for no migration."""


def key_of(tool: str, name: str) -> str:
    """What a migration is told apart by, however it is written."""
    match tool:
        case "flyway":
            return _flyway_key(name)
        case "django":
            return name.replace("/", ".", 1) if "." not in name.partition("/")[0] else name
        case "rails":
            found = re.match(r"[0-9]+", name, re.ASCII)
            return found[0] if found else name
        case "laravel" | "knex" | "alembic":
            return _SCRIPT.sub("", PurePosixPath(name).name or name)
    return name


def _flyway_key(name: str) -> str:
    if found := flyway_name(name):
        return found
    bare = name[1:] if name[:1] in "Vv" else name
    return f"V{flyway_version(bare)}" if re.fullmatch(r"[0-9]+(?:[._][0-9]+)*", bare, re.ASCII) else name


def missing_table(history: History) -> str | None:
    """What to say where the tool's table is not there."""
    if history.exists:
        return None
    return f"there is no {history.table}: nothing was ever applied here, or it is another database or schema"


def pending(promised: Migrations, history: History) -> list[str]:
    """The release's migrations that are not applied, in its order; those that failed are told as such."""
    tool = str(promised.tool)
    done = _applied_keys(promised, _present(history).applied)
    done |= {key_of(tool, entry.name) for entry in _effective(tool, history.applied) if entry.failed}
    return [name for name in promised.names or () if key_of(tool, name) not in done]


def told_pending(promised: Migrations, history: History, names: list[str]) -> str:
    """How many are pending, which, and whether they come too late."""
    tool = str(promised.tool)
    told = f"{len(names)} of {len(promised.names or ())} migrations pending: {some(names)}"
    done = _applied_keys(promised, history.applied)
    known = [key_of(tool, name) in done for name in promised.names or ()]
    is_late = tool != "alembic" and any(later and not earlier for earlier, later in pairwise(known))
    return f"{told} (out of order: later ones are applied)" if is_late else told


def unknown(promised: Migrations, history: History) -> list[str]:
    """Applied migrations that the release does not have.

    Those from before its first one were taken together or deleted since; those of other apps are not its business.
    """
    tool = str(promised.tool)
    names = promised.names or ()
    known = {key_of(tool, name) for name in names}
    known |= {key_of(tool, name) for names in (promised.replaces or {}).values() for name in names}
    found = [
        entry.name
        for entry in _effective(tool, _present(history).applied)
        if not entry.failed
        and key_of(tool, entry.name) not in known
        and not any(fnmatchcase(entry.name, pattern) for pattern in promised.besides or ())
    ]
    return [name for name in dict.fromkeys(found) if _is_its_business(tool, key_of(tool, name), known)]


def _is_its_business(tool: str, key: str, known: set[str]) -> bool:
    if tool == "django":
        return key.partition(".")[0] in {one.partition(".")[0] for one in known}
    if tool in ("laravel", "knex", "rails", "flyway"):
        ordered = [one for one in known if not one.startswith("R__")]
        return key.startswith("R__") or not ordered or in_order(key) > min(map(in_order, ordered))
    return True


def wrongs(promised: Migrations, history: History) -> list[str]:
    """What is wrong with the record itself: failures, locks, entries that are there twice."""
    tool = str(promised.tool)
    entries = _effective(tool, _present(history).applied)
    failed = [entry.name for entry in entries if entry.failed]
    faults = [f"{len(failed)} failed half-way: {some(failed)}"] if failed else []
    if history.locked:
        faults.append(history.locked)
    twice = [name for name, count in Counter(entry.name for entry in entries).items() if count > 1]
    if twice and tool in ONCE:
        faults.append(f"recorded as applied twice, by two who migrated at once: {some(twice)}")
    if tool == "alembic" and len(entries) > 1 and not _is_promised(promised, entries):
        faults.append(f"{len(entries)} heads: {some([entry.name for entry in entries])}")
    if not faults and history.lock_unseen is not None:
        raise history.lock_unseen.error()
    return faults


def _is_promised(promised: Migrations, entries: Iterable[Applied]) -> bool:
    """Whether so many heads are meant: the release has as many ends, or they are promised."""
    found = {entry.name for entry in entries}
    if promised.version is not None:
        return found == set(promised.version)
    parents = promised.parents or {}
    above = {one for before in parents.values() for one in before}
    ends = {name for name in promised.names or () if name not in above} if parents else set()
    return len(found) <= len(ends)


def versions(promised: Migrations, history: History) -> list[str]:
    """At which version the database is; several of Alembic.

    Raises:
        NotObserved: several are there, and nothing says which one holds.
    """
    tool = str(promised.tool)
    entries = _effective(tool, _present(history).applied)
    names = [entry.name for entry in entries if not entry.failed or tool == "schema-version"]
    if tool == "alembic":
        return sorted(names)
    if tool == "flyway":
        numbered = [name for name in names if name.startswith("V")]
        return [max(numbered, key=in_order)] if numbered else []
    if len(set(names)) > 1 and promised.order_by is None:
        raise NotObserved(
            Reason.NOT_APPLICABLE, f"{history.table} has {len(names)} versions, and order_by does not say which holds"
        )
    return names[-1:]


def other_version(promised: Migrations, history: History) -> str | None:
    """How the version differs from the promised one."""
    tool = str(promised.tool)
    found = versions(promised, history)
    wanted = sorted(promised.version or ())
    if {key_of(tool, one) for one in found} == {key_of(tool, one) for one in wanted}:
        return None
    return f"at version {', '.join(found) or 'none'}, promised is {', '.join(wanted)}"


# --- what counts as applied ------------------------------------------------------------------------------------------


def _present(history: History) -> History:
    """The record, where there is one.

    Raises:
        NotObserved: there is no table; its own check says so.
    """
    if not history.exists:
        raise NotObserved(Reason.NOT_APPLICABLE, f"there is no {history.table}")
    return history


def _effective(tool: str, applied: Iterable[Applied]) -> list[Applied]:
    """The entries that hold: of Flyway the last one of each migration, unless it was undone or deleted."""
    if tool != "flyway":
        return list(applied)
    last: dict[str, Applied] = {}
    for entry in applied:
        if entry.state not in _MARKS:
            last[key_of(tool, entry.name)] = entry
        elif entry.state == "DELETE":
            last.pop(key_of(tool, entry.name), None)
    return [entry for entry in last.values() if not entry.state.startswith("UNDO")]


def _applied_keys(promised: Migrations, applied: Iterable[Applied]) -> set[str]:
    tool = str(promised.tool)
    entries = [entry for entry in _effective(tool, applied) if not entry.failed]
    keys = {key_of(tool, entry.name) for entry in entries}
    if tool == "alembic":
        return _with_ancestors(keys, promised)
    if tool == "flyway":
        bases = [in_order(key_of(tool, entry.name)) for entry in entries if "BASELINE" in entry.state]
        names = [key_of(tool, name) for name in promised.names or ()]
        keys |= {name for name in names if not name.startswith("R__") and any(in_order(name) <= base for base in bases)}
    for squash, before in (promised.replaces or {}).items():
        if before and all(key_of(tool, name) in keys for name in before):
            keys.add(key_of(tool, squash))
    return keys


def _with_ancestors(heads: set[str], promised: Migrations) -> set[str]:
    """The heads, and all that they come after."""
    names = promised.names or ()
    chain = {name: (before,) for before, name in pairwise(names)}
    parents: Mapping[str, tuple[str, ...]] = promised.parents or chain
    found: set[str] = set()
    todo = list(heads)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(parents.get(name, ()))
    return found


def some(names: list[str]) -> str:
    """The first few of them."""
    more = len(names) - MOST_TOLD
    return ", ".join(names[:MOST_TOLD]) + (f" and {more} more" if more > 0 else "")
