"""The commands that a finding offers do what they say, on a machine that has curl and openssl."""

from __future__ import annotations

import subprocess

import pytest

from tests.matrix.seeing import gate, up

TOOLS = ("curl", "openssl", "time curl")

NOT_HERE = {"HTTP-LANDS"}
"""Follows a redirect to port 443, which the sandbox can't have: nothing that one command of a finding could know."""


@pytest.mark.full
@pytest.mark.real
def test_every_command_by_hand_gets_an_answer() -> None:
    with up("demo") as sandbox:
        verdict = gate(sandbox, "demo")
        commands = {
            result.check: look.by_hand
            for result in verdict.results
            for look in result.looks
            if look.by_hand.startswith(TOOLS) and result.check not in NOT_HERE
        }
        assert {"HEALTH-STATUS", "TLS-EXPIRY", "TLS-TRUST", "HTTP-REDIRECT", "HDR-HSTS", "HDR-CORS"} <= commands.keys()
        silent = {check: command for check, command in commands.items() if not _answers(command)}
    assert silent == {}


def _answers(command: str) -> bool:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode == 0 and bool(done.stdout + done.stderr)
