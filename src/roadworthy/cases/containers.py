"""Cases of the containers suite: a Compose project, and workloads of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.compose import ComposeAsk, ComposeObservation
from roadworthy.facts.kubernetes import KubernetesAsk, KubernetesObservation
from roadworthy.target.blocks.compose import Compose
from roadworthy.target.blocks.kubernetes import Kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Component, Target


class ComposeCase(Case[Compose, ComposeAsk, ComposeObservation]):
    """A project's containers."""

    block = "compose"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Compose, ComposeAsk]]:
        """One look at all of them."""
        if component.compose is not None:
            yield component.compose, ComposeAsk(**there(target, component), label=component.compose.label)


class KubernetesCase(Case[Kubernetes, KubernetesAsk, KubernetesObservation]):
    """Workloads of a namespace."""

    block = "kubernetes"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Kubernetes, KubernetesAsk]]:
        """One look at all of them."""
        promised = component.kubernetes
        if promised is not None:
            yield (
                promised,
                KubernetesAsk(
                    **there(target, component),
                    namespace=promised.namespace,
                    context=promised.context,
                    kubeconfig=promised.kubeconfig,
                    workloads=promised.workloads,
                    autoscalers=promised.autoscaled is not None,
                ),
            )
