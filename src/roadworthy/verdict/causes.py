"""From findings to causes: what explains what, and which line comes first.

A finding is explained by another one where

1. its check says so (`after`), and that check failed on the same component;
2. it could not be observed, and the component is not there: one of its availability checks failed;
3. it is about the component not being there, or could not be observed, and a component that it depends on is not there,
4. its check says that it is about what the component `follows`, and that one is not there.

What explains itself by nothing else is a root. Roots of one check that saw the same are one cause, one line.

What is waived explains nothing: whoever answers for a database that is down has not said that the shop may be down.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from roadworthy.verdict.models import Cause, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roadworthy.target.models import Target


def explain(results: Iterable[Result], target: Target) -> tuple[tuple[Cause, ...], tuple[Result, ...]]:
    """The causes, the gravest first, and the results with `blocked_by` filled in."""
    results = tuple(results)
    findings = {result.node_id: result for result in results if result.is_finding and not result.is_waived}
    parents = _parents(tuple(findings.values()), target)
    roots = {node: _root(node, parents) for node in findings}
    causes = _merge(findings, roots)
    explained_by = {node: cause.id for cause in causes for node in cause.blocks}
    told = tuple(result.model_copy(update={"blocked_by": explained_by.get(result.node_id)}) for result in results)
    return causes, told


def behind_waived(results: Iterable[Result], target: Target) -> dict[str, tuple[Result, ...]]:
    """What follows from a waived finding and counts all the same, by the waived one's node id."""
    findings = {result.node_id: result for result in results if result.is_finding}
    behind: defaultdict[str, list[Result]] = defaultdict(list)
    for node, other in _parents(tuple(findings.values()), target).items():
        if findings[other].is_waived and findings[node].blocking:
            behind[other].append(findings[node])
    return {node: tuple(followers) for node, followers in behind.items()}


def _parents(findings: tuple[Result, ...], target: Target) -> dict[str, str]:
    """The finding that explains another one, by node id."""
    on: defaultdict[str, dict[str, Result]] = defaultdict(dict)
    for finding in findings:
        on[finding.component][finding.check] = finding

    def gone(component: str) -> Result | None:
        """The finding that says that a component is not there."""
        here = on.get(component, {})
        said = (finding for finding in here.values() if finding.availability)
        return next((finding for finding in said if not any(other in here for other in finding.after)), None)

    def parent(finding: Result) -> Result | None:
        here = on[finding.component]
        if known := next((here[other] for other in finding.after if other in here), None):
            return known
        unseen = finding.outcome is Outcome.NOT_OBSERVED
        if unseen and (missing := gone(finding.component)) not in (None, finding):
            return missing
        if (unseen or finding.availability) and finding.component in target.components:
            return _gone_below(finding.component, target, gone)
        return _gone_ahead(finding, target, gone)

    known = {finding.node_id: parent(finding) for finding in findings}
    return {node: found.node_id for node, found in known.items() if found is not None}


def _gone_below(component: str, target: Target, gone: Callable[[str], Result | None]) -> Result | None:
    """The finding of the deepest dependency that is not there."""
    missing = {name: found for name in target.dependencies_of(component) if (found := gone(name))}
    for name, found in missing.items():
        if not target.dependencies_of(name) & missing.keys():
            return found
    return None


def _gone_ahead(finding: Result, target: Target, gone: Callable[[str], Result | None]) -> Result | None:
    """The finding that the component's primary is not there, for what is said of following it."""
    component = target.components.get(finding.component)
    ahead = component.primary if component is not None and finding.following else None
    return gone(ahead) if ahead is not None else None


def _root(node: str, parents: Mapping[str, str]) -> str:
    met = {node}
    while node in parents and parents[node] not in met:
        node = parents[node]
        met.add(node)
    return node


def _merge(findings: Mapping[str, Result], roots: Mapping[str, str]) -> tuple[Cause, ...]:
    same: defaultdict[tuple[object, ...], list[Result]] = defaultdict(list)
    for node, root in roots.items():
        if node == root:
            same[_what_is_said(findings[node])].append(findings[node])
    causes = [_cause(group, findings, roots) for group in same.values()]
    order = {node: index for index, node in enumerate(findings)}
    return tuple(
        sorted(
            causes,
            key=lambda cause: (
                not cause.blocking,
                cause.is_advice,
                cause.outcome is not Outcome.FAILED,
                -cause.severity,
                -len(cause.blocks),
                order[cause.results[0]],
            ),
        )
    )


def _what_is_said(result: Result) -> tuple[object, ...]:
    said = frozenset(look.seen for look in result.looks if look.outcome is not Outcome.PASSED)
    return result.check, result.weighs, said or result.seen


def _cause(group: list[Result], findings: Mapping[str, Result], roots: Mapping[str, str]) -> Cause:
    first = group[0]
    names = {result.node_id for result in group}
    components = tuple(dict.fromkeys(result.component for result in group))
    blocks = tuple(node for node, root in roots.items() if root in names and node not in names)
    blocking = first.blocking or any(findings[node].blocking for node in blocks)
    seen = first.seen if len(group) == 1 else next((look.seen for look in first.looks if look.seen), first.seen)
    return Cause(
        id=f"{first.check}:{first.component}",
        check=first.check,
        components=components,
        severity=first.severity,
        outcome=Outcome.FAILED if first.weighs is Outcome.FAILED else Outcome.NOT_OBSERVED,
        blocking=blocking,
        headline=f"{_few(components)}: {seen}",
        results=tuple(result.node_id for result in group),
        blocks=blocks,
    )


def _few(names: tuple[str, ...], at_most: int = 4) -> str:
    if len(names) <= at_most:
        return ", ".join(names)
    return f"{', '.join(names[: at_most - 1])} and {len(names) - at_most + 1} more"
