from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.kubernetes import Autoscaler, PodContainer
from tests.suites.containers.builders import FORBIDDEN, ID, OTHER_ID, described, kubernetes, namespace, pod, workload
from tests.suites.healthy import fails, is_not_observed, passes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

NOTHING = namespace()
HIDDEN = namespace(hidden={"deployment": FORBIDDEN})
TWO = ("deployment/web", "statefulset/db")


@pytest.fixture
def suite(load_suite: Callable[[str], ModuleType]) -> ModuleType:
    return load_suite("containers/test_kubernetes.py")


def test_the_ask(suite: ModuleType) -> None:
    del suite
    ask = kubernetes(NOTHING, context="production").ask
    assert ask.name == "--context production --namespace shop"
    assert not ask.autoscalers


def test_workloads(suite: ModuleType) -> None:
    check = suite.test_every_workload_is_there
    passes(check, kubernetes(namespace(workload())))
    fails(check, kubernetes(namespace(workload()), *TWO), "there is no statefulset/db")
    is_not_observed(check, kubernetes(HIDDEN), "not permitted")
    fails(check, kubernetes(HIDDEN, *TWO), "there is no statefulset/db")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"observed": 1}, "follows description 1, the newest is 2"),
        ({"updated": 2}, "2 of 3 pods are of the newest description"),
        ({"total": 4}, "1 pods of an older description are left"),
        ({"available": 2}, "2 of 3 pods are available"),
        ({"paused": True}, "its roll-out is paused"),
        ({"stuck": "ProgressDeadlineExceeded"}, "deployment/web: ProgressDeadlineExceeded"),
    ],
)
def test_roll_outs(suite: ModuleType, state: dict[str, Any], told: str) -> None:
    check = suite.test_the_roll_out_is_complete
    passes(check, kubernetes(namespace(workload()), rolled_out=True))
    fails(check, kubernetes(namespace(workload(**state)), rolled_out=True), told)


def test_a_workload_of_no_pods_shows_no_roll_out(suite: ModuleType) -> None:
    check = suite.test_the_roll_out_is_complete
    none = dict.fromkeys(("desired", "total", "updated", "available", "ready"), 0)
    is_not_observed(check, kubernetes(namespace(workload(**none)), rolled_out=True), "deployment/web asks for no pods")
    fails(check, kubernetes(namespace(workload(**none, paused=True)), rolled_out=True), "its roll-out is paused")
    fails(check, kubernetes(namespace(workload(**none, stuck="FailedCreate")), rolled_out=True), "FailedCreate")


def test_what_is_not_there(suite: ModuleType) -> None:
    check = suite.test_the_roll_out_is_complete
    is_not_observed(check, kubernetes(namespace(workload()), *TWO, rolled_out=True), "there is no statefulset/db")
    fails(check, kubernetes(namespace(workload(updated=1)), *TWO, rolled_out=True), "1 of 3 pods")
    is_not_observed(check, kubernetes(HIDDEN, rolled_out=True), "not permitted")


def test_readiness(suite: ModuleType) -> None:
    check = suite.test_enough_pods_are_ready
    passes(check, kubernetes(namespace(workload()), ready_at_least=3))
    fails(
        check, kubernetes(namespace(workload()), ready_at_least={"deployment/web": 4}), "3 pods are ready, promised 4"
    )


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"waits": "CrashLoopBackOff", "last_exit": 1}, "web-2: CrashLoopBackOff (last ended with 1)"),
        ({"waits": "ImagePullBackOff", "phase": "Pending"}, "web-2: ImagePullBackOff"),
        ({"phase": "Pending", "reason": "Unschedulable: no room"}, "web-2: Unschedulable: no room"),
        ({"phase": "Pending", "waits": "ContainerCreating"}, "web-2: Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, "web-2: Evicted"),
        ({"phase": "Unknown"}, "web-2: Unknown"),
        ({"waits": "OOMKilled"}, "web-2: OOMKilled"),
    ],
)
def test_pods(suite: ModuleType, state: dict[str, Any], told: str) -> None:
    check = suite.test_no_pod_is_held_up
    leaving = pod(3, leaving=True, phase="Failed")
    passes(check, kubernetes(namespace(workload(), pods=(pod(), leaving)), pods_well=True))
    seen = namespace(workload(), pods=(pod(), pod(2, **state)))
    fails(check, kubernetes(seen, pods_well=True), f"deployment/web: {told}")
    is_not_observed(check, kubernetes(namespace(workload(), pods=(leaving,)), pods_well=True), "has no pods")
    is_not_observed(check, kubernetes(namespace(workload(), pods=FORBIDDEN), pods_well=True), "it is forbidden")


def test_the_same_fault_is_told_once(suite: ModuleType) -> None:
    pods = tuple(pod(number, waits="ErrImagePull") for number in range(7))
    seen = namespace(workload(), pods=pods)
    told = "web-0, web-1, web-2, web-3, web-4 and 2 more: ErrImagePull"
    fails(suite.test_no_pod_is_held_up, kubernetes(seen, pods_well=True), told)


def test_restarts(suite: ModuleType) -> None:
    check = suite.test_no_pod_was_restarted_too_often
    passes(check, kubernetes(namespace(workload(), pods=(pod(restarts=3),)), restarts_at_most=3))
    often = namespace(workload(), pods=(pod(restarts=4, last_exit=137),))
    fails(check, kubernetes(often, restarts_at_most=3), "web was restarted 4 times, at most 3", "ended with 137")
    is_not_observed(check, kubernetes(namespace(workload()), restarts_at_most=3), "has no pods")
    passes(check, kubernetes(often, restarts_at_most={"deployment/web": 4}))


def test_images(suite: ModuleType) -> None:
    check = suite.test_the_workloads_run_the_promised_images
    seen = namespace(workload(), pods=(pod(),))
    for promised in ("web:1.0", "web", f"web@{ID}", f"web:1.0@{ID}", ["web:1.0"]):
        passes(check, kubernetes(seen, images={"deployment/web": promised}))
    fails(check, kubernetes(seen, images={"deployment/web": "web:1.1"}), "is described with web:1.0, promised web:1.1")
    moved = f"web:1.0@{OTHER_ID}"
    fails(check, kubernetes(seen, images={"deployment/web": moved}), f"web-1: runs web@{ID}, promised {moved}")
    older = namespace(workload(), pods=(pod(), pod(2, image="web:0.9")))
    fails(check, kubernetes(older, images={"deployment/web": "web:1.0"}), "web-2: runs web:0.9, promised web:1.0")
    fails(check, kubernetes(seen, images={"deployment/web": ["web:1.0", "sidecar:2"]}), "promised sidecar:2")
    is_not_observed(check, kubernetes(namespace(workload()), images={"deployment/web": "web:1.0"}), "has no pods")
    bound = namespace(workload(containers=(described(image=f"web@{OTHER_ID}"),)), pods=(pod(),))
    fails(check, kubernetes(bound, images={"deployment/web": f"web@{ID}"}), "is described with")


def test_resources(suite: ModuleType) -> None:
    bare = namespace(workload(containers=(described(), described(name="side", limits=("cpu",), requests=()))))
    check = suite.test_the_workloads_are_limited
    passes(check, kubernetes(namespace(workload()), limits=["memory", "cpu"]))
    passes(check, kubernetes(bare, limits=["cpu"]))
    fails(check, kubernetes(bare, limits=["memory"]), "deployment/web: side has no limit of memory")
    check = suite.test_the_workloads_say_what_they_need
    passes(check, kubernetes(namespace(workload()), requests={"deployment/web": ["memory"]}))
    fails(check, kubernetes(bare, requests=["memory", "cpu"]), "side requests no memory and cpu")


def test_probes(suite: ModuleType) -> None:
    check = suite.test_the_workloads_are_probed
    seen = namespace(workload(containers=(described(), described(name="side", probes=()))))
    passes(check, kubernetes(seen, probes=["readiness", "liveness"]))
    fails(check, kubernetes(seen, probes=["readiness", "startup"]), "has no startup probe")


def test_autoscalers(suite: ModuleType) -> None:
    check = suite.test_the_workloads_are_scaled_as_promised
    promised = {"autoscaled": {"deployment/web": {"min": 2, "max": 10}}}
    scaler = Autoscaler(name="web", workload="deployment/web", min=2, max=10)

    def seen(*scalers: Autoscaler) -> Any:
        return kubernetes(namespace(workload(), autoscalers=scalers), **promised)

    passes(check, seen(scaler))
    fails(check, seen(), "no autoscaler scales it")
    for change in ({"min": 1}, {"max": 11}):
        fails(check, seen(scaler.model_copy(update=change)), "promised 2 and 10")
    blind = scaler.model_copy(update={"inactive": "FailedGetResourceMetric"})
    fails(check, seen(blind), "its autoscaler web scales nothing: FailedGetResourceMetric")
    is_not_observed(check, kubernetes(namespace(workload(), autoscalers=FORBIDDEN), **promised), "it is forbidden")


def test_a_pod_is_known_by_one_of_its_containers(suite: ModuleType) -> None:
    side = PodContainer(name="side", image="side:2", image_id=f"side@{ID}")
    one = pod()
    seen = namespace(workload(), pods=(one.model_copy(update={"containers": (side, *one.containers)}),))
    passes(suite.test_the_workloads_run_the_promised_images, kubernetes(seen, images={"deployment/web": "web:1.0"}))
