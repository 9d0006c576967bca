from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from roadworthy.target.document import parse_document, plain
from roadworthy.target.fields import keys_at
from roadworthy.target.schema import as_json, file_schema

TARGETS = Path(__file__).parents[2] / "targets"
SCHEMA = Draft202012Validator(file_schema())
FILE = {
    "schema": 1,
    "name": "shop",
    "environment": "staging",
    "components": {"api": {"url": "https://api.shop.example", "health": {"path": "/up"}}},
}


def complaints(value: Any) -> list[str]:
    return [error.json_path for error in SCHEMA.iter_errors(value)]


def with_component(**parts: Any) -> dict[str, Any]:
    return {**FILE, "components": {"api": {**FILE["components"]["api"], **parts}}}


def test_the_committed_schema_is_in_step() -> None:
    committed = (TARGETS / "schema.json").read_text()
    assert committed == as_json(), "write it anew: ./run roadworthy target schema > targets/schema.json"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads(as_json()))


@pytest.mark.parametrize("file", sorted(TARGETS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_target_satisfies_it(file: Path) -> None:
    assert complaints(plain(parse_document(file.read_text(), file.name).root)) == []  # YAML 1.2: `on` is a key


def test_every_key_of_the_model_is_in_it() -> None:
    schema = file_schema()
    assert set(schema["properties"]) == {*keys_at(()), "extends", "defaults", "for_each"}
    assert set(schema["$defs"]["Component"]["properties"]) == set(keys_at(("components", "x")))
    assert set(schema["$defs"]["Headers"]["properties"]) == set(keys_at(("components", "x", "headers")))


@pytest.mark.parametrize(
    "parts",
    [
        {"health": [{"path": "/up"}, {"path": "/", "status": "${env:STATUS}"}]},
        {"health": {"json": {"any": [1, None, {"deep": True}]}}},
        {"tls": {}},
        {"tls": {"min_days_left": "${env:DAYS:-14}", "policy": "mozilla-modern-6.0"}},
        {"tls": {"suites": None}},
        {"tls": None},
        {"http": {"compresses": ["text/html"], "redirects_from_http": "${env:CODE}"}},
        {"http": {"compresses": {"text/html": "/"}}},
        {"headers": {"referrer-policy": "no-referrer", "content-security-policy": {"default-src": "'self'"}}},
        {"headers": {"referrer-policy": ["no-referrer"], "content-security-policy": {"default-src": ["'self'"]}}},
    ],
)
def test_what_a_file_may_say_satisfies_it(parts: dict[str, Any]) -> None:
    assert complaints(with_component(**parts)) == []


def test_incomplete_files_that_extend_others_satisfy_it() -> None:
    assert complaints({"extends": "production.yaml", "components": {"api": None}}) == []
    part = {
        "items": [{"name": "a", "port": 1}],
        "components": {"${each:name}": {"address": "a:${each:port}", "tcp": {}}},
    }
    assert complaints({**FILE, "components": {}, "for_each": [part]}) == []
    assert complaints({key: value for key, value in FILE.items() if key != "components"}) != []


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"helth": {}}, "$.components.api"),
        ({"tls": {"min_day_left": 1}}, "$.components.api"),
        ({"tls": {"min_days_left": "soon"}}, "$.components.api"),
        ({"tls": {"policy": "mozilla"}}, "$.components.api"),
        ({"tls": {"versions": ["1.4"]}}, "$.components.api"),
        ({"tls": {"trusted": "no"}}, "$.components.api"),
        ({"headers": {"x-frame-options": "deny"}}, "$.components.api"),
        ({"http": {"redirects_from_http": 303}}, "$.components.api"),
    ],
)
def test_what_is_wrong_does_not(parts: dict[str, Any], path: str) -> None:
    found = complaints(with_component(**parts))
    assert len(found) == 1
    assert found[0].startswith(path)


def test_keys_carry_words_for_the_editor() -> None:
    tls = file_schema()["$defs"]["Tls"]["properties"]
    assert tls["min_days_left"]["description"] == "Days until the certificate ends, at least."
