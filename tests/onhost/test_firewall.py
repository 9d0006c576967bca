"""The collector of firewalls, with programs that say what was recorded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.firewall import Bans, FirewallObservation, Rules
from roadworthy.facts.store import Unseen
from roadworthy.onhost import firewall, ground
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT = "ens5\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
INNER = "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
NONE = "0" * 32
DEFAULT_6 = f"{NONE} 00 {NONE} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 ens6\n"
UNREACHABLE_6 = f"{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo\n"
LINK = "fe800000000000000000000000000001 02 40 20 80 ens5\n"
GLOBAL = "2a050000000000000000000000000001 02 40 00 80 ens5\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with one default route."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/route").write_text(ROUTE + DEFAULT + INNER)
    (tmp_path / "proc/net/ipv6_route").write_text(UNREACHABLE_6)
    (tmp_path / "proc/net/if_inet6").write_text(LINK)
    return tmp_path


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a program that says something; nothing else is in the PATH."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setattr(ground, "search_path", lambda: str(folder))

    def made(name: str, says: str = "", complains: str = "", ends: int = 0) -> None:
        code = f"import sys\nsys.stdout.write({says!r}); sys.stderr.write({complains!r}); sys.exit({ends})\n"
        (folder / name).write_text(f"#!{sys.executable} -SE\n{code}")
        (folder / name).chmod(0o755)

    return made


def look(*, rules: bool = False, bans: bool = False) -> FirewallObservation:
    seen: dict[str, Any] = firewall.look({"rules": rules, "bans": bans})
    return FirewallObservation(observed_at=NOW, now=NOW, **seen)


def rules() -> Rules:
    found = look(rules=True).rules
    assert isinstance(found, Rules), found
    return found


def unseen(part: object) -> str:
    assert isinstance(part, Unseen), part
    return f"{part.unseen}: {part.detail}"


@pytest.mark.usefixtures("root")
def test_of_an_active_ufw_the_tables_that_it_sets_are_asked_too(program: Callable[..., None]) -> None:
    program("ufw", "Status: active\nLogging: on (low)\n")
    program("nft", ends=1)
    program("iptables", "-P INPUT DROP\n")
    assert rules().said == {
        "ufw status verbose": "Status: active\nLogging: on (low)\n",
        "iptables -S": "-P INPUT DROP\n",
    }


def test_without_it_all_others_are(root: Path, program: Callable[..., None]) -> None:
    (root / "proc/net/ip_tables_names").write_text("nat\nfilter\n")
    assert rules().said == {}
    program("ufw", "Status: inactive\n")
    program("firewall-cmd", complains="not running\n", ends=252)
    program("nft", '{"nftables": []}')
    program("ip6tables", "-P INPUT DROP\n")
    program("iptables-legacy", "-P INPUT ACCEPT\n")
    assert rules().said == {
        "ufw status verbose": "Status: inactive\n",
        "firewall-cmd --state": "not running",
        "nft -j list ruleset": '{"nftables": []}',
        "ip6tables -S": "-P INPUT DROP\n",
        "iptables-legacy -S": "-P INPUT ACCEPT\n",
    }


def test_no_program_is_asked_of_tables_that_are_not_there(
    root: Path, program: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firewall, "proc", lambda path: str(root / "proc" / path))
    (root / "proc/net/ip_tables_names").write_text("nat\n")
    (root / "proc/net/if_inet6").unlink()
    program("iptables-legacy", complains="can't initialize iptables table `filter'\n", ends=3)
    program("ip6tables", complains="can't initialize ip6tables table `filter'\n", ends=3)
    assert rules().said == {}


@pytest.mark.parametrize(
    ("name", "complains"),
    [
        ("ufw", "ERROR: You need to be root to run this script\n"),
        ("nft", "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed\n"),
        ("iptables", "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied\n"),
    ],
)
@pytest.mark.usefixtures("root")
def test_only_root_sees_rules(program: Callable[..., None], name: str, complains: str) -> None:
    program(name, complains=complains, ends=1)
    assert unseen(look(rules=True).rules).startswith(f"not permitted: {name}")


@pytest.mark.usefixtures("root")
def test_a_table_of_which_nft_alone_can_tell(program: Callable[..., None]) -> None:
    program(
        "iptables", complains="iptables v1.8.7 (nf_tables): table `filter' is incompatible, use 'nft' tool.\n", ends=1
    )
    assert unseen(look(rules=True).rules).startswith("failed: iptables")
    program("nft", '{"nftables": []}')
    assert rules().said == {"nft -j list ruleset": '{"nftables": []}'}
    program("ufw", "Status: active\n")
    assert unseen(look(rules=True).rules).startswith("failed: iptables")  # nft was not asked


@pytest.mark.usefixtures("root")
def test_rules_without_an_end(program: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewall, "LARGEST", 10)
    program("iptables", "-A INPUT\n" * 10)
    assert "says more than" in unseen(look(rules=True).rules)
    program("iptables", complains="iptables: broken\n", ends=3)
    assert unseen(look(rules=True).rules) == "failed: iptables: iptables: broken"


@pytest.mark.usefixtures("program")
def test_where_others_come_through(root: Path, program: Callable[..., None]) -> None:
    program("true")
    assert (rules().outside, rules().ipv6) == (("ens5",), False)
    (root / "proc/net/ipv6_route").write_text(UNREACHABLE_6 + DEFAULT_6)
    (root / "proc/net/if_inet6").write_text(LINK + GLOBAL)
    assert (rules().outside, rules().ipv6) == (("ens5", "ens6"), True)
    (root / "proc/net/route").write_text("\0\1 garbage\n")
    (root / "proc/net/if_inet6").write_text("short\n")
    assert (rules().outside, rules().ipv6) == (("ens6",), False)


@pytest.mark.usefixtures("root")
def test_fail2ban(program: Callable[..., None]) -> None:
    assert look(bans=True).bans == Bans(running=False, said="there is no fail2ban here")
    program("fail2ban-client", "Status\n|- Number of jail:\t2\n`- Jail list:\tnginx-http-auth, sshd\n")
    assert look(bans=True).bans == Bans(running=True, jails=("nginx-http-auth", "sshd"))
    program("fail2ban-client", "Status\n|- Number of jail:\t0\n`- Jail list:\t\n")
    assert look(bans=True).bans == Bans(running=True)
    stopped = "ERROR   Failed to access socket path: /var/run/fail2ban/fail2ban.sock. Is fail2ban running?"
    program("fail2ban-client", complains=f"2026-11-28 07:40:15,563 fail2ban [1263]: {stopped}\n", ends=255)
    down = look(bans=True).bans
    assert isinstance(down, Bans)
    assert not down.running
    assert stopped in down.said
    denied = "ERROR   Permission denied to socket: /var/run/fail2ban/fail2ban.sock, (you must be root)"
    program("fail2ban-client", complains=f"{denied}\n", ends=255)
    assert unseen(look(bans=True).bans).startswith("not permitted")
    program("fail2ban-client", complains="Traceback\nSyntaxError\n", ends=1)
    assert unseen(look(bans=True).bans).startswith("failed")
