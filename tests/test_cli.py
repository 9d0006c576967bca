"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from roadworthy.cli import main


def test_coverage_names_every_promise_of_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", "--json"]) == 0
    promises = json.loads(capsys.readouterr().out)["promises"]
    assert len(promises) == 134
    assert all({"id", "targets", "checks", "faults"} <= promise.keys() for promise in promises)
    by_id = {promise["id"]: promise for promise in promises}
    assert by_id["ELY-TLS-1"]["targets"] == ["elymica"]
    assert "TLS-TRUST" in by_id["ELY-TLS-1"]["checks"]
    assert "edge-certificate-expired" in by_id["ELY-TLS-1"]["faults"]
    assert by_id["POR-CAP-1"]["missing"] == "target"


def test_a_promise_that_is_carried_is_judged_and_proven(capsys: pytest.CaptureFixture[str]) -> None:
    main(["coverage", "--json"])
    promises = json.loads(capsys.readouterr().out)["promises"]
    assert [promise["id"] for promise in promises if promise["missing"] in ("check", "fault")] == []


def test_coverage_for_people_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", "--family", "tls"]) == 0
    told = capsys.readouterr().out
    assert "ELY-TLS-1" in told
    assert "ELY-SVC-1" not in told
    assert told.rstrip().splitlines()[-1].startswith("9 promises: 8 proven (a fault turned their check red), 1 in part")


def test_checks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks"]) == 0
    assert "TLS-EXPIRY" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "COMMAND"),
        (["no-such-command"], "invalid choice"),
        (["gate"], "name the target first"),
        (["gate", "--overlay", "x.yaml", "demo"], "name the target first"),
        (["gate", "no-such-target"], "no target 'no-such-target'"),
        (["target", "validate", "no-such-target"], "no target 'no-such-target'"),
        (["coverage", "--what"], "unknown option --what"),
    ],
)
def test_a_mistake_in_the_command_is_exit_4(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 4
    printed = capsys.readouterr()
    assert told in printed.err + printed.out


def test_help_and_version_are_no_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main(["--version"]) == 0
    assert "roadworthy 0.1.0" in capsys.readouterr().out
