"""Promises of a Compose project's containers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, Place
from roadworthy.target.values import PUBLIC, Duration, Frozen, Size

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

PORT = re.compile(
    r"(?:(?P<address>[0-9.]+|\[[0-9A-Fa-f:]+\]):)?(?P<port>[0-9]{1,5}):(?P<to>[0-9]{1,5})(?:/(?P<protocol>tcp|udp|sctp))?"
)
VOLUME = re.compile(r"(?:(?P<source>[^:]+):)?(?P<to>/[^:]*)(?::(?P<mode>ro|rw))?")
MOST_CPUS = 4096


def _service(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]*", name):
        raise ValueError(f"{name!r} is no name of a service")
    return name


def _image(reference: str) -> str:
    if not re.fullmatch(r"[^\s@]+(@sha256:[0-9a-f]{64})?", reference):
        raise ValueError(f"{reference!r} is no image: write repository, repository:tag, or either with @sha256:...")
    return reference


def _port(text: str) -> str:
    if not PORT.fullmatch(text):
        raise ValueError(f'{text!r} is no port: write "443:8443", "127.0.0.1:5432:5432" or "53:53/udp"')
    return text


def _volume(text: str) -> str:
    if not VOLUME.fullmatch(text):
        raise ValueError(f"{text!r} is no volume: write data:/var/lib/app, /srv/conf:/etc/app:ro or /var/lib/app")
    return text


def _policy(value: Any) -> Any:
    """A `no` without quotes is false in YAML."""
    return "no" if value is False else value


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


Service = Annotated[str, AfterValidator(_service)]
Image = Annotated[str, AfterValidator(_image)]
Policy = Annotated[
    Literal["no", "always", "unless-stopped", "on-failure"], BeforeValidator(_policy, json_schema_input_type=str)
]
Published = Annotated[str, AfterValidator(_port)]
Volume = Annotated[str, AfterValidator(_volume)]
Capability = Annotated[str, AfterValidator(_capability)]
BySome = Annotated[dict[Service, T], Field(min_length=1)]
"""By service."""
All = Literal[True] | Annotated[tuple[Service, ...], Field(min_length=1)]
"""Of all services, or of those that are named."""
Count = Annotated[int, Field(ge=0)]
Cpus = Annotated[float, Field(gt=0, le=MOST_CPUS)]
Tasks = Annotated[int, Field(ge=1)]


BY_LIST = ("finished", "healthy", "current", "confined", "not_root", "read_only")
"""Promises whose list is one of services."""


class Limits(Frozen):
    """How much a container may take, at most; one that may take more, or all, breaks the promise."""

    memory: Size | BySome[Size] | None = Field(None, description="Memory: one bound for all, or by service.")
    cpus: Cpus | BySome[Cpus] | None = Field(None, description="Processors: `1.5`.")
    pids: Tasks | BySome[Tasks] | None = Field(None, description="Processes and threads.")

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.memory is self.cpus is self.pids is None:
            raise ValueError("give at least one of memory, cpus, pids")
        return self


class Logs(Frozen):
    """Where the containers' output goes; `none` is never right."""

    drivers: OneOrMany | None = Field(None, description="One of these drivers: `json-file`, `local`, `journald`, ...")
    rotated: Literal[True] | None = Field(
        None,
        description="What grows on the host is cut: json-file has a `max-size`; other drivers see to it themselves.",
    )


class Compose(Expectation):
    """Promises about a Compose project's containers. What is said of all can be said of some: a map, or a list."""

    WHERE = frozenset({"project", "folder"})

    project: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        description="The project's name: `name:` in its file, `-p`, or the name of its folder.",
        json_schema_extra={PUBLIC: True},
    )
    folder: Place | None = Field(None, description="Its folder, where the project's name may change.")
    services: tuple[Service, ...] = Field(
        min_length=1, description="These services have a container. All else is promised of them."
    )
    nothing_else: Literal[True] | None = Field(
        None, description="The project has no other services, and no one-off container still runs."
    )
    running: Literal[True] | None = Field(
        None, description="Every container of them runs: none is exited, restarting, paused or dead."
    )
    finished: tuple[Service, ...] | None = Field(
        None, min_length=1, description="Of these, the last container has ended, with 0: migrations. They need not run."
    )
    replicas: BySome[Annotated[int, Field(ge=1)]] | None = Field(
        None, description="So many containers of a service run, exactly."
    )
    healthy: All | Literal["declared"] | None = Field(
        None,
        description="Whatever declares a health check passes it. `true`: every service must declare one; a list: those "
        "must; `declared`: none must, but one does.",
    )
    up_for: Duration | None = Field(None, description="They have been up for so long, at least.")
    restart: Policy | BySome[Policy] | None = Field(
        None, description="What happens when one ends: `no`, `always`, `unless-stopped`, `on-failure`."
    )
    restarts_at_most: Count | BySome[Count] | None = Field(
        None, description="The engine has restarted a container so often since somebody last started it, at most."
    )
    not_out_of_memory: Literal[True] | None = Field(
        None, description="Nothing in a container was killed for want of memory since it was started."
    )
    images: BySome[Image] | None = Field(
        None,
        description="What a service runs: `mysql:8.0`, `registry.example/app:${env:VERSION}`, or exactly, by its "
        "digest: `app@sha256:...`. Without a tag, any.",
        json_schema_extra={PUBLIC: True},
    )
    current: All | None = Field(
        None,
        description="They run what their image's name means on the host now: nobody has pulled or built anew without "
        "starting anew.",
    )
    ports: dict[Service, tuple[Published, ...]] | None = Field(
        None,
        description="What each service publishes on the host, exactly; one that is not named publishes nothing. "
        '`"443:443"` is on all addresses, `"127.0.0.1:3306:3306"` on that one.',
    )
    networks: Annotated[tuple[str, ...], Field(min_length=1)] | BySome[tuple[str, ...]] | None = Field(
        None, description="The networks that they are in, and in no others; with or without `PROJECT_`."
    )
    volumes: BySome[Annotated[tuple[Volume, ...], Field(min_length=1)]] | None = Field(
        None,
        description="What is mounted in a service, at least: `data:/var/lib/mysql` (with or without `PROJECT_`), "
        "`/srv/app.cnf:/etc/app.cnf:ro`, or only where: `/var/lib/mysql`.",
    )
    confined: All | None = Field(
        None,
        description="None is privileged, shares a namespace with the host, is unconfined, or has a device, the "
        "engine's socket or a system folder of it.",
    )
    capabilities: tuple[Capability, ...] | BySome[tuple[Capability, ...]] | None = Field(
        None, description="None has other capabilities added than these; `[]`: none at all."
    )
    not_root: All | None = Field(None, description="They are started as another user than root.")
    read_only: All | None = Field(None, description="Their root file system can't be written.")
    limits: Limits | None = Field(None, description="What they may take at most.")
    logs: Logs | None = Field(None, description="Where their output goes, and that it does not fill the disk.")

    @property
    def label(self) -> str:
        """What its containers are found by."""
        key, value = ("", self.project) if self.folder is None else (".working_dir", self.folder.rstrip("/") or "/")
        return f"com.docker.compose.project{key}={value}"

    @property
    def lasting(self) -> tuple[str, ...]:
        """Services that are meant to run on."""
        return tuple(name for name in self.services if name not in (self.finished or ()))

    def each(self, promised: T | Mapping[str, T] | None) -> Iterator[tuple[str, T]]:
        """What is promised of each service, where it is one for all or a map."""
        if isinstance(promised, Mapping):
            yield from promised.items()
        elif promised is not None:
            yield from ((name, promised) for name in self.services)

    def named(self, promised: All | None) -> tuple[str, ...]:
        """The services of which something is promised."""
        return promised if isinstance(promised, tuple) else self.services if promised else ()

    @model_validator(mode="after")
    def _is_found_in_one_way(self) -> Self:
        if (self.project is None) is (self.folder is None):
            raise ValueError("give the project's name or its folder, one of them")
        return self

    @model_validator(mode="after")
    def _speaks_of_its_services(self) -> Self:
        said = {name: getattr(self, name) for name in type(self).model_fields if name != "services"}
        if self.limits is not None:
            said |= {f"limits.{name}": getattr(self.limits, name) for name in type(self.limits).model_fields}
        for key, value in said.items():
            names = value if isinstance(value, dict) or (isinstance(value, tuple) and key in BY_LIST) else ()
            if strangers := [name for name in names if name not in self.services]:
                raise ValueError(f"{key}: {', '.join(strangers)} is not among the services")
        return self

    @model_validator(mode="after")
    def _expects_no_end_of_what_runs(self) -> Self:
        ended = set(self.finished or ())
        if ended and not self.lasting and (self.running or self.healthy or self.up_for is not None):
            raise ValueError("finished: all services end; then running, healthy and up_for say nothing")
        for key in ("healthy", "replicas"):
            names = getattr(self, key)
            if isinstance(names, tuple | dict) and (both := sorted(ended & set(names))):
                raise ValueError(f"{key}: {both[0]} is among those that have finished")
        return self
