"""The scanner's own process: sslyze, fed with one JSON object a line, answering with one line each.

    python -m roadworthy.probes.tls_scanner

    in    {"id": 1, "host": "api.shop.example", "ip": "127.0.0.1", "port": 443, "timeout_s": 4, "starttls": null}
    out   {"id": 1, "vulnerabilities": ["ROBOT"], "undetermined": [], "gave_up": null, "early_data": false}

It looks for weaknesses alone; versions and suites are asked for by `tls_survey`. sslyze has threads that can't be
stopped; this process can be killed. It ends when its input does. Each server has threads of its own, so that one that
hangs holds up no other. The import is done before the first line is read.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from sslyze.connection_helpers.opportunistic_tls_helpers import ProtocolWithOpportunisticTlsEnum
from sslyze.errors import (
    ConnectionToServerFailed,
    ConnectionToServerTimedOut,
    ServerRejectedConnection,
    ServerTlsConfigurationNotSupported,
    TlsHandshakeTimedOut,
)
from sslyze.plugins.robot._robot_tester import RobotScanResultEnum
from sslyze.plugins.scan_commands import ScanCommand
from sslyze.scanner.models import ServerConnectivityStatusEnum, ServerScanRequest
from sslyze.scanner.scan_command_attempt import ScanCommandAttemptStatusEnum, ScanCommandErrorReasonEnum
from sslyze.scanner.scanner import Scanner
from sslyze.server_connectivity import ServerConnectivityInfo, check_connectivity_to_server
from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

CONNECTIONS = 2
"""At once to one server: more makes throttled servers give random time-outs."""

STARTTLS = {
    "smtp": ProtocolWithOpportunisticTlsEnum.SMTP,
    "postgres": ProtocolWithOpportunisticTlsEnum.POSTGRES,
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
    "client-initiated renegotiation": (
        ScanCommand.SESSION_RENEGOTIATION,
        lambda r: r.is_vulnerable_to_client_renegotiation_dos,
    ),
    "early data": (ScanCommand.TLS_1_3_EARLY_DATA, lambda r: r.supports_early_data),
}
"""What is looked for, which command tells it, and how: True, False, or None where it is not sure."""

EARLY_DATA = "early data"
"""No weakness by itself: told apart."""


def scan(order: dict[str, Any]) -> dict[str, Any]:
    """What one server does: everything that is found or fails is asked a second time before it is told."""
    location = ServerNetworkLocation(order["host"], order["port"], order["ip"])
    network = ServerNetworkConfiguration(
        order["host"],
        network_timeout=order["timeout_s"],
        network_max_retries=2,
        tls_opportunistic_encryption=STARTTLS.get(order.get("starttls") or ""),
    )
    try:
        server = ServerConnectivityInfo(location, network, check_connectivity_to_server(location, network))
    except (ConnectionToServerTimedOut, ServerRejectedConnection, TlsHandshakeTimedOut):
        return {"undetermined": list(WEAKNESSES)}  # it was there a moment ago: throttled, not broken
    except (ServerTlsConfigurationNotSupported, ConnectionToServerFailed) as error:
        return {"gave_up": error.error_message, "undetermined": list(WEAKNESSES)}
    first = _look_for(server, WEAKNESSES)
    told = first | _look_for(server, [name for name, answer in first.items() if answer is not False])
    broken = [f"{name}: {answer}" for name, answer in told.items() if isinstance(answer, str)]
    return {
        "vulnerabilities": [name for name, answer in told.items() if answer is True and name != EARLY_DATA],
        "undetermined": [name for name, answer in told.items() if not isinstance(answer, bool)],
        "gave_up": "; ".join(broken) or None,
        "early_data": told[EARLY_DATA] is True,
    }


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
