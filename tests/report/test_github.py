"""What GitHub Actions is told, and only GitHub Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.check import Severity
from roadworthy.report import github, write_reports
from tests.report import verdicts

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_each_cause_is_annotated_where_it_was_promised() -> None:
    first, second = github.commands(verdicts.no_go())
    assert first == (
        "::error file=targets/demo.yaml,line=12,col=3,title=REACH-TCP (critical%2C failed)%3A database"
        "::database: connection refused + 20 behind it%0Awhat to do: Renew the certificate, and find out why the "
        "renewal job did not."
    )
    assert second.startswith("::warning file=targets/demo.yaml,line=10,col=22,title=HDR-VERSIONS")


def test_advice_is_a_notice() -> None:
    (line,) = github.commands(verdicts.verdict(verdicts.failed(severity=Severity.INFO, blocking=False)))
    assert line.startswith("::notice ")


def test_waivers_are_annotated_where_they_stand() -> None:
    lines = list(github.commands(verdicts.waived()))
    assert [line.partition(" ")[0] for line in lines] == ["::notice", "::notice", "::notice", "::warning"]
    assert lines[1].startswith(
        "::notice file=waivers.yaml,line=3,col=5,title=waiver of HDR-XFO (holds)%3A www::waived by"
    )
    assert "title=waiver of TLS-NAME (expired)%3A api" in lines[3]


def test_nothing_in_a_message_begins_another_command() -> None:
    lines = list(github.commands(verdicts.verdict(verdicts.failed(seen="50%\r\n::error::x", component="a,b:c"))))
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert "50%25%0D%0A::error::x" in lines[0]
    assert "a%2Cb%3Ac" in lines[0].partition("::a,b:c")[0]


def test_a_promise_without_a_place_is_annotated_without_one() -> None:
    (line,) = github.commands(verdicts.verdict(verdicts.failed(promised_at=None)))
    assert line.startswith("::error title=")


def test_elsewhere_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_reports(verdicts.no_go(), tmp_path, str)
    assert capsys.readouterr().out == ""


def test_on_github_the_summary_is_appended_and_causes_annotated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "step.md"
    page.write_text("earlier\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    written = write_reports(verdicts.no_go(), tmp_path / "run", str)
    assert page.read_text() == "earlier\n" + written["markdown"].read_text() + "\n"
    assert capsys.readouterr().out.count("::error ") == 1
