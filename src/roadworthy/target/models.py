"""The typed target: what one environment promises, and how it is reached.

Thresholds live here and nowhere else: a check has no default of its own. A default that a field shows below is part of
the target and prints with `roadworthy target show`. A block (`tls`, `http`, ...) that is given and promises nothing is
refused, and so is a component that nothing verifies.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.routes import parse_resolver, parse_route
from roadworthy.target.values import PUBLIC, AllowList, Duration, Frozen, JsonPlace, JsonQuery, show_duration

__all__ = [
    "Component",
    "Cors",
    "Headers",
    "Health",
    "Hsts",
    "Http",
    "Network",
    "Release",
    "Running",
    "Target",
    "Tcp",
    "Tls",
]


class Expectation(Frozen):
    """A block of promises; one that promises nothing is refused (an empty expectation verifies nothing)."""

    WHERE: ClassVar[frozenset[str]] = frozenset()
    """Fields that say where to look, not what is promised."""

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        given = self.model_fields_set - self.WHERE
        if all(getattr(self, name) is None or getattr(self, name) is False for name in given):  # 0 is a promise
            fields = (field.alias or name for name, field in type(self).model_fields.items() if name not in self.WHERE)
            raise ValueError(f"this block promises nothing; give at least one of: {', '.join(fields)}")
        return self


def _one_or_many(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


OneOrMany = Annotated[tuple[str, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | tuple[str, ...])]


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a path starts with '/'")
    return value


Path = Annotated[str, AfterValidator(_path)]
Status = Annotated[int, Field(ge=100, le=599)]


class Health(Expectation):
    """One question that a component answers when it is well."""

    path: Path = Field(description="Asked below the component's URL.")
    status: Status = Field(200, description="The answer's status, exactly.")
    json_subset: dict[str, Any] | None = Field(
        None, alias="json", min_length=1, description="The answer, parsed as JSON, holds at least these members."
    )
    json_equals: Any | None = Field(None, description="The answer, parsed as JSON, is exactly this.")
    json_path: dict[JsonQuery, Any] | None = Field(
        None, min_length=1, description="RFC 9535 queries, each with the value that every match has."
    )
    contains: str | None = Field(None, min_length=1, description="The answer's text holds this.")
    within: Duration | None = Field(None, description="The whole answer is in within this time.")


class Release(Frozen):
    """The release that must be running."""

    version: str = Field(
        min_length=1,
        description="What every component that tells its release must tell; `--expect-version` sets it.",
        json_schema_extra={PUBLIC: True},
    )


class Running(Expectation):
    """Where a component tells the version that it runs: a JSON member, a header, or the whole text of an answer."""

    path: Path = Field(description="Asked below the component's URL.")
    json_path: JsonPlace | None = Field(
        None, alias="json", description="The version is this member of the JSON answer, or this query's one match."
    )
    header: str | None = Field(None, description="The version is this header's value.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.json_path is not None and self.header is not None:
            raise ValueError("give json or header, not both")
        return self


class Tcp(Expectation):
    """Promises about the transport alone."""

    open: Literal[True] = Field(
        description="Every address behind the name accepts connections. REACH-TCP judges that of every component."
    )


TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
SuiteClass = Literal["anonymous", "null", "export", "md5", "rc4", "des", "3des", "cbc", "rsa-kx"]


class Tls(Expectation):
    """Promises about the TLS edge; `policy` fills in what is not given here."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"policy"})

    policy: str | None = Field(None, description="A dated policy, adopted by name; see `roadworthy target show`.")
    versions: tuple[Annotated[TlsVersion, BeforeValidator(str, json_schema_input_type=TlsVersion)], ...] | None = Field(
        None, min_length=1, description="Exactly the protocol versions that are accepted."
    )
    suites: tuple[str, ...] | None = Field(
        None, min_length=1, description="The only cipher suites that may be accepted (OpenSSL or IANA names)."
    )
    forbids_suites: tuple[SuiteClass, ...] | None = Field(
        None, min_length=1, description="Kinds of cipher suites that must not be accepted."
    )
    trusted: bool = Field(
        True,
        description="The chain leads to the trust store, or to `network.ca_file`; every certificate in it is valid "
        "today, and the first one is for this name.",
    )
    min_days_left: int | None = Field(None, ge=0, description="Days until the certificate ends, at least.")
    max_lifetime_days: int | None = Field(None, gt=0, description="From not-before to not-after, at most.")
    min_key_bits: dict[Literal["rsa", "ec"], int] | None = Field(
        None, min_length=1, description="The key's length, at least. A kind that is not named is not accepted."
    )
    resumes: bool | None = Field(None, description="Sessions are resumable.")
    vulnerabilities: Literal["none"] | None = Field(
        None, description="Heartbleed, CCS, ROBOT, CRIME, client renegotiation: none is found."
    )


class Http(Expectation):
    """Promises about HTTP's behaviour."""

    redirects_from_http: Literal[301, 302, 307, 308] | None = Field(
        None, description="http:// answers with this status and the same place on https://."
    )
    versions: tuple[Literal["http/1.1", "h2"], ...] | None = Field(
        None, min_length=1, description="Each is spoken with a client that offers no other."
    )
    compresses: Annotated[
        dict[str, Path] | None,
        BeforeValidator(
            lambda v: dict.fromkeys(v, "/") if isinstance(v, list | tuple) else v,
            json_schema_input_type=dict[str, Path] | tuple[str, ...] | None,
        ),
    ] = Field(None, min_length=1, description="Media types that are compressed, each with a page of that type.")
    caches: dict[Path, str] | None = Field(
        None, min_length=1, description="Pages with the Cache-Control directives that they carry."
    )


class Hsts(Frozen):
    """Strict-Transport-Security (RFC 6797)."""

    max_age: int = Field(ge=0, description="Seconds, at least.")
    include_subdomains: bool = Field(False, description="true: `includeSubDomains` is there.")
    preload: bool = Field(False, description="true: `preload` is there.")


class Cors(Frozen):
    """Which origins may read answers (Fetch standard)."""

    allows: tuple[str, ...] = Field(min_length=1, description="The only origins that are allowed.")
    credentials: bool = Field(False, description="Whether they may send cookies along.")
    path: Path = Field("/", description="The page that is asked in the name of each origin.")


class Headers(Expectation):
    """Promises about response headers; `policy` fills in what is not given here."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"policy", "on", "on_errors"})

    policy: str | None = Field(None, description="A dated policy, adopted by name; see `roadworthy target show`.")
    strict_transport_security: Hsts | None = Field(
        None, alias="strict-transport-security", description="Browsers use https:// alone (RFC 6797)."
    )
    x_frame_options: Literal["DENY", "SAMEORIGIN"] | None = Field(
        None, alias="x-frame-options", description="Who may frame the page."
    )
    x_content_type_options: Literal["nosniff"] | None = Field(
        None, alias="x-content-type-options", description="Browsers do not guess the media type."
    )
    x_xss_protection: str | None = Field(
        None, alias="x-xss-protection", description="Compared by meaning: `1;mode=block` is `1; mode=block`."
    )
    content_security_policy: dict[str, OneOrMany] | None = Field(
        None,
        alias="content-security-policy",
        min_length=1,
        description="Directives, each with exactly its sources; `'nonce-*'` stands for any nonce.",
    )
    referrer_policy: OneOrMany | None = Field(
        None, alias="referrer-policy", min_length=1, description="The policies of which one is in force."
    )
    permissions_policy: dict[str, AllowList] | None = Field(
        None, alias="permissions-policy", min_length=1, description="Features, each with exactly who may use it."
    )
    cross_origin_opener_policy: str | None = Field(
        None, alias="cross-origin-opener-policy", description="The whole value; parameters are set aside."
    )
    cross_origin_embedder_policy: str | None = Field(
        None, alias="cross-origin-embedder-policy", description="The whole value; parameters are set aside."
    )
    cross_origin_resource_policy: str | None = Field(
        None, alias="cross-origin-resource-policy", description="The whole value, sent once."
    )
    other: dict[str, str] | None = Field(None, min_length=1, description="Any other header and its whole value.")
    absent: tuple[str, ...] | None = Field(None, min_length=1, description="Headers that must not be sent.")
    hides_versions: bool | None = Field(None, description="No header tells a software's version.")
    cors: Cors | None = Field(None, description="Which other sites may read the answers.")
    on: tuple[Path, ...] = Field(("/",), min_length=1, description="The pages whose headers are judged.")
    on_errors: bool = Field(False, description="The promises hold on an error page (404) too.")


PromiseId = Annotated[str, Field(pattern=r"^[A-Z]{3}(-[A-Z0-9]+)+$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=64)]


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
    depends_on: tuple[str, ...] = Field((), description="Components that this one can't work without.")
    health: (
        Annotated[tuple[Health, ...], BeforeValidator(_one_or_many, json_schema_input_type=Health | tuple[Health, ...])]
        | None
    ) = Field(None, min_length=1, description="What it answers when it is well.")
    release: Running | None = Field(None, description="Where this component tells the version that it runs.")
    tcp: Tcp | None = Field(None, description="Its port, for a part that speaks no HTTP.")
    tls: Tls | None = Field(None, description="Its certificate, TLS versions and suites.")
    http: Http | None = Field(None, description="Redirects, versions, compression, caching.")
    headers: Headers | None = Field(None, description="The headers of its pages.")
    partly: dict[PromiseId, str] = Field(
        {}, description="Of these promises only a part is judged; what is missing, in a few words."
    )
    promises: dict[PromiseId, tuple[str, ...]] = Field(
        {}, description="Promises of the ledger that this component carries, each with the keys that express it."
    )

    @property
    def endpoint(self) -> tuple[str, int]:
        """The name (or address) and port that the component is reached by."""
        if self.address is not None:
            host, _, port = self.address.rpartition(":")
            return host.strip("[]"), int(port)
        parts = urlsplit(self.url or "")
        return parts.hostname or "", parts.port or {"https": 443, "http": 80}[parts.scheme]

    def url_of(self, path: str) -> str:
        """The URL of a path below the component's own (`/` is the component's own URL)."""
        return (self.url or "").rstrip("/") + path

    @model_validator(mode="after")
    def _parts_are_of_promises(self) -> Self:
        if strangers := self.partly.keys() - self.promises.keys():
            raise ValueError(f"partly names {', '.join(sorted(strangers))}, which promises does not")
        return self

    @model_validator(mode="after")
    def _is_verifiable(self) -> Self:
        if (self.url is None) == (self.address is None):
            raise ValueError("give either url or address")
        if self.url is not None:
            parts = urlsplit(self.url)
            if "@" in parts.netloc:
                raise ValueError("url holds credentials")
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
                raise ValueError(f"url {self.url!r} is not of the form https://name[:port][/path]")
            _ = parts.port
        elif "@" in (self.address or ""):
            raise ValueError("address holds credentials")
        elif not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s/]+):[0-9]{1,5}", self.address or ""):
            raise ValueError(f"address {self.address!r} is not of the form name:port")
        if not any((self.health, self.release, self.tcp, self.tls, self.http, self.headers)):
            blocks = "health, release, tcp, tls, http, headers"
            raise ValueError(f"nothing verifies this component; give at least one of: {blocks}")
        for block in ("health", "release", "http", "headers"):
            if self.url is None and getattr(self, block):
                raise ValueError(f"{block} needs a url, not an address")
        return self


def _route(value: str) -> str:
    parse_route(value)
    return value


def _resolver(value: str) -> str:
    parse_resolver(value)
    return value


class Network(Frozen):
    """How this environment is reached, and how gently."""

    connect_to: tuple[Annotated[str, AfterValidator(_route)], ...] = Field(
        (),
        description="HOST:PORT:ADDR:PORT, as curl's --connect-to: where the name is really reached. Several entries "
        "for one name are several addresses behind it; an empty part stands for any, or for unchanged.",
        json_schema_extra={PUBLIC: True},
    )
    resolver: Annotated[str, AfterValidator(_resolver)] | None = Field(
        None, description="address:port of the DNS server to ask.", json_schema_extra={PUBLIC: True}
    )
    ca_file: str | None = Field(
        None,
        description="PEM file of the certificate authorities to trust, found from this file's own folder.",
        json_schema_extra={PUBLIC: True},
    )
    timeout: Duration = Field(10.0, description="For one observation, retries included.")
    scan_timeout: Duration = Field(60.0, description="For one scan of TLS versions and suites: many exchanges.")
    deadline: Duration = Field(120.0, description="For all observations of a run.")
    retries: int = Field(1, ge=0, le=5, description="After a transient failure of one observation.")
    concurrency: int = Field(32, ge=1, le=512, description="Observations under way at once.")
    per_host: int = Field(6, ge=1, le=64, description="Observations under way at once to one name and port.")

    @property
    def patience_s(self) -> float:
        """Seconds that one attempt may wait for a silent peer: every attempt fits into the time of an observation."""
        return self.timeout * 0.8 / (self.retries + 1)


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
        for component in self.components.values():
            host, port = component.endpoint
            reached |= {(host, port), (host, 80)} if component.http else {(host, port)}
        for entry in self.network.connect_to:
            route = parse_route(entry)
            if route.host is not None and not any(route.leads(host, port) for host, port in reached):
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
    def _dependencies_hold(self) -> Self:
        for name, component in self.components.items():
            unknown = [other for other in component.depends_on if other not in self.components]
            if unknown:
                raise ValueError(f"components.{name}.depends_on: unknown component {', '.join(unknown)}")
        for name in self.components:
            if name in self.dependencies_of(name):
                raise ValueError(f"components.{name}.depends_on: depends on itself in a circle")
        return self

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
