"""What a host's kubectl shows of workloads of a namespace."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Fact
from roadworthy.facts.host import HostAsk, HostObservation
from roadworthy.facts.store import Unseen, seen


class KubernetesAsk(HostAsk):
    """What to look at."""

    kind: Literal["kubernetes"] = "kubernetes"
    namespace: str
    context: str | None = None
    kubeconfig: str | None = None
    workloads: tuple[str, ...] = Field(description="deployment/web, statefulset/db, daemonset/logs.")
    autoscalers: bool = Field(False, description="Whether those are looked at, too.")

    @property
    def name(self) -> str:
        """As it is typed after `kubectl`."""
        options = {"--kubeconfig": self.kubeconfig, "--context": self.context, "--namespace": self.namespace}
        return " ".join(f"{option} {value}" for option, value in options.items() if value)


class Described(Fact):
    """A container as its workload describes it."""

    name: str
    image: str
    limits: tuple[str, ...] = Field((), description="Resources of which it has a limit: cpu, memory.")
    requests: tuple[str, ...] = Field((), description="Resources that it asks for, or has a limit of.")
    probes: tuple[str, ...] = Field((), description="readiness, liveness, startup.")


class Workload(Fact):
    """A deployment, stateful set or daemon set. Numbers are of pods."""

    name: str = Field(description="deployment/web.")
    generation: int = Field(0, description="Which description of it is the newest.")
    observed: int = Field(0, description="Which one the cluster has begun to follow.")
    desired: int = 0
    total: int = Field(0, description="Of any description.")
    updated: int = Field(0, description="Of the newest description.")
    available: int = 0
    ready: int = 0
    paused: bool = False
    stuck: str = Field("", description="Why the cluster itself says that it does not come on.")
    containers: tuple[Described, ...] = ()


class PodContainer(Fact):
    """A container of a pod."""

    name: str
    image: str = Field("", description="Empty: one that is no longer needed once the pod has begun.")
    image_id: str = Field("", description="repository@sha256:...")
    restarts: int = 0
    waits: str = Field(
        "", description="CrashLoopBackOff, ImagePullBackOff, ...; or why it has failed: Error, OOMKilled."
    )
    last_exit: int | None = Field(None, description="The exit code of its last end.")


class Pod(Fact):
    """A pod of a workload."""

    name: str
    workload: str
    phase: str = Field(description="Pending, Running, Succeeded, Failed, Unknown.")
    reason: str = Field("", description="Why it is in that phase: Unschedulable, Evicted, ...")
    leaving: bool = Field(False, description="It was told to end.")
    containers: tuple[PodContainer, ...] = ()


class Autoscaler(Fact):
    """A HorizontalPodAutoscaler."""

    name: str
    workload: str
    min: int
    max: int
    inactive: str = Field("", description="Why it scales nothing; empty: it does.")


class KubernetesObservation(HostObservation):
    """What was seen. Whatever the login may not list is `Unseen`."""

    kind: Literal["kubernetes"] = "kubernetes"
    workloads: tuple[Workload, ...] = Field((), description="Those that were asked for and are there.")
    hidden: dict[str, Unseen] = Field({}, description="Kinds of workloads that may not be listed: deployment, ...")
    pods: tuple[Pod, ...] | Unseen = ()
    autoscalers: tuple[Autoscaler, ...] | Unseen | None = None

    def of(self, workload: str) -> Workload | None:
        """A workload; None: there is none of that name.

        Raises:
            NotObserved: those of its kind may not be listed.
        """
        kind = workload.partition("/")[0]
        if kind in self.hidden:
            raise self.hidden[kind].error()
        return next((one for one in self.workloads if one.name == workload), None)

    def pods_of(self, workload: str) -> tuple[Pod, ...]:
        """Its pods, less those that are leaving.

        Raises:
            NotObserved: pods may not be listed.
        """
        return tuple(pod for pod in seen(self.pods, "pods") if pod.workload == workload and not pod.leaving)
