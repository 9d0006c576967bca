"""GitHub Actions: the job's summary page, and an annotation at the target file's line for each cause.

Both only where GitHub asks for them through its environment variables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.check import Severity
from roadworthy.report import findings
from roadworthy.report.text import clipped, encodable
from roadworthy.verdict.models import WaiverState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.verdict.models import Verdict

MESSAGE_LIMIT = 2_000


def announce(verdict: Verdict, summary: str) -> None:
    """Appends the summary to `$GITHUB_STEP_SUMMARY` and prints annotations, each where GitHub set its variable."""
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary + "\n")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        encoding = sys.stdout.encoding or "utf-8"
        for line in commands(verdict):
            sys.stdout.write(encodable(line, encoding) + "\n")
        sys.stdout.flush()


def commands(verdict: Verdict) -> Iterable[str]:
    """One workflow command a cause: `::error file=...,line=...,col=...,title=...::message`."""
    for group in (*findings.groups(verdict), *findings.advice(verdict)):
        cause = group.cause
        level = "error" if cause.blocking else "notice" if cause.severity is Severity.INFO else "warning"
        properties = {
            **_place(group),
            "title": f"{cause.check} ({cause.severity.label}, {cause.outcome.value}): {', '.join(cause.components)}",
        }
        written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        message = f"{cause.headline}{findings.behind(group)}"
        if group.findings:
            message += f"\nwhat to do: {group.findings[0].first.repair}"
        yield f"::{level} {written}::{_message(clipped(message, MESSAGE_LIMIT))}"
    yield from _waivers(verdict)


def _waivers(verdict: Verdict) -> Iterable[str]:
    """What became of waivers, where they stand: a warning where one did not do what it is there for."""
    for use in verdict.waivers:
        quiet = use.state in (WaiverState.HOLDS, WaiverState.UNUSED)
        properties = {**_at(use.at), "title": f"waiver of {use.check} ({use.state.value}): {use.component}"}
        written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        message = "; ".join(filter(None, (findings.waiver(use), use.told)))
        yield f"::{'notice' if quiet else 'warning'} {written}::{_message(clipped(message, MESSAGE_LIMIT))}"


def _place(group: findings.Group) -> dict[str, str]:
    for finding in group.findings:
        for promised_at in finding.promised_at:
            return _at(promised_at)
    return {}


def _at(place: str) -> dict[str, str]:
    file, line, column = findings.place(place)
    parts = {"file": file, "line": line, "col": column}
    return {name: str(value) for name, value in parts.items() if value is not None}


def _message(text: str) -> str:
    """As @actions/core escapes a command's data."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As @actions/core escapes a command's property."""
    return _message(clipped(text, MESSAGE_LIMIT)).replace(":", "%3A").replace(",", "%2C")
