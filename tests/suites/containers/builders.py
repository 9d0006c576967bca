"""A project and workloads as promised; a test changes one thing of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from roadworthy.cases.containers import ComposeCase, KubernetesCase
from roadworthy.facts.compose import ComposeObservation, Container
from roadworthy.facts.kubernetes import Described, KubernetesObservation, Pod, PodContainer, Workload
from roadworthy.facts.store import Unseen
from roadworthy.target.models import Target
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from roadworthy.cases.base import Case

FORBIDDEN = Unseen(unseen="not permitted", detail="it is forbidden")
GONE = ComposeObservation(observed_at=NOW, now=NOW, gone="Cannot connect to the Docker daemon")
ID = "sha256:" + "1" * 64
OTHER_ID = "sha256:" + "2" * 64


def container(service: str = "web", number: int = 1, **changes: Any) -> Container:
    """One that runs."""
    given: dict[str, Any] = {
        "id": f"{service}{number}",
        "name": f"shop-{service}-{number}",
        "service": service,
        "project": "shop",
        "status": "running",
        "started": NOW - timedelta(hours=1),
        "restart": "unless-stopped",
        "image": f"{service}:1.0",
        "image_id": ID,
        "image_now": ID,
        "log_driver": "json-file",
        "log_max_size": "10m",
    }
    return Container(**given | changes)


def project(*containers: Container) -> ComposeObservation:
    """What was seen of one."""
    return ComposeObservation(observed_at=NOW, now=NOW, containers=containers)


def compose(seen: ComposeObservation, *services: str, **promised: Any) -> ComposeCase:
    """The case of a project that promises this of its services."""
    block = {"project": "shop", "services": services or ("web",), **promised}
    return _case(ComposeCase, {"compose": block}, seen)


def workload(name: str = "deployment/web", **changes: Any) -> Workload:
    """One that is rolled out, of three pods."""
    given: dict[str, Any] = {
        **dict.fromkeys(("desired", "total", "updated", "available", "ready"), 3),
        "name": name,
        "generation": 2,
        "observed": 2,
        "containers": (described(),),
    }
    return Workload(**given | changes)


def described(**changes: Any) -> Described:
    """A container that has what it should have."""
    both = ("cpu", "memory")
    given: dict[str, Any] = {"name": "web", "image": "web:1.0", "limits": both, "requests": both}
    return Described(**given | {"probes": ("readiness", "liveness")} | changes)


def pod(number: int = 1, workload: str = "deployment/web", **changes: Any) -> Pod:
    """One that runs; what else is given is of its container."""
    of_pod = {key: changes.pop(key) for key in ("phase", "reason", "leaving") if key in changes}
    own = PodContainer(**{"name": "web", "image": "web:1.0", "image_id": f"web@{ID}", **changes})
    return Pod(**{"name": f"web-{number}", "workload": workload, "phase": "Running", "containers": (own,), **of_pod})


def namespace(*workloads: Workload, pods: Any = (), **changes: Any) -> KubernetesObservation:
    """What was seen of one."""
    return KubernetesObservation(observed_at=NOW, now=NOW, workloads=workloads, pods=pods, **changes)


def kubernetes(seen: KubernetesObservation, *workloads: str, **promised: Any) -> KubernetesCase:
    """The case of a namespace that promises this of its workloads."""
    block = {"namespace": "shop", "workloads": workloads or ("deployment/web",), **promised}
    return _case(KubernetesCase, {"kubernetes": block}, seen)


def _case(kind: Any, blocks: dict[str, Any], seen: Any) -> Case[Any, Any, Any] | Any:
    target = Target.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "environment": "test",
            "network": {"vantages": {"app": {"ssh": "deploy@app.shop.test"}}},
            "components": {"app": {"host": "app", **blocks}},
        }
    )
    part = target.components["app"]
    ((expected, ask),) = kind.looks(target, part)
    return kind(target=target, name="app", component=part, expected=expected, ask=ask, address=None, seen=seen)
