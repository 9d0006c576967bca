"""Mail of a domain: what DNS says of it, and the policy that its web server tells (MTA-STS)."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, NotObserved, Observation, Reason

UNREADY = frozenset({429, 500, 502, 503, 504})
"""Statuses of a host that may be well a moment later."""

LookupKind = Literal["MX", "TXT", "A", "AAAA", "PTR"]


class LookupState(StrEnum):
    """How a look-up ended (RFC 1035, RFC 2308). A failure (SERVFAIL, time-out) tells nothing of what is there."""

    FOUND = "records"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "no such record"
    FAILED = "failed"


class Lookup(Fact):
    """One question to DNS and what came of it."""

    name: str = Field(description="In lower case, without the dot at its end.")
    kind: LookupKind
    state: LookupState
    records: tuple[str, ...] = Field(
        (), description="`10 mx.shop.example` for MX; TXT as one text, each of its bytes a character (ISO 8859-1)."
    )
    alias_of: str | None = Field(None, description="The name that CNAMEs led to.")
    detail: str = Field("", description="Why it failed.")

    @property
    def is_void(self) -> bool:
        """Whether there is nothing (RFC 7208 section 4.6.4)."""
        return self.state in (LookupState.NXDOMAIN, LookupState.NODATA)


class PolicyAnswer(Fact):
    """What the policy host of MTA-STS answered (RFC 8461 section 3.3)."""

    outcome: Literal["answer"] = "answer"
    address: str | None = None
    status: int
    media_type: str
    text: str
    truncated: bool = False
    distrust: str = Field("", description="What a client has against the certificate; empty where it trusts it.")


class NoPolicyAnswer(Fact):
    """Why the policy host gave no answer."""

    outcome: Literal["none"] = "none"
    address: str | None = None
    detail: str
    unseen: bool = Field(False, description="It could not be looked at from here: no route, no resolver.")


class MailAsk(Ask):
    """Everything that DNS says of a domain's mail, once in all. The port is that of DNS."""

    kind: Literal["mail"] = "mail"
    selectors: tuple[str, ...] = Field((), description="The DKIM selectors to look for.")
    senders: tuple[str, ...] = Field((), description="Addresses whose mail SPF is asked about.")
    policy_file: bool = Field(False, description="The MTA-STS policy is fetched.")

    per_address: ClassVar[bool] = False
    many_exchanges: ClassVar[bool] = True

    @property
    def exchanges(self) -> int:
        """Look-ups go to the resolver, whom they cost nothing to speak of; the policy's host is asked twice."""
        return 2 if self.policy_file else 1


class MailObservation(Observation):
    """All look-ups that were made, and the MTA-STS policy where it was asked for."""

    kind: Literal["mail"] = "mail"
    lookups: tuple[Lookup, ...]
    policies: tuple[Annotated[PolicyAnswer | NoPolicyAnswer, Field(discriminator="outcome")], ...] = Field(
        (), description="The MTA-STS policy at each address of its host, where it was asked for."
    )

    @property
    def transient(self) -> bool:
        """A look-up that failed may succeed a moment later."""
        return any(one.state is LookupState.FAILED for one in self.lookups) or any(
            isinstance(policy, NoPolicyAnswer) or policy.status in UNREADY for policy in self.policies
        )

    @cached_property
    def _by_question(self) -> dict[tuple[str, str], Lookup]:
        return {(one.name, one.kind): one for one in self.lookups}

    def known(self, name: str, kind: LookupKind) -> Lookup | None:
        """The look-up as it ended; None where it was not made."""
        return self._by_question.get((name.lower().rstrip("."), kind))

    def answer(self, name: str, kind: LookupKind) -> Lookup:
        """The look-up as it ended; one that was not made counts as failed."""
        found = self.known(name, kind)
        return found or Lookup(name=name, kind=kind, state=LookupState.FAILED, detail="was not looked up")

    def lookup(self, name: str, kind: LookupKind) -> Lookup:
        """What a look-up told.

        Raises:
            NotObserved: it failed, or it was not made.
        """
        found = self.known(name, kind)
        if found is None:
            raise NotObserved(Reason.NOT_RECORDED, f"{name} {kind} was not looked up")
        if found.state is LookupState.FAILED:
            raise NotObserved(Reason.RESOLVER, f"{name} {kind}: {found.detail}")
        return found
