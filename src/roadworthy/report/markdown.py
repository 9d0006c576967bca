"""`summary.md`: the verdict for a pull request or a job's summary page (GitHub-flavoured Markdown)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.report import findings
from roadworthy.report.text import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.verdict.models import Verdict

SEEN_LIMIT = 1_000
COMMANDS_LIMIT = 3
COMMAND_LIMIT = 4_000
SIZE_LIMIT = 900_000  # GitHub refuses a step's summary of more than 1 MiB, all of it


def render(verdict: Verdict) -> str:
    """The verdict as Markdown; findings that would not fit are counted, not shown."""
    grouped = findings.groups(verdict)
    text = "\n".join([*_head(verdict), *_causes(grouped), ""])
    for number, group in enumerate(grouped):
        section = "\n".join([*_group(group), ""])
        if len((text + section).encode()) > SIZE_LIMIT:
            text += f"\n{findings.plural(len(grouped) - number, 'more cause')}: see the full report.\n"
            break
        text += section
    asides = "\n".join([*_advice(findings.advice(verdict)), *_waived(findings.waived(verdict))])
    if len((text + asides).encode()) <= SIZE_LIMIT:
        text += asides
    return text + "\n".join(_foot(verdict))


def escaped(text: str) -> str:
    """Text that Markdown and HTML leave alone, on one line of source; a line break stays one on the page."""
    text = re.sub(r"([\\`*\[\]|~#$]|(?<!\w)_|_(?!\w))", r"\\\1", text.strip())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return re.sub(r"\s*\n\s*", "<br>", text)


def fenced(text: str) -> str:
    """A code block, its fence longer than any in the text."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}sh\n{text}\n{fence}"


def _head(verdict: Verdict) -> Iterable[str]:
    mark = findings.DECISION_MARKS[verdict.decision]
    yield f"## {mark} {escaped(findings.decided(verdict))}: {escaped(findings.subject(verdict))}"
    yield ""
    if replayed := findings.replay(verdict):
        yield from ("> [!WARNING]", f"> **{escaped(replayed)}**", "")
    yield findings.meaning(verdict) + "\\"
    yield (
        f"{findings.counts(verdict)} · {findings.plural(verdict.observations, 'observation')} · "
        f"{findings.duration(verdict.elapsed_s)} · {findings.moment(verdict.started)}"
    )
    yield ""


def _causes(grouped: tuple[findings.Group, ...]) -> Iterable[str]:
    if not grouped:
        return
    yield from ("| Severity | Cause | Check | Behind it | Blocks |", "|---|---|---|---:|---|")
    for group in grouped:
        cause = group.cause
        cells = (
            f"{findings.MARKS[cause.outcome]} {cause.severity.label}",
            escaped(clipped(cause.headline, SEEN_LIMIT)),
            escaped(cause.check),
            str(len(group.behind) or ""),
            "yes" if cause.blocking else "no",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _group(group: findings.Group) -> Iterable[str]:
    cause = group.cause
    yield f"### {escaped(cause.check)}: {escaped(findings.named(cause.components))} ({cause.outcome.value})"
    yield ""
    for finding in group.findings:
        places = f" ({escaped(findings.named(finding.promised_at, 3))})" if finding.promised_at else ""
        if len(group.findings) > 1:
            yield f"- **at:** {escaped(findings.named(finding.components))}"
        yield f"- **promised:** {escaped(finding.first.promised)}{places}"
        yield f"- **seen:** {escaped(clipped(finding.first.seen, SEEN_LIMIT))}"
    if first := group.first:
        yield f"- **why:** {escaped(first.why)} ({escaped(first.source)})"
        yield f"- **what to do:** {escaped(first.repair)}"
    if group.behind:
        explained = (f"{escaped(components)}: {escaped(checks)}" for checks, components in group.explained)
        yield f"- **behind it ({len(group.behind)}):** {'; '.join(explained)}"
    if group.by_hand:
        yield f"- **by hand:**\n\n{fenced(clipped(chr(10).join(group.by_hand[:COMMANDS_LIMIT]), COMMAND_LIMIT))}"
    yield ""


def _advice(grouped: tuple[findings.Group, ...]) -> Iterable[str]:
    if not grouped:
        return
    yield from ("<details><summary>Advice: best practice that nobody promised; it does not block</summary>", "")
    for group in grouped:
        yield f"- {escaped(findings.adviser(group))}: {escaped(clipped(group.cause.headline, SEEN_LIMIT))}"
    yield from ("", "</details>", "", "")


def _waived(found: tuple[findings.Finding, ...]) -> Iterable[str]:
    if not found:
        return
    yield from ("### Waived", "", "| Check | Component | Seen | Owner | Until | Reason |", "|---|---|---|---|---|---|")
    for finding in found:
        for waiver in finding.first.waived_by:
            cells = (
                finding.first.check,
                findings.named(finding.components),
                clipped(finding.first.seen, SEEN_LIMIT),
                waiver.owner,
                findings.moment(waiver.expires),
                f"{waiver.reason} ({waiver.at})",
            )
            yield f"| {' | '.join(map(escaped, cells))} |"
    yield from ("", "")


def _foot(verdict: Verdict) -> Iterable[str]:
    for note in findings.notes(verdict):
        yield f"- note: {escaped(clipped(note, SEEN_LIMIT))}"
    yield ""
    yield f"<sub>roadworthy {escaped(verdict.roadworthy)} · run {escaped(verdict.run)}</sub>"
    yield ""
