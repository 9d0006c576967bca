"""What pydantic refuses, said for the person who wrote the file: where it stands, what was found, what is allowed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.target.document import MapNode, Node, Scalar, describe_found
from roadworthy.target.fields import allowed_at, key_allowed_at, keys_at
from roadworthy.target.merging import follow, split_key
from roadworthy.target.models import Target
from roadworthy.target.problems import Mark, Problem, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from roadworthy.target.merging import Path


def complaints(error: ValidationError, root: MapNode, of: type[BaseModel] = Target) -> Iterator[Problem]:
    """The problems behind a ValidationError, each at the mark of its key or its value in the tree of a file."""
    details = error.errors(include_url=False)
    paths = {tuple(map(str, detail["loc"])) for detail in details}
    for detail in details:
        path = tuple(map(str, detail["loc"]))
        if detail["type"] == "too_short" and any(other[: len(path)] == path for other in paths - {path}):
            continue  # its items are there, and refused one by one
        yield _complaint(detail, path, root, of) if path else _whole(detail, root)


def _complaint(detail: ErrorDetails, path: Path, root: MapNode, of: type[BaseModel]) -> Problem:
    kind = detail["type"]
    if path[-1] == "[key]":
        path = path[:-1]
        why = (
            detail.get("ctx", {}).get("error") or f"this name is not possible; allowed: {key_allowed_at(path[:-1], of)}"
        )
        return _at(follow(root, path).key_mark, path, root, str(why))
    found = follow(root, path)
    if kind == "extra_forbidden":
        text = f"unknown key{suggest(path[-1], keys_at(path[:-1], of))}"
        return _at(found.key_mark, path, root, text)
    if kind == "missing":
        return _at(found.key_mark, path, root, f"is missing; allowed: {allowed_at(path, of)}")
    if kind == "value_error":
        text = str(detail.get("ctx", {}).get("error", detail["msg"]))
        is_value = isinstance(found.node, Scalar) and found.node.text not in text
        text = f"found {describe_found(found.node)}; {text}" if is_value else text
    else:
        text = f"found {describe_found(found.node)}; allowed: {allowed_at(path, of) or detail['msg']}"
    mark = found.node.mark if isinstance(found.node, Scalar) else found.key_mark
    return _at(mark, path, root, text)


def _whole(detail: ErrorDetails, root: MapNode) -> Problem:
    """A rule about the whole target; its text begins with the key that it is about."""
    text = str(detail.get("ctx", {}).get("error", detail["msg"]))
    match = re.match(r"([\w./-]+): (.*)", text, re.DOTALL)
    if not match:
        return Problem(Mark(root.mark.file), "", text)
    path = split_key(root, match[1])
    return _at(follow(root, path).key_mark, path, root, match[2])


def _at(mark: Mark, path: Path, root: MapNode, text: str) -> Problem:
    return Problem(mark, dotted(path, root, mark), text)


def dotted(path: Path, root: Node, mark: Mark) -> str:
    """A path as people write it: no index where one stands for many, and `defaults` for what stands there."""
    shown: list[str] = []
    node = root
    for key in path:
        stands_for_many = key == "0" and isinstance(node, MapNode | Scalar) and not _has(node, key)
        if not stands_for_many:
            shown.append(key)
        node = follow(node, (key,)).node if stands_for_many or _has(node, key) else node
    if mark.origin == "defaults" and shown[:1] == ["components"]:
        shown[:2] = ["defaults"]
    return ".".join(shown)


def _has(node: Node, key: str) -> bool:
    return bool(follow(node, (key,)).path)
