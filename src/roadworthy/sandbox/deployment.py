"""What is to run: a pure, immutable value. A fault changes it, the supervisor makes reality follow it.

    Deployment   everything, with the target that it was derived from
    Front        an nginx server: the TLS edge of a public name, or a gateway
    Service      one process that answers HTTP
    Store        a database, a cache, or a bare listener
    Naming       what the names resolve to (`zones.py`)

Ports below 1024 need privileges, so they are served 10000 higher (`local_port`); `network.connect_to` leads there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.edge import Edge
from roadworthy.sandbox.wards import Wards

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.sandbox.machines.machine import Machine
    from roadworthy.sandbox.mail import MailServer, PolicyHost
    from roadworthy.sandbox.sockets import Endpoint
    from roadworthy.sandbox.ssh import SshHost
    from roadworthy.sandbox.throttle import Door, Throttle
    from roadworthy.sandbox.zones import Naming
    from roadworthy.target.models import Component, Target

DNS_PORT = 5353


def local_port(port: int) -> int:
    """Where a port is really served: privileged ones 10000 higher."""
    return port if port >= 1024 else port + 10000  # noqa: PLR2004 - the first port that needs no privilege


class State(StrEnum):
    """What becomes of a process once it was started."""

    RUNNING = "running"
    KILLED = "killed"
    STOPPED = "stopped"  # SIGSTOP: the kernel still accepts connections, nobody answers


class Terminator(StrEnum):
    """Which program ends TLS at an edge."""

    NGINX = "nginx"
    LEGACY = "legacy"  # an old TLS relay, which lets clients renegotiate
    MODERN = "modern"  # a TLS relay with post-quantum key exchange, which nginx's own OpenSSL lacks
    NONE = "none"  # plain HTTP on the port for TLS


class Issuer(StrEnum):
    """Which authority issued a certificate."""

    KNOWN = "known"  # below the one that the overlay trusts
    EXPIRED = "expired"  # below that one too, by an intermediate that has ended
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Certificate:
    """A leaf certificate, in days relative to when it is issued."""

    names: tuple[str, ...]
    key: str = "ec-256"
    starts_in_days: int = -1
    ends_in_days: int = 89
    issuer: Issuer = Issuer.KNOWN
    issuer_name: str = "Roadworthy sandbox"
    """The organisation of the authority."""
    sends: tuple[str, ...] = ("intermediate",)
    """What comes behind the leaf: `intermediate`, `root`, `stranger`."""
    signature: str = "sha256"
    scts: int = 0
    must_staple: bool = False


@dataclass(frozen=True)
class Tls:
    """How an edge speaks TLS."""

    certificate: Certificate
    versions: tuple[str, ...]
    suites: tuple[str, ...]
    """Up to TLS 1.2, OpenSSL or IANA names."""
    suites_1_3: tuple[str, ...]
    resumes: bool = True
    session_s: int = 600
    terminator: Terminator = Terminator.NGINX
    other: Certificate | None = None
    """A second one, with another kind of key."""
    groups: tuple[str, ...] = ()
    """None: all that nginx has."""
    server_order: bool = False
    early_data: bool = False
    extended_master_secret: bool = True
    staples: bool = False

    @property
    def is_relayed(self) -> bool:
        """Another program ends TLS before nginx."""
        return self.terminator in (Terminator.LEGACY, Terminator.MODERN)


@dataclass(frozen=True)
class Header:
    """A header that a front adds; `always`: to error pages too."""

    name: str
    value: str
    always: bool = True


class PreflightState(StrEnum):
    """How an OPTIONS request is answered."""

    AS_OTHERS = "by the same list of origins"
    OPEN = "whoever asks is let in"
    REFUSED = "405"


@dataclass(frozen=True)
class CorsRule:
    """Which origins a front lets in: those named, every one by its own name (`reflects`), or `*` (`wildcard`)."""

    origins: tuple[str, ...]
    credentials: bool = False
    reflects: bool = False
    wildcard: bool = False
    methods: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
    headers: tuple[str, ...] = ()
    by_ending: bool = False
    """An origin is compared from its end."""
    varies: bool = True
    preflights: PreflightState = PreflightState.AS_OTHERS


@dataclass(frozen=True)
class Redirect:
    """What http:// answers. No status: the pages themselves."""

    status: int | None = 301
    to: str = "https://$host$request_uri"


@dataclass(frozen=True)
class Route:
    """A path of a gateway and the service behind it. `strips`: the service does not see the prefix."""

    component: str
    prefix: str
    service: tuple[str, int]
    strips: bool


@dataclass(frozen=True)
class Front:
    """An nginx server of one name and port, on every address of the name."""

    host: str
    port: int
    components: tuple[str, ...]
    ips: tuple[str, ...]
    upstreams: tuple[tuple[str, int], ...]
    """One for each address."""
    tls: Tls | None = None
    http2: bool = True
    headers: tuple[Header, ...] = ()
    shows_version: bool = False
    hides_server: bool = False
    cors: CorsRule | None = None
    compresses: tuple[str, ...] = ()
    varies: bool = True
    caches: tuple[tuple[str, str], ...] = ()
    redirect: Redirect | None = None
    routes: tuple[Route, ...] = ()
    queries_lead_to_http: bool = False
    """Links with a query are sent to http://, which sends them back."""
    edge: Edge = field(default_factory=Edge)
    wards: Wards = field(default_factory=Wards)

    @property
    def listens(self) -> tuple[tuple[str, int], ...]:
        """Where it is really reached."""
        return tuple((ip, local_port(self.port)) for ip in self.ips)


@dataclass(frozen=True)
class Need:
    """What a service asks before it calls itself healthy. No path: a connection is enough."""

    component: str
    address: tuple[str, int]
    path: str | None = None
    patience_s: float = 0.6


@dataclass(frozen=True)
class Page:
    """One page of a service."""

    path: str
    body: str
    media_type: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    health_of: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    delay_s: float = 0.0
    then: Page | None = None
    """What is answered from the second request on."""
    socket: Endpoint | None = None
    """What a request for a WebSocket gets."""
    heeds_conditions: bool = True
    takes_any_method: bool = False
    door: Door | None = None
    """What a POST gets."""
    throttle: Throttle | None = None


@dataclass(frozen=True)
class Service:
    """One process that answers HTTP at one address."""

    name: str
    components: tuple[str, ...]
    address: tuple[str, int]
    pages: tuple[Page, ...]
    state: State = State.RUNNING
    missing: str = '{"error":"not found"}'
    """What is said where nothing is."""


class Product(StrEnum):
    """What a store really is."""

    POSTGRES = "PostgreSQL"
    MARIADB = "MariaDB"  # for MySQL too
    MONGODB = "MongoDB"
    VALKEY = "Valkey"
    LISTENER = "a bare listener"  # only that it is open is real


@dataclass(frozen=True)
class Store:
    """A part that speaks no HTTP."""

    name: str
    address: tuple[str, int]
    product: Product
    state: State = State.RUNNING
    tls: Tls | None = None
    """How it speaks TLS; None: it speaks none."""
    plain: bool = True
    """It lets those in who come without TLS."""
    contents: Any = None
    """What its server is set up with: a frozen value of the product's own module (`stores/`)."""
    beside: tuple[tuple[str, int], ...] = ()
    """Where else it accepts connections: further nodes of a cluster or replica set."""


@dataclass(frozen=True)
class Deployment:
    """Everything that is to run."""

    target: Target
    hosts: dict[str, tuple[str, ...]]
    """Each host of the target, with the addresses that it is really at."""
    names: Naming
    fronts: tuple[Front, ...]
    services: tuple[Service, ...]
    stores: tuple[Store, ...]
    mail: tuple[MailServer, ...] = ()
    policies: tuple[PolicyHost, ...] = ()
    ssh: tuple[SshHost, ...] = ()

    def component(self, name: str) -> Component:
        """What a component promises."""
        return self.target.components[name]

    def front_of(self, component: str) -> Front | None:
        """The nginx server that answers for a component, if there is one."""
        return next((front for front in self.fronts if component in front.components), None)

    def services_of(self, component: str) -> tuple[Service, ...]:
        """The processes whose pages are the component's own."""
        return tuple(service for service in self.services if component in service.components)

    def store_of(self, component: str) -> Store | None:
        """The database, cache or listener that is the component."""
        return next((store for store in self.stores if store.name == component), None)

    def with_front(self, component: str, change: Callable[[Front], Front]) -> Deployment:
        """The same with one component's front changed."""
        fronts = tuple(change(front) if component in front.components else front for front in self.fronts)
        return replace(self, fronts=fronts)

    def with_services(self, component: str, change: Callable[[Service], Service]) -> Deployment:
        """The same with one component's services changed."""
        services = tuple(change(service) if component in service.components else service for service in self.services)
        return replace(self, services=services)

    def with_mail(self, component: str, **changes: Any) -> Deployment:
        """The same with one component's mail server changed."""
        mail = tuple(replace(server, **changes) if server.name == component else server for server in self.mail)
        return replace(self, mail=mail)

    def with_policy(self, component: str, change: Callable[[PolicyHost], PolicyHost]) -> Deployment:
        """The same with the host of one domain's MTA-STS policy changed."""
        policies = tuple(change(host) if host.component == component else host for host in self.policies)
        return replace(self, policies=policies)

    def with_ssh(self, component: str, change: Callable[[SshHost], SshHost]) -> Deployment:
        """The same with the host changed that a component is, or is looked at from."""
        via = self.component(component).host or self.component(component).via
        return replace(self, ssh=tuple(change(host) if via in host.vantages else host for host in self.ssh))

    def machine_of(self, component: str) -> Machine | None:
        """What is on the host that a component is."""
        host = self.component(component).host
        return next((one.machine for one in self.ssh if host in one.vantages), None)

    def with_machine(self, component: str, change: Callable[[Machine], Machine]) -> Deployment:
        """The same with what is on the component's host changed."""

        def changed(host: SshHost) -> SshHost:
            return replace(host, machine=change(host.machine)) if host.machine is not None else host

        return self.with_ssh(component, changed)

    def with_store(self, component: str, **changes: Any) -> Deployment:
        """The same with one store changed."""
        stores = tuple(replace(store, **changes) if store.name == component else store for store in self.stores)
        return replace(self, stores=stores)
