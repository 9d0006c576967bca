"""What the files of a release's migrations are called by the tool that applies them. Files are read, and never run.

read_files(tool, {path: text})   Release(names, parents, replaces), or Unreadable
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

Files = Mapping[str, str]
"""Paths below the folder, with `/`, and what is in them."""

NESTED = ("django", "flyway", "liquibase")
"""Tools that look into folders below theirs."""

WITH_TEXT = ("alembic", "django", "liquibase")
"""Tools whose files must be read to know what they are called."""

_ENDINGS = {
    "laravel": (".php",),
    "alembic": (".py",),
    "flyway": (".sql", ".java", ".class", ".kt"),
    "liquibase": (".sql", ".xml", ".yaml", ".yml", ".json"),
    "django": (".py",),
    "knex": (".js", ".ts", ".mjs", ".cjs", ".mts", ".cts"),
    "rails": (".rb",),
}
_FLYWAY = re.compile(r"(?:V([0-9]+(?:[._][0-9]+)*)|R)__(.+)")
_RAILS = re.compile(r"([0-9]+)_\w+", re.ASCII)
_FORMATTED = re.compile(
    r"^[ \t]*--[ \t]*changeset[ \t]+(?:\"([^\"\n]+)\"|([^\s:\"]+)):(?:\"([^\"\n]+)\"|(\S+))",
    re.IGNORECASE | re.MULTILINE,
)
_XML = re.compile(r"<(?:\w+:)?changeSet\s([^<>]{0,2000})>")
_ATTRIBUTE = re.compile(r"\b(id|author)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


class UnreadableError(ValueError):
    """A file does not tell what it is called."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


@dataclass(frozen=True)
class Release:
    """The migrations of a release, in the tool's order."""

    names: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Alembic: what each revision comes after."""
    replaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Django: what a squashed migration stands for."""


def is_of(tool: str, path: str) -> bool:
    """Whether a file may be a migration, by its name."""
    return path.endswith(_ENDINGS.get(tool, ())) and not path.endswith(".d.ts")


def read_files(tool: str, files: Files) -> Release:
    """The migrations that are in these files.

    Raises:
        UnreadableError: a file does not tell what it is called, or two are called the same.
    """
    chosen = {path: files[path] for path in sorted(files) if is_of(tool, path)}
    match tool:
        case "alembic":
            return _alembic(chosen)
        case "django":
            return _django(chosen)
        case "liquibase":
            named = [(name, path) for path, text in chosen.items() for name in changesets(path, text)]
        case _:
            named = [(name, path) for path in chosen if (name := _named(tool, PurePosixPath(path))) is not None]
    if tool in ("flyway", "rails"):
        named.sort(key=lambda pair: in_order(pair[0]))
    return Release(_once(named))


def _once(named: list[tuple[str, str]]) -> tuple[str, ...]:
    met: dict[str, str] = {}
    for name, path in named:
        if name in met:
            raise UnreadableError(path, f"is called {name}, as is {met[name]}")
        met[name] = path
    return tuple(met)


def _named(tool: str, path: PurePosixPath) -> str | None:
    """What a file's own name makes of it; None: it is no migration."""
    stem = path.name.partition(".")[0] if tool in ("laravel", "knex") else path.stem
    match tool:
        case "laravel":
            return stem if "_" in stem else None  # its migrator looks for *_*.php
        case "flyway":
            return flyway_name(path.name)
        case "rails":
            return found[1] if (found := _RAILS.fullmatch(stem)) else None
    return stem


def flyway_name(script: str) -> str | None:
    """V2, V2.1, or R__description of a script; None: it is none that is applied."""
    name = PurePosixPath(script).name
    found = _FLYWAY.fullmatch(name.rpartition(".")[0] or name)
    if found is None:
        return None
    return f"V{flyway_version(found[1])}" if found[1] else f"R__{found[2]}"


def flyway_version(text: str) -> str:
    """A version as Flyway compares it: 01_2_0 is 1.2."""
    parts = [part.lstrip("0") or "0" for part in re.split(r"[._]", text)]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts)


def in_order(name: str) -> tuple[bool, tuple[tuple[int, str], ...], str]:
    """What versions are sorted by: numbers as numbers, what has none last, by name."""
    numbers = re.findall(r"[0-9]+", name.partition("__")[0])
    return not numbers, tuple((len(one.lstrip("0")), one.lstrip("0")) for one in numbers), name


# --- Alembic ---------------------------------------------------------------------------------------------------------


def _alembic(files: Files) -> Release:
    parents: dict[str, tuple[str, ...]] = {}
    for path, text in files.items():
        found = revision(path, text)
        if found is None:
            continue
        if found[0] in parents:
            raise UnreadableError(path, f"has the revision {found[0]}, as another file has")
        parents[found[0]] = found[1]
    for name, before in parents.items():
        if missing := [one for one in before if one not in parents]:
            raise UnreadableError(name, f"comes after {missing[0]}, which is in no file")
    return Release(after_their_parents(parents), parents=parents)


def revision(path: str, text: str) -> tuple[str, tuple[str, ...]] | None:
    """The revision of a file, and those that it comes after; None: it is no migration.

    Raises:
        UnreadableError: it can't be told without running it.
    """
    told = {name: value for name, value in _assigned(_parsed(path, text).body) if name in ("revision", "down_revision")}
    if "revision" not in told:
        return None
    name, before = _literal(path, told["revision"]), _literal(path, told.get("down_revision"))
    if not isinstance(name, str) or not name:
        raise UnreadableError(path, "its revision is no text")
    above = before if isinstance(before, tuple | list) else () if before is None else (before,)
    if not all(isinstance(one, str) for one in above):
        raise UnreadableError(path, "its down_revision is neither text, None nor a tuple of texts")
    return name, tuple(above)


def after_their_parents(parents: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Revisions in an order in which they can be applied.

    Raises:
        UnreadableError: they come after each other in a circle.
    """
    ordered: dict[str, None] = {}
    waiting = dict(parents)
    while waiting:
        ready = [name for name, before in waiting.items() if all(one in ordered for one in before)]
        if not ready:
            raise UnreadableError(min(waiting), "comes after itself, in a circle")
        for name in sorted(ready):
            ordered[name] = None
            del waiting[name]
    return tuple(ordered)


# --- Django ----------------------------------------------------------------------------------------------------------


def _django(files: Files) -> Release:
    names: list[tuple[str, str]] = []
    replaces: dict[str, tuple[str, ...]] = {}
    for path, text in files.items():
        parts = PurePosixPath(path).parts
        if len(parts) < 3 or parts[-2] != "migrations" or parts[-1][0] in "_~":  # noqa: PLR2004 - app/migrations/name
            continue
        name = f"{parts[-3]}.{parts[-1].removesuffix('.py')}"
        names.append((name, path))
        if before := squashed(path, text):
            replaces[name] = before
    return Release(_once(names), replaces=replaces)


def squashed(path: str, text: str) -> tuple[str, ...]:
    """The migrations that a squashed one stands for.

    Raises:
        UnreadableError: it can't be told without running it.
    """
    for node in _parsed(path, text).body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            for name, value in _assigned(node.body):
                if name == "replaces":
                    return _pairs(path, _literal(path, value))
    return ()


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple | list) and [type(part) for part in value] == [str, str]


def _pairs(path: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise UnreadableError(path, "its replaces is no list")
    pairs = [one for one in value if _is_pair(one)]
    if len(pairs) < len(value):
        raise UnreadableError(path, "its replaces is no list of apps and names")
    return tuple(f"{app}.{name}" for app, name in pairs)


# --- Python without running it ---------------------------------------------------------------------------------------


def _parsed(path: str, text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in somebody else's file
            return ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError(path, f"is no Python ({type(error).__name__})") from error


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Names of one statement each, and what they are given."""
    for node in body:
        if isinstance(node, ast.Assign):
            yield from ((place.id, node.value) for place in node.targets if isinstance(place, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _literal(path: str, value: ast.expr | None) -> Any:
    if value is None:
        return None
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise UnreadableError(path, "what it is called is computed, and it is not run") from error


# --- Liquibase -------------------------------------------------------------------------------------------------------


def changesets(path: str, text: str) -> tuple[str, ...]:
    """author:id of the changesets in a file; of XML those that are written out.

    Raises:
        UnreadableError: it is broken.
    """
    if path.endswith(".sql"):
        found = _FORMATTED.finditer(text)
        return tuple(f"{one[1] or one[2]}:{one[3] or one[4]}" for one in found)
    if path.endswith(".xml"):
        return tuple(_of_attributes(path, one[1]) for one in _XML.finditer(_without_comments(text)))
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(path, "is neither YAML nor JSON") from error
    return tuple(_in_tree(path, tree))


def _without_comments(text: str) -> str:
    """XML without its comments; one that does not end goes on to the end."""
    kept, *rest = text.split("<!--")
    return kept + "".join(part.partition("-->")[2] for part in rest)


def _of_attributes(path: str, text: str) -> str:
    told = {one[1]: one[2] or one[3] or "" for one in _ATTRIBUTE.finditer(text)}
    if not told.get("id") or not told.get("author"):
        raise UnreadableError(path, "a changeSet has no id or no author")
    return f"{told['author']}:{told['id']}"


def _in_tree(path: str, tree: object) -> Iterator[str]:
    entries = tree.get("databaseChangeLog") if isinstance(tree, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        made = entry.get("changeSet") if isinstance(entry, dict) else None
        if isinstance(made, dict):
            if made.get("id") is None or made.get("author") is None:
                raise UnreadableError(path, "a changeSet has no id or no author")
            yield f"{made['author']}:{made['id']}"
