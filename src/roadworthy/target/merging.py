"""Trees laid over one another, and the way to a key in a tree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from roadworthy.target.document import Deleted, Entry, ListNode, MapNode, Node, Scalar

if TYPE_CHECKING:
    from roadworthy.target.problems import Mark

Path = tuple[str, ...]


def merge(base: Node, over: Node) -> Node:
    """`over` laid over `base`: mappings deep, lists and scalars replaced, a key whose value becomes null taken away."""
    if not (isinstance(base, MapNode) and isinstance(over, MapNode)):
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = base.get(key)
        if below is None:
            entries[key] = entry
        elif isinstance(entry.node, Scalar) and entry.node.value is None:
            entries[key] = Entry(entry.mark, Deleted(entry.node.mark))
        else:
            entries[key] = Entry(entry.mark, merge(below, entry.node))
    return MapNode(over.mark, entries)


def prune(node: Node) -> Node:
    """The tree without the keys that were taken away."""
    match node:
        case MapNode():
            kept = {key: entry for key, entry in node.entries.items() if not isinstance(entry.node, Deleted)}
            return replace(node, entries={key: Entry(entry.mark, prune(entry.node)) for key, entry in kept.items()})
        case ListNode():
            return replace(node, items=tuple(map(prune, node.items)))
        case _:
            return node


def stamp(node: Node, origin: str) -> Node:
    """The same tree, with `origin` in every mark."""
    mark = replace(node.mark, origin=origin)
    match node:
        case MapNode():
            entries = {k: Entry(replace(e.mark, origin=origin), stamp(e.node, origin)) for k, e in node.entries.items()}
            return MapNode(mark, entries)
        case ListNode():
            return ListNode(mark, tuple(stamp(item, origin) for item in node.items))
        case _:
            return replace(node, mark=mark)


class Found(NamedTuple):
    """The end of a way down a tree: how far it led, where the last key stands, and what is there."""

    path: Path
    key_mark: Mark
    node: Node


_ALIASES = {"json_subset": "json", "json_path": "json", "schema_version": "schema"}


def follow(root: Node, path: Path) -> Found:
    """Goes down as far as the tree has the keys of a path. An index is passed over where one stands for many."""
    found = Found((), root.mark, root)
    for key in path:
        node = found.node
        if isinstance(node, MapNode) and key in node.entries:
            entry = node.entries[key]
            found = Found((*found.path, key), entry.mark, entry.node)
        elif isinstance(node, ListNode) and key.isdigit() and int(key) < len(node.items):
            item = node.items[int(key)]
            found = Found((*found.path, key), item.mark, item)
        elif not (key == "0" and isinstance(node, MapNode | Scalar)):
            break
    return found


def split_key(root: Node, dotted: str) -> Path:
    """The path of a dotted key. The tree knows keys that hold dots; a field's name stands for its alias."""
    path: list[str] = []
    node, rest = root, dotted
    while rest:
        key = _first_key(node, rest)
        rest = rest[len(key) + 1 :]
        if isinstance(node, MapNode):
            key = next((k for k in (key, key.replace("_", "-"), _ALIASES.get(key, key)) if k in node.entries), key)
        path.append(key)
        node = follow(node, (key,)).node
    return tuple(path)


def _first_key(node: Node, dotted: str) -> str:
    if isinstance(node, MapNode):
        whole = [key for key in node.entries if key and (dotted == key or dotted.startswith(f"{key}."))]
        if whole:
            return max(whole, key=len)
    return dotted.split(".", 1)[0]


def assign(root: MapNode, dotted: str, value: Node) -> MapNode:
    """The tree with the value of a dotted key set; mappings on the way are made where they are missing."""
    over: Node = value
    for key in reversed(split_key(root, dotted)):
        over = MapNode(value.mark, {key: Entry(value.mark, over)})
    merged = merge(root, over)
    return merged if isinstance(merged, MapNode) else root
