"""Looks at a sandbox from outside with nothing but its overlay, as any client would."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import httpx
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox import Sandbox


class Visitor:
    def __init__(self, sandbox: Sandbox) -> None:
        network = yaml.safe_load(sandbox.overlay.read_text())["network"]
        self.resolver, _, port = network["resolver"].partition(":")
        self.resolver_port = int(port)
        self.ca_file = network["ca_file"]
        self.ports = {}
        self.addresses: dict[str, list[str]] = {}
        for entry in network["connect_to"]:
            host, port, ip, to = entry.split(":")
            if host:
                self.addresses.setdefault(host, []).append(ip)
            else:
                self.ports[int(port)] = int(to)

    def look_up(
        self, name: str, kind: str = "A", over: Callable[..., dns.message.Message] = dns.query.udp
    ) -> list[str]:
        question = dns.message.make_query(name, kind)
        answer = over(question, self.resolver, port=self.resolver_port, timeout=3)
        if answer.rcode() == dns.rcode.NXDOMAIN:
            raise LookupError(name)
        return sorted(item.to_text() for rrset in answer.answer for item in rrset)

    def endpoints(self, url: str) -> list[tuple[str, int]]:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or {"https": 443, "http": 80}[parts.scheme]
        ips = self.addresses.get(host) or self.look_up(host)
        return [(ip, self.ports.get(port, port)) for ip in ips]

    def get(self, url: str, address: int = 0, **headers: str) -> httpx.Response:
        """One answer, its certificate and name verified."""
        parts = urlsplit(url)
        ip, port = self.endpoints(url)[address]
        context = ssl.create_default_context(cafile=self.ca_file)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        with httpx.Client(http2=True, verify=context, timeout=5) as client:
            return client.get(
                f"{parts.scheme}://{ip}:{port}{path or '/'}",
                headers={"Host": parts.netloc, **headers},
                extensions={"sni_hostname": parts.hostname},
            )


def pids(sandbox: Sandbox) -> list[int]:
    """Every process of a sandbox, the supervisor first, with what they started themselves."""
    status = sandbox.status()
    found = [status["pid"], *(part["pid"] for part in status["parts"] if part["pid"])]
    for pid in found:
        found += [child for child in children(pid) if child not in found]
    return found


def children(pid: int) -> list[int]:
    """The processes that a process has started; none where it has ended meanwhile."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in listed]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def left(these: Iterable[int], within_s: float = 5.0) -> list[int]:
    """Those that are still there after some time."""
    wanted: list[int] = list(these)
    until = time.monotonic() + within_s
    while (wanted := [pid for pid in wanted if alive(pid)]) and time.monotonic() < until:
        time.sleep(0.01)
    return wanted


def parted(sandbox: Sandbox, name: str, within_s: float = 5.0) -> dict[str, Any]:
    """A part once it is seen not to run: a process of several threads is gone only when the last of them is."""
    until = time.monotonic() + within_s
    while part(sandbox, name)["state"] == "running" and time.monotonic() < until:
        time.sleep(0.01)
    return part(sandbox, name)


def part(sandbox: Sandbox, name: str) -> dict[str, Any]:
    return next(part for part in sandbox.status()["parts"] if part["name"] == name)
