"""`verdict.json`: the verdict as programs read it; its schema is `docs/verdict.schema.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roadworthy.verdict.models import Verdict


def render(verdict: Verdict) -> str:
    """The verdict as JSON."""
    return verdict.model_dump_json(indent=2) + "\n"
