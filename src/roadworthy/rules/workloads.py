"""Judgements on workloads of a Kubernetes namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import seen as part
from roadworthy.rules.images import is_image, parse_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.facts.kubernetes import KubernetesObservation, Pod, PodContainer, Workload
    from roadworthy.target.blocks.kubernetes import Autoscaled, Kubernetes

T = TypeVar("T")

COMING = ("ContainerCreating", "PodInitializing", "")
"""What every pod waits for at its beginning; its phase is Pending then."""
MORE = 5


def missing(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads that are not there.

    Raises:
        NotObserved: those that may be listed are there; others may not.
    """
    found: list[str] = []
    unseen: list[NotObserved] = []
    for name in promised.workloads:
        try:
            found += [f"there is no {name}"] if seen.of(name) is None else []
        except NotObserved as error:
            unseen.append(error)
    if unseen and not found:
        raise unseen[0]
    return found


def unfinished(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads whose roll-out has not come to its end.

    Raises:
        NotObserved: all others have, and one asks for no pods, so that nothing shows whether the newest would run.
    """

    def faults(one: Workload, _: None) -> Iterable[str]:
        if one.stuck:
            yield one.stuck
        if one.paused:
            yield "its roll-out is paused"
        if one.observed < one.generation:
            yield f"the cluster follows description {one.observed}, the newest is {one.generation}"
        elif one.updated < one.desired:
            yield f"{one.updated} of {one.desired} pods are of the newest description"
        elif one.total > one.updated:
            yield f"{one.total - one.updated} pods of an older description are left"
        elif one.available < one.desired:
            yield f"{one.available} of {one.desired} pods are available"
        elif not (one.desired or one.stuck or one.paused):
            raise NotObserved(Reason.NOT_APPLICABLE, f"{one.name} asks for no pods")

    return judged(seen, ((name, None) for name in promised.workloads), faults)


def too_few(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads with too few pods that are ready."""

    def faults(one: Workload, least: int) -> Iterable[str]:
        if one.ready < least:
            yield f"{one.ready} pods are ready, promised {least} at least ({one.desired} are asked for)"

    return judged(seen, promised.each(promised.ready_at_least), faults)


def waiting(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Pods that do not come up.

    Raises:
        NotObserved: a workload has no pods at all.
    """

    def faults(pod: Pod, _: None) -> Iterable[str]:
        waits = sorted({one.waits for one in pod.containers if one.waits not in COMING})
        if pod.phase not in ("Running", "Succeeded") or waits:
            told = ", ".join(waits) or pod.reason or pod.phase
            last = next((one.last_exit for one in pod.containers if one.waits in waits and one.last_exit), None)
            yield f"{told}{f' (last ended with {last})' if last else ''}"

    return judged_pods(seen, ((name, None) for name in promised.workloads), faults)


def restarted(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Pods with a container that was restarted too often.

    Raises:
        NotObserved: a workload has no pods at all.
    """

    def faults(pod: Pod, most: int) -> Iterable[str]:
        for one in pod.containers:
            if one.restarts > most:
                last = f", the last one ended with {one.last_exit}" if one.last_exit is not None else ""
                yield f"{one.name} was restarted {one.restarts} times, at most {most} promised{last}"

    return judged_pods(seen, promised.each(promised.restarts_at_most), faults)


def other_images(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads that are described with other images, or pods that run others.

    Raises:
        NotObserved: a workload has no pods at all.
    """
    wanted = tuple((promised.images or {}).items())

    def described(one: Workload, images: tuple[str, ...]) -> Iterable[str]:
        named = [container.image for container in one.containers]
        for image in images:
            by_name = image.partition("@")[0]
            if not any(is_image(image, name) or ("@" not in name and is_image(by_name, name)) for name in named):
                yield f"is described with {', '.join(named)}, promised {image}"

    def running(pod: Pod, images: tuple[str, ...]) -> Iterable[str]:
        for image in images:
            if not any(_runs(image, one) for one in pod.containers):
                yield f"runs {', '.join(_shown(one, image) for one in pod.containers)}, promised {image}"

    return judged(seen, wanted, described) or judged_pods(seen, wanted, running)


def _runs(image: str, one: PodContainer) -> bool:
    return is_image(image, one.image, (one.image_id,))


def _shown(one: PodContainer, image: str) -> str:
    return one.image_id if "@" in image and parse_image(one.image_id).digest else one.image


def unlimited(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads with a container that has no limit of something."""

    def faults(one: Workload, wanted: tuple[str, ...]) -> Iterable[str]:
        for container in one.containers:
            if lacking := [name for name in wanted if name not in container.limits]:
                yield f"{container.name} has no limit of {' and '.join(lacking)}"

    return judged(seen, promised.each(promised.limits), faults)


def unrequested(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads with a container that does not say how much it needs of something."""

    def faults(one: Workload, wanted: tuple[str, ...]) -> Iterable[str]:
        for container in one.containers:
            if lacking := [name for name in wanted if name not in container.requests]:
                yield f"{container.name} requests no {' and '.join(lacking)}"

    return judged(seen, promised.each(promised.requests), faults)


def unprobed(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads none of whose containers has a probe."""

    def faults(one: Workload, wanted: tuple[str, ...]) -> Iterable[str]:
        has = {probe for container in one.containers for probe in container.probes}
        if lacking := [name for name in wanted if name not in has]:
            yield f"has no {' and '.join(lacking)} probe"

    return judged(seen, promised.each(promised.probes), faults)


def otherwise_scaled(promised: Kubernetes, seen: KubernetesObservation) -> list[str]:
    """Workloads that no autoscaler, an idle one, or one with other bounds scales."""
    scalers = part(seen.autoscalers, "autoscalers")

    def faults(one: Workload, wanted: Autoscaled) -> Iterable[str]:
        scaler = next((scaler for scaler in scalers if scaler.workload == one.name), None)
        if scaler is None:
            yield "no autoscaler scales it"
            return
        if (scaler.min, scaler.max) != (wanted.min, wanted.max):
            yield f"is scaled between {scaler.min} and {scaler.max}, promised {wanted.min} and {wanted.max}"
        if scaler.inactive:
            yield f"its autoscaler {scaler.name} scales nothing: {scaler.inactive}"

    return judged(seen, (promised.autoscaled or {}).items(), faults)


def judged(
    seen: KubernetesObservation, wanted: Iterable[tuple[str, T]], faults: Callable[[Workload, T], Iterable[str]]
) -> list[str]:
    """What is wrong with some workloads.

    Raises:
        NotObserved: nothing is wrong with those that are there, but not all are, or may be listed.
    """
    found: list[str] = []
    unseen: list[NotObserved] = []
    for name, value in wanted:
        try:
            found += [f"{name}: {said}" for said in faults(_there(seen, name), value)]
        except NotObserved as error:
            unseen.append(error)
    if unseen and not found:
        raise unseen[0]
    return found


def _there(seen: KubernetesObservation, name: str) -> Workload:
    one = seen.of(name)
    if one is None:
        raise NotObserved(Reason.NO_ANSWER, f"there is no {name}")
    return one


def judged_pods(
    seen: KubernetesObservation, wanted: Iterable[tuple[str, T]], faults: Callable[[Pod, T], Iterable[str]]
) -> list[str]:
    """The same, of their pods; what several of them have is told once."""

    def of_workload(one: Workload, value: T) -> Iterable[str]:
        by_fault: dict[str, list[str]] = {}
        pods = seen.pods_of(one.name)
        if not pods:
            raise NotObserved(Reason.NOT_APPLICABLE, f"{one.name} has no pods")
        for pod in pods:
            for said in faults(pod, value):
                by_fault.setdefault(said, []).append(pod.name)
        return [f"{_names(names)}: {said}" for said, names in by_fault.items()]

    return judged(seen, wanted, of_workload)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:MORE])
    return f"{shown} and {len(names) - MORE} more" if len(names) > MORE else shown
