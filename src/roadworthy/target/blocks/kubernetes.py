"""Promises of workloads of a Kubernetes namespace."""

from __future__ import annotations

from pydantic import Field

from roadworthy.target.blocks.block import Expectation


class Kubernetes(Expectation):
    """Promises of workloads of a Kubernetes namespace."""

    stub: bool | None = Field(None, description="Nothing yet.")
