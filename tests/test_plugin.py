"""The plugin through real pytest runs: real checks, real probes, a small real deployment on loopback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.deployments import outcomes, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployments import Deployment, Verify


def test_a_healthy_deployment_is_go(verify: Verify, target: Path, tmp_path: Path) -> None:
    done = verify("--target", target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdict(tmp_path)["decision"] == "go"
    assert set(outcomes(tmp_path).values()) == {"passed"}
    assert "HEALTH-STATUS[api]" in outcomes(tmp_path)


def test_one_observation_serves_all_checks_of_the_same_page(
    verify: Verify, target: Path, deployment: Deployment
) -> None:
    verify("--target", target)
    assert sorted(deployment.asked) == ["/", "/health", "/version", "/version"]  # /version again at the end


def test_a_broken_promise_is_no_go_and_pytest_calls_it_failed(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path
) -> None:
    deployment.status = 404
    done = verify("--target", target)
    assert done.returncode == 1
    assert outcomes(tmp_path)["HEALTH-STATUS[api]"] == "failed"
    assert "failed" in done.stdout.splitlines()[-1]
    assert "404" in done.stdout


def test_what_cannot_be_seen_is_inconclusive_and_pytest_calls_it_an_error(
    verify: Verify, target: Path, tmp_path: Path
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text('network: {resolver: "127.0.0.1:9"}\ncomponents: {api: {url: "http://api.shop.example"}}\n')
    done = verify("--target", target, "--overlay", overlay)
    assert done.returncode == 20
    assert set(outcomes(tmp_path).values()) == {"not observed"}
    assert "error" in done.stdout.splitlines()[-1]


def test_a_stopped_service_is_one_cause(verify: Verify, target: Path, tmp_path: Path, deployment: Deployment) -> None:
    closed = target.read_text().replace(str(deployment.port), "9")
    target.write_text(closed)
    assert verify("--target", target).returncode == 1
    causes = verdict(tmp_path)["causes"]
    assert isinstance(causes, list)
    assert [cause["id"] for cause in causes] == ["REACH-TCP:api"]


def test_collect_only_sends_nothing_and_leaves_nothing(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path
) -> None:
    done = verify("--target", target, "--collect-only", "-q")
    assert done.returncode == 0
    assert "test_" in done.stdout
    assert deployment.asked == []
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(("option", "value"), [("-k", "version"), ("-m", "release")])
def test_only_what_is_selected_is_observed(
    verify: Verify, target: Path, deployment: Deployment, option: str, value: str
) -> None:
    assert verify("--target", target, option, value).returncode == 0
    assert set(deployment.asked) == {"/version"}


def test_ids_hold_the_target_so_that_a_cache_takes_none_for_another(verify: Verify, target: Path) -> None:
    done = verify("--target", target, "--collect-only", "-q")
    assert "[shop:api]" in done.stdout


def test_what_was_not_judged_blocks_whatever_blocks_otherwise(verify: Verify, target: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "test_own.py"
    own.parent.mkdir()
    own.write_text("import pytest\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n")
    assert verify("--target", target, "--fail-on", "critical", suites=own).returncode == 20


def test_nothing_selected_is_exit_5(verify: Verify, target: Path, deployment: Deployment) -> None:
    assert verify("--target", target, "-k", "no_such_check").returncode == 5
    assert deployment.asked == []


def test_with_workers_nothing_is_seen_twice(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path
) -> None:
    done = verify("--target", target, "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(deployment.asked) == ["/", "/health", "/version", "/version"]
    assert len(outcomes(tmp_path)) >= 4


def test_a_replay_says_the_same_without_a_socket(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path
) -> None:
    deployment.status = 503
    assert verify("--target", target).returncode == 1
    live, run = outcomes(tmp_path), verdict(tmp_path)
    deployment.asked.clear()
    again = verify("--replay", run["run"])
    assert again.returncode == 1
    assert deployment.asked == []
    replayed = verdict(tmp_path)
    assert outcomes(tmp_path) == live
    assert replayed["causes"] == run["causes"]
    assert replayed["replay_of"] == run["run"]
    assert "REPLAY" in again.stdout


def test_a_replay_of_what_was_not_recorded_is_not_green(verify: Verify, target: Path, tmp_path: Path) -> None:
    assert verify("--target", target, "-m", "release").returncode == 0
    assert verify("--target", target, "--replay", verdict(tmp_path)["run"]).returncode == 20


def test_the_old_release_is_no_go(verify: Verify, target: Path, tmp_path: Path) -> None:
    assert verify("--target", target, "--expect-version", "2.0").returncode == 1
    assert outcomes(tmp_path)["RELEASE-VERSION[api]"] == "failed"


def test_the_gate_waits_for_the_release(verify: Verify, target: Path, deployment: Deployment, tmp_path: Path) -> None:
    deployment.builds = ["1.0", "1.0", "1.0", "2.0"]
    done = verify("--target", target, "--expect-version", "2.0", "--wait", "30s", "--settle", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = verdict(tmp_path)["rounds"]
    assert isinstance(rounds, list)
    assert [round_["good"] for round_ in rounds][-2:] == [True, True]
    assert not rounds[0]["good"]


def test_a_release_that_goes_back_is_seen_at_the_end(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("components: {api: {health: null, headers: null}}\n")
    deployment.builds = ["1.0", "0.9"]
    assert verify("--target", target, "--overlay", overlay).returncode == 1
    assert outcomes(tmp_path)["RELEASE-VERSION[api]"] == "passed"
    assert outcomes(tmp_path)["RELEASE-STILL[api]"] == "failed"


def test_fail_on_decides_what_blocks_not_what_is_told(verify: Verify, target: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("components: {api: {headers: {x-frame-options: SAMEORIGIN}}}\n")
    assert verify("--target", target, "--overlay", overlay).returncode == 1
    assert verify("--target", target, "--overlay", overlay, "--fail-on", "critical").returncode == 0
    assert outcomes(tmp_path)["HDR-XFO[api]"] == "failed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schema: 1\nname: x\nenvironment: t\ncomponents: {api: {url: 'http://a', helth: {path: /}}}", "health"),
        ("schema: 1\nname: x\nenvironment: t\ncomponents: {api: {url: 'http://a', headers: {}}}", "promises nothing"),
        ("schema: 1\nname: x\nenvironment: t\ncomponents: {api: {url: 'http://a'}}", "nothing verifies"),
    ],
)
def test_a_target_with_a_mistake_is_refused(verify: Verify, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    done = verify("--target", file)
    assert done.returncode == 4
    assert "bad.yaml:4:" in done.stderr
    assert told in done.stderr


def test_suites_without_a_target_are_refused(verify: Verify) -> None:
    assert verify().returncode == 4


@pytest.mark.parametrize("option", ["--target", "--replay", "--expect-version", "--resolver", "--reports"])
def test_an_option_that_a_variable_left_empty_is_refused(
    verify: Verify, target: Path, deployment: Deployment, option: str
) -> None:
    assert verify("--target", target, option, "").returncode == 4
    assert deployment.asked == []


def test_a_route_for_a_name_that_nobody_has_is_refused(verify: Verify, target: Path) -> None:
    done = verify("--target", target, "--connect-to", "localhots:80:127.0.0.2:80")
    assert done.returncode == 4
    assert "'localhots:80:127.0.0.2:80' is about no component" in done.stderr


def test_a_part_of_the_checks_says_so(verify: Verify, target: Path, tmp_path: Path) -> None:
    done = verify("--target", target, suites="suites/release")
    assert done.returncode == 0
    held = verdict(tmp_path)
    assert re.fullmatch(r"2 of \d+ checks", str(held["part"]))
    assert held["headline"] == f"GO ({held['part']}): shop"
    assert str(held["part"]) in done.stdout


def test_a_suite_that_cannot_be_read_is_not_green(verify: Verify, target: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "test_broken.py").write_text("import no_such_module\n")
    (own / "test_fine.py").write_text("def test_fine():\n    pass\n")
    for options in (("-n", "2"), ("--continue-on-collection-errors",)):
        done = verify("--target", target, *options, suites=own)
        assert done.returncode == 20, done.stdout
        assert "no_such_module" in done.stdout


def test_stopping_at_the_first_finding_is_no_interruption(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path
) -> None:
    deployment.status = 404
    assert verify("--target", target, "-x", "-n", "2", "-k", "promised_status").returncode == 1
    assert verdict(tmp_path)["decision"] == "no-go"


def test_what_never_settled_is_not_green(verify: Verify, target: Path, deployment: Deployment, tmp_path: Path) -> None:
    deployment.builds = ["1.0", "0.9"] + ["1.0"] * 9
    done = verify("--target", target, "--wait", "1s", "--settle", "2")
    assert done.returncode == 20
    assert "did not settle" in done.stdout
    assert not all(round_["good"] for round_ in verdict(tmp_path)["rounds"])  # type: ignore[attr-defined]


def test_a_name_that_does_not_resolve_is_waited_for(verify: Verify, target: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        'network: {resolver: "127.0.0.1:9", timeout: 2s}\ncomponents: {api: {url: "http://api.shop.example"}}\n'
    )
    done = verify("--target", target, "--overlay", overlay, "--wait", "3s")
    assert done.returncode == 20, done.stderr
    rounds = verdict(tmp_path)["rounds"]
    assert isinstance(rounds, list)
    assert len(rounds) > 1
    assert "no answer from 127.0.0.1" in rounds[0]["waiting_for"][0]


@pytest.mark.parametrize(
    ("key", "content", "told"),
    [
        ("ca_file", None, "No such file"),
        ("ca_file", "nothing", "holds no PEM certificate"),
        ("trust_anchor", None, "No such file"),
        ("trust_anchor", "nothing", "holds no DS or DNSKEY record"),
    ],
)
def test_a_file_of_the_network_that_is_none_is_refused(  # noqa: PLR0917 - fixtures
    verify: Verify, target: Path, tmp_path: Path, key: str, content: str | None, told: str
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"network: {{{key}: named.file}}\n")
    if content:
        (tmp_path / "named.file").write_text(content)
    done = verify("--target", target, "--overlay", overlay)
    assert done.returncode == 4
    assert "overlay.yaml:1:" in done.stderr
    assert told in done.stderr


def test_settling_that_takes_longer_than_the_wait_is_refused(verify: Verify, target: Path) -> None:
    assert verify("--target", target, "--wait", "5s", "--settle", "8").returncode == 4


@pytest.mark.parametrize(("build", "code"), [("4.0.1", 0), ("4.0.2", 1)])
def test_a_promise_by_reference_is_judged_by_its_value(  # noqa: PLR0917 - fixtures
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path, build: str, code: int
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("components: {api: {release: null, health: {json: {version: '${env:BUILD}'}}}}\nrelease: null\n")
    deployment.builds = ["4.0.1"]
    done = verify("--target", target, "--overlay", overlay, env={"BUILD": build})
    assert done.returncode == code
    assert "4.0.1" not in done.stdout or code


def test_reports_that_cannot_be_written_are_no_verdict(verify: Verify, target: Path, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    assert verify("--target", target).returncode == 4


def test_asks_that_only_secrets_tell_apart_are_refused(verify: Verify, target: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    paths = ", ".join(f"{{path: '/a?t=eyJhbGciOi.eyJzdWIiOi.{end}'}}" for end in ("one", "two"))
    overlay.write_text(f"components: {{api: {{health: [{paths}]}}}}\n")
    done = verify("--target", target, "--overlay", overlay)
    assert done.returncode == 4
    assert "differ only in what looks like a secret" in done.stderr
    assert "eyJ" not in done.stderr


def test_no_secret_leaves_the_run(verify: Verify, target: Path, deployment: Deployment, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "components: {api: {health: {path: '/health?key=${env:API_KEY}', contains: '${env:API_KEY}'}}}\n"
    )
    done = verify("--target", target, "--overlay", overlay, env={"API_KEY": "s3cr3t-planted"})
    assert done.returncode == 1
    assert any("s3cr3t-planted" in path for path in deployment.asked)
    written = [file for file in (tmp_path / "reports").rglob("*") if file.is_file()]
    assert written
    leaks = [file.name for file in written if {b"s3cr3t-planted", b"hunter22"} & set(_words(file.read_bytes()))]
    assert leaks == []
    assert "s3cr3t-planted" not in done.stdout + done.stderr


def _words(content: bytes) -> list[bytes]:
    return [secret for secret in (b"s3cr3t-planted", b"hunter22") if secret in content]


def test_a_skipped_or_crashing_check_is_never_green(verify: Verify, target: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "test_own.py"
    own.parent.mkdir()
    own.write_text(
        "import pytest\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n\ndef test_bug():\n    {}['x']\n"
    )
    done = verify("--target", target, suites=own)
    assert done.returncode == 20
    assert set(outcomes(tmp_path).values()) == {"not observed"}
