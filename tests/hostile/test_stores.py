"""A run that asks a hostile store by every product's driver ends in time and in bounds, and each says what it met."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.cache import CacheObservation
from roadworthy.facts.database import DatabaseObservation
from tests.hostile.looking import assert_survived
from tests.hostile.stores import PRODUCTS, SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.hostile import Hostile
    from tests.hostile.looking import Meeting

pytestmark = pytest.mark.real


@pytest.mark.parametrize("hostile", SERVERS, ids=str)
def test_a_hostile_store_is_survived_and_named(hostile: Hostile, met: Callable[[Hostile], Meeting]) -> None:
    meeting = met(hostile)
    for component in ("hostile", *PRODUCTS[1:]):
        assert_survived(meeting, told=hostile.told, hostile=component)
    assert not (whole := finished(meeting)), f"came to its end: {whole}"


def finished(meeting: Meeting) -> list[str]:
    """Conversations that nothing broke off, or that were not observed at all."""
    found = []
    for record in meeting.records:
        if record.ask.kind not in ("database", "cache"):
            continue
        seen = getattr(record.result, "observation", None)
        if not isinstance(seen, DatabaseObservation | CacheObservation) or seen.broke is None:
            found.append(f"{getattr(record.ask, 'engine', 'redis')} {record.result}"[:400])
    return found
