"""What is on a machine that keeps its promises of `compose`.

No engine can run in the sandbox. `docker` is a program that answers in the words of the client of Docker 28; what it
says of containers and images has the form of the Engine's API 1.50 (`GET /containers/{id}/json`, `/images/{name}/json`)
and the labels of Compose 2, and follows from a list of containers, so that a fault changes those and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.machines.machine import Answer, Machine
from roadworthy.target.blocks.compose import PORT, VOLUME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roadworthy.target.blocks.compose import Compose
    from roadworthy.target.models import Component, Target

Described = dict[str, Any]

STOPPED = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
REFUSED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/containers/json": '
    "dial unix /var/run/docker.sock: connect: permission denied\n"
)
HOUR_S = 3600.0
TAG = ":latest"


@dataclass
class Project:
    """A project as its engine knows it."""

    containers: list[Described] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    """The id that each name has now."""

    def of(self, service: str) -> list[Described]:
        """A service's containers."""
        return [one for one in self.containers if one["Config"]["Labels"]["com.docker.compose.service"] == service]


def furnish(promised: Compose, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    return Machine(answers=answers(promised.label, project_of(promised)))


def answers(label: str, project: Project) -> tuple[Answer, ...]:
    """What `docker` says of a project."""
    ids = [one["Id"] for one in project.containers]
    names = sorted({name for one in project.containers for name in (one["Config"]["Image"], one["Image"])})
    told = [_image(name, project) for name in names]
    return (
        Answer("docker", _listing(label), says="".join(f"{one}\n" for one in ids)),
        Answer("docker", _inspecting(ids), says=json.dumps(project.containers, indent=4) + "\n"),
        Answer(
            "docker",
            re.escape(f"image inspect {' '.join(names)}"),
            says=json.dumps([image for image in told if image is not None], indent=4) + "\n",
            complains="".join(
                f"Error response from daemon: No such image: {name}\n"
                for name, image in zip(names, told, strict=True)
                if image is None
            ),
            ends=int(None in told),
        ),
    )


def changed(machine: Machine, label: str, change: Callable[[Project], None]) -> Machine:
    """The same machine, with other containers in a project."""
    said = {(one.program, one.arguments): one.says for one in machine.answers}
    ids = said["docker", _listing(label)].split()
    containers = json.loads(said["docker", _inspecting(ids)])
    project = Project(containers, {one["Config"]["Image"]: one["Image"] for one in containers})
    change(project)
    return machine.plus(Machine(answers=answers(label, project)))


def answering(machine: Machine, label: str, complains: str) -> Machine:
    """The same machine, whose `docker` says only this."""
    return machine.with_answer("docker", _listing(label), lambda one: Answer("docker", one.arguments, "", complains, 1))


def _listing(label: str) -> str:
    return re.escape(f"ps --all --no-trunc --quiet --filter label={label}")


def _inspecting(ids: list[str]) -> str:
    return re.escape(f"inspect --type container {' '.join(ids)}")


def _image(name: str, project: Project) -> Described | None:
    """An image by a name, or by the id of one that runs."""
    found = name if name.startswith("sha256:") else project.images.get(name)
    if found is None:
        return None
    named, _, digest = next((key for key, value in project.images.items() if value == found), "").partition("@")
    repository = named if ":" not in named.rpartition("/")[2] else named.rpartition(":")[0]
    tagged = [named if repository != named else named + TAG] if named and not digest else []
    return {
        "Id": found,
        "RepoTags": tagged,
        "RepoDigests": [f"{repository}@{digest or sha(found)}"] if named else [],
        "Created": "2026-11-02T08:00:00Z",
        "Architecture": "amd64",
        "Os": "linux",
        "Size": 187654321,
    }


def sha(text: str) -> str:
    """A digest that a text has."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def project_of(promised: Compose) -> Project:
    """The containers that keep the promises."""
    containers = [
        container(promised, service, number)
        for service in promised.services
        for number in range(1, (promised.replicas or {}).get(service, 1) + 1)
    ]
    return Project(containers, {one["Config"]["Image"]: one["Image"] for one in containers})


def container(promised: Compose, service: str, number: int = 1) -> Described:
    """One of them, as `docker inspect` has it."""
    project = promised.project or (promised.folder or "").rstrip("/").rpartition("/")[2] or "root"
    image = (promised.images or {}).get(service, f"{project}-{service}")
    own = hashlib.sha256(f"{project}-{service}-{number}".encode()).hexdigest()
    ended = service in (promised.finished or ())
    published, mounts = _ports(promised, service), _mounts(promised, service, project)
    lives_s = (promised.up_for or 0) + HOUR_S
    state: Described = {
        "Status": "exited" if ended else "running",
        "Running": not ended,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "Pid": 0 if ended else 4000 + number,
        "ExitCode": 0,
        "Error": "",
        "StartedAt": moment(-lives_s),
        "FinishedAt": moment(5 - lives_s) if ended else "0001-01-01T00:00:00Z",
    }
    if promised.healthy and not ended:
        state["Health"] = {"Status": "healthy", "FailingStreak": 0, "Log": []}
    networks = list(_of(promised.networks, service) or ("default",))
    return {
        "Id": own,
        "Created": moment(-lives_s - 1),
        "State": state,
        "Image": sha(image),
        "Name": f"/{project}-{service}-{number}",
        "RestartCount": 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "HostConfig": {
            "LogConfig": _logs(promised),
            "NetworkMode": f"{project}_{networks[0]}",
            "PortBindings": published,
            "RestartPolicy": {"Name": _of(promised.restart, service) or "no", "MaximumRetryCount": 0},
            "CapAdd": [f"CAP_{name}" for name in _of(promised.capabilities, service) or ()] or None,
            "CapDrop": None,
            "IpcMode": "private",
            "PidMode": "",
            "Privileged": False,
            "ReadonlyRootfs": service in promised.named(promised.read_only),
            "SecurityOpt": None,
            "UTSMode": "",
            "UsernsMode": "",
            "Devices": None,
            **_limits(promised, service),
        },
        "Mounts": mounts,
        "Config": {
            "User": "1000:1000" if service in promised.named(promised.not_root) else "",
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Image": image,
            "Labels": {
                "com.docker.compose.config-hash": sha(f"{project}/{service}").removeprefix("sha256:"),
                "com.docker.compose.container-number": str(number),
                "com.docker.compose.image": sha(image),
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.project": project,
                "com.docker.compose.project.working_dir": promised.folder or f"/srv/{project}",
                "com.docker.compose.service": service,
                "com.docker.compose.version": "2.36.2",
            },
        },
        "NetworkSettings": {
            "Ports": {} if ended else published,
            "Networks": {f"{project}_{name}": {"Aliases": [service]} for name in networks},
        },
    }


def moment(seconds: float) -> str:
    """A time as the engine writes it, so many seconds from now."""
    return f"{{{{{seconds:.0f} %Y-%m-%dT%H:%M:%S.123456789Z}}}}"


def _of(promised: Any, service: str) -> Any:
    """What is promised of a service, where it is one for all or a map."""
    return promised.get(service) if isinstance(promised, dict) else promised


def _logs(promised: Compose) -> Described:
    driver = (promised.logs.drivers or ("json-file",))[0] if promised.logs is not None else "json-file"
    return {"Type": driver, "Config": {"max-file": "5", "max-size": "10m"} if driver == "json-file" else {}}


def _limits(promised: Compose, service: str) -> Mapping[str, int | None]:
    limits = promised.limits
    memory, cpus, pids = (
        _of(getattr(limits, name), service) if limits is not None else None for name in ("memory", "cpus", "pids")
    )
    return {"Memory": memory or 0, "NanoCpus": int((cpus or 0) * 10**9), "CpuQuota": 0, "PidsLimit": pids}


def _ports(promised: Compose, service: str) -> Described:
    found: dict[str, list[dict[str, str]]] = {}
    for text in (promised.ports or {}).get(service, ()):
        port = PORT.fullmatch(text)
        assert port is not None  # noqa: S101 - the target was checked
        places = [port["address"].strip("[]")] if port["address"] else ["0.0.0.0", "::"]  # noqa: S104 - as it is written
        inner = f"{port['to']}/{port['protocol'] or 'tcp'}"
        found.setdefault(inner, []).extend({"HostIp": place, "HostPort": port["port"]} for place in places)
    return found


def _mounts(promised: Compose, service: str, project: str) -> list[Described]:
    found: list[Described] = []
    for text in (promised.volumes or {}).get(service, ()):
        mount = VOLUME.fullmatch(text)
        assert mount is not None  # noqa: S101 - the target was checked
        source, writable = mount["source"] or "data", mount["mode"] != "ro"
        rest = {"Destination": mount["to"], "Mode": mount["mode"] or "rw", "RW": writable}
        if source.startswith("/"):
            found.append({"Type": "bind", "Source": source, **rest, "Propagation": "rprivate"})
        else:
            name = f"{project}_{source}"
            held = f"/var/lib/docker/volumes/{name}/_data"
            found.append({"Type": "volume", "Name": name, "Source": held, "Driver": "local", **rest, "Propagation": ""})
    return found
