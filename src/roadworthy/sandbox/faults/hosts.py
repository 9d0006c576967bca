"""Faults of a machine: that it is there, its size, its disks, who listens, its firewall."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import State
from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.machines import firewall as walls
from roadworthy.sandbox.machines import listening as doors
from roadworthy.sandbox.machines import system as bodies
from roadworthy.sandbox.machines.machine import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Fault, Where
    from roadworthy.sandbox.machines.firewall import Entry
    from roadworthy.sandbox.machines.listening import Listener
    from roadworthy.sandbox.machines.machine import Machine
    from roadworthy.target.blocks.firewall import Firewall
    from roadworthy.target.blocks.listening import Listening
    from roadworthy.target.blocks.system import Disk, System


def _hosts(deployment: Deployment) -> Iterable[str]:
    return (name for name, component in deployment.target.components.items() if component.host is not None)


def _with_sudo(deployment: Deployment) -> Iterable[str]:
    vantages = deployment.target.network.vantages
    components = deployment.target.components.items()
    return (name for name, component in components if component.host is not None and vantages[component.host].sudo)


def _down(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_ssh(component, lambda host: replace(host, state=State.KILLED))


def _without_sudo(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_machine(component, lambda machine: replace(machine, lets_sudo=False))


def _ahead(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_machine(component, lambda machine: replace(machine, clock_ahead_s=300.0))


# --- the machine itself ----------------------------------------------------------------------------------------------


def _system(deployment: Deployment, component: str) -> System:
    promised = deployment.component(component).system
    assert promised is not None  # noqa: S101 - the fault is in a component that promises it
    return promised


def _with_file(path: str, text: Callable[[System], str]) -> Change:
    """A file with another text, or one more."""

    def change(deployment: Deployment, component: str) -> Deployment:
        file = File(path, text(_system(deployment, component)))
        return deployment.with_machine(component, lambda machine: machine.plus(type(machine)(files=(file,))))

    return change


def _with_answer(program: str, arguments: str, says: Callable[[System], str]) -> Change:
    """A program that says something else."""

    def change(deployment: Deployment, component: str) -> Deployment:
        text = says(_system(deployment, component))
        return deployment.with_machine(
            component,
            lambda machine: machine.with_answer(program, arguments, lambda answer: replace(answer, says=text)),
        )

    return change


def _meminfo(total: float = 1.0, available: float = 0.6, swap_free: float = 1.0) -> Callable[[System], str]:
    """/proc/meminfo of a machine with shares of what is promised."""

    def text(promised: System) -> str:
        whole = int((promised.memory or 2 * bodies.GIB) // 1024 * total)
        swap = whole // 4
        return bodies.meminfo(whole, int(whole * available), swap, int(swap * swap_free))

    return text


def _disks(of: str) -> Where:
    """Components that promise this of a disk."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in promising("system.disks")(deployment):
            if any(getattr(disk, of) is not None for disk in (_system(deployment, name).disks or {}).values()):
                yield name

    return where


def _df(inodes: bool, size: float = 1.0, free: float = bodies.FREE, of: str = "free") -> Callable[[System], str]:  # noqa: FBT001 - which of two tables
    """What df says, where disks of which something is promised have these shares of it."""

    def text(promised: System) -> str:
        def row(disk: Disk) -> tuple[int, float]:
            whole = bodies.INODES if inodes else (disk.size or 40 * bodies.GIB) // 1024 + 1
            return (int(whole * size), free) if getattr(disk, of) is not None else (whole, bodies.FREE)

        disks = promised.disks or {}
        return bodies.table("Inodes" if inodes else "1024-blocks", {path: row(disk) for path, disk in disks.items()})

    return text


def _old_lists(deployment: Deployment, component: str) -> Deployment:
    def aged(file: File) -> File:
        return replace(file, age_s=60 * 86400.0)

    def change(machine: Machine) -> Machine:
        for path in ("/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"):
            machine = machine.with_file(path, aged)
        return machine

    return deployment.with_machine(component, change)


def _versioned(name: str) -> Where:
    """Components that promise a version of a program."""

    def where(deployment: Deployment) -> Iterable[str]:
        return (one for one in promising("system.versions")(deployment) if name in _versions(deployment, one))

    return where


def _versions(deployment: Deployment, component: str) -> Iterable[str]:
    return _system(deployment, component).versions or {}


def _in_version(name: str, version: str) -> Change:
    def change(deployment: Deployment, component: str) -> Deployment:
        old = bodies.says_version(name, version)
        return deployment.with_machine(component, lambda machine: machine.plus(type(machine)(answers=(old,))))

    return change


INSTALLS = """Inst libssl3 [3.0.2-0ubuntu1.18] (3.0.2-0ubuntu1.21 Ubuntu:22.04/jammy-updates, \
Ubuntu:22.04/jammy-security [amd64])
Inst openssl [3.0.2-0ubuntu1.18] (3.0.2-0ubuntu1.21 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
Inst tzdata [2025a-0ubuntu0.22.04] (2026b-0ubuntu0.22.04 Ubuntu:22.04/jammy-updates [all])
"""
OLD_OS = 'PRETTY_NAME="Ubuntu 18.04.6 LTS"\nNAME="Ubuntu"\nVERSION_ID="18.04"\nID=ubuntu\n'  # out of support since 2023

OF_THE_MACHINE: tuple[Fault, ...] = (
    fault(
        "os-outdated",
        "the host still runs Ubuntu 18.04",
        "HOST-OS",
        where=promising("system.os"),
        change=_with_file("/etc/os-release", lambda _: OLD_OS),
    ),
    fault(
        "cores-too-few",
        "a container's quota leaves the host half a core",
        "HOST-CORES",
        where=promising("system.cores"),
        change=_with_file("/sys/fs/cgroup/cpu.max", lambda _: "50000 100000\n"),
    ),
    fault(
        "memory-too-small",
        "the host has half of the promised memory",
        "HOST-MEMORY",
        where=promising("system.memory"),
        change=_with_file("/proc/meminfo", _meminfo(total=0.5)),
    ),
    fault(
        "disk-too-small",
        "a volume is half as large as promised",
        "HOST-DISK-SIZE",
        where=_disks("size"),
        change=_with_answer("df", "-kP .*", _df(inodes=False, size=0.5, of="size")),
    ),
    fault(
        "disk-nearly-full",
        "3 % of a disk are left",
        "HOST-DISK-FREE",
        where=_disks("free"),
        change=_with_answer("df", "-kP .*", _df(inodes=False, free=0.03)),
    ),
    fault(
        "inodes-used-up",
        "millions of small files have taken all inodes",
        "HOST-INODES",
        where=_disks("inodes"),
        change=_with_answer("df", "-iP .*", _df(inodes=True, free=0.0, of="inodes")),
    ),
    fault(
        "load-high",
        "a hundred processes wait for the host's cores",
        "HOST-LOAD",
        where=promising("system.load_below"),
        change=_with_file("/proc/loadavg", lambda _: "104.20 98.31 60.07 97/1312 48213\n"),
    ),
    fault(
        "memory-used-up",
        "2 % of the host's memory are available",
        "HOST-MEMORY-FREE",
        where=promising("system.memory_free"),
        change=_with_file("/proc/meminfo", _meminfo(available=0.02)),
    ),
    fault(
        "swap-full",
        "all of the host's swap is in use",
        "HOST-SWAP",
        where=promising("system.swap_below"),
        change=_with_file("/proc/meminfo", _meminfo(swap_free=0.0)),
    ),
    fault(
        "clock-ahead",
        "the host's clock is five minutes ahead",
        "HOST-SKEW",
        where=promising("system.clock_within"),
        change=_ahead,
    ),
    fault(
        "clock-unsynchronised",
        "the host's clock follows no time server",
        "HOST-CLOCK",
        where=promising("system.clock_synchronised"),
        change=_with_answer("timedatectl", bodies.CLOCK, lambda _: "NTPSynchronized=no\n"),
    ),
    fault(
        "reboot-due",
        "a new kernel waits for the host to be restarted",
        "HOST-REBOOT",
        where=promising("system.no_reboot_due"),
        change=_with_file("/run/reboot-required", lambda _: "*** System restart required ***\n"),
    ),
    fault(
        "security-updates-pending",
        "security updates of OpenSSL are not installed",
        "HOST-UPDATES",
        where=promising("system.security_updates"),
        change=_with_answer("apt-get", bodies.APT, lambda _: bodies.CALM + INSTALLS.replace("\\\n", "")),
    ),
    fault(
        "updates-not-asked-for",
        "the host's lists of packages are two months old",
        "HOST-UPDATES",
        where=promising("system.security_updates"),
        change=_old_lists,
    ),
    fault(
        "php-outdated",
        "the host has PHP 7.4",
        "HOST-VERSIONS",
        where=_versioned("php"),
        change=_in_version("php", "7.4.33"),
    ),
    fault(
        "node-outdated",
        "the host has Node 12, which the distribution brings",
        "HOST-VERSIONS",
        where=_versioned("node"),
        change=_in_version("node", "12.22.9"),
    ),
)


# --- who listens -----------------------------------------------------------------------------------------------------


def _listening(deployment: Deployment, component: str) -> Listening:
    promised = deployment.component(component).listening
    assert promised is not None  # noqa: S101 - the fault is in a component that promises it
    return promised


def _with_listeners(change_of: Callable[[list[Listener], Listening], list[Listener]]) -> Change:
    def change(deployment: Deployment, component: str) -> Deployment:
        promised = _listening(deployment, component)
        found = change_of(doors.listeners(promised), promised)
        return deployment.with_machine(component, lambda machine: doors.with_listeners(machine, found))

    return change


def _first_gone(found: list[Listener], promised: Listening) -> list[Listener]:
    return [one for one in found if one.port != (promised.open or ())[-1]]


def _to_the_world(found: list[Listener], promised: Listening) -> list[Listener]:
    return [replace(one, address="0.0.0.0") if one.port in (promised.local or ()) else one for one in found]  # noqa: S104 - the fault


def _one_more(found: list[Listener], promised: Listening) -> list[Listener]:
    port = next(port for port in ("9229/tcp", "4444/tcp") if port not in promised.known)
    return [*found, doors.Listener(port, "node")]


def _another_program(found: list[Listener], promised: Listening) -> list[Listener]:
    first = next(iter(promised.processes or {}))
    return [replace(one, program="apache2") if one.port == first else one for one in found]


OF_PORTS: tuple[Fault, ...] = (
    fault(
        "port-not-listened-on",
        "nothing listens on a promised port",
        "HOST-PORTS-OPEN",
        where=promising("listening.open"),
        change=_with_listeners(_first_gone),
        also=("HOST-PORTS-WHO",),
    ),
    fault(
        "service-port-open-to-the-world",
        "services that are for this host alone listen at 0.0.0.0",
        "HOST-PORTS-LOCAL",
        where=promising("listening.local"),
        change=_with_listeners(_to_the_world),
    ),
    fault(
        "unknown-listener",
        "a debugger that was left on listens at 0.0.0.0:9229",
        "HOST-PORTS-OTHER",
        where=promising("listening.nothing_else"),
        change=_with_listeners(_one_more),
    ),
    fault(
        "port-taken-by-another",
        "Apache was faster than the promised program at its port",
        "HOST-PORTS-WHO",
        where=promising("listening.processes"),
        change=_with_listeners(_another_program),
    ),
)


# --- the firewall ----------------------------------------------------------------------------------------------------


def _firewall(deployment: Deployment, component: str) -> Firewall:
    promised = deployment.component(component).firewall
    assert promised is not None  # noqa: S101 - the fault is in a component that promises it
    return promised


def _ufw(text: Callable[[list[Entry]], str]) -> Change:
    """Ufw with other rules."""

    def change(deployment: Deployment, component: str) -> Deployment:
        says = text(walls.entries(_firewall(deployment, component)))
        return deployment.with_machine(
            component,
            lambda machine: machine.with_answer("ufw", walls.STATUS, lambda answer: replace(answer, says=says)),
        )

    return change


def _widened(deployment: Deployment, component: str) -> Deployment:
    networks = _firewall(deployment, component).networks or {}
    first = next(iter(networks)).replace("-", ":")
    return _ufw(
        lambda rules: walls.status([replace(one, source="10.0.0.0/8") if one.to == first else one for one in rules])
    )(deployment, component)


def _fail2ban(says: str, complains: str = "", ends: int = 0) -> Change:
    def change(deployment: Deployment, component: str) -> Deployment:
        return deployment.with_machine(
            component,
            lambda machine: machine.with_answer(
                "fail2ban-client",
                walls.JAILS,
                lambda answer: replace(answer, says=says, complains=complains, ends=ends),
            ),
        )

    return change


STOPPED = (
    "2026-11-28 07:40:15,563 fail2ban                [1263]: ERROR   Failed to access socket path: "
    "/var/run/fail2ban/fail2ban.sock. Is fail2ban running?\n"
)

OF_THE_FIREWALL: tuple[Fault, ...] = (
    fault(
        "firewall-off",
        "ufw is inactive",
        "HOST-FIREWALL",
        where=promising("firewall.active"),
        change=_ufw(lambda _: walls.INACTIVE),
    ),
    fault(
        "firewall-default-allow",
        "ufw lets in what no rule names",
        "HOST-FIREWALL-DEFAULT",
        where=promising("firewall.default_deny"),
        change=_ufw(lambda rules: walls.status(rules, default="allow")),
    ),
    fault(
        "firewall-extra-port",
        "a rule lets the database's port in from anywhere",
        "HOST-FIREWALL-OTHER",
        where=promising("firewall.open"),
        change=_ufw(lambda rules: walls.status([*rules, walls.Entry("5432/tcp")])),
    ),
    fault(
        "firewall-port-blocked",
        "a deny stands before the rule that lets a promised port in",
        "HOST-FIREWALL-OPEN",
        where=promising("firewall.open"),
        change=_ufw(lambda rules: walls.status([replace(rules[0], does="DENY IN"), *rules])),
    ),
    fault(
        "firewall-network-too-wide",
        "an inner port is let in from all of 10.0.0.0/8",
        "HOST-FIREWALL-NETWORKS",
        where=promising("firewall.networks"),
        change=_widened,
    ),
    fault(
        "fail2ban-stopped",
        "fail2ban does not run",
        "HOST-BANS",
        where=promising("firewall.bans"),
        change=_fail2ban("", STOPPED, 255),
    ),
    fault(
        "fail2ban-jail-missing",
        "fail2ban runs with another jail than the promised ones",
        "HOST-JAILS",
        where=promising("firewall.jails"),
        change=_fail2ban(walls.jailed(("pure-ftpd",))),
    ),
)


FAULTS = (
    fault(
        "host-down",
        "A host's SSH server is dead.",
        "HOST-REACH",
        where=_hosts,
        change=_down,
        also=("REACH-TCP",),
    ),
    fault(
        "host-refuses-sudo",
        "The user that looks may not use sudo without a password.",
        "HOST-SUDO",
        where=_with_sudo,
        change=_without_sudo,
    ),
    *OF_THE_MACHINE,
    *OF_PORTS,
    *OF_THE_FIREWALL,
)
