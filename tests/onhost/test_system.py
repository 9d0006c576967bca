"""The collector of the machine itself: real programs where there are some, their recorded words otherwise."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from roadworthy.facts.store import Unseen
from roadworthy.facts.system import Clock, Cores, Disk, Load, Memory, Os, Reboot, SystemObservation, Updates
from roadworthy.onhost import ground, system
from roadworthy.sandbox.machines.system import COMPLAINS, SAYS
from roadworthy.target.blocks.system import Program
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEMINFO = (
    "MemTotal:        8148948 kB\nMemFree:          311844 kB\nMemAvailable:    5012340 kB\n"
    "SwapTotal:       2097148 kB\nSwapFree:        2000000 kB\nHugePages_Total:       0\n"
)
KIB = 1024


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    write(tmp_path, "etc/os-release", 'ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n')
    write(tmp_path, "proc/cpuinfo", "".join(f"processor\t: {n}\nmodel name\t: Xeon\n\n" for n in range(4)))
    write(tmp_path, "proc/1/status", "Name:\tsystemd\nCpus_allowed_list:\t0-3\n")
    write(tmp_path, "proc/meminfo", MEMINFO)
    write(tmp_path, "proc/loadavg", "0.52 1.25 2.00 3/312 48213\n")
    return tmp_path


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a program that says something; nothing else is in the PATH."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setattr(ground, "search_path", lambda: str(folder))

    def made(name: str, says: str = "", complains: str = "", ends: int = 0, sleeps: float = 0) -> None:
        code = (
            f"#!{sys.executable} -SE\nimport sys, time\ntime.sleep({sleeps})\n"
            f"sys.stdout.write({says!r}); sys.stderr.write({complains!r}); sys.exit({ends})\n"
        )
        (folder / name).write_text(code)
        (folder / name).chmod(0o755)

    return made


def look(**wanted: Any) -> SystemObservation:
    asked = {"disks": [], "programs": [], "clock": False, "reboot": False, "updates": False} | wanted
    return SystemObservation(observed_at=NOW, now=NOW, **system.look(asked))


def unseen(part: object) -> str:
    assert isinstance(part, Unseen), part
    return f"{part.unseen}: {part.detail}"


@pytest.mark.usefixtures("root")
def test_a_machine() -> None:
    seen = look()
    assert seen.os == Os(id="ubuntu", version="22.04", name="Ubuntu 22.04.5 LTS")
    assert seen.cores == Cores(there=4, usable=4)
    assert seen.load == Load(minute=0.52, five=1.25, fifteen=2.0)
    assert seen.memory == Memory(
        total=8148948 * KIB, available=5012340 * KIB, swap=2097148 * KIB, swap_free=2000000 * KIB, limit=None
    )
    assert (seen.clock, seen.reboot, seen.updates, seen.disks, seen.versions) == (None, None, None, {}, {})


def test_this_machine_itself() -> None:
    seen = look(disks=["/", "/proc"])
    assert isinstance(seen.os, Os)
    assert isinstance(seen.memory, Memory)
    assert seen.memory.total > seen.memory.available > 0
    assert isinstance(seen.cores, Cores)
    assert 0 < seen.cores.usable <= seen.cores.there
    root = seen.disks["/"]
    assert isinstance(root, Disk)
    told = os.statvfs("/")
    assert root.size == told.f_blocks * told.f_frsize
    assert root.mounted_on == "/"
    proc = seen.disks["/proc"]
    assert isinstance(proc, Disk)
    assert proc.inodes is None  # it counts none


def test_broken_files(root: Path) -> None:
    write(root, "etc/os-release", "NAME='no end\n")
    write(root, "proc/cpuinfo", "nothing")
    write(root, "proc/meminfo", "MemTotal: 1 kB\n")
    write(root, "proc/loadavg", "\0\1")
    seen = look()
    assert "no ID" in unseen(seen.os)
    assert "no processor" in unseen(seen.cores)
    assert "MemAvailable, SwapTotal, SwapFree" in unseen(seen.memory)
    assert "loadavg" in unseen(seen.load)
    (root / "etc/os-release").unlink()
    assert "os-release" in unseen(look().os)


@pytest.mark.parametrize(
    ("files", "usable"),
    [
        ({"proc/1/status": "Cpus_allowed_list:\t0,2-3\n"}, 3),
        ({"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, 4),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
    ],
)
def test_cores_that_may_be_used(root: Path, files: dict[str, str], usable: float) -> None:
    for path, text in files.items():
        write(root, path, text)
    assert look().cores == Cores(there=4, usable=usable)


def test_an_affinity_that_is_none(root: Path) -> None:
    write(root, "proc/1/status", "Cpus_allowed_list:\tall\n")
    assert "Cpus_allowed_list" in unseen(look().cores)


CGROUP, CGROUP_1 = "sys/fs/cgroup/memory.", "sys/fs/cgroup/memory/memory."


@pytest.mark.parametrize(
    ("files", "limit", "available"),
    [
        ({CGROUP + "max": "1073741824\n", CGROUP + "current": "1000000000\n"}, 2**30, 2**30 - 999_999_000),
        ({CGROUP + "max": "1073741824\n", CGROUP + "current": "1073745920\n"}, 2**30, 0),
        ({CGROUP + "max": str(2**40), CGROUP + "current": "5\n"}, 2**40, 5012340 * KIB),
        ({CGROUP + "max": "max\n"}, None, 5012340 * KIB),
        ({CGROUP_1 + "limit_in_bytes": str(2**30), CGROUP_1 + "usage_in_bytes": "2000\n"}, 2**30, 2**30 - 1000),
        ({CGROUP_1 + "limit_in_bytes": "9223372036854771712\n"}, None, 5012340 * KIB),
    ],
)
def test_memory_that_may_be_used(root: Path, files: dict[str, str], limit: int | None, available: int) -> None:
    for path, text in files.items():
        write(root, path, text)
    write(root, CGROUP + "stat", "anon 7\ninactive_file 1000\n")
    write(root, CGROUP_1 + "stat", "inactive_file 3\ntotal_inactive_file 1000\n")
    memory = look().memory
    assert isinstance(memory, Memory)
    assert memory.limit == limit
    assert memory.available == available
    assert memory.usable == min(limit or memory.total, memory.total)


# --- disks -----------------------------------------------------------------------------------------------------------

DF_K = """Filesystem     1024-blocks     Used Available Capacity Mounted on
/dev/nvme0n1p1    98831908 61204412  37611112      62% /
/dev/nvme1n1     515010816 20971520 467803136       5% /mnt/my data
"""
DF_I = """Filesystem       Inodes  IUsed    IFree IUse% Mounted on
/dev/nvme0n1p1 12902400 512345 12390055    4% /
/dev/nvme1n1          0      0        0     - /mnt/my data
"""


def test_disks(root: Path, program: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "mnt").mkdir()
    program("df")
    monkeypatch.setattr(system, "run", lambda command, _: ground.Done(0, DF_K if command[1] == "-kP" else DF_I, ""))
    seen = look(disks=["/", "/mnt", "/gone"])
    data = seen.disks["/mnt"]
    assert isinstance(data, Disk)
    assert (data.mounted_on, data.size, data.free) == ("/mnt/my data", 515010816 * KIB, 467803136 * KIB)
    assert data.inodes is None
    whole = seen.disks["/"]
    assert isinstance(whole, Disk)
    assert (whole.inodes, whole.inodes_free) == (12902400, 12390055)
    assert "/gone" in unseen(seen.disks["/gone"])


def test_a_disk_that_does_not_answer(root: Path, program: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "mnt").mkdir()
    program("df", sleeps=30)
    monkeypatch.setattr(system, "WITHIN_S", 0.3)
    assert "took too long" in unseen(look(disks=["/mnt"]).disks["/mnt"])
    program("df", complains="df: /mnt: Transport endpoint is not connected\n", ends=1)
    assert "Transport endpoint" in unseen(look(disks=["/mnt"]).disks["/mnt"])
    program("df", says="Filesystem\nnonsense\n")
    assert "failed" in unseen(look(disks=["/mnt"]).disks["/mnt"])


# --- clock, restart, updates -----------------------------------------------------------------------------------------

TRACKING = "Reference ID    : A9FEA97B (169.254.169.123)\nStratum         : 4\nLeap status     : {}\n"


@pytest.mark.usefixtures("root")
def test_the_clock(program: Callable[..., None]) -> None:
    assert "neither chronyc nor timedatectl" in unseen(look(clock=True).clock)
    program("timedatectl", "NTPSynchronized=yes\n")
    assert look(clock=True).clock == Clock(synchronised=True, told_by="timedatectl")
    program("timedatectl", "NTPSynchronized=no\n")
    assert look(clock=True).clock == Clock(synchronised=False, told_by="timedatectl")
    program("chronyc", TRACKING.format("Normal"))
    assert look(clock=True).clock == Clock(synchronised=True, told_by="chronyc")
    program("chronyc", TRACKING.format("Not synchronised"))
    assert look(clock=True).clock == Clock(synchronised=False, told_by="chronyc")
    program("chronyc", "506 Cannot talk to daemon\n", ends=1)
    assert look(clock=True).clock == Clock(synchronised=False, told_by="timedatectl")
    program("timedatectl", complains="System has not been booted with systemd as init system (PID 1).\n", ends=1)
    assert "booted with systemd" in unseen(look(clock=True).clock)


@pytest.mark.parametrize(
    ("heard", "every", "synchronised"),
    [
        (timedelta(minutes=170), "1024.2", True),
        (timedelta(minutes=190), "1024.2", False),
        (timedelta(days=3), "64.0", False),
        (timedelta(days=1), "16384.0", True),
    ],
)
@pytest.mark.usefixtures("root")
def test_a_time_server_that_is_not_heard_any_more(
    program: Callable[..., None], heard: timedelta, every: str, *, synchronised: bool
) -> None:
    told = f"Ref time (UTC)  : {datetime.now(UTC) - heard:%a %b %d %H:%M:%S %Y}\n"
    program("chronyc", told + f"Update interval : {every} seconds\n" + TRACKING.format("Normal"))
    assert look(clock=True).clock == Clock(synchronised=synchronised, told_by="chronyc")


def test_a_restart(root: Path, program: Callable[..., None]) -> None:
    assert "nothing here would tell" in unseen(look(reboot=True).reboot)
    program(
        "needs-restarting", "Core libraries or services have been updated:\n  * glibc\n\nReboot is required\n", ends=1
    )
    assert look(reboot=True).reboot == Reboot(due=True, told_by="needs-restarting -r", packages=("glibc",))
    program("needs-restarting", "No core libraries or services have been updated.\nReboot should not be necessary.\n")
    assert look(reboot=True).reboot == Reboot(due=False, told_by="needs-restarting -r")
    program("needs-restarting", complains="Traceback\nImportError\n", ends=1)
    assert "ImportError" in unseen(look(reboot=True).reboot)
    write(root, "usr/share/update-notifier/notify-reboot-required")
    assert look(reboot=True).reboot == Reboot(due=False, told_by="/run/reboot-required")
    write(root, "run/reboot-required", "*** System restart required ***\n")
    write(root, "run/reboot-required.pkgs", "linux-base\nlibc6\nlibc6\n")
    expected = Reboot(due=True, told_by="/run/reboot-required", packages=("libc6", "linux-base"))
    assert look(reboot=True).reboot == expected


APT = """NOTE: This is only a simulation!
Inst libc6 [2.35-0ubuntu3.4] (2.35-0ubuntu3.6 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
Inst linux-image-6.1.0-28-amd64 (6.1.119-1 Debian-Security:12/stable-security [amd64])
Inst tzdata [2024a] (2024b Ubuntu:22.04/jammy-updates [all])
Inst libspring-security-core-java [5.0] (5.1 Ubuntu:22.04/jammy-updates [all])
Conf libc6 (2.35-0ubuntu3.6 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
"""


def test_updates_by_apt(root: Path, program: Callable[..., None]) -> None:
    program("apt-get", APT)
    never = look(updates=True).updates
    assert never == Updates(security=2, told_by="apt-get", packages=("libc6", "linux-image-6.1.0-28-amd64"))
    write(root, "var/lib/apt/lists/security_InRelease")
    write(root, "var/lib/apt/periodic/update-success-stamp")
    at = datetime(2026, 11, 20, 6, tzinfo=UTC)
    for path in ("lists", "periodic/update-success-stamp"):
        os.utime(root / "var/lib/apt" / path, (at.timestamp(), at.timestamp()))
    updates = look(updates=True).updates
    assert isinstance(updates, Updates)
    assert updates.lists_at == at
    program("apt-get", complains="E: dpkg was interrupted, you must manually run 'dpkg --configure -a'\n", ends=100)
    assert "dpkg was interrupted" in unseen(look(updates=True).updates)


def test_updates_by_dnf(root: Path, program: Callable[..., None]) -> None:
    assert "neither apt-get nor dnf" in unseen(look(updates=True).updates)
    lines = (
        "ALAS2023-2024-1 Important/Sec. openssl-1:3.0.8-1.x86_64\nALAS2023-2024-2 medium/Sec.    curl-8.5-1.x86_64\n"
    )
    program("dnf", lines)
    write(root, "var/cache/dnf/amazonlinux-1/repodata/repomd.xml")
    updates = look(updates=True).updates
    assert isinstance(updates, Updates)
    assert (updates.security, updates.told_by) == (2, "dnf")
    assert updates.lists_at is not None
    assert datetime.now(UTC) - updates.lists_at < timedelta(minutes=5)
    program(
        "dnf",
        "Name                Type     Severity  Package                  Issued\n"
        "FEDORA-2026-0123abc security Important openssl-3.2.2-1.fc41.x86_64 2026-11-20 01:23:45\n",
    )
    fifth = look(updates=True).updates
    assert isinstance(fifth, Updates)
    assert (fifth.security, fifth.packages) == (1, ("openssl-3.2.2-1.fc41.x86_64",))
    program("dnf", "FEDORA-2026-0123abc openssl-3.2.2-1.fc41.x86_64\n")
    assert "dnf says" in unseen(look(updates=True).updates)
    program("dnf", complains="Error: Cache-only enabled but no cache for 'amazonlinux'\n", ends=1)
    assert "Cache-only" in unseen(look(updates=True).updates)


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says", "version"),
    [
        ("php", "PHP 8.3.6 (cli) (built: Mar 19 2025 10:08:38) (NTS)\nZend Engine v4.3.6\n", "8.3.6"),
        ("nginx", "nginx version: nginx/1.24.0 (Ubuntu)\n", "1.24.0"),
        ("node", "v20.11.1\n", "20.11.1"),
        ("composer", "Composer version 2.7.1 2024-02-09 15:26:28\n", "2.7.1"),
        ("composer", "Deprecated: since 8.1.0\nComposer version 2.7.1 2024-02-09 15:26:28\n", "2.7.1"),
        ("git", "git version 2.34.1\n", "2.34.1"),
        ("mysql", "mysql  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))\n", "8.0.36"),
        (
            "mysql",
            "mysql  Ver 15.1 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64) using  EditLine wrapper\n",
            "10.11.6",
        ),
        ("mysql", "mysql from 11.4.3-MariaDB, client 15.2 for debian-linux-gnu (x86_64)\n", "11.4.3"),
        ("mysqld", "/usr/sbin/mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux\n", "8.0.36"),
        ("supervisor", "4.2.1\n", "4.2.1"),
        ("certbot", "certbot 1.21.0\n", "1.21.0"),
        ("psql", "psql (PostgreSQL) 14.11 (Ubuntu 14.11-0ubuntu0.22.04.1)\n", "14.11"),
        ("redis-server", "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1\n", "6.0.16"),
        ("openssl", "OpenSSL 3.0.2 15 Mar 2022 (Library: OpenSSL 3.0.2 15 Mar 2022)\n", "3.0.2"),
        ("ssh", "OpenSSH_8.9p1 Ubuntu-3ubuntu0.10, OpenSSL 3.0.2 15 Mar 2022\n", "8.9"),
        ("java", 'openjdk version "17.0.10" 2024-01-16\n', "17.0.10"),
        ("java", 'Picked up JAVA_TOOL_OPTIONS: -javaagent:/a-8.1.0.jar\nopenjdk version "21" 2023-09-19\n', "21"),
        ("docker", "Docker version 24.0.5, build ced0996\n", "24.0.5"),
        ("fail2ban", "Fail2Ban v0.11.2\n", "0.11.2"),
        ("mongod", "db version v6.0.5\nBuild Info: {}\n", "6.0.5"),
        ("apache2", "Server version: Apache/2.4.52 (Ubuntu)\nServer built:   2024-04-10T17:45:18\n", "2.4.52"),
        ("caddy", "v2.7.6 h1:w0NymbG2m9PcvKWsrXO6EEkY9Ru4FJK8uQbYcev1p3A=\n", "2.7.6"),
    ],
)
@pytest.mark.usefixtures("root")
def test_versions(program: Callable[..., None], name: str, says: str, version: str) -> None:
    asked = system.COMMANDS.get(name, [name])[0]
    program(asked, says)
    assert look(programs=[name]).versions == {name: version}
    program(asked, complains=says)
    assert look(programs=[name]).versions == {name: version}


@pytest.mark.usefixtures("root")
def test_programs_that_tell_none(program: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "WITHIN_S", 0.3)
    program("php", complains="php: error while loading shared libraries: libargon2.so.1\n", ends=127)
    program("git", "no version\n")
    program("node", sleeps=30)
    seen = look(programs=["php", "git", "node", "certbot"]).versions
    assert "libargon2" in unseen(seen["php"])
    assert "no version" in unseen(seen["git"])
    assert "took too long" in unseen(seen["node"])
    assert seen["certbot"] == ""  # seen not to be there


def test_tables_speak_of_programs_that_can_be_promised() -> None:
    programs = set(get_args(Program))
    assert {*system.COMMANDS, *system.TOLD, *SAYS, *COMPLAINS} <= programs
