"""Faults of containers: of a Compose project, and of workloads of Kubernetes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.machines import compose, kubernetes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.machines.compose import Described, Project
    from roadworthy.sandbox.machines.kubernetes import Object
    from roadworthy.target.blocks.compose import Compose
    from roadworthy.target.blocks.kubernetes import Kubernetes

ANONYMOUS = "9b1c0f6f3f0c4f8f9f2a7f3f5b8d0f61c2f1b7f0a9d84e7fa1f0c3b2d5e6f708"
STRANGE = "sha256:" + "0f" * 32
OFTEN = 41
MORE = 2**40


def _promised(deployment: Deployment, component: str) -> Compose:
    promised = deployment.component(component).compose
    assert promised is not None  # noqa: S101 - the fault's `where` has looked
    return promised


def _project(change: Callable[[Compose, Project], None]) -> Change:
    """A change of a project's containers."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = _promised(deployment, component)
        return deployment.with_machine(
            component,
            lambda machine: compose.changed(machine, promised.label, lambda project: change(promised, project)),
        )

    return changed


def _one(key: str, change: Callable[[Described], None]) -> Change:
    """A change of a service's containers: the first of which `key` is promised."""

    def changed(promised: Compose, project: Project) -> None:
        for container in project.of(_service(promised, key)):
            change(container)

    return _project(changed)


def _service(promised: Compose, key: str) -> str:
    found = getattr(promised, key)
    named: tuple[str, ...] = tuple(found) if isinstance(found, dict) else ()
    if key in ("healthy", "current", "confined", "not_root", "read_only") and isinstance(found, tuple):
        named = found
    return (named or promised.lasting or promised.services)[0]


def _engine(complains: str) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        label = _promised(deployment, component).label
        return deployment.with_machine(component, lambda machine: compose.answering(machine, label, complains))

    return changed


def _ended(container: Described, status: str, code: int) -> None:
    running = status == "restarting"
    container["State"] |= {"Status": status, "Running": running, "Restarting": running, "Pid": 0, "ExitCode": code}
    container["State"] |= {"FinishedAt": compose.moment(-40)}
    container["NetworkSettings"]["Ports"] = {}
    if "Health" in container["State"]:
        container["State"]["Health"] = {"Status": "unhealthy", "FailingStreak": 0, "Log": []}


def _exited(container: Described) -> None:
    _ended(container, "exited", 1)


def _restarting(container: Described) -> None:
    _ended(container, "restarting", 139)
    container["RestartCount"] = OFTEN


def _unhealthy(container: Described) -> None:
    container["State"]["Health"] = {"Status": "unhealthy", "FailingStreak": OFTEN, "Log": []}


def _unchecked(container: Described) -> None:
    container["State"].pop("Health", None)


def _flapping(container: Described) -> None:
    container["RestartCount"] = OFTEN


def _killed(container: Described) -> None:
    container["State"]["OOMKilled"] = True


def _just_started(container: Described) -> None:
    container["State"]["StartedAt"] = compose.moment(-4)


def _without_policy(container: Described) -> None:
    now = container["HostConfig"]["RestartPolicy"]["Name"]
    container["HostConfig"]["RestartPolicy"]["Name"] = "on-failure" if now == "no" else "no"


def _bounded(deployment: Deployment) -> Iterable[str]:
    """Restarts are bounded, by 0 too."""
    found = promising("compose")(deployment)
    return (name for name in found if _promised(deployment, name).restarts_at_most is not None)


def _older(promised: Compose, project: Project) -> None:
    """The tag before; of an image by its digest, another digest."""
    for container in project.of(_service(promised, "images")):
        name = container["Config"]["Image"]
        named = name.partition("@")[0]
        repository = named if ":" not in named.rpartition("/")[2] else named.rpartition(":")[0]
        older = f"{repository}@{STRANGE}" if "@" in name else f"{repository}:previous"
        container["Config"]["Image"], container["Image"] = older, compose.sha(older)
        project.images[older] = container["Image"]


def _moved(promised: Compose, project: Project) -> None:
    name = project.of(_service(promised, "current"))[0]["Config"]["Image"]
    project.images[name] = STRANGE


def _open(promised: Compose, project: Project) -> None:
    """What was for this host alone is for everybody; where there is no such port, a debugger's."""
    for container in project.containers:
        published = container["NetworkSettings"]["Ports"]
        for inner, places in published.items():
            if any(place["HostIp"] not in ("0.0.0.0", "::") for place in places):  # noqa: S104 - as it is written
                published[inner] = _everywhere(places[0]["HostPort"])
                return
    project.of(promised.lasting[0])[0]["NetworkSettings"]["Ports"]["9229/tcp"] = _everywhere("9229")


def _everywhere(port: str) -> list[dict[str, str]]:
    return [{"HostIp": place, "HostPort": port} for place in ("0.0.0.0", "::")]  # noqa: S104 - as it is written


def _outside(container: Described) -> None:
    container["NetworkSettings"]["Networks"] = {"bridge": {"Aliases": None}}


def _without_volume(container: Described) -> None:
    """Compose mounts an anonymous one where the image declares a volume, and nothing in place of a file."""
    mount = container["Mounts"][0]
    if mount["Type"] == "volume":
        mount |= {"Name": ANONYMOUS, "Source": f"/var/lib/docker/volumes/{ANONYMOUS}/_data"}
    else:
        del container["Mounts"][0]


def _with_volume(deployment: Deployment) -> Iterable[str]:
    """The promise names what is mounted, so that an anonymous volume is another."""
    for name in promising("compose.volumes")(deployment):
        promised = _promised(deployment, name)
        if ":" in (promised.volumes or {})[_service(promised, "volumes")][0]:
            yield name


def _privileged(container: Described) -> None:
    container["HostConfig"] |= {"Privileged": True, "SecurityOpt": ["label=disable"]}


def _with_socket(container: Described) -> None:
    socket = "/var/run/docker.sock"
    container["Mounts"].append({"Type": "bind", "Source": socket, "Destination": socket, "Mode": "", "RW": True})


def _on_host(container: Described) -> None:
    container["HostConfig"]["PidMode"] = "host"


def _capable(container: Described) -> None:
    container["HostConfig"]["CapAdd"] = [*(container["HostConfig"]["CapAdd"] or ()), "CAP_SYS_ADMIN"]


def _as_root(container: Described) -> None:
    container["Config"]["User"] = ""


def _writable(container: Described) -> None:
    container["HostConfig"]["ReadonlyRootfs"] = False


def _unlimited(promised: Compose, project: Project) -> None:
    limits = promised.limits
    assert limits is not None  # noqa: S101 - the fault's `where` has looked
    key, name = next(
        (key, name)
        for key, name in (("memory", "Memory"), ("cpus", "NanoCpus"), ("pids", "PidsLimit"))
        if getattr(limits, key) is not None
    )
    bound = getattr(limits, key)
    for container in project.of(next(iter(bound)) if isinstance(bound, dict) else promised.services[0]):
        container["HostConfig"][name] = 0


def _over_limit(promised: Compose, project: Project) -> None:
    for container in project.of(promised.services[0]):
        container["HostConfig"] |= {"Memory": MORE, "NanoCpus": MORE, "PidsLimit": MORE}


def _endless_logs(container: Described) -> None:
    container["HostConfig"]["LogConfig"] = {"Type": "json-file", "Config": {}}


def _no_logs(container: Described) -> None:
    container["HostConfig"]["LogConfig"] = {"Type": "none", "Config": {}}


def _orphan(promised: Compose, project: Project) -> None:
    """A service that was taken out of the file, and whose container nobody removed."""
    _add(promised, project, "adminer", "False")


def _one_off(promised: Compose, project: Project) -> None:
    _add(promised, project, promised.lasting[0], "True")


def _add(promised: Compose, project: Project, service: str, oneoff: str) -> None:
    added = copy.deepcopy(project.of(promised.lasting[0])[0])
    labels = added["Config"]["Labels"]
    labels |= {"com.docker.compose.service": service, "com.docker.compose.oneoff": oneoff}
    added |= {"Id": "ab" * 32, "Name": f"/{labels['com.docker.compose.project']}-{service}-run-3f9c"}
    project.containers.append(added)


def _gone(promised: Compose, project: Project) -> None:
    for container in project.of(promised.lasting[-1]):
        project.containers.remove(container)


def _fewer(promised: Compose, project: Project) -> None:
    project.containers.remove(project.of(_service(promised, "replicas"))[-1])


def _replicated(deployment: Deployment) -> Iterable[str]:
    for name in promising("compose.replicas")(deployment):
        promised = _promised(deployment, name)
        if (promised.replicas or {})[_service(promised, "replicas")] > 1:
            yield name


def _failed(container: Described) -> None:
    container["State"]["ExitCode"] = 1


COMPOSE = (
    fault(
        "compose-engine-down",
        "The container engine is not running.",
        "COMPOSE-ENGINE",
        where=promising("compose"),
        change=_engine(compose.STOPPED),
    ),
    fault(
        "compose-engine-forbidden",
        "The user that looks is not let at the engine's socket.",
        "COMPOSE-ENGINE",
        where=promising("compose"),
        change=_engine(compose.REFUSED),
        unseen=True,
    ),
    fault(
        "compose-service-missing",
        "A service of the project was never started.",
        "COMPOSE-SERVICES",
        where=promising("compose.services"),
        change=_project(_gone),
    ),
    fault(
        "compose-service-exited",
        "A service's container has ended with 1.",
        "COMPOSE-RUNNING",
        where=promising("compose.running"),
        change=_one("running", _exited),
    ),
    fault(
        "compose-service-restarting",
        "A service's container crashes at once, and is restarted again and again.",
        "COMPOSE-RUNNING",
        where=promising("compose.running"),
        change=_one("running", _restarting),
    ),
    fault(
        "compose-service-unhealthy",
        "A service's container runs, and does not pass its health check.",
        "COMPOSE-HEALTHY",
        where=promising("compose.healthy"),
        change=_one("healthy", _unhealthy),
    ),
    fault(
        "compose-service-unchecked",
        "A service's container declares no health check any more.",
        "COMPOSE-HEALTHY",
        where=lambda deployment: (
            name
            for name in promising("compose.healthy")(deployment)
            if _promised(deployment, name).healthy != "declared"
        ),
        change=_one("healthy", _unchecked),
    ),
    fault(
        "compose-service-flapping",
        f"A service's container was restarted {OFTEN} times, and runs just now.",
        "COMPOSE-RESTARTS",
        where=_bounded,
        change=_one("restarts_at_most", _flapping),
    ),
    fault(
        "compose-out-of-memory",
        "Something in a service's container was killed for want of memory.",
        "COMPOSE-OUT-OF-MEMORY",
        where=promising("compose.not_out_of_memory"),
        change=_one("not_out_of_memory", _killed),
    ),
    fault(
        "compose-just-started",
        "A service's container was started a moment ago, and nobody says why.",
        "COMPOSE-UPTIME",
        where=promising("compose.up_for"),
        change=_one("up_for", _just_started),
    ),
    fault(
        "compose-replica-missing",
        "One of a service's containers is gone.",
        "COMPOSE-REPLICAS",
        where=_replicated,
        change=_project(_fewer),
    ),
    fault(
        "compose-migration-failed",
        "A container that runs once has ended with 1.",
        "COMPOSE-FINISHED",
        where=promising("compose.finished"),
        change=_project(lambda promised, project: _failed(project.of((promised.finished or ())[0])[0])),
    ),
    fault(
        "compose-policy-lost",
        "A service's container is not restarted as promised (started by hand, without the file).",
        "COMPOSE-RESTART-POLICY",
        where=promising("compose.restart"),
        change=_one("restart", _without_policy),
    ),
    fault(
        "compose-image-old",
        "A service runs the image of the release before.",
        "COMPOSE-IMAGE",
        where=promising("compose.images"),
        change=_project(_older),
    ),
    fault(
        "compose-tag-moved",
        "A service's image was pulled anew, and its container never created anew.",
        "COMPOSE-IMAGE-CURRENT",
        where=promising("compose.current"),
        change=_project(_moved),
    ),
    fault(
        "compose-port-open",
        "A port that is for this host alone is published on all addresses, past its firewall.",
        "COMPOSE-PORTS",
        where=promising("compose.ports"),
        change=_project(_open),
    ),
    fault(
        "compose-network-left",
        "A service's container is in Docker's default network, and not in its own.",
        "COMPOSE-NETWORKS",
        where=promising("compose.networks"),
        change=_one("networks", _outside),
    ),
    fault(
        "compose-volume-lost",
        "A service keeps its data in an anonymous volume, which goes with its container.",
        "COMPOSE-VOLUMES",
        where=_with_volume,
        change=_one("volumes", _without_volume),
    ),
    fault(
        "compose-privileged",
        "A service's container is privileged.",
        "COMPOSE-CONFINED",
        where=promising("compose.confined"),
        change=_one("confined", _privileged),
    ),
    fault(
        "compose-socket-mounted",
        "A service's container has the engine's socket.",
        "COMPOSE-CONFINED",
        where=promising("compose.confined"),
        change=_one("confined", _with_socket),
    ),
    fault(
        "compose-sees-host",
        "A service's container shares the host's process ids.",
        "COMPOSE-CONFINED",
        where=promising("compose.confined"),
        change=_one("confined", _on_host),
    ),
    fault(
        "compose-capability-added",
        "A service's container has SYS_ADMIN added.",
        "COMPOSE-CAPABILITIES",
        where=promising("compose.capabilities"),
        change=_one("capabilities", _capable),
    ),
    fault(
        "compose-as-root",
        "A service's container is started as root.",
        "COMPOSE-USER",
        where=promising("compose.not_root"),
        change=_one("not_root", _as_root),
    ),
    fault(
        "compose-writable",
        "A service's container can write its root file system.",
        "COMPOSE-READ-ONLY",
        where=promising("compose.read_only"),
        change=_one("read_only", _writable),
    ),
    fault(
        "compose-unlimited",
        "A service's container may take all of the host's memory.",
        "COMPOSE-LIMITS",
        where=promising("compose.limits"),
        change=_project(_unlimited),
    ),
    fault(
        "compose-limit-raised",
        "A service's container may take more than was promised.",
        "COMPOSE-LIMITS",
        where=promising("compose.limits"),
        change=_project(_over_limit),
    ),
    fault(
        "compose-logs-endless",
        "A service's log grows for ever.",
        "COMPOSE-LOGS",
        where=lambda deployment: (
            name
            for name in promising("compose.logs")(deployment)
            if getattr(_promised(deployment, name).logs, "rotated", None)
        ),
        change=_one("logs", _endless_logs),
    ),
    fault(
        "compose-logs-none",
        "A service's log goes nowhere.",
        "COMPOSE-LOGS",
        where=promising("compose.logs"),
        change=_one("logs", _no_logs),
    ),
    fault(
        "compose-orphan-left",
        "A service that was taken out of the file still runs.",
        "COMPOSE-EXTRA",
        where=promising("compose.nothing_else"),
        change=_project(_orphan),
    ),
    fault(
        "compose-one-off-left",
        "A one-off container (docker compose run) still runs.",
        "COMPOSE-EXTRA",
        where=promising("compose.nothing_else"),
        change=_project(_one_off),
    ),
)


def _workloads(deployment: Deployment, component: str) -> Kubernetes:
    promised = deployment.component(component).kubernetes
    assert promised is not None  # noqa: S101 - the fault's `where` has looked
    return promised


def _namespace(key: str, change: Callable[[Object, list[Object]], None]) -> Change:
    """A change of a workload and its pods: the first of which `key` is promised."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = _workloads(deployment, component)
        named: Any = getattr(promised, key)
        kind, _, name = next(iter(named if isinstance(named, dict) else promised.workloads)).partition("/")

        def do(items: list[Object]) -> None:
            workload = next(one for one in items if (one["kind"].lower(), one["metadata"]["name"]) == (kind, name))
            labels = workload["spec"]["selector"]["matchLabels"].items()
            change(
                workload, [one for one in items if one["kind"] == "Pod" and labels <= one["metadata"]["labels"].items()]
            )

        return deployment.with_machine(component, lambda machine: kubernetes.changed(machine, promised, do))

    return changed


def _items(change: Callable[[list[Object]], None]) -> Change:
    """A change of all objects."""

    def changed(deployment: Deployment, component: str) -> Deployment:
        promised = _workloads(deployment, component)
        return deployment.with_machine(component, lambda machine: kubernetes.changed(machine, promised, change))

    return changed


def _forbidden(deployment: Deployment, component: str) -> Deployment:
    promised = _workloads(deployment, component)
    return deployment.with_machine(component, lambda machine: kubernetes.refusing(machine, promised))


def _deleted(items: list[Object]) -> None:
    name = items[0]["metadata"]["name"]
    items[:] = [one for one in items if not one["metadata"]["name"].startswith(name)]


def _stuck(workload: Object, _: list[Object]) -> None:
    """The newest pods never get ready; those before them are still there."""
    workload["metadata"]["generation"] = workload["status"]["observedGeneration"] = 5
    fields = ("updatedNumberScheduled", "updatedReplicas")
    workload["status"] |= dict.fromkeys((name for name in fields if name in workload["status"]), 0)
    if workload["kind"] == "Deployment":
        told = f'ReplicaSet "{workload["metadata"]["name"]}-6b7f9c4d5" has timed out progressing.'
        workload["status"]["conditions"] = [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": told}
        ]


def _scaled_down(deployment: Deployment, component: str) -> Deployment:
    """Somebody has asked for one fewer than promised, and got that."""
    promised = _workloads(deployment, component)
    name, least = next(promised.each(promised.ready_at_least))
    kind, _, plain = name.partition("/")

    def change(items: list[Object]) -> None:
        pods = [one for one in items if one["kind"] == "Pod" and one["metadata"]["name"].startswith(f"{plain}-")]
        for pod in pods[least - 1 :]:
            items.remove(pod)
        workload = next(one for one in items if (one["kind"].lower(), one["metadata"]["name"]) == (kind, plain))
        if "replicas" in workload["spec"]:
            workload["spec"]["replicas"] = least - 1
        counts = [name for name in workload["status"] if name.endswith(("eplicas", "Scheduled", "Available", "Ready"))]
        workload["status"] |= dict.fromkeys(counts, least - 1)

    return _items(change)(deployment, component)


def _several(deployment: Deployment) -> Iterable[str]:
    for name in promising("kubernetes.ready_at_least")(deployment):
        promised = _workloads(deployment, name)
        if next(promised.each(promised.ready_at_least))[1] > 1:
            yield name


def _waiting(reason: str) -> Callable[[Object, list[Object]], None]:
    """One pod does not come up, so that one fewer is ready."""

    def change(workload: Object, pods: list[Object]) -> None:
        status = pods[0]["status"]["containerStatuses"][0]
        status |= {"ready": False, "started": False, "state": {"waiting": {"reason": reason}}}
        if reason == "CrashLoopBackOff":
            status |= {"restartCount": OFTEN, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
        else:
            pods[0]["status"]["phase"] = "Pending"
        for name in ("availableReplicas", "readyReplicas", "numberAvailable", "numberReady"):
            if name in workload["status"]:
                workload["status"][name] -= 1

    return change


def _restarted(_: Object, pods: list[Object]) -> None:
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    pods[0]["status"]["containerStatuses"][0] |= {"restartCount": OFTEN, "lastState": last}


def _other_image(workload: Object, pods: list[Object]) -> None:
    for spec in (workload["spec"]["template"]["spec"], *(pod["spec"] for pod in pods)):
        for container in spec["containers"]:
            container["image"] = container["image"].partition("@")[0].rpartition(":")[0] + ":previous"


def _without(*keys: str) -> Callable[[Object, list[Object]], None]:
    """A container that lacks what stands below some keys."""

    def change(workload: Object, _: list[Object]) -> None:
        for container in workload["spec"]["template"]["spec"]["containers"]:
            for key in keys:
                container.pop(key, None)
                container["resources"].pop(key, None)

    return change


def _blind_scaler(items: list[Object]) -> None:
    told = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics"
    for one in items:
        if one["kind"] == "HorizontalPodAutoscaler":
            one["status"]["conditions"] = [
                {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": told}
            ]


def _narrow_scaler(items: list[Object]) -> None:
    for one in items:
        if one["kind"] == "HorizontalPodAutoscaler":
            one["spec"]["maxReplicas"] = one["spec"]["minReplicas"] = max(1, one["spec"]["minReplicas"] - 1)


def _k8s(key: str) -> Where:
    return promising(f"kubernetes.{key}")


KUBERNETES = (
    fault(
        "kube-forbidden",
        "The login may list nothing in the namespace.",
        "KUBE-WORKLOADS",
        where=_k8s("workloads"),
        change=_forbidden,
        unseen=True,
    ),
    fault(
        "kube-workload-missing",
        "A workload was deleted.",
        "KUBE-WORKLOADS",
        where=_k8s("workloads"),
        change=_items(_deleted),
    ),
    fault(
        "kube-rollout-stuck",
        "The newest pods of a workload never get ready; the old ones still serve.",
        "KUBE-ROLLOUT",
        where=_k8s("rolled_out"),
        change=_namespace("rolled_out", _stuck),
    ),
    fault(
        "kube-scaled-down",
        "A workload was scaled down by hand.",
        "KUBE-READY",
        where=_several,
        change=_scaled_down,
    ),
    fault(
        "kube-crash-loop",
        "A pod crashes at once, again and again.",
        "KUBE-PODS",
        where=_k8s("pods_well"),
        change=_namespace("pods_well", _waiting("CrashLoopBackOff")),
    ),
    fault(
        "kube-image-missing",
        "A pod's image can't be pulled.",
        "KUBE-PODS",
        where=_k8s("pods_well"),
        change=_namespace("pods_well", _waiting("ImagePullBackOff")),
    ),
    fault(
        "kube-pod-restarted",
        f"A pod was restarted {OFTEN} times, and runs just now.",
        "KUBE-RESTARTS",
        where=lambda deployment: (
            name for name in _k8s("workloads")(deployment) if _workloads(deployment, name).restarts_at_most is not None
        ),
        change=_namespace("restarts_at_most", _restarted),
    ),
    fault(
        "kube-image-old",
        "A workload runs the image of the release before.",
        "KUBE-IMAGE",
        where=_k8s("images"),
        change=_namespace("images", _other_image),
    ),
    fault(
        "kube-unlimited",
        "A container has no limits.",
        "KUBE-LIMITS",
        where=_k8s("limits"),
        change=_namespace("limits", _without("limits")),
    ),
    fault(
        "kube-unrequested",
        "A container does not say what it needs.",
        "KUBE-REQUESTS",
        where=_k8s("requests"),
        change=_namespace("requests", _without("requests", "limits")),
        also=("KUBE-LIMITS",),
    ),
    fault(
        "kube-unprobed",
        "No container of a workload has probes.",
        "KUBE-PROBES",
        where=_k8s("probes"),
        change=_namespace("probes", _without("readinessProbe", "livenessProbe", "startupProbe")),
    ),
    fault(
        "kube-autoscaler-blind",
        "An autoscaler can't read the metric that it scales by.",
        "KUBE-AUTOSCALER",
        where=_k8s("autoscaled"),
        change=_items(_blind_scaler),
    ),
    fault(
        "kube-autoscaler-narrow",
        "An autoscaler never scales out.",
        "KUBE-AUTOSCALER",
        where=_k8s("autoscaled"),
        change=_items(_narrow_scaler),
    ),
)

FAULTS = (*COMPOSE, *KUBERNETES)
