from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roadworthy.target.blocks.compose import Compose
from roadworthy.target.blocks.kubernetes import Kubernetes


def compose(**promised: Any) -> Compose:
    return Compose.model_validate({"project": "shop", "services": ["web", "db"], **promised})


def kubernetes(**promised: Any) -> Kubernetes:
    return Kubernetes.model_validate({"namespace": "shop", "workloads": ["deployment/web"], **promised})


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"project": None}, "its folder, one of them"),
        ({"folder": "/srv/shop"}, "its folder, one of them"),
        ({"project": "Shop"}, "pattern"),
        ({"services": []}, "at least 1"),
        ({"services": ["we b"]}, "is no name of a service"),
        ({"restart": {"cache": "always"}}, "restart: cache is not among the services"),
        ({"restart": {}}, "at least 1"),
        ({"restart": "sometimes"}, "unless-stopped"),
        ({"healthy": ["cache"]}, "healthy: cache is not among the services"),
        ({"healthy": []}, "at least 1"),
        ({"ports": {"cache": []}}, "ports: cache is not among"),
        ({"ports": {"web": ["80"]}}, "is no port"),
        ({"ports": {"web": ["0.0.0.0:80"]}}, "is no port"),
        ({"volumes": {"web": []}}, "at least 1"),
        ({"volumes": {"web": ["data"]}}, "is no volume"),
        ({"networks": []}, "at least 1"),
        ({"images": {"web": "a b"}}, "is no image"),
        ({"images": {"web": "app@sha256:12"}}, "is no image"),
        ({"replicas": {"web": 0}}, "greater than or equal to 1"),
        ({"limits": {}}, "give at least one of memory, cpus, pids"),
        ({"limits": {"cpus": 0}}, "greater than 0"),
        ({"limits": {"memory": {"cache": "1GB"}}}, "limits.memory: cache is not among the services"),
        ({"finished": ["web"], "healthy": ["web"]}, "healthy: web is among those that have finished"),
        ({"finished": ["web"], "replicas": {"web": 2}}, "replicas: web is among those that have finished"),
        ({"finished": ["web", "db"], "running": True}, "then running, healthy and up_for say nothing"),
    ],
)
def test_what_a_project_can_not_promise(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        compose(**promised)


def test_a_project() -> None:
    promised = compose(restart=False, finished=["db"], capabilities=["cap_net_admin"], ports={})
    assert promised.restart == "no", "in YAML, a `no` without quotes is false"
    assert promised.lasting == ("web",)
    assert promised.capabilities == ("NET_ADMIN",)
    assert promised.label == "com.docker.compose.project=shop"
    assert list(promised.each(promised.restart)) == [("web", "no"), ("db", "no")]
    assert list(promised.each({"db": 1})) == [("db", 1)]
    assert compose(project=None, folder="/").label == "com.docker.compose.project.working_dir=/"


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"namespace": "-x"}, "pattern"),
        ({"context": "--server=http://elsewhere"}, "pattern"),
        ({"workloads": ["web"]}, "pattern"),
        ({"workloads": ["job/web"]}, "pattern"),
        ({"workloads": []}, "at least 1"),
        ({"images": {"deployment/api": "api"}}, "deployment/api is not among the workloads"),
        ({"images": {"deployment/web": []}}, "at least 1"),
        ({"ready_at_least": 0}, "greater than or equal to 1"),
        ({"limits": ["disk"]}, "memory"),
        ({"probes": []}, "at least 1"),
        ({"autoscaled": {"deployment/web": {"min": 3, "max": 2}}}, "min 3 is above max 2"),
    ],
)
def test_what_workloads_can_not_promise(promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        kubernetes(**promised)


def test_workloads() -> None:
    promised = kubernetes(images={"deployment/web": "web:1"}, limits=["memory"])
    assert promised.images == {"deployment/web": ("web:1",)}
    assert list(promised.each(promised.limits)) == [("deployment/web", ("memory",))]
