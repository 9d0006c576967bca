from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.machines import FirewallCase
from roadworthy.facts.firewall import Bans, Rules
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.host.machines import HIDDEN, case, firewall, iptables, ufw

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.firewall import FirewallObservation

SSH = "22/tcp                     ALLOW IN    Anywhere"
SSH_6 = "22/tcp (v6)                ALLOW IN    Anywhere (v6)"
DENIED = "22/tcp                     DENY IN     Anywhere"
MYSQL = "3306/tcp                   ALLOW IN    10.0.1.0/24"
EMPTY = ("-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-P OUTPUT ACCEPT")
CLOSED = ("-P INPUT DROP", "-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
BY_A_LIST = "-A INPUT -p tcp -m set --match-set office src -m tcp --dport 22 -j ACCEPT"


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_firewall.py")


def of(seen: FirewallObservation, **promised: Any) -> FirewallCase:
    return case(FirewallCase, seen, firewall=promised)


def said(**texts: str) -> FirewallObservation:
    return firewall(Rules(said={name.replace("_", " "): text for name, text in texts.items()}, ipv6=False))


def test_a_firewall_that_is_on(suite: ModuleType) -> None:
    check = suite.test_the_firewall_is_on
    passes(check, of(ufw(SSH), active=True))
    passes(check, of(iptables(*CLOSED), active=True))
    fails(check, of(said(ufw_status_verbose="Status: inactive\n"), active=True), "no firewall: ufw is inactive")
    fails(check, of(said(), active=True), "neither ufw, firewalld, nft nor iptables is there")
    fails(check, of(iptables(*EMPTY), active=True), "the rules of iptables let everything in")
    bans = (*EMPTY, "-N f2b-sshd", "-A INPUT -p tcp -j f2b-sshd", "-A f2b-sshd -s 192.0.2.9/32 -j REJECT")
    fails(check, of(iptables(*bans), active=True), "the rules of iptables let everything in")
    is_not_observed(check, of(firewall(HIDDEN), active=True), "only root")
    is_not_observed(check, of(iptables("-P INPUT DROP", "-A INPUT -j gone"), active=True), "'gone'", "followed")


def test_a_port_that_a_part_of_the_host_keeps_shut(suite: ModuleType) -> None:
    check = suite.test_promised_ports_are_let_in
    shut = ufw("203.0.113.5 22/tcp         DENY IN     Anywhere", SSH)
    is_not_observed(check, of(shut, open=[22]), "203.0.113.5 22/tcp DENY IN")
    passes(check, of(ufw("203.0.113.5 25/tcp         DENY IN     Anywhere", SSH), open=[22]))
    passes(suite.test_nothing_else_is_let_in, of(shut, open=[22]))
    fails(suite.test_nothing_else_is_let_in, of(shut, open=[80]), "lets in 22/tcp")


def test_the_default(suite: ModuleType) -> None:
    check = suite.test_what_no_rule_names_is_kept_out
    passes(check, of(ufw(SSH), default_deny=True))
    passes(check, of(ufw(SSH, default="reject"), default_deny=True))
    fails(check, of(ufw(SSH, default="allow"), default_deny=True), "ufw lets in over IPv4", "tcp, udp")
    passes(check, of(iptables("-P INPUT ACCEPT", "-A INPUT -j REJECT"), default_deny=True))
    fails(check, of(iptables(*CLOSED, six=EMPTY), default_deny=True), "over IPv6")
    listed = iptables(*CLOSED, "-A INPUT -m set --match-set office src -j ACCEPT")
    is_not_observed(check, of(listed, default_deny=True), "match-set office")
    is_not_observed(check, of(firewall(HIDDEN), default_deny=True), "only root")


def test_promised_ports(suite: ModuleType) -> None:
    check = suite.test_promised_ports_are_let_in
    passes(check, of(ufw(SSH), open=[22]))
    passes(check, of(ufw(SSH.replace("ALLOW", "LIMIT")), open=[22]))
    passes(check, of(ufw(SSH, DENIED), open=[22]))
    fails(check, of(ufw(DENIED, SSH), open=[22]), "22/tcp is kept out by ufw")
    fails(check, of(ufw(SSH, MYSQL), open=[22, 3306]), "3306/tcp is kept out by ufw but from 10.0.1.0/24")
    fails(check, of(ufw("6000:6006/tcp  ALLOW IN    Anywhere"), open=["6000-6007"]), "6007/tcp is kept out")
    passes(check, of(ufw("6000:6007/tcp  ALLOW IN    Anywhere"), open=["6000-6007"]))
    fails(check, of(iptables(*CLOSED), open=[22]), "22/tcp is kept out by iptables")
    is_not_observed(check, of(iptables(*CLOSED, BY_A_LIST), open=[22]), "match-set office")


def test_other_ports(suite: ModuleType) -> None:
    check = suite.test_nothing_else_is_let_in
    passes(check, of(ufw(SSH, MYSQL), open=[22, 80]))
    fails(check, of(ufw(SSH, "8000:8010/tcp   ALLOW IN    Anywhere"), open=[22, 8005]), "8000-8004/tcp, 8006-8010/tcp")
    fails(check, of(ufw("22     ALLOW IN    Anywhere"), open=[22]), "ufw lets in 22/udp from anywhere")
    fails(check, of(ufw(SSH, SSH_6.replace("22", "23"), ipv6=True), open=[22]), "23/tcp over IPv6")
    passes(check, of(ufw(SSH, SSH_6.replace("22", "23")), open=[22]))
    fails(check, of(ufw("Anywhere on eth0  ALLOW IN    Anywhere"), open=[22]), "1-21/tcp, 23-65535/tcp, 1-65535/udp")
    passes(check, of(ufw(SSH, "9100/tcp on wg0   ALLOW IN    Anywhere"), open=[22]))
    is_not_observed(check, of(iptables(*CLOSED, BY_A_LIST), open=[80]), "match-set office")


def test_networks(suite: ModuleType) -> None:
    check = suite.test_inner_ports_are_let_in_from_their_networks_alone
    passes(check, of(ufw(MYSQL), networks={3306: "10.0.1.0/24"}))
    passes(check, of(ufw(MYSQL, MYSQL.replace("10.0.1.0/24", "10.0.1.7")), networks={3306: "10.0.1.0/24"}))
    fails(check, of(ufw(MYSQL), networks={3306: "10.0.1.0/25"}), "3306/tcp is let in from 10.0.1.0/24")
    fails(check, of(ufw(MYSQL), networks={3306: "10.0.0.0/16"}), "3306/tcp is kept out from 10.0.0.0/16")
    fails(check, of(ufw(), networks={3306: "10.0.1.0/24"}), "kept out from 10.0.1.0/24")
    fails(check, of(ufw("3306/tcp   ALLOW IN    Anywhere"), networks={3306: "10.0.1.0/24"}), "let in from anywhere")
    listed = iptables(*CLOSED, BY_A_LIST, "-A INPUT -s 10.0.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT")
    is_not_observed(check, of(listed, networks={22: "10.0.1.0/24"}), "match-set office")


def test_bans(suite: ModuleType) -> None:
    check = suite.test_intruders_are_banned
    passes(check, of(firewall(bans=Bans(running=True, jails=("sshd",))), bans=True))
    fails(check, of(firewall(bans=Bans(running=True)), bans=True), "without a jail")
    fails(check, of(firewall(bans=Bans(running=False, said="there is no fail2ban here")), bans=True), "no fail2ban")
    is_not_observed(check, of(firewall(bans=HIDDEN), bans=True), "only root")


def test_jails(suite: ModuleType) -> None:
    check = suite.test_promised_jails_are_on
    passes(check, of(firewall(bans=Bans(running=True, jails=("nginx-http-auth", "sshd"))), jails="sshd"))
    other = Bans(running=True, jails=("pure-ftpd",))
    fails(check, of(firewall(bans=other), jails=["sshd", "pure-ftpd"]), "not on: sshd; on: pure-ftpd")
    fails(check, of(firewall(bans=Bans(running=False)), jails=["sshd"]), "on: none")
    is_not_observed(check, of(firewall(bans=HIDDEN), jails="sshd"), "only root")
