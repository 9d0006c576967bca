"""SMTP: how a server greets, what it offers before and after TLS, whom it lets in, and for whom it would relay.

No ask goes as far as DATA: nothing is ever sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, NotObserved, Observation, Reason


class Purpose(StrEnum):
    """What a conversation is for; each is one connection, two where the certificate is not trusted."""

    HELLO = "hello"
    LOGIN = "login"
    WRONG_LOGIN = "wrong login"
    RELAY = "relay"


class SmtpAsk(Ask):
    """One conversation."""

    kind: Literal["smtp"] = "smtp"
    purpose: Purpose = Purpose.HELLO
    implicit_tls: bool = Field(False, description="TLS from the first byte.")
    username: str = ""
    password: str = Field("", exclude=True, repr=False, description="Never written down.")

    @property
    def exchanges(self) -> int:
        """A second connection tells what there is behind a certificate that is not trusted."""
        return 2

    def may_repeat(self, seen: Observation) -> bool:
        """Whether asking again is no second try of a wrong password."""
        return self.purpose is not Purpose.WRONG_LOGIN or not (isinstance(seen, SmtpObservation) and seen.tried)


class Reply(Fact):
    """What a server says to one command (RFC 5321 section 4.2)."""

    code: int
    enhanced: str | None = Field(None, description="The enhanced status code (RFC 3463), e.g. 5.7.8.")
    lines: tuple[str, ...] = Field((), description="The texts; none where a secret went before.")

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.code < 300  # noqa: PLR2004 - RFC 5321 section 4.2.1

    @property
    def is_later(self) -> bool:
        """Whether the server asks to come again."""
        return 400 <= self.code < 500  # noqa: PLR2004 - RFC 5321 section 4.2.1

    @property
    def told(self) -> str:
        """On one line."""
        text = self.lines[0][:120] if self.lines else self.enhanced or ""
        return f"{self.code} {text}".strip()


class SmtpEnd(StrEnum):
    """In which way a conversation broke off."""

    REFUSED = "connection refused"
    SILENT = "no answer"
    CLOSED = "the server closed the connection"
    GARBLED = "no SMTP"
    NO_TLS = "TLS failed"


class Broke(Fact):
    """A conversation did not come to its end."""

    end: SmtpEnd
    at: str = Field(description="What was waited for.")
    detail: str = ""

    @property
    def told(self) -> str:
        """On one line."""
        return f"{self.end.value} ({self.at}{': ' + self.detail if self.detail else ''})"


class Secured(Fact):
    """TLS came up."""

    version: str
    distrust: str = Field("", description="What a verifying client has against the certificate; empty: nothing.")
    early: int = Field(0, description="Bytes that came in plain behind the consent to TLS: a client may take them.")


class SmtpObservation(Observation):
    """One conversation, as far as it went."""

    kind: Literal["smtp"] = "smtp"
    greeting: Reply | None = None
    offers: tuple[str, ...] | None = Field(None, description="What EHLO told before TLS; None: it was not asked.")
    starttls: Reply | None = Field(None, description="The answer to STARTTLS; None: it was not sent.")
    secured: Secured | None = None
    offers_secured: tuple[str, ...] | None = Field(None, description="What EHLO told inside TLS.")
    outcome: Reply | None = Field(None, description="Of what the conversation was for: AUTH, or MAIL and RCPT.")
    accepted_sender: bool = Field(False, description="MAIL FROM was accepted, and the outcome is that of RCPT TO.")
    tried: bool = Field(False, description="A login was sent.")
    withheld: str = Field("", description="Why no login was sent.")
    broke: Broke | None = None

    @property
    def transient(self) -> bool:
        """A server that is not there, or asks to come again, may be well a moment later."""
        later = (self.greeting, self.outcome)
        return self.broke is not None or any(reply is not None and reply.is_later for reply in later)

    @property
    def talk(self) -> SmtpObservation:
        """The conversation, for checks that say nothing of one that broke off before it began.

        Raises:
            NotObserved: there was none.
        """
        if self.greeting is None or not self.greeting.is_success or (self.offers is None and self.secured is None):
            told = (
                self.broke.told if self.broke else f"greeted with {self.greeting.told if self.greeting else 'nothing'}"
            )
            raise NotObserved(Reason.NO_ANSWER, told)
        return self

    @property
    def result(self) -> Reply:
        """The answer to what the conversation was for.

        Raises:
            NotObserved: it did not come that far.
        """
        if self.outcome is None:
            if self.withheld:
                raise NotObserved(Reason.NOT_APPLICABLE, self.withheld)
            raise NotObserved(Reason.NO_ANSWER, self.broke.told if self.broke else "the server said nothing")
        return self.outcome


def mechanisms(offers: tuple[str, ...] | None) -> tuple[str, ...]:
    """The ways to log in that EHLO offers (RFC 4954), `AUTH=` of old servers too."""
    found: list[str] = []
    for line in offers or ():
        keyword, _, rest = line.replace("=", " ", 1).partition(" ")
        if keyword.upper() == "AUTH":
            found += rest.upper().split()
    return tuple(dict.fromkeys(found))


def offers_starttls(offers: tuple[str, ...] | None) -> bool:
    """Whether EHLO offers STARTTLS (RFC 3207)."""
    return any(line.split(" ")[0].upper() == "STARTTLS" for line in offers or () if line)
