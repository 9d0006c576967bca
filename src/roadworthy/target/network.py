"""How an environment is reached, from where, how gently, and what may be done there."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from roadworthy import __version__
from roadworthy.target.blocks.block import Leave, Place
from roadworthy.target.routes import parse_resolver, parse_route
from roadworthy.target.values import BY_REFERENCE, PUBLIC, Duration, Frozen, Name


def _route(value: str) -> str:
    parse_route(value)
    return value


def _resolver(value: str) -> str:
    parse_resolver(value)
    return value


_CONTACT = re.compile(r"(?:https?://[^\s()\\/]+[^\s()\\]*|mailto:[^\s()\\@]+@[^\s()\\@]+)", re.ASCII)
"""What can stand in a comment of User-Agent (RFC 9110 section 5.6.5) as it is."""


def _contact(value: str) -> str:
    if not _CONTACT.fullmatch(value) or not value.isascii() or not value.isprintable():
        raise ValueError("a contact is written as https://ops.example/roadworthy or mailto:ops@shop.example")
    return value


_SSH = re.compile(r"(?:([^@\s:/]+)@)?(\[[0-9A-Fa-f:.]+\]|[^@:\s/\[\]]+)(?::([0-9]{1,5}))?")


def _ssh(value: str) -> str:
    match = _SSH.fullmatch(value)
    if not match or (match[3] and not 1 <= int(match[3]) <= 65535):  # noqa: PLR2004 - 16 bits
        raise ValueError(f"ssh {value!r} is not of the form user@host or user@host:port")
    return value


class Vantage(Frozen):
    """Where something is looked at from: a host that is logged into by SSH, a command that connects, or both.

    Without a command, connections are forwarded by the host's SSH server (`ssh -L`). What is seen on a host itself
    (components with `host`) is looked at by one Python program a run, which is sent to it and leaves nothing there.
    """

    ssh: Annotated[str, AfterValidator(_ssh)] | None = Field(
        None,
        description="user@host[:port] of an SSH server; its key must be a known one.",
        json_schema_extra={PUBLIC: True},
    )
    key_file: str | None = Field(
        None,
        description="The private key, found from this file's own folder; without one, the SSH agent's keys.",
        json_schema_extra={PUBLIC: True},
    )
    passphrase: str | None = Field(
        None, min_length=1, description="Of the key, by reference.", json_schema_extra={BY_REFERENCE: True}
    )
    known_hosts: str | None = Field(
        None,
        description="File of the keys of known hosts; without one, ~/.ssh/known_hosts.",
        json_schema_extra={PUBLIC: True},
    )
    through: str | None = Field(None, description="Another vantage point, that this one's SSH server is reached from.")
    command: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="A command whose standard input and output are the connection, for hosts that forward none: "
        '`[docker, exec, -i, db, nc, "{host}", "{port}"]`. It runs on the SSH host, or here where there is none.',
        json_schema_extra={PUBLIC: True},
    )

    local: bool = Field(False, description="This machine itself is the host.")
    exec: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="What stands before a command that is to run in a container: `[docker, exec, -i, app]`, "
        "`[kubectl, exec, -i, deploy/app, --]`. It runs on the SSH host, or here where there is none.",
        json_schema_extra={PUBLIC: True},
    )
    sudo: bool = Field(
        False,
        description="What only root may see is looked at with `sudo -n`, which never asks for a password.",
    )
    python: str = Field("python3", description="The host's Python, 3.7 or newer.", json_schema_extra={PUBLIC: True})
    root: Place = Field(
        "/",
        description="Where the host's file system begins, as seen by whoever is logged in: `/host` in a container that "
        "has it mounted there.",
        json_schema_extra={PUBLIC: True},
    )

    @property
    def is_host(self) -> bool:
        """Whether something can be looked at there itself."""
        return self.ssh is not None or self.local or self.exec is not None

    @property
    def label(self) -> str:
        """Who is logged in where, for people."""
        return " ".join(self.exec or ()) or self.ssh or "this machine"

    @property
    def login(self) -> tuple[str | None, str, int]:
        """User, host and port of the SSH server."""
        match = _SSH.fullmatch(self.ssh or "")
        if match is None:
            raise ValueError("there is no SSH server")
        return match[1], match[2].strip("[]"), int(match[3] or 22)

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.ssh is None and self.command is None and not self.is_host:
            raise ValueError("give ssh, command, local or exec")
        if self.local and (self.ssh is not None or self.exec is not None):
            raise ValueError("local is this machine itself: give neither ssh nor exec")
        if self.ssh is None and (
            strangers := [name for name in ("key_file", "known_hosts", "through", "passphrase") if getattr(self, name)]
        ):
            raise ValueError(f"{strangers[0]} is about an SSH server: give ssh")
        return self


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
    trust_anchor: str | None = Field(
        None,
        description="File of the DS or DNSKEY records that DNSSEC is trusted from, as in a zone file, found from this "
        "file's own folder; without one, the root's.",
        json_schema_extra={PUBLIC: True},
    )
    timeout: Duration = Field(10.0, description="For one observation, retries included.")
    scan_timeout: Duration = Field(60.0, description="For one scan of TLS versions and suites: many exchanges.")
    deadline: Duration = Field(120.0, description="For all observations of a run.")
    retries: int = Field(1, ge=0, le=5, description="After a transient failure of one observation.")
    concurrency: int = Field(32, ge=1, le=512, description="Observations under way at once.")
    per_host: int = Field(6, ge=1, le=64, description="Observations under way at once to one name and port.")
    budget: int = Field(
        1000,
        ge=1,
        description="Exchanges of one run with one name, at each of its addresses. A run that needs more is refused "
        "before anything is sent; what is left over is for retries.",
    )
    contact: Annotated[str, AfterValidator(_contact)] | None = Field(
        None,
        max_length=200,
        description="Whom to ask about this client: an https:// or mailto: address, sent in User-Agent.",
        json_schema_extra={PUBLIC: True},
    )
    allows: tuple[Leave, ...] = Field(
        (),
        description="What may be done that could make a server defend itself, or alarm somebody: `bursts` of requests, "
        "`logins` with wrong passwords, requests that look like `attacks`, connections to a list of `ports`, "
        "`large-bodies`, `writes` of rows, jobs or logs, and `restores` of a backup into a database of its own, on the "
        "host that has it. A promise that needs one of them is refused where it is not named.",
    )

    vantages: dict[Name, Vantage] = Field(
        {}, description="Where components with `via` are looked at from, by name; not their public side."
    )

    @property
    def user_agent(self) -> str:
        """How all HTTP of a run names itself."""
        return f"roadworthy/{__version__}" + (f" (+{self.contact})" if self.contact else "")

    @property
    def patience_s(self) -> float:
        """Seconds that one attempt may wait for a silent peer: every attempt fits into the time of an observation."""
        return self.timeout * 0.8 / (self.retries + 1)
