from __future__ import annotations

from typing import Any

import pytest

from roadworthy.rules.configuration import is_meant


@pytest.mark.parametrize(
    ("promised", "value", "reader"),
    [
        (True, "true", "laravel"),
        (True, "(True)", "laravel"),
        (True, "1", "node"),
        (True, "on", "compose"),
        (False, "false", "laravel"),
        (False, "0", "laravel"),
        (False, "off", "node"),
        (False, "no", "compose"),
        (15, "15", "node"),
        (15, " 15.00 ", "node"),
        (0.5, ".5", "node"),
        ("15", "15", "node"),
        ("", "", "node"),
        ("The Shop", "The Shop", "laravel"),
    ],
)
def test_values_that_are_meant(promised: Any, value: str, reader: Any) -> None:
    assert is_meant(promised, value, reader)


@pytest.mark.parametrize(
    ("promised", "value", "reader"),
    [
        (True, "", "laravel"),
        (True, "false", "laravel"),
        (True, "enabled", "node"),
        (False, "", "laravel"),
        (False, "off", "laravel"),
        (False, "no", "laravel"),
        (False, "null", "node"),
        (15, "15m", "node"),
        (15, "", "node"),
        (15, "nan", "node"),
        (0, "", "node"),
        ("15", "15.0", "node"),
        ("production", "Production", "node"),
        ("production", "production ", "node"),
    ],
)
def test_values_that_are_not(promised: Any, value: str, reader: Any) -> None:
    assert not is_meant(promised, value, reader)
