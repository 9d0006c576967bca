"""The finished run: every result, its causes, the decision. Reports read this and nothing else.

    Look      one observation, judged: which address, what was seen
    Result    one check of one component: all its looks, and what a person needs to know
    Waived    who answers for a finding, why, until when
    Cause     one line of the verdict: results that say the same, and the results that they explain
    Verdict   the whole run

`verdict.json` is this model; its JSON Schema is `docs/verdict.schema.json`.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from roadworthy.check import Severity

SeverityLabel = Annotated[
    Severity,
    BeforeValidator(lambda v: Severity[v.upper()] if isinstance(v, str) else v, json_schema_input_type=str),
    PlainSerializer(lambda v: v.label, return_type=str),
]


class ExitCode(IntEnum):
    """What the process ends with; 0-5 keep pytest's own meaning."""

    GO = 0
    NO_GO = 1
    INTERRUPTED = 2
    INTERNAL_ERROR = 3
    USAGE = 4
    NOTHING_SELECTED = 5
    INCONCLUSIVE = 20
    LOAD_INVALID = 21


class Decision(StrEnum):
    """What the run says to a pipeline."""

    GO = "go"
    NO_GO = "no-go"
    INCONCLUSIVE = "inconclusive"
    INTERRUPTED = "interrupted"


class Outcome(StrEnum):
    """passed: seen, as promised. failed: seen, not as promised. not observed: could not be told."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OBSERVED = "not observed"


class WaiverState(StrEnum):
    """What became of a waiver in a run."""

    HOLDS = "holds"  # all that failed is what it is about: it does not block
    EXPIRED = "expired"  # what it was for is still there, and counts again
    UNUSED = "unused"  # nothing failed that it could be for
    NO_FIT = "does not fit"  # something else failed, or more than it is about
    NOT_OBSERVED = "not observed"  # what could not be seen can't be waived


class Part(BaseModel):
    """A frozen part of a verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Look(Part):
    """One observation, judged."""

    what: str = Field(description="What was asked: a URL, a name and port.")
    address: str | None = Field(description="address:port that was really asked.")
    outcome: Outcome
    seen: str = Field(description="What was seen, or why nothing was; empty where it was as promised.")
    by_hand: str = Field(description="A command that shows the same.")
    evidence: str | None = Field(None, description="File below the run's folder.")
    attempts: int = Field(1, ge=1)
    elapsed_s: float = 0.0
    observed_at: datetime | None = None


class Waived(Part):
    """Who answers for a finding."""

    owner: str
    reason: str
    expires: datetime = Field(description="The last second in which it holds, in UTC.")
    at: str = Field(description="file:line:column of the waiver.")


class WaiverUse(Waived):
    """A waiver that is about this target, and what became of it."""

    check: str
    component: str
    state: WaiverState
    told: str = Field(description="What a reader must know of it; empty where it simply holds.")


class Result(Part):
    """One check of one component."""

    node_id: str
    check: str
    title: str
    family: str = Field(description="The suite: tls, http, ...")
    component: str
    severity: SeverityLabel
    outcome: Outcome
    blocking: bool = Field(description="Of a severity from `fail_on` up, and not waived.")
    promised: str = Field(description="The target's key and its value.")
    promised_at: str | None = Field(None, description="file:line:column of the promise.")
    seen: str = Field(description="What was seen, addresses that saw the same named together.")
    why: str
    source: str
    repair: str
    promises: tuple[str, ...] = Field((), description="Ids of the ledger that this result judges.")
    looks: tuple[Look, ...]
    availability: bool = Field(False, description="The component is not there if this is not as promised.")
    following: bool = Field(False, description="It is about how the component copies its primary.")
    after: tuple[str, ...] = Field((), description="Checks of the same component whose failure explains this one's.")
    blocked_by: str | None = Field(None, description="Id of the cause that explains this result.")
    waived_by: tuple[Waived, ...] = Field((), description="Waivers for all that failed; the outcome stays what it is.")

    @property
    def is_finding(self) -> bool:
        """Whether it belongs in front of a person: anything but passed."""
        return self.outcome is not Outcome.PASSED

    @property
    def is_waived(self) -> bool:
        """Whether somebody answers for all that is wrong; what could not be observed can't be waived."""
        return self.weighs is Outcome.PASSED and self.is_finding

    @property
    def weighs(self) -> Outcome:
        """The outcome that counts: that of the looks which are left when waived failures are set aside."""
        if not self.waived_by:
            return self.outcome
        unseen = any(look.outcome is Outcome.NOT_OBSERVED for look in self.looks)
        return Outcome.NOT_OBSERVED if unseen else Outcome.PASSED

    @property
    def is_advice(self) -> bool:
        """Whether it is best practice that nobody promised."""
        return self.severity is Severity.INFO and not self.blocking

    @property
    def flaky(self) -> bool:
        """Whether some look needed more than one attempt."""
        return any(look.attempts > 1 for look in self.looks)


class Cause(Part):
    """One line of the verdict."""

    id: str = Field(description="`CHECK:component`, of its first result.")
    check: str
    components: tuple[str, ...]
    severity: SeverityLabel
    outcome: Literal[Outcome.FAILED, Outcome.NOT_OBSERVED]
    blocking: bool
    headline: str
    results: tuple[str, ...] = Field(description="node_ids that say this.")
    blocks: tuple[str, ...] = Field((), description="node_ids that this explains.")

    @property
    def is_advice(self) -> bool:
        """Whether it is best practice that nobody promised."""
        return self.severity is Severity.INFO and not self.blocking


class Round(Part):
    """One round of waiting before the full run."""

    at: datetime
    good: bool
    waiting_for: tuple[str, ...] = ()


class Verdict(Part):
    """The finished run."""

    schema_version: Literal[1] = 1
    roadworthy: str = Field(description="Version of this program.")
    decision: Decision
    exit_code: ExitCode
    headline: str = Field(description="The decision and its first cause, in one line.")
    target: str
    environment: str
    release: str | None
    run: str = Field(description="Name of the run's folder below reports/.")
    replay_of: str | None = Field(None, description="The recorded run that was judged again; nothing was observed now.")
    fail_on: SeverityLabel
    started: datetime
    elapsed_s: float
    observations: int = Field(description="Exchanges that were made (or replayed).")
    rounds: tuple[Round, ...] = ()
    causes: tuple[Cause, ...]
    results: tuple[Result, ...]
    waivers: tuple[WaiverUse, ...] = Field((), description="Those about this target, and what became of each.")
    part: str | None = Field(None, description="How much was judged, where it was not all: `8 of 66 checks`.")
    notes: tuple[str, ...] = Field((), description="What a reader must know of this run: selection, retries, replay.")

    @property
    def waived(self) -> tuple[Result, ...]:
        """Findings that somebody answers for."""
        return tuple(result for result in self.results if result.is_waived)

    def result(self, node_id: str) -> Result:
        """The result of a node id.

        Raises:
            KeyError: no such result.
        """
        for result in self.results:
            if result.node_id == node_id:
                return result
        raise KeyError(node_id)
