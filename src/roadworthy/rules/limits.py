"""Whether a limit is there, where it was promised, and lets go again."""

from __future__ import annotations

import re
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import http_sf

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import SilenceKind
from roadworthy.rules.leaks import told_of
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from roadworthy.facts.burst import BurstObservation, Shot, UploadObservation
    from roadworthy.facts.http import Answer
    from roadworthy.facts.paths import PathsObservation
    from roadworthy.target.blocks.limits import Announced, Attempts, BodyLimit, Firewall, RateLimit

SLACK = 1
"""Requests by which two counts may differ: clocks of a limit are of milliseconds, and begin when they like."""


def rate_faults(promised: RateLimit, seen: BurstObservation) -> list[str]:
    """Whether so many requests were taken as promised, and the others refused as promised.

    Raises:
        NotObserved: the page does not answer when it is asked alone, or the limit was used up before it was met.
    """
    scout = seen.scout
    if scout is None or scout.status is None:
        raise NotObserved(Reason.NO_ANSWER, f"a single request: {scout or 'was not sent'}")
    if scout.status in promised.refuses:
        detail = f"a single request was answered {scout.status}; the limit is used up, or nobody is let in"
        raise NotObserved(Reason.NOT_APPLICABLE, detail)
    refused = [shot for shot in seen.shots if shot.status in promised.refuses]
    taken = [shot for shot in seen.shots if shot.status == scout.status]
    others = [shot for shot in seen.shots if shot not in refused and shot not in taken]
    window = promised.burst is None
    count, total = len(taken) + window, len(seen.shots) + window  # a window has counted the first request, too
    during = f"{total} requests within {_took(seen.shots):.1f} s"
    faults = [f"of {during}, {told}" for told in _counted(others)]
    if not refused:
        return faults or [f"all of {during} were taken (answered {scout.status}); {promised} promised"]
    most = promised.capacity + promised.rate * _took(seen.shots) + SLACK
    if window:
        most *= 2  # two windows may meet in the burst
    if count + SLACK < promised.capacity and not others:
        faults.append(f"only {count} of {during} were taken; {promised} lets {promised.capacity} through")
    if count > most:
        faults.append(f"{count} of {during} were taken; {promised} lets no more than {most:.0f} through")
    return faults


def _took(shots: Sequence[Shot]) -> float:
    return max(shot.answered_s for shot in shots) - min(shot.sent_s for shot in shots) if shots else 0.0


def _counted(shots: Iterable[Shot]) -> list[str]:
    """What was neither taken nor refused as promised: `5 were answered 503`."""
    return [f"{count} ended with {what}" for what, count in Counter(map(str, shots)).items()]


def refusals_of(seen: BurstObservation, refuses: tuple[int, ...]) -> list[Shot]:
    """The requests that were refused.

    Raises:
        NotObserved: none was.
    """
    refused = [shot for shot in seen.shots if shot.status in refuses]
    if not refused:
        raise NotObserved(Reason.NOT_APPLICABLE, "nothing was refused")
    return refused


def retry_after_faults(refused: Sequence[Shot], observed_at: datetime) -> list[str]:
    """Retry-After on each refusal: seconds, or a date (RFC 9110 section 10.2.3)."""
    missing = sum(shot.retry_after is None for shot in refused)
    faults = [f"{missing} of {len(refused)} refusals say nothing of when to come again"] if missing else []
    values = dict.fromkeys(shot.retry_after for shot in refused if shot.retry_after is not None)
    return faults + [f"Retry-After: {fault}" for value in values if (fault := _retry_fault(value, observed_at))]


def _retry_fault(value: str, observed_at: datetime) -> str | None:
    if value.isascii() and value.isdigit():
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        return f"{value!r} is neither seconds nor a date"
    return None if moment >= observed_at.replace(microsecond=0) else f"{value} was over before"


def recovery_faults(seen: BurstObservation, refuses: tuple[int, ...], within_s: float) -> list[str]:
    """Whether a request is taken again after the promised time.

    Raises:
        NotObserved: nothing was refused, or the request met silence.
    """
    refusals_of(seen, refuses)
    shot = seen.recovery
    if shot is None or shot.status is None:
        raise NotObserved(Reason.NO_ANSWER, f"the request afterwards: {shot or 'was not sent'}")
    if shot.status not in refuses:
        return []
    told = f", which says {shot.retry_after} in Retry-After" if shot.retry_after else ""
    after = show_duration(round(seen.recovered_after_s or within_s, 1))
    return [
        f"still {shot.status} {after} after the refusal{told}; taken again within {show_duration(within_s)} promised"
    ]


def attempts_faults(promised: Attempts, seen: BurstObservation) -> list[str]:
    """Whether the promised number of attempts is answered, and the next one refused.

    Raises:
        NotObserved: an earlier lock-out was still on, or an attempt met silence.
    """
    told = [str(shot) for shot in seen.shots]
    silent = next((number for number, shot in enumerate(seen.shots, 1) if shot.status is None), None)
    if silent is not None:
        raise NotObserved(Reason.NO_ANSWER, f"attempt {silent}: {told[silent - 1]}")
    statuses = [shot.status or 0 for shot in seen.shots]
    if statuses[0] in promised.refuses:
        again = seen.shots[0].retry_after
        after = f"; Retry-After says {again}" if again else ""
        detail = f"the first attempt was answered {statuses[0]}: an earlier lock-out is still on{after}"
        raise NotObserved(Reason.NOT_APPLICABLE, detail)
    answered = next((n for n, status in enumerate(statuses) if status in promised.refuses), len(statuses))
    strange = Counter(status for status in statuses[:answered] if status not in promised.answers)
    if strange:
        wanted = ", ".join(map(str, promised.answers))
        return [f"an attempt that must fail was answered {status}, promised {wanted}" for status in strange]
    if answered == len(statuses):
        return [f"attempt {answered} was answered as all before ({statuses[-1]}); {promised.at_most} attempts promised"]
    if answered < promised.at_most:
        return [f"refused after {answered} attempt{'s' * (answered > 1)}; {promised.at_most} promised"]
    return []


def too_large_faults(promised: BodyLimit, seen: UploadObservation) -> list[str]:
    """Whether a body over the limit was refused.

    Raises:
        NotObserved: nobody was there, or the server was busy.
    """
    if seen.silence is not None:
        if not seen.sent_bytes:
            raise NotObserved(Reason.NO_ANSWER, str(seen))
        return [f"one byte over {show_size(promised.at_most)}: {seen}; {promised.refuses} promised"]
    if seen.status == promised.refuses:
        return []
    _not_busy(seen)
    return [f"one byte over {show_size(promised.at_most)}: {seen}; {promised.refuses} promised"]


def fitting_faults(promised: BodyLimit, seen: UploadObservation) -> list[str]:
    """Whether a body within the limit was taken, whatever else was said of it.

    Raises:
        NotObserved: nobody was there, or the server was busy.
    """
    if seen.silence is not None:
        if not seen.sent_bytes:
            raise NotObserved(Reason.NO_ANSWER, str(seen))
        return [f"{show_size(promised.at_most)}, promised to be taken: {seen}"]
    _not_busy(seen)
    if seen.status in (promised.refuses, 413) or (seen.status or 0) >= 500:  # noqa: PLR2004 - RFC 9110 section 15
        return [f"{show_size(promised.at_most)}, promised to be taken: {seen}"]
    return []


_CUT = frozenset({None, SilenceKind.RESET, SilenceKind.CLOSED})
"""What a firewall does to a connection; a server that is gone refuses the next one, or says nothing."""


def firewall_faults(firewall: Firewall, seen: PathsObservation, control: str, at: Mapping[str, str]) -> list[str]:
    """Which of the requests that look like attacks were not refused; a connection that is cut is refused, too.

    Args:
        firewall: the promise.
        seen: how each was answered.
        control: the harmless request.
        at: where each probe was tried.

    Raises:
        NotObserved: the harmless one was refused as well, or it can't be told.
    """
    harmless = seen.at(control)
    if harmless.status in firewall.refuses or (harmless.status or 0) >= 500:  # noqa: PLR2004 - RFC 9110 section 15.6
        raise NotObserved(Reason.NOT_APPLICABLE, f"the harmless request was answered {told_of(harmless)}, too")
    faults, unseen = [], list[str]()
    for probe, place in at.items():
        glimpse = next(glimpse for glimpse in seen.glimpses if glimpse.spot.path == place)
        if glimpse.silence not in _CUT:
            unseen.append(f"{probe}: {glimpse.silence and glimpse.silence.value}")
        elif glimpse.status is not None and glimpse.status not in firewall.refuses:
            faults.append(f"{probe} answered {told_of(glimpse)}, {' or '.join(map(str, firewall.refuses))} promised")
    if unseen and not faults:
        raise NotObserved(Reason.NO_ANSWER, "; ".join(unseen))
    return faults


def _not_busy(seen: UploadObservation) -> None:
    if seen.status in (429, 503):
        raise NotObserved(Reason.NO_ANSWER, f"{seen}: too busy to say")


_POLICY = re.compile(r"\b(\d{1,12})\s*;\s*w(?:indow)?=(\d{1,9})\b")


def announced_faults(promised: Announced, answer: Answer) -> list[str]:
    """What the answer says of its limit.

    RateLimit-Policy in today's form (`"name";q=100;w=60`) or earlier ones (`100;w=60`), else RateLimit-Limit, else
    X-RateLimit-Limit (draft-ietf-httpapi-ratelimit-headers).
    """
    quotas = announced_quotas(answer)
    if not quotas:
        return ["no RateLimit-Policy, RateLimit-Limit or X-RateLimit-Limit"]
    fitting = [window for quota, window in quotas if quota == promised.requests]
    if not fitting:
        return [f"says {_told(quotas)}; {promised.requests} promised"]
    if promised.per is not None and not any(window is None or window == promised.per for window in fitting):
        return [f"says {_told(quotas)}; in {show_duration(promised.per)} promised"]
    return []


def announced_quotas(answer: Answer) -> list[tuple[int, float | None]]:
    """Each quota with its window in seconds, where there is one."""
    policy = answer.one("ratelimit-policy")
    if policy is not None and (found := _of_policy(policy)):
        return found
    for name in ("ratelimit", "ratelimit-limit", "x-ratelimit-limit"):
        value = answer.one(name) or ""
        if with_windows := [(int(quota), float(window)) for quota, window in _POLICY.findall(value)]:
            return list(with_windows)
        if match := re.match(r"\s*(?:limit\s*=\s*)?(\d{1,12})\b", value):
            return [(int(match[1]), None)]
    return []


def _of_policy(policy: str) -> list[tuple[int, float | None]]:
    try:
        items = http_sf.parse(policy.encode(), tltype="list")
    except http_sf.StructuredFieldError:
        items = []
    found: list[tuple[int, float | None]] = []
    for item in items if isinstance(items, list) else []:
        value, parameters = item if isinstance(item, tuple) else (item, {})
        quota = value if isinstance(value, int) else parameters.get("q")
        window = parameters.get("w")
        if isinstance(quota, int):
            found.append((quota, float(window) if isinstance(window, int) else None))
    return found


def _told(quotas: list[tuple[int, float | None]]) -> str:
    return ", ".join(f"{quota}" + (f" in {show_duration(window)}" if window else "") for quota, window in quotas)
