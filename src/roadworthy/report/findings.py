"""What reports say, in one place: how findings are grouped, what their parts are called, how numbers read.

Group     a cause, the findings that say it, and the results that it explains
Finding   results of one check that promised and saw the same, told once for all their components

What is waived, and advice, are told apart from findings: the first has an owner, the second was never promised.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from roadworthy.verdict.models import (
    Cause,
    Decision,
    Look,
    Outcome,
    Result,
    Verdict,
    Waived,
    WaiverState,
    WaiverUse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MEANING = {
    Decision.GO: "Every promise that blocks was seen to be kept.",
    Decision.NO_GO: "A promise that blocks was seen to be broken.",
    Decision.INCONCLUSIVE: "Something that blocks could not be observed. This is not a pass.",
    Decision.INTERRUPTED: "The run ended before everything was judged. This is not a pass.",
}
WAIVED, ADVICE = "waived", "advice"
WORDS = (*(outcome.value for outcome in Outcome), WAIVED, ADVICE)
"""What results are called, in the order in which they are counted."""

WORD_MARKS = {"passed": "✓", "failed": "✗", "not observed": "?", WAIVED: "~", ADVICE: "·"}
MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.NOT_OBSERVED: "?"}
DECISION_MARKS = {Decision.GO: "✓", Decision.NO_GO: "✗", Decision.INCONCLUSIVE: "?", Decision.INTERRUPTED: "?"}

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:)]|\bRFC ?(\d{3,5})\b")


@dataclass(frozen=True)
class Finding:
    """Results of one check that promised and saw the same."""

    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """The one whose check, severity, promise and words stand for all."""
        return self.results[0]

    @property
    def components(self) -> tuple[str, ...]:
        """In the target's order."""
        return _distinct(result.component for result in self.results)

    @property
    def promised_at(self) -> tuple[str, ...]:
        """file:line:column of each promise."""
        return _distinct(result.promised_at for result in self.results if result.promised_at)

    @property
    def looks(self) -> tuple[Look, ...]:
        """Those that were not as promised."""
        return tuple(look for result in self.results for look in result.looks if look.outcome is not Outcome.PASSED)


@dataclass(frozen=True)
class Group:
    """One cause, with all that a person needs to know of it."""

    cause: Cause
    findings: tuple[Finding, ...]
    behind: tuple[Result, ...]

    @property
    def first(self) -> Result | None:
        """The one whose check, reason and remedy stand for all: the results of a cause are of one check."""
        return self.findings[0].first if self.findings else None

    @property
    def by_hand(self) -> tuple[str, ...]:
        """Commands that show it."""
        return _distinct(look.by_hand for finding in self.findings for look in finding.looks if look.by_hand)

    @property
    def explained(self) -> tuple[tuple[str, str], ...]:
        """What the cause explains, shortly: (checks, components whose same checks it explains)."""
        components: dict[str, list[str]] = {}
        for name in _distinct(result.component for result in self.behind):
            checks = ", ".join(result.check for result in self.behind if result.component == name)
            components.setdefault(checks, []).append(name)
        return tuple((checks, ", ".join(names)) for checks, names in components.items())


def groups(verdict: Verdict) -> tuple[Group, ...]:
    """What is to be repaired: every finding that is not waived, and no advice."""
    return tuple(group for group in _groups(verdict) if not group.cause.is_advice)


def advice(verdict: Verdict) -> tuple[Group, ...]:
    """Best practice that nobody promised, and that does not block."""
    return tuple(group for group in _groups(verdict) if group.cause.is_advice)


def adviser(group: Group) -> str:
    """The check that advises, and whether it could not."""
    unseen = group.cause.outcome is Outcome.NOT_OBSERVED
    return group.cause.check + (f" ({group.cause.outcome.value})" if unseen else "")


def waived(verdict: Verdict) -> tuple[Finding, ...]:
    """Findings that somebody answers for; those with one waiver and the same words are one."""
    same: dict[tuple[object, ...], list[Result]] = {}
    for result in verdict.waived:
        same.setdefault((result.check, result.promised, result.seen, result.waived_by), []).append(result)
    return tuple(Finding(tuple(members)) for members in same.values())


def _groups(verdict: Verdict) -> tuple[Group, ...]:
    """By cause, in the verdict's order; a finding that no cause names makes its own."""
    by_id = {result.node_id: result for result in verdict.results}
    told: set[str] = set()
    grouped: list[Group] = []
    for cause in verdict.causes:
        own = [by_id[node_id] for node_id in cause.results if node_id in by_id]
        behind = [
            result
            for result in verdict.results
            if result.is_finding
            and result.node_id not in cause.results
            and (result.node_id in cause.blocks or result.blocked_by == cause.id)
        ]
        told.update(result.node_id for result in [*own, *behind])
        grouped.append(Group(cause, _merged(own), tuple(behind)))
    rest = [
        result
        for result in verdict.results
        if result.is_finding and not result.is_waived and result.node_id not in told
    ]
    return (*grouped, *(Group(_own_cause(finding), (finding,), ()) for finding in _merged(rest)))


def _merged(results: Iterable[Result]) -> tuple[Finding, ...]:
    same: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        same.setdefault((result.check, result.outcome, result.promised, result.seen), []).append(result)
    return tuple(Finding(tuple(members)) for members in same.values())


def _own_cause(finding: Finding) -> Cause:
    first = finding.first
    return Cause(
        id=f"{first.check}:{first.component}",
        check=first.check,
        components=finding.components,
        severity=first.severity,
        outcome=Outcome.FAILED if first.outcome is Outcome.FAILED else Outcome.NOT_OBSERVED,
        blocking=first.blocking,
        headline=f"{named(finding.components)}: {first.seen}",
        results=tuple(result.node_id for result in finding.results),
    )


def _distinct(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def named(items: Iterable[str], limit: int = 6) -> str:
    """`api, www and 19 more`."""
    every = list(items)
    shown = ", ".join(every[:limit])
    return shown if len(every) <= limit else f"{shown} and {len(every) - limit} more"


def behind(group: Group) -> str:
    """` + 20 behind it`; empty where nothing is."""
    return f" + {len(group.behind)} behind it" if group.behind else ""


def decided(verdict: Verdict) -> str:
    """The decision, and what it is not about: `GO (8 of 66 checks)`, `GO (2 waived)`."""
    word = verdict.decision.value.upper()
    unsaid = [f"{len(verdict.waived)} waived"] if verdict.decision is Decision.GO and verdict.waived else []
    limits = ", ".join([*([verdict.part] if verdict.part else []), *unsaid])
    return f"{word} ({limits})" if limits else word


def meaning(verdict: Verdict) -> str:
    """The decision in a sentence."""
    if verdict.decision is Decision.GO and verdict.waived:
        return "Every promise that blocks was seen to be kept, but for those that are waived."
    return MEANING[verdict.decision]


def subject(verdict: Verdict) -> str:
    """What was judged: target, environment, release."""
    release = f", release {verdict.release}" if verdict.release else ""
    return f"{verdict.target} ({verdict.environment}){release}"


def counts(verdict: Verdict) -> str:
    """`41 passed, 1 failed, 2 not observed, 1 waived, 3 advice`; never silent about a kind that is there."""
    return ", ".join(f"{count} {word}" for word, count in tally(verdict.results)) or "nothing was judged"


def tally(results: Iterable[Result]) -> tuple[tuple[str, int], ...]:
    """How many results there are of each word that is there."""
    counted = Counter(word(result) for result in results)
    return tuple((one, counted[one]) for one in WORDS if counted[one])


def word(result: Result) -> str:
    """What a result is called."""
    if result.is_waived:
        return WAIVED
    if result.is_advice and result.outcome is Outcome.FAILED:
        return ADVICE
    return result.outcome.value


def unblocking(result: Result) -> str:
    """Why a finding does not block, for whoever would count it as a failure."""
    if result.is_waived:
        return "; ".join(waiver(one) for one in result.waived_by)
    kind = "advice" if result.is_advice else f"{result.severity.label}, does not block"
    return f"{kind}: {one_line(result.seen)}"


def waiver(one: Waived) -> str:
    """Who answers for a finding, until when, and why."""
    return f"waived by {one.owner} until {moment(one.expires)}: {one.reason} ({one.at})"


def remarks(verdict: Verdict) -> tuple[tuple[WaiverUse, str], ...]:
    """What a reader must know of waivers beyond those that simply hold, in words."""
    return tuple((use, _remark(use)) for use in verdict.waivers if use.told)


def _remark(use: WaiverUse) -> str:
    named = f"waiver of {use.check} [{use.component}] by {use.owner} ({use.at})"
    until = f", until {moment(use.expires)}" if use.state is WaiverState.EXPIRED else ""
    return f"{named} {use.state.value}{until}: {use.told}"


def replay(verdict: Verdict) -> str | None:
    """What must be said of a replay; None where the run looked for itself."""
    if verdict.replay_of is None:
        return None
    return f"REPLAY of {verdict.replay_of}: recorded evidence was judged again. Nothing was observed now."


def notes(verdict: Verdict) -> tuple[str, ...]:
    """What a reader must know of the run: its own notes, and the waiting before it."""
    return (*verdict.notes, *(words for _, words in remarks(verdict)), *_waiting(verdict))


def _waiting(verdict: Verdict) -> Iterable[str]:
    if not verdict.rounds:
        return
    bad = [entry for entry in verdict.rounds if not entry.good]
    waited_for = _distinct(who.partition(":")[0] for entry in bad for who in entry.waiting_for)
    whole = plural(len(verdict.rounds), "round")
    yield f"waited {whole}, {len(bad)} not good" + (f" (waited for {named(waited_for)})" if waited_for else "")


def plural(count: int, noun: str) -> str:
    """`1 round`, `3 rounds`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """`12 ms`, `3.2 s`, `2 min 05 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def moment(at: datetime) -> str:
    """`3 Nov 2026 14:05:12 UTC`."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y %H:%M:%S} UTC"


def one_line(text: str) -> str:
    """The text's first line."""
    return text.strip().partition("\n")[0]


def place(promised_at: str) -> tuple[str, int | None, int | None]:
    """File, line and column of `file:line:column`; a part that is not there is None."""
    match = re.fullmatch(r"(.+?)(?::(\d+))?(?::(\d+))?", promised_at, re.DOTALL)
    if match is None:
        return promised_at, None, None
    file, line, column = match.groups()
    return file, int(line) if line else None, int(column) if column else None


def links(source: str) -> tuple[tuple[str, str], ...]:
    """(text, URL) of each URL and RFC that a source names."""
    return tuple(
        (match.group(), f"https://www.rfc-editor.org/rfc/rfc{match.group(1)}" if match.group(1) else match.group())
        for match in _LINK.finditer(source)
    )


def told(result: Result) -> str:
    """A whole finding as plain text, for formats that have one field for it."""
    place = f"  ({result.promised_at})" if result.promised_at else ""
    commands = _distinct(look.by_hand for look in Finding((result,)).looks if look.by_hand)
    lines = [
        *(waiver(one) for one in result.waived_by),
        f"promised:   {result.promised}{place}",
        f"seen:       {result.seen}",
        f"why:        {result.why} ({result.source})",
        *(f"by hand:    {command}" for command in commands),
        f"what to do: {result.repair}",
    ]
    return "\n".join(lines)
