"""On the host: the firewall's rules, in the words of the program that sets them, and what bans intruders."""

from __future__ import annotations

import os
import re
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, Done, Unseen, has, net, part, proc, read_proc, run

NEEDS_ROOT = True
LARGEST = 2 * 2**20
"""Of what one program says: a machine that routes for containers has thousands of rules."""

NO_ROOT = re.compile(
    r"permission denied|must be root|need to be root|not permitted|not authorized|access denied", re.IGNORECASE
)
OF_NFT = "is incompatible, use 'nft' tool"
"""What iptables says of a table that nft has made."""
DEFAULT_ROUTE, DEFAULT_ROUTE_6 = "00000000", "0" * 32
GLOBAL = "00"
LEGACY = {"iptables": "ip_tables_names", "ip6tables": "ip6_tables_names"}
COLUMNS = {"route": 8, "ipv6_route": 10, "if_inet6": 6}
"""Of the kernel's tables, at least."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/firewall.py` holds."""
    return {
        "rules": part(_rules) if wanted["rules"] else None,
        "bans": part(_bans) if wanted["bans"] else None,
    }


def _rules() -> dict[str, Any]:
    said = _asked(["ufw", "status", "verbose"])
    programs = ["iptables", *(["ip6tables"] if os.path.exists(proc(net("if_inet6"))) else [])]
    if "Status: active" not in "".join(said.values()):  # else all that it has set is in the tables of these
        if has("firewall-cmd"):
            said["firewall-cmd --state"] = run(["firewall-cmd", "--state"]).last_words
        said.update(_asked(["nft", "-j", "list", "ruleset"]))
        programs += [program + "-legacy" for program in programs if _is_loaded(LEGACY[program])]
    for program in programs:
        said.update(_asked([program, "-S"], but=OF_NFT if "nft -j list ruleset" in said else ""))
    return {"said": said, "outside": _outside(), "ipv6": _has_ipv6()}


def _is_loaded(names: str) -> bool:
    """Whether the kernel holds old tables: their own program makes them where there are none."""
    return os.path.exists(proc(net(names))) and "filter" in read_proc(net(names)).split()


def _asked(command: list[str], but: str = "") -> dict[str, str]:
    """What a program says, by its command; nothing where there is no such program, or it complains so."""
    if not has(command[0]):
        return {}
    done = run(command)
    if done.code and but and but in done.err:
        return {}
    if done.code:
        raise _refused(command[0], done)
    if len(done.out) > LARGEST:
        raise Unseen(FAILED, "{} says more than {} MiB".format(command[0], LARGEST // 2**20))
    return {" ".join(command): done.out}


def _refused(program: str, done: Done) -> Unseen:
    why = NOT_PERMITTED if NO_ROOT.search(done.err + done.out) else FAILED
    return Unseen(why, "{}: {}".format(program, done.last_words))


def _outside() -> list[str]:
    """The interfaces of default routes."""
    found = {row[0] for row in _table("route") if row[1] == row[7] == DEFAULT_ROUTE}
    found |= {row[9] for row in _table("ipv6_route") if (row[0], row[1]) == (DEFAULT_ROUTE_6, "00")}
    return sorted(found - {"lo"})


def _has_ipv6() -> bool:
    """Whether an address is neither loopback's nor the link's own."""
    return any(row[3] == GLOBAL for row in _table("if_inet6"))


def _table(name: str) -> list[list[str]]:
    """The rows of a table of the kernel's."""
    if not os.path.exists(proc(net(name))):
        return []  # a kernel without IPv6 has none
    rows = (line.split() for line in read_proc(net(name)).splitlines())
    return [row for row in rows if len(row) >= COLUMNS[name]]


def _bans() -> dict[str, Any]:
    if not has("fail2ban-client"):
        return {"running": False, "said": "there is no fail2ban here"}
    done = run(["fail2ban-client", "status"])
    jails = re.search(r"Jail list:[ \t]*(.*)$", done.out, re.MULTILINE)
    if done.code == 0 and jails is not None:
        return {"running": True, "jails": [name for name in re.split(r"[,\s]+", jails.group(1)) if name]}
    if "Is fail2ban running" in done.err + done.out or "Unable to contact server" in done.err + done.out:
        return {"running": False, "said": done.last_words}
    raise _refused("fail2ban-client", done)
