"""Waivers: findings that somebody answers for, for a while (`waivers.yaml`).

    Waiver     one entry of the file: which check of which component, who, why, until when, and no more than that
    Waivers    those that are about the run's target: apply them to results, tell what became of each

What is waived is judged and shown like everything else; it does not block. Only what was *seen* can be waived: a
result in which something could not be observed blocks, whatever stands in the file. So does one that failed at an
address, or in a way, that no waiver covers. Expiry is read against the start of the run, never against a clock.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError

from roadworthy.target.blocks.block import one_or_many
from roadworthy.target.complaints import complaints
from roadworthy.target.document import MapNode, plain, read_document
from roadworthy.target.merging import follow
from roadworthy.target.problems import Problem, TargetError, suggest
from roadworthy.target.values import Frozen
from roadworthy.verdict.models import Outcome, Waived, WaiverState, WaiverUse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from roadworthy.target.models import Target
    from roadworthy.verdict.models import Look, Result

LONGEST = timedelta(days=366)
"""A waiver is for a while: what is accepted for good belongs into the target."""

SOON = timedelta(days=15)
"""From two weeks before its end on, a waiver that is still needed says how long it has."""

EXAMPLE = (
    "waivers are a mapping: schema: 1, waivers: [{check: ..., component: ..., owner: ..., reason: ..., expires: ...}]"
)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FORM = "a day (2026-12-31, to its end in UTC) or a moment with its offset (2026-12-31T18:00Z)"


def parse_expiry(text: Any) -> datetime:
    """The last second in which a waiver holds: of a day, its last one in UTC.

    Raises:
        ValueError: it is no day, and no moment with an offset.
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(f"allowed: {_FORM}")
    if _DATE.fullmatch(text):
        return datetime.combine(moment.date(), time(23, 59, 59), UTC)
    if moment.tzinfo is None:
        raise ValueError(f"it names no offset from UTC; allowed: {_FORM}")
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError(f"it is out of range; allowed: {_FORM}") from None


Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Waiver(Frozen):
    """A finding that somebody answers for."""

    check: Words = Field(description="The check's id.")
    component: Annotated[
        tuple[Words, ...], BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...])
    ] = Field(min_length=1, description="The component's name, or a list of names.")
    owner: Words = Field(description="Who answers for it.")
    reason: Words = Field(description="Why it may stay, and what is being done.")
    expires: Annotated[datetime, BeforeValidator(parse_expiry, json_schema_input_type=str)] = Field(
        description="The last day (to its end in UTC), or the last moment, in which it holds; at most a year ahead."
    )
    target: Words | None = Field(None, description="Only for the target of this name.")
    environment: Words | None = Field(None, description="Only for targets of this environment.")
    address: Words | None = Field(None, description="Only for what was seen at this address (an IP, or IP:port).")
    seen: Words | None = Field(None, description="Only for faults with these words in them.")

    @property
    def scope(self) -> tuple[object, ...]:
        """What it is about; two waivers of the same would leave open who answers."""
        return self.check, self.component, self.target, self.environment, self.address, self.seen

    def covers(self, look: Look) -> bool:
        """Whether what failed there, or a part of it, is what the waiver is about."""
        return self.is_at(look.address) and (self.seen is None or self.seen in look.seen)

    def is_at(self, address: str | None) -> bool:
        """Whether it is about what was seen at an address."""
        if self.address is None:
            return True
        if address is None:
            return False
        ip = address.rpartition(":")[0].strip("[]")
        return self.address == address or self.address.strip("[]") == ip


class WaiversFile(Frozen):
    """The whole file."""

    schema_version: Literal[1] = Field(alias="schema", description="The version of this format.")
    waivers: tuple[Waiver, ...]


@dataclass(frozen=True)
class Standing:
    """A waiver, and where it stands."""

    waiver: Waiver
    at: str
    """file:line:column"""

    def told(self) -> Waived:
        """As results name it."""
        waiver = self.waiver
        return Waived(owner=waiver.owner, reason=waiver.reason, expires=waiver.expires, at=self.at)


_BETWEEN = "; "
"""What stands between several faults that one look met."""


def _is_covered(look: Look, waivers: Iterable[Waiver]) -> bool:
    """Whether waivers cover each of the faults that a look met: one that came later is not what they are about."""
    here = [waiver for waiver in waivers if waiver.is_at(look.address)]
    if any(waiver.seen is None for waiver in here):
        return True
    words = [waiver.seen for waiver in here if waiver.seen is not None]
    told = look.seen
    for several in (one for one in words if _BETWEEN in one):
        told = told.replace(several, several.replace(_BETWEEN, ", "))
    return all(any(one.replace(_BETWEEN, ", ") in part for one in words) for part in told.split(_BETWEEN))


def load_waivers(path: Path, target: Target, known_checks: Collection[str], now: datetime) -> tuple[Standing, ...]:
    """The waivers of a file that are about the target.

    Args:
        path: the file.
        target: what the run is about; waivers that name another target or environment are left out.
        known_checks: ids of all checks.
        now: what "a year ahead" counts from.

    Raises:
        TargetError: with all that is wrong in the file.
    """
    document = read_document(path, EXAMPLE)
    root = document.root
    if root is None:
        raise TargetError(document.problems)
    try:
        text = json.dumps(plain(root))
        held = WaiversFile.model_validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise TargetError([*document.problems, *complaints(error, root, WaiversFile)]) from error
    problems = [*document.problems, *_mistakes(held, root, target, known_checks, now)]
    if problems:
        raise TargetError(problems)
    standing = (
        Standing(waiver, str(follow(root, ("waivers", str(number))).node.mark))
        for number, waiver in enumerate(held.waivers)
    )
    return tuple(one for one in standing if _is_about(one.waiver, target))


def _is_about(waiver: Waiver, target: Target) -> bool:
    return waiver.target in (None, target.name) and waiver.environment in (None, target.environment)


def _mistakes(
    held: WaiversFile, root: MapNode, target: Target, known_checks: Collection[str], now: datetime
) -> Iterator[Problem]:
    """What the model can't see."""
    first: dict[tuple[object, ...], int] = {}
    for number, waiver in enumerate(held.waivers):

        def problem(key: str, text: str, at: tuple[str, ...] = ("waivers", str(number))) -> Problem:
            found = follow(root, (*at, key))
            mark = found.node.mark if found.path[-1:] == (key,) else follow(root, at).node.mark
            return Problem(mark, ".".join((*at, key)), text)

        if waiver.check not in known_checks:
            yield problem("check", f"unknown check {waiver.check!r}{_suggest_check(waiver.check, known_checks)}")
        if waiver.expires - now > LONGEST:
            longest = f"{LONGEST.days} days ahead at most; what is accepted for good belongs into the target"
            yield problem("expires", f"found {waiver.expires:%Y-%m-%d}; {longest}")
        line = follow(root, ("waivers", str(number))).node.mark.line
        if first.setdefault(waiver.scope, line) != line:
            yield problem("check", f"the same is waived in line {first[waiver.scope]} already")
        if _is_about(waiver, target):
            for name in waiver.component:
                if name not in target.components:
                    elsewhere = "" if waiver.target else "; if it is one of another target, name that: target: NAME"
                    text = f"unknown component {name!r}{suggest(name, target.components)}{elsewhere}"
                    yield problem("component", text)


def _suggest_check(wrong: str, known: Collection[str]) -> str:
    family = sorted(one for one in known if one.startswith(wrong.partition("-")[0] + "-"))
    return suggest(wrong, family or sorted(known))


@dataclass(frozen=True)
class Waivers:
    """The waivers that are about the run's target, at the moment that the run is judged at."""

    standing: tuple[Standing, ...]
    now: datetime

    def applied(self, result: Result) -> Result:
        """The result, with the waivers that hold for all that failed in it."""
        failed = [look for look in result.looks if look.outcome is Outcome.FAILED]
        mine = [one for one in self._about(result.check, result.component) if self._holds(one)]
        if not failed or not all(_is_covered(look, [one.waiver for one in mine]) for look in failed):
            return result
        used = tuple(one.told() for one in mine if any(one.waiver.covers(look) for look in failed))
        waived = result.model_copy(update={"waived_by": used})
        return waived.model_copy(update={"blocking": result.blocking and not waived.is_waived})

    def uses(
        self, results: Iterable[Result], follows: Mapping[str, tuple[Result, ...]], *, whole: bool
    ) -> tuple[WaiverUse, ...]:
        """What became of each waiver.

        Args:
            results: those of the run.
            follows: what a waived result explains, by its node id.
            whole: all that the target promises was judged.
        """
        results = tuple(results)
        told = (
            self._use(one, component, results, follows, whole=whole)
            for one in self.standing
            for component in one.waiver.component
        )
        return tuple(use for use in told if use is not None)

    def _about(self, check: str, component: str) -> Iterator[Standing]:
        for one in self.standing:
            if one.waiver.check == check and component in one.waiver.component:
                yield one

    def _holds(self, one: Standing) -> bool:
        return self.now.replace(microsecond=0) <= one.waiver.expires

    def _use(
        self,
        one: Standing,
        component: str,
        results: tuple[Result, ...],
        follows: Mapping[str, tuple[Result, ...]],
        *,
        whole: bool,
    ) -> WaiverUse | None:
        judged = [r for r in results if (r.check, r.component) == (one.waiver.check, component)]
        if not judged and not whole:
            return None
        state, told = self._became(one, judged, [r for held in judged for r in follows.get(held.node_id, ())])
        return WaiverUse(check=one.waiver.check, component=component, state=state, told=told, **one.told().model_dump())

    def _beside(self, one: Standing, behind: list[Result]) -> Iterator[str]:
        """What is to be told of a waiver that holds."""
        if behind:
            told = ", ".join(f"{result.check} [{result.component}]" for result in behind)
            yield f"what follows from it is not waived: {told}"
        if (left := one.waiver.expires - self.now) < SOON:
            days = max(left.days, 0)
            yield f"it ends in {days} day{'' if days == 1 else 's'}"

    def _became(self, one: Standing, judged: list[Result], behind: list[Result]) -> tuple[WaiverState, str]:
        if not judged:
            return WaiverState.UNUSED, "the check has nothing to judge on this component: take it out"
        if all(result.outcome is Outcome.PASSED for result in judged):
            return WaiverState.UNUSED, "passed: take it out"
        if not self._holds(one):
            return WaiverState.EXPIRED, "its time is over: what it was for counts again"
        if any(result.weighs is Outcome.NOT_OBSERVED for result in judged):
            return WaiverState.NOT_OBSERVED, "could not be observed, which can't be waived: it counts"
        if any(one.at in [waived.at for waived in result.waived_by] for result in judged):
            return WaiverState.HOLDS, "; ".join(self._beside(one, behind))
        failed = [look for result in judged for look in result.looks if look.outcome is Outcome.FAILED]
        part = any(one.waiver.covers(look) for look in failed)
        told = "it covers only a part of what failed: all" if part else "what failed is not what it is about: it"
        return WaiverState.NO_FIT, f"{told} counts"
