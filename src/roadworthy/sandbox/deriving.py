"""A target -> the deployment that keeps its promises, as an operator would configure it.

How components become processes:

    https://…               an nginx server at two addresses, each with its own service behind it
    http://… with `http`,   an nginx server at the name's addresses, a service behind each
      `headers` or routes
    any other http://…      a service at the name's addresses
    edge-NAME               its requests pass through to the component that it depends on
    route-NAME              a path of the gateway that it shares its URL with; leads to the service it depends on
    NAME:PORT               the product that `database` or `cache` promises; else PostgreSQL at 5432, Valkey at 6379,
                            and a bare listener at any other port
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.sandbox.deployment import (
    Deployment,
    Front,
    Need,
    Page,
    Redirect,
    Route,
    Service,
    local_port,
)
from roadworthy.sandbox.deriving_dns import naming
from roadworthy.sandbox.deriving_headers import cors_of, headers_of, with_headers
from roadworthy.sandbox.deriving_http import (
    USUALLY_COMPRESSED,
    edge_of,
    hosts_behind,
    kept_for,
    reached_paths,
    visitors_of,
    with_http,
)
from roadworthy.sandbox.deriving_mail import mail_servers, policy_hosts, policy_names, with_mail
from roadworthy.sandbox.deriving_ssh import behind, logged_into, ssh_hosts, unlisted
from roadworthy.sandbox.deriving_stores import store_of
from roadworthy.sandbox.deriving_tls import tls_of
from roadworthy.sandbox.deriving_wards import doors_behind, wards_of, with_wards
from roadworthy.sandbox.pages import PromiseError, merged_page, pages_of, release_page
from roadworthy.sandbox.wards import Wards

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.target.models import Component, Target

_BEHIND = 20000  # the first port of services behind a front
_FIRST_EDGE, _FIRST_INSIDE, _LAST = 10, 100, 250


@dataclass(frozen=True)
class _Group:
    """Components that share a name and port."""

    scheme: str
    host: str
    port: int
    members: tuple[str, ...]

    @property
    def routes(self) -> tuple[str, ...]:
        return tuple(name for name in self.members if name.startswith("route-"))

    @property
    def own(self) -> tuple[str, ...]:
        return tuple(name for name in self.members if name not in self.routes)


def derive(target: Target, network: str) -> Deployment:
    """The deployment that keeps a target's promises.

    Args:
        target: the promises.
        network: the first three parts of the loopback addresses to use, e.g. `127.80.3`.

    Raises:
        PromiseError: a promise that the sandbox can't keep.
    """
    return _Derivation(target, network).deployment()


class _Derivation:
    """The steps of `derive`, and what they share."""

    def __init__(self, target: Target, network: str) -> None:
        self.target = target
        self.network = network
        self.groups = _groups(target)
        self.ips = self._addresses()

    def deployment(self) -> Deployment:
        fronts = tuple(
            self._front(number, group) for number, group in enumerate(self.groups) if self._is_fronted(group)
        )
        hidden = unlisted(self.target)
        named = {host: ips for host, ips in self.ips.items() if not is_ip(host) and host not in hidden}
        policies = policy_hosts(self.target, self.ips)
        names = with_mail(naming(self.target, named, self.network), self.target)
        return Deployment(
            target=self.target,
            hosts=self.ips,
            names=names.with_records(policy_names(policies)),
            fronts=fronts,
            services=tuple(
                service for number, group in enumerate(self.groups) for service in self._services(number, group)
            ),
            stores=tuple(
                store_of(self.target, name, self.ips)
                for name, component in self.target.components.items()
                if component.address is not None and component.smtp is None
            ),
            mail=mail_servers(self.target, self.ips),
            policies=policies,
            ssh=ssh_hosts(self.target, self.ips),
        )

    def _addresses(self) -> dict[str, tuple[str, ...]]:
        """Two addresses for each public name, one for any other."""
        public = {group.host for group in self.groups if group.scheme == "https"}
        hosts = dict.fromkeys(component.endpoint[0] for component in self.target.reached.values())
        hosts |= dict.fromkeys(host for host, _ in hosts_behind(self.target))
        hosts |= dict.fromkeys(host for host, _ in (*logged_into(self.target), *behind(self.target)))
        edge, inside = _FIRST_EDGE, _FIRST_INSIDE
        ips: dict[str, tuple[str, ...]] = {}
        for host in hosts:
            if host in public:
                ips[host] = (f"{self.network}.{edge}", f"{self.network}.{edge + 1}")
                edge += 2
            else:
                ips[host] = (f"{self.network}.{inside}",)
                inside += 1
        if edge > _FIRST_INSIDE - 20 or inside > _LAST:
            raise PromiseError(f"{len(hosts)} names are more than one sandbox has addresses for")
        return ips

    def _is_fronted(self, group: _Group) -> bool:
        parts = [self.target.components[name] for name in group.members]
        if visitors_of(self.target, group.members):
            return True
        if wards_of(parts) != Wards():
            return True
        return group.scheme == "https" or bool(group.routes) or any(part.http or part.headers for part in parts)

    def _passes_to(self, name: str) -> str | None:
        """The component that an `edge-` passes its requests to."""
        component = self.target.components[name]
        behind = [other for other in component.depends_on if self.target.components[other].url]
        return behind[0] if name.startswith("edge-") and len(behind) == 1 else None

    def _group_of(self, component: str) -> tuple[int, _Group]:
        return next((number, group) for number, group in enumerate(self.groups) if component in group.members)

    def _passing(self, group: _Group) -> tuple[str, ...]:
        return tuple(name for name in self.target.components if self._passes_to(name) in group.own)

    def _listening(self, component: str) -> tuple[tuple[str, int], ...]:
        """Where a component's requests are answered, TLS aside."""
        number, group = self._group_of(component)
        if group.scheme == "https":
            return self._behind(number, group)
        return tuple((ip, local_port(group.port)) for ip in self.ips[group.host])

    def _behind(self, number: int, group: _Group) -> tuple[tuple[str, int], ...]:
        """What the front of a group passes requests to, one for each of its addresses."""
        ips = self.ips[group.host]
        passes_to = [self._passes_to(name) for name in group.own]
        if group.own and all(passes_to):
            there = self._listening(passes_to[0] or "")
            return tuple(there[index % len(there)] for index in range(len(ips)))
        return tuple((ip, _BEHIND + number) for ip in ips)

    def _services(self, number: int, group: _Group) -> Iterable[Service]:
        if group.own and all(self._passes_to(name) for name in group.own):
            return
        addresses = self._behind(number, group) if self._is_fronted(group) else self._listening(group.members[0])
        name = (group.own or group.members)[0]
        pages = self._pages(name, group)
        for index, address in enumerate(addresses, 1):
            yield Service(f"{name}@{index}" if len(addresses) > 1 else name, group.own or group.members, address, pages)

    def _pages(self, name: str, group: _Group) -> tuple[Page, ...]:
        components = self.target.components
        routed = tuple(route.prefix for route in self._routes(group))
        own = [(member, components[member]) for member in group.own]
        own += [(route, components[route]) for route, strips in self._routed_here(group) if not strips]
        pages = {page.path: page for page in pages_of(name, own, [components[other] for other in self._passing(group)])}
        passing = self._passing(group)
        for path in reached_paths(self.target, (*group.members, *passing)):
            pages.setdefault(path, Page(path, '{"status":"ok"}', "application/json"))
        pages = {path: page for path, page in pages.items() if not path.startswith(routed)}
        parts = [*(part for _, part in own), *(components[other] for other in passing)]
        pages = with_headers(with_wards(with_http(pages, parts, self.target), parts), parts)
        pages = {path: page for path, page in pages.items() if not path.startswith(routed)}
        for route, passing_on in self._doors_here(group):
            pages |= {page.path: page for page in doors_behind(route, passing_on) if page.path not in pages}
        for _, component in own:
            if (
                page := release_page(component, self.target.release.version if self.target.release else "")
            ) is not None:
                pages[page.path] = merged_page(pages[page.path], page) if page.path in pages else page
        return tuple(self._with_needs(page) for page in pages.values())

    def _with_needs(self, page: Page) -> Page:
        needs = {need.component: need for owner in page.health_of for need in self._needs(owner, set(page.health_of))}
        return replace(page, needs=tuple(needs.values()))

    def _needs(self, name: str, seen: set[str]) -> Iterable[Need]:
        """What a component depends on; a store tells nothing of what it needs itself, so that is asked too."""
        for other in self.target.components[name].depends_on:
            if other in seen:
                continue
            component = self.target.components[other]
            if component.url is None:
                yield Need(other, self._store_address(component))
                yield from self._needs(other, seen)
            else:
                yield self._need(other, component)

    def _need(self, name: str, component: Component) -> Need:
        """A health question to another service, with more patience than it promises to need."""
        if not component.health:
            return Need(name, self._listening(name)[0])
        health = component.health[0]
        need = Need(name, self._listening(name)[0], urlsplit(component.url_of(health.path)).path)
        return replace(need, patience_s=health.within + 1) if health.within else need

    def _store_address(self, component: Component) -> tuple[str, int]:
        host, port = component.endpoint
        return self.ips[host][0], local_port(port)

    def _routes(self, group: _Group) -> tuple[Route, ...]:
        return tuple(route for name in group.routes for route in self._route(name, group))

    def _route(self, name: str, group: _Group) -> Iterable[Route]:
        route = self.target.components[name]
        behind = [
            other for other in route.depends_on if other not in group.members and self.target.components[other].url
        ]
        if not behind:
            raise PromiseError(f"components.{name}.depends_on: a route names the service that it leads to")
        service = self.target.components[behind[0]]
        paths = [urlsplit(route.url_of(health.path)).path for health in route.health or ()]
        for path in paths or [urlsplit(route.url_of("/")).path]:
            endings = [
                health.path for health in service.health or () if path.endswith(health.path) and path != health.path
            ]
            prefix = path[: -len(endings[0])] + "/" if endings else path
            yield Route(name, prefix, self._listening(behind[0])[0], strips=bool(endings))

    def _routed_here(self, group: _Group) -> Iterable[tuple[str, bool]]:
        """The routes of all gateways that lead to a group, and whether their prefix is taken away."""
        for gateway in self.groups:
            for route in self._routes(gateway):
                if route.service in {self._listening(name)[0] for name in group.own}:
                    yield route.component, route.strips

    def _doors_here(self, group: _Group) -> Iterable[tuple[Route, list[Component]]]:
        """The routes that lead to a group, each with the components whose logins may come that way."""
        listening = {self._listening(name)[0] for name in group.own}
        for gateway in self.groups:
            names = (*gateway.own, *self._passing(gateway))
            for route in self._routes(gateway):
                if route.service in listening:
                    yield route, [self.target.components[name] for name in names]

    def _front(self, number: int, group: _Group) -> Front:
        parts = [self.target.components[name] for name in group.members]
        http = [part.http for part in parts if part.http]
        headers = [part.headers for part in parts if part.headers]
        statuses = [block.redirects_from_http for block in http if block.redirects_from_http]
        versions = {version for block in http for version in block.versions or ()}
        hsts = [block.strict_transport_security for block in headers if block.strict_transport_security]
        return Front(
            host=group.host,
            port=group.port,
            components=group.members,
            ips=self.ips[group.host],
            upstreams=self._behind(number, group),
            tls=tls_of(group.host, parts) if group.scheme == "https" else None,
            http2="h2" in versions or not versions,
            headers=headers_of(parts),
            hides_server=any("server" in (name.lower() for name in block.absent or ()) for block in headers),
            cors=cors_of(headers, visitors_of(self.target, group.members)),
            compresses=tuple(
                dict.fromkeys(media for block in http for media in (*(block.compresses or ()), *USUALLY_COMPRESSED))
            ),
            caches=tuple(kept for part in parts for kept in kept_for(part)),
            edge=edge_of(parts, self.ips),
            wards=wards_of(parts),
            redirect=Redirect(statuses[0]) if statuses else Redirect() if any(one.preload for one in hsts) else None,
            routes=self._routes(group),
        )


def _groups(target: Target) -> tuple[_Group, ...]:
    members: dict[tuple[str, str, int], list[str]] = {}
    for name, component in target.components.items():
        if component.url is not None:
            members.setdefault((urlsplit(component.url).scheme, *component.endpoint), []).append(name)
    return tuple(_Group(*place, tuple(names)) for place, names in members.items())


def is_ip(host: str) -> bool:
    """Whether a host is given by its address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
