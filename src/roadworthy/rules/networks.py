"""Whose address it is: the published networks of proxies, as dated data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import yaml


@cache
def networks(proxy: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of a proxy, `cloudflare`."""
    text = files("roadworthy.known").joinpath(f"{proxy}-networks.yaml").read_text(encoding="utf-8")
    return tuple(ip_network(network) for network in yaml.safe_load(text)["networks"])


def is_of(proxy: str, address: str) -> bool:
    """Whether an address is one of the proxy's."""
    ip = ip_address(address)
    return any(ip in network for network in networks(proxy) if network.version == ip.version)


def addresses_in(proxy: str, version: int = 4) -> tuple[str, ...]:
    """An address in each of its networks, of IPv4 or IPv6."""
    return tuple(str(network[7]) for network in networks(proxy) if network.version == version)
