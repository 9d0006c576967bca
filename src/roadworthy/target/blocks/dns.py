"""DNS: what a name says, who says it, and how well its zone is kept."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation
from roadworthy.target.values import Duration, Frozen


def _ipv4(value: str) -> str:
    return str(IPv4Address(value))


def _ipv6(value: str) -> str:
    return str(IPv6Address(value))


def plain_domain(value: str) -> str:
    """A domain name as it is compared: lower case, without a dot at its end.

    Raises:
        ValueError: it can be none.
    """
    plain = value.strip().lower().removesuffix(".")
    labels = plain.split(".")
    if len(plain) > 253 or any(not label or len(label) > 63 or set(label) & set(" /:@,") for label in labels):  # noqa: PLR2004 - RFC 1035
        raise ValueError(f"{value!r} is no domain name")
    return plain


Domain = Annotated[str, AfterValidator(plain_domain)]
Ipv4 = Annotated[str, AfterValidator(_ipv4)]
Ipv6 = Annotated[str, AfterValidator(_ipv6)]


class Soa(Frozen):
    """The figures of a zone's SOA record (RFC 1912 section 2.2): how its secondary servers keep up with it."""

    refresh: Duration | None = Field(None, description="At least; `retry` is below it.")
    retry: Duration | None = Field(None, description="At least.")
    expire: Duration | None = Field(None, description="At least.")
    minimum: tuple[Duration, Duration] | None = Field(
        None, description="From, to: how long resolvers remember that there is no such name."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("give at least one of: refresh, retry, expire, minimum")
        if self.minimum and self.minimum[0] > self.minimum[1]:
            raise ValueError("minimum: the first is the lower one")
        return self


class Dnssec(Frozen):
    """How long the signatures must still be valid, and may be at most."""

    left: Duration = Field(43200.0, description="Every signature met is valid for so long yet, at least.")
    at_most: Duration = Field(180 * 86400.0, description="And for no longer.")


def _dnssec(value: Any) -> Any:
    return {} if value is True else value


class Dns(Expectation):
    """Promises about the component's name and its zone; `policy` fills in what is not given here."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"policy"})

    policy: str | None = Field(None, description="A dated policy, adopted by name; see `roadworthy target show`.")

    a: tuple[Ipv4, ...] | None = Field(None, min_length=1, description="Exactly the IPv4 addresses of the name.")
    aaaa: Annotated[tuple[Ipv6, ...], Field(min_length=1)] | Literal["none"] | None = Field(
        None, description="Exactly the IPv6 addresses of the name, or `none`."
    )
    cname: Domain | None = Field(None, description="The name is an alias of this one (CNAME).")
    alias_of: Domain | None = Field(
        None,
        description="The name has the addresses of this one (a load balancer's, say), by whatever kind of record.",
    )
    ttl: Duration | None = Field(None, description="The time to live of its records at their source, exactly.")
    same_everywhere: bool = Field(
        True, description="Every authoritative server says the same, and so does the resolver, once caches are over."
    )
    sound_alias: bool = Field(
        True, description="Where the name is an alias: of a name that exists, in no circle, with nothing beside it."
    )
    proxied: Literal["cloudflare"] | None = Field(
        None, description="All its addresses are the proxy's: none is the origin's own."
    )
    ipv6: Literal[True] | None = Field(None, description="It has an IPv6 address, which the Internet could route to.")
    txt: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        None, min_length=1, description="Each is found in a TXT record of the name."
    )
    caa: tuple[Domain, ...] | None = Field(
        None, min_length=1, description="Exactly the certificate authorities that may issue for the name (CAA)."
    )
    no_wildcard: Literal[True] | None = Field(
        None, description="A name that nobody has made, beside or below this one, does not exist."
    )

    ns: tuple[Domain, ...] | None = Field(None, min_length=1, description="Exactly the name servers of the zone.")
    servers_answer: bool = Field(
        True, description="Every server that the zone is delegated to answers for it, over UDP and TCP."
    )
    name_servers: int | None = Field(None, ge=1, le=13, description="The zone has so many name servers, at least.")
    networks: int | None = Field(
        None, ge=1, le=13, description="They are in so many networks (IPv4 /24, IPv6 /48), at least."
    )
    same_delegation: Literal[True] | None = Field(
        None, description="The parent names the servers that the zone itself names, at the same addresses."
    )
    same_serial: Literal[True] | None = Field(None, description="Every server has the same version of the zone.")
    soa: Soa | None = Field(None, description="The figures of the zone's SOA record.")
    no_open_recursion: Literal[True] | None = Field(None, description="Its name servers look nothing up for strangers.")
    refuses_transfer: Literal[True] | None = Field(
        None, description="Its name servers hand the whole zone to no stranger (AXFR)."
    )
    dnssec: Annotated[Dnssec | None, BeforeValidator(_dnssec, json_schema_input_type=Dnssec | Literal[True] | None)] = (
        Field(None, description="The records of the name are signed, up to the root or `network.trust_anchor`.")
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cname and (self.a or self.aaaa):
            raise ValueError("cname: an alias has no address records of its own; promise one or the other")
        return self
