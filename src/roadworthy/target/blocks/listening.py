"""Promises of who listens on which ports."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation

_PORT = re.compile(r"([0-9]{1,5})(?:/(tcp|udp))?", re.ASCII)
HIGHEST = 65535


def _port(value: Any) -> Any:
    """`443` is `443/tcp`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    match = _PORT.fullmatch(str(value))
    if match is None or not 1 <= int(match[1]) <= HIGHEST:
        raise ValueError("a port is written as 443 or 53/udp")
    return f"{int(match[1])}/{match[2] or 'tcp'}"


Port = Annotated[str, BeforeValidator(_port, json_schema_input_type=int | str)]
"""A port: `443` (TCP), `53/udp`."""


class Listening(Expectation):
    """Promises of who listens on which ports, as the machine's kernel knows it."""

    open: tuple[Port, ...] | None = Field(
        None,
        min_length=1,
        description="Ports that are listened on at an address that others can reach: `[22, 80, 443]`.",
    )
    local: tuple[Port, ...] | None = Field(
        None,
        min_length=1,
        description="Ports that are listened on, at loopback or private addresses alone: `[3306, 6379]`.",
    )
    nothing_else: Literal[True] | None = Field(
        None,
        description="No other port is listened on but at loopback. UDP ports of the range that the kernel gives "
        "clients theirs from do not count.",
    )
    processes: dict[Port, str] | None = Field(
        None,
        min_length=1,
        description="By port, which program listens on it, by its name or that of its file, as a pattern: "
        "`{80: nginx, 9000: php-fpm*}`.",
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if both := set(self.open or ()) & set(self.local or ()):
            raise ValueError(f"{', '.join(sorted(both))}: open and local at once")
        if self.nothing_else and not (self.open or self.local or self.processes):
            raise ValueError("nothing_else: say what else there is, in open, local or processes")
        return self

    @property
    def known(self) -> frozenset[str]:
        """All ports that are spoken of."""
        return frozenset((*(self.open or ()), *(self.local or ()), *(self.processes or ())))
