"""What the model says of a place in the target file: its keys, what is allowed there, whether it may be printed.

`of` is the model of the file; that of target files, unless another one is given.
"""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

from roadworthy.target.models import Target
from roadworthy.target.values import BY_REFERENCE, PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from roadworthy.target.merging import Path

_PATTERNS = {
    r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$": "small letters, digits, '.', '_' and '-', as in api or eu-west.api",
    r"^[A-Z]{3}(-[A-Z0-9]+)+$": "the id of a promise, such as ELY-SVC-1",
}


class Spot(NamedTuple):
    """A type of the model, and the field that it was reached by."""

    annotation: Any
    field: FieldInfo | None = None


def spot_at(path: Path, of: type[BaseModel] = Target) -> Spot | None:
    """What belongs at a path; None where the model has no such place."""
    spot: Spot | None = Spot(of)
    for key in path:
        spot = _inside(spot.annotation, key) if spot else None
    return spot


def keys_at(path: Path, of: type[BaseModel] = Target) -> tuple[str, ...]:
    """The keys that a mapping may have; none where the model does not name them."""
    spot = spot_at(path, of)
    model = model_of(spot.annotation) if spot else None
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a value becomes; for one or many, the model of each."""
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
        if get_origin(option) is tuple and (inner := model_of(get_args(option)[0])):
            return inner
    return None


def is_public(path: Path) -> bool:
    """Whether a value may be printed although it came by reference; what stands in a list is as public as the list."""
    while path and path[-1].isdigit():
        path = path[:-1]
    spot = spot_at(path)
    extra = spot.field.json_schema_extra if spot and spot.field else None
    return isinstance(extra, dict) and bool(extra.get(PUBLIC))


def is_by_reference(path: Path) -> bool:
    """Whether a value must come by reference, as it must not stand in a file."""
    spot = spot_at(path)
    extra = spot.field.json_schema_extra if spot and spot.field else None
    return isinstance(extra, dict) and bool(extra.get(BY_REFERENCE))


def is_on(path: Path) -> bool:
    """Whether the model promises what stands at a path unless it is told otherwise."""
    spot = spot_at(path)
    return spot is not None and spot.field is not None and spot.field.default is True


def allowed_at(path: Path, of: type[BaseModel] = Target) -> str:
    """What may stand at a path, in words; empty where the model has no such place."""
    spot = spot_at(path, of)
    if spot is None:
        return ""
    metadata = tuple(spot.field.metadata) if spot.field else ()
    annotation: Any = Annotated[(spot.annotation, *metadata)] if metadata else spot.annotation
    schema = TypeAdapter[Any](annotation).json_schema(by_alias=True)
    return " or ".join(dict.fromkeys(_words(schema, schema.get("$defs", {}))))


def key_allowed_at(path: Path, of: type[BaseModel] = Target) -> str:
    """What the keys of the mapping at a path may look like, in words."""
    spot = spot_at(path, of)
    for option in _options(spot.annotation) if spot else ():
        if get_origin(option) is dict:
            schema = TypeAdapter(get_args(option)[0]).json_schema()
            return " or ".join(_words(schema, {}))
    return ""


def _options(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _options(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            yield from _options(option)
    elif annotation is not type(None):
        yield annotation


def _inside(annotation: Any, key: str) -> Spot | None:
    for option in _options(annotation):
        origin, args = get_origin(option), get_args(option)
        if isinstance(option, type) and issubclass(option, BaseModel):
            for name, field in option.model_fields.items():
                if key == (field.alias or name):
                    return Spot(field.annotation, field)
        elif origin is dict:
            return Spot(args[1])
        elif origin is tuple:
            return Spot(args[0]) if key.isdigit() else _inside(args[0], key)
    return None


def _words(schema: dict[str, Any], defs: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from _words(option, defs)
    elif "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        yield ", ".join("true" if value is True else str(value) for value in values)
    elif schema.get("type") in _KINDS:
        yield _KINDS[schema["type"]] + _bounds(schema)
    elif schema.get("type") == "array":
        inner = " or ".join(_words(schema.get("items", {}), defs))
        yield ("a list of at least one: " if schema.get("minItems") else "a list of: ") + (inner or "anything")
    elif schema.get("type") == "object":
        keys = ", ".join(schema.get("properties", ()))
        yield f"a mapping with the keys {keys}" if keys else "a mapping"


_KINDS = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false"}


def _bounds(schema: dict[str, Any]) -> str:
    if "pattern" in schema:
        return f": {_PATTERNS.get(schema['pattern'], schema['pattern'])}"
    if schema.get("minLength"):
        return ", not empty"
    low, high, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    signs = ((">=", low), (">", above), ("<=", high))
    return "".join(f" {sign} {bound:g}" for sign, bound in signs if bound is not None)
