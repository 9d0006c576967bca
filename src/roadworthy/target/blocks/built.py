"""What is built from sources: a cache of Laravel's, a front end. It is there, and was built after they last changed."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Place, one_or_many
from roadworthy.target.values import PUBLIC

Cache = Literal["config", "routes", "views", "events"]


class Laravel(Expectation):
    """The caches of one Laravel application. Those of configuration and routes are newer than what they are made of."""

    WHERE = frozenset({"path"})

    path: Place = Field(description="The folder that has `artisan` in it.", json_schema_extra={PUBLIC: True})
    caches: tuple[Cache, ...] | None = Field(
        None, min_length=1, description="Which are built: `config:cache`, `route:cache`, `view:cache`, `event:cache`."
    )


class Output(Expectation):
    """What is promised of one file that was built; that it is there and not empty, in any case."""

    WHERE = frozenset({"path"})

    path: Place = Field(description="Where it is: `/srv/web/.next/BUILD_ID`.", json_schema_extra={PUBLIC: True})
    newer_than: (
        Annotated[tuple[Place, ...], BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...])] | None
    ) = Field(
        None,
        min_length=1,
        max_length=20,
        description="No older than any of these: files, `*` in the last name (`/srv/app/config/*.php`), or folders "
        "with all that is in them, but for `.git`, `node_modules` and `vendor`.",
    )


class Built(Expectation):
    """Promises of what is built from sources, by the times at which files were last changed."""

    laravel: dict[str, Laravel] | None = Field(
        None, min_length=1, max_length=20, description="Laravel applications, each by a name of your own."
    )
    outputs: dict[str, Output] | None = Field(
        None, min_length=1, max_length=50, description="Other things that are built, each by a name of your own."
    )

    @model_validator(mode="after")
    def _paths_differ(self) -> Self:
        for given in (self.laravel or {}, self.outputs or {}):
            paths = [one.path for one in given.values()]
            if twice := next((path for path in paths if paths.count(path) > 1), None):
                raise ValueError(f"{twice} is there twice")
        return self
