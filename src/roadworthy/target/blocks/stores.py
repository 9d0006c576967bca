"""What the blocks of databases, caches and queues share: who logs in, which version answers, how much may be in use."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from roadworthy.target.values import BY_REFERENCE, PUBLIC, Duration, Frozen, Size, parse_size, show_size

_VERSION = re.compile(r"(?:(>=|<=|<|>) ?)?([0-9]+(?:\.[0-9]+){0,3})")
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


class Login(Frozen):
    """Who logs in. A server that asks for no password is logged into without one."""

    username: str = Field("", max_length=256, description="As the server knows it; a cache may need none.")
    password: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="By reference: `${env:DB_PASSWORD}`.",
        json_schema_extra={BY_REFERENCE: True},
    )

    @model_validator(mode="after")
    def _can_be_sent(self) -> Login:
        if any(character in self.username + (self.password or "") for character in "\0\r\n"):
            raise ValueError("neither may hold a line's end")
        return self


class PublishedLogin(Frozen):
    """Credentials that everybody knows, from a manual or a default; the password stands in the file on purpose."""

    username: str = Field("", max_length=256, description="As the server knows it.")
    published: str = Field(max_length=1024, description="The password that everybody knows; empty: none.")


def check_version(value: Any) -> Any:
    """The text, if it says which versions are meant: `16`, `8.0.35`, `>= 5.0`.

    Raises:
        ValueError: it does not.
    """
    if isinstance(value, float):
        raise ValueError(f"write a version in quotes: {value!r} may be {value} or {value}0")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and not _VERSION.fullmatch(value):
        raise ValueError('a version is written as "16" (any 16.x), "8.0.35" or ">= 5.0"')
    return value


Version = Annotated[str, BeforeValidator(check_version, json_schema_input_type=str | int)]
"""Which versions may answer: `16` is any 16.x, `8.0.35` that one, `>= 5.0` from there on."""


def _share(value: int | str) -> int | str:
    if isinstance(value, str) and not ((match := _SHARE.fullmatch(value)) and 0 < float(match[1]) <= 100):  # noqa: PLR2004 - per cent
        raise ValueError("an amount is a number, or a share of the limit such as 80%")
    if isinstance(value, int) and value < 1:
        raise ValueError("an amount is 1 or more")
    return value


Amount = Annotated[int | str, AfterValidator(_share)]
"""A number, or a share of what the server allows: `180`, `80%`."""


def _bytes(value: Any) -> Any:
    """A size as bytes; a share is left as it is."""
    return value if isinstance(value, str) and value.rstrip().endswith("%") else parse_size(value)


def _as_written(value: int | str) -> str:
    return show_size(value) if isinstance(value, int) else value


Memory = Annotated[
    Amount,
    BeforeValidator(_bytes, json_schema_input_type=str),
    PlainSerializer(_as_written, return_type=str),
]
"""A size, or a share of what there is: `2GiB`, `80%`."""

SettingValue = str | int | float | bool
"""A setting as it must be (`12G`, `on`, `500`), or a bound on it (`>= 64M`)."""


class Replicas(Frozen):
    """What a primary must know of those that copy it."""

    count: int = Field(ge=1, description="So many replicas stream, at least.")
    max_lag: Duration | None = Field(None, description="None of them is further behind than this.")
    max_lag_bytes: Size | None = Field(None, description="None of them has more than this still to apply.")


class Marker(Frozen):
    """A row that is written on the primary and looked for on the replica; needs `network.allows: [writes]`."""

    table: str = Field(
        "roadworthy_markers",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$",
        description="Made if it is not there; a run leaves no row of its own.",
        json_schema_extra={PUBLIC: True},
    )
    within: Duration = Field(5.0, description="How soon the replica has it.")


class Follows(Frozen):
    """What a replica must say of the one that it copies."""

    component: str = Field(description="The component that is its primary.")
    max_lag: Duration | None = Field(None, description="It is no further behind than this.")
    marker: Marker | None = Field(None, description="What is written on the primary is seen here.")


Role = Literal["primary", "replica"]
