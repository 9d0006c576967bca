"""A healthy deployment as a suite sees it; a test changes one thing of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from roadworthy.facts.base import NotObserved
from roadworthy.facts.http import Answer, Hop, HttpObservation, Phases, Silence, SilenceKind
from roadworthy.target.models import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from roadworthy.cases.base import Case

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
C = TypeVar("C", bound="Case[Any, Any, Any]")


def target(url: str = "https://api.shop.example", **promises: Any) -> Target:
    """A target of one component."""
    blocks = promises or {"health": {"path": "/up"}}
    release = {"version": "7f3a9c1"} if "release" in promises else None
    component = {"url": url, **blocks}
    return Target.model_validate(
        {"schema": 1, "name": "shop", "environment": "test", "release": release, "components": {"api": component}}
    )


def case_of(kind: type[C], seen: object, promised: Target, nth: int = 0) -> C:
    """The case that a check gets for the nth look of its kind at the component."""
    component = promised.components["api"]
    expected, ask = list(kind.looks(promised, component))[nth]
    return kind(
        target=promised,
        name="api",
        component=component,
        expected=expected,
        ask=ask,
        address="192.0.2.7:443",
        seen=seen,
    )


def answered(
    body: str = '{"status": "ok"}', *headers: tuple[str, str], status: int = 200, took_s: float = 0.05, **changes: Any
) -> HttpObservation:
    """An exchange that ended with an answer."""
    answer = Answer(
        status=status,
        version=changes.pop("version", "h2"),
        headers=(("content-type", "application/json"), *headers) if not _typed(headers) else headers,
        body=body,
        body_bytes=changes.pop("body_bytes", len(body)),
        truncated=changes.pop("truncated", False),
        phases=Phases(connected_s=0.01, tls_s=0.02, first_byte_s=took_s, total_s=took_s),
    )
    return HttpObservation(observed_at=NOW, result=answer, **changes)


def _typed(headers: tuple[tuple[str, str], ...]) -> bool:
    return any(name == "content-type" for name, _ in headers)


def silent(kind: SilenceKind = SilenceKind.REFUSED, **changes: Any) -> HttpObservation:
    """An exchange that ended without one."""
    return HttpObservation(observed_at=NOW, result=Silence(silence=kind, detail="errno 111", elapsed_s=0.01), **changes)


def hop(url: str, location: str | None, status: int = 301) -> Hop:
    return Hop(url=url, status=status, location=location)


def passes(check: Callable[[Any], None], case: object) -> None:
    """The check says nothing against the case."""
    check(case)


def fails(check: Callable[[Any], None], case: object, *told: str) -> None:
    """The check fails, and the first line of what it says holds each of these texts."""
    with pytest.raises(AssertionError) as caught:
        check(case)
    first = str(caught.value).splitlines()[0]
    assert all(text in first for text in told), first


def is_not_observed(check: Callable[[Any], None], case: object, *told: str) -> None:
    """The check can't tell, and what it says holds each of these texts."""
    with pytest.raises(NotObserved) as caught:
        check(case)
    assert all(text in str(caught.value) for text in told), str(caught.value)
