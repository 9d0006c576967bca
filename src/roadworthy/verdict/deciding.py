"""The decision: what the run says to a pipeline, and the exit code that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.verdict.models import Cause, Decision, ExitCode, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_CODES = {
    Decision.GO: ExitCode.GO,
    Decision.NO_GO: ExitCode.NO_GO,
    Decision.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Decision.INTERRUPTED: ExitCode.INTERRUPTED,
}


def decide(results: Iterable[Result]) -> Decision:
    """No-go where a blocking promise is broken; inconclusive where one was not observed, or nothing blocking judged."""
    blocking = {result.outcome for result in results if result.blocking}
    if Outcome.FAILED in blocking:
        return Decision.NO_GO
    if Outcome.NOT_OBSERVED in blocking or not blocking:
        return Decision.INCONCLUSIVE
    return Decision.GO


def headline(decision: Decision, target: str, causes: tuple[Cause, ...], part: str = "") -> str:
    """The decision and its first cause, in one line; `part` says how much was judged where it was not all."""
    words = f"{decision.value.upper()}{f' ({part})' if part else ''}: {target}"
    if not causes:
        return words
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    return f"{words}: {causes[0].headline} ({causes[0].check}){more}"
