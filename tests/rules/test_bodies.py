from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.http import Answer, Phases
from roadworthy.rules.bodies import equality_faults, query_faults, subset_faults, text_faults

PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
OBJECT = st.dictionaries(st.text(max_size=3), JSON, min_size=1, max_size=4)


def answer(body: str) -> Answer:
    phases = Phases(total_s=0.1)
    return Answer(status=200, version="h2", headers=(), body=body, body_bytes=len(body), phases=phases)


@given(JSON)
def test_a_body_equals_itself(value: object) -> None:
    assert not equality_faults(answer(json.dumps(value)), value)


@given(OBJECT, OBJECT)
def test_a_body_holds_each_of_its_parts(value: dict[str, object], more: dict[str, object]) -> None:
    assert not subset_faults(answer(json.dumps({**more, **value})), value)


@given(JSON, JSON)
def test_a_difference_is_found_both_ways(one: object, other: object) -> None:
    assert bool(equality_faults(answer(json.dumps(one)), other)) == bool(
        equality_faults(answer(json.dumps(other)), one)
    )


@given(st.text())
def test_any_text_is_answered(body: str) -> None:
    assert isinstance(subset_faults(answer(body), {"status": "ok"}), list)
    assert isinstance(query_faults(answer(body), {"$..status": "ok"}), list)
    assert bool(text_faults(answer(body), "status")) is ("status" not in body)


def test_a_body_nested_without_end_is_no_json() -> None:
    assert "no JSON" in subset_faults(answer("[" * 100_000), {"a": 1})[0]


def test_paths_are_told_as_queries_are_written() -> None:
    faults = subset_faults(answer('{"a": {"b c": [{"d": 1}]}}'), {"a": {"b c": [{"d": 2}]}})
    assert faults == ['$.a["b c"][0].d: 1, promised 2']


def test_lists_of_another_length_differ() -> None:
    assert subset_faults(answer('{"a": [1, 2]}'), {"a": [1]}) == ["$.a: [1, 2], promised [1]"]
