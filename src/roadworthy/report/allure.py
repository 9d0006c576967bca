"""Allure results: one a check of a component, with its looks as steps and their evidence attached.

Written through allure_commons' own model and file logger, so that the files are what Allure's own adaptors write.
"""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING, Any

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, Label, Link, Parameter, Status, StatusDetails, TestResult, TestStepResult
from allure_commons.types import AttachmentType, LabelType, LinkType
from allure_commons.types import Severity as AllureSeverity

from roadworthy.check import Severity
from roadworthy.report import findings
from roadworthy.verdict.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from roadworthy.verdict.models import Look, Result, Verdict

STATUSES = {Outcome.PASSED: Status.PASSED, Outcome.FAILED: Status.FAILED, Outcome.NOT_OBSERVED: Status.BROKEN}
SEVERITIES = {
    Severity.CRITICAL: AllureSeverity.BLOCKER,
    Severity.HIGH: AllureSeverity.CRITICAL,
    Severity.MEDIUM: AllureSeverity.NORMAL,
    Severity.LOW: AllureSeverity.MINOR,
    Severity.INFO: AllureSeverity.TRIVIAL,
}


def render(verdict: Verdict, evidence: Collection[str]) -> list[TestResult]:
    """The results in Allure's model, with those evidence files that are there. The same run gives the same ids."""
    return [_result(verdict, result, evidence) for result in verdict.results]


def write(verdict: Verdict, folder: Path) -> Path:
    """Writes `allure-results/` in place of an earlier one; evidence is attached as it was redacted and stored."""
    written = folder / "allure-results"
    logger: Any = AllureFileLogger(written, clean=True)  # type: ignore[no-untyped-call]  # the library has no types
    there = {
        name: folder / name
        for name in {look.evidence for result in verdict.results for look in result.looks if look.evidence}
        if (folder / name).is_file()
    }
    for name, file in there.items():
        _attach(file, written / _attached(name))
    for result in render(verdict, there):
        logger.report_result(result)
    (written / "environment.properties").write_text(environment(verdict), encoding="ascii")
    return written


def _attach(file: Path, place: Path) -> None:
    try:
        place.hardlink_to(file)
    except OSError:  # a file system without hard links
        shutil.copyfile(file, place)


def environment(verdict: Verdict) -> str:
    """`environment.properties`, as java.util.Properties reads it."""
    facts = {
        "target": verdict.target,
        "environment": verdict.environment,
        "release": verdict.release or "",
        "decision": verdict.decision.value,
        "run": verdict.run,
        "replay_of": verdict.replay_of or "",
        "roadworthy": verdict.roadworthy,
    }
    return "".join(f"{name}={_property(value)}\n" for name, value in facts.items() if value)


def _property(value: str) -> str:
    utf16 = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").encode("utf-16-be")
    units = (int.from_bytes(utf16[i : i + 2]) for i in range(0, len(utf16), 2))
    return "".join(chr(unit) if unit < 0x7F else f"\\u{unit:04x}" for unit in units)  # noqa: PLR2004 - ASCII's end


def _result(verdict: Verdict, result: Result, evidence: Collection[str]) -> TestResult:
    identity = _id(verdict.target, verdict.environment, result.check, result.component)
    starts, stops = zip(*(_times(verdict, look) for look in result.looks), strict=True) if result.looks else ((), ())
    return TestResult(
        uuid=_id(verdict.run, result.node_id),
        historyId=identity,
        testCaseId=_id(result.check),
        fullName=f"{result.family}.{result.check}[{result.component}]",
        name=f"{result.component}: {result.title}",
        description=f"{result.why} ({result.source})",
        status=Status.SKIPPED if result.is_finding and not result.blocking else STATUSES[result.outcome],
        statusDetails=_details(result),
        stage="finished",
        labels=list(_labels(verdict, result)),
        links=[Link(type=LinkType.LINK, url=url, name=text) for text, url in findings.links(result.source)],
        parameters=[
            Parameter(name="component", value=result.component),
            Parameter(name="promised", value=result.promised, excluded=True),
        ],
        steps=[_step(verdict, look, evidence) for look in result.looks],
        start=min(starts, default=_ms(verdict.started.timestamp())),
        stop=max(stops, default=_ms(verdict.started.timestamp())),
    )


def _details(result: Result) -> StatusDetails | None:
    if not result.is_finding:
        return StatusDetails(flaky=True) if result.flaky else None
    behind = f"behind {result.blocked_by}: " if result.blocked_by else ""
    said = result.seen if result.blocking else findings.unblocking(result)
    return StatusDetails(
        message=f"{behind}{said}", trace=findings.told(result), flaky=result.flaky, known=result.is_waived or None
    )


def _labels(verdict: Verdict, result: Result) -> Iterable[Label]:
    yield Label(name=LabelType.SEVERITY, value=SEVERITIES[result.severity].value)
    yield Label(name=LabelType.PARENT_SUITE, value=f"{verdict.target} ({verdict.environment})")
    yield Label(name=LabelType.SUITE, value=result.family)
    yield Label(name=LabelType.SUB_SUITE, value=result.check)
    yield Label(name=LabelType.EPIC, value=verdict.target)
    yield Label(name=LabelType.FEATURE, value=result.component)
    yield Label(name=LabelType.STORY, value=result.title)
    yield Label(name=LabelType.FRAMEWORK, value="roadworthy")
    yield Label(name=LabelType.TAG, value="blocking" if result.blocking else "not blocking")
    if result.is_waived:
        yield Label(name=LabelType.TAG, value="waived")
    for promise in result.promises:
        yield Label(name=LabelType.TAG, value=promise)


def _step(verdict: Verdict, look: Look, evidence: Collection[str]) -> TestStepResult:
    start, stop = _times(verdict, look)
    attached = [Attachment(name="evidence", source=_attached(look.evidence), type=AttachmentType.JSON.mime_type)]
    details = f"{look.seen}\nby hand: {look.by_hand}" if look.outcome is not Outcome.PASSED else None
    return TestStepResult(
        name=f"{look.what} at {look.address}" if look.address else look.what,
        status=STATUSES[look.outcome],
        statusDetails=StatusDetails(message=details) if details else None,
        stage="finished",
        attachments=attached if look.evidence in evidence else [],
        parameters=[Parameter(name="attempts", value=str(look.attempts))] if look.attempts > 1 else [],
        start=start,
        stop=stop,
    )


def _attached(evidence: str | None) -> str:
    """The attachment's file name: results that share an observation share its file."""
    return f"{_id(evidence or '')}-attachment.json"


def _id(*parts: str) -> str:
    """The same for the same parts, and for no others."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(parts)))


def _times(verdict: Verdict, look: Look) -> tuple[int, int]:
    """Start and stop in ms since 1970."""
    start = (look.observed_at or verdict.started).timestamp()
    return _ms(start), _ms(start + look.elapsed_s)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
