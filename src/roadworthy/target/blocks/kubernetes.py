"""Promises of workloads of a Kubernetes namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Place, one_or_many
from roadworthy.target.blocks.compose import Image
from roadworthy.target.values import PUBLIC, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"

Workload = Annotated[str, Field(pattern=rf"^(deployment|statefulset|daemonset)/{NAME}$")]
"""A kind and a name, as kubectl writes them."""
BySome = Annotated[dict[Workload, T], Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Images = Annotated[
    tuple[Image, ...], BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...]), Field(min_length=1)
]
Resources = Annotated[tuple[Literal["memory", "cpu"], ...], Field(min_length=1)]


class Autoscaled(Frozen):
    """Between which numbers of pods a workload is scaled."""

    min: int = Field(ge=0, description="So many pods at least.")
    max: int = Field(ge=1, description="So many at most.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class Kubernetes(Expectation):
    """Promises about workloads of a namespace. What is said of all can be said of some: a map by workload."""

    WHERE = frozenset({"namespace", "context", "kubeconfig"})

    namespace: str = Field(pattern=rf"^{NAME}$", description="The namespace.")
    context: str | None = Field(
        None,
        pattern=r"^[^\s-]\S*$",
        description="The context of the host's kubeconfig; none: its current one.",
        json_schema_extra={PUBLIC: True},
    )
    kubeconfig: Place | None = Field(None, description="Where that is; none: where kubectl looks by itself.")
    workloads: tuple[Workload, ...] = Field(
        min_length=1, description="These are there: `deployment/web`, `statefulset/db`, `daemonset/logs`."
    )
    rolled_out: Literal[True] | None = Field(
        None, description="All their pods are of the newest description, and available; none of the old are left."
    )
    ready_at_least: Positive | BySome[Positive] | None = Field(None, description="So many pods of each are ready.")
    pods_well: Literal[True] | None = Field(
        None,
        description="No pod is held up or has failed: CrashLoopBackOff, ImagePullBackOff, Pending, Evicted, ...",
    )
    restarts_at_most: Count | BySome[Count] | None = Field(
        None, description="No container of a pod was restarted more often than this."
    )
    images: BySome[Images] | None = Field(
        None,
        description="What their containers run, at least: `registry.example/web:${env:VERSION}`, or exactly, by its "
        "digest: `web@sha256:...`. Without a tag, any.",
        json_schema_extra={PUBLIC: True},
    )
    limits: Resources | BySome[Resources] | None = Field(
        None, description="Each of their containers has limits of these: `[memory]`, `[memory, cpu]`."
    )
    requests: Resources | BySome[Resources] | None = Field(
        None, description="Each of their containers asks for so much of these as it needs."
    )
    probes: tuple[Literal["readiness", "liveness", "startup"], ...] | None = Field(
        None, min_length=1, description="At least one container of each has these probes."
    )
    autoscaled: BySome[Autoscaled] | None = Field(
        None, description="An autoscaler keeps them between exactly these numbers, and can read what it scales by."
    )

    def each(self, promised: T | Mapping[str, T] | None) -> Iterator[tuple[str, T]]:
        """What is promised of each workload, where it is one for all or a map."""
        if isinstance(promised, Mapping):
            yield from promised.items()
        elif promised is not None:
            yield from ((name, promised) for name in self.workloads)

    @model_validator(mode="after")
    def _speaks_of_its_workloads(self) -> Self:
        for key in type(self).model_fields:
            named = getattr(self, key)
            if isinstance(named, dict) and (strangers := [name for name in named if name not in self.workloads]):
                raise ValueError(f"{key}: {', '.join(strangers)} is not among the workloads")
        return self
