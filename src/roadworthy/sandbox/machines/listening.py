"""What is on a machine that keeps its promises of `listening`: the kernel's tables and links, as proc(5) has them."""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.machines.machine import File, Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.blocks.listening import Listening
    from roadworthy.target.models import Component, Target

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
FIRST_PROCESS = 700
USUAL = {"22/tcp": "sshd", "80/tcp": "nginx", "443/tcp": "nginx", "3306/tcp": "mysqld", "6379/tcp": "redis-server"}


@dataclass(frozen=True)
class Listener:
    """A program that listens."""

    port: str
    program: str
    address: str = "0.0.0.0"  # noqa: S104 - as a server would have it


def furnish(promised: Listening, component: Component, target: Target) -> Machine:
    """A program for each port, where it is promised."""
    del component, target
    return with_listeners(Machine(), listeners(promised))


def listeners(promised: Listening) -> list[Listener]:
    """Who listens on a machine that keeps its promises."""
    who = {port: name.replace("*", "") for port, name in (promised.processes or {}).items()}
    local = promised.local or ()
    ports = dict.fromkeys((*(promised.open or ()), *local, *who))
    found = [Listener(port, who.get(port) or USUAL.get(port, "app")) for port in ports]
    return [replace(one, address="127.0.0.1") if one.port in local else one for one in found]


def with_listeners(machine: Machine, found: Iterable[Listener]) -> Machine:
    """A machine with these programs, and no others, that listen."""
    tables: dict[str, list[str]] = {name: [] for name in ("tcp", "tcp6", "udp", "udp6")}
    files = []
    for number, one in enumerate(found):
        port, protocol = one.port.split("/")
        address = ipaddress.ip_address(one.address)
        inode, process = 20000 + number, FIRST_PROCESS + number
        name = protocol + ("6" if address.version == 6 else "")  # noqa: PLR2004 - of IP
        tables[name].append(_row(len(tables[name]), address.packed, int(port), protocol, inode))
        files += [
            File(f"/proc/{process}/comm", f"{one.program[:15]}\n"),
            File(f"/proc/{process}/exe", link=f"/usr/sbin/{one.program}"),
            File(f"/proc/{process}/fd/6", link=f"socket:[{inode}]"),
        ]
    files += [File(f"/proc/net/{name}", HEAD + "".join(rows)) for name, rows in tables.items()]
    files.append(File("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"))
    others = tuple(file for file in machine.files if not _is_of_listeners(file.path))
    return replace(machine, files=(*others, *files))


def _is_of_listeners(path: str) -> bool:
    number = path.removeprefix("/proc/").partition("/")[0]
    return path.startswith("/proc/") and number.isdigit() and int(number) >= FIRST_PROCESS


def _row(number: int, packed: bytes, port: int, protocol: str, inode: int) -> str:
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    own = "".join((word[::-1] if sys.byteorder == "little" else word).hex() for word in words).upper()
    nobody, state = f"{'0' * len(own)}:0000", "0A" if protocol == "tcp" else "07"
    return (
        f"{number:4}: {own}:{port:04X} {nobody} {state} 00000000:00000000 00:00000000 00000000     0        0 "
        f"{inode} 1 0000000000000000 100 0 0 10 0\n"
    )
