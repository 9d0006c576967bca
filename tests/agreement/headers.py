"""Headers: the same site, seen by us (promising `mdn-observatory-6`) and by the MDN HTTP Observatory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from roadworthy.sandbox import running
from roadworthy.verdict.models import Outcome, Verdict
from tests.agreement.looking import addresses

if TYPE_CHECKING:
    from roadworthy.sandbox import Sandbox

HERE = Path(__file__).parent
TARGET = HERE / "observatory.yaml"
HOST = "shop.observatory.example"
TESTS = {
    "HDR-HSTS": "strict-transport-security",
    "HDR-CSP-EFFECT": "content-security-policy",
    "HDR-FRAMING": "x-frame-options",
    "HDR-NOSNIFF": "x-content-type-options",
    "HDR-COOKIES": "cookies",
    "HDR-SRI": "subresource-integrity",
    "HDR-MIXED": "subresource-integrity",
    "HDR-REFERRER": "referrer-policy",
    "HTTP-REDIRECT": "redirection",
}
"""Which of the Observatory's tests asks the same as a check of ours."""
SUBJECTS = (
    "",
    "hsts-gone",
    "hsts-short",
    "hsts-twice",
    "nosniff-gone",
    "csp-weak",
    "framing-open",
    "page-tells-referrers",
    "referrer-policy-gone",
    "cookie-in-the-clear",
    "cookie-readable",
    "cookie-refused",
    "digest-gone",
    "mixed-content",
    "redirect-gone",
    "redirect-temporary",
)
"""Faults of the site, each a site of its own kind."""


def ours(sandbox: Sandbox) -> frozenset[str]:
    """The Observatory's tests that the site does not pass by our checks."""
    with tempfile.TemporaryDirectory() as reports:
        command = [sys.executable, "-m", "roadworthy.cli", "gate", str(TARGET), "-q", "--reports", reports]
        subprocess.run([*command, "--overlay", str(sandbox.overlay)], capture_output=True, timeout=180, check=False)
        verdict = Verdict.model_validate_json(next(Path(reports).glob("*/verdict.json")).read_bytes())
    return frozenset(
        TESTS[result.check]
        for result in verdict.results
        if result.check in TESTS and result.outcome is not Outcome.PASSED
    )


def observatory(sandbox: Sandbox, package: str) -> frozenset[str]:
    """The tests that the site does not pass by the Observatory itself.

    Args:
        sandbox: what runs the site.
        package: the folder of `@mdn/mdn-http-observatory`, as npm installs it.
    """
    network = yaml.safe_load(sandbox.overlay.read_text())["network"]
    ip, _ = addresses(sandbox, "@nginx")[0]
    done = subprocess.run(
        ["node", str(HERE / "observatory.mjs"), package, HOST, ip],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": network["ca_file"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return frozenset(name for name, test in said["tests"].items() if not test["pass"])


def headers_table(package: str) -> None:
    """Every fault, and what each of us holds against it."""
    print("| site | we alone | it alone | both |\n|---|---|---|---|")
    with running(TARGET) as sandbox:
        for fault in SUBJECTS:
            if fault:
                sandbox.break_(fault)
            mine, its = ours(sandbox), observatory(sandbox, package)
            columns = (mine - its, its - mine, mine & its)
            told = " | ".join(", ".join(sorted(column)) or "-" for column in columns)
            print(f"| {fault or 'healthy'} | {told} |", flush=True)
            if fault:
                sandbox.mend(fault)
