"""Allure results, read back from disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.report import allure
from roadworthy.report.text import tellable
from tests.report import verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.verdict.models import Verdict


def written(verdict: Verdict, folder: Path) -> list[dict[str, Any]]:
    results = allure.write(tellable(verdict), folder)
    return sorted((json.loads(file.read_text()) for file in results.glob("*-result.json")), key=lambda r: r["fullName"])


def label(result: dict[str, Any], name: str) -> list[str]:
    return [entry["value"] for entry in result["labels"] if entry["name"] == name]


@pytest.mark.parametrize("name", verdicts.BUILT)
def test_each_result_is_written_with_an_id_of_its_own(name: str, tmp_path: Path) -> None:
    results = written(verdicts.BUILT[name](), tmp_path)
    assert len(results) == len(verdicts.BUILT[name]().results)
    assert len({result["uuid"] for result in results}) == len(results)


def test_the_history_id_stays_and_the_uuid_does_not(tmp_path: Path) -> None:
    first = written(verdicts.verdict(verdicts.result()), tmp_path / "1")[0]
    later = written(verdicts.verdict(verdicts.failed(), run="later"), tmp_path / "2")[0]
    assert first["historyId"] == later["historyId"]
    assert first["uuid"] != later["uuid"]


def test_another_component_check_or_environment_has_another_history(tmp_path: Path) -> None:
    verdict = verdicts.verdict(verdicts.result(), verdicts.result(component="www"), verdicts.result("TLS-NAME"))
    elsewhere = verdicts.verdict(verdicts.result(), environment="staging")
    results = written(verdict, tmp_path / "1") + written(elsewhere, tmp_path / "2")
    assert len({result["historyId"] for result in results}) == 4


def test_failed_is_failed_and_not_observed_is_broken(tmp_path: Path) -> None:
    verdict = verdicts.verdict(verdicts.failed("A"), verdicts.unseen("B"), verdicts.result("C"))
    failed, broken, passed = written(verdict, tmp_path)
    assert [failed["status"], broken["status"], passed["status"]] == ["failed", "broken", "passed"]
    assert failed["statusDetails"]["message"].startswith("expires 5 Nov 2026")
    assert "what to do: Renew the certificate" in failed["statusDetails"]["trace"]
    assert "statusDetails" not in passed


def test_what_does_not_block_is_skipped_and_says_why(tmp_path: Path) -> None:
    accepted, advice = (one for one in written(verdicts.waived(), tmp_path) if "not blocking" in label(one, "tag"))
    assert [accepted["status"], advice["status"]] == ["skipped", "skipped"]
    assert accepted["statusDetails"]["known"] is True
    assert accepted["statusDetails"]["message"].startswith("waived by ops@shop.example until 31 Dec 2026")
    assert "waived" in label(accepted, "tag")
    assert advice["statusDetails"]["message"].startswith("advice: TLS 1.2")


def test_a_pass_after_a_retry_is_flaky(tmp_path: Path) -> None:
    result = written(verdicts.verdict(verdicts.result(looks=(verdicts.look(attempts=2),))), tmp_path)[0]
    assert result["statusDetails"] == {"flaky": True}


def test_labels_links_and_parameters(tmp_path: Path) -> None:
    result = written(verdicts.verdict(verdicts.failed()), tmp_path)[0]
    assert label(result, "severity") == ["critical"]
    assert label(result, "parentSuite") == ["demo (production)"]
    assert label(result, "suite") == ["tls"]
    assert label(result, "subSuite") == ["TLS-EXPIRY"]
    assert label(result, "feature") == ["api"]
    assert [link["url"] for link in result["links"]] == [
        "https://www.rfc-editor.org/rfc/rfc5280",
        "https://cabforum.org/working-groups/server/",
    ]
    assert {"name": "component", "value": "api"} in result["parameters"]
    assert result["stop"] - result["start"] == 31


def test_evidence_is_attached_once_and_as_it_is(tmp_path: Path) -> None:
    evidence = tmp_path / str(verdicts.look().evidence)
    evidence.parent.mkdir()
    evidence.write_text('{"seen": "something"}')
    verdict = verdicts.verdict(verdicts.result(), verdicts.result("TLS-NAME"))
    folder = allure.write(verdict, tmp_path)
    (attached,) = folder.glob("*-attachment.json")
    assert attached.read_text() == '{"seen": "something"}'
    for file in folder.glob("*-result.json"):
        (step,) = json.loads(file.read_text())["steps"]
        assert [entry["source"] for entry in step["attachments"]] == [attached.name]


def test_evidence_that_is_not_there_is_not_attached(tmp_path: Path) -> None:
    (step,) = written(verdicts.verdict(verdicts.result()), tmp_path)[0]["steps"]
    assert "attachments" not in step


def test_writing_again_replaces(tmp_path: Path) -> None:
    written(verdicts.no_go(), tmp_path)
    assert len(written(verdicts.go(), tmp_path)) == 4


def test_the_environment_is_a_java_properties_file() -> None:
    lines = allure.environment(verdicts.verdict(environment="a\\b\né🚦")).splitlines()
    assert r"environment=a\\b\n\u00e9\ud83d\udea6" in lines
    assert "target=demo" in lines
    assert "decision=go" in lines
