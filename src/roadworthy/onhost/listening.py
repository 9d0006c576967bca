"""On the host: who listens on which ports, as the kernel knows it. Whose sockets they are only root sees of all."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, Unseen, net, proc, read_proc

NEEDS_ROOT = True
LISTENS, UNCONNECTED = "0A", "07"
TABLES = (("tcp", LISTENS), ("tcp6", LISTENS), ("udp", UNCONNECTED), ("udp6", UNCONNECTED))
IPV4 = 4
MOST = 32 * 2**20
MOST_SOCKETS = 2000
MOST_LINKS = 400_000


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/listening.py` holds."""
    del wanted
    found = [one for table, state in TABLES for one in _listeners(table, state)]
    if len(found) > MOST_SOCKETS:
        raise Unseen(FAILED, "{} sockets are listened on".format(len(found)))
    programs, seen_all = _programs({inode for *_, inode in found})
    sockets = {
        (protocol, address, port, tuple(programs.get(inode, ())) if inode in programs or seen_all else None)
        for protocol, address, port, inode in found
    }
    unknown = Unseen(NOT_PERMITTED, "whose socket it is can be seen by root alone").value()
    return {
        "sockets": [
            {"protocol": protocol, "address": address, "port": port, "programs": unknown if names is None else names}
            for protocol, address, port, names in sorted(sockets, key=lambda one: (*one[:3], one[3] or ()))
        ],
        "given_out": _given_out(),
    }


def _listeners(table: str, state: str) -> list[tuple[str, str, int, str]]:
    """Protocol, address, port and inode of each socket of a table."""
    if table.endswith("6") and not os.path.exists(proc(net(table))):
        return []  # a kernel without IPv6 has no such table
    text = read_proc(net(table), MOST)
    if len(text) >= MOST:
        raise Unseen(FAILED, "/proc/net/{} is larger than {} MiB".format(table, MOST // 2**20))
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            own, now, inode = fields[1], fields[3], fields[9]
            if now == state:
                address, port = own.split(":")
                found.append((table[:3], address_of(address), int(port, 16), inode))
        except (ValueError, IndexError) as error:
            raise Unseen(FAILED, "/proc/net/{} has a line {!r}".format(table, line[:80])) from error
    return found


def address_of(told: str) -> str:
    """An address from the kernel's hexadecimal, which has each 32 bits in the machine's own order."""
    data = bytes.fromhex(told)
    words = [data[at : at + 4] for at in range(0, len(data), 4)]
    plain = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    address = socket.inet_ntop(socket.AF_INET if len(plain) == IPV4 else socket.AF_INET6, plain)
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def _given_out() -> list[int]:
    first, last = read_proc("sys/net/ipv4/ip_local_port_range", 100).split()
    return [int(first), int(last)]


def _programs(wanted: set[str]) -> tuple[dict[str, list[str]], bool]:
    """The names of who holds sockets, by inode; and whether all processes could be looked into."""
    found: dict[str, list[str]] = {}
    seen_all, links = os.path.isdir(proc("1")), 0  # where others' processes are hidden, the first one is
    for number in os.listdir(proc("")):
        if not number.isdigit():
            continue
        folder = proc(number + "/fd")
        try:
            handles = os.listdir(folder)
        except PermissionError:
            seen_all = False
            continue
        except OSError:
            continue  # it has ended
        links += len(handles)
        if links > MOST_LINKS:
            return found, False
        for handle in handles:
            held = _link(os.path.join(folder, handle))
            inode = held[8:-1] if held.startswith("socket:[") else ""
            if inode in wanted:
                names = found.setdefault(inode, [])
                names.extend(name for name in _names(number) if name not in names)
    return found, seen_all


def _names(number: str) -> list[str]:
    """A process by its own name and by its file's."""
    try:
        own = read_proc(number + "/comm", 100).strip()
    except Unseen:
        own = ""  # it has ended
    file = os.path.basename(_link(proc(number + "/exe")).replace(" (deleted)", ""))
    return [name for name in dict.fromkeys((own, file)) if name]


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # it has ended, or was closed
