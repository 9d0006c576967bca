"""A target's vantage points -> the hosts that are logged into, and which names are known to them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import local_port
from roadworthy.sandbox.machines.deriving import machine_of
from roadworthy.sandbox.pages import PromiseError
from roadworthy.sandbox.ssh import SshHost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roadworthy.target.models import Target


def logged_into(target: Target) -> tuple[tuple[str, int], ...]:
    """The hosts that are logged into from this machine: host, port."""
    vantages = target.network.vantages.values()
    return tuple(dict.fromkeys(one.login[1:] for one in vantages if one.ssh is not None and one.through is None))


def behind(target: Target) -> tuple[tuple[str, int], ...]:
    """The hosts that are logged into through another one."""
    vantages = target.network.vantages.values()
    return tuple(dict.fromkeys(one.login[1:] for one in vantages if one.ssh is not None and one.through is not None))


def unlisted(target: Target) -> frozenset[str]:
    """The hosts that public names do not lead to: a vantage point alone knows them."""
    parts = target.reached.values()
    public = {part.endpoint[0] for part in parts if part.via is None} | {host for host, _ in logged_into(target)}
    return frozenset({part.endpoint[0] for part in parts if part.via} | {host for host, _ in behind(target)}) - public


def ssh_hosts(target: Target, hosts: Mapping[str, tuple[str, ...]]) -> tuple[SshHost, ...]:
    """A server for each host that vantage points log into."""
    names = tuple((host.lower(), ips[0]) for host, ips in hosts.items())
    vantages = target.network.vantages
    for component in target.components.values():
        if component.host is not None and vantages[component.host].ssh is None:
            raise PromiseError(f"network.vantages.{component.host}: the sandbox has hosts that are logged into by SSH")

    def made(host: str, port: int) -> SshHost:
        leading = tuple(n for n, one in vantages.items() if one.ssh is not None and one.login[1:] == (host, port))
        place = hosts[host][0], local_port(port)
        return SshHost(host, port, place, leading, names, machine=machine_of(target, leading))

    return tuple(made(host, port) for host, port in (*logged_into(target), *behind(target)))
