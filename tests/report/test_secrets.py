"""A secret in any text of a verdict is in no output, however that output escapes its text."""

from __future__ import annotations

import base64
import html
import io
import json
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from pydantic import BaseModel
from rich.console import Console

from roadworthy.report import print_verdict, scrubbed, write_reports
from roadworthy.report.text import tellable
from roadworthy.verdict.models import Cause, Look, Result, Round, Verdict, Waived, WaiverUse
from tests.report import verdicts

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hun\"ter'2<&>|`é+/=\\\x1b"


def scrub(text: str) -> str:
    return text.replace(SECRET, "[redacted]")


def spellings() -> set[str]:
    shown = SECRET.replace("\x1b", r"\x1b")
    texts = {SECRET, shown, SECRET[:-1]}
    escaped = {json.dumps(text)[1:-1] for text in texts} | {
        json.dumps(text, ensure_ascii=False)[1:-1] for text in texts
    }
    return (
        texts
        | escaped
        | {html.escape(text) for text in texts}
        | {html.escape(text, quote=False) for text in texts}
        | {quote(text) for text in texts}
        | {base64.b64encode(text.encode()).decode() for text in texts}
        | {"hun"}  # and no part of it, however escaped
    )


def texts_of(value: object, field: str = "") -> set[tuple[str, str]]:
    """(Model.field, text) of every string in a model."""
    if isinstance(value, BaseModel):
        name = type(value).__name__
        return {
            found for part in type(value).model_fields for found in texts_of(getattr(value, part), f"{name}.{part}")
        }
    if isinstance(value, tuple):
        return {found for part in value for found in texts_of(part, field)}
    return {(field, value)} if isinstance(value, str) and not isinstance(value, Enum) else set()


def test_the_verdict_of_these_tests_has_the_text_in_every_field_that_takes_one() -> None:
    texts = texts_of(verdicts.filled("MARK"))
    assert not [field for field, text in texts if "MARK" not in text]
    model_fields = {
        f"{model.__name__}.{name}"
        for model in (Verdict, Result, Cause, Look, Round, Waived, WaiverUse)
        for name, field in model.model_fields.items()
        if "str" in str(field.annotation)
    }
    assert {field for field, _ in texts} == model_fields


def test_no_file_holds_a_secret(tmp_path: Path) -> None:
    verdict = verdicts.filled(SECRET)
    name = str(scrubbed(verdict, scrub).results[0].looks[0].evidence)
    (tmp_path / "evidence").mkdir()
    (tmp_path / name).write_text("redacted when it came", encoding="utf-8")
    write_reports(verdict, tmp_path, scrub)
    (tmp_path / name).unlink()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 4 + 3 + 1 + 1  # four reports, Allure's results, attachment and environment
    for file in files:
        content = file.read_text(encoding="utf-8")
        assert "redacted" in content
        assert not [spelling for spelling in spellings() if spelling in content], file


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("width", [60, 300])
def test_the_terminal_shows_no_secret(width: int, tmp_path: Path, *, quiet: bool) -> None:
    file = io.StringIO()
    print_verdict(verdicts.filled(SECRET), tmp_path, scrub, quiet=quiet, console=Console(file=file, width=width))
    assert "[redacted]" in file.getvalue()
    assert not [spelling for spelling in spellings() if spelling in file.getvalue()]


def test_github_is_told_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    write_reports(verdicts.filled(SECRET), tmp_path / "run", scrub)
    told = capsys.readouterr().out + (tmp_path / "step.md").read_text(encoding="utf-8")
    assert "redacted" in told
    assert not [spelling for spelling in spellings() if spelling in told]


def test_scrubbing_and_neutralising_change_text_alone() -> None:
    verdict = verdicts.no_go()
    assert scrubbed(verdict, str) == verdict
    assert tellable(verdict) == verdict
    assert tellable(tellable(verdicts.filled(verdicts.HOSTILE))) == tellable(verdicts.filled(verdicts.HOSTILE))


def test_every_report_is_written_whole_and_nothing_else(tmp_path: Path) -> None:
    written = write_reports(verdicts.go(), tmp_path / "new" / "run", str)
    assert {kind: path.name for kind, path in written.items()} == {
        "json": "verdict.json",
        "html": "report.html",
        "junit": "junit.xml",
        "markdown": "summary.md",
        "allure": "allure-results",
    }
    assert set((tmp_path / "new" / "run").iterdir()) == set(written.values())
