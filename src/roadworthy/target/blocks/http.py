"""HTTP's behaviour: redirects, versions, compression, caching."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from roadworthy.target.blocks.block import Expectation, Path


class Http(Expectation):
    """Promises about HTTP's behaviour."""

    redirects_from_http: Literal[301, 302, 307, 308] | None = Field(
        None, description="http:// answers with this status and the same place on https://."
    )
    versions: tuple[Literal["http/1.1", "h2"], ...] | None = Field(
        None, min_length=1, description="Each is spoken with a client that offers no other."
    )
    compresses: Annotated[
        dict[str, Path] | None,
        BeforeValidator(
            lambda v: dict.fromkeys(v, "/") if isinstance(v, list | tuple) else v,
            json_schema_input_type=dict[str, Path] | tuple[str, ...] | None,
        ),
    ] = Field(None, min_length=1, description="Media types that are compressed, each with a page of that type.")
    caches: dict[Path, str] | None = Field(
        None, min_length=1, description="Pages with the Cache-Control directives that they carry."
    )
