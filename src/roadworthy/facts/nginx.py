"""What a host shows of nginx's configuration as it runs. No value of it leaves the host but those that are wanted."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class NginxAsk(HostAsk):
    """What to look at."""

    kind: Literal["nginx"] = "nginx"
    pid_file: str
    servers: tuple[str, ...] = Field((), description="Names that stand in a server_name.")
    paths: tuple[str, ...] = Field((), description="Asked of each of them: what is done with a request for it.")
    settings: tuple[str, ...] = Field((), description="Directives outside of any server.")


class Master(Fact):
    """The process that the file of its number names."""

    started: datetime
    loaded: datetime = Field(
        description="When the oldest of the workers that it has now was started; a reload starts all anew."
    )


class Handled(Fact):
    """What a server does with a request for a path, as far as its configuration tells."""

    location: str = Field("", description="Which location takes it; empty: none, the server itself.")
    returns: int | None = Field(None, description="Its `return`, which comes before all else.")
    denies: bool = Field(False, description="It is refused to everybody: `deny all`, and nobody is allowed before.")
    max_body: int = Field(description="Bytes of a body that are taken; 0: any number.")


class ServerSeen(Fact):
    """One server{} of the name."""

    place: str = Field(description="The file that it stands in.")
    returns: int | None = Field(None, description="It answers everything so.")
    tls: tuple[str, ...] | Unseen | None = Field(None, description="The versions that it speaks; None: no TLS.")
    handled: dict[str, Handled | Unseen] = Field(default_factory=dict, description="By path.")


class Configuration(Fact):
    """What `nginx -T` gave."""

    changed: datetime | Unseen = Field(description="When one of its files was last changed.")
    changed_file: str = ""
    servers: dict[str, tuple[ServerSeen, ...]] = Field(
        default_factory=dict, description="By the name wanted; none: no server has it."
    )
    settings: dict[str, str | None] = Field(default_factory=dict, description="None: nothing is said of it.")


class NginxObservation(HostObservation):
    """What was seen."""

    kind: Literal["nginx"] = "nginx"
    refused: str | None = Field(None, description="What nginx has against its configuration; None: nothing.")
    configuration: Configuration | Unseen | None = Field(None, description="None: it was refused.")
    running: Master | Unseen | None = Field(None, description="None: nothing runs.")
