"""What would be sent is listed and not sent; what would be too much is refused; contact and budget reach the wire."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from roadworthy.commands.gate import verify as gate
from tests.deployments import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployments import Deployment, Verify


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_dry_run_lists_everything_and_sends_nothing(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    done = verify("--target", target, "--dry-run", *workers)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "shop (test): this would be sent. Nothing was, not even a look-up of a name."
    here = f"127.0.0.1:{deployment.port}"
    assert f"    1   GET http://{here}/health" in lines
    assert "        for HEALTH-STATUS [api], HEALTH-JSON [api]" in lines
    assert f"    1   GET http://{here}/version" in lines[lines.index("At the very end:") :]
    assert lines[-1] == "    5   127.0.0.1"
    assert deployment.asked == []
    assert not (tmp_path / "reports").exists()


def test_it_lists_what_is_selected_and_what_is_waited_for(verify: Verify, target: Path) -> None:
    done = verify("--target", target, "--dry-run", "-m", "release", "--wait", "5m")
    assert "Before that, for 5m at most, a round a second of what is marked w: 1 exchange a round." in done.stdout
    assert done.stdout.count(" w GET ") == 1
    assert "/health" not in done.stdout


def test_it_is_json_for_programs(verify: Verify, target: Path, deployment: Deployment) -> None:
    held = json.loads(verify("--target", target, "--dry-run", "--json").stdout)
    assert held["hosts"] == {"127.0.0.1": 5}
    assert held["looked_up"] == []
    first = held["asks"][0]
    assert first["ask"]["host"] == "127.0.0.1"
    assert (first["when"], first["exchanges"]) == ("normal", 1)
    assert deployment.asked == []


def test_a_name_is_listed_as_looked_up_and_not_looked_up(verify: Verify, target: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text('network: {resolver: "127.0.0.1:9"}\ncomponents: {api: {url: "http://api.shop.example"}}\n')
    done = verify("--target", target, "--overlay", overlay, "--dry-run")
    assert done.returncode == 0
    assert "Looked up at 127.0.0.1:9: api.shop.example" in done.stdout
    assert "GET http://api.shop.example/health\n" in done.stdout
    routed = verify(
        "--target", target, "--overlay", overlay, "--dry-run", "--connect-to", "api.shop.example:80:192.0.2.1:81"
    )
    assert "GET http://api.shop.example/health, at 192.0.2.1:81\n" in routed.stdout
    assert "Looked up" not in routed.stdout


def test_it_tells_no_secret(verify: Verify, target: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("components: {api: {health: {path: '/health?key=${env:API_KEY}'}}}\n")
    for options in ((), ("--json",)):
        done = verify(
            "--target", target, "--overlay", overlay, "--dry-run", *options, env={"API_KEY": "s3cr3t-planted"}
        )
        assert done.returncode == 0
        assert "s3cr3t" not in done.stdout + done.stderr
        assert "/health?key=${env:API_KEY}" in done.stdout


def test_the_gate_has_it_too(target: Path, deployment: Deployment, capfd: pytest.CaptureFixture[str]) -> None:
    pid = os.fork()  # pytest within pytest would share its plugins
    if pid == 0:
        os._exit(gate(str(target), ["--dry-run"]))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert capfd.readouterr().out.startswith("shop (test): this would be sent.")
    assert deployment.asked == []


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("--dry-run",)])
def test_a_run_that_needs_more_than_its_budget_is_refused(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path, options: tuple[str, ...]
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("network: {budget: 4}\n")
    done = verify("--target", target, "--overlay", overlay, *options)
    assert done.returncode == 4, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert "the budget is 4 exchanges of one run with one name, and this one needs 5 exchanges with 127.0.0.1" in told
    assert "4 of http (" in told
    assert deployment.asked == []
    assert not list((tmp_path / "reports").glob("*"))


def test_a_run_within_its_budget_is_not(verify: Verify, target: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("network: {budget: 5}\n")
    assert verify("--target", target, "--overlay", overlay).returncode == 0
    assert verify("--target", target, "--overlay", overlay, "--dry-run").returncode == 0


def test_waiting_leaves_the_budget_to_the_run(
    verify: Verify, target: Path, deployment: Deployment, tmp_path: Path
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("network: {budget: 5}\n")
    deployment.builds = ["0.9"] * 4 + ["1.0"]
    done = verify("--target", target, "--overlay", overlay, "--wait", "20s")
    assert done.returncode == 0, done.stdout
    assert len(deployment.asked) > 8
    assert len(verdict(tmp_path)["rounds"]) >= 3  # type: ignore[arg-type]


def test_the_client_says_who_it_is(verify: Verify, target: Path, deployment: Deployment, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("network: {contact: 'mailto:ops@shop.example'}\n")
    verify("--target", target, "--overlay", overlay, "-m", "release")
    assert deployment.agents
    assert all(agent.startswith("roadworthy/") for agent in deployment.agents)
    assert {agent.partition(" ")[2] for agent in deployment.agents} == {"(+mailto:ops@shop.example)"}


@pytest.mark.parametrize("contact", ["ops", "mailto:ops", "https://ops.example/(x)"])
def test_a_contact_that_is_none_is_refused(verify: Verify, target: Path, tmp_path: Path, contact: str) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"network: {{contact: '{contact}'}}\n")
    done = verify("--target", target, "--overlay", overlay)
    assert done.returncode == 4
    assert "overlay.yaml:1:" in done.stderr
    assert "mailto:ops@shop.example" in done.stderr


def test_a_dry_run_of_nothing_says_so(verify: Verify, target: Path) -> None:
    done = verify("--target", target, "--dry-run", "-k", "no_such_check")
    assert done.returncode == 5
    assert "nothing selected" in done.stderr


def test_a_dry_run_of_a_suite_that_cannot_be_read_says_so(verify: Verify, target: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "test_broken.py").write_text("import no_such_module\n")
    done = verify("--target", target, "--dry-run", suites=own)
    assert done.returncode != 0
    assert "no_such_module" in done.stderr


def test_json_is_for_the_dry_run(verify: Verify, target: Path) -> None:
    assert verify("--target", target, "--json").returncode == 4
