"""The JSON Schema of a target *file*, for editors to complete from and to underline with.

A file says less and more than a `Target`: it may extend another, share parts, give a value by reference, take a key
away with `null`. So nothing below the top is required, and a field accepts its type, a text with `${...}`, or null.
`targets/schema.json` is this, committed.
"""

from __future__ import annotations

import json
from typing import Any

from roadworthy.target.models import BLOCKS, Target
from roadworthy.target.parts import policies
from roadworthy.target.values import BY_REFERENCE, PUBLIC

_REFERENCE = {"$ref": "#/$defs/Reference"}
_NULL = {"type": "null"}
_NOT_IN_A_FILE = ("title", "default", PUBLIC, BY_REFERENCE, "required")


def file_schema() -> dict[str, Any]:
    """The schema of a target file (draft 2020-12)."""
    model = Target.model_json_schema(by_alias=True, mode="validation")
    defs = {name: _object(schema) for name, schema in model["$defs"].items()}
    defs["Reference"] = {
        "type": "string",
        "pattern": r"\$\{",
        "description": "${env:NAME}, ${env:NAME:-default}, ${file:/path}; in for_each also ${each:key}",
    }
    for block in ("Tls", "Headers", "Dns"):
        known = [name for name, policy in policies().items() if policy.get(block.lower())]
        defs[block]["properties"]["policy"] = {
            "enum": [*known, None],
            "description": "A dated policy, adopted by name.",
        }
    component = defs["Component"]["properties"]
    defs["Components"] = {
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Component"}, _NULL]},
    }
    top = _object({key: value for key, value in model.items() if key != "$defs"})
    top["properties"] |= {
        "components": {"$ref": "#/$defs/Components"},
        "extends": {"type": "string", "description": "A file, beside this one, that this one is laid over."},
        "defaults": {
            "type": "object",
            "description": "Blocks whose values fill in the same block of every component that has it.",
            "additionalProperties": False,
            "properties": {block: _block(component[block]) for block in BLOCKS},
        },
        "for_each": _FOR_EACH,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A target of Roadworthy: what one environment promises",
        **top,
        "anyOf": [
            {"required": ["extends"]},
            {"required": ["schema", "name", "environment", "components"]},
            {"required": ["schema", "name", "environment", "for_each"]},
        ],
        "$defs": defs,
    }


def as_json() -> str:
    """The schema as it is committed."""
    return json.dumps(file_schema(), indent=1) + "\n"


_FOR_EACH = {
    "type": "array",
    "description": "Components that differ in a few values: each of `components`, once for each of `items`.",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["items", "components"],
        "properties": {
            "items": {"type": "array", "minItems": 1, "items": {"type": "object", "minProperties": 1}},
            "components": {"$ref": "#/$defs/Components"},
        },
    },
}


def _object(schema: dict[str, Any]) -> dict[str, Any]:
    """A model's schema, as its part of a file may be: incomplete, and with references for values."""
    kept = {key: value for key, value in schema.items() if key not in _NOT_IN_A_FILE}
    if "properties" in kept:
        kept["properties"] = {key: _field(value) for key, value in kept["properties"].items()}
    return kept


def _field(schema: dict[str, Any]) -> dict[str, Any]:
    """A key's schema, which a reference and null satisfy too."""
    options = _options(schema)
    if {} in options:  # anything goes
        options = []
    elif _NULL not in options:
        options.append(_NULL)
    words = {"description": schema["description"]} if "description" in schema else {}
    return {**words, "anyOf": options} if options else words


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The kinds of values that a schema lets pass, a reference among them."""
    if "anyOf" in schema:
        options = [option for inner in schema["anyOf"] for option in _options(inner)]
    else:
        options = [_kind(schema)]
    if {"type": "string"} not in options and options != [{}]:
        options.append(_REFERENCE)
    return [option for index, option in enumerate(options) if option not in options[:index]]


def _kind(schema: dict[str, Any]) -> dict[str, Any]:
    left_out = (*_NOT_IN_A_FILE, "description", "patternProperties", "propertyNames", "minProperties")
    kept = {key: value for key, value in schema.items() if key not in left_out}
    values = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
    if isinstance(values, dict):  # ${each:...} may be a part of any key, and what is filled in counts too
        kept["additionalProperties"] = _field(values)
    if "items" in kept:
        kept["items"] = {"anyOf": _options(kept["items"])}
    return kept


def _block(field: dict[str, Any]) -> dict[str, Any]:
    return next(option for option in field["anyOf"] if option.get("$ref", "") not in ("", _REFERENCE["$ref"]))
