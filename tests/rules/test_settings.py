from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.database import Setting
from roadworthy.rules.settings import SIZES, TIMES, differs, quantity

if TYPE_CHECKING:
    from decimal import Decimal

UNITS = st.sampled_from([None, "bytes", "seconds"])
TEXTS = st.text(max_size=60)


def told(promised: Any, value: str, unit: Any = None, name: str = "x") -> str:
    return differs(name, promised, Setting(value=value, unit=unit))


@pytest.mark.parametrize(
    ("promised", "value", "unit"),
    [
        ("12G", "12884901888", "bytes"),
        ("12G", "12884901888", None),
        ("12GB", "12884901888", "bytes"),
        ("12 GiB", "12884901888", "bytes"),
        (12884901888, "12884901888", "bytes"),
        ("64M", "67108864", None),
        ("8kB", "8192", "bytes"),
        ("1.5G", "1610612736", "bytes"),
        (2, "2.000000", "seconds"),
        ("2s", "2.000000", "seconds"),
        ("500ms", "0.5", "seconds"),
        ("5m", "300", "seconds"),
        ("5min", "300", None),
        ("5m", "5242880", None),
        ("7d", "604800", "seconds"),
        (1.1, "1.10", None),
        ("-1", "-1", None),
        ("on", "ON", None),
        ("on", "1", None),
        (1, "ON", None),
        (True, "yes", None),
        (False, "OFF", None),
        ("off", "0", None),
        ("TRUE", "on", None),
        ("replica", "Replica", None),
        ("", "", None),
        ("/var/lib/mysql/", "/var/lib/mysql/", None),
        ("ISO, MDY", "ISO,MDY", None),
        (">= 64M", "67108864", "bytes"),
        (">=64M", "67108865", "bytes"),
        ("< 200", "199", None),
        ("<= 2s", "2.000000", "seconds"),
        ("> 0", "0.001", "seconds"),
    ],
)
def test_settings_that_are_as_promised(promised: Any, value: str, unit: Any) -> None:
    assert told(promised, value, unit) == ""


@pytest.mark.parametrize(
    ("promised", "value", "unit"),
    [
        ("12G", "12000000000", "bytes"),
        ("12G", "12", None),
        (500, "499", None),
        (2, "ON", None),
        ("on", "OFF", None),
        ("on", "ON_PERMISSIVE", None),
        ("on", "2", None),
        ("off", "", None),
        ("off", "DISABLED", None),
        (True, "0", None),
        ("replica", "logical", None),
        ("/data/MySQL", "/data/mysql", None),
        ("a,b", "b,a", None),
        (">= 64M", "67108863", "bytes"),
        ("< 200", "200", None),
        ("> 0", "-1", None),
        (">= 64M", "minimal", None),
        (">= some", "5", None),
    ],
)
def test_settings_that_are_not(promised: Any, value: str, unit: Any) -> None:
    assert told(promised, value, unit)


@pytest.mark.parametrize("name", ["sql_mode", "SQL_MODE", "shared_preload_libraries"])
def test_the_order_of_some_lists_says_nothing(name: str) -> None:
    assert told("B, a", "A,b", name=name) == ""
    assert told("A", "A,b", name=name)


def test_a_value_is_told_as_people_write_it() -> None:
    assert told("2G", "1073741824", "bytes", "work_mem") == "work_mem is 1GiB, promised 2G"
    assert told(">= 1m", "30", "seconds", "statement_timeout") == "statement_timeout is 30s, promised >= 1m"
    assert told("on", "", name="ssl") == "ssl is empty, promised on"
    assert "which can't be held against >= 64M" in told(">= 64M", "minimal")
    assert told("on", "0", "seconds", "x") == "x is 0, promised on"


@given(st.integers(0, 10**6), st.sampled_from(sorted(SIZES)), st.booleans())
def test_every_size_is_its_number_of_bytes(number: int, unit: str, upper: bool) -> None:  # noqa: FBT001 - drawn
    text = f"{number}{unit.upper() if upper else unit}"
    assert told(text, str(number * int(SIZES[unit])), "bytes") == ""
    assert told(text, str(number * int(SIZES[unit]) + 1), "bytes")


@given(st.integers(0, 10**6), st.sampled_from(sorted(TIMES)))
def test_every_time_is_its_number_of_seconds(number: int, unit: str) -> None:
    assert quantity(f"{number}{unit}", "seconds") == number * TIMES[unit]


@given(st.decimals(0, 10**9, places=6), st.decimals(0, 10**9, places=6), UNITS)
def test_bounds_agree_with_each_other(one: Decimal, other: Decimal, unit: Any) -> None:
    holds = {sign: not told(f"{sign} {one}", str(other), unit) for sign in (">=", "<=", "<", ">")}
    assert holds[">="] is not holds["<"]
    assert holds["<="] is not holds[">"]
    assert (holds[">="] and holds["<="]) is not bool(told(str(one), str(other), unit))


@given(TEXTS, UNITS)
def test_whatever_a_setting_is_it_is_itself(value: str, unit: Any) -> None:
    promised = value.strip()
    if not promised.startswith(("<", ">")):
        assert told(promised, value, unit) == ""


@given(st.one_of(TEXTS, st.integers(), st.floats(), st.booleans()), TEXTS, UNITS)
def test_any_two_values_are_compared(promised: Any, value: str, unit: Any) -> None:
    assert isinstance(told(promised, value, unit), str)
