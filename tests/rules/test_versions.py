from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.base import NotObserved
from roadworthy.rules.versions import is_version

PARTS = st.lists(st.integers(0, 999), min_size=1, max_size=4)


def dotted(parts: list[int]) -> str:
    return ".".join(map(str, parts))


@pytest.mark.parametrize(
    ("promised", "seen"),
    [
        ("16", "16.14"),
        ("16", "16"),
        ("16.0", "16"),
        ("8.0.35", "8.0.35-0ubuntu0.22.04.1"),
        ("8.0", "8.0.35"),
        (">= 5.0", "5.0"),
        (">= 5.0", "7.0.5"),
        (">=8.0.35", "8.4.0"),
        ("<= 16", "16.14"),
        ("< 17", "16.14"),
        ("> 15", "16.0"),
        ("17", "17beta1"),
    ],
)
def test_versions_that_are_promised(promised: str, seen: str) -> None:
    assert is_version(promised, seen)


@pytest.mark.parametrize(
    ("promised", "seen"),
    [
        ("16", "17.0"),
        ("1", "16"),
        ("8.0.35", "8.0.36"),
        ("8.0.35", "8.0.350"),
        (">= 5.0", "4.4.29"),
        (">= 8.0.35", "8.0.4"),
        ("> 16", "16.14"),
        ("< 16", "16.0"),
        ("<= 16.1", "16.2"),
    ],
)
def test_versions_that_are_not(promised: str, seen: str) -> None:
    assert not is_version(promised, seen)


@pytest.mark.parametrize("seen", ["", "unknown", "v16", "-1"])
def test_what_is_no_version_can_not_be_compared(seen: str) -> None:
    with pytest.raises(NotObserved, match="can't be compared"):
        is_version("16", seen)


@given(PARTS, PARTS)
def test_bounds_agree_with_each_other(one: list[int], other: list[int]) -> None:
    promised, seen = dotted(one), dotted(other)
    assert is_version(f">= {promised}", seen) == (is_version(promised, seen) or is_version(f"> {promised}", seen))
    assert is_version(f"<= {promised}", seen) != is_version(f"> {promised}", seen)
    assert is_version(f"< {promised}", seen) != is_version(f">= {promised}", seen)


@given(PARTS, st.integers(1, 4))
def test_a_version_is_each_of_its_beginnings(parts: list[int], length: int) -> None:
    assert is_version(dotted(parts[:length]), dotted(parts))
