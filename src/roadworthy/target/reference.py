"""The reference of target files, `docs/target.md`: the words of `reference.md`, the tables from the models.

Which check judges a key is told from outside: the target knows of no checks.
"""

from __future__ import annotations

from importlib.resources import files
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import AwareDatetime, BaseModel, BeforeValidator

from roadworthy.target import models
from roadworthy.target.blocks.backups import Share
from roadworthy.target.blocks.block import Path, Place
from roadworthy.target.blocks.stores import Amount, Memory, Version
from roadworthy.target.document import MapNode, Scalar
from roadworthy.target.fields import model_of
from roadworthy.target.models import BLOCKS
from roadworthy.target.parts import policies
from roadworthy.target.schedules import When
from roadworthy.target.schema import file_schema
from roadworthy.target.values import PUBLIC, AllowList, Duration, JsonPlace, JsonQuery, Name, Size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic.fields import FieldInfo

KINDS: tuple[tuple[Any, str, str], ...] = (
    (Duration, "duration", "`500ms`, `2s`, `5m`, `1h30m`, `7d`; a number without a unit is refused"),
    (Size, "size", "`512B`, `20MB` (decimal), `20MiB` (binary)"),
    (Path, "path", "begins with `/`, and is asked below the component's `url`"),
    (Place, "place", "a path on a host; begins with `/`"),
    (Name, "name", "small letters, digits, `.`, `_` and `-`: `eu-west.api`; at most 64"),
    (JsonQuery, "query", "a JSONPath query (RFC 9535): `$.checks[*].status`"),
    (JsonPlace, "member or query", "a member's name, or a query, which begins with `$`"),
    (AllowList, "allow-list", '`()`, `(self)`, `*`, `(self "https://maps.example")`'),
    (Share, "share", "a part of what it is compared with: `30%`"),
    (When, "schedule", "in quotes, as cron has it: `'*/5 * * * *'`, `'@daily'`; of a timer also `Mon..Fri 02:00`"),
    (AwareDatetime, "moment", "`2026-11-28T14:00:00Z`, with its zone"),
    (Memory, "memory", "`2GiB`, or a share of the limit: `80%`"),
    (Version, "version", '`"16"` (any 16.x), `8.0.35`, `">= 5.0"`'),
    (Amount, "amount", "a number, or a share of what the server allows: `180`, `80%`"),
    (models.PromiseId, "promise id", "an id of the ledger that `roadworthy coverage` prints: `POR-TLS-1`"),
)
"""Types with a name of their own: type, name, how it is written."""

_PLAIN = {str: "text", int: "whole number", bool: "true or false", float: "number", Any: "anything"}


class Block(NamedTuple):
    """A block of a target file, by its dotted key."""

    key: str
    model: type[BaseModel]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that stand in it."""
        return tuple(field.alias or name for name, field in self.model.model_fields.items())


def as_markdown(judges: Mapping[str, Iterable[str]]) -> str:
    """The reference.

    Args:
        judges: a component's key (`tls.min_days_left`, or a whole block), and the checks that judge it; those of every
            component stand at the empty key.
    """
    top, *blocks = blocks_of("", models.Target)
    parts = {
        "values": _table(("value", "how it is written"), _kinds(block.model for block in (top, *blocks))),
        "public": ", ".join(f"`{key}`" for key in _public((top, *blocks))),
        "top": _fields(top, judges, _of_files()),
        "blocks": "\n\n".join(_section(block, judges) for block in blocks),
        "policies": _table(("policy", "date", "source", "fills in"), _policies()),
    }
    text = files("roadworthy.target").joinpath("reference.md").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    return text


def blocks_of(key: str, model: type[BaseModel]) -> Iterator[Block]:
    """A block and all below it, by their dotted keys."""
    yield Block(key, model)
    for name, field in model.model_fields.items():
        if inner := _model_below(field.annotation):
            place = f"{key}.{field.alias or name}".removeprefix(".")
            yield from blocks_of(f"{place}.NAME" if place == "components" else place, inner)


def _model_below(annotation: Any) -> type[BaseModel] | None:
    """The model of a field, also where the field maps names to it."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    mapped = next((get_args(option)[1] for option in options if get_origin(option) is dict), annotation)
    return model_of(mapped)


def _section(block: Block, judges: Mapping[str, Iterable[str]]) -> str:
    depth = "##" if block.key.count(".") < 2 else "###"  # noqa: PLR2004 - components.NAME
    says = " ".join((block.model.__doc__ or "").split())
    every = _checks(judges, "") if block.key == "components.NAME" else ""
    also = f" Whatever a component promises, it is judged by {every}, where they can be asked of it." if every else ""
    return f"{depth} `{block.key}`\n\n{says}{also}\n\n{_fields(block, judges)}"


def _fields(block: Block, judges: Mapping[str, Iterable[str]], more: Iterable[tuple[str, ...]] = ()) -> str:
    hints = _hints(block.model)
    defaults = block.model.model_construct().model_dump(mode="json", by_alias=True)
    rows: list[tuple[str, ...]] = []
    for name, field in block.model.model_fields.items():
        key = field.alias or name
        at = f"{block.key}.{key}{'.NAME' if key == 'components' else ''}".removeprefix(".")
        value = _written(hints[name]) + _bounds(field)
        if _model_below(field.annotation):
            value = value.replace("block", f"[block](#{_anchor(at)})", 1)
        default = "required" if field.is_required() else _shown(defaults[key])
        _, _, promise = at.partition("components.NAME.")
        rows.append((f"`{key}`", value, default, field.description or "", _checks(judges, promise) if promise else ""))
    head = ("key", "value", "default", "says", "judged by")
    rows += more
    shown = len(head) if any(row[-1] for row in rows) else len(head) - 1
    return _table(head[:shown], (row[:shown] for row in rows))


def _anchor(key: str) -> str:
    """What GitHub makes of a heading."""
    return key.lower().replace(".", "").replace(" ", "-")


def _written(annotation: Any) -> str:
    """A type as a person writes it."""
    if known := next((name for alias, name, _ in KINDS if annotation == alias), None):
        return known
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        inputs = (part.json_schema_input_type for part in metadata if isinstance(part, BeforeValidator))
        return _written(next(inputs, inner))
    return _plain(annotation)


def _plain(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(_written(option) for option in args if option is not type(None))
    if origin is Literal:
        return ", ".join(f"`{_shown(value)}`" for value in args)
    if origin is tuple:
        return f"list of {_written(args[0])}".replace("of block", "of blocks")
    if origin is dict:
        return f"mapping of {_written(args[0])} to {_written(args[1])}"
    if annotation is type(None):
        return "nothing"
    return "block" if isinstance(annotation, type) and issubclass(annotation, BaseModel) else _PLAIN[annotation]


def _bounds(field: FieldInfo) -> str:
    """The limits of a field's own; those of a named kind stand with the kind."""
    limits = {name: getattr(part, name) for part in field.metadata for name in _LIMITS if hasattr(part, name)}
    if field.annotation is float:  # a duration
        return ""
    if {"ge", "le"} <= limits.keys():
        return f", {limits['ge']} to {limits['le']}"
    return "".join(f", {_LIMITS[name].format(limit)}" for name, limit in limits.items())


_LIMITS = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "min_length": "not empty"}


def _shown(value: Any) -> str:
    """A default, as it would be written; what is empty promises nothing."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and value:
        return f"[{', '.join(map(str, value))}]"
    return "" if isinstance(value, list | dict | None) else str(value)


def _kinds(blocks: Iterable[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    """The named types that a key takes."""
    used = [part for block in blocks for hint in _hints(block).values() for part in _parts(hint)]
    return ((name, written) for alias, name, written in KINDS if alias in used)


def _hints(model: type[BaseModel]) -> dict[str, Any]:
    """The fields' types as they are written, names of types kept."""
    hints = get_type_hints(model, include_extras=True)
    return {name: hints[name] for name in model.model_fields}


def _parts(annotation: Any) -> Iterator[Any]:
    """A type and all that it is made of."""
    yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def _public(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        for name, field in block.model.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get(PUBLIC):
                yield f"{block.key}.{field.alias or name}".removeprefix(".")


def _of_files() -> Iterator[tuple[str, ...]]:
    """The keys that a file has and a target, which is many files in one, has not."""
    known = {field.alias or name for name, field in models.Target.model_fields.items()}
    kinds = {"string": "text", "object": "mapping", "array": "list"}
    for key, schema in file_schema()["properties"].items():
        if key not in known:
            yield f"`{key}`", kinds[schema["type"]], "", schema["description"], ""


def _policies() -> Iterator[tuple[str, ...]]:
    for name, policy in policies().items():
        about = {key: policy.get(key) for key in ("date", "source")}
        told = [node.text if isinstance(node, Scalar) else "" for node in about.values()]
        filled = [
            f"`{block}.{key}`"
            for block in BLOCKS
            if isinstance(values := policy.get(block), MapNode)
            for key in values.entries
        ]
        yield f"[{name}](../src/roadworthy/policy/{name}.yaml)", *told, ", ".join(filled)


def _checks(judges: Mapping[str, Iterable[str]], key: str) -> str:
    return ", ".join(f"[{check}](checks.md#{check.lower()})" for check in judges.get(key, ()))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ([cell.replace("|", r"\|") for cell in line] for line in (head, ("---",) * len(head), *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
