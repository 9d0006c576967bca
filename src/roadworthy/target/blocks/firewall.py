"""Promises of the firewall, and what bans intruders."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany, one_or_many
from roadworthy.target.blocks.listening import HIGHEST

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(tcp|udp))?", re.ASCII)


def _ports(value: Any) -> Any:
    """`443` is `443/tcp`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    match = _PORTS.fullmatch(str(value))
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if match is None or not 1 <= first <= last <= HIGHEST:
        raise ValueError("ports are written as 443, 53/udp or 6000-6007/tcp")
    return f"{first}{f'-{last}' if last > first else ''}/{match[3] or 'tcp'}"


Ports = Annotated[str, BeforeValidator(_ports, json_schema_input_type=int | str)]
"""A port, or a range of them: `443` (TCP), `53/udp`, `6000-6007/tcp`."""


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no address and no network such as 10.0.1.0/24") from error


Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    Field(min_length=1),
    BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...]),
]
"""Addresses and networks."""


class Firewall(Expectation):
    """Promises of the machine's own firewall (ufw, firewalld, nftables or iptables), and of what bans intruders.

    What containers publish by address translation goes round the rules for incoming connections, and is not seen here:
    `listening` and `exposure.closed_ports` see it.
    """

    active: Literal[True] | None = Field(None, description="There is one, and it is on.")
    default_deny: Literal[True] | None = Field(
        None, description="What no rule speaks of is not let in, over IPv4 and IPv6."
    )
    open: tuple[Ports, ...] | None = Field(
        None,
        min_length=1,
        description="The ports that are let in from anywhere, over IPv4: these and, over IPv4 and IPv6, no others: "
        "`[22, 80, 443, 60000-61000/udp]`. That they are listened on is a promise of `listening`.",
    )
    networks: dict[Ports, Networks] | None = Field(
        None,
        min_length=1,
        description="Ports that are let in from these networks alone: `{3306: 10.0.1.0/24}`.",
    )
    bans: Literal[True] | None = Field(None, description="fail2ban runs, with at least one jail.")
    jails: OneOrMany | None = Field(None, min_length=1, description="Its jails that are on, among others: `[sshd]`.")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if both := set(self.open or ()) & set(self.networks or {}):
            raise ValueError(f"{', '.join(sorted(both))}: open to all, and to some networks alone")
        return self
