"""On the host: workloads of a Kubernetes namespace, by one call of `kubectl`, with the login's own kubeconfig."""

from __future__ import annotations

import re
from typing import Any

from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, Unseen, run
from roadworthy.onhost.values import number, parsed, table, tables, text

WITHIN_S = 20.0
ANSWERS_S = 15
MOST = 1000
"""Pods of the workloads that are told of."""

KINDS = {
    "deployment": "deployments.apps",
    "statefulset": "statefulsets.apps",
    "daemonset": "daemonsets.apps",
}
PODS, SCALERS = "pods", "horizontalpodautoscalers.autoscaling"
FORBIDDEN = re.compile(r"Error from server \(Forbidden\): ([a-z]+)\S* is forbidden.*")
FAILS = re.compile("error|Unable to connect|The connection to the server", re.IGNORECASE)
REFUSED = re.compile("Forbidden|Unauthorized|must be logged in|permission denied", re.IGNORECASE)
RESOURCES = ("cpu", "memory")


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/kubernetes.py` holds."""
    kinds = sorted({name.split("/")[0] for name in wanted["workloads"]})
    resources = [KINDS[kind] for kind in kinds] + [PODS] + ([SCALERS] if wanted["autoscalers"] else [])
    items, hidden = _listed(wanted, resources)
    workloads = [one for one in items if _name(one) in wanted["workloads"]]
    pods = hidden.get("pods") or _pods([one for one in items if one.get("kind") == "Pod"], workloads)
    scalers: Any = None
    if wanted["autoscalers"]:
        found = [one for one in items if one.get("kind") == "HorizontalPodAutoscaler"]
        scalers = hidden.get("horizontalpodautoscalers") or [_scaler(one) for one in found]
    return {
        "workloads": [_workload(one) for one in workloads],
        "hidden": {kind: hidden[kind + "s"] for kind in kinds if kind + "s" in hidden},
        "pods": pods,
        "autoscalers": scalers,
    }


def _listed(wanted: dict[str, Any], resources: list[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All objects, and what may not be listed."""
    options = ["--" + key + "=" + wanted[key] for key in ("kubeconfig", "context") if wanted[key]]
    options += ["--namespace=" + wanted["namespace"], "--request-timeout={}s".format(ANSWERS_S)]
    done = run(["kubectl", *options, "get", ",".join(resources), "-o", "json"], WITHIN_S)
    told = [line for line in done.err.splitlines() if line.strip()]
    hidden = {
        found.group(1): Unseen(NOT_PERMITTED, found.group(0)).value()
        for found in map(FORBIDDEN.match, told)
        if found is not None
    }
    if done.code and len(hidden) == len(resources):
        raise Unseen(NOT_PERMITTED, done.last_words)
    failed = [line for line in told if FAILS.match(line) and not FORBIDDEN.match(line)]
    if done.code and hidden and failed:  # what else is not in the list is not gone
        raise Unseen(FAILED, "kubectl ended with {}: {}".format(done.code, failed[0]))
    if done.code and not hidden:
        why = NOT_PERMITTED if REFUSED.search(done.last_words) else FAILED
        raise Unseen(why, "kubectl ended with {}: {}".format(done.code, done.last_words))
    try:
        items = parsed(done.out)["items"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unseen(FAILED, "kubectl says no list in JSON: {}".format(error)) from error
    if not isinstance(items, list):
        raise Unseen(FAILED, "kubectl says no list in JSON")
    return [one for one in items if isinstance(one, dict)], hidden


def _name(one: dict[str, Any]) -> str:
    return text(one.get("kind")).lower() + "/" + text(table(one.get("metadata")).get("name"))


def _workload(one: dict[str, Any]) -> dict[str, Any]:
    meta, spec, status = (table(one.get(key)) for key in ("metadata", "spec", "status"))
    fields = DAEMONS if one.get("kind") == "DaemonSet" else SETS
    told = {key: number(status.get(field)) or 0 for key, field in fields.items()}
    if one.get("kind") != "DaemonSet":
        replicas = number(spec.get("replicas"))
        told["desired"] = 1 if replicas is None else replicas
    template = table(table(spec.get("template")).get("spec"))
    return dict(
        told,
        name=_name(one),
        generation=number(meta.get("generation")) or 0,
        observed=number(status.get("observedGeneration")) or 0,
        paused=spec.get("paused") is True,
        stuck=_stuck(status),
        containers=[_described(container) for container in _lasting(template)],
    )


SETS = {
    "total": "replicas",
    "updated": "updatedReplicas",
    "available": "availableReplicas",
    "ready": "readyReplicas",
}
DAEMONS = {
    "desired": "desiredNumberScheduled",
    "total": "currentNumberScheduled",
    "updated": "updatedNumberScheduled",
    "available": "numberAvailable",
    "ready": "numberReady",
}
"""Where a daemon set keeps the same numbers."""


def _stuck(status: dict[str, Any]) -> str:
    for condition in tables(status.get("conditions")):
        kind, holds = condition.get("type"), condition.get("status")
        if (kind, holds) in (("Progressing", "False"), ("ReplicaFailure", "True")):
            told = (text(condition.get(key)) for key in ("reason", "message"))
            return ": ".join(filter(None, told))[:300]
    return ""


def _lasting(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The containers that run on, sidecars that begin before the others too."""
    sidecars = [one for one in tables(spec.get("initContainers")) if one.get("restartPolicy") == "Always"]
    return tables(spec.get("containers")) + sidecars


def _described(one: dict[str, Any]) -> dict[str, Any]:
    resources = table(one.get("resources"))
    limits, requests = table(resources.get("limits")), table(resources.get("requests"))
    return {
        "name": text(one.get("name")),
        "image": text(one.get("image")),
        "limits": [name for name in RESOURCES if name in limits],
        "requests": [name for name in RESOURCES if name in requests or name in limits],
        "probes": [name for name in ("readiness", "liveness", "startup") if one.get(name + "Probe")],
    }


def _pods(pods: list[dict[str, Any]], workloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for workload in workloads:
        selector = table(table(workload.get("spec")).get("selector"))
        metas = [(pod, table(pod.get("metadata"))) for pod in pods]
        own = [pod for pod, meta in metas if _selects(selector, table(meta.get("labels"))) and _is_of(meta, workload)]
        found += [dict(_pod(pod), workload=_name(workload)) for pod in own]
    if len(found) > MOST:
        raise Unseen(FAILED, "there are {} pods; at most {} are looked at".format(len(found), MOST))
    return found


def _is_of(meta: dict[str, Any], workload: dict[str, Any]) -> bool:
    """Whether a pod with the labels of a workload may be its: those of a job that has the same ones are the job's."""
    kind = "ReplicaSet" if workload.get("kind") == "Deployment" else workload.get("kind")
    owners = [one for one in tables(meta.get("ownerReferences")) if one.get("controller") is True]
    return all(one.get("kind") == kind for one in owners)


def _selects(selector: dict[str, Any], labels: dict[str, Any]) -> bool:
    """Whether a label selector takes in something with these labels; an empty one takes in nothing of ours."""
    same, rules = table(selector.get("matchLabels")), tables(selector.get("matchExpressions"))
    if not same and not rules:
        return False
    return all(labels.get(key) == value for key, value in same.items()) and all(_holds(rule, labels) for rule in rules)


def _holds(rule: dict[str, Any], labels: dict[str, Any]) -> bool:
    key, values = text(rule.get("key")), rule.get("values") or []
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(text(rule.get("operator")), False)


def _pod(one: dict[str, Any]) -> dict[str, Any]:
    meta, spec, status = (table(one.get(key)) for key in ("metadata", "spec", "status"))
    images = {text(own.get("name")): text(own.get("image")) for own in tables(spec.get("containers"))}
    begun = tables(status.get("initContainerStatuses")) + tables(status.get("containerStatuses"))
    return {
        "name": text(meta.get("name")),
        "phase": text(status.get("phase")) or "Unknown",
        "reason": _reason(status),
        "leaving": bool(meta.get("deletionTimestamp")),
        "containers": [_container(container, images) for container in begun],
    }


def _reason(status: dict[str, Any]) -> str:
    """Its own, or why no node takes it."""
    for condition in tables(status.get("conditions")):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return ": ".join(filter(None, (text(condition.get(key)) for key in ("reason", "message"))))[:300]
    return text(status.get("reason"))


def _container(one: dict[str, Any], images: dict[str, str]) -> dict[str, Any]:
    """Its image as it was asked for: one image may have several names, and the status tells any of them."""
    state, last = table(one.get("state")), table(table(one.get("lastState")).get("terminated"))
    ended, name = table(state.get("terminated")), text(one.get("name"))
    failed = text(ended.get("reason")) or "Error" if number(ended.get("exitCode")) else ""
    return {
        "name": name,
        "image": images.get(name, ""),
        "image_id": text(one.get("imageID")).replace("docker-pullable://", ""),
        "restarts": number(one.get("restartCount")) or 0,
        "waits": text(table(state.get("waiting")).get("reason")) or failed,
        "last_exit": number(last.get("exitCode")),
    }


def _scaler(one: dict[str, Any]) -> dict[str, Any]:
    spec, status = table(one.get("spec")), table(one.get("status"))
    of = table(spec.get("scaleTargetRef"))
    least = number(spec.get("minReplicas"))
    return {
        "name": text(table(one.get("metadata")).get("name")),
        "workload": text(of.get("kind")).lower() + "/" + text(of.get("name")),
        "min": 1 if least is None else least,
        "max": number(spec.get("maxReplicas")) or 0,
        "inactive": _inactive(tables(status.get("conditions"))),
    }


def _inactive(conditions: list[dict[str, Any]]) -> str:
    """Why an autoscaler scales nothing; the cluster says of one that it can and does, or it is not known to."""
    for condition in conditions:
        if condition.get("type") in ("AbleToScale", "ScalingActive") and condition.get("status") != "True":
            return ": ".join(filter(None, (text(condition.get(key)) for key in ("reason", "message"))))[:300]
    is_active = any(condition.get("type") == "ScalingActive" for condition in conditions)
    return "" if is_active else "the cluster has not said yet that it does"
