"""A target as it is in force: merged and filled in, with a comment where a value is not the component's own."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import yaml

from roadworthy.target.document import Entry, ListNode, MapNode, Node, Scalar, core_value, node_of
from roadworthy.target.fields import model_of, spot_at
from roadworthy.target.problems import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.loading import Tree
    from roadworthy.target.merging import Path

_FLOW_WIDTH = 80

_FLOW_SAFE = re.compile(r"[\w./-]+(?:[ :][\w./-]+)*")
"""Words that need no quotes between brackets; YAML allows more, and its readers differ on what."""


def as_yaml(tree: Tree) -> str:
    """The YAML of a merged target, references unresolved: nothing secret is in it."""
    return "\n".join(_lines(with_model_defaults(tree.root), 0)) + "\n"


def with_model_defaults(node: Node, path: Path = ()) -> Node:
    """The tree with what the model takes where a key is not given (`status: 200`)."""
    match node:
        case MapNode():
            entries = {key: Entry(e.mark, with_model_defaults(e.node, (*path, key))) for key, e in node.entries.items()}
            for key, value in _model_defaults(path).items():
                mark = Mark("", origin="default")
                entries.setdefault(key, Entry(mark, node_of(value, mark)))
            return MapNode(node.mark, entries)
        case ListNode():
            items = (with_model_defaults(item, (*path, str(index))) for index, item in enumerate(node.items))
            return ListNode(node.mark, tuple(items))
        case _:
            return node


def _model_defaults(path: Path) -> dict[str, Any]:
    spot = spot_at(path)
    model = model_of(spot.annotation) if spot else None
    if model is None:
        return {}
    return _filled(model.model_construct().model_dump(mode="json", by_alias=True, exclude_none=True))


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """Less what is empty: it promises nothing."""
    nested = {key: _filled(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in nested.items() if value not in ([], {})}


def _lines(node: MapNode | ListNode | Node, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(node, MapNode):
        for key, entry in node.entries.items():
            yield from _entry(f"{pad}{_word(key)}:", entry.node, indent)
    elif isinstance(node, ListNode):
        for item in node.items:
            inner = list(_lines(item, indent + 2)) if _is_block(item) else [f"{pad}  {_flow(item)}"]
            yield f"{pad}- {inner[0].lstrip(' ')}"
            yield from inner[1:]


def _entry(head: str, node: Node, indent: int) -> Iterator[str]:
    comment = f"  # {node.mark.origin}" if node.mark.origin else ""
    if not _is_block(node):
        yield f"{head} {_flow(node)}{comment}"
        return
    yield head + (comment if isinstance(node, ListNode) else "")
    yield from _lines(node, indent + 2)


def _is_block(node: Node) -> bool:
    if isinstance(node, MapNode):
        return bool(node.entries)
    if isinstance(node, ListNode):
        return any(not isinstance(item, Scalar) for item in node.items) or len(_flow(node)) > _FLOW_WIDTH
    return False


def _flow(node: Node) -> str:
    if isinstance(node, MapNode):
        return "{}"
    if isinstance(node, ListNode):
        return f"[{', '.join(_word(item.value, in_flow=True) for item in node.items if isinstance(item, Scalar))}]"
    return _word(node.value) if isinstance(node, Scalar) else "null"


def _word(value: Any, *, in_flow: bool = False) -> str:
    """A scalar in YAML that 1.1 and 1.2 read alike."""
    if value is None:
        return "null"
    text = _dumped(value)
    needs_quotes = text[0] == "'" or "\n" in text or (in_flow and not _FLOW_SAFE.fullmatch(text))
    if isinstance(value, str) and (needs_quotes or core_value(value) != value):
        return _dumped(value, '"')
    return text


def _dumped(value: Any, style: str | None = None) -> str:
    text = yaml.safe_dump(value, width=sys.maxsize, allow_unicode=True, default_style=style)
    return text.removesuffix("...\n").rstrip("\n")
