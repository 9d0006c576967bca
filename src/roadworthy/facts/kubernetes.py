"""What a host shows of workloads of a Kubernetes namespace."""

from __future__ import annotations

from typing import Literal

from roadworthy.facts.host import HostAsk, HostObservation


class KubernetesAsk(HostAsk):
    """What to look at."""

    kind: Literal["kubernetes"] = "kubernetes"


class KubernetesObservation(HostObservation):
    """What was seen."""

    kind: Literal["kubernetes"] = "kubernetes"
