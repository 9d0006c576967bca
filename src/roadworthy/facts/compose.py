"""What a host shows of a Compose project's containers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact, NotObserved, Reason
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen


class ComposeAsk(HostAsk):
    """What to look at."""

    kind: Literal["compose"] = "compose"
    label: str = Field(description="What the project's containers are labelled with.")

    @property
    def name(self) -> str:
        """As it is typed after `docker ps --filter label=`."""
        return self.label


class Published(Fact):
    """A port of the host that leads into a container."""

    address: str = Field(description="0.0.0.0, ::, 127.0.0.1, ...")
    port: int
    to: int
    protocol: str = "tcp"


class Mount(Fact):
    """What is mounted in a container."""

    type: str = Field(description="volume, bind, tmpfs, ...")
    source: str = Field(description="The volume's name, or the path on the host.")
    to: str
    writable: bool = True


class Container(Fact):
    """A container as the engine describes it. Nothing of its environment, command or output is kept."""

    id: str
    name: str
    service: str
    project: str
    oneoff: bool = Field(False, description="It comes from `docker compose run`.")
    status: str = Field(description="created, running, paused, restarting, removing, exited, dead.")
    exit_code: int = Field(0, description="Of its last end.")
    out_of_memory: bool = Field(False, description="Something in it was killed for want of memory.")
    health: str | None = Field(None, description="starting, healthy, unhealthy; None: it declares no check.")
    started: datetime | None = None
    restarts: int = Field(0, description="By the engine, since somebody last started it.")
    restart: str = Field("no", description="Its restart policy.")
    image: str = Field(description="The image, as it was named when the container was created.")
    image_id: str = Field(description="What that was.")
    image_now: str | Unseen | None = Field(None, description="What the same name means now; None: nothing any more.")
    digests: tuple[str, ...] | Unseen = Field((), description="What registries know the image that it runs by.")
    ports: tuple[Published, ...] = Field((), description="Published; of one that does not run: those it would publish.")
    networks: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    privileged: bool = False
    shares: tuple[str, ...] = Field((), description="The host's namespaces that are its own, too: network, pid, ...")
    unconfined: tuple[str, ...] = Field((), description="What does not hold it: seccomp, apparmor, label.")
    devices: tuple[str, ...] = Field((), description="The host's devices in it.")
    capabilities: tuple[str, ...] = Field((), description="Added ones: NET_ADMIN.")
    user: str = Field("", description="Whom it is started as; empty: root.")
    read_only: bool = False
    memory: int | None = Field(None, description="Bytes that it may take; None: all.")
    cpus: float | None = None
    pids: int | None = None
    log_driver: str = ""
    log_max_size: str = Field("", description="The driver's max-size; empty: none is set.")


class ComposeObservation(HostObservation):
    """What was seen."""

    kind: Literal["compose"] = "compose"
    gone: str = Field("", description="No engine answers, in the client's words; empty: it does.")
    containers: tuple[Container, ...] = ()

    @property
    def inside(self) -> ComposeObservation:
        """The same, for checks that say nothing where no engine answers.

        Raises:
            NotObserved: none does.
        """
        if self.gone:
            raise NotObserved(Reason.NO_ANSWER, self.gone)
        return self

    def of(self, service: str) -> tuple[Container, ...]:
        """The containers of a service, less the one-off ones."""
        return tuple(one for one in self.inside.containers if one.service == service and not one.oneoff)
