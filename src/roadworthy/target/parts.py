"""What a target file shares between its components: `for_each`, `defaults`, and policies adopted by name."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.target.document import (
    Deleted,
    Entry,
    ListNode,
    MapNode,
    Node,
    Scalar,
    describe_found,
    parse_document,
    scalars,
)
from roadworthy.target.fields import keys_at
from roadworthy.target.merging import merge, stamp
from roadworthy.target.models import BLOCKS
from roadworthy.target.problems import Mark, Problem, suggest
from roadworthy.target.references import Unresolvable, each_key, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MADE = 50_000
MAX_COMPONENTS = 500

_POLICIES = Path(__file__).resolve().parent.parent / "policy"


def expand_each(root: MapNode, problems: list[Problem]) -> MapNode:
    """The tree of one file, its `for_each` turned into components."""
    lists = root.entries.get("for_each")
    if lists is None:
        return root
    components = root.entries.get("components", Entry(lists.mark, MapNode(lists.mark, {})))
    if not isinstance(components.node, MapNode):
        return root  # the model says what is wrong with it
    expansion = _Expansion(problems, dict(components.node.entries))
    expansion.take_all(lists.node)
    made = Entry(components.mark, replace(components.node, entries=expansion.components))
    return replace(root, entries={**root.without("for_each").entries, "components": made})


class _Expansion:
    """One file's `for_each`, being turned into components."""

    def __init__(self, problems: list[Problem], components: dict[str, Entry]) -> None:
        self.problems = problems
        self.components = components
        self.places = {name: entry.mark for name, entry in components.items()}
        self.made = 0

    def refuse(self, mark: Mark, key: str, text: str) -> None:
        self.problems.append(Problem(mark, key, text))

    def take_all(self, lists: Node) -> None:
        if not isinstance(lists, ListNode):
            self.refuse(lists.mark, "for_each", f"found {describe_found(lists)}; allowed: a list of mappings{_SHAPE}")
            return
        for index, part in enumerate(lists.items):
            self.take(part, f"for_each.{index}")

    def take(self, part: Node, key: str) -> None:
        if not isinstance(part, MapNode):
            self.refuse(part.mark, key, f"found {describe_found(part)}; allowed: a mapping{_SHAPE}")
            return
        for name, entry in part.entries.items():
            if name not in ("items", "components"):
                known = suggest(name, ("items", "components"))
                self.refuse(entry.mark, f"{key}.{name}", f"unknown key{known}")
        items, templates = part.get("items"), part.get("components")
        if (
            not isinstance(items, ListNode)
            or not items.items
            or not isinstance(templates, MapNode)
            or not templates.entries
        ):
            self.refuse(part.mark, key, f"a part needs a list of items and a mapping of components{_SHAPE}")
            return
        for index, item in enumerate(items.items):
            if isinstance(item, MapNode) and item.entries:
                self.expand(item, templates)
            else:
                text = f"found {describe_found(item)}; allowed: a mapping such as {{name: auth, port: 8007}}"
                self.refuse(item.mark, f"{key}.items.{index}", text)

    def expand(self, item: MapNode, templates: MapNode) -> None:
        for template, entry in templates.entries.items():
            name = self.text(template, item, entry.mark, f"components.{template}")
            if name is None or self.made > MAX_MADE:
                continue
            place = item.mark if name != template else entry.mark
            if name in self.places:
                self.refuse(place, f"components.{name}", f"is defined twice; the other is at {self.places[name]}")
                continue
            self.places[name] = place
            self.components[name] = Entry(entry.mark, self.filled(entry.node, item, f"components.{name}"))
            if self.made > MAX_MADE:
                self.refuse(
                    templates.mark, "components", f"become more than {MAX_MADE:,} values: no target has as many"
                )
                self.components.clear()

    def text(self, text: str, item: MapNode, mark: Mark, key: str) -> str | None:
        if "${" not in text:
            return text
        values = {name: e.node.text for name, e in item.entries.items() if isinstance(e.node, Scalar)}
        try:
            return fill(text, values)
        except Unresolvable as error:
            for reason in error.args:
                self.refuse(mark, key, reason)
            return None

    def filled(self, node: Node, item: MapNode, key: str) -> Node:
        self.made += 1
        match node:
            case MapNode():
                entries: dict[str, Entry] = {}
                for template, entry in node.entries.items():
                    name = self.text(template, item, entry.mark, f"{key}.{template}") or template
                    if name in entries:
                        self.refuse(entry.mark, f"{key}.{name}", "the key is repeated after ${each:...} is filled in")
                    entries[name] = Entry(entry.mark, self.filled(entry.node, item, f"{key}.{name}"))
                return replace(node, entries=entries)
            case ListNode():
                items = (self.filled(inner, item, f"{key}.{index}") for index, inner in enumerate(node.items))
                return replace(node, items=tuple(items))
            case Scalar(value=str() as text):
                whole = each_key(text)
                if whole is not None and whole in item.entries:
                    self.made += sum(1 for _ in scalars(item.entries[whole].node))
                    return item.entries[whole].node
                done = self.text(text, item, node.mark, key)
                return node if done is None or done == text else replace(node, value=done, text=done)
            case _:
                return node


_SHAPE = ': {items: [{name: auth, port: 8007}, ...], components: {"${each:name}": {...}}}'


def fill_in(root: MapNode, problems: list[Problem]) -> MapNode:
    """The merged tree with `defaults` and policies filled into each component that declares their block."""
    defaults = _defaults(root, problems)
    components = root.get("components")
    if not isinstance(components, MapNode):
        return root.without("defaults")
    if len(components.entries) > MAX_COMPONENTS:
        problems.append(Problem(components.mark, "components", f"are more than {MAX_COMPONENTS}: split the target"))
        return root.without("defaults", "components")
    filled = {
        name: Entry(entry.mark, _complete(entry.node, f"components.{name}", defaults, problems))
        for name, entry in components.entries.items()
    }
    made = Entry(root.entries["components"].mark, replace(components, entries=filled))
    return replace(root, entries={**root.without("defaults").entries, "components": made})


def _defaults(root: MapNode, problems: list[Problem]) -> dict[str, MapNode]:
    node = root.get("defaults")
    if node is None or isinstance(node, Deleted):
        return {}
    if not isinstance(node, MapNode):
        text = f"found {describe_found(node)}; allowed: a mapping with the keys {', '.join(BLOCKS)}"
        problems.append(Problem(node.mark, "defaults", text))
        return {}
    usable: dict[str, MapNode] = {}
    for block, entry in node.entries.items():
        if block not in BLOCKS:
            problems.append(Problem(entry.mark, f"defaults.{block}", f"unknown key{suggest(block, BLOCKS)}"))
        elif isinstance(entry.node, MapNode):
            known = keys_at(("components", "*", block))
            wrong = {key: e for key, e in entry.node.entries.items() if key not in known}
            problems.extend(
                Problem(e.mark, f"defaults.{block}.{key}", f"unknown key{suggest(key, known)}")
                for key, e in wrong.items()
            )
            stamped = stamp(entry.node.without(*wrong), "defaults")
            usable[block] = stamped if isinstance(stamped, MapNode) else entry.node
        elif not isinstance(entry.node, Deleted):
            text = f"found {describe_found(entry.node)}; allowed: a mapping"
            problems.append(Problem(entry.node.mark, f"defaults.{block}", text))
    return usable


def _complete(component: Node, key: str, defaults: dict[str, MapNode], problems: list[Problem]) -> Node:
    if not isinstance(component, MapNode):
        return component
    entries = dict(component.entries)
    for block in BLOCKS:
        if block in entries:
            mark, node = entries[block]
            entries[block] = Entry(mark, _complete_block(node, block, f"{key}.{block}", defaults.get(block), problems))
    return replace(component, entries=entries)


def _complete_block(node: Node, block: str, key: str, default: MapNode | None, problems: list[Problem]) -> Node:
    if isinstance(node, ListNode) and block == "health":
        return replace(node, items=tuple(_complete_block(one, block, key, default, problems) for one in node.items))
    if not isinstance(node, MapNode):
        return node
    full = merge(default, node) if default else node
    name = full.get("policy") if isinstance(full, MapNode) else None
    if block not in ("tls", "headers", "dns") or not isinstance(name, Scalar) or not isinstance(name.value, str):
        return full
    policy = _policy(name, block, f"{key}.policy", problems)
    return merge(policy, full) if policy else full


def _policy(name: Scalar, block: str, key: str, problems: list[Problem]) -> MapNode | None:
    if name.text not in policies():
        problems.append(Problem(name.mark, key, f"unknown policy {name.text!r}{suggest(name.text, _about(block))}"))
        return None
    values = policies()[name.text].get(block)
    if not isinstance(values, MapNode):
        known = ", ".join(_about(block))
        problems.append(Problem(name.mark, key, f"{name.text} says nothing about {block}; allowed: {known}"))
        return None
    stamped = stamp(values, f"policy {name.text}")
    return stamped if isinstance(stamped, MapNode) else None


def _about(block: str) -> Iterator[str]:
    return (name for name, policy in policies().items() if policy.get(block))


@cache
def policies() -> dict[str, MapNode]:
    """Every policy by its name: `name`, `date`, `source`, and the values for `tls`, `headers` or `dns`."""
    files = sorted(_POLICIES.glob("*.yaml"))
    # named as below the package, so that no report holds the place where the package is installed
    roots = [parse_document(file.read_text("utf-8"), f"policy/{file.name}").root for file in files]
    return {name.text: root for root in roots if root is not None and isinstance(name := root.get("name"), Scalar)}
