"""Waivers, advice and what does not block, through real pytest runs: the verdict and pytest's own count agree."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.deployments import outcomes, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployments import Deployment, Verify

TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
ENTRY = {"check": "HDR-XFO", "component": "api", "owner": "ops", "reason": "framed by the intranet (SHOP-1412)"}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """An overlay that promises a header which is not what is sent."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("components: {api: {headers: {x-frame-options: SAMEORIGIN}}}\n")
    return overlay


def waivers(tmp_path: Path, **changes: object) -> Path:
    """A file with one waiver in line 2."""
    file = tmp_path / "answered-for.yaml"
    entry = {**ENTRY, "expires": TOMORROW, **changes}
    file.write_text(f"schema: 1\nwaivers: [{json.dumps(entry)}]\n")
    return file


def uses(tmp_path: Path) -> list[tuple[str, str]]:
    found = verdict(tmp_path)["waivers"]
    assert isinstance(found, list)
    return [(use["state"], use["told"]) for use in found]


def blockers(tmp_path: Path) -> list[str]:
    causes = verdict(tmp_path)["causes"]
    assert isinstance(causes, list)
    return [cause["id"] for cause in causes if cause["blocking"]]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_waived_finding_is_told_and_does_not_block(
    verify: Verify, target: Path, broken: Path, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    done = verify("--target", target, "--overlay", broken, "--waivers", waivers(tmp_path), *workers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(tmp_path)["HDR-XFO[api]"] == "failed"
    held = verdict(tmp_path)
    assert held["headline"] == "GO (1 waived): shop"
    assert blockers(tmp_path) == []
    assert uses(tmp_path) == [("holds", "it ends in 1 day")]
    assert " xfailed" in done.stdout
    assert "1 failed" not in done.stdout
    assert "waived by ops until" in done.stdout


def test_without_waivers_it_blocks_again(verify: Verify, target: Path, broken: Path, tmp_path: Path) -> None:
    options = ("--target", target, "--overlay", broken, "--waivers", waivers(tmp_path), "--no-waivers")
    done = verify(*options)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "no waivers in this run (--no-waivers)" in done.stdout


def test_an_expired_waiver_does_not_hold_and_says_so(
    verify: Verify, target: Path, broken: Path, tmp_path: Path
) -> None:
    done = verify("--target", target, "--overlay", broken, "--waivers", waivers(tmp_path, expires="2026-01-31"))
    assert done.returncode == 1
    assert uses(tmp_path) == [("expired", "its time is over: what it was for counts again")]
    assert "expired, until 31 Jan 2026 23:59:59 UTC" in " ".join(done.stdout.split())


def test_an_unused_waiver_is_told_where_its_check_was_judged(verify: Verify, target: Path, tmp_path: Path) -> None:
    file = waivers(tmp_path)
    assert verify("--target", target, "--waivers", file).returncode == 0
    assert uses(tmp_path) == [("unused", "passed: take it out")]
    assert verdict(tmp_path)["headline"] == "GO: shop"
    assert verify("--target", target, "--waivers", file, "-m", "release").returncode == 0
    assert uses(tmp_path) == []


def test_a_waiver_of_what_the_component_does_not_promise_is_unused(
    verify: Verify, target: Path, tmp_path: Path
) -> None:
    assert verify("--target", target, "--waivers", waivers(tmp_path, check="TLS-EXPIRY")).returncode == 0
    assert uses(tmp_path) == [("unused", "the check has nothing to judge on this component: take it out")]


def test_what_cannot_be_observed_cannot_be_waived(
    verify: Verify, target: Path, tmp_path: Path, deployment: Deployment
) -> None:
    deployment.status = 503
    file = waivers(tmp_path)
    done = verify("--target", target, "--waivers", file, "-m", "headers")
    assert done.returncode == 20, done.stdout
    assert uses(tmp_path) == [("not observed", "could not be observed, which can't be waived: it counts")]


def test_what_follows_from_a_waived_finding_is_not_waived(
    verify: Verify, target: Path, tmp_path: Path, deployment: Deployment
) -> None:
    deployment.status = 404
    done = verify("--target", target, "--waivers", waivers(tmp_path, check="HEALTH-STATUS"), "-k", "health")
    assert done.returncode == 20, done.stdout
    found = outcomes(tmp_path)
    assert (found["HEALTH-STATUS[api]"], found["HEALTH-JSON[api]"]) == ("failed", "not observed")
    ((state, told),) = uses(tmp_path)
    assert state == "holds"
    assert told.startswith("what follows from it is not waived: HEALTH-JSON [api]")


def test_nobody_waits_for_what_is_waived(verify: Verify, target: Path, tmp_path: Path, deployment: Deployment) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("components: {api: {health: {path: /health, json: null}}}\n")
    deployment.status = 503
    file = waivers(tmp_path, check="HEALTH-STATUS")
    selected = ("-k", "health or accepts", "--wait", "20s")
    done = verify("--target", target, "--overlay", overlay, "--waivers", file, *selected)
    assert done.returncode == 0, done.stdout
    assert [round_["good"] for round_ in verdict(tmp_path)["rounds"]] == [True]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("scope", "code"), [({"seen": "DENY"}, 0), ({"seen": "not sent"}, 1)])
def test_a_waiver_can_be_for_what_was_seen(  # noqa: PLR0917 - fixtures
    verify: Verify, target: Path, broken: Path, tmp_path: Path, scope: dict[str, str], code: int
) -> None:
    done = verify("--target", target, "--overlay", broken, "--waivers", waivers(tmp_path, **scope))
    assert done.returncode == code, done.stdout
    assert uses(tmp_path)[0][0] == ("holds" if code == 0 else "does not fit")


def test_waivers_beside_where_the_run_starts_are_found(
    verify: Verify, target: Path, broken: Path, tmp_path: Path
) -> None:
    waivers(tmp_path).rename(tmp_path / "waivers.yaml")
    options = ("--target", target, "--overlay", broken)
    assert verify(*options, cwd=tmp_path).returncode == 0
    assert verify(*options).returncode == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"check": "HDR-XF0"}, "unknown check 'HDR-XF0'; did you mean HDR-XFO?"),
        ({"component": "apu"}, "unknown component 'apu'; did you mean api? allowed: api; if it is one of another"),
        ({"owner": None}, "owner: found nothing (null); allowed: text"),
        ({"expires": "2036-01-01"}, "expires: found 2036-01-01; 366 days ahead at most"),
        ({"expires": "soon"}, "expires: found 'soon' (text); allowed: a day"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place_and_nothing_is_sent(  # noqa: PLR0917 - fixtures
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    done = verify("--target", target, "--waivers", waivers(tmp_path, **changes))
    assert done.returncode == 4
    assert "answered-for.yaml:2:" in done.stderr
    assert told in done.stderr
    assert deployment.asked == []
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("file", ["", "no-such-file.yaml"])
def test_a_file_of_waivers_that_is_none_is_refused(verify: Verify, target: Path, file: str) -> None:
    assert verify("--target", target, "--waivers", file).returncode == 4


def test_a_replay_is_judged_at_the_moment_of_its_recording(
    verify: Verify, target: Path, broken: Path, tmp_path: Path
) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    file = waivers(tmp_path, expires=f"{ends:%Y-%m-%dT%H:%M:%SZ}")
    assert verify("--target", target, "--overlay", broken, "--waivers", file).returncode == 0
    run = verdict(tmp_path)["run"]
    snapshot = tmp_path / "reports" / str(run) / "target.json"
    recorded = json.loads(snapshot.read_text())
    later = datetime.fromisoformat(recorded["started"]) + timedelta(days=1)
    assert verify("--replay", run, "--waivers", file).returncode == 0
    snapshot.write_text(json.dumps({**recorded, "started": later.isoformat()}))
    assert verify("--replay", run, "--waivers", file).returncode == 1


def test_what_does_not_block_is_no_failure_of_pytests(
    verify: Verify, target: Path, broken: Path, tmp_path: Path
) -> None:
    done = verify("--target", target, "--overlay", broken, "--fail-on", "critical", "-x")
    assert done.returncode == 0
    assert " xfailed" in done.stdout
    assert "1 failed," in done.stdout, "the verdict counts what was seen"
    assert "failed, " not in done.stdout.splitlines()[-1].replace("xfailed", "")
    assert "HDR-XFO (does not block)" in done.stdout
    assert blockers(tmp_path) == []


def test_what_failed_last_is_what_blocked(verify: Verify, target: Path, broken: Path, tmp_path: Path) -> None:
    options, cache = ("--target", target, "--overlay", broken, "--lf"), tmp_path / "cache"
    assert verify(*options, cache=cache).returncode == 1
    assert verify(*options, cache=cache).returncode == 1
    assert list(outcomes(tmp_path)) == ["HDR-XFO[api]"]
    assert verify(*options, "--waivers", waivers(tmp_path), cache=cache).returncode == 0
    assert list(outcomes(tmp_path)) == ["HDR-XFO[api]"]
    assert verify(*options, "--waivers", waivers(tmp_path), cache=cache).returncode == 0
    assert len(outcomes(tmp_path)) == 6


def test_advice_is_told_apart_and_go_stays_go(verify: Verify, target: Path, tmp_path: Path) -> None:
    own = tmp_path / "health" / "test_advice.py"
    own.parent.mkdir()
    own.write_text(
        "from roadworthy.cases.health import HealthCase\n"
        "from roadworthy.check import check\n\n\n"
        '@check("HEALTH-ADVICE", severity="info", source="RFC 0", by_hand="true", repair="None is needed.")\n'
        "def test_it_could_be_better(health: HealthCase) -> None:\n"
        '    """Nobody promised it."""\n'
        '    raise AssertionError("it could be better (RFC 0)")\n\n\n'
        '@check("HEALTH-FINE", severity="low", source="RFC 0", by_hand="true", repair="None is needed.")\n'
        "def test_it_is_fine(health: HealthCase) -> None:\n"
        '    """Somebody promised it."""\n'
        "    assert health\n"
    )
    done = verify("--target", target, suites=own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 advice" in done.stdout
    assert "1 passed, 1 xfailed" in done.stdout
    assert "Advice  best practice that nobody promised" in done.stdout
    assert str(verdict(tmp_path)["headline"]).startswith("GO (2 of ")
    assert str(verdict(tmp_path)["headline"]).endswith(" checks): shop")
    assert verify("--target", target, "--fail-on", "info", suites=own).returncode == 1


def test_the_marker_rough_is_known(verify: Verify, target: Path) -> None:
    assert verify("--target", target, "-m", "not rough").returncode == 0
    assert verify("--target", target, "-m", "rough").returncode == 5
