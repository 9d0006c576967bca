"""What conversations with databases and caches have in common: how they end, and what a login comes to."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeVar

from pydantic import Field

from roadworthy.facts.base import Fact, NotObserved, Reason

T = TypeVar("T")


class Purpose(StrEnum):
    """What a conversation is for; each is one connection."""

    HELLO = "hello"  # as far as is possible without a login: does it speak, and in which way
    SESSION = "session"  # log in as promised, and look around
    PLAIN = "plain"  # come without TLS
    ANONYMOUS = "anonymous"  # come without a password
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - a purpose
    PUBLISHED = "published password"  # a default login that everybody knows


class StoreEnd(StrEnum):
    """In which way a conversation broke off."""

    REFUSED = "connection refused"
    SILENT = "no answer"
    CLOSED = "the server closed the connection"
    GARBLED = "it speaks another protocol"
    NO_TLS = "TLS failed"
    NOT_READY = "not ready"  # starting, shutting down, loading its data, out of connections


class Broke(Fact):
    """A conversation did not come to its end."""

    end: StoreEnd
    at: str = Field(description="What was under way.")
    detail: str = ""

    @property
    def told(self) -> str:
        """On one line."""
        return f"{self.end.value} ({self.at}{': ' + self.detail if self.detail else ''})"


class Secured(Fact):
    """TLS came up."""

    version: str = Field(description="1.2, 1.3")
    distrust: str = Field("", description="What a verifying client has against the certificate; empty: nothing.")


class Refusal(Fact):
    """The server's own no."""

    code: str = Field("", description="SQLSTATE, error number, or Redis' error word: 28P01, 1045, 18, WRONGPASS.")
    message: str = ""

    @property
    def told(self) -> str:
        """On one line."""
        return " ".join(filter(None, (self.code, self.message)))


class Unseen(Fact):
    """A part of what was to be looked at could not be seen, and why."""

    unseen: Literal["not permitted", "took too long", "not supported", "failed"]
    detail: str = ""

    def error(self) -> NotObserved:
        """The exception that says the same."""
        reason = Reason.NOT_PERMITTED if self.unseen == "not permitted" else Reason.NO_ANSWER
        if self.unseen == "not supported":
            reason = Reason.NOT_APPLICABLE
        return NotObserved(reason, f"{self.unseen}: {self.detail}" if self.detail else self.unseen)


def seen(part: T | Unseen | None, what: str) -> T:
    """A part that was looked at.

    Raises:
        NotObserved: it could not be seen, or nobody looked.
    """
    if isinstance(part, Unseen):
        raise part.error()
    if part is None:
        raise NotObserved(Reason.NO_ANSWER, f"{what} was not looked at")
    return part
