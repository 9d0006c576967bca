from roadworthy.cases.containers import KubernetesCase
from roadworthy.check import check
from roadworthy.rules import workloads as rules

THERE = ("HOST-REACH", "KUBE-WORKLOADS")
UP = (*THERE, "KUBE-PODS", "KUBE-ROLLOUT")
KUBECTL = "kubectl {name} "
DOCUMENTATION = "Kubernetes documentation: "


@check(
    "KUBE-WORKLOADS",
    severity="critical",
    expects="kubernetes.workloads",
    after=("HOST-REACH",),
    source=DOCUMENTATION + "Workloads",
    by_hand=KUBECTL + "get deployments,statefulsets,daemonsets",
    repair="Apply their manifests (or the chart) again; look first whether context and namespace are the right ones. "
    "If kubectl may not look: a Role with get and list for them and for pods.",
)
def test_every_workload_is_there(kubernetes: KubernetesCase) -> None:
    """What was deleted, or deployed into another namespace, has no pods that could fail."""
    faults = rules.missing(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-PODS",
    severity="high",
    expects="kubernetes.pods_well",
    after=THERE,
    awaited=True,
    source=DOCUMENTATION + "Debug Pods",
    by_hand=KUBECTL + "get pods; kubectl {name} get events --sort-by=.lastTimestamp | tail",
    repair="kubectl describe pod NAME says why: an image that is not there, a node with too little room, a volume that "
    "can't be mounted; kubectl logs --previous NAME has the last words of one that crashes.",
)
def test_no_pod_is_held_up(kubernetes: KubernetesCase) -> None:
    """A pod that crashes at once, or never starts, is what the next node failure leaves you with."""
    faults = rules.waiting(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-ROLLOUT",
    severity="critical",
    expects="kubernetes.rolled_out",
    after=(*THERE, "KUBE-PODS"),
    awaited=True,
    source=DOCUMENTATION + "Deployment status",
    by_hand=KUBECTL + "rollout status deployment/NAME --watch=false",
    repair="Look at the newest pods (kubectl describe, logs): most often their readiness probe fails. "
    "kubectl rollout undo goes back to what worked.",
)
def test_the_roll_out_is_complete(kubernetes: KubernetesCase) -> None:
    """Half of the users meet the old version for as long as it lasts, and nobody sees it from outside."""
    faults = rules.unfinished(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-READY",
    severity="high",
    expects="kubernetes.ready_at_least",
    after=UP,
    awaited=True,
    source=DOCUMENTATION + "ReplicaSet",
    by_hand=KUBECTL + "get deployments,statefulsets,daemonsets",
    repair="If fewer are asked for than promised, somebody has scaled it down, or its autoscaler has: "
    "kubectl scale, or the manifest.",
)
def test_enough_pods_are_ready(kubernetes: KubernetesCase) -> None:
    """One pod fewer than the load needs is found at the next peak."""
    faults = rules.too_few(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-RESTARTS",
    severity="high",
    expects="kubernetes.restarts_at_most",
    after=(*THERE, "KUBE-PODS"),
    source=DOCUMENTATION + "Pod lifecycle, restart policy",
    by_hand=KUBECTL + "get pods",
    repair="kubectl logs --previous NAME, and kubectl describe pod NAME for the reason: OOMKilled, a failed probe.",
)
def test_no_pod_was_restarted_too_often(kubernetes: KubernetesCase) -> None:
    """A pod that crashes and comes back looks well at almost every moment."""
    faults = rules.restarted(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-IMAGE",
    severity="critical",
    expects="kubernetes.images",
    after=UP,
    awaited=True,
    source=DOCUMENTATION + "Images",
    by_hand=KUBECTL + "get deployments,statefulsets,daemonsets -o wide",
    repair="kubectl set image, or apply the manifest of this release; a tag that was moved needs its digest to be run "
    "for certain.",
)
def test_the_workloads_run_the_promised_images(kubernetes: KubernetesCase) -> None:
    """A roll-out that is complete may be that of the release before."""
    faults = rules.other_images(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-LIMITS",
    severity="medium",
    expects="kubernetes.limits",
    after=THERE,
    source=DOCUMENTATION + "Resource Management for Pods and Containers",
    by_hand=KUBECTL + "describe deployments,statefulsets,daemonsets | less   # Limits",
    repair="Set resources.limits in the manifest.",
)
def test_the_workloads_are_limited(kubernetes: KubernetesCase) -> None:
    """A container without a limit of memory takes its neighbours on the node with it."""
    faults = rules.unlimited(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-REQUESTS",
    severity="medium",
    expects="kubernetes.requests",
    after=THERE,
    source=DOCUMENTATION + "Resource Management for Pods and Containers",
    by_hand=KUBECTL + "describe deployments,statefulsets,daemonsets | less   # Requests",
    repair="Set resources.requests in the manifest to what `kubectl top pods` shows at the usual load.",
)
def test_the_workloads_say_what_they_need(kubernetes: KubernetesCase) -> None:
    """Without it a node is filled beyond what it has, this pod is evicted first, and no autoscaler can count."""
    faults = rules.unrequested(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-PROBES",
    severity="medium",
    expects="kubernetes.probes",
    after=THERE,
    source=DOCUMENTATION + "Liveness, Readiness, and Startup Probes",
    by_hand=KUBECTL + "describe deployments,statefulsets,daemonsets | less   # Readiness, Liveness, Startup",
    repair="Give the container a probe that asks what its users ask; liveness only where a restart would help.",
)
def test_the_workloads_are_probed(kubernetes: KubernetesCase) -> None:
    """Without a readiness probe requests go to a pod from its first moment on, whether it answers or not."""
    faults = rules.unprobed(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)


@check(
    "KUBE-AUTOSCALER",
    severity="medium",
    expects="kubernetes.autoscaled",
    after=THERE,
    source=DOCUMENTATION + "Horizontal Pod Autoscaling",
    by_hand=KUBECTL + "get hpa; kubectl {name} describe hpa | less   # Conditions",
    repair="Set its bounds in the manifest. FailedGetResourceMetric: metrics-server is not there, or the containers "
    "request nothing.",
)
def test_the_workloads_are_scaled_as_promised(kubernetes: KubernetesCase) -> None:
    """An autoscaler that can't read its metric looks like one with nothing to do, until the peak comes."""
    faults = rules.otherwise_scaled(kubernetes.expected, kubernetes.seen)
    assert not faults, "; ".join(faults)
