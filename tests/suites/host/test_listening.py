from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.machines import ListeningCase
from roadworthy.facts.listening import Socket
from tests.suites.healthy import fails, is_not_observed, passes
from tests.suites.host.machines import ANY, HIDDEN, case, listening, socket

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_listening.py")


def of(*sockets: Socket, **promised: Any) -> ListeningCase:
    return case(ListeningCase, listening(*sockets), listening=promised)


def test_open_ports(suite: ModuleType) -> None:
    check = suite.test_promised_ports_are_listened_on
    passes(check, of(socket("443", "::"), socket("53/udp", "10.0.0.5"), open=[443, "53/udp"]))
    passes(check, of(socket("80", "127.0.0.1"), socket("80", "10.0.0.5"), open=[80]))
    fails(check, of(socket("80", "127.0.0.1", "node"), open=[80]), "80/tcp is listened on only at 127.0.0.1:80 (node)")
    fails(check, of(socket("443/udp"), open=[443]), "443/tcp is listened on by nobody")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::1", "100.64.0.1", "fe80::1"])
def test_local_ports(suite: ModuleType, address: str) -> None:
    passes(suite.test_inner_ports_are_listened_on_inside_alone, of(socket("3306", address), local=[3306]))


@pytest.mark.parametrize("address", [ANY, "::", "93.184.216.34", "2a00:1450:4001::1"])
def test_local_ports_that_are_not(suite: ModuleType, address: str) -> None:
    check = suite.test_inner_ports_are_listened_on_inside_alone
    fails(check, of(socket("3306", "127.0.0.1"), socket("3306", address), local=[3306]), "3306/tcp is open", address)


def test_local_ports_that_nobody_listens_on(suite: ModuleType) -> None:
    check = suite.test_inner_ports_are_listened_on_inside_alone
    fails(check, of(socket("22"), local=[3306]), "3306/tcp is listened on by nobody")
    passes(check, of(socket("3306", "127.0.0.1"), local=[3306]))


def test_strangers(suite: ModuleType) -> None:
    check = suite.test_nothing_else_listens
    promised: dict[str, Any] = {"open": [22], "local": [3306], "processes": {80: "nginx"}, "nothing_else": True}
    known = (socket("22"), socket("3306"), socket("80"), socket("9229", "127.0.0.1"), socket("32768/udp"))
    passes(check, of(*known, **promised))
    fails(check, of(*known, socket("9229", ANY, "node"), **promised), "0.0.0.0:9229 (node): nobody promised")
    fails(check, of(*known, socket("32767/udp", "::"), **promised), "[::]:32767/udp")
    fails(check, of(*known, socket("32768"), **promised), "0.0.0.0:32768")
    fails(check, of(*known, socket("22/udp"), **promised), "22/udp")


def test_who_listens(suite: ModuleType) -> None:
    check = suite.test_ports_belong_to_their_programs
    passes(check, of(socket("22", "::", "sshd", "systemd"), processes={22: "sshd"}))
    passes(check, of(socket("9000", "127.0.0.1", "php-fpm8.3"), processes={9000: "php-fpm*"}))
    fails(check, of(socket("80", ANY, "apache2"), processes={80: "nginx"}), "80/tcp is listened on by apache2")
    fails(check, of(socket("51820/udp"), processes={"51820/udp": "openvpn"}), "by the kernel, promised openvpn")
    fails(check, of(processes={80: "nginx"}), "by nobody")
    hidden = Socket(protocol="tcp", address="::", port=80, programs=HIDDEN)
    is_not_observed(check, of(hidden, processes={80: "nginx"}), "only root")
    fails(check, of(hidden, socket("22", "::", "nc"), processes={80: "nginx", 22: "sshd"}), "by nc")
