"""YAML as a tree of nodes that know where they were written.

The YAML is 1.2 (core schema): `no`, `on` and `2026-11-01` are text, `010` is ten. Refused, with a hint, is what makes
a file hard to read or to trust: repeated keys, anchors, aliases, merge keys, tags, several documents in a file.
The parser's events are read one by one, without recursion and with bounds, so that no file can exhaust the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import yaml

from roadworthy.target.problems import Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES = 200_000
MAX_DEPTH = 30

Plain: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, and the text that stands for it in the file."""

    mark: Mark
    value: Plain
    text: str


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    mark: Mark
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping; its keys are text."""

    mark: Mark
    entries: dict[str, Entry]

    def get(self, key: str) -> Node | None:
        """The value of a key; None where there is no such key."""
        return self.entries[key].node if key in self.entries else None

    def without(self, *keys: str) -> MapNode:
        """The same mapping less some keys."""
        return replace(self, entries={key: entry for key, entry in self.entries.items() if key not in keys})


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key that a `null` further up took away."""

    mark: Mark


class Entry(NamedTuple):
    """A mapping's value, and where its key stands."""

    mark: Mark
    node: Node


Node: TypeAlias = Scalar | ListNode | MapNode | Deleted


class Document(NamedTuple):
    """A file that was read: its tree (None where it can't be used) and what is wrong with it."""

    root: MapNode | None
    problems: tuple[Problem, ...]


_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Plain]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]{1,40}"), int),
    (re.compile(r"[-+]?[0-9]{41,}"), str),  # an identifier, no number to reckon with
    (re.compile(r"0o[0-7]{1,40}"), lambda text: int(text, 0)),
    (re.compile(r"0x[0-9a-fA-F]{1,40}"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?"), float),
)


def core_value(text: str) -> Plain:
    """What an unquoted scalar stands for (YAML 1.2, core schema; `.inf` and `.nan`, which JSON lacks, stay text)."""
    for pattern, convert in _CORE:
        if pattern.fullmatch(text):
            value = convert(text)
            return text if isinstance(value, float) and value in (float("inf"), float("-inf")) else value
    return text


def shown_path(path: Path) -> str:
    """A path as people call it: relative to the working directory when it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except (OSError, ValueError):
        return str(path)


TARGET = "a target is a mapping: schema: 1, name: ..."
"""What a target file looks like, for who gave another one."""


def read_document(path: Path, like: str = TARGET) -> Document:
    """Reads one file. What can't be read is a problem of the document, not an exception.

    `like` says what it should have been, for who gave something else.
    """
    mark = Mark(shown_path(path))
    try:
        text = _text_of(path)
    except ValueError as error:
        return Document(None, (Problem(mark, "", str(error)),))
    return parse_document(text, mark.file, like)


def _text_of(path: Path) -> str:
    try:
        if path.is_dir():
            raise ValueError("is a directory; a target is a YAML file")
        if not path.is_file():
            raise ValueError("is no regular file" if path.exists() else "there is no such file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES:,} bytes: no target is")
    if b"\0" in data:
        raise ValueError("is a binary file, not YAML")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not text in UTF-8 (line {line})") from error


def parse_document(text: str, file: str, like: str = TARGET) -> Document:
    """The tree of a YAML text; `file` is its name in marks."""
    builder = _Builder(file, like)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except _TooDeepError:
        return Document(None, tuple(builder.problems))
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        builder.refuse(at, "", f"is not valid YAML: {error.problem or error.context}{_hint(text, at)}")
        return Document(None, tuple(builder.problems))
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        mark = Mark(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return Document(None, (Problem(mark, "", "holds a control character; a target is plain text"),))
    return builder.finish()


def _hint(text: str, mark: Any) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "; lines are indented by spaces, not tabs"
    if re.search(r":\s+[^'\"{\[\s]\S*: ", line):
        return "; text that holds ': ' needs quotes"
    return ""


class _TooDeepError(Exception):
    pass


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    mark: Mark
    is_map: bool
    items: list[Node]
    entries: dict[str, Entry]
    key: tuple[str, Mark] | None = None


class _Builder:
    """Turns events into nodes; the stack is its own, so that depth is bounded by MAX_DEPTH and not by Python's."""

    def __init__(self, file: str, like: str) -> None:
        self.file = file
        self.like = like
        self.problems: list[Problem] = []
        self.usable = True
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0

    def mark(self, at: Any) -> Mark:
        return Mark(self.file, at.line + 1, at.column + 1) if at is not None else Mark(self.file)

    def refuse(self, at: Any, key: str, text: str) -> None:
        self.usable = False
        self.problems.append(Problem(self.mark(at), key, text))

    def path(self, *last: str) -> str:
        parts = [
            level.key[0] if level.key else str(len(level.items)) for level in self.open if level.key or not level.is_map
        ]
        return ".".join([*parts, *last])

    def take(self, event: yaml.Event) -> None:
        at = event.start_mark
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents == 2:  # noqa: PLR2004 - the second is one too many
                self.refuse(at, "", "a second document starts here; a target is one document")
        elif isinstance(event, yaml.AliasEvent):
            self.refuse(at, self.path(), f"the alias *{event.anchor} is not allowed{_SHARE}")
            self.add(Scalar(self.mark(at), None, ""))
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self.start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.open.pop()
            self.add(MapNode(done.mark, done.entries) if done.is_map else ListNode(done.mark, tuple(done.items)))

    def start(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        at = event.start_mark
        if event.anchor:
            self.refuse(at, self.path(), f"the anchor &{event.anchor} is not allowed{_SHARE}")
        if event.tag:
            self.refuse(at, self.path(), f"the tag {event.tag} is not allowed; quote what shall be text")
        if isinstance(event, yaml.ScalarEvent):
            plain = not event.style and not event.tag
            self.add(Scalar(self.mark(at), core_value(event.value) if plain else event.value, event.value))
            return
        if len(self.open) == MAX_DEPTH:
            self.refuse(at, "", f"is nested more than {MAX_DEPTH} levels deep")
            raise _TooDeepError
        self.open.append(_Open(self.mark(at), isinstance(event, yaml.MappingStartEvent), [], {}))

    def add(self, node: Node) -> None:
        if not self.open:
            if self.root is None:
                self.root = node
            return
        level = self.open[-1]
        if not level.is_map:
            level.items.append(node)
        elif level.key is None:
            level.key = self.key_of(node)
        else:
            (key, mark), level.key = level.key, None
            if key in level.entries:
                first = level.entries[key].mark
                text = f"the key is repeated; it stands in line {first.line} already"
                self.problems.append(Problem(mark, self.path(key), text))
            else:
                level.entries[key] = Entry(mark, node)

    def key_of(self, node: Node) -> tuple[str, Mark]:
        if not isinstance(node, Scalar):
            self.usable = False
            self.problems.append(Problem(node.mark, self.path(), "a key is text, not a list or a mapping"))
            return "", node.mark
        if node.text == "<<":
            self.usable = False
            self.problems.append(Problem(node.mark, self.path(), f"the merge key << is not allowed{_SHARE}"))
        return node.text, node.mark

    def finish(self) -> Document:
        root = self.root
        if not self.usable:
            return Document(None, tuple(self.problems))
        if root is None or (isinstance(root, Scalar) and root.value is None):
            return Document(None, (Problem(Mark(self.file), "", f"is empty; {self.like}"),))
        if not isinstance(root, MapNode):
            found = describe_found(root)
            return Document(None, (Problem(root.mark, "", f"found {found}; {self.like}"),))
        return Document(root, tuple(self.problems))


_SHARE = "; parts that are shared go into `defaults`, `for_each`, or a file that this one `extends`"


def describe_found(node: Node) -> str:
    """What stands in the file, and its kind: `'abc' (text)`."""
    match node:
        case MapNode():
            return "a mapping" if node.entries else "an empty mapping"
        case ListNode():
            return "a list" if node.items else "an empty list"
        case Scalar(value=str()):
            return f"{_shortened(node.text)!r} (text)"
        case Scalar(value=None) | Deleted():
            return "nothing (null)"
        case Scalar():
            return f"{_shortened(node.text)} ({_KINDS[type(node.value)]})"


_KINDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number"}


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - a line stays a line


def node_of(value: Any, mark: Mark) -> Node:
    """A node for a plain value that comes from no file."""
    if isinstance(value, dict):
        return MapNode(mark, {str(key): Entry(mark, node_of(inner, mark)) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return ListNode(mark, tuple(node_of(inner, mark) for inner in value))
    return Scalar(mark, value, str(value))


def plain(node: Node) -> Any:
    """The tree as plain dicts, lists and scalars."""
    match node:
        case MapNode():
            return {
                key: plain(entry.node) for key, entry in node.entries.items() if not isinstance(entry.node, Deleted)
            }
        case ListNode():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value
        case Deleted():
            return None


def scalars(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    """Every scalar of a tree with its path."""
    match node:
        case MapNode():
            for key, entry in node.entries.items():
                yield from scalars(entry.node, (*path, key))
        case ListNode():
            for index, item in enumerate(node.items):
                yield from scalars(item, (*path, str(index)))
        case Scalar():
            yield path, node
