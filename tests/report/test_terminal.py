"""The verdict on a terminal: verdict first, sound in every width, encoding and colour, and obeyed by nothing."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from roadworthy.report import print_verdict, terminal
from tests.report import verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.verdict.models import Verdict

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
STYLING = re.compile(r"\x1b\[[0-9;]*m")


def told(verdict: Verdict, width: int = 100, *, quiet: bool = False) -> str:
    file = io.StringIO()
    terminal.print_verdict(verdict, Console(file=file, width=width), quiet=quiet)
    return file.getvalue()


def coloured(verdict: Verdict) -> str:
    file = io.StringIO()
    terminal.print_verdict(verdict, Console(file=file, width=100, force_terminal=True))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("go", "✓ GO  demo (production), release 2026.11.3"),
        ("no-go", "✗ NO-GO  demo (production), release 2026.11.3"),
        ("inconclusive", "? INCONCLUSIVE  demo (production), release 2026.11.3"),
        ("interrupted", "? INTERRUPTED  demo (production), release 2026.11.3"),
    ],
)
def test_the_verdict_is_the_first_line(name: str, first: str) -> None:
    assert told(verdicts.BUILT[name]()).splitlines()[0] == first


def test_of_passed_checks_only_the_number_is_told() -> None:
    text = told(verdicts.go())
    assert "4 passed · 57 observations · 3.2 s" in text
    assert "TLS-EXPIRY" not in text


def test_a_cause_is_one_line_and_says_how_much_is_behind_it() -> None:
    lines = told(verdicts.no_go()).splitlines()
    assert lines[3] == "✗ critical  database: connection refused + 20 behind it  REACH-TCP"
    assert lines[4] == "✗ low       api, www: server: nginx/1.31.3  HDR-VERSIONS (does not block)"


def test_a_finding_says_all_that_a_person_needs() -> None:
    text = told(verdicts.no_go(), width=200)
    assert "promised    tcp.open: true  (targets/demo.yaml:12:3)" in text
    assert "seen        connection refused" in text
    assert "why         Renewal runs daily" in text
    assert "(CA/B SC-081v3; RFC 5280" in text
    assert "what to do  Renew the certificate" in text


def test_what_is_behind_a_cause_is_listed_and_not_explained() -> None:
    text = told(verdicts.no_go(), width=300)
    assert "service-08, service-09: HEALTH-STATUS, HEALTH-JSON" in text
    assert "503 at /health" not in text


def test_a_finding_that_no_cause_names_is_told_too() -> None:
    text = told(verdicts.verdict(verdicts.failed(), causes=()))
    assert "✗ high  api: expires 5 Nov 2026" in text
    assert "what to do  Renew" in text


def test_findings_of_one_cause_that_saw_different_things_are_told_apart() -> None:
    one, other = verdicts.failed(), verdicts.failed(component="www", seen="expires 6 Nov 2026: 3 days left")
    text = told(verdicts.verdict(one, other, causes=(verdicts.cause(one, other),)))
    assert "at          api\n" in text
    assert "at          www\n" in text
    assert text.count("what to do") == 1


def test_what_is_waived_is_told_with_its_owner_reason_and_end() -> None:
    lines = told(verdicts.waived(), width=200).splitlines()
    assert lines[:2] == ["✓ GO (1 waived)  demo (production), release 2026.11.3", lines[1]]
    assert lines[1].startswith("4 passed, 1 waived, 1 advice · 57 observations")
    at = lines.index("Waived  not as promised; somebody answers for it")
    assert lines[at + 1 : at + 3] == ["  HDR-XFO", "    www: not sent"]
    assert lines[at + 3] == (
        "    waived by ops@shop.example until 31 Dec 2026 23:59:59 UTC: framed by the intranet (SHOP-1412)"
        " (waivers.yaml:3:5)"
    )


def test_what_became_of_waivers_is_a_note_where_somebody_must_act() -> None:
    text = " ".join(told(verdicts.waived(), width=200).split())
    assert "waiver of TLS-EXPIRY [api] by ops@shop.example (waivers.yaml:8:5) unused: passed: take it out" in text
    assert "waivers.yaml:8:5) expired, until 31 Oct 2026 23:59:59 UTC: its time is over" in text
    assert "waiver of HDR-XFO" not in text


def test_advice_is_compact_and_no_cause() -> None:
    lines = told(verdicts.waived(), width=200).splitlines()
    at = lines.index("Advice  best practice that nobody promised; it does not block")
    assert lines[at + 1 : at + 3] == ["  TLS-ADVICE", "    api: TLS 1.2 is still offered (RFC 9325)"]
    assert not [line for line in lines if "what to do" in line or "cause" in line or "failed" in line]


def test_a_replay_is_said_loudly() -> None:
    assert told(verdicts.replayed()).splitlines()[1].startswith("REPLAY of 2026-11-02T09-00-00-demo")
    assert told(verdicts.replayed(), quiet=True).startswith("REPLAY of ")
    assert "REPLAY" not in told(verdicts.go())


def test_notes_tell_of_retries_and_of_waiting() -> None:
    text = told(verdicts.flaky())
    assert "note  passed only after a retry: TLS-EXPIRY [api]" in text
    assert "note  waited 4 rounds, 2 not good (waited for api)" in text


@pytest.mark.parametrize("name", verdicts.BUILT)
def test_quiet_is_one_line(name: str) -> None:
    assert told(verdicts.BUILT[name](), width=60, quiet=True).count("\n") == 1


def test_quiet_says_the_decision_and_its_cause() -> None:
    assert told(verdicts.no_go(), quiet=True) == "NO-GO: demo: database: connection refused + 20 behind it\n"


@pytest.mark.parametrize("width", [20, 60, 80])
def test_a_command_is_never_wrapped_or_cut(width: int) -> None:
    command = verdicts.look().by_hand
    assert f"\n    {command}\n" in told(verdicts.no_go(), width=width)


@pytest.mark.parametrize("name", ["go", "no-go", "waived", "inconclusive", "replayed", "flaky"])
def test_everything_but_commands_fits_into_60_columns(name: str) -> None:
    lines = [line for line in told(verdicts.BUILT[name](), width=60).splitlines() if "openssl s_client" not in line]
    assert max(map(len, lines)) <= 60
    assert not [line for line in lines if line != line.rstrip()]


def test_a_terminal_gets_colour_and_a_pipe_none() -> None:
    assert STYLING.search(coloured(verdicts.no_go()))
    assert not STYLING.search(told(verdicts.no_go()))


def test_no_color_leaves_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    codes = {code for style in STYLING.findall(coloured(verdicts.no_go())) for code in style[2:-1].split(";")}
    assert not {code for code in codes if code.startswith(("3", "4", "9")) and len(code) > 1}


def test_nothing_that_a_server_sent_controls_the_terminal() -> None:
    assert not CONTROLS.search(told(verdicts.filled(verdicts.HOSTILE)))
    assert not CONTROLS.search(STYLING.sub("", coloured(verdicts.filled(verdicts.HOSTILE))))
    assert r"\x1b[2J" in told(verdicts.filled(verdicts.HOSTILE))


def test_a_long_message_is_clipped_and_says_so() -> None:
    text = told(verdicts.verdict(verdicts.failed(seen="x" * 10_000)))
    assert "(10000 characters in all)" in text.replace("\n", " ").replace("              ", "")
    assert len(text) < 5_000


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("name", verdicts.BUILT)
def test_a_locale_without_our_marks_is_no_obstacle(name: str, encoding: str) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    terminal.print_verdict(verdicts.BUILT[name](), Console(file=file, width=60))
    file.flush()
    assert verdicts.BUILT[name]().decision.value.upper() in raw.getvalue().decode(encoding)


def test_the_report_is_named_as_one_would_type_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = io.StringIO()
    print_verdict(verdicts.go(), tmp_path / "reports" / "r1", str, console=Console(file=file, width=60))
    assert file.getvalue().endswith("report  reports/r1/report.html\n")


def test_github_obeys_no_command_in_what_a_server_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    lines = told(verdicts.verdict(verdicts.failed(seen="gone\n::error::gotcha"))).splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert lines[-1] == f"::{token}::"
    assert any("::error::gotcha" in line for line in lines[1:-1])
