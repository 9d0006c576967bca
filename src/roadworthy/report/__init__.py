"""What a finished run tells: one module a format, each reads the `Verdict`, none runs anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from roadworthy.report.text import scrubbed, tellable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from roadworthy.verdict.models import Verdict

__all__ = ["print_verdict", "scrubbed", "write_reports"]


def write_reports(verdict: Verdict, folder: Path, scrub: Callable[[str], str]) -> dict[str, Path]:
    """Writes every report into the run's folder, and tells GitHub where it asks.

    Args:
        verdict: the finished run.
        folder: the run's folder, which holds its evidence; made where it is not there.
        scrub: takes secrets out of a text; applied to every string before it is escaped for a format.

    Returns:
        Path by format: `json`, `html`, `junit`, `markdown`, `allure`.
    """
    # Formats are imported as they are needed: a run that only lists its checks pays for none.
    from roadworthy.report import allure, github, html, json, junit, markdown  # noqa: PLC0415

    told = tellable(scrubbed(verdict, scrub))
    summary = markdown.render(told)
    contents = {
        "json": ("verdict.json", json.render(told).encode()),
        "html": ("report.html", html.render(told).encode()),
        "junit": ("junit.xml", junit.render(told)),
        "markdown": ("summary.md", summary.encode()),
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = {kind: _write(folder / name, content) for kind, (name, content) in contents.items()}
    written["allure"] = allure.write(told, folder)
    github.announce(told, summary)
    return written


def print_verdict(
    verdict: Verdict,
    folder: Path,
    scrub: Callable[[str], str],
    *,
    quiet: bool = False,
    console: Console | None = None,
) -> None:
    """Prints the verdict for a person: on stdout, unless another console is given; one line where quiet."""
    from rich.console import Console as StandardOutput  # noqa: PLC0415 - see write_reports

    from roadworthy.report import terminal  # noqa: PLC0415 - see write_reports

    told = scrubbed(verdict, scrub)
    terminal.print_verdict(told, console or StandardOutput(), quiet=quiet, folder=folder)


def _write(path: Path, content: bytes) -> Path:
    """Writes all of a file or none: a reader never meets half a report."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return path
