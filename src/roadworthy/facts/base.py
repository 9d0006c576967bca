"""What is asked, what was seen, and what could not be seen: pure data, no network.

    Ask           one thing to look at (a URL, a TLS endpoint), the same for every address behind the name
    Observation   a state that the protocol can be in, as it was met: 503, NXDOMAIN, an expired certificate
    Seen          an observation was made
    NotSeen       it could not be told, with the reason
    Record        one ask at one address: Seen | NotSeen, the attempts, when, how long

Observations are facts (`not_after`), never opinions (`days_left`); they are frozen, small and JSON round-trip. A probe
returns an observation for every state that the protocol can be in, and raises `NotObserved` only where it cannot tell.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator


class Fact(BaseModel):
    """A frozen value that survives a round trip through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Lane(StrEnum):
    """When an ask is observed: lanes run one after another, in this order; asks within one lane run together."""

    QUIET = "quiet"  # latency is judged: little else may run beside it
    NORMAL = "normal"
    ROUGH = "rough"  # what may make a server defend itself: attacks, logins, ports
    LIMITS = "limits"  # what uses a limit up: one after another


class Moment(StrEnum):
    """At which point of a run an ask is observed."""

    START = "start"
    END = "end"  # after everything else was judged; never observed ahead


class Reason(StrEnum):
    """Why something could not be observed."""

    NO_ADDRESS = "no address"  # the name leads nowhere
    NO_ANSWER = "no answer"  # refused, silent, reset or garbled: the observed system's own state
    UNREACHABLE = "unreachable"  # no route from here
    VANTAGE = "vantage point failed"  # what is looked at from there says nothing about itself
    NOT_PERMITTED = "not permitted"  # whoever is logged in may not see it
    RESOLVER = "resolver failed"  # the resolver, not the name, is at fault
    DEADLINE = "deadline"  # the run's time was over
    NOT_APPLICABLE = "not applicable"  # what was seen has nothing that the promise could be judged by
    NOT_RECORDED = "not recorded"  # a replay whose recording lacks it
    BUDGET = "budget used up"  # the host has been asked as often as a run may
    BROKEN = "broken check"  # the probe or the check itself failed


class NotObserved(Exception):  # noqa: N818 - the third outcome is no error of the program
    """Raised where a promise can't be judged: the third outcome beside passed and failed."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class Ask(Fact):
    """One thing to look at. Subclasses add what their probe needs; `kind` names the probe."""

    kind: str
    host: str
    port: int
    via: str | None = Field(None, description="The vantage point that it is looked at from; None: this machine.")
    lane: Lane = Lane.NORMAL
    moment: Moment = Moment.START

    per_address: ClassVar[bool] = True
    """Observed once at every address behind the name, or once in all."""

    many_exchanges: ClassVar[bool] = False
    """A scan, which takes longer than one exchange."""

    @property
    def exchanges(self) -> int:
        """How many exchanges one attempt has with the host at one address, at worst; counts against its budget."""
        return 1

    @property
    def place(self) -> str:
        """Where it is asked, for people."""
        return f"{self.host}:{self.port}"

    @property
    def once(self) -> bool:
        """Whether it is never made again, whatever came of it: it does something where it is asked."""
        return False

    def may_repeat(self, seen: Observation) -> bool:  # noqa: ARG002 - for those that change something
        """Whether the ask may be made again after what was seen of it."""
        return True


class Observation(Fact):
    """A state of the protocol, as it was met. `observed_at` is UTC; judging reads no other clock."""

    kind: str
    observed_at: datetime

    @property
    def transient(self) -> bool:
        """Whether the same look a moment later may well meet another state (refused, time-out, 503)."""
        return False

    def __str__(self) -> str:
        return self.model_dump_json(exclude={"observed_at"}, exclude_defaults=True)[:200]


class Seen(Fact):
    """An observation was made."""

    outcome: Literal["seen"] = "seen"
    observation: SerializeAsAny[Observation]

    @model_validator(mode="before")
    @classmethod
    def _load_by_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("observation"), dict):
            from roadworthy.facts import OBSERVATIONS  # noqa: PLC0415 - the registry imports this module

            return {
                **data,
                "observation": OBSERVATIONS[data["observation"]["kind"]].model_validate(data["observation"]),
            }
        return data


class NotSeen(Fact):
    """It could not be told."""

    outcome: Literal["not seen"] = "not seen"
    reason: Reason
    detail: str

    def error(self) -> NotObserved:
        """The exception that says the same."""
        return NotObserved(self.reason, self.detail)


class Attempt(Fact):
    """One try that was not the last."""

    started: datetime
    elapsed_s: float
    problem: str


class Record(Fact):
    """One ask at one address: what evidence holds and judging reads."""

    schema_version: Literal[1] = 1
    ask: SerializeAsAny[Ask]
    address: str | None = Field(description="address:port that was really asked; None where the ask has no address.")
    result: Annotated[Seen | NotSeen, Field(discriminator="outcome")]
    started: datetime
    elapsed_s: float
    earlier_attempts: tuple[Attempt, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _load_by_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("ask"), dict):
            from roadworthy.facts import ASKS  # noqa: PLC0415 - the registry imports this module

            return {**data, "ask": ASKS[data["ask"]["kind"]].model_validate(data["ask"])}
        return data

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads a record back from evidence.

        Raises:
            pydantic.ValidationError: the text is no record of this schema version.
        """
        return cls.model_validate_json(text)
