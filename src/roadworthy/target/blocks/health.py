"""Health, release and transport: that a component is there, well, and of the promised version."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from roadworthy.target.blocks.block import Expectation, Path, Status
from roadworthy.target.values import PUBLIC, Duration, Frozen, JsonPlace, JsonQuery


class Health(Expectation):
    """One question that a component answers when it is well."""

    path: Path = Field(description="Asked below the component's URL.")
    status: Status = Field(200, description="The answer's status, exactly.")
    json_subset: dict[str, Any] | None = Field(
        None, alias="json", min_length=1, description="The answer, parsed as JSON, holds at least these members."
    )
    json_equals: Any | None = Field(None, description="The answer, parsed as JSON, is exactly this.")
    json_path: dict[JsonQuery, Any] | None = Field(
        None, min_length=1, description="RFC 9535 queries, each with the value that every match has."
    )
    contains: str | None = Field(None, min_length=1, description="The answer's text holds this.")
    within: Duration | None = Field(None, description="The whole answer is in within this time.")


class Release(Frozen):
    """The release that must be running."""

    version: str = Field(
        min_length=1,
        description="What every component that tells its release must tell; `--expect-version` sets it.",
        json_schema_extra={PUBLIC: True},
    )


class Running(Expectation):
    """Where a component tells the version that it runs: a JSON member, a header, or the whole text of an answer."""

    path: Path = Field(description="Asked below the component's URL.")
    json_path: JsonPlace | None = Field(
        None, alias="json", description="The version is this member of the JSON answer, or this query's one match."
    )
    header: str | None = Field(None, description="The version is this header's value.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.json_path is not None and self.header is not None:
            raise ValueError("give json or header, not both")
        return self


class Tcp(Expectation):
    """Promises about the transport alone."""

    open: Literal[True] = Field(
        description="Every address behind the name accepts connections. REACH-TCP judges that of every component."
    )
