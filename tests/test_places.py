"""Where folders are looked for."""

from pathlib import Path

import pytest

from roadworthy.places import OWN, reports_folder, suites_folder, targets_folder


def test_the_nearest_targets_above_the_working_folder_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "targets").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert targets_folder() == tmp_path / "targets"
    assert reports_folder() == tmp_path / "reports"
    assert suites_folder() == OWN / "suites"


def test_without_any_the_own_ones_count_and_reports_stay_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert targets_folder() == OWN / "targets"
    assert reports_folder() == tmp_path / "reports"
