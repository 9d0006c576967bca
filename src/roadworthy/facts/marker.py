"""A marker: one row that is written on a primary, looked for on its replica, and taken away again."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Lane, NotObserved, Observation, Reason
from roadworthy.facts.database import DatabaseAsk
from roadworthy.facts.store import Broke, Refusal


class MarkerAsk(Ask):
    """One row. `host`, `port` and `via` are the primary's; it is written once, whatever addresses there are."""

    kind: Literal["database-marker"] = "database-marker"
    lane: Lane = Lane.ROUGH
    primary: DatabaseAsk = Field(description="Who writes, and how; a session that looks at nothing.")
    replica: DatabaseAsk = Field(description="Where it is looked for, and how; the same.")
    table: str = Field(description="Made if it is not there.")
    within: float = Field(description="Seconds; it is looked for no longer than this.")

    per_address: ClassVar[bool] = False
    many_exchanges: ClassVar[bool] = True

    @property
    def engine(self) -> str:
        """The product that is written to."""
        return self.primary.engine

    @property
    def username(self) -> str:
        """Who writes."""
        return self.primary.username

    @property
    def name(self) -> str | None:
        """The database that is written to."""
        return self.primary.name

    @property
    def exchanges(self) -> int:
        """The primary is connected to as a session is."""
        return self.primary.exchanges

    def may_repeat(self, seen: Observation) -> bool:
        """A row that was written is not written again."""
        return not (isinstance(seen, MarkerObservation) and seen.written)


class MarkerObservation(Observation):
    """What became of the row."""

    kind: Literal["database-marker"] = "database-marker"
    written: bool = Field(description="It was committed on the primary.")
    withheld: str = Field("", description="Why no login was sent to the primary, or to the replica.")
    refused: Refusal | None = Field(None, description="The primary's no: to the login, the table, or the row.")
    broke: Broke | None = Field(None, description="The conversation with the primary.")
    seen_after_s: float | None = Field(
        None, description="Seconds from the commit until the replica had it; None: it did not while it was looked for."
    )
    replica_refused: Refusal | None = Field(None, description="The replica's no: to the login, or to reading.")
    replica_broke: Broke | None = Field(None, description="The conversation with the replica.")
    looked_for_s: float = Field(0.0, description="For how long the replica was asked for it, from the commit on.")
    removed: bool = Field(False, description="The row was taken away on the primary; the table stays.")

    @property
    def transient(self) -> bool:
        """Nothing was written, and the primary may be there a moment later."""
        return not self.written and self.broke is not None

    @property
    def untold(self) -> NotObserved | None:
        """Why it can't be told whether the replica follows: nothing was written, or nobody could look for it."""
        if not self.written:
            why = self.broke.told if self.broke else f"refused: {self.refused.told}" if self.refused else self.withheld
            return NotObserved(Reason.NO_ANSWER, f"no row was written on the primary: {why or 'nobody says why'}")
        if self.seen_after_s is not None:
            return None
        at = self.replica_broke or self.replica_refused
        if at is not None or self.withheld:
            return NotObserved(
                Reason.NO_ANSWER, f"nobody could look on the replica: {at.told if at else self.withheld}"
            )
        return None
