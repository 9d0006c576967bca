"""Promises of nginx's configuration as it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Place
from roadworthy.target.blocks.stores import SettingValue
from roadworthy.target.values import Frozen, Size

Protocol = Literal["1.0", "1.1", "1.2", "1.3"]
NOT_ONE_VALUE = frozenset({"server", "location", "include", "upstream", "map", "events", "http", "types"})


def _directive(name: str) -> str:
    if not name.replace("_", "").isalnum() or name in NOT_ONE_VALUE:
        raise ValueError(f"{name!r} is no directive with a value")
    return name


class Server(Frozen):
    """What nginx's configuration says of one name."""

    max_body: Size | None = Field(
        None,
        description="How large a body it takes at `/` (client_max_body_size), exactly; nginx's `100M` is `100MiB`.",
    )
    tls: tuple[Protocol, ...] | None = Field(
        None, min_length=1, description="The versions of TLS that it speaks (ssl_protocols), exactly these."
    )
    denies_dot_files: Literal[True] | None = Field(
        None, description="Files such as `.env` and `.git/config` are refused, at any depth (`deny all`, `return 404`)."
    )

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self


class Nginx(Expectation):
    """Promises of nginx's configuration, as nginx itself reads it (`nginx -T`); that takes `sudo: true`."""

    WHERE = frozenset({"pid_file"})

    pid_file: Place = Field(
        "/run/nginx.pid", description="Where the master's number is: what runs there says which files it reads."
    )
    valid: Literal[True] | None = Field(None, description="nginx accepts it: the next restart succeeds.")
    fresh: Literal[True] | None = Field(
        None, description="nginx runs, and was started or reloaded after the last change of its files."
    )
    servers: dict[str, Server] | None = Field(
        None, min_length=1, description="Servers by a name that stands in their server_name: `www.shop.example`, `_`."
    )
    settings: dict[Annotated[str, AfterValidator(_directive)], SettingValue] | None = Field(
        None,
        min_length=1,
        description="Directives outside of any server, as they must be (`server_tokens: off`) or a bound "
        '(`worker_connections: ">= 1024"`).',
    )
