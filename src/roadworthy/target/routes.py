"""Where a name is really reached (`connect_to`, as curl's --connect-to), and who is asked for it (`resolver`).

Pure text, no network.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST = r"\[[^\[\]]*\]|[^:\[\]\s]*"
_ENTRY = re.compile(rf"({_HOST}):([0-9]*):({_HOST}):([0-9]*)", re.ASCII)
_FORM = "HOST:PORT:ADDR:PORT (an IPv6 address in brackets; an empty part stands for any, or for unchanged)"


class Route(NamedTuple):
    """One entry. None stands for any host or port on the left side, for unchanged on the right side."""

    host: str | None
    port: int | None
    to_host: str | None
    to_port: int | None

    def leads(self, host: str, port: int) -> bool:
        """Whether the entry is about this name and port."""
        return self.host in (None, plain_name(host)) and self.port in (None, port)


def plain_name(host: str) -> str:
    """A host as it is compared: lower case, no trailing dot, no brackets."""
    return host.strip("[]").rstrip(".").lower()


def parse_route(entry: str) -> Route:
    """Reads one entry.

    Raises:
        ValueError: it is not of the form HOST:PORT:ADDR:PORT.
    """
    parts = _ENTRY.fullmatch(entry)
    if not parts:
        raise ValueError(f"connect_to {entry!r} is not of the form {_FORM}")
    host, port, to_host, to_port = parts.groups()
    return Route(
        host=_host(host, entry),
        port=_port(port, entry) if port else None,
        to_host=_host(to_host, entry),
        to_port=_port(to_port, entry) if to_port else None,
    )


def routed(entries: Iterable[str], host: str, port: int) -> tuple[tuple[str, int], ...]:
    """The (host, port) pairs that a name is really reached at, in order; empty where no entry is about it.

    curl takes the first entry that matches. Here every one is an address behind the name, because all are verified; an
    entry for this very name and port goes before one for the name, and that before one for any name.

    Raises:
        ValueError: an entry is malformed.
    """
    routes = [route for entry in entries if (route := parse_route(entry)).leads(host, port)]
    closest = max(((route.host is not None, route.port is not None) for route in routes), default=None)
    found = (
        (route.to_host or host, route.to_port or port)
        for route in routes
        if (route.host is not None, route.port is not None) == closest
    )
    return tuple(dict.fromkeys(found))


def is_ip(host: str) -> bool:
    """Whether a host is given by its address."""
    try:
        ip_address(plain_name(host))
    except ValueError:
        return False
    return True


def parse_resolver(text: str) -> tuple[str, int]:
    """The (ip, port) of a DNS server.

    Raises:
        ValueError: it is not of the form address:port.
    """
    parts = re.fullmatch(r"(\[[^\[\]]+\]|[0-9.]+):([0-9]+)", text, re.ASCII)
    if not parts:
        raise ValueError(f"resolver {text!r} is not of the form address:port, such as 127.0.0.1:53 or [::1]:53")
    host, port = parts.groups()
    address = _bracketed(host, text) if host.startswith("[") else _ipv4(host, text)
    return address, _port(port, text)


def _host(host: str, where: str) -> str | None:
    return _bracketed(host, where) if host.startswith("[") else plain_name(host) or None


def _bracketed(host: str, where: str) -> str:
    try:
        return str(IPv6Address(host[1:-1]))
    except ValueError:
        raise ValueError(f"{where!r}: {host} is no IPv6 address") from None


def _ipv4(host: str, where: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise ValueError(f"{where!r}: {host} is no IPv4 address") from None


def _port(port: str, where: str) -> int:
    if not 1 <= int(port) <= 65535:  # noqa: PLR2004 - RFC 9293: 16 bits
        raise ValueError(f"{where!r}: {port} is no port")
    return int(port)
