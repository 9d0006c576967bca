"""On the host: a Compose project's containers, by three calls of `docker`, whatever their number.

They are found by the labels that Compose gives them, so that neither Compose itself nor the project's files are needed.
Of what `docker inspect` says, environment, command and output stay on the host.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, Unseen, part, run
from roadworthy.onhost.values import number, parsed, table, tables, text, texts

NEEDS_ROOT = True

MOST = 400
"""Containers that a project may have; more are not looked at, and it is said."""
BATCH = 40
WITHIN_S = 20.0
SILENT = re.compile(
    "Cannot connect to the Docker daemon|failed to connect to the docker API|Is the docker daemon running|"
    "error during connect",
    re.IGNORECASE,
)
REFUSED = re.compile("permission denied|access denied", re.IGNORECASE)
ABSENT = re.compile("no such (object|container|image)", re.IGNORECASE)


TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(Z|[+-][01]\d:[0-5]\d)", re.ASCII)
NUMBER = re.compile(r"\d{1,5}", re.ASCII)


class Gone(Exception):  # noqa: N818 - a state of the host
    """No engine answers."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/compose.py` holds."""
    try:
        found = containers(wanted["label"])
    except Gone as gone:
        return {"gone": str(gone)}
    by_name = part(_images, found)
    return {"containers": [dict(one, **_image(one, by_name)) for one in found]}


def containers(label: str) -> list[dict[str, Any]]:
    """All containers with a label, ended ones too."""
    told = _docker(["ps", "--all", "--no-trunc", "--quiet", "--filter", "label=" + label])
    ids = told.split()
    if len(ids) > MOST:
        raise Unseen(FAILED, "there are {} containers; at most {} are looked at".format(len(ids), MOST))
    described: list[Any] = []
    for first in range(0, len(ids), BATCH):
        described += _listed(_docker(["inspect", "--type", "container", *ids[first : first + BATCH]]), "inspect")
    return [described_as(one) for one in described]


def _docker(arguments: list[str]) -> str:
    """What the client says; what is not there (any more) is left out of it."""
    done = run(["docker", *arguments], WITHIN_S)
    complaints = [line for line in done.err.splitlines() if line.strip()]
    if done.code and SILENT.search(done.err) and not REFUSED.search(done.err):
        raise Gone(done.last_words)
    if done.code and REFUSED.search(done.err):
        raise Unseen(NOT_PERMITTED, done.last_words)
    if done.code and not (complaints and all(ABSENT.search(line) for line in complaints)):
        raise Unseen(FAILED, "docker {} ended with {}: {}".format(arguments[0], done.code, done.last_words))
    return done.out


def _listed(said: str, what: str) -> list[Any]:
    try:
        found = parsed(said)
    except ValueError as error:
        raise Unseen(FAILED, "docker {} says no JSON: {}".format(what, error)) from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unseen(FAILED, "docker {} says no list of objects".format(what))
    return found


def _images(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The images that are run, and those that their names mean now: by id, and by every name."""
    wanted = sorted({name for one in found for name in (one["image"], one["image_id"]) if name})
    images: dict[str, dict[str, Any]] = {}
    for first in range(0, len(wanted), BATCH):
        try:
            told = _docker(["image", "inspect", *wanted[first : first + BATCH]])
        except Gone as gone:
            raise Unseen(FAILED, str(gone)) from gone
        for one in _listed(told, "image inspect"):
            own, digests = text(one.get("Id")), texts(one.get("RepoDigests"))
            kept: dict[str, Any] = {"id": own, "digests": digests}
            names = [own, *texts(one.get("RepoTags")), *digests]
            images.update({_whole(name): kept for name in names})
    return images


def _image(container: dict[str, Any], images: dict[str, Any]) -> dict[str, Any]:
    if "unseen" in images:
        return {"image_now": images, "digests": images}
    own, now = images.get(container["image_id"]), images.get(_whole(container["image"]))
    gone = Unseen(FAILED, "the image that it runs is no longer on the host").value()
    return {"image_now": now["id"] if now else None, "digests": own["digests"] if own else gone}


def _whole(name: str) -> str:
    """An image's name as it is without what may be left out; ids stay what they are."""
    if name.startswith("sha256:"):
        return name
    for usual in ("index.docker.io/", "docker.io/", "library/"):
        name = name[len(usual) :] if name.startswith(usual) else name
    named, at, digest = name.partition("@")
    if at:  # a tag beside a digest says nothing
        return _untagged(named) + at + digest
    return named if _untagged(named) != named else named + ":latest"


def _untagged(name: str) -> str:
    return name if ":" not in name.rpartition("/")[2] else name.rpartition(":")[0]


def described_as(one: dict[str, Any]) -> dict[str, Any]:
    """A container's facts, of what `docker inspect` says of it."""
    state, host, config = table(one.get("State")), table(one.get("HostConfig")), table(one.get("Config"))
    network, labels = table(one.get("NetworkSettings")), table(config.get("Labels"))
    health = text(table(state.get("Health")).get("Status"))
    log = table(host.get("LogConfig"))
    status = text(state.get("Status")) or "unknown"
    bound = network.get("Ports") if status in ("running", "paused") else host.get("PortBindings")
    return {
        "id": text(one.get("Id")),
        "name": text(one.get("Name")).lstrip("/"),
        "service": text(labels.get("com.docker.compose.service")),
        "project": text(labels.get("com.docker.compose.project")),
        "oneoff": text(labels.get("com.docker.compose.oneoff")).lower() == "true",
        "status": status,
        "exit_code": number(state.get("ExitCode")) or 0,
        "out_of_memory": state.get("OOMKilled") is True,
        "health": health if health not in ("", "none") else None,
        "started": _time(state.get("StartedAt")),
        "restarts": number(one.get("RestartCount")) or 0,
        "restart": text(table(host.get("RestartPolicy")).get("Name")) or "no",
        "image": text(config.get("Image")),
        "image_id": text(one.get("Image")),
        "ports": _ports(table(bound)),
        "networks": sorted(table(network.get("Networks"))),
        "mounts": [_mount(mount) for mount in tables(one.get("Mounts"))],
        "privileged": host.get("Privileged") is True,
        "shares": [name for name, key in NAMESPACES.items() if host.get(key) == "host"],
        "unconfined": _unconfined(texts(host.get("SecurityOpt"))),
        "devices": [text(device.get("PathOnHost")) for device in tables(host.get("Devices"))],
        "capabilities": sorted(_capability(name) for name in texts(host.get("CapAdd"))),
        "user": text(config.get("User")),
        "read_only": host.get("ReadonlyRootfs") is True,
        "memory": _above_zero(host.get("Memory")),
        "cpus": _cpus(host),
        "pids": _above_zero(host.get("PidsLimit")),
        "log_driver": text(log.get("Type")),
        "log_max_size": text(table(log.get("Config")).get("max-size")),
    }


NAMESPACES = {
    "network": "NetworkMode",
    "pid": "PidMode",
    "ipc": "IpcMode",
    "uts": "UTSMode",
    "user": "UsernsMode",
}


def _ports(bound: dict[str, Any]) -> list[dict[str, Any]]:
    """`{"443/tcp": [{"HostIp": "0.0.0.0", "HostPort": "443"}], "9000/tcp": null}`."""
    found = []
    for inner, places in sorted(bound.items()):
        to, _, protocol = inner.partition("/")
        for place in tables(places):
            port = text(place.get("HostPort"))
            if NUMBER.fullmatch(to) and NUMBER.fullmatch(port or "0"):
                address = text(place.get("HostIp")) or "0.0.0.0"  # noqa: S104 - what the engine means by none
                told = {"address": address, "port": int(port or 0), "to": int(to), "protocol": protocol or "tcp"}
                found.append(told)
    return found


def _mount(one: dict[str, Any]) -> dict[str, Any]:
    kind = text(one.get("Type"))
    source = text(one.get("Name" if kind == "volume" else "Source"))
    return {"type": kind, "source": source, "to": text(one.get("Destination")), "writable": one.get("RW") is not False}


def _unconfined(options: list[str]) -> list[str]:
    """`seccomp=unconfined`, `apparmor:unconfined` (as it was once written), `label=disable`."""
    pairs = [re.split("[=:]", option, maxsplit=1) for option in options]
    return sorted(pair[0] for pair in pairs if len(pair) > 1 and pair[1] in ("unconfined", "disable"))


def _cpus(host: dict[str, Any]) -> float | None:
    nano, quota, period = (_above_zero(host.get(key)) for key in ("NanoCpus", "CpuQuota", "CpuPeriod"))
    if nano:
        return nano / 1e9
    return quota / (period or 100000) if quota else None


def _capability(name: str) -> str:
    return name[4:] if name.startswith("CAP_") else name


def _time(value: Any) -> str | None:
    """RFC 3339, to the microsecond; the engine's own zero (the year 1) is none."""
    told = TIME.fullmatch(text(value))
    try:
        if told is None or datetime.strptime(told.group(1), "%Y-%m-%dT%H:%M:%S").year == 1:  # noqa: DTZ007 - only tried
            return None
    except ValueError:
        return None
    return "".join(filter(None, told.groups()))


def _above_zero(value: Any) -> int | None:
    found = number(value)
    return found if found is not None and found > 0 else None
