from roadworthy.cases.machines import SkewCase, SystemCase
from roadworthy.check import check
from roadworthy.facts.store import seen as told
from roadworthy.rules import machines as rules
from roadworthy.target.values import show_duration

AFTER = ("HOST-REACH",)


@check(
    "HOST-OS",
    severity="high",
    expects="system.os",
    after=AFTER,
    source="os-release(5)",
    by_hand="cat /etc/os-release",
    repair="Move to a machine with a promised release (a new one, or do-release-upgrade), or correct the promise.",
)
def test_the_operating_system_is_a_promised_one(system: SystemCase) -> None:
    """An old release gets no security updates any more, and another one has other versions of everything."""
    faults = rules.another_os(system.seen, system.expected.os or ())
    assert not faults, "; ".join(faults)


@check(
    "HOST-CORES",
    severity="medium",
    expects="system.cores",
    after=AFTER,
    source="proc(5), cpuinfo; cgroups(7), cpu.max",
    by_hand="nproc; cat /sys/fs/cgroup/cpu.max",
    repair="Take a larger machine, or lift the container's quota.",
)
def test_the_machine_has_its_cores(system: SystemCase) -> None:
    """Workers and pools are counted by cores: on a smaller machine they wait for each other."""
    faults = rules.few_cores(system.seen, system.expected.cores or 0)
    assert not faults, "; ".join(faults)


@check(
    "HOST-MEMORY",
    severity="medium",
    expects="system.memory",
    after=AFTER,
    source="proc(5), meminfo",
    by_hand="free -b; cat /sys/fs/cgroup/memory.max",
    repair="Take a larger machine, or lift the container's limit. The kernel keeps some of it: 8 GiB show as 8 GB.",
)
def test_the_machine_has_its_memory(system: SystemCase) -> None:
    """Pools and caches are sized for it: with less, the kernel kills the largest process under load."""
    faults = rules.little_memory(system.seen, system.expected.memory or 0)
    assert not faults, "; ".join(faults)


@check(
    "HOST-DISK-SIZE",
    severity="medium",
    expects="system.disks",
    after=AFTER,
    source="df(1)",
    by_hand="df -kP",
    repair="Attach a larger disk, and grow the file system on it (resize2fs, xfs_growfs).",
)
def test_disks_have_their_size(system: SystemCase) -> None:
    """A data folder that is not on its own large disk fills the one that the system is on."""
    faults = rules.small_disks(system.seen, system.expected.disks or {})
    assert not faults, "; ".join(faults)


@check(
    "HOST-DISK-FREE",
    severity="high",
    expects="system.disks",
    after=AFTER,
    source="df(1)",
    by_hand="df -kP; sudo du -xk / | sort -n | tail -20",
    repair="Find what grows (logs, old releases, dumps), and see that it is rotated; then enlarge the disk.",
)
def test_disks_have_room(system: SystemCase) -> None:
    """On a full disk databases stop, sessions and uploads fail, and the logs that would tell of it are not written."""
    faults = rules.full_disks(system.seen, system.expected.disks or {})
    assert not faults, "; ".join(faults)


@check(
    "HOST-INODES",
    severity="high",
    expects="system.disks",
    after=AFTER,
    source="df(1), -i",
    by_hand="df -iP; sudo du -x --inodes / | sort -n | tail -20",
    repair="Delete what has piled up: sessions, cache files, mail; and see that it is cleaned by itself.",
)
def test_disks_can_hold_more_files(system: SystemCase) -> None:
    """Without inodes no file can be made, although there is room: millions of small session files do that."""
    faults = rules.few_inodes(system.seen, system.expected.disks or {})
    assert not faults, "; ".join(faults)


@check(
    "HOST-LOAD",
    severity="medium",
    expects="system.load_below",
    after=AFTER,
    source="proc(5), loadavg",
    by_hand="uptime; ps -eo pcpu,stat,args --sort=-pcpu | head",
    repair="See who runs (ps, top), and who waits for the disk (state D).",
)
def test_the_load_is_bearable(system: SystemCase) -> None:
    """More than its cores can do waits: every answer takes longer, and the next peak tips it over."""
    faults = rules.overloaded(system.seen, system.expected.load_below or 0)
    assert not faults, "; ".join(faults)


@check(
    "HOST-MEMORY-FREE",
    severity="high",
    expects="system.memory_free",
    after=AFTER,
    source="proc(5), meminfo: MemAvailable",
    by_hand="free -m; ps -eo rss,args --sort=-rss | head",
    repair="See who takes it (ps by rss), restart what leaks, bound pools and caches, or enlarge the machine.",
)
def test_memory_is_left(system: SystemCase) -> None:
    """When nothing is available the kernel kills a process, mostly the database."""
    faults = rules.little_left(system.seen, system.expected.memory_free or 0)
    assert not faults, "; ".join(faults)


@check(
    "HOST-SWAP",
    severity="medium",
    expects="system.swap_below",
    after=AFTER,
    source="proc(5), meminfo: SwapFree",
    by_hand="free -m; vmstat 1 3",
    repair="Find what was swapped out (VmSwap in /proc/*/status), and give the machine memory.",
)
def test_little_is_swapped_out(system: SystemCase) -> None:
    """What is swapped out comes back a thousand times slower; after a full swap, processes are killed."""
    faults = rules.swapping(system.seen, system.expected.swap_below or 0)
    assert not faults, "; ".join(faults)


@check(
    "HOST-CLOCK",
    severity="medium",
    expects="system.clock_synchronised",
    after=AFTER,
    source="timedatectl(1); chronyc(1)",
    by_hand="timedatectl; chronyc -n tracking",
    repair="Turn it on (timedatectl set-ntp true, or chrony), and let UDP port 123 out.",
)
def test_the_clock_is_synchronised(system: SystemCase) -> None:
    """A clock on its own drifts seconds a week: tokens are refused, replicas and logs no longer agree."""
    clock = told(system.seen.clock, "the clock")
    assert clock.synchronised, f"the clock is not synchronised, says {clock.told_by}"


@check(
    "HOST-SKEW",
    severity="high",
    expects="system.clock_within",
    after=AFTER,
    source="RFC 7519 section 4.1.4",
    by_hand="date -u +%s.%N",
    repair="Synchronise the clock (chronyc makestep); then look at HOST-CLOCK, and at ours.",
)
def test_the_clock_is_right(system: SkewCase) -> None:
    """A token of a machine whose clock is ahead is refused as not yet valid; signed requests are refused as too old."""
    ahead, bound = told(system.seen.inside.skew_s, "its clock"), system.expected.clock_within or 0.0
    side = "ahead of" if ahead > 0 else "behind"
    assert abs(ahead) <= bound, f"its clock is {abs(ahead):.3g} s {side} ours, promised {show_duration(bound)}"


@check(
    "HOST-REBOOT",
    severity="medium",
    expects="system.no_reboot_due",
    after=AFTER,
    source="needs-restarting(1); /usr/share/doc/update-notifier-common",
    by_hand="cat /run/reboot-required /run/reboot-required.pkgs; uname -r",
    repair="Restart the machine at the next quiet hour, one of a group after another.",
)
def test_no_restart_is_due(system: SystemCase) -> None:
    """An updated kernel or libc does nothing for what runs since before: the hole is still open."""
    reboot = told(system.seen.reboot, "whether a restart is due")
    waiting = f" for {', '.join(reboot.packages)}" if reboot.packages else ""
    assert not reboot.due, f"a restart is due{waiting}, says {reboot.told_by}"


@check(
    "HOST-UPDATES",
    severity="high",
    expects="system.security_updates",
    after=AFTER,
    source="apt-get(8); dnf(8), updateinfo",
    by_hand="apt-get -s dist-upgrade | grep -i security",
    repair="Install them (unattended-upgrade, dnf upgrade --security), and see why that did not happen by itself.",
)
def test_security_updates_are_installed(system: SystemCase) -> None:
    """From the day an update is out, everybody can read what it mends."""
    promised = system.expected.security_updates
    assert promised is not None
    faults = rules.pending_updates(system.seen, promised)
    assert not faults, "; ".join(faults)


@check(
    "HOST-VERSIONS",
    severity="high",
    expects="system.versions",
    after=AFTER,
    source="https://endoflife.date",
    by_hand="php -v; nginx -v; node --version; composer --version; git --version",
    repair="Install the promised version, or put it first in the PATH of whoever logs in.",
)
def test_programs_have_their_versions(system: SystemCase) -> None:
    """An application that was tried with one version of its language meets another one here."""
    faults = rules.other_versions(system.seen, system.expected.versions or {})
    assert not faults, "; ".join(faults)
