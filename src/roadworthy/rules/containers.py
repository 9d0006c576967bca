"""Judgements on a Compose project's containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import Unseen
from roadworthy.rules.images import is_image
from roadworthy.target.blocks.compose import PORT, VOLUME
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.facts.compose import ComposeObservation, Container, Mount
    from roadworthy.target.blocks.compose import Compose, Logs

    Port = tuple[str, int, int, str]

T = TypeVar("T")

EVERYWHERE = "all addresses"
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - what they are called
SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
SYSTEM = frozenset(
    {"/", "/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var"}
    | {"/run/docker", "/var/lib", "/var/lib/containerd", "/var/lib/docker", "/var/run"}
)
"""Folders of the host whose content is the host."""
ROOTS = ("", "root", "0")
ID_LENGTH = 64
"""An anonymous volume is called by its id."""
MORE = 5


def missing(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Services without a container."""
    return [f"there is no container of {name}" for name in promised.services if not seen.of(name)]


def strangers(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that nobody promised."""
    found = [one for one in seen.inside.containers if not one.oneoff and one.service not in promised.services]
    tried = [one for one in seen.inside.containers if one.oneoff and one.status == "running"]
    return _told([(one.name, f"is of the service {one.service}, {one.status}") for one in found]) + _told(
        [(one.name, f"is a one-off container of {one.service} that still runs") for one in tried]
    )


def stopped(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that do not run."""

    def fault(one: Container, _: None) -> str | None:
        return None if one.status == "running" else _state(one)

    return judged(seen, ((name, None) for name in promised.lasting), fault)


def unfinished(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Services that should have ended with 0, and whose last container has not."""
    found, absent = [], []
    for name in promised.finished or ():
        last = max(seen.of(name), key=lambda one: (one.started is not None, one.started), default=None)
        if last is None:
            absent.append(name)
        elif last.status != "exited" or last.exit_code:
            found.append((last.name, _state(last)))
    return _unless_absent(_told(found), absent)


def other_numbers(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Services of which more or fewer containers run than promised."""
    found, absent = [], []
    for name, wanted in (promised.replicas or {}).items():
        containers = seen.of(name)
        run = sum(one.status == "running" for one in containers)
        if not containers:
            absent.append(name)
        elif run != wanted:
            found.append(f"{run} of {name} run, promised {wanted}")
    return _unless_absent(found, absent)


def unhealthy(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that do not pass their health check, or declare none where they must.

    Raises:
        NotObserved: none declares one, and none must.
    """
    must = () if promised.healthy == "declared" else promised.named(promised.healthy)
    services = promised.lasting
    checked = [one for name in services for one in seen.of(name) if one.health is not None]

    def fault(one: Container, needed: bool) -> str | None:  # noqa: FBT001 - what is promised of it
        if one.health is None:
            return "declares no health check" if needed else None
        if one.status != "running":
            return _state(one)
        return None if one.health == "healthy" else f"is {one.health}"

    found = judged(seen, ((name, name in must) for name in services), fault)
    if not found and not checked:
        raise NotObserved(Reason.NOT_APPLICABLE, "no container declares a health check")
    return found


def young(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that have not been up for long enough."""
    least = promised.up_for or 0

    def fault(one: Container, _: None) -> str | None:
        if one.status != "running" or one.started is None:
            return _state(one)
        age = seen.age_s(one.started)
        return (
            None if age >= least else f"is up for {show_duration(round(max(age, 0)))}, promised {show_duration(least)}"
        )

    return judged(seen, ((name, None) for name in promised.lasting), fault)


def other_policies(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers with another restart policy."""

    def fault(one: Container, wanted: str) -> str | None:
        return None if one.restart == wanted else f"has the restart policy {one.restart}, promised {wanted}"

    return judged(seen, promised.each(promised.restart), fault)


def restarted(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that the engine has restarted too often."""

    def fault(one: Container, most: int) -> str | None:
        if one.restarts <= most:
            return None
        return f"was restarted {one.restarts} times, at most {most} promised"

    return judged(seen, promised.each(promised.restarts_at_most), fault)


def out_of_memory(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers in which something was killed for want of memory."""

    def fault(one: Container, _: None) -> str | None:
        if not one.out_of_memory:
            return None
        limit = f", its limit is {show_size(one.memory)}" if one.memory else ""
        return f"was killed, or something in it, for want of memory{limit}"

    return judged(seen, ((name, None) for name in promised.services), fault)


def other_images(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that run another image.

    Raises:
        NotObserved: a digest is promised, and the image's can't be told.
    """

    def fault(one: Container, wanted: str) -> str | None:
        digests = one.digests
        if isinstance(digests, Unseen):
            if "@" in wanted and "@" not in one.image:
                raise digests.error()
            digests = ()
        if is_image(wanted, one.image, digests):
            return None
        known = next((f" ({digest.partition('@')[2][:19]})" for digest in digests if "@" in wanted), "")
        return f"runs {one.image}{known}, promised {wanted}"

    return judged(seen, (promised.images or {}).items(), fault)


def outdated(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers whose image's name means another image by now.

    Raises:
        NotObserved: what it means can't be told.
    """

    def fault(one: Container, _: None) -> str | None:
        if isinstance(one.image_now, Unseen):
            raise one.image_now.error()
        if one.image_now is None:
            return f"runs {one.image}, which names nothing on the host any more"
        if one.image_now == one.image_id:
            return None
        return f"runs an older {one.image}: {one.image_id[:19]}, the name means {one.image_now[:19]} now"

    return judged(seen, ((name, None) for name in promised.named(promised.current)), fault)


def other_ports(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Services that publish other ports than promised.

    Raises:
        NotObserved: none do, and one is not there, or opens its ports on the host itself.
    """
    found, absent, hosted = [], [], []
    wanted = promised.ports or {}
    for name in promised.services:
        containers = seen.of(name)
        if not containers:
            absent.append(name)
            continue
        published = {(_where(p.address), p.port, p.to, p.protocol) for one in containers for p in one.ports}
        expected = {_port(text) for text in wanted.get(name, ())}
        hosted += [one.name for one in containers if "network" in one.shares]
        found += [f"{name} publishes {_port_told(port)}, not promised" for port in sorted(published - expected)]
        found += [f"{name} does not publish {_port_told(port)}" for port in sorted(expected - published)]
    if hosted and not found:
        told = f"{_names(hosted)} in the host's own network, where the engine does not say what it opens"
        raise NotObserved(Reason.NOT_APPLICABLE, told)
    return _unless_absent(found, absent)


def other_networks(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that are not in a network, or in one too many."""

    def fault(one: Container, wanted: tuple[str, ...]) -> str | None:
        lacking = [name for name in wanted if not any(_is_called(name, other, one.project) for other in one.networks)]
        others = [other for other in one.networks if not any(_is_called(name, other, one.project) for name in wanted)]
        told = [f"is not in {', '.join(lacking)}"] if lacking else []
        return " and ".join(told + ([f"is in {', '.join(others)}, too"] if others else [])) or None

    return judged(seen, promised.each(promised.networks), fault)


def other_volumes(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers without what should be mounted in them."""

    def fault(one: Container, wanted: tuple[str, ...]) -> str | None:
        return "; ".join(filter(None, (_mount_fault(one, text) for text in wanted))) or None

    return judged(seen, (promised.volumes or {}).items(), fault)


def unconfined(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that are no bound to what runs in them."""

    def fault(one: Container, _: None) -> str | None:
        told = ["is privileged"] if one.privileged else []
        told += [f"shares the host's {name} namespace" for name in one.shares]
        told += [f"is not confined by {name}" for name in one.unconfined]
        told += [f"has the host's {device}" for device in one.devices]
        told += [f"has the host's {mount.source} at {mount.to}" for mount in one.mounts if _is_the_host(mount)]
        return ", ".join(told) or None

    return judged(seen, ((name, None) for name in promised.named(promised.confined)), fault)


def more_capable(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers with capabilities that nobody promised."""

    def fault(one: Container, allowed: tuple[str, ...]) -> str | None:
        if one.privileged and "ALL" not in allowed:
            return "has all of them: it is privileged"
        more = [name for name in one.capabilities if name not in allowed]
        return f"has {', '.join(more)} added" if more else None

    return judged(seen, promised.each(promised.capabilities), fault)


def rooted(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that are started as root."""

    def fault(one: Container, _: None) -> str | None:
        return "is started as root" if one.user.partition(":")[0] in ROOTS else None

    return judged(seen, ((name, None) for name in promised.named(promised.not_root)), fault)


def writable(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers whose root file system can be written."""

    def fault(one: Container, _: None) -> str | None:
        return None if one.read_only else "can write its root file system"

    return judged(seen, ((name, None) for name in promised.named(promised.read_only)), fault)


def unlimited(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers that may take more than promised."""
    limits = promised.limits
    if limits is None:
        return []

    def memory(one: Container, most: int) -> str | None:
        if one.memory is None:
            return f"has no limit of memory, promised {show_size(most)}"
        return None if one.memory <= most else f"may take {show_size(one.memory)}, promised {show_size(most)}"

    def cpus(one: Container, most: float) -> str | None:
        if one.cpus is None:
            return f"has no limit of CPUs, promised {most:g}"
        return None if one.cpus <= most else f"may take {one.cpus:g} CPUs, promised {most:g}"

    def pids(one: Container, most: int) -> str | None:
        if one.pids is None:
            return f"has no limit of processes, promised {most}"
        return None if one.pids <= most else f"may have {one.pids} processes, promised {most}"

    return list(
        _all_of(
            lambda: judged(seen, promised.each(limits.memory), memory),
            lambda: judged(seen, promised.each(limits.cpus), cpus),
            lambda: judged(seen, promised.each(limits.pids), pids),
        )
    )


def lost_logs(promised: Compose, seen: ComposeObservation) -> list[str]:
    """Containers whose output goes nowhere, elsewhere, or fills the disk."""

    def fault(one: Container, wanted: Logs) -> str | None:
        if one.log_driver in ("", "none"):
            return "keeps no logs"
        if wanted.drivers is not None and one.log_driver not in wanted.drivers:
            return f"logs to {one.log_driver}, promised {' or '.join(wanted.drivers)}"
        if wanted.rotated and one.log_driver == "json-file" and one.log_max_size in ("", "-1"):
            return "logs to a json-file that grows for ever (no max-size)"
        return None

    return judged(seen, ((name, wanted) for name in promised.services for wanted in _given(promised.logs)), fault)


def judged(
    seen: ComposeObservation, wanted: Iterable[tuple[str, T]], fault: Callable[[Container, T], str | None]
) -> list[str]:
    """What is wrong with the containers of some services, told once where several have the same.

    Raises:
        NotObserved: nothing is wrong with those that are there, but not all are, or one can't be told.
    """
    found, absent, unseen = [], [], []
    for service, value in wanted:
        containers = seen.of(service)
        if not containers:
            absent.append(service)
        for one in containers:
            try:
                said = fault(one, value)
            except NotObserved as error:
                unseen.append(error)
            else:
                found += [(one.name, said)] if said else []
    if unseen and not found:
        raise unseen[0]
    return _unless_absent(_told(found), absent)


def _all_of(*judgements: Callable[[], list[str]]) -> Iterable[str]:
    """What several of them found; one that can't tell is told only where the others found nothing."""
    found: list[str] = []
    unseen: list[NotObserved] = []
    for judgement in judgements:
        try:
            found += judgement()
        except NotObserved as error:
            unseen.append(error)
    if unseen and not found:
        raise unseen[0]
    return found


def _unless_absent(found: list[str], absent: list[str]) -> list[str]:
    if absent and not found:
        raise NotObserved(Reason.NO_ANSWER, f"there is no container of {', '.join(absent)}")
    return found


def _told(pairs: list[tuple[str, str]]) -> list[str]:
    """`a, b: is exited`, once for all of the same."""
    by_fault: dict[str, list[str]] = {}
    for name, said in pairs:
        by_fault.setdefault(said, []).append(name)
    return [f"{_names(names)} {said}" for said, names in by_fault.items()]


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:MORE])
    return f"{shown} and {len(names) - MORE} more:" if len(names) > MORE else f"{shown}:" if len(names) > 1 else shown


def _state(one: Container) -> str:
    """Why it is not up, in short."""
    killed = ", out of memory" if one.out_of_memory else ""
    if one.status == "exited":
        return f"has exited with {one.exit_code}{killed}"
    if one.status == "restarting":
        return f"is restarting: it ended with {one.exit_code}{killed}, {one.restarts} times so far"
    return f"is {one.status}"


def _given(value: T | None) -> tuple[T, ...]:
    return () if value is None else (value,)


def _where(address: str) -> str:
    return EVERYWHERE if address in WILDCARDS else address


def _port(text: str) -> Port:
    found = PORT.fullmatch(text)
    assert found is not None  # noqa: S101 - the target was checked
    address = (found["address"] or "").strip("[]")
    return _where(address), int(found["port"]), int(found["to"]), found["protocol"] or "tcp"


def _port_told(port: Port) -> str:
    where, outer, inner, protocol = port
    return f"{outer}:{inner}/{protocol} on {where}"


def _is_called(promised: str, seen: str, project: str) -> bool:
    """Compose puts the project's name before those of networks and volumes, unless told otherwise."""
    return seen in (promised, f"{project}_{promised}")


def _mount_fault(one: Container, text: str) -> str | None:
    wanted = VOLUME.fullmatch(text)
    assert wanted is not None  # noqa: S101 - the target was checked
    to = wanted["to"].rstrip("/") or "/"
    mount = next((mount for mount in one.mounts if (mount.to.rstrip("/") or "/") == to), None)
    if mount is None:
        return f"has nothing mounted at {to}"
    source = wanted["source"]
    if source is not None and not _is_mounted(source, mount, one.project):
        held = (
            "an anonymous volume"
            if mount.type == "volume" and len(mount.source) == ID_LENGTH
            else mount.source or mount.type
        )
        return f"has {held} at {to}, promised {source}"
    if wanted["mode"] == "ro" and mount.writable:
        return f"can write {to}"
    return f"can't write {to}" if wanted["mode"] == "rw" and not mount.writable else None


def _is_mounted(source: str, mount: Mount, project: str) -> bool:
    if source.startswith("/"):
        return mount.source.rstrip("/") == source.rstrip("/")
    return mount.type == "volume" and _is_called(source, mount.source, project)


def _is_the_host(mount: Mount) -> bool:
    source = mount.source.rstrip("/") or "/"
    return mount.type == "bind" and (source in SYSTEM or source.rpartition("/")[2] in SOCKETS)
