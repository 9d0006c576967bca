"""Mail: what a domain says of the mail that is sent in its name, and the server that takes it."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, Need
from roadworthy.target.values import BY_REFERENCE, PUBLIC, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z][A-Za-z0-9-]{0,62}")
_SELECTOR = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)


def network_of(text: str) -> IPv4Network | IPv6Network | None:
    """The network that a text names; a single address is one of itself. None where it is a name."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def _host(value: str) -> str:
    if not _HOST.fullmatch(value.rstrip(".")):
        raise ValueError("a mail server is named as mx1.shop.example")
    return value.lower().rstrip(".")


def _sender(value: str) -> str:
    if network_of(value) is None and not _HOST.fullmatch(value):
        raise ValueError("who may send is an address, a network (198.51.100.0/24), or a name that is included")
    return value.lower()


def _selector(value: str) -> str:
    if not _SELECTOR.fullmatch(value):
        raise ValueError("a selector is what stands before ._domainkey, e.g. s1 or 2026-11")
    return value.lower()


SUBMISSIONS = 465
"""The port of TLS from the first byte (RFC 8314 section 7.3)."""

Policy = Literal["none", "quarantine", "reject"]
Alignment = Literal["relaxed", "strict"]


class Spf(Expectation):
    """Who may send in the domain's name (RFC 7208). That the record is valid, is judged whatever is promised."""

    permits: tuple[Annotated[str, AfterValidator(_sender)], ...] | None = Field(
        None,
        min_length=1,
        description="Addresses and networks whose mail passes, and names that are included (`amazonses.com`).",
        json_schema_extra={PUBLIC: True},
    )
    ends: Literal["-all", "~all"] | None = Field(
        None, description="What becomes of everybody else: refused, or taken with suspicion. `-all` does for both."
    )


class Dkim(Expectation):
    """The keys that mail of the domain is signed with (RFC 6376)."""

    selectors: tuple[Annotated[str, AfterValidator(_selector)], ...] = Field(
        min_length=1,
        description="Each has a key that can be used; a key cannot be found without its selector.",
        json_schema_extra={PUBLIC: True},
    )
    min_bits: int = Field(1024, ge=1024, description="The length of an RSA key, at least (RFC 8301 section 3.2).")


class DmarcAlignment(Frozen):
    """How closely the domain in From must be that of SPF and DKIM."""

    spf: Alignment | None = Field(None, description="`strict`: the very same domain; `relaxed`: the same organisation.")
    dkim: Alignment | None = Field(None, description="As `spf`.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.spf is None and self.dkim is None:
            raise ValueError("give spf, dkim or both")
        return self


class Dmarc(Expectation):
    """What receivers do with mail that only claims to be from the domain (RFC 9989)."""

    policy: Policy | None = Field(None, description="What is asked for mail of this domain: this, or what is stricter.")
    subdomains: Policy | None = Field(None, description="The same for mail of names below it that have no policy.")
    reports: Literal[True] | None = Field(
        None, description="Aggregate reports are asked for (rua), and whoever is to get them agrees to."
    )
    alignment: DmarcAlignment | None = Field(None, description="Exactly these modes.")


class Mail(Expectation):
    """Promises about the mail of the component's domain."""

    mx: tuple[Annotated[str, AfterValidator(_host)], ...] | None = Field(
        None,
        min_length=1,
        description="Exactly the names of its mail exchangers. Each must have an address.",
        json_schema_extra={PUBLIC: True},
    )
    spf: Spf | None = Field(None, description="Who may send in its name.")
    dkim: Dkim | None = Field(None, description="The keys of its signatures.")
    dmarc: Dmarc | None = Field(None, description="Its policy on mail that only claims to be from it.")
    mta_sts: Literal["testing", "enforce"] | None = Field(
        None, description="The mode of its MTA-STS policy; senders must then use TLS. `enforce` does for both."
    )
    tls_rpt: Literal[True] | None = Field(None, description="It asks for reports on TLS that failed (RFC 8460).")
    sends_nothing: Literal[True] | None = Field(
        None,
        description="It has no mail at all, and says so: a null MX (`0 .`), `v=spf1 -all` and DMARC's `reject`.",
    )

    @model_validator(mode="after")
    def _has_mail_or_none(self) -> Self:
        if self.sends_nothing and (
            others := [name for name in ("mx", "spf", "dkim", "mta_sts") if getattr(self, name)]
        ):
            raise ValueError(f"sends_nothing says it all; {', '.join(others)} would be about mail that there is not")
        return self


class Login(Frozen):
    """Who logs in; by reference, for nothing of it is to stand in a file: `${env:SMTP_PASSWORD}`."""

    username: str = Field(min_length=1, max_length=256, description="As the server wants it.")
    password: str = Field(
        min_length=1,
        max_length=1024,
        description="By reference: `${env:SMTP_PASSWORD}`.",
        json_schema_extra={BY_REFERENCE: True},
    )

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if any(character in self.username + self.password for character in "\0\r\n"):
            raise ValueError("neither may hold a line's end")
        return self


class Smtp(Expectation):
    """Promises about an SMTP server that takes mail. Nothing is ever sent: no test goes as far as DATA."""

    implicit_tls: bool | None = Field(
        None, description="TLS from the first byte, as on port 465, which is the default there alone."
    )
    starttls: Literal[True] | None = Field(
        None, description="It offers STARTTLS and completes it; plain text is not mixed into what comes inside TLS."
    )
    refuses_plain_login: Literal[True] | None = Field(
        None, description="Before TLS it offers no login. Some services offer one all the same, and refuse it."
    )
    login: Login | None = Field(
        None,
        description="These credentials are accepted. They are sent only over TLS whose certificate was verified.",
    )
    refuses_wrong_password: Literal[True] | None = Field(
        None, description="One wrong password is tried, and refused; needs network.allows: [logins]."
    )
    refuses_relay: Literal[True] | None = Field(
        None, description="Without a login, mail to a stranger is refused. None is sent: the try ends before DATA."
    )

    def secures_at_once(self, port: int) -> bool:
        """Whether TLS is there from the first byte."""
        if self.implicit_tls is not None:
            return self.implicit_tls
        return port == SUBMISSIONS and not self.starttls

    def needs(self) -> Iterable[Need]:
        """A wrong password, where its refusal is promised."""
        if self.refuses_wrong_password:
            yield Need("refuses_wrong_password", "logins", "one wrong password is sent")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.starttls or self.refuses_plain_login) and self.implicit_tls:
            raise ValueError("where TLS is there from the first byte (implicit_tls), there is nothing before it")
        return self
