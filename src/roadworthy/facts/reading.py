"""What asks and observations have in common that read an application's own tables and queues."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field

from roadworthy.facts.base import Ask, NotObserved, Observation, Reason
from roadworthy.facts.store import Broke, Refusal, Secured, StoreEnd
from roadworthy.target.blocks.database import Engine

F = TypeVar("F")


class ReadingAsk(Ask):
    """One session with a store, for what is promised of tables of the application's own."""

    engine: Engine | None = Field(None, description="None: it is a cache.")
    name: str | None = Field(None, description="The database to look into.")
    username: str = ""
    password: str | None = Field(None, exclude=True, repr=False, description="Never written down.")
    auth_source: str | None = None
    secures: bool = Field(False, description="A password is sent only over TLS whose certificate was verified.")

    @property
    def exchanges(self) -> int:
        """A second connection tells what there is behind a certificate that is not trusted."""
        return 2


class ReadingObservation(Observation):
    """One session, as far as it went."""

    let_in: bool = Field(False, description="Somebody is logged in.")
    secured: Secured | None = Field(None, description="TLS, where it is known here.")
    withheld: str = Field("", description="Why no login was sent.")
    refused: Refusal | None = Field(None, description="The login was refused by the server.")
    broke: Broke | None = None

    @property
    def transient(self) -> bool:
        """A server that is not there, or is starting, may be well a moment later."""
        return self.broke is not None and self.broke.end is not StoreEnd.GARBLED

    @property
    def told(self) -> str:
        """Why there is nothing to judge, on one line."""
        if self.broke is not None:
            return self.broke.told
        if self.refused is not None:
            return f"the server refused the login: {self.refused.told}"
        return self.withheld or "nobody was let in"

    def looked_at(self, part: F | None) -> F:
        """A part that somebody who is logged in saw.

        Raises:
            NotObserved: it did not come that far.
        """
        if part is None:
            raise self.error()
        return part

    def error(self) -> NotObserved:
        """The exception that says why there is nothing to judge."""
        reason = Reason.NOT_PERMITTED if self.refused is not None or self.withheld else Reason.NO_ANSWER
        return NotObserved(reason, self.told)
