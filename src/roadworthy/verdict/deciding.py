"""The decision: what the run says to a pipeline, and the exit code that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.check import Severity
from roadworthy.verdict.models import Cause, Decision, ExitCode, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_CODES = {
    Decision.GO: ExitCode.GO,
    Decision.NO_GO: ExitCode.NO_GO,
    Decision.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Decision.INTERRUPTED: ExitCode.INTERRUPTED,
}


def decide(results: Iterable[Result], fail_on: Severity = Severity.INFO) -> Decision:
    """No-go where a blocking promise is broken; inconclusive where one was not observed, or nothing blocking judged.

    A broken promise that is waived counts as judged, and does not block; one that would not block anyway does not.
    """
    counting = {
        result.weighs for result in results if result.blocking or (result.is_waived and result.severity >= fail_on)
    }
    if Outcome.FAILED in counting:
        return Decision.NO_GO
    if Outcome.NOT_OBSERVED in counting or not counting:
        return Decision.INCONCLUSIVE
    return Decision.GO


def headline(decision: Decision, target: str, causes: tuple[Cause, ...], limits: Iterable[str] = ()) -> str:
    """The decision and its first cause, in one line. `limits` says what it is about, where that is not everything."""
    told = ", ".join(limits)
    words = f"{decision.value.upper()}{f' ({told})' if told else ''}: {target}"
    causes = tuple(cause for cause in causes if not cause.is_advice)
    if not causes:
        return words
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    return f"{words}: {causes[0].headline} ({causes[0].check}){more}"
