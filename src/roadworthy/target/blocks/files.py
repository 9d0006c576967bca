"""Files and trees on a host: what is there, whose it is, who may do what with it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, Place, one_or_many
from roadworthy.target.values import PUBLIC, Duration, Frozen

Kind = Literal["file", "folder", "link", "socket", "absent"]

_MODE = re.compile(r"(?:(<=|>=) ?)?(0?[0-7]{3}|[1-7][0-7]{3})")


def _mode(value: Any) -> Any:
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        raise ValueError('a mode is written in quotes: "640", "<= 750" (no bit beyond these), ">= 600" (all of these)')
    return value


Mode = Annotated[str, BeforeValidator(_mode, json_schema_input_type=str)]
"""Which bits a mode has: `640` is that one, `<= 750` none beyond these, `>= 600` all of these."""

Modes = Annotated[tuple[Mode, ...], BeforeValidator(one_or_many, json_schema_input_type=Mode | tuple[Mode, ...])]


def mode_of(text: str) -> tuple[str, int]:
    """The sign of a mode (empty: exactly) and its bits."""
    match = _MODE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no mode")
    return match[1] or "", int(match[2], 8)


def _name(value: str) -> str:
    if not value or value.startswith("/") or "\0" in value or ".." in value.split("/"):
        raise ValueError("give a name, or a path from the tree's own folder: vendor, storage/framework")
    return value.rstrip("/")


class FilePromise(Frozen):
    """What is promised of one path. Links are followed, unless a link is what is promised."""

    kind: Kind = Field(description="What is there; `absent`: nothing is.")
    to: str | None = Field(None, min_length=1, description="link: where it leads, as it is written in it.")
    owner: OneOrMany | None = Field(None, min_length=1, description="Whose it is: one of these users.")
    group: OneOrMany | None = Field(None, min_length=1, description="It belongs to one of these groups.")
    mode: Modes | None = Field(
        None,
        min_length=1,
        description='Its mode: `"640"`, `"<= 750"` (no bit beyond these), `">= 600"` (all of these).',
    )
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="What is in it has this hash; files of up to 64 MiB.",
        json_schema_extra={PUBLIC: True},
    )
    contains: OneOrMany | None = Field(
        None, min_length=1, description="Each of these texts is in it; in its first 4 MiB. It stays on the host."
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        others = [name for name in type(self).model_fields if name != "kind" and getattr(self, name) is not None]
        if self.kind == "absent" and others:
            raise ValueError(f"what is absent has no {others[0]}")
        if self.to is not None and self.kind != "link":
            raise ValueError("to: only a link leads somewhere")
        if self.kind == "link" and self.mode is not None:
            raise ValueError("mode: a link has none of its own; promise it of the place that it leads to")
        if self.kind != "file" and (self.sha256 is not None or self.contains is not None):
            raise ValueError("sha256 and contains are about what is in a file")
        return self


class Tree(Frozen):
    """What is promised of all that is in a folder, itself included. Links in it are not followed."""

    owner: OneOrMany | None = Field(None, min_length=1, description="All of it belongs to one of these users.")
    group: OneOrMany | None = Field(None, min_length=1, description="All of it belongs to one of these groups.")
    folders: Modes | None = Field(None, min_length=1, description='The mode of each folder: `"775"`, `"<= 755"`.')
    files: Modes | None = Field(None, min_length=1, description='The mode of each file: `"<= 664"`.')
    nobody_else_writes: Literal[True] | None = Field(
        None, description="Nothing in it can be written by all the world; a sticky folder (1777) neither."
    )
    without: Annotated[
        tuple[Annotated[str, AfterValidator(_name)], ...],
        BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...]),
    ] = Field(
        (),
        alias="except",
        description="What is not looked at: names at any depth (`vendor`), paths from the folder (`storage/keys`).",
    )

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        if all(getattr(self, key) is None for key in ("owner", "group", "folders", "files", "nobody_else_writes")):
            raise ValueError("give at least one of owner, group, folders, files, nobody_else_writes")
        return self


class Files(Expectation):
    """Promises of files and trees: owners, groups, modes."""

    WHERE = frozenset({"walk_entries", "walk_within"})

    paths: dict[Place, FilePromise] | None = Field(None, min_length=1, description="Files and folders by path.")
    trees: dict[Place, Tree] | None = Field(
        None, min_length=1, description="Folders by path, with all that is in them."
    )
    walk_entries: int = Field(
        200_000,
        ge=1,
        le=5_000_000,
        description="So much is looked at in each tree, what is nearest to its folder first. What is beyond was not "
        "seen, and a tree that is larger is promised nothing of.",
    )
    walk_within: Duration = Field(20.0, le=50, description="The same, in time, for all trees together.")
