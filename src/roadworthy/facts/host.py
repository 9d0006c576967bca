"""What is looked at on a host itself, and whether it can be: the base of all such asks and observations.

An ask is sent to the host as it is (`wanted`), to the module of `onhost/` that is named like its kind; what that one
says becomes the observation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Ask, NotObserved, Observation, Reason


class HostAsk(Ask):
    """One part of what a host shows. Subclasses add what is to be looked at, and nothing of what is promised of it."""

    host: str = Field(description="The vantage point, as people know it: user@host.")
    port: int = 0

    per_address: ClassVar[bool] = False
    many_exchanges: ClassVar[bool] = True
    """It may take as long as a scan."""

    @property
    def place(self) -> str:
        """Who is logged in where."""
        return self.host

    @property
    def wanted(self) -> dict[str, Any]:
        """What the host is told: the ask's own fields."""
        return self.model_dump(mode="json", exclude=set(Ask.model_fields))


class HostObservation(Observation):
    """What was seen on a host. Times are UTC; ages are told by its own clock."""

    now: datetime = Field(description="What the host's own clock said.")

    def age_s(self, then: datetime) -> float:
        """Seconds since a time that the host's clock told."""
        return (self.now - then).total_seconds()


class HostReachAsk(HostAsk):
    """Whether anybody is let in, and can look."""

    kind: Literal["host"] = "host"
    sudo: bool = Field(False, description="Whether sudo is to be tried.")


class HostReachObservation(Observation):
    """The host answered, or nobody did. A login that is refused is not observed: it says nothing of the host."""

    kind: Literal["host"] = "host"
    gone: str = Field("", description="Nobody answers there, and how; empty: somebody does.")
    user: str = Field("", description="Who is logged in.")
    python: str = Field("", description="The version of its Python.")
    sudo: str | None = Field(None, description="Why sudo does nothing for us; empty: it does; None: it is not used.")
    skew_s: float | None = Field(None, description="How far the host's clock is ahead of ours.")

    @property
    def transient(self) -> bool:
        """A host that restarts is there a moment later."""
        return bool(self.gone)

    @property
    def inside(self) -> HostReachObservation:
        """The same, for checks that say nothing where nobody answers.

        Raises:
            NotObserved: nobody does.
        """
        if self.gone:
            raise NotObserved(Reason.NO_ANSWER, self.gone)
        return self
