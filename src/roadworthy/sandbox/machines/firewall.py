"""What is on a machine that keeps its promises of `firewall`: ufw and fail2ban, as they answer.

Both are stand-ins: ufw 0.36's `status verbose` as its src/backend_iptables.py prints it (tests/rules/firewalls has a
recording), fail2ban 1.0's `status` (its server/server.py and client/beautifier.py). Beside them nothing is set: what
`nft` and `iptables` answer was recorded on an empty kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roadworthy.sandbox.machines.machine import Answer, File, Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.firewall import Firewall
    from roadworthy.target.models import Component, Target

STATUS = "status verbose"
INACTIVE = "Status: inactive\n"
NO_RULES = "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"
NO_RULESET = (
    '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}]}\n'
)
JAILS = "status"
KINDS = ("", "-legacy")
ROUTE = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


@dataclass(frozen=True)
class Entry:
    """A line of ufw's table."""

    to: str
    source: str = "Anywhere"
    does: str = "ALLOW IN"


def furnish(promised: Firewall, component: Component, target: Target) -> Machine:
    """Ufw with a rule for each promise, and fail2ban with its jails."""
    del component, target
    return Machine(
        files=(
            File("/proc/net/route", ROUTE + "eth0\t00000000\t0101000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"),
            File("/proc/net/if_inet6", "fe800000000000000000000000000001 02 40 20 80     eth0\n"),
            File("/proc/net/ipv6_route", ""),
            *(File(f"/proc/net/{table}", "filter\n") for table in ("ip_tables_names", "ip6_tables_names")),
        ),
        answers=(
            Answer("ufw", STATUS, status(entries(promised))),
            Answer("firewall-cmd", "--state", complains="not running\n", ends=252),
            Answer("nft", "-j list ruleset", NO_RULESET),
            *(Answer(f"{program}{kind}", "-S", NO_RULES) for program in ("iptables", "ip6tables") for kind in KINDS),
            Answer("fail2ban-client", JAILS, jailed(promised.jails or ("sshd",))),
        ),
    )


def entries(promised: Firewall) -> list[Entry]:
    """The rules of a machine that keeps its promises."""
    found = [Entry(port.replace("-", ":")) for port in promised.open or ("22/tcp",)]
    for port, networks in (promised.networks or {}).items():
        found += [Entry(port.replace("-", ":"), network) for network in networks]
    return found


def status(rules: Iterable[Entry], default: str = "deny") -> str:
    """What an active ufw says."""
    lines = [f"{one.to:<26} {one.does:<12}{one.source:<26}" for one in rules]
    lines += [
        f"{one.to + ' (v6)':<26} {one.does:<12}{one.source + ' (v6)':<26}" for one in rules if one.source == "Anywhere"
    ]
    head = f"Status: active\nLogging: on (low)\nDefault: {default} (incoming), allow (outgoing), disabled (routed)\n"
    table = f"{'To':<26} {'Action':<12}From\n{'--':<26} {'------':<12}----\n"
    return f"{head}New profiles: skip\n\n{table}" + "\n".join(lines) + "\n\n"


def jailed(jails: Iterable[str]) -> str:
    """What a running fail2ban says."""
    names = sorted(jails)
    return f"Status\n|- Number of jail:\t{len(names)}\n`- Jail list:\t{', '.join(names)}\n"
