"""What is on a machine that keeps its promises of `system`.

Files of the kernel's are as proc(5) has them. The programs are stand-ins in their own words: df as coreutils 9.1 prints
it, `timedatectl show` as systemd 249, `apt-get -s dist-upgrade` as apt 2.4, and versions as the distributions' own
packages tell them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roadworthy.onhost.system import COMMANDS
from roadworthy.sandbox.machines.machine import Answer, File, Machine

if TYPE_CHECKING:
    from roadworthy.target.blocks.system import System
    from roadworthy.target.models import Component, Target

GIB = 2**30
FREE = 0.7
INODES = 6_553_600
OLDEST, NEWEST = "0.1", "99"

OS = (("ubuntu", "22.04", "Ubuntu 22.04.5 LTS"), ("debian", "12", "Debian GNU/Linux 12 (bookworm)"))

SAYS = {
    "php": "PHP {0} (cli) (built: Sep  2 2026 12:41:18) (NTS)\nCopyright (c) The PHP Group\n",
    "composer": "Composer version {0} 2026-02-09 15:26:28\n",
    "git": "git version {0}\n",
    "node": "v{0}\n",
    "mysql": "mysql  Ver {0}-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))\n",
    "certbot": "certbot {0}\n",
    "ssh": "",
    "nginx": "",
}
COMPLAINS = {"nginx": "nginx version: nginx/{0} (Ubuntu)\n", "ssh": "OpenSSH_{0}p1 Ubuntu-3ubuntu0.10, OpenSSL 3.0.2\n"}

APT = "-s -q -o Debug::NoLocking=true --ignore-hold dist-upgrade"
CALM = "Reading package lists...\nBuilding dependency tree...\nReading state information...\nCalculating upgrade...\n"
NOTHING = "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n"
CLOCK = "show --property=NTPSynchronized"


def furnish(promised: System, component: Component, target: Target) -> Machine:
    """A machine as large as promised, with room to spare."""
    del component, target
    return Machine(
        files=(*_os(promised), *_size(promised), *_disks(promised), *_care()),
        answers=(*_df(promised), *_programs(promised)),
    )


def _os(promised: System) -> tuple[File, ...]:
    name, _, wanted = (promised.os or ("ubuntu 22.04",))[0].partition(" ")
    known = {own: (version, told) for own, version, told in OS}
    version = _version(wanted) if wanted else known.get(name, ("1", ""))[0]
    told = known[name][1] if known.get(name, ("", ""))[0] == version else f"{name.title()} {version}"
    text = f'PRETTY_NAME="{told}"\nNAME="{name.title()}"\nVERSION_ID="{version}"\nID={name}\n'
    return (File("/etc/os-release", text),)


def _version(wanted: str) -> str:
    """One of the versions that are meant: the bound itself, or one beyond it where it is excluded."""
    number = wanted.lstrip("<>= ")
    if wanted.startswith("<") and not wanted.startswith("<="):
        return OLDEST
    return number if not wanted.startswith(">") or wanted.startswith(">=") else f"{NEWEST}.0"


def _size(promised: System) -> tuple[File, ...]:
    cores, memory = promised.cores or 2, (promised.memory or 2 * GIB) // 1024 + 1
    processors = "\n".join(f"processor\t: {number}\nvendor_id\t: GenuineIntel\n" for number in range(cores))
    return (
        File("/proc/cpuinfo", processors),
        File("/proc/1/status", f"Name:\tsystemd\nCpus_allowed_list:\t0-{cores - 1}\n"),
        File("/proc/meminfo", meminfo(memory, memory * 6 // 10, memory // 4, memory // 4)),
        File("/proc/loadavg", "0.12 0.10 0.05 1/312 48213\n"),
    )


def meminfo(total: int, available: int, swap: int, swap_free: int) -> str:
    """/proc/meminfo, in kB."""
    rows = {"MemTotal": total, "MemFree": available // 2, "MemAvailable": available, "Buffers": 51200}
    rows |= {"SwapTotal": swap, "SwapFree": swap_free}
    return "".join(f"{name + ':':<16}{amount:>8} kB\n" for name, amount in rows.items())


def _disks(promised: System) -> tuple[File, ...]:
    return tuple(File(path, mode=0o755) for path in promised.disks or () if path != "/")


def _df(promised: System) -> tuple[Answer, ...]:
    """What df answers of all paths together: all are mounted on their own."""
    disks = promised.disks or {}
    sizes = {path: disk.size or 40 * GIB for path, disk in disks.items()}
    return (
        Answer("df", "-kP .*", table("1024-blocks", {path: (size // 1024 + 1, FREE) for path, size in sizes.items()})),
        Answer("df", "-iP .*", table("Inodes", dict.fromkeys(disks, (INODES, FREE)))),
    )


def table(unit: str, rows: dict[str, tuple[int, float]]) -> str:
    """What df prints: by path, how much there is, and which share of it is free."""
    inodes = unit == "Inodes"
    used, free, share = ("IUsed", "IFree", "IUse%") if inodes else ("Used", "Available", "Capacity")
    lines = [f"Filesystem     {unit:>11} {used:>9} {free:>9} {share:>8} Mounted on"]
    for number, (path, (whole, left)) in enumerate(rows.items()):
        taken = whole - int(whole * left)
        device = f"/dev/nvme{number}n1p1"
        lines.append(f"{device:14} {whole:>11} {taken:>9} {whole - taken:>9} {taken * 100 // whole:>7}% {path}")
    return "\n".join(lines) + "\n"


def _care() -> tuple[File, ...]:
    return (
        File("/usr/share/update-notifier/notify-reboot-required", "#!/bin/sh\n", mode=0o755),
        File("/var/lib/apt/periodic/update-success-stamp", "", age_s=3600),
        File("/var/lib/apt/lists", mode=0o755, age_s=3600),
        File("/var/lib/apt/lists/security.ubuntu.com_ubuntu_dists_jammy-security_InRelease", "", age_s=7200),
    )


def _programs(promised: System) -> tuple[Answer, ...]:
    asked = (
        Answer("timedatectl", CLOCK, "NTPSynchronized=yes\n"),
        Answer("chronyc", "-n tracking", says="506 Cannot talk to daemon\n", ends=1),
        Answer("apt-get", APT, CALM + NOTHING),
    )
    return asked + tuple(
        says_version(name, _version(versions[0])) for name, versions in (promised.versions or {}).items()
    )


def says_version(name: str, version: str) -> Answer:
    """A program that tells its version."""
    full = version if "." in version else f"{version}.0.1"
    program, *words = COMMANDS.get(name, [name, "--version"])
    says, complains = SAYS.get(name, f"{name} {{0}}\n"), COMPLAINS.get(name, "")
    return Answer(program, re.escape(" ".join(words)), says.format(full), complains.format(full))
