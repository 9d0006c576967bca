"""On the host: the machine itself: operating system, cores, memory, disks, load, clock, updates, versions."""

from __future__ import annotations

import calendar
import os
import re
import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_THERE, Done, Unseen, at, exists, has, part, read, read_proc, run

SMALL = 2**20
AT_ONCE = 4
SHOWN = 20
WITHIN_S = 10.0
UPDATES_WITHIN_S = 30.0
MISSED, UNHEARD_S = 8, 3 * 3600.0
"""So many answers chrony misses before a source is unreachable to it; at its longest usual interval, 1024 s."""
OFFLINE = {"COREPACK_ENABLE_NETWORK": "0"}
"""Else Node.js may fetch yarn, which is then asked for its version."""

COMMANDS = {
    "apache2": ["apache2", "-v"],
    "caddy": ["caddy", "version"],
    "fail2ban": ["fail2ban-client", "--version"],
    "composer": ["composer", "--version", "--no-ansi", "--no-interaction"],
    "haproxy": ["haproxy", "-v"],
    "java": ["java", "-version"],
    "nginx": ["nginx", "-v"],
    "openssl": ["openssl", "version"],
    "php": ["php", "-n", "-v"],
    "ssh": ["ssh", "-V"],
    "supervisor": ["supervisord", "--version"],
}
"""How a program is asked, where it is not by `NAME --version`."""

VERSION = r"([0-9]+(?:\.[0-9]+)+)"
TOLD = {
    "composer": r"Composer (?:version )?" + VERSION,
    "java": r'version "([0-9]+(?:\.[0-9]+)*)',
    "mysql": r"(?:Distrib|from|Ver) {}(?!.*(?:Distrib|from) [0-9])".format(VERSION),
    "mysqld": r"Ver " + VERSION,
    "php": r"PHP " + VERSION,
    "ssh": r"OpenSSH_" + VERSION,
}
"""Where a version stands, where it is not the first one that is told."""

HOOKS = ("/usr/share/update-notifier/notify-reboot-required", "/etc/kernel/postinst.d/unattended-upgrades")
"""What would have made the file on Debian and Ubuntu."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/system.py` holds."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        versions = {name: pool.submit(part, _version, name) for name in wanted["programs"]}
        later = {
            "disks": pool.submit(_disks, wanted["disks"]),
            "clock": pool.submit(part, _clock) if wanted["clock"] else None,
            "reboot": pool.submit(part, _reboot) if wanted["reboot"] else None,
            "updates": pool.submit(part, _updates) if wanted["updates"] else None,
        }
        now = {"os": part(_os), "cores": part(_cores), "memory": part(_memory), "load": part(_load)}
        return dict(
            now,
            versions={name: asked.result() for name, asked in versions.items()},
            **{name: asked.result() if asked is not None else None for name, asked in later.items()},
        )


def _os() -> dict[str, str]:
    text = read("/etc/os-release" if exists("/etc/os-release") else "/usr/lib/os-release", SMALL)
    told = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        try:
            told[name.strip()] = "".join(shlex.split(value)[:1])
        except ValueError:
            continue  # a quote without its end: another line may say it
    if not told.get("ID"):
        raise Unseen(FAILED, "/etc/os-release has no ID")
    return {"id": told["ID"], "version": told.get("VERSION_ID", ""), "name": told.get("PRETTY_NAME", "")}


# --- cores, memory, load ---------------------------------------------------------------------------------------------


def _cores() -> dict[str, Any]:
    there = len(re.findall(r"^processor\s*(?:[0-9]+)?\s*:", read_proc("cpuinfo"), re.MULTILINE))
    if not there:
        raise Unseen(FAILED, "/proc/cpuinfo names no processor")
    allowed = re.search(r"^Cpus_allowed_list:\s*(\S+)", read_proc("1/status", SMALL), re.MULTILINE)
    usable = float(min(there, _counted(allowed.group(1)) if allowed else there))
    quota = _quota()
    return {"there": there, "usable": usable if quota is None else min(usable, quota)}


def _counted(ranges: str) -> int:
    """How many cores `0-3,8` are."""
    count = 0
    for one in ranges.split(","):
        first, _, last = one.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise Unseen(FAILED, "Cpus_allowed_list is {!r}".format(ranges[:80]))
        count += int(last or first) - int(first) + 1
    return count


def _quota() -> float | None:
    """The cores that a container may use; at the top of a machine's own groups there is no such file, or no limit."""
    if exists("/sys/fs/cgroup/cpu.max"):
        quota, _, period = read("/sys/fs/cgroup/cpu.max", SMALL).strip().partition(" ")
    elif exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"):
        quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", SMALL).strip()
        period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us", SMALL).strip()
    else:
        return None
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _memory() -> dict[str, int | None]:
    told = dict(re.findall(r"^(\w+):\s*([0-9]+) kB", read_proc("meminfo", SMALL), re.MULTILINE))
    names = {"total": "MemTotal", "available": "MemAvailable", "swap": "SwapTotal", "swap_free": "SwapFree"}
    missing = [name for name in names.values() if name not in told]
    if missing:
        raise Unseen(FAILED, "/proc/meminfo has no " + ", ".join(missing))
    found: dict[str, int | None] = {field: int(told[name]) * 1024 for field, name in names.items()}
    limit, taken = _limit()
    if limit is not None:
        found["available"] = max(0, min(int(told[names["available"]]) * 1024, limit - taken))
    return dict(found, limit=limit)


def _limit() -> tuple[int | None, int]:
    """A container's limit of memory, and what is taken of it: all but the files' that are given back when asked for."""
    for folder, most, now, cache in (
        ("/sys/fs/cgroup/", "memory.max", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory/", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        if exists(folder + most):
            limit = read(folder + most, SMALL).strip()
            if not limit.isdigit() or int(limit) >= 2**62:  # none is told as 2**63
                break
            cached = re.search(rf"^{cache} ([0-9]+)$", read(folder + "memory.stat", SMALL), re.MULTILINE)
            return int(limit), int(read(folder + now, SMALL)) - (int(cached.group(1)) if cached else 0)
    return None, 0


def _load() -> dict[str, float]:
    told = re.match(r"([0-9.]+) ([0-9.]+) ([0-9.]+) ", read_proc("loadavg", SMALL))
    if told is None:
        raise Unseen(FAILED, "/proc/loadavg can't be read")
    return {"minute": float(told.group(1)), "five": float(told.group(2)), "fifteen": float(told.group(3))}


# --- disks -----------------------------------------------------------------------------------------------------------


def _disks(paths: list[str]) -> dict[str, Any]:
    """The file systems of paths: two processes for all of them, and each path alone where that did not do."""
    found: dict[str, Any] = {}
    there = []
    for path in paths:
        if os.path.exists(at(path)):
            there.append(path)
        else:
            found[path] = Unseen(FAILED, path + ": there is no such path, or it may not be looked at").value()
    try:
        found.update(_file_systems(there))
    except Unseen:
        for path in there:
            found[path] = part(lambda path: _file_systems([path])[path], path)
    return found


def _file_systems(paths: list[str]) -> dict[str, Any]:
    if not paths:
        return {}
    spaces, files = _df("-kP", paths), _df("-iP", paths)
    found = {}
    for path, space, inodes in zip(paths, spaces, files):
        size, used, free, mounted_on = space
        found[path] = {
            "mounted_on": mounted_on,
            "size": _number(size) * 1024,
            "used": _number(used) * 1024,
            "free": _number(free) * 1024,
            "inodes": int(inodes[0]) if inodes[0].isdigit() and inodes[0] != "0" else None,  # btrfs and vfat count none
            "inodes_free": int(inodes[2]) if inodes[2].isdigit() else 0,
        }
    return found


def _number(text: str) -> int:
    if not text.isdigit():
        raise Unseen(FAILED, "df says {!r}".format(text[:40]))
    return int(text)


def _df(how: str, paths: list[str]) -> list[tuple[str, str, str, str]]:
    """A line for each path: how much, used, free, and where it is mounted."""
    done = run(["df", how] + [at(path) for path in paths], WITHIN_S)
    rows = re.findall(r"^\S.*?\s+([0-9-]+)\s+([0-9-]+)\s+([0-9-]+)\s+(?:[0-9]+%|-)\s+(/.*)$", done.out, re.MULTILINE)
    if done.code or len(rows) != len(paths):
        raise Unseen(FAILED, "df {}: {}".format(how, done.last_words))
    return rows


# --- clock, restart, updates -----------------------------------------------------------------------------------------


def _clock() -> dict[str, Any]:
    complaint = "neither chronyc nor timedatectl is here"
    for program, look_at in (("chronyc", _by_chrony), ("timedatectl", _by_systemd)):
        if has(program):
            try:
                return {"synchronised": look_at(), "told_by": program}
            except Unseen as unseen:
                complaint = unseen.detail
    raise Unseen(FAILED if has("chronyc") or has("timedatectl") else NOT_THERE, complaint)


def _by_chrony() -> bool:
    done = run(["chronyc", "-n", "tracking"])
    status = re.search(r"^Leap status\s*: (.+)$", done.out, re.MULTILINE)
    if done.code or status is None:
        raise Unseen(FAILED, "chronyc: " + done.last_words)
    return status.group(1).strip() != "Not synchronised" and not _is_long_ago(done.out)


def _is_long_ago(tracking: str) -> bool:
    """Whether chrony last heard of a time long ago: it calls itself synchronised all the same."""
    heard = re.search(r"^Ref time \(UTC\)\s*: \w{3} (\w{3}) +(\d+) ([0-9:]{8}) (\d{4})$", tracking, re.MULTILINE)
    every = re.search(r"^Update interval\s*: ([0-9]+)(?:\.[0-9]+)? seconds$", tracking, re.MULTILINE)
    if heard is None:
        return False
    at = calendar.timegm(time.strptime(" ".join(heard.groups()), "%b %d %H:%M:%S %Y"))
    return time.time() - at > max(UNHEARD_S, MISSED * int(every.group(1)) if every else 0)


def _by_systemd() -> bool:
    done = run(["timedatectl", "show", "--property=NTPSynchronized"])
    if done.out.strip() not in ("NTPSynchronized=yes", "NTPSynchronized=no"):
        raise Unseen(FAILED, "timedatectl: " + done.last_words)
    return done.out.strip().endswith("yes")


def _reboot() -> dict[str, Any]:
    for path in ("/run/reboot-required", "/var/run/reboot-required"):
        if exists(path):
            packages = read(path + ".pkgs", SMALL).split() if exists(path + ".pkgs") else []
            return {"due": True, "told_by": path, "packages": sorted(set(packages))[:SHOWN]}
    if any(exists(hook) for hook in HOOKS):
        return {"due": False, "told_by": "/run/reboot-required"}
    for command in (["needs-restarting", "-r"], ["dnf", "-C", "needs-restarting", "-r"]):
        if has(command[0]):
            done = run(command, UPDATES_WITHIN_S)
            if done.code not in (0, 1) or "eboot" not in done.out:
                raise Unseen(FAILED, "{}: {}".format(command[0], done.last_words))
            changed = re.findall(r"^\s*\* (\S+)", done.out, re.MULTILINE)
            return {"due": done.code == 1, "told_by": " ".join(command), "packages": changed[:SHOWN]}
    raise Unseen(
        NOT_THERE, "nothing here would tell: neither unattended-upgrades, update-notifier nor needs-restarting"
    )


def _updates() -> dict[str, Any]:
    if has("apt-get"):
        return _by_apt()
    if has("dnf"):
        return _by_dnf()
    raise Unseen(NOT_THERE, "neither apt-get nor dnf is here")


def _by_apt() -> dict[str, Any]:
    done = run(
        ["apt-get", "-s", "-q", "-o", "Debug::NoLocking=true", "--ignore-hold", "dist-upgrade"], UPDATES_WITHIN_S
    )
    if done.code:
        raise Unseen(FAILED, "apt-get: " + done.last_words)
    lines = re.findall(r"^Inst (\S+) .*$", "\n".join(_of_security(done.out)), re.MULTILINE)
    fetched = None
    if any(name.endswith("Release") for name in _names("/var/lib/apt/lists")):
        signs = ("periodic/update-success-stamp", "lists/partial", "lists")
        fetched = max(os.stat(at("/var/lib/apt/" + sign)).st_mtime for sign in signs if exists("/var/lib/apt/" + sign))
    return {"security": len(lines), "told_by": "apt-get", "packages": lines[:SHOWN], "lists_at": fetched}


def _of_security(text: str) -> list[str]:
    """Lines of packages that come from an archive of security updates."""
    return [line for line in text.splitlines() if re.search(r"\(.*(?:-security\b|Debian-Security)", line)]


def _by_dnf() -> dict[str, Any]:
    done = run(["dnf", "-C", "-q", "updateinfo", "list", "--security"], UPDATES_WITHIN_S)
    if done.code:
        raise Unseen(FAILED, "dnf: " + done.last_words)
    packages = [name for name in map(_of_advisory, done.out.splitlines()) if name]
    lists = (
        "{}/{}/repodata/repomd.xml".format(cache, name)
        for cache in ("/var/cache/dnf", "/var/cache/libdnf5")
        for name in _names(cache)
    )
    fetched = [os.stat(at(path)).st_mtime for path in lists if exists(path)]
    lists_at = max(fetched) if fetched else None
    return {"security": len(set(packages)), "told_by": "dnf", "packages": packages[:SHOWN], "lists_at": lists_at}


def _of_advisory(line: str) -> str:
    """The package of a line of `dnf updateinfo list --security`, in version 4 and 5; empty: it is of none.

    Raises:
        Unseen: it is of an advisory, and told in another way.
    """
    fields = line.split()
    if len(fields) == len(("name", "severity/Sec.", "package")) and "Sec" in fields[1]:
        return fields[2]
    if len(fields) > len(("name", "type", "severity")) and fields[1] == "security":
        return fields[3]
    if fields and re.fullmatch(r"[A-Za-z]\S*-[0-9]{4}\S+", fields[0]):
        raise Unseen(FAILED, "dnf says {!r}".format(line[:100]))
    return ""


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(at(folder))
    except OSError:
        return []  # none was ever fetched


# --- versions --------------------------------------------------------------------------------------------------------


def _version(name: str) -> str:
    """What a program says its version is; empty: there is no such program."""
    command = COMMANDS.get(name, [name, "--version"])
    if not has(command[0]):
        return ""
    return version_in(name, command[0], run(command, WITHIN_S, OFFLINE))


def version_in(name: str, program: str, done: Done) -> str:
    """The version in what a program said.

    Raises:
        Unseen: it told none.
    """
    told = re.search(TOLD.get(name, VERSION), done.out[:SMALL] + "\n" + done.err[:SMALL])
    if done.code or told is None:
        raise Unseen(FAILED, "{}: {}".format(program, done.last_words))
    return told.group(1)
