"""The typed target: what one environment promises, and how it is reached.

Thresholds live here and nowhere else: a check has no default of its own. A default that a field shows is part of the
target and prints with `roadworthy target show`. A block (`tls`, `http`, ...; `blocks/`) that is given and promises
nothing is refused, and so is a component that nothing verifies.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from roadworthy.target.blocks.backups import Backups
from roadworthy.target.blocks.block import Expectation, one_or_many
from roadworthy.target.blocks.built import Built
from roadworthy.target.blocks.cache import Cache
from roadworthy.target.blocks.compose import Compose
from roadworthy.target.blocks.cron import Cron
from roadworthy.target.blocks.database import Database
from roadworthy.target.blocks.dns import Dns
from roadworthy.target.blocks.env import Env
from roadworthy.target.blocks.exposure import Exposure
from roadworthy.target.blocks.files import Files
from roadworthy.target.blocks.firewall import Firewall
from roadworthy.target.blocks.headers import Headers
from roadworthy.target.blocks.health import Health, Release, Running, Tcp
from roadworthy.target.blocks.http import Http
from roadworthy.target.blocks.keys import Keys
from roadworthy.target.blocks.kubernetes import Kubernetes
from roadworthy.target.blocks.limits import MARGIN_S, Limits
from roadworthy.target.blocks.listening import Listening
from roadworthy.target.blocks.logs import Logs
from roadworthy.target.blocks.mail import Mail, Smtp
from roadworthy.target.blocks.migrations import Migrations
from roadworthy.target.blocks.nginx import Nginx
from roadworthy.target.blocks.php import Php
from roadworthy.target.blocks.pm2 import Pm2
from roadworthy.target.blocks.queues import Queues
from roadworthy.target.blocks.renewal import Renewal
from roadworthy.target.blocks.supervisor import Supervisor
from roadworthy.target.blocks.system import System
from roadworthy.target.blocks.systemd import Systemd
from roadworthy.target.blocks.tls import Tls
from roadworthy.target.blocks.websocket import Websocket
from roadworthy.target.network import Network
from roadworthy.target.routes import is_ip, parse_route
from roadworthy.target.values import PUBLIC, Frozen, Name, show_duration

BLOCKS_OF = {
    "url": ("health", "release", "tcp", "tls", "http", "headers", "websocket", "exposure", "limits", "dns"),
    "address": ("tcp", "tls", "exposure", "smtp", "dns", "database", "cache", "migrations", "queues"),
    "domain": ("dns", "mail"),
    "host": (
        "system",
        "listening",
        "firewall",
        "files",
        "logs",
        "systemd",
        "nginx",
        "php",
        "supervisor",
        "pm2",
        "cron",
        "renewal",
        "backups",
        "env",
        "keys",
        "built",
        "compose",
        "kubernetes",
    ),
}
"""The blocks of promises that go with each way to name a component."""

BLOCKS = tuple(dict.fromkeys(block for blocks in BLOCKS_OF.values() for block in blocks))

VIA = ("tcp", "database", "cache", "migrations", "queues")
"""The blocks that are looked at from a vantage point, where a component names one."""

PromiseId = Annotated[str, Field(pattern=r"^[A-Z]{3}(-[A-Z0-9]+)+$")]


class Component(Frozen):
    """A part of the deployment that can fail by itself, and what it promises."""

    description: str | None = Field(None, description="For people.")
    url: str | None = Field(
        None,
        description="http(s)://name[:port][/path]; names what HTTP and TLS checks ask.",
        json_schema_extra={PUBLIC: True},
    )
    address: str | None = Field(
        None, description="name:port, for a part that speaks no HTTP.", json_schema_extra={PUBLIC: True}
    )
    domain: str | None = Field(
        None, description="A domain, of which only DNS is asked.", json_schema_extra={PUBLIC: True}
    )
    via: str | None = Field(
        None,
        description="The vantage point (network.vantages) that the address is reached from, where it is not public.",
    )
    host: str | None = Field(
        None,
        description="A host that is looked at from within: the vantage point (network.vantages) that leads there.",
    )
    depends_on: tuple[str, ...] = Field((), description="Components that this one can't work without.")
    health: (
        Annotated[tuple[Health, ...], BeforeValidator(one_or_many, json_schema_input_type=Health | tuple[Health, ...])]
        | None
    ) = Field(None, min_length=1, description="What it answers when it is well.")
    release: Running | None = Field(None, description="Where this component tells the version that it runs.")
    tcp: Tcp | None = Field(None, description="Its port, for a part that speaks no HTTP.")
    tls: Tls | None = Field(None, description="Its certificate, TLS versions and suites.")
    http: Http | None = Field(None, description="Redirects, versions, caching, methods, what stands in front.")
    headers: Headers | None = Field(None, description="The headers of its pages.")
    websocket: Websocket | None = Field(None, description="Its WebSocket endpoint.")
    exposure: Exposure | None = Field(None, description="What a stranger must not find.")
    limits: Limits | None = Field(None, description="How much one client may ask, try and send.")
    dns: Dns | None = Field(None, description="The records of its name.")
    mail: Mail | None = Field(None, description="What its domain says of mail.")
    smtp: Smtp | None = Field(None, description="Its SMTP server, for mail that is handed in.")
    database: Database | None = Field(None, description="Its database: logins, settings, tables, replicas.")
    cache: Cache | None = Field(None, description="Its Redis or Valkey: logins, memory, replicas, cluster.")
    migrations: Migrations | None = Field(None, description="What of the release's migrations its database has.")
    queues: Queues | None = Field(None, description="The queues in its database or cache.")
    system: System | None = Field(
        None,
        description="The machine itself: operating system, cores, memory, disks, load, clock, versions.",
    )
    listening: Listening | None = Field(None, description="Who listens on which ports.")
    firewall: Firewall | None = Field(None, description="The firewall, and what bans intruders.")
    files: Files | None = Field(None, description="Files and trees: owners, modes.")
    logs: Logs | None = Field(None, description="Logs that are written, rotated and free of new errors.")
    systemd: Systemd | None = Field(None, description="Systemd's units and timers.")
    nginx: Nginx | None = Field(None, description="Nginx's configuration as it runs.")
    php: Php | None = Field(None, description="PHP's pools and settings.")
    supervisor: Supervisor | None = Field(None, description="Programs that Supervisor keeps running.")
    pm2: Pm2 | None = Field(None, description="Applications that PM2 keeps running.")
    cron: Cron | None = Field(None, description="What runs by the clock, and that it ran.")
    renewal: Renewal | None = Field(None, description="That certificates are renewed by themselves.")
    backups: Backups | None = Field(None, description="Backups: fresh, whole, kept, restorable.")
    env: Env | None = Field(None, description="Configuration files of keys and values.")
    keys: Keys | None = Field(None, description="Private keys, and that they match their public ones.")
    built: Built | None = Field(None, description="What is built from sources and must be newer than them.")
    compose: Compose | None = Field(None, description="A Compose project's containers.")
    kubernetes: Kubernetes | None = Field(None, description="Workloads of a Kubernetes namespace.")
    partly: dict[PromiseId, str] = Field(
        {}, description="Of these promises only a part is judged; what is missing, in a few words."
    )
    promises: dict[PromiseId, tuple[str, ...]] = Field(
        {}, description="Promises of the ledger that this component carries, each with the keys that express it."
    )

    @property
    def endpoint(self) -> tuple[str, int]:
        """The name (or address) and port that the component is reached by; a domain's port is that of DNS.

        Raises:
            ValueError: it is a host that is looked at from within (`Target.reached` leaves those out).
        """
        if self.host is not None:
            raise ValueError("a host is led to by its vantage point")
        if self.domain is not None:
            return self.domain, 53
        if self.address is not None:
            host, _, port = self.address.rpartition(":")
            return host.strip("[]"), int(port)
        parts = urlsplit(self.url or "")
        return parts.hostname or "", parts.port or {"https": 443, "http": 80}[parts.scheme]

    @property
    def primary(self) -> str | None:
        """The component whose data it copies."""
        follows = (block.follows for block in (self.database, self.cache) if block is not None)
        return next((one.component for one in follows if one is not None), None)

    def url_of(self, path: str) -> str:
        """The URL of a path below the component's own (`/` is the component's own URL)."""
        return (self.url or "").rstrip("/") + path

    @model_validator(mode="after")
    def _parts_are_of_promises(self) -> Self:
        if strangers := self.partly.keys() - self.promises.keys():
            raise ValueError(f"partly names {', '.join(sorted(strangers))}, which promises does not")
        return self

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if sum(place is not None for place in (self.url, self.address, self.domain, self.host)) != 1:
            raise ValueError("give one of url, address, domain and host")
        if self.url is not None:
            parts = urlsplit(self.url)
            if "@" in parts.netloc:
                raise ValueError("url holds credentials")
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
                raise ValueError(f"url {self.url!r} is not of the form https://name[:port][/path]")
            _ = parts.port
        if "@" in (self.address or ""):
            raise ValueError("address holds credentials")
        if self.address and not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s/]+):[0-9]{1,5}", self.address):
            raise ValueError(f"address {self.address!r} is not of the form name:port")
        if self.domain and not re.fullmatch(r"[^\s:/@]+\.[^\s:/@.]+", self.domain):
            raise ValueError(f"domain {self.domain!r} is not of the form shop.example")
        return self

    @model_validator(mode="after")
    def _is_verifiable(self) -> Self:
        if self.address is None and self.tls is not None and self.tls.starttls is not None:
            raise ValueError("tls.starttls needs an address: behind a url, TLS comes first")
        if self.url is None and self.exposure is not None and self.exposure.needs_url:
            raise ValueError(f"exposure.{self.exposure.needs_url[0]} needs a url")
        if self.exposure is not None and self.endpoint[1] in self.exposure.port_numbers:
            raise ValueError(f"exposure.closed_ports: {self.endpoint[1]} is the component's own port, which is open")
        here, allowed = next((place, blocks) for place, blocks in BLOCKS_OF.items() if getattr(self, place) is not None)
        given = [block for block in BLOCKS if getattr(self, block) is not None]
        if not given:
            raise ValueError(f"nothing verifies this component; give at least one of: {', '.join(allowed)}")
        if strangers := [block for block in given if block not in allowed]:
            fitting = " or ".join(place for place, blocks in BLOCKS_OF.items() if strangers[0] in blocks)
            raise ValueError(f"{strangers[0]} needs a {fitting}, not a{'n' * here.startswith('a')} {here}")
        return self

    @model_validator(mode="after")
    def _is_secure_where_it_must_be(self) -> Self:
        hsts = self.headers.strict_transport_security if self.headers else None
        if (self.url or "").startswith("http://") and self.exposure is not None and self.exposure.security_txt:
            raise ValueError("exposure.security_txt needs an https:// url (RFC 9116 section 3)")
        if (self.url or "").startswith("http://") and hsts is not None and hsts.preload:
            raise ValueError("headers.strict-transport-security.preload needs an https:// url (RFC 6797 section 7.2)")
        return self

    @model_validator(mode="after")
    def _can_be_reached_that_way(self) -> Self:
        blocks = [name for name in BLOCKS if getattr(self, name) is not None and name not in VIA]
        if self.via is not None and self.address is None:
            raise ValueError("via needs an address")
        if self.via is not None and blocks:
            raise ValueError(f"{blocks[0]} is looked at from this machine; via is for {', '.join(VIA)}")
        return self

    @model_validator(mode="after")
    def _has_the_store_that_is_read(self) -> Self:
        login = self.database.login if self.database is not None else None
        if self.migrations is not None:
            if self.database is None or login is None or self.database.name is None:
                raise ValueError("migrations needs a database block with the name of the database and a login")
            if (self.migrations.tool == "mongo") is not (self.database.engine == "mongodb"):
                raise ValueError(f"migrations: {self.migrations.tool} is not for {self.database.engine}")
            if self.migrations.columns is not None and self.database.engine == "mongodb":
                raise ValueError("migrations.columns: a collection has no columns")
        if self.queues is not None:
            if (self.database is None) is (self.cache is None):
                raise ValueError("queues needs either a database block or a cache block, where they are kept")
            if self.database is not None and (login is None or self.database.name is None):
                raise ValueError("queues needs the database block's name of the database and its login")
            if self.database is not None and self.database.engine == "mongodb":
                raise ValueError("queues: tables of jobs are looked for in PostgreSQL, MySQL and MariaDB")
            if wrong := self.queues.misplaced("cache" if self.database is None else "database"):
                raise ValueError(f"queues: {wrong}")
        return self

    @model_validator(mode="after")
    def _has_a_name_where_it_needs_one(self) -> Self:
        if self.dns is not None and is_ip(self.endpoint[0]):
            raise ValueError("dns needs a name, not an IP address")
        return self


class Target(Frozen):
    """What one environment promises."""

    schema_version: Literal[1] = Field(alias="schema", description="The version of this format.")
    name: Name = Field(description="Stands in reports, and in the name of each run's folder.")
    environment: str = Field(
        min_length=1, description="Stands in reports: production, staging, ...", json_schema_extra={PUBLIC: True}
    )
    description: str | None = Field(None, description="For people.")
    release: Release | None = Field(None, description="The release that must be running.")
    network: Network = Field(Network(), description="How this environment is reached, and how gently.")
    components: dict[Name, Component] = Field(min_length=1, description="The parts, by name.")

    @model_validator(mode="after")
    def _release_is_read_somewhere(self) -> Self:
        readers = [name for name, component in self.components.items() if component.release]
        if self.release and not readers:
            raise ValueError("release: no component has a release block that tells the version it runs")
        if readers and not self.release:
            raise ValueError(f"components.{readers[0]}.release: the target promises no release.version")
        return self

    @model_validator(mode="after")
    def _routes_are_about_a_component(self) -> Self:
        """A typo in `connect_to` would verify another machine than was meant, and say so to nobody."""
        reached = set()
        for component in self.reached.values():
            host, port = component.endpoint
            reached |= {(host, port), (host, 80)} if component.http or component.headers else {(host, port)}
            reached |= {(host, port) for port in component.exposure.port_numbers} if component.exposure else set()
            reached |= {(f"mta-sts.{host}", 443)} if component.mail and component.mail.mta_sts else set()
            reached |= {place[1:] for place in component.http.origins_behind} if component.http else set()
        reached |= {vantage.login[1:] for vantage in self.network.vantages.values() if vantage.ssh is not None}
        for entry in self.network.connect_to:
            route = parse_route(entry)
            parts = self.components.values()
            of_names = route.port == 53 and any(part.dns or part.mail for part in parts)  # noqa: PLR2004 - DNS
            of_nodes = any(part.cache and part.cache.cluster for part in parts)  # which name themselves
            if route.host is None or of_names or of_nodes:
                continue
            if not any(route.leads(*place) for place in reached):
                known = ", ".join(sorted(f"{host}:{port}" for host, port in reached))
                raise ValueError(f"network.connect_to: {entry!r} is about no component; there are {known}")
        return self

    @model_validator(mode="after")
    def _promised_times_can_be_seen(self) -> Self:
        longest = self.network.patience_s
        for name, component in self.components.items():
            for health in component.health or ():
                if health.within is not None and health.within > longest:
                    raise ValueError(
                        f"components.{name}.health.within: {show_duration(health.within)} is longer than one attempt "
                        f"waits ({show_duration(longest)}); raise network.timeout or lower network.retries"
                    )
        return self

    @model_validator(mode="after")
    def _limits_let_go_in_time(self) -> Self:
        for name, component in self.components.items():
            key, wait_s = component.limits.longest_wait_s if component.limits else ("", 0.0)
            if key and wait_s + MARGIN_S > self.network.scan_timeout:
                raise ValueError(
                    f"components.{name}.limits.{key}: to see this takes up to {show_duration(wait_s + MARGIN_S)}, and "
                    f"one observation may take {show_duration(self.network.scan_timeout)}; raise network.scan_timeout "
                    "(and network.deadline)"
                )
        return self

    @model_validator(mode="after")
    def _jobs_are_done_in_time(self) -> Self:
        longest = self.network.scan_timeout - MARGIN_S
        for name, component in self.components.items():
            job = component.queues.probe_job if component.queues else None
            trial = component.renewal.dry_run if component.renewal else None
            for key, waited_for in (("queues.probe_job", job), ("renewal.dry_run", trial)):
                if waited_for is not None and waited_for.within > longest:
                    raise ValueError(
                        f"components.{name}.{key}.within: {show_duration(waited_for.within)} is longer than can be "
                        f"waited for ({show_duration(max(longest, 0))}); raise network.scan_timeout (and "
                        "network.deadline)"
                    )
        return self

    @model_validator(mode="after")
    def _restores_end_in_time(self) -> Self:
        """What is cut off in the middle could leave its scratch database behind."""
        longest = self.network.scan_timeout - MARGIN_S
        for name, component in self.components.items():
            for series, promised in ((component.backups and component.backups.series) or {}).items():
                takes = promised.takes_at_most + (promised.restores.within if promised.restores else 0)
                if promised.restores is not None and takes > longest:
                    raise ValueError(
                        f"components.{name}.backups.series.{series}.restores.within: with takes_at_most, that is "
                        f"{show_duration(takes)}, longer than can be waited for ({show_duration(max(longest, 0))}); "
                        "raise network.scan_timeout (and network.deadline)"
                    )
        return self

    @model_validator(mode="after")
    def _nothing_rough_without_leave(self) -> Self:
        for name, component in self.components.items():
            for block in BLOCKS:
                promised = getattr(component, block)
                for need in promised.needs() if isinstance(promised, Expectation) else ():
                    if need.leave not in self.network.allows:
                        raise ValueError(
                            f"components.{name}.{block}.{need.key}: to see this, {need.sends}. "
                            f"Where that is all right, say so: network: {{allows: [{need.leave}]}}"
                        )
        return self

    @model_validator(mode="after")
    def _vantages_are_there(self) -> Self:
        known = self.network.vantages
        for name, component in self.components.items():
            if component.via is not None and component.via not in known:
                raise ValueError(
                    f"components.{name}.via: unknown vantage point {component.via}; "
                    f"there are {', '.join(known) or 'none in network.vantages'}"
                )
            if component.via is not None and not (known[component.via].ssh or known[component.via].command):
                raise ValueError(f"components.{name}.via: {component.via} forwards no connections: give it a command")
            if component.host is not None and (component.host not in known or not known[component.host].is_host):
                hosts = ", ".join(other for other, one in known.items() if one.is_host)
                raise ValueError(
                    f"components.{name}.host: {component.host} is no vantage point with ssh, local or exec; "
                    f"there are {hosts or 'none in network.vantages'}"
                )
        for name, vantage in known.items():
            met, at = {name}, vantage
            while at.through is not None:
                if at.through not in known or known[at.through].ssh is None:
                    raise ValueError(f"network.vantages.{name}.through: {at.through} is no vantage point with ssh")
                if at.through in met:
                    raise ValueError(f"network.vantages.{name}.through: they lead to each other in a circle")
                met.add(at.through)
                at = known[at.through]
        return self

    @model_validator(mode="after")
    def _primaries_are_there(self) -> Self:
        for name, component in self.components.items():
            follows = component.database.follows if component.database else None
            if follows is None:
                continue
            primary = self.components.get(follows.component)
            if primary is None or primary.database is None or follows.component == name:
                raise ValueError(f"components.{name}.database.follows: {follows.component} is no other database")
            if follows.marker is not None and primary.database.login is None:
                raise ValueError(
                    f"components.{name}.database.follows.marker: {follows.component} has no login to write with"
                )
        return self

    @model_validator(mode="after")
    def _caches_follow_caches(self) -> Self:
        for name, component in self.components.items():
            follows = component.cache.follows if component.cache else None
            other = self.components.get(follows.component) if follows else None
            if follows and (other is None or other.cache is None or follows.component == name):
                raise ValueError(f"components.{name}.cache.follows: {follows.component} is no other cache")
        return self

    @model_validator(mode="after")
    def _what_is_reached_is_there(self) -> Self:
        for name, component in self.components.items():
            for other in (component.http and component.http.reaches) or ():
                if other not in self.components or self.components[other].url is None:
                    raise ValueError(f"components.{name}.http.reaches: {other} is no component with a url")
        return self

    @model_validator(mode="after")
    def _dependencies_hold(self) -> Self:
        for name, component in self.components.items():
            unknown = [other for other in component.depends_on if other not in self.components]
            if unknown:
                raise ValueError(f"components.{name}.depends_on: unknown component {', '.join(unknown)}")
        for name in self.components:
            if name in self.dependencies_of(name):
                raise ValueError(f"components.{name}.depends_on: depends on itself in a circle")
        return self

    @property
    def reached(self) -> dict[str, Component]:
        """The components that are reached over the network; the others are hosts, looked at from within."""
        return {name: component for name, component in self.components.items() if component.host is None}

    @property
    def limited_hosts(self) -> dict[str, tuple[float, int]]:
        """The hosts that refuse who asks too fast: requests in a second, and how many may be ahead; the strictest."""
        found: dict[str, tuple[float, int]] = {}
        for component in self.reached.values():
            rate = component.limits.rate if component.limits else None
            if rate is not None:
                host, pace = component.endpoint[0], (rate.requests / rate.per, rate.capacity)
                found[host] = min(found.get(host, pace), pace)
        return found

    def dependencies_of(self, name: str) -> frozenset[str]:
        """All components that one can't work without, directly or through others."""
        found: set[str] = set()
        todo = list(self.components[name].depends_on)
        while todo:
            other = todo.pop()
            if other not in found:
                found.add(other)
                todo.extend(self.components[other].depends_on)
        return frozenset(found)
