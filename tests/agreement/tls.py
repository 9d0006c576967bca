"""TLS: the same server, seen by us, by sslscan and by testssl.sh.

Each says which protocol versions it accepts, with which cipher suites, and which groups; testssl.sh also which
vulnerabilities it has. What a tool does not tell is None and compared with nothing.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.facts.base import Seen
from roadworthy.facts.tls import TlsScanAsk, TlsScanObservation
from tests.agreement.looking import evidence_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roadworthy.sandbox import Sandbox

SUBJECTS: tuple[tuple[str, str], ...] = (
    ("", "healthy"),
    ("edge-tls-1.0-on", "TLS 1.0 on"),
    ("edge-tls-1.3-off", "TLS 1.3 off"),
    ("edge-weak-suites", "a suite too many"),
    ("edge-forbidden-suites", "a suite without authentication"),
    ("edge-client-renegotiation", "clients may renegotiate"),
    ("edge-not-tls", "no TLS at all"),
)
"""Faults of the demo's edge, each a server of its own kind."""

VULNERABILITIES = {
    "heartbleed": "Heartbleed",
    "CCS": "OpenSSL CCS injection",
    "ROBOT": "ROBOT",
    "CRIME_TLS": "TLS compression (CRIME)",
    "secure_client_renego": "client-initiated renegotiation",
    "secure_renego": "insecure renegotiation",
}
"""As testssl.sh and as we call them."""

_GROUPS = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "x25519": "X25519", "x448": "X448"}
_SSLSCAN = {"ssl 2": "SSL2", "ssl 3": "SSL3", "tls 1.0": "1.0", "tls 1.1": "1.1", "tls 1.2": "1.2", "tls 1.3": "1.3"}
_TESTSSL = {"SSLv2": "SSL2", "SSLv3": "SSL3", "TLS1": "1.0", "TLS1_1": "1.1", "TLS1_2": "1.2", "TLS1_3": "1.3"}


@dataclass(frozen=True)
class Account:
    """What one tool says of a server."""

    versions: frozenset[str] | None = None
    suites: frozenset[str] | None = None
    """`1.2 ECDHE-RSA-AES128-GCM-SHA256`, OpenSSL's names."""
    vulnerabilities: frozenset[str] | None = None
    groups: frozenset[str] | None = None


def ours(sandbox: Sandbox, host: str) -> Account:
    """What a scan of ours says."""
    for record in evidence_of(sandbox, TlsScanAsk(host=host, port=443, groups=True)):
        if not isinstance(record.result, Seen) or not isinstance(record.result.observation, TlsScanObservation):
            raise AssertionError(f"not observed: {record.result}")
        seen = record.result.observation
        suites = {
            f"{version} {suite.openssl or suite.iana}" for version, found in seen.accepted.items() for suite in found
        }
        return Account(
            frozenset(seen.accepted), frozenset(suites), frozenset(seen.vulnerabilities), frozenset(seen.groups)
        )
    raise AssertionError("nothing was looked at")


def sslscan(ip: str, port: int, host: str) -> Account:
    """What sslscan says."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.xml"
        _run("sslscan", f"--xml={out}", "--no-colour", f"--sni-name={host}", f"{ip}:{port}")
        root = ET.parse(out).getroot()  # noqa: S314 - our own tool's output
    on = {_SSLSCAN[f"{p.get('type')} {p.get('version')}"] for p in root.iter("protocol") if p.get("enabled") == "1"}
    suites = {f"{_short(c.get('sslversion', ''))} {c.get('cipher')}" for c in root.iter("cipher")}
    groups = {_GROUPS.get(name, name) for g in root.iter("group") for name in [g.get("name", "").split(" ")[0]]}
    return Account(frozenset(on), frozenset(suites), groups=frozenset(groups))


def testssl(ip: str, port: int, host: str) -> Account:
    """What testssl.sh says."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        options = ("--color", "0", "--quiet", "--warnings", "off", "--openssl", "/usr/bin/openssl")
        _run("testssl", *options, "--jsonfile", str(out), "--ip", ip, "-p", "-E", "-U", f"{host}:{port}")
        found: list[Mapping[str, str]] = json.loads(out.read_text()) if out.exists() else []
    said = {row["id"]: row["finding"] for row in found}
    words = [row["finding"].split() for row in found if row["id"].startswith("cipher-tls")]
    suites = {f"{'1.0' if row[1] == '1' else row[1]} {row[3]}" for row in words}
    return Account(
        frozenset(name for key, name in _TESTSSL.items() if said.get(key, "not offered").startswith("offered")),
        frozenset(suites),
        frozenset(name for key, name in VULNERABILITIES.items() if _is_bad(key, said.get(key, ""))),
    )


def _is_bad(key: str, finding: str) -> bool:
    if key == "secure_renego":
        return "vulnerable" in finding.lower() or finding == "not supported"
    return finding.lower().startswith(("vulnerable", "potentially vulnerable"))


def differences(one: Account, other: Account) -> dict[str, tuple[list[str], list[str]]]:
    """Where two accounts differ: what -> (said by the first alone, said by the other alone)."""
    found = {}
    for field in fields(Account):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if mine is not None and theirs is not None and mine != theirs:
            found[field.name] = (sorted(mine - theirs), sorted(theirs - mine))
    return found


TOOLS: dict[str, Callable[[str, int, str], Account]] = {"sslscan": sslscan, "testssl.sh": testssl}


def _short(version: str) -> str:
    return version.replace("TLSv", "").replace("SSLv", "SSL")


def _run(*command: str) -> None:
    subprocess.run(command, capture_output=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
