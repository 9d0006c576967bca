"""What is on a machine that keeps its promises of `kubernetes`.

No cluster can run in the sandbox. `kubectl` is a program that answers as version 1.32 does; the objects have the form
of the API (apps/v1, v1, autoscaling/v2) as its documentation shows them, with the fields that say how things stand.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.machines.machine import Answer, Machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.target.blocks.kubernetes import Kubernetes
    from roadworthy.target.models import Component, Target

Object = dict[str, Any]

NAMES = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}
USER = "system:serviceaccount:default:viewer"
DAY_S = 86400.0


def furnish(promised: Kubernetes, component: Component, target: Target) -> Machine:
    """What an operator would have put there."""
    del component, target
    items = [one for name in promised.workloads for one in _workload(promised, name)]
    return Machine(answers=(_answer(promised, items),))


def changed(machine: Machine, promised: Kubernetes, change: Callable[[list[Object]], None]) -> Machine:
    """The same machine, with other objects in the namespace."""

    def answer(said: Answer) -> Answer:
        items = json.loads(said.says)["items"]
        change(items)
        return _answer(promised, items)

    return machine.with_answer("kubectl", re.escape(asked(promised)), answer)


def refusing(machine: Machine, promised: Kubernetes) -> Machine:
    """The same machine, whose login may list nothing in the namespace."""
    complaints = "".join(
        f'Error from server (Forbidden): {resource} is forbidden: User "{USER}" cannot list resource '
        f'"{resource.partition(".")[0]}" in API group "{resource.partition(".")[2]}" in the namespace '
        f'"{promised.namespace}"\n'
        for resource in resources(promised)
    )
    nothing = json.dumps(
        {"apiVersion": "v1", "items": [], "kind": "List", "metadata": {"resourceVersion": ""}}, indent=4
    )
    arguments = re.escape(asked(promised))
    return machine.with_answer("kubectl", arguments, lambda _: Answer("kubectl", arguments, nothing, complaints, 1))


def resources(promised: Kubernetes) -> list[str]:
    """What is listed."""
    kinds = sorted({name.partition("/")[0] for name in promised.workloads})
    scalers = ["horizontalpodautoscalers.autoscaling"] if promised.autoscaled is not None else []
    return [*(f"{kind}s.apps" for kind in kinds), "pods", *scalers]


def asked(promised: Kubernetes) -> str:
    """How it is asked for."""
    options = {"kubeconfig": promised.kubeconfig, "context": promised.context, "namespace": promised.namespace}
    given = " ".join(f"--{name}={value}" for name, value in options.items() if value)
    return f"{given} --request-timeout=15s get {','.join(resources(promised))} -o json"


def _answer(promised: Kubernetes, items: list[Object]) -> Answer:
    told = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    return Answer("kubectl", re.escape(asked(promised)), says=json.dumps(told, indent=4) + "\n")


def _workload(promised: Kubernetes, name: str) -> list[Object]:
    """The workload, its pods, and its autoscaler."""
    kind, _, plain = name.partition("/")
    scaled = (promised.autoscaled or {}).get(name)
    count = max(_of(promised.ready_at_least, name) or 1, scaled.min if scaled is not None else 1)
    labels = {"app.kubernetes.io/name": plain, "app.kubernetes.io/component": kind}
    template = [_described(promised, name, image) for image in (promised.images or {}).get(name, (f"{plain}:1.0",))]
    meta = {"name": plain, "namespace": promised.namespace, "generation": 4, "labels": labels}
    spec: Object = {"selector": {"matchLabels": labels}, "template": {"spec": {"containers": template}}}
    status: Object = {"observedGeneration": 4}
    if kind == "daemonset":
        numbers = ("currentNumberScheduled", "desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        status |= {**dict.fromkeys((*numbers, "numberReady"), count), "numberMisscheduled": 0}
    else:
        spec["replicas"] = count
        status |= dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), count)
    if kind == "deployment":
        told = f'ReplicaSet "{plain}-5d89b6c8f7" has successfully progressed.'
        status["conditions"] = [_condition("Progressing", "NewReplicaSetAvailable", told)]
    workload = {"apiVersion": "apps/v1", "kind": NAMES[kind], "metadata": meta, "spec": spec, "status": status}
    pods = [_pod(workload, number) for number in range(count)]
    if scaled is None:
        return [workload, *pods]
    return [workload, *pods, _scaler(workload, scaled.min, scaled.max)]


def _described(promised: Kubernetes, workload: str, image: str) -> Object:
    amounts = {"cpu": "500m", "memory": "256Mi"}
    parts = {"limits": _of(promised.limits, workload), "requests": _of(promised.requests, workload)}
    probe = {"httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10}
    return {
        "name": image.partition("@")[0].rpartition("/")[2].partition(":")[0],
        "image": image,
        "resources": {part: {name: amounts[name] for name in names} for part, names in parts.items() if names},
        **{f"{name}Probe": probe for name in promised.probes or ()},
    }


def _pod(workload: Object, number: int) -> Object:
    containers = workload["spec"]["template"]["spec"]["containers"]
    meta, since = workload["metadata"], _moment(-DAY_S)
    ready = [_condition(kind, "", "") for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-5d89b6c8f7-x{number:04}",
            "namespace": meta["namespace"],
            "labels": {**meta["labels"], "pod-template-hash": "5d89b6c8f7"},
        },
        "spec": {"containers": containers, "nodeName": f"node-{number}"},
        "status": {
            "phase": "Running",
            "conditions": ready,
            "containerStatuses": [
                {
                    "name": one["name"],
                    "image": one["image"],
                    "imageID": _image_id(one["image"]),
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "lastState": {},
                    "state": {"running": {"startedAt": since}},
                }
                for one in containers
            ],
            "startTime": since,
        },
    }


def _scaler(workload: Object, least: int, most: int) -> Object:
    meta = workload["metadata"]
    count = workload["spec"].get("replicas", least)
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "spec": {
            "minReplicas": least,
            "maxReplicas": most,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": workload["kind"], "name": meta["name"]},
        },
        "status": {
            "currentReplicas": count,
            "desiredReplicas": count,
            "conditions": [
                _condition("AbleToScale", "ReadyForNewScale", "recommended size matches current size"),
                _condition(
                    "ScalingActive", "ValidMetricFound", "the HPA was able to successfully calculate a replica count"
                ),
            ],
        },
    }


def _condition(kind: str, reason: str, message: str) -> Object:
    told = {"lastTransitionTime": _moment(-DAY_S), "reason": reason, "message": message, "status": "True", "type": kind}
    return {key: value for key, value in told.items() if value}


def _image_id(image: str) -> str:
    named, _, digest = image.partition("@")
    repository = named if ":" not in named.rpartition("/")[2] else named.rpartition(":")[0]
    return f"{repository}@{digest or 'sha256:' + hashlib.sha256(image.encode()).hexdigest()}"


def _moment(seconds: float) -> str:
    return f"{{{{{seconds:.0f} %Y-%m-%dT%H:%M:%SZ}}}}"


def _of(promised: Any, workload: str) -> Any:
    """What is promised of a workload, where it is one for all or a map."""
    return promised.get(workload) if isinstance(promised, dict) else promised
