"""A target file, with what it extends and overlays, becomes a `Target`; every problem is told with its place.

    read_tree()      files -> one tree: extends and overlays merged, for_each expanded, defaults and policies filled in
    load_target()    tree  -> Target: references resolved, the model's rules applied
    find_target()    name  -> file

Errors (problems.py): TargetError, and below it TargetNotFound.

The layers of a value, the later ones winning: a policy, the `defaults`, the component itself; and for each of these the
extended file, the file, its overlays, the command line. Each file's `for_each` is expanded before files are merged, so
that an overlay can change a single component of a list by its name. A key that an overlay (or a component, of a default
or policy) sets to `null` is taken away.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from roadworthy.target.complaints import complaints, dotted
from roadworthy.target.document import (
    Entry,
    ListNode,
    MapNode,
    Node,
    Scalar,
    core_value,
    describe_found,
    node_of,
    plain,
    read_document,
    scalars,
    shown_path,
)
from roadworthy.target.fields import is_by_reference, is_on, is_public
from roadworthy.target.merging import assign, follow, merge, prune, split_key
from roadworthy.target.models import Target
from roadworthy.target.parts import expand_each, fill_in
from roadworthy.target.problems import Mark, Problem, TargetError, TargetNotFound, suggest
from roadworthy.target.references import MIN_SECRET_LENGTH, Unresolvable, has_references, needed, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Loaded", "TargetError", "TargetNotFound", "Tree", "find_target", "load_target", "read_tree"]

GIVEN = "given on the command line"


@dataclass(frozen=True)
class Tree:
    """A target before its references are resolved."""

    root: MapNode
    sources: tuple[Path, ...]
    """Every file that was read, the extended ones first."""

    @property
    def merged(self) -> dict[str, Any]:
        """As plain dicts and lists, secrets as their references."""
        merged: dict[str, Any] = plain(self.root)
        return merged

    @property
    def environment(self) -> frozenset[str]:
        """The environment variables that it needs: those without a default."""
        return frozenset().union(*(needed(text) for text in _texts(self.merged)))

    def where(self, key: str) -> str | None:
        """`file:line:column` of a dotted key, or of its nearest parent; None where no file has a part of it."""
        found = follow(self.root, split_key(self.root, key))
        return str(found.key_mark) if found.path else None


@dataclass(frozen=True)
class Loaded(Tree):
    """A target that can be used, and where each of its values came from."""

    target: Target
    secrets: Mapping[str, str]
    """Every value that must not be shown, with the reference that gave it."""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (*_texts(key), *_texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def load_target(
    path: Path,
    overlays: Iterable[Path] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Loads a target.

    Args:
        path: the target file.
        overlays: files that are laid over it, in order.
        overrides: dotted keys (`release.version`) and their values, laid over all files.
        environ: where `${env:...}` looks; the process's environment by default.

    Raises:
        TargetError: with all that is wrong.
    """
    problems: list[Problem] = []
    tree = _read_tree(path, overlays, overrides or {}, problems)
    if tree is None:
        raise TargetError(problems)
    values = _Resolution(tree.root, os.environ if environ is None else environ)
    told = {problem.key for problem in problems}
    problems += [problem for problem in values.problems if problem.key not in told]
    problems += _unknown_names(tree.root)
    problems += _plain_secrets(tree.root)
    try:
        target = _validated(values)
    except ValidationError as error:
        told = {problem.key for problem in problems}
        told |= {parent for problem in values.problems for parent in _parents(problem.key)}
        told |= {key.removesuffix(".policy") for key in told if key.endswith(".policy")}  # empty for want of it
        found = (_without_secrets(problem, values) for problem in complaints(error, values.shown))
        problems += [problem for problem in found if problem.key not in told]
    if problems:
        raise TargetError(problems)
    return Loaded(tree.root, tree.sources, target, values.secrets)


def read_tree(path: Path, overlays: Iterable[Path] = (), overrides: Mapping[str, Any] | None = None) -> Tree:
    """The merged tree of a target. Nothing is resolved and no rule of the model applied, so that no secret is needed.

    Raises:
        TargetError: the files can't be read or merged.
    """
    problems: list[Problem] = []
    tree = _read_tree(path, overlays, overrides or {}, problems)
    if problems or tree is None:
        raise TargetError(problems)
    return tree


def find_target(name_or_path: str, folder: Path) -> Path:
    """The file of a target: a path as it is given, or the name of a file in `folder`.

    Raises:
        TargetNotFound: with the names that exist, the closest first.
    """
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path or os.sep in name_or_path:
        path = Path(name_or_path)
        if path.exists():
            return path
        name = path.stem
    else:
        path = folder / f"{name_or_path}.yaml"
        if path.is_file():
            return path
        name = name_or_path
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    text = f"there is no target {name_or_path!r} in {shown_path(folder)}/{suggest(name, names)}"
    raise TargetNotFound([Problem(Mark(""), "", text)])


# --- reading and merging ---------------------------------------------------------------------------------------------


def _read_tree(
    path: Path, overlays: Iterable[Path], overrides: Mapping[str, Any], problems: list[Problem]
) -> Tree | None:
    """The merged tree; None where a file can't be used."""
    files = _Files(problems)
    for file in (Path(path), *map(Path, overlays)):
        files.read(file)
    if files.broken or not files.layers:
        return None
    root: Node = files.layers[0]
    for layer in files.layers[1:]:
        root = merge(root, layer)
    assert isinstance(root, MapNode)  # noqa: S101 - a mapping over a mapping is one
    for key, value in overrides.items():
        root = assign(root, key, node_of(value, Mark(f"{key} ({GIVEN})")))
    full = prune(fill_in(root, problems))
    assert isinstance(full, MapNode)  # noqa: S101 - so is what is left of it
    return Tree(full, tuple(files.sources))


@dataclass
class _Files:
    """The files of a target, read in the order in which they are laid over one another."""

    problems: list[Problem]
    layers: list[MapNode] = field(default_factory=list)
    sources: list[Path] = field(default_factory=list)
    broken: bool = False

    def read(self, path: Path, extending: tuple[Path, ...] = (), mark: Mark | None = None) -> None:
        real = path.resolve()
        if real in extending:
            chain = " -> ".join(file.name for file in (*extending[extending.index(real) :], real))
            self.refuse(mark or Mark(shown_path(path)), f"files extend each other in a circle: {chain}")
            return
        document = read_document(path)
        self.problems += document.problems
        if document.root is None:
            self.broken = True
            return
        base = document.root.entries.get("extends")
        if base is not None:
            if isinstance(base.node, Scalar) and isinstance(base.node.value, str) and base.node.value:
                self.read(path.parent / base.node.value, (*extending, real), base.node.mark)
            else:
                self.refuse(base.node.mark, f"found {describe_found(base.node)}; allowed: a file's name")
        self.layers.append(expand_each(document.root.without("extends"), self.problems))
        self.sources.append(path)

    def refuse(self, mark: Mark, text: str) -> None:
        self.broken = True
        self.problems.append(Problem(mark, "extends", text))


# --- resolving and validating ----------------------------------------------------------------------------------------


class _Resolution:
    """The tree with its references resolved.

    `shown` is the same tree for messages: a value that came by reference is shown as that reference.
    """

    def __init__(self, root: MapNode, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[Problem] = []
        self.secrets: dict[str, str] = {}
        self.outside: dict[str, str] = {}
        """All that came from outside, the public values too."""
        self.referring: set[tuple[str, ...]] = set()
        self.shown = root
        resolved = self._resolve(root, ())
        assert isinstance(resolved, MapNode)  # noqa: S101 - a mapping resolves to a mapping
        self.root = resolved

    def _resolve(self, node: Node, path: tuple[str, ...]) -> Node:
        match node:
            case MapNode():
                entries: dict[str, Entry] = {}
                for key, entry in node.entries.items():
                    name = self._key(key, entry.mark, path)
                    entries[name] = Entry(entry.mark, self._resolve(entry.node, (*path, key)))
                return replace(node, entries=entries)
            case ListNode():
                items = (self._resolve(item, (*path, str(index))) for index, item in enumerate(node.items))
                return replace(node, items=tuple(items))
            case Scalar(value=str() as text) if has_references(text):
                return self._scalar(node, text, path)
            case _:
                return node

    def _key(self, key: str, mark: Mark, path: tuple[str, ...]) -> str:
        if not has_references(key):
            return key
        plain_key = key.replace("$${", "")
        if has_references(plain_key):
            text = "a key can't be a reference; only ${each:...} in for_each may be part of one"
            self.problems.append(Problem(mark, ".".join((*path, key)), text))
        return key.replace("$${", "${")

    def _scalar(self, node: Scalar, text: str, path: tuple[str, ...]) -> Scalar:
        folder = Path(node.mark.file).parent
        key = dotted(path, self.shown, node.mark)
        try:
            done = resolve(text, folder, self.environ)
        except Unresolvable as error:
            self.problems += [Problem(node.mark, key, reason) for reason in error.args]
            return node
        self.referring.add(path)
        for value, reference in done.secrets:
            self.outside[value] = reference
            if is_public(path):
                continue
            if len(value) < MIN_SECRET_LENGTH:
                why = f"a secret of less than {MIN_SECRET_LENGTH} characters can't be kept out of reports"
                self.problems.append(Problem(node.mark, key, f"{reference}: {why}"))
                continue
            self.secrets[value] = reference
        return replace(node, value=done.text, text=done.text)


def _validated(values: _Resolution) -> Target:
    """The model. Types are strict: `"14"` and `yes` are text. A value that came by reference may still be a number.

    Raises:
        ValidationError: the model refuses the tree.
    """
    try:
        return _validate(values.root)
    except ValidationError as error:
        typed = values.root
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            found = follow(values.root, tuple(map(str, detail["loc"])))
            if found.path in values.referring and isinstance(found.node, Scalar):
                typed = _with(typed, found.path, replace(found.node, value=core_value(found.node.text)))
        if typed is values.root:
            raise
        return _validate(typed)


def _validate(root: MapNode) -> Target:
    return Target.model_validate_json(json.dumps(plain(root)), strict=True, by_alias=True, by_name=False)


def _with(root: Any, path: tuple[str, ...], leaf: Scalar) -> Any:
    """The tree with one leaf replaced."""
    if not path:
        return leaf
    if isinstance(root, MapNode):
        mark, node = root.entries[path[0]]
        return replace(root, entries={**root.entries, path[0]: Entry(mark, _with(node, path[1:], leaf))})
    items = list(root.items)
    items[int(path[0])] = _with(items[int(path[0])], path[1:], leaf)
    return replace(root, items=tuple(items))


# --- what the model can't see ----------------------------------------------------------------------------------------


def _plain_secrets(root: MapNode) -> Iterable[Problem]:
    """Passwords that stand in the file, where everybody who reads it finds them."""
    for path, leaf in scalars(root):
        if not has_references(leaf.text) and is_by_reference(path):
            text = (
                "give it by reference, as ${env:NAME} or ${file:/run/secrets/name}: a password must not stand in a file"
            )
            yield Problem(leaf.mark, ".".join(path), text)


def _unknown_names(root: MapNode) -> Iterable[Problem]:
    """Names of components, and keys of promises, that there are none of."""
    components = root.get("components")
    if not isinstance(components, MapNode):
        return
    for name, entry in components.entries.items():
        key = f"components.{name}"
        component = entry.node
        if not isinstance(component, MapNode):
            continue
        for path, other in scalars(component.get("depends_on") or ListNode(entry.mark, ())):
            if isinstance(other.value, str) and other.value not in components.entries and path:
                text = f"unknown component {other.text!r}{suggest(other.text, components.entries)}"
                yield Problem(other.mark, f"{key}.depends_on", text)
        for path, promised in scalars(component.get("promises") or ListNode(entry.mark, ())):
            at = split_key(component, promised.text)
            if follow(component, at).path != at and not (
                len(at) > 1 and at[0] in component.entries and is_on(("components", name, *at))
            ):
                text = f"{promised.text!r} is no key of this component, so nothing expresses the promise"
                yield Problem(promised.mark, ".".join((key, "promises", *path[:1])), text)


def _parents(key: str) -> Iterable[str]:
    """The dotted keys above one: a rule about a block can't hold while a value in it is not known."""
    return accumulate(key.split(".")[:-1], "{}.{}".format)


def _without_secrets(problem: Problem, values: _Resolution) -> Problem:
    text = problem.text
    for value in sorted(values.outside, key=len, reverse=True):
        for spelling in (value, repr(value)[1:-1], json.dumps(value)[1:-1]):
            if value:
                text = text.replace(spelling, values.outside[value])
    return replace(problem, text=text)
