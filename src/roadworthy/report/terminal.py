"""The verdict on a terminal: the decision first, then one line a cause, then what a person needs to act.

Nothing is said of passed checks but their number. Commands stand on lines of their own and are never wrapped, so that
they can be copied from any width.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from roadworthy.report import findings
from roadworthy.report.text import clipped, encodable, tellable
from roadworthy.verdict.models import Decision, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
STYLES = {
    Decision.GO: "bold green",
    Decision.NO_GO: "bold red",
    Decision.INCONCLUSIVE: "bold yellow",
    Decision.INTERRUPTED: "bold yellow",
}
OUTCOME_STYLES = {Outcome.FAILED: "red", Outcome.NOT_OBSERVED: "yellow", Outcome.PASSED: "green"}
SEEN_LIMIT = 600
HEADLINE_LIMIT = 200
LINE_LIMIT = 400
COMMANDS_LIMIT = 3
FINDINGS_LIMIT = 5
NARROWEST = 24  # a second column stays readable, whatever the first one holds
INDENT = "  "


def print_verdict(verdict: Verdict, console: Console, *, quiet: bool = False, folder: Path | None = None) -> None:
    """Prints the verdict for a person.

    Args:
        verdict: the finished run, scrubbed of secrets.
        console: where to; its width, colours and encoding are respected.
        quiet: one line only.
        folder: the run's folder, to say where the report is.
    """
    verdict = tellable(verdict)
    with _commands_stopped(console):
        page = _Page(console)
        if quiet:
            page.line_of(verdict)
        else:
            page.all_of(verdict, folder)


@contextmanager
def _commands_stopped(console: Console) -> Iterator[None]:
    """Keeps GitHub's runner from obeying `::command::` in what a server sent.

    See "Stopping and starting workflow commands" in GitHub's reference of workflow commands.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    token = secrets.token_hex(16)
    console.out(f"::stop-commands::{token}", highlight=False)
    try:
        yield
    finally:
        console.out(f"::{token}::", highlight=False)


class _Page:
    def __init__(self, console: Console) -> None:
        self.console = console

    def text(self, content: str, style: str = "") -> Text:
        return Text(encodable(content, self.console.encoding), style=style)

    def line(self, *parts: Text) -> None:
        """One line, wrapped between words where the console is narrow."""
        for line in self.wrapped(Text.assemble(*parts), self.console.width):
            self.console.print(line, soft_wrap=True)

    def wrapped(self, content: Text, width: int) -> Iterator[Text]:
        for line in content.wrap(self.console, width, overflow="fold"):
            line.rstrip()
            yield line

    def verbatim(self, content: str, style: str = "") -> None:
        """Lines that nothing is done to: the terminal may show them on two rows, a copy stays whole."""
        for line in content.splitlines():
            self.console.print(self.text(line, style), soft_wrap=True, highlight=False)

    def hanging(self, *rows: tuple[Text, Text]) -> None:
        """A first column as wide as it must be, a second that wraps within itself."""
        indent = max(label.cell_len for label, _ in rows) + 2
        width = max(self.console.width - indent, NARROWEST)
        for label, content in rows:
            for number, line in enumerate(self.wrapped(content, width)):
                margin = Text(" " * (indent - (label.cell_len if number == 0 else 0)))
                self.console.print(Text.assemble(*([label] if number == 0 else []), margin, line), soft_wrap=True)

    def all_of(self, verdict: Verdict, folder: Path | None) -> None:
        grouped = findings.groups(verdict)
        self.head(verdict, grouped)
        self.causes(grouped)
        for group in grouped:
            self.group(group)
        self.advice(findings.advice(verdict))
        self.waived(findings.waived(verdict))
        self.notes(verdict)
        self.reports(folder)

    def line_of(self, verdict: Verdict) -> None:
        again = f"REPLAY of {verdict.replay_of}: " if verdict.replay_of else ""
        self.verbatim(clipped(" ".join(f"{again}{verdict.headline}".split()), LINE_LIMIT), STYLES[verdict.decision])

    def head(self, verdict: Verdict, grouped: tuple[findings.Group, ...]) -> None:
        style = STYLES[verdict.decision]
        mark = findings.DECISION_MARKS[verdict.decision]
        self.line(
            self.text(f"{mark} {findings.decided(verdict)}", style), self.text(f"  {findings.subject(verdict)}", "bold")
        )
        if replayed := findings.replay(verdict):
            self.line(self.text(replayed, "bold reverse yellow"))
        if verdict.decision in {Decision.INCONCLUSIVE, Decision.INTERRUPTED}:
            self.line(self.text(findings.meaning(verdict)))
        facts = [
            *([findings.plural(len(grouped), "cause")] if grouped else []),
            findings.counts(verdict),
            findings.plural(verdict.observations, "observation"),
            findings.duration(verdict.elapsed_s),
        ]
        self.line(self.text(" · ".join(facts)))

    def causes(self, grouped: tuple[findings.Group, ...]) -> None:
        if not grouped:
            return
        self.console.print()
        self.hanging(
            *(
                (
                    self.text(f"{findings.MARKS[group.cause.outcome]} {group.cause.severity.label}",
                              OUTCOME_STYLES[group.cause.outcome]),
                    Text.assemble(
                        self.text(clipped(findings.one_line(group.cause.headline), HEADLINE_LIMIT), "bold"),
                        self.text(findings.behind(group), "bold"),
                        self.text(f"  {group.cause.check}", "dim"),
                        self.text("" if group.cause.blocking else " (does not block)", "dim"),
                    ),
                )
                for group in grouped
            )
        )  # fmt: skip

    def group(self, group: findings.Group) -> None:
        cause = group.cause
        self.console.print()
        self.line(
            self.text(f"{findings.MARKS[cause.outcome]} {cause.check}", f"bold {OUTCOME_STYLES[cause.outcome]}"),
            self.text(f"  {findings.named(cause.components)}", "bold"),
            self.text(f"  {cause.severity.label}, {cause.outcome.value}"),
        )
        alone = len(group.findings) == 1
        for finding in group.findings[:FINDINGS_LIMIT]:
            places = f"  ({findings.named(finding.promised_at, 3)})" if finding.promised_at else ""
            self.rows(
                *([] if alone else [("at", findings.named(finding.components))]),
                ("promised", finding.first.promised + places),
                ("seen", clipped(finding.first.seen, SEEN_LIMIT)),
            )
        self.more(len(group.findings) - FINDINGS_LIMIT)
        if first := group.first:
            self.rows(("why", f"{first.why} ({first.source})"))
            self.by_hand(group)
            self.rows(("what to do", first.repair))
        self.behind(group)

    def by_hand(self, group: findings.Group) -> None:
        if not group.by_hand:
            return
        self.line(self.text(f"{INDENT}by hand", "dim"))
        for command in group.by_hand[:COMMANDS_LIMIT]:
            self.verbatim("\n".join(f"{INDENT * 2}{line}" for line in command.splitlines()))
        self.more(len(group.by_hand) - COMMANDS_LIMIT)

    def more(self, count: int) -> None:
        if count > 0:
            self.line(self.text(f"{INDENT * 2}and {count} more in the report", "dim"))

    def rows(self, *rows: tuple[str, str]) -> None:
        self.hanging(*((self.text(f"{INDENT}{name:<10}", "dim"), self.text(value.strip())) for name, value in rows))

    def behind(self, group: findings.Group) -> None:
        if not group.behind:
            return
        self.rows(("behind it", f"{len(group.behind)} that this explains"))
        for checks, components in group.explained:
            self.rows(("", f"{components}: {checks}"))

    def advice(self, grouped: tuple[findings.Group, ...]) -> None:
        """Compact: what it says, of whom, by which check."""
        if not grouped:
            return
        self.console.print()
        self.line(
            self.text("Advice", "bold"), self.text("  best practice that nobody promised; it does not block", "dim")
        )
        for group in grouped:
            self.aside(findings.adviser(group), clipped(group.cause.headline, SEEN_LIMIT))

    def waived(self, found: tuple[findings.Finding, ...]) -> None:
        """What failed, and who answers for it."""
        if not found:
            return
        self.console.print()
        self.line(self.text("Waived", "bold"), self.text("  not as promised; somebody answers for it", "dim"))
        for finding in found:
            said = f"{findings.named(finding.components)}: {clipped(finding.first.seen, SEEN_LIMIT)}"
            self.aside(finding.first.check, "\n".join([said, *map(findings.waiver, finding.first.waived_by)]))

    def aside(self, name: str, words: str) -> None:
        self.line(self.text(f"{INDENT}{name}"))
        indent = Text(INDENT * 2)
        for line in self.wrapped(self.text(words), max(self.console.width - indent.cell_len, NARROWEST)):
            self.console.print(Text.assemble(indent, line), soft_wrap=True)

    def notes(self, verdict: Verdict) -> None:
        notes = findings.notes(verdict)
        if notes:
            self.console.print()
            self.hanging(*((self.text("note", "dim"), self.text(clipped(note, SEEN_LIMIT))) for note in notes))

    def reports(self, folder: Path | None) -> None:
        if folder is not None:
            self.console.print()
            self.verbatim(f"report  {_near(folder / 'report.html')}", "dim")


def _near(path: Path) -> Path:
    """The path as one would type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
