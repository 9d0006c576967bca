"""The scanner's own process: sslyze, fed with one JSON object a line, answering with one line each.

    python -m roadworthy.probes.tls_scanner

    in    {"id": 1, "host": "api.shop.example", "ip": "127.0.0.1", "port": 443, "timeout_s": 4}
    out   {"id": 1, "accepted": {"1.2": [{"iana": ..., "openssl": ..., "anonymous": false}]}, "vulnerabilities": [], ..}

sslyze works with threads that can't be stopped; this process can be killed. It ends when its input does. Each server
has threads of its own, so that one that hangs holds up no other. The import is done before the first line is read.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sslyze.errors import ConnectionToServerFailed, ServerTlsConfigurationNotSupported
from sslyze.plugins.robot._robot_tester import RobotScanResultEnum
from sslyze.plugins.scan_commands import ScanCommand
from sslyze.scanner.models import ServerConnectivityStatusEnum, ServerScanRequest
from sslyze.scanner.scan_command_attempt import ScanCommandAttemptStatusEnum, ScanCommandErrorReasonEnum
from sslyze.scanner.scanner import Scanner
from sslyze.server_connectivity import ServerConnectivityInfo, TlsVersionEnum, check_connectivity_to_server
from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

from roadworthy.probes.tls_suites import accepted_of, groups

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sslyze.plugins.openssl_cipher_suites.cipher_suites import CipherSuite

CONNECTIONS = 2
"""At once to one server, for suites and again for weaknesses: more makes throttled servers give random time-outs."""

VERSIONS = {
    TlsVersionEnum.SSL_2_0: "SSL2",
    TlsVersionEnum.SSL_3_0: "SSL3",
    TlsVersionEnum.TLS_1_0: "1.0",
    TlsVersionEnum.TLS_1_1: "1.1",
    TlsVersionEnum.TLS_1_2: "1.2",
    TlsVersionEnum.TLS_1_3: "1.3",
}

ROBOT = {
    RobotScanResultEnum.VULNERABLE_WEAK_ORACLE: True,
    RobotScanResultEnum.VULNERABLE_STRONG_ORACLE: True,
    RobotScanResultEnum.UNKNOWN_INCONSISTENT_RESULTS: None,
}

WEAKNESSES: dict[str, tuple[ScanCommand, Callable[[Any], bool | None]]] = {
    "Heartbleed": (ScanCommand.HEARTBLEED, lambda r: r.is_vulnerable_to_heartbleed),
    "OpenSSL CCS injection": (ScanCommand.OPENSSL_CCS_INJECTION, lambda r: r.is_vulnerable_to_ccs_injection),
    "ROBOT": (ScanCommand.ROBOT, lambda r: ROBOT.get(r.robot_result, False)),
    "TLS compression (CRIME)": (ScanCommand.TLS_COMPRESSION, lambda r: r.supports_compression),
    "client-initiated renegotiation": (
        ScanCommand.SESSION_RENEGOTIATION,
        lambda r: r.is_vulnerable_to_client_renegotiation_dos,
    ),
    "insecure renegotiation": (ScanCommand.SESSION_RENEGOTIATION, lambda r: not r.supports_secure_renegotiation),
}
"""What is looked for, which command tells it, and how: True, False, or None where it is not sure."""


class Unsure(Exception):  # noqa: N818 - an answer, not an error of ours
    """The network, not the server's TLS, kept the answer back."""


def scan(order: dict[str, Any]) -> dict[str, Any]:
    """What one server does: everything that is found or fails is asked a second time before it is told."""
    location = ServerNetworkLocation(order["host"], order["port"], order["ip"])
    network = ServerNetworkConfiguration(order["host"], network_timeout=order["timeout_s"], network_max_retries=2)
    try:
        server = ServerConnectivityInfo(location, network, check_connectivity_to_server(location, network))
    except ServerTlsConfigurationNotSupported as error:
        return {"gave_up": error.error_message}
    except ConnectionToServerFailed as error:
        return {"reachable": False, "gave_up": error.error_message}
    with ThreadPoolExecutor(CONNECTIONS + 1) as pool:
        weaknesses = pool.submit(_weaknesses, server)
        asked = {name: [(version, group) for group in groups(version)] for version, name in VERSIONS.items()}
        asked_now = {name: [pool.submit(_accepted, server, *one) for one in asks] for name, asks in asked.items()}
        told: dict[str, Any] = {"accepted": {}, "undetermined": [], "gave_up": []}
        for name, futures in asked_now.items():
            try:
                suites = [_suite(suite) for future in futures for suite in future.result()]
            except Unsure:
                told["undetermined"].append(name)
            except Exception as error:  # noqa: BLE001 - whatever breaks sslyze's OpenSSL is told
                told["gave_up"].append(f"{name}: {_words(error)}")
            else:
                told["accepted"] |= {name: suites} if suites else {}
        found, unsure, broken = weaknesses.result()
    told["undetermined"] += unsure
    told["gave_up"] = "; ".join(told["gave_up"] + broken) or None
    return told | {"vulnerabilities": found}


def _accepted(
    server: ServerConnectivityInfo, version: TlsVersionEnum, group: Sequence[CipherSuite]
) -> list[CipherSuite]:
    try:
        return accepted_of(server, version, group)
    except Exception:  # noqa: BLE001 - the second time it is told
        try:
            return accepted_of(server, version, group)
        except (ConnectionToServerFailed, OSError) as error:
            raise Unsure from error


def _suite(suite: CipherSuite) -> dict[str, Any]:
    return {"iana": suite.name, "openssl": suite.openssl_name, "anonymous": suite.is_anonymous}


def _weaknesses(server: ServerConnectivityInfo) -> tuple[list[str], list[str], list[str]]:
    """Names of what was found twice, of what can't be told, and what broke the scanner."""
    first = _look_for(server, WEAKNESSES)
    told = first | _look_for(server, [name for name, answer in first.items() if answer is not False])
    found = [name for name, answer in told.items() if answer is True]
    unsure = [name for name, answer in told.items() if answer is None]
    return found, unsure, [f"{name}: {answer}" for name, answer in told.items() if isinstance(answer, str)]


def _look_for(server: ServerConnectivityInfo, names: Collection[str]) -> dict[str, bool | str | None]:
    """For each weakness whether it is there; None where it can't be told, words where the scanner broke."""
    if not names:
        return {}
    scanner = Scanner(per_server_concurrent_connections_limit=CONNECTIONS, concurrent_server_scans_limit=1)
    commands = {WEAKNESSES[name][0] for name in names}
    scanner.queue_scans([ServerScanRequest(server.server_location, server.network_configuration, commands)])
    (result,) = scanner.get_results()
    if result.connectivity_status is ServerConnectivityStatusEnum.ERROR:
        return dict.fromkeys(names)
    answers: dict[str, bool | str | None] = {}
    for name in names:
        command, is_weak = WEAKNESSES[name]
        attempt = getattr(result.scan_result, command.value)
        if attempt.status is ScanCommandAttemptStatusEnum.COMPLETED:
            answers[name] = is_weak(attempt.result)
        elif attempt.error_reason is ScanCommandErrorReasonEnum.BUG_IN_SSLYZE:
            answers[name] = " ".join("".join(attempt.error_trace.format_exception_only()).split())
        else:
            answers[name] = None
    return answers


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


_output = threading.Lock()


def _serve(order: dict[str, Any]) -> None:
    try:
        answer = scan(order)
    except Exception as error:  # noqa: BLE001 - told to the parent, which waits for a line
        answer = {"broken": _words(error)}
    with _output:
        sys.stdout.write(json.dumps({"id": order["id"], **answer}) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Serves orders until the input ends; then nothing that still runs matters any more."""
    for line in sys.stdin:
        threading.Thread(target=_serve, args=(json.loads(line),), daemon=True).start()
    os._exit(0)


if __name__ == "__main__":
    main()
