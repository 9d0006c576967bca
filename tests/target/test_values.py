from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.target.values import parse_duration, parse_size, show_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("2s", 2), ("1.5s", 1.5), ("5m", 300), ("1h30m", 5400), ("1m30s", 90), ("7d", 604800)],
)
def test_durations_are_held_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "-5s", "5S", "5s later", "1e3s", "5sec"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration is written as"):
        parse_duration(text)


def test_a_number_without_a_unit_is_refused_with_what_to_write() -> None:
    with pytest.raises(ValueError, match="write 5s or 5ms"):
        parse_duration(5)
    with pytest.raises(ValueError, match="write 20B or 20MB"):
        parse_size(20)


@given(st.integers(1, 10**9).map(lambda ms: ms / 1000))
def test_a_shown_duration_is_read_as_it_was(seconds: float) -> None:
    assert parse_duration(show_duration(seconds)) == pytest.approx(seconds, rel=1e-4)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512B", 512), ("20MB", 20_000_000), ("20MiB", 20_971_520), ("1.5kB", 1500), ("1KiB", 1024), ("2 GB", 2 * 10**9)],
)
def test_sizes_are_held_in_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "20", "20mb", "-1B", "MB", "20MBit"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size is written as"):
        parse_size(text)


@pytest.mark.parametrize("text", ["9" * 400 + "GB", "1000000001GB"])
def test_a_size_beyond_all_measure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size is at most"):
        parse_size(text)


@pytest.mark.parametrize("text", ["9" * 400 + "d", "36601d"])
def test_a_duration_beyond_all_measure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 100 years"):
        parse_duration(text)


@given(st.integers(0, 10**6), st.sampled_from(["B", "kB", "MB", "GB", "KiB", "MiB", "GiB"]))
def test_a_size_grows_with_its_number(number: int, unit: str) -> None:
    assert parse_size(f"{number + 1}{unit}") - parse_size(f"{number}{unit}") == parse_size(f"1{unit}")
