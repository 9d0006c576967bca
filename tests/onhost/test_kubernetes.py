"""The collector of workloads, against what kubectl 1.32 says; see recorded/README.md."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.kubernetes import Autoscaler, KubernetesObservation
from roadworthy.facts.store import Unseen
from roadworthy.onhost import ground, kubernetes
from tests.onhost.test_compose import JSON, places
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

LIST: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "kubectl-get.json").read_text())
WANTED = {
    "namespace": "shop",
    "context": None,
    "kubeconfig": None,
    "workloads": ["deployment/web", "statefulset/queue", "daemonset/collector", "deployment/none"],
    "autoscalers": True,
}
FORBIDDEN = (
    'Error from server (Forbidden): {0} is forbidden: User "viewer" cannot list resource "{1}" in API group "" '
    'in the namespace "shop"\n'
)
REFUSED = (
    'E1128 07:41:48.207471    3827 memcache.go:265] "Unhandled Error" err="couldn\'t get current server API group '
    'list: Get \\"http://127.0.0.1:8080/api\\": dial tcp 127.0.0.1:8080: connect: connection refused"\n'
    "The connection to the server 127.0.0.1:8080 was refused - did you specify the right host or port?\n"
)


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What the stand-in of kubectl says; it writes down what it was asked."""

    def says(out: Any = LIST, err: str = "", code: int = 0) -> None:
        (tmp_path / "out").write_text(out if isinstance(out, str) else json.dumps(out))
        (tmp_path / "err").write_text(err)
        program = tmp_path / "kubectl"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncat {tmp_path}/out\ncat {tmp_path}/err >&2\nexit {code}\n'
        )
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    says()
    return says


def looked(**wanted: Any) -> KubernetesObservation:
    return KubernetesObservation(observed_at=NOW, now=NOW, **kubernetes.look({**WANTED, **wanted}))


@pytest.mark.usefixtures("says")
def test_one_call_asks_for_all(tmp_path: Path) -> None:
    looked(context="production", kubeconfig="/etc/kube/config")
    assert (tmp_path / "asked").read_text() == (
        "--kubeconfig=/etc/kube/config --context=production --namespace=shop --request-timeout=15s get "
        "daemonsets.apps,deployments.apps,statefulsets.apps,pods,horizontalpodautoscalers.autoscaling -o json\n"
    )


@pytest.mark.usefixtures("says")
def test_workloads() -> None:
    seen = looked()
    assert [one.name for one in seen.workloads] == ["deployment/web", "statefulset/queue", "daemonset/collector"]
    web = seen.of("deployment/web")
    assert web is not None
    assert (web.generation, web.observed, web.desired, web.total, web.updated) == (7, 7, 3, 4, 2)
    assert (web.available, web.ready, web.paused) == (2, 2, False)
    assert web.stuck == 'ProgressDeadlineExceeded: ReplicaSet "web-6b7f9c4d5" has timed out progressing.'
    own, sidecar = web.containers
    assert (own.limits, own.requests, own.probes) == (("cpu", "memory"), ("cpu", "memory"), ("readiness", "liveness"))
    assert (sidecar.limits, sidecar.requests, sidecar.probes) == ((), (), ())
    queue = seen.of("statefulset/queue")
    assert queue is not None
    assert queue.containers[0].requests == ("memory",), "a limit is a request, too"
    collector = seen.of("daemonset/collector")
    assert collector is not None
    assert (collector.desired, collector.total, collector.updated, collector.ready) == (2, 2, 2, 2)
    assert seen.of("deployment/none") is None


@pytest.mark.usefixtures("says")
def test_pods() -> None:
    seen = looked()
    assert not isinstance(seen.pods, Unseen)
    assert [pod.name[-5:] for pod in seen.pods if pod.workload == "deployment/web"] == [
        "aaaaa",
        "bbbbb",
        "ccccc",
        "ddddd",
    ], "the one of the other tier is not selected"
    runs, crashes, pending = seen.pods_of("deployment/web")
    assert runs.containers[0].image == "registry.shop.test/web:2026.11.3", "as it was asked for"
    assert runs.containers[0].image_id.startswith("registry.shop.test/web@sha256:")
    bad = crashes.containers[0]
    assert (bad.waits, bad.restarts, bad.last_exit) == ("CrashLoopBackOff", 12, 1)
    assert (pending.phase, pending.reason) == (
        "Pending",
        "Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
    )
    assert [one.waits for one in seen.pods_of("statefulset/queue")[0].containers] == ["", ""]
    evicted, killed = seen.pods_of("daemonset/collector")
    assert (evicted.phase, evicted.reason) == ("Failed", "Evicted")
    assert killed.containers[0].waits == "OOMKilled"


@pytest.mark.usefixtures("says")
def test_autoscalers() -> None:
    told = "FailedGetResourceMetric: the HPA was unable to compute the replica count: failed to get cpu utilization"
    scaler = Autoscaler(name="web", workload="deployment/web", min=2, max=10, inactive=told)
    assert looked().autoscalers == (scaler,)
    assert looked(autoscalers=False).autoscalers is None


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ([], "the cluster has not said yet that it does"),
        ([{"type": "ScalingActive", "status": "Unknown", "reason": "Odd"}], "Odd"),
        ([{"type": "AbleToScale", "status": "True"}, {"type": "ScalingActive", "status": "True"}], ""),
    ],
)
def test_an_autoscaler_of_which_nothing_is_known_is_none(conditions: list[dict[str, str]], told: str) -> None:
    assert kubernetes._scaler({"status": {"conditions": conditions}})["inactive"] == told


def test_a_part_that_failed_is_not_gone(says: Callable[..., None]) -> None:
    forbidden = FORBIDDEN.format("pods", "pods")
    says({"items": []}, "Warning: x is deprecated\nE1128 07:41 memcache.go:265] x\n" + forbidden, 1)
    assert looked().workloads == ()
    says({"items": []}, forbidden + "Error from server (Timeout): deployments.apps: the request timed out\n", 1)
    with pytest.raises(ground.Unseen, match="timed out"):
        looked()


@pytest.mark.parametrize(("kind", "is_own"), [("ReplicaSet", True), ("Job", False), (None, True)])
def test_a_job_with_the_labels_of_a_workload_is_not_its(kind: str | None, *, is_own: bool) -> None:
    workload = {
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
    }
    owners = [{"kind": kind, "name": "x", "controller": True}] if kind else []
    pod = {"metadata": {"name": "x", "labels": {"app": "web"}, "ownerReferences": owners}}
    assert bool(kubernetes._pods([pod], [workload])) is is_own


def test_containers_that_are_easily_overlooked() -> None:
    sidecar = {"name": "proxy", "restartPolicy": "Always"}
    template = {"spec": {"containers": [{"name": "web"}], "initContainers": [{"name": "migrate"}, sidecar]}}
    workload = kubernetes._workload({"kind": "Deployment", "spec": {"template": template}})
    assert [one["name"] for one in workload["containers"]] == ["web", "proxy"]
    assert kubernetes._container({"state": {"terminated": {"exitCode": 3}}}, {})["waits"] == "Error"
    assert kubernetes._container({"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}, {})["waits"] == ""


@pytest.mark.usefixtures("says")
def test_secrets_stay_on_the_host() -> None:
    assert "-secret" in json.dumps(LIST)
    assert "-secret" not in looked().model_dump_json()


def test_what_may_not_be_listed(says: Callable[..., None]) -> None:
    resources = ("pods", "deployments.apps", "horizontalpodautoscalers.autoscaling")
    err = "".join(FORBIDDEN.format(name, name.partition(".")[0]) for name in resources)
    says({**LIST, "items": [one for one in LIST["items"] if one["kind"] == "DaemonSet"]}, err, 1)
    seen = looked()
    assert isinstance(seen.pods, Unseen)
    assert seen.pods.unseen == "not permitted"
    assert isinstance(seen.autoscalers, Unseen)
    assert seen.hidden.keys() == {"deployment"}
    assert seen.of("daemonset/collector") is not None


@pytest.mark.parametrize(
    ("said", "why", "told"),
    [
        (("", REFUSED, 1), ground.FAILED, "The connection to the server 127.0.0.1:8080 was refused"),
        (("", 'error: context "nope" does not exist\n', 1), ground.FAILED, 'context "nope" does not exist'),
        (("", "error: You must be logged in to the server (Unauthorized)\n", 1), ground.NOT_PERMITTED, "Unauthorized"),
        (("", "error loading config file: open /root/.kube/config: permission denied\n", 1), "not permitted", "denied"),
        (("no JSON",), ground.FAILED, "no list in JSON"),
        (("[]",), ground.FAILED, "no list in JSON"),
        (({"items": {}},), ground.FAILED, "no list in JSON"),
        (("[" * 100_000,), ground.FAILED, "no list in JSON"),
    ],
)
def test_what_can_not_be_told(says: Callable[..., None], said: tuple[Any, ...], why: str, told: str) -> None:
    says(*said)
    with pytest.raises(ground.Unseen) as caught:
        looked()
    assert caught.value.why == why
    assert told in caught.value.detail


def test_nothing_may_be_listed(says: Callable[..., None]) -> None:
    says({"items": []}, FORBIDDEN.format("deployments.apps", "deployments") + FORBIDDEN.format("pods", "pods"), 1)
    with pytest.raises(ground.Unseen, match="pods is forbidden"):
        looked(workloads=["deployment/web"], autoscalers=False)


def test_too_many_pods(says: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "MOST", 3)
    says()
    with pytest.raises(ground.Unseen, match="at most 3"):
        looked()


@pytest.mark.parametrize(
    ("rule", "labels", "holds"),
    [
        ({"operator": "In", "values": ["a"]}, {"k": "a"}, True),
        ({"operator": "In", "values": ["a"]}, {}, False),
        ({"operator": "NotIn", "values": ["a"]}, {"k": "a"}, False),
        ({"operator": "NotIn", "values": ["a"]}, {}, True),
        ({"operator": "Exists"}, {"k": "x"}, True),
        ({"operator": "DoesNotExist"}, {"k": "x"}, False),
        ({"operator": "Unheard"}, {"k": "x"}, False),
    ],
)
def test_selectors(rule: dict[str, Any], labels: dict[str, str], *, holds: bool) -> None:
    assert kubernetes._selects({"matchExpressions": [{"key": "k", **rule}]}, labels) is holds
    assert not kubernetes._selects({}, labels)


PLACES = [at for at in places(LIST["items"]) if len(at) > 1]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_a_cluster_says_is_read(at: tuple[Any, ...], value: Any) -> None:
    items = deepcopy(LIST["items"])
    place: Any = items
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = value
    workloads = [one for one in items if one.get("kind") in ("Deployment", "StatefulSet", "DaemonSet")]
    pods = [one for one in items if one.get("kind") == "Pod"]
    scalers = [one for one in items if one.get("kind") == "HorizontalPodAutoscaler"]
    KubernetesObservation.model_validate(
        {
            "observed_at": NOW,
            "now": NOW,
            "workloads": [kubernetes._workload(one) for one in workloads],
            "pods": kubernetes._pods(pods, workloads),
            "autoscalers": [kubernetes._scaler(one) for one in scalers],
        }
    )
