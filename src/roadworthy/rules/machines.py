"""Judgements of a machine: whether it is the promised one, has room left, and who listens on it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved
from roadworthy.facts.store import Unseen
from roadworthy.facts.store import seen as told
from roadworthy.rules.versions import is_version
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.facts.listening import ListeningObservation, Socket
    from roadworthy.facts.system import Disk, Memory, SystemObservation
    from roadworthy.target.blocks.stores import Amount
    from roadworthy.target.blocks.system import Disk as Promised
    from roadworthy.target.blocks.system import Program, Updates

PERCENT = 100


def size(count: float) -> str:
    """A size as people say it, in the decimal units that disks and memory are sold in."""
    for unit, of in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= of:
            return f"{count / of:.4g} {unit}"
    return f"{count:g} B"


def share(promised: Amount) -> float | None:
    """Of a whole; None: the amount is a number."""
    return float(promised.rstrip("% ")) / PERCENT if isinstance(promised, str) else None


def shown(promised: Amount) -> str:
    """A promised size or share."""
    return promised if isinstance(promised, str) else show_size(promised)


# --- what it is ------------------------------------------------------------------------------------------------------


def another_os(seen: SystemObservation, promised: Iterable[str]) -> list[str]:
    """That it is none of the promised operating systems."""
    own = told(seen.os, "the operating system")
    for one in promised:
        name, _, version = one.partition(" ")
        if own.id == name and (not version or is_version(version, own.version)):
            return []
    return [f"it is {own.name or own.id} ({own.id} {own.version}), promised {' or '.join(promised)}"]


def other_versions(seen: SystemObservation, promised: Mapping[Program, tuple[str, ...]]) -> list[str]:
    """Programs that are not there, or in another version.

    Raises:
        NotObserved: nothing is at fault that was seen, and one does not tell its version.
    """
    faults = []
    for name, versions in promised.items():
        own = seen.versions.get(name)
        if isinstance(own, Unseen):
            continue
        if not told(own, f"the version of {name}"):
            faults.append(f"there is no {name}, promised {' or '.join(versions)}")
        elif not any(is_version(version, str(own)) for version in versions):
            faults.append(f"{name} is {own}, promised {' or '.join(versions)}")
    return faults or _but_unseen({name: seen.versions[name] for name in promised})


def _but_unseen(parts: Mapping[str, object]) -> list[str]:
    """Nothing at fault; raises where a part could not be seen."""
    unseen = {name: part for name, part in parts.items() if isinstance(part, Unseen)}
    for name, part in unseen.items():
        error = part.error()
        raise NotObserved(error.reason, f"{name}: {error.detail}")
    return []


def few_cores(seen: SystemObservation, promised: int) -> list[str]:
    """That there are too few."""
    cores = told(seen.cores, "cores")
    limit = f" of {cores.there}, the rest is not ours (quota or affinity)" if cores.usable < cores.there else ""
    return [f"{cores.usable:g} cores{limit}, promised {promised}"] if cores.usable < promised else []


def little_memory(seen: SystemObservation, promised: int) -> list[str]:
    """That there is too little in all."""
    memory = told(seen.memory, "memory")
    limit = f" (limited, of {size(memory.total)})" if memory.usable < memory.total else ""
    return (
        [f"{size(memory.usable)} of memory{limit}, promised {show_size(promised)}"] if memory.usable < promised else []
    )


# --- room ------------------------------------------------------------------------------------------------------------


def small_disks(seen: SystemObservation, promised: Mapping[str, Promised]) -> list[str]:
    """File systems that are smaller than promised; raises as `other_versions`."""
    wanted = {path: disk.size for path, disk in promised.items() if disk.size is not None}
    faults = [
        f"{path} is in {on(path, disk)} of {size(disk.size)}, promised {show_size(wanted[path])}"
        for path, disk in _disks(seen, wanted)
        if disk.size < wanted[path]
    ]
    return faults or _but_unseen({path: seen.disks[path] for path in wanted})


def full_disks(seen: SystemObservation, promised: Mapping[str, Promised]) -> list[str]:
    """File systems with too little room left; raises as `other_versions`."""
    wanted = {path: disk.free for path, disk in promised.items() if disk.free is not None}
    faults = []
    for path, disk in _disks(seen, wanted):
        whole = disk.used + disk.free
        part = disk.free / whole if whole else 0.0
        if _too_little(wanted[path], disk.free, whole):
            faults.append(f"{path}: {size(disk.free)} ({part:.0%}) free, promised {shown(wanted[path])}")
    return faults or _but_unseen({path: seen.disks[path] for path in wanted})


def few_inodes(seen: SystemObservation, promised: Mapping[str, Promised]) -> list[str]:
    """File systems that can hold few more files; one that does not count them has no end. Raises as above."""
    wanted = {path: disk.inodes for path, disk in promised.items() if disk.inodes is not None}
    faults = []
    for path, disk in _disks(seen, wanted):
        if disk.inodes is not None and _too_little(wanted[path], disk.inodes_free, disk.inodes):
            part = disk.inodes_free / disk.inodes if disk.inodes else 0.0
            faults.append(f"{path}: {disk.inodes_free} inodes ({part:.0%}) free, promised {wanted[path]}")
    return faults or _but_unseen({path: seen.disks[path] for path in wanted})


def on(path: str, disk: Disk) -> str:
    """How a path's file system is called."""
    return "a file system" if disk.mounted_on in (path, path.rstrip("/")) else f"the file system {disk.mounted_on}"


def _disks(seen: SystemObservation, wanted: Iterable[str]) -> Iterable[tuple[str, Disk]]:
    for path in wanted:
        disk = seen.disks.get(path)
        if not isinstance(disk, Unseen):
            yield path, told(disk, f"the file system of {path}")


def _too_little(promised: Amount, left: int, whole: int) -> bool:
    part = share(promised)
    return left < (int(promised) if part is None else whole * part)


def overloaded(seen: SystemObservation, promised: float) -> list[str]:
    """That more waits for the cores than they can do."""
    load, cores = told(seen.load, "the load"), told(seen.cores, "cores")
    each = load.five / cores.usable
    averages = f"{load.minute:g}, {load.five:g}, {load.fifteen:g}"
    told_as = (
        f"load {load.five:g} on {cores.usable:g} cores is {each:.2f} each ({averages}), promised below {promised:g}"
    )
    return [told_as] if each >= promised else []


def little_left(seen: SystemObservation, promised: Amount) -> list[str]:
    """That too little memory is available."""
    memory = told(seen.memory, "memory")
    whole = memory.usable
    left = f"{size(memory.available)} of {size(whole)} ({memory.available / whole:.0%}) available"
    return [f"{left}, promised {shown(promised)}"] if _too_little(promised, memory.available, whole) else []


def swapping(seen: SystemObservation, promised: Amount) -> list[str]:
    """That more swap is in use than promised."""
    memory: Memory = told(seen.memory, "memory")
    used, part = memory.swap - memory.swap_free, share(promised)
    limit = int(promised) if part is None else memory.swap * part
    return [f"{size(used)} of {size(memory.swap)} of swap in use, promised {shown(promised)}"] if used > limit else []


# --- care ------------------------------------------------------------------------------------------------------------


def pending_updates(seen: SystemObservation, promised: Updates) -> list[str]:
    """That security updates wait, or that nobody has asked for them lately."""
    updates = told(seen.updates, "security updates")
    faults = []
    if updates.security > promised.at_most:
        named = ", ".join(updates.packages[:5]) + (", ..." if updates.security > 5 else "")  # noqa: PLR2004 - a few
        faults.append(f"{updates.security} security updates are pending ({named}), promised at most {promised.at_most}")
    if updates.lists_at is None:
        faults.append("the machine has never fetched its lists of packages")
    elif (age := seen.age_s(updates.lists_at)) > promised.as_of:
        days = show_duration(round(age / 3600) * 3600 or 1)
        faults.append(f"its lists of packages are {days} old, promised {show_duration(promised.as_of)}")
    return faults


# --- who listens -----------------------------------------------------------------------------------------------------


def not_open(seen: ListeningObservation, promised: Iterable[str]) -> list[str]:
    """Ports that are not listened on for others."""
    faults = []
    for port in promised:
        sockets = _on(seen, port)
        if not any(not socket.is_local for socket in sockets):
            where = f"only at {_told(sockets)}" if sockets else "by nobody"
            faults.append(f"{port} is listened on {where}")
    return faults


def not_local(seen: ListeningObservation, promised: Iterable[str]) -> list[str]:
    """Ports that are listened on for everybody, or by nobody."""
    faults = []
    for port in promised:
        sockets = _on(seen, port)
        exposed = [socket for socket in sockets if not socket.is_local and not socket.is_private]
        if exposed:
            faults.append(f"{port} is open to whoever gets there: {_told(exposed)}")
        elif not sockets:
            faults.append(f"{port} is listened on by nobody")
    return faults


def strangers(seen: ListeningObservation, known: frozenset[str]) -> list[str]:
    """Ports that others can reach, and nobody promised."""
    first, last = seen.given_out
    found = [
        socket
        for socket in seen.sockets
        if not socket.is_local
        and socket.on not in known
        and not (socket.protocol == "udp" and first <= socket.port <= last)
    ]
    return [f"{_told(found)}: nobody promised"] if found else []


def other_listeners(seen: ListeningObservation, promised: Mapping[str, str]) -> list[str]:
    """Ports that another program listens on, or none.

    Raises:
        NotObserved: nothing is at fault that was seen, and whose a socket is can't be.
    """
    faults, unseen = [], []
    for port, name in promised.items():
        sockets = _on(seen, port)
        if not sockets:
            faults.append(f"{port} is listened on by nobody, promised {name}")
        for socket in sockets:
            if isinstance(socket.programs, Unseen):
                unseen.append(socket.programs.error())
            elif not any(fnmatchcase(program, name) for program in socket.programs):
                who = ", ".join(socket.programs) or "the kernel"
                faults.append(f"{port} is listened on by {who}, promised {name}")
    if unseen and not faults:
        raise unseen[0]
    return list(dict.fromkeys(faults))


def _on(seen: ListeningObservation, port: str) -> list[Socket]:
    return [socket for socket in seen.sockets if socket.on == port]


def _told(sockets: Iterable[Socket]) -> str:
    return ", ".join(socket.told for socket in sockets)
