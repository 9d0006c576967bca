"""What is on a machine that keeps its promises of `files`: real files and folders."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.rules.files import unmet
from roadworthy.sandbox.machines.machine import File, Machine
from roadworthy.sandbox.pages import PromiseError
from roadworthy.target.blocks.files import mode_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roadworthy.target.blocks.files import FilePromise, Files, Tree
    from roadworthy.target.models import Component, Target

USUAL_FILE, USUAL_FOLDER = 0o644, 0o755
KEPT = "kept"
"""A folder in each tree, so that there is something in it."""


def furnish(promised: Files, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    files = (
        *(file for path, one in (promised.paths or {}).items() for file in _at(path, one)),
        *(file for path, tree in (promised.trees or {}).items() for file in _in(path, tree)),
    )
    return Machine(files=files, keeper=next((file.owner for file in files if file.owner != "root"), "root"))


def adopted(machine: Machine, promised: Files | None) -> Machine:
    """A machine on which all that is in a promised tree is as that one wants it, also what other blocks put there."""
    for top, tree in sorted((promised.trees or {}).items() if promised is not None else ()):
        found = [file for file in machine.files if is_below(file.path, top) and not _is_left_out(file.path, top, tree)]
        folders = {folder for file in found for folder in _folders(file.path, top)} - {file.path for file in found}
        made = (File(folder, owner=_owner(tree), group=_group(tree), mode=USUAL_FOLDER) for folder in sorted(folders))
        machine = machine.plus(Machine(files=tuple(_fitting(file, tree) for file in (*found, *made))))
    return machine


def _at(path: str, one: FilePromise) -> Iterator[File]:
    owner, group = (one.owner or ("root",))[0], (one.group or one.owner or ("root",))[0]
    if one.kind == "socket":
        raise PromiseError(f"files.paths.{path}: the sandbox makes no sockets of its own")
    if one.kind == "folder":
        yield File(path, owner=owner, group=group, mode=bits(one.mode, USUAL_FOLDER))
    elif one.kind == "link":
        yield File(path, link=one.to or "/dev/null", owner=owner, group=group)
    elif one.kind == "file":
        text = "".join(f"{line}\n" for line in one.contains or ())
        if one.sha256 is not None and hashlib.sha256(text.encode()).hexdigest() != one.sha256:
            raise PromiseError(f"files.paths.{path}.sha256: the sandbox knows no text that has this hash")
        yield File(path, text, owner=owner, group=group, mode=bits(one.mode, USUAL_FILE))


def _in(top: str, tree: Tree) -> Iterator[File]:
    for path, text in ((top, None), (f"{top}/{KEPT}", None), (f"{top}/{KEPT}/.gitignore", "*\n")):
        yield _fitting(File(path, text, owner=_owner(tree), group=_group(tree)), tree)


def bits(promised: Iterable[str] | None, usual: int) -> int:
    """A mode as promised, as near to the usual one as can be."""
    mode = usual
    for sign, wanted in map(mode_of, promised or ()):
        mode = mode & wanted if sign == "<=" else mode | wanted if sign == ">=" else wanted
    return mode


def _fitting(file: File, tree: Tree) -> File:
    """The same file, changed where the tree does not have it so."""
    modes, usual = (tree.folders, USUAL_FOLDER) if file.is_folder else (tree.files, USUAL_FILE)
    if file.is_folder and file.mode == File(file.path).mode:  # nobody said
        file = replace(file, mode=usual)
    mode = bits(modes, file.mode) if file.link is None and unmet(file.mode, modes or ()) else file.mode
    owner = file.owner if tree.owner is None or file.owner in tree.owner else _owner(tree)
    group = file.group if tree.group is None or file.group in tree.group else _group(tree)
    return replace(file, mode=mode & ~0o002 if tree.nobody_else_writes else mode, owner=owner, group=group)


def _owner(tree: Tree) -> str:
    return (tree.owner or ("root",))[0]


def _group(tree: Tree) -> str:
    return (tree.group or tree.owner or ("root",))[0]


def is_below(path: str, top: str) -> bool:
    """Whether a path is in a tree, or is its folder."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def _is_left_out(path: str, top: str, tree: Tree) -> bool:
    inside = path[len(top) :].strip("/").split("/")
    return any(name in tree.without or "/".join(inside[: at + 1]) in tree.without for at, name in enumerate(inside))


def _folders(path: str, top: str) -> Iterator[str]:
    """The folders between a path and the tree that it is in."""
    while is_below(path := path.rpartition("/")[0], top) and path != top:
        yield path
