from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.cases.machines import SkewCase, SystemCase
from roadworthy.facts.host import HostReachObservation
from roadworthy.facts.store import Unseen
from roadworthy.facts.system import Clock, Cores, Load, Memory, Os, Reboot
from tests.suites.healthy import NOW, fails, is_not_observed, passes
from tests.suites.host.machines import DISK, GB, HIDDEN, MEMORY, UPDATES, case, system

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from roadworthy.facts.system import SystemObservation


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("host/test_machine.py")


def of(seen: SystemObservation, **promised: Any) -> SystemCase:
    return case(SystemCase, seen, system=promised)


def test_the_operating_system(suite: ModuleType) -> None:
    check = suite.test_the_operating_system_is_a_promised_one
    passes(check, of(system(), os="ubuntu 22.04"))
    passes(check, of(system(), os=["debian >= 11", "ubuntu >= 22.04"]))
    passes(check, of(system(os=Os(id="arch")), os="arch"))
    debian = system(os=Os(id="debian", version="10", name="Debian GNU/Linux 10 (buster)"))
    fails(check, of(debian, os=["ubuntu 22.04", "debian >= 11"]), "Debian GNU/Linux 10", "ubuntu 22.04 or debian >= 11")
    fails(check, of(system(os=Os(id="ubuntu", version="22.10")), os="ubuntu 22.04"), "ubuntu 22.10")
    is_not_observed(check, of(system(os=HIDDEN), os="ubuntu 22.04"), "only root")
    is_not_observed(check, of(system(os=Os(id="debian", version="")), os="debian >= 11"), "can't be compared")


def test_cores(suite: ModuleType) -> None:
    check = suite.test_the_machine_has_its_cores
    passes(check, of(system(), cores=4))
    fails(check, of(system(), cores=5), "4 cores, promised 5")
    limited = system(cores=Cores(there=8, usable=3.5))
    fails(check, of(limited, cores=4), "3.5 cores of 8", "quota")
    is_not_observed(check, of(system(cores=HIDDEN), cores=4), "only root")


def test_memory(suite: ModuleType) -> None:
    check = suite.test_the_machine_has_its_memory
    passes(check, of(system(), memory="8GB"))
    fails(check, of(system(), memory="8001MB"), "8 GB of memory, promised 8001MB")
    limited = Memory(total=64 * GB, available=GB, swap=0, swap_free=0, limit=4 * GB)
    fails(check, of(system(memory=limited), memory="8GB"), "4 GB of memory (limited, of 64 GB)")
    is_not_observed(check, of(system(memory=HIDDEN), memory="8GB"), "only root")


def test_the_size_of_disks(suite: ModuleType) -> None:
    check = suite.test_disks_have_their_size
    passes(check, of(system(), disks={"/": {"size": "100GB"}}))
    fails(check, of(system(), disks={"/": {"size": "101GB"}}), "/ is in a file system of 100 GB, promised 101GB")
    both = system(disks={"/var/lib/mysql": DISK, "/srv": HIDDEN})
    promised = {"/var/lib/mysql": {"size": "500GB"}, "/srv": {"size": "1GB"}}
    fails(check, of(both, disks=promised), "/var/lib/mysql is in the file system / of 100 GB, promised 500GB")
    is_not_observed(check, of(both, disks={"/srv": {"size": "1GB"}}), "/srv", "only root")


def test_room_on_disks(suite: ModuleType) -> None:
    check = suite.test_disks_have_room
    free = system(disks={"/": DISK.model_copy(update={"used": 80 * GB})})
    passes(check, of(free, disks={"/": {"free": "20%"}}))
    fails(check, of(free, disks={"/": {"free": "20.1%"}}), "/: 20 GB (20%) free, promised 20.1%")
    passes(check, of(free, disks={"/": {"free": "20GB"}}))
    fails(check, of(free, disks={"/": {"free": "21GB"}}), "promised 21GB")
    is_not_observed(check, of(system(disks={"/": HIDDEN}), disks={"/": {"free": "1%"}}), "only root")


def test_inodes(suite: ModuleType) -> None:
    check = suite.test_disks_can_hold_more_files
    passes(check, of(system(), disks={"/": {"inodes": "10%"}}))
    fails(check, of(system(), disks={"/": {"inodes": "11%"}}), "/: 100 inodes (10%) free, promised 11%")
    fails(check, of(system(), disks={"/": {"inodes": 101}}), "promised 101")
    endless = system(disks={"/": DISK.model_copy(update={"inodes": None, "inodes_free": 0})})
    passes(check, of(endless, disks={"/": {"inodes": "10%"}}))
    is_not_observed(check, of(system(disks={"/": HIDDEN}), disks={"/": {"inodes": "1%"}}), "only root")


def test_the_load(suite: ModuleType) -> None:
    check = suite.test_the_load_is_bearable
    passes(check, of(system(), load_below=0.51))
    fails(check, of(system(), load_below=0.5), "load 2 on 4 cores is 0.50 each (1, 2, 3), promised below 0.5")
    fails(check, of(system(cores=Cores(there=4, usable=1)), load_below=1.5), "2.00 each")
    is_not_observed(check, of(system(load=HIDDEN), load_below=1), "only root")
    passes(check, of(system(load=Load(minute=99, five=0, fifteen=0)), load_below=1))


def test_memory_that_is_left(suite: ModuleType) -> None:
    check = suite.test_memory_is_left
    passes(check, of(system(), memory_free="25%"))
    fails(check, of(system(), memory_free="26%"), "2 GB of 8 GB (25%) available, promised 26%")
    passes(check, of(system(), memory_free="2GB"))
    fails(check, of(system(), memory_free="2001MB"), "promised 2001MB")
    is_not_observed(check, of(system(memory=HIDDEN), memory_free="1%"), "only root")


def test_swap(suite: ModuleType) -> None:
    check = suite.test_little_is_swapped_out
    passes(check, of(system(), swap_below="50%"))
    fails(check, of(system(), swap_below="49%"), "1 GB of 2 GB of swap in use, promised 49%")
    fails(check, of(system(), swap_below="999MB"), "promised 999MB")
    none = MEMORY.model_copy(update={"swap": 0, "swap_free": 0})
    passes(check, of(system(memory=none), swap_below="1%"))
    is_not_observed(check, of(system(memory=HIDDEN), swap_below="1%"), "only root")


def test_the_clock(suite: ModuleType) -> None:
    check = suite.test_the_clock_is_synchronised
    passes(check, of(system(), clock_synchronised=True))
    off = system(clock=Clock(synchronised=False, told_by="timedatectl"))
    fails(check, of(off, clock_synchronised=True), "not synchronised, says timedatectl")
    neither = Unseen(unseen="not supported", detail="neither chronyc nor timedatectl is here")
    is_not_observed(check, of(system(clock=neither), clock_synchronised=True), "neither chronyc nor timedatectl")


def test_skew(suite: ModuleType) -> None:
    check = suite.test_the_clock_is_right

    def ahead(seconds: float) -> SkewCase:
        seen = HostReachObservation(observed_at=NOW, user="deploy", skew_s=seconds)
        return case(SkewCase, seen, system={"clock_within": "2s"})

    passes(check, ahead(2))
    passes(check, ahead(-2))
    fails(check, ahead(2.5), "2.5 s ahead of ours, promised 2s")
    fails(check, ahead(-3600), "3.6e+03 s behind ours")
    untold = HostReachObservation(observed_at=NOW, user="deploy")
    is_not_observed(check, case(SkewCase, untold, system={"clock_within": "2s"}), "its clock was not looked at")
    gone = HostReachObservation(observed_at=NOW, gone="connection refused")
    is_not_observed(check, case(SkewCase, gone, system={"clock_within": "2s"}), "connection refused")


def test_a_restart(suite: ModuleType) -> None:
    check = suite.test_no_restart_is_due
    passes(check, of(system(), no_reboot_due=True))
    due = Reboot(due=True, told_by="/run/reboot-required", packages=("linux-image-6.8.0-40", "libc6"))
    fails(check, of(system(reboot=due), no_reboot_due=True), "due for linux-image-6.8.0-40, libc6, says /run/reboot")
    is_not_observed(check, of(system(reboot=HIDDEN), no_reboot_due=True), "only root")


def test_security_updates(suite: ModuleType) -> None:
    check = suite.test_security_updates_are_installed
    promised = {"at_most": 1, "as_of": "2d"}
    one = UPDATES.model_copy(update={"security": 1, "packages": ("libssl3",)})
    passes(check, of(system(updates=one), security_updates=promised))
    two = UPDATES.model_copy(update={"security": 2, "packages": ("libssl3", "openssl")})
    fails(check, of(system(updates=two), security_updates=promised), "2 security updates", "libssl3, openssl", "most 1")
    old = UPDATES.model_copy(update={"lists_at": NOW - timedelta(days=2, seconds=1)})
    fails(check, of(system(updates=old), security_updates=promised), "2d old, promised 2d")
    never = UPDATES.model_copy(update={"lists_at": None})
    fails(check, of(system(updates=never), security_updates=promised), "never fetched")
    is_not_observed(check, of(system(updates=HIDDEN), security_updates=promised), "only root")


def test_versions(suite: ModuleType) -> None:
    check = suite.test_programs_have_their_versions
    passes(check, of(system(), versions={"php": ">= 8.3.6", "node": ["18", "20"]}))
    fails(check, of(system(), versions={"php": ">= 8.4", "node": ["16", "18"]}), "php is 8.3.6, promised >= 8.4; node")
    none = system(versions={"php": "", "node": HIDDEN})
    fails(check, of(none, versions={"php": "8", "node": "20"}), "there is no php, promised 8")
    is_not_observed(check, of(none, versions={"node": "20"}), "node", "only root")
