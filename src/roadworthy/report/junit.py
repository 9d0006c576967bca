"""JUnit XML for CI servers: a suite a family, a case for each check of each component, with names that do not change.

Failed is `<failure>`, not observed is `<error>`: the two are never the same number, and both block. A finding that does
not (waived, advice, below `--fail-on`) is `<skipped>` with its reason: JUnit has no other word for "does not break it".
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from roadworthy.report import findings
from roadworthy.report.text import clipped
from roadworthy.verdict.models import Outcome, Result, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

MESSAGE_LIMIT = 500  # an attribute; the text below it holds everything


def render(verdict: Verdict) -> bytes:
    """The verdict as a JUnit document, UTF-8."""
    root = ET.Element(
        "testsuites", {"name": "roadworthy", **_totals(verdict.results), "time": f"{verdict.elapsed_s:.3f}"}
    )
    for family in dict.fromkeys(result.family for result in verdict.results):
        members = [result for result in verdict.results if result.family == family]
        root.append(_suite(verdict, family, members))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _suite(verdict: Verdict, family: str, members: list[Result]) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        {
            "name": family,
            **_totals(members),
            "time": f"{max(map(_longest, members)):.3f}",
            "timestamp": verdict.started.astimezone(UTC).isoformat(timespec="seconds"),
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(verdict):
        ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(_case(result) for result in members)
    return suite


def _facts(verdict: Verdict) -> Iterable[tuple[str, str]]:
    yield "target", verdict.target
    yield "environment", verdict.environment
    yield "release", verdict.release or ""
    yield "decision", verdict.decision.value
    yield "run", verdict.run
    if verdict.replay_of is not None:
        yield "replay_of", verdict.replay_of


def _totals(results: Iterable[Result]) -> dict[str, str]:
    kinds = [_kind(result) for result in results]
    return {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }


def _kind(result: Result) -> str:
    """The element that tells a result; empty where it passed."""
    if not result.is_finding:
        return ""
    if not result.blocking:
        return "skipped"
    return "failure" if result.weighs is Outcome.FAILED else "error"


def _case(result: Result) -> ET.Element:
    case = ET.Element(
        "testcase", classname=f"{result.family}.{result.check}", name=result.component, time=f"{_longest(result):.3f}"
    )
    if kind := _kind(result):
        behind = f"behind {result.blocked_by}: " if result.blocked_by else ""
        said = findings.one_line(result.seen) if result.blocking else findings.unblocking(result)
        message = clipped(behind + said, MESSAGE_LIMIT)
        ET.SubElement(case, kind, type=result.severity.label, message=message).text = findings.told(result)
    ET.SubElement(case, "system-out").text = "\n".join(_looks(result))
    return case


def _looks(result: Result) -> Iterable[str]:
    for look in result.looks:
        tries = f", {look.attempts} attempts" if look.attempts > 1 else ""
        yield f"{look.outcome.value}: {look.what} at {look.address or '-'}{tries}"
        if look.by_hand:
            yield f"  by hand:  {look.by_hand}"
        if look.evidence:
            yield f"  evidence: {look.evidence}"


def _longest(result: Result) -> float:
    """Seconds of the longest look: looks run together, and several checks share one."""
    return max((look.elapsed_s for look in result.looks), default=0.0)
