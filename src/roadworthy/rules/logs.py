"""Judgements on logs: that they are there, written, rotated, and what errors they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.logs import Source
from roadworthy.facts.store import seen
from roadworthy.rules.files import all_faults
from roadworthy.target.blocks.logs import FileLog
from roadworthy.target.values import show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from roadworthy.facts.logs import ErrorKind, Log, LogsObservation, Rotation
    from roadworthy.target.blocks.logs import AnyLog, Logs, Rotated

SOURCES: tuple[Source, ...] = get_args(Source)
SHOWN = 3
DAYS = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}


def promised_of(logs: Logs, *keys: str) -> Iterator[tuple[Source, str, AnyLog]]:
    """What is promised of each log, of those of which one of the keys is promised."""
    for source in SOURCES:
        for name, one in (getattr(logs, source) or {}).items():
            if not keys or any(getattr(one, key, None) is not None for key in keys):
                yield source, name, one


def only(logs: Logs, *keys: str) -> Logs:
    """The same, less what is not promised by one of the keys."""
    kept: dict[str, dict[str, AnyLog]] = {}
    for source, name, one in promised_of(logs, *keys):
        others = {key: None for key in type(one).model_fields if key not in (*keys, "services")}
        kept.setdefault(source, {})[name] = one.model_copy(update=others)
    return logs.model_copy(update={source: kept.get(source) for source in SOURCES})


def _judged(
    observed: LogsObservation, logs: Logs, judge: Callable[[Log, AnyLog], Iterable[str]], *keys: str
) -> list[str]:
    """Faults of all logs of which one of the keys is promised.

    Raises:
        NotObserved: there are none, and one log could not be told.
    """

    def of(place: tuple[Source, str], one: AnyLog) -> Iterable[str]:
        if (unseen := observed.unseen.get(" ".join(place))) is not None:
            raise unseen.error()
        found = [(log, one) for log in observed.logs if (log.source, log.name) == place]
        if not found:
            raise NotObserved(Reason.NO_ANSWER, f"{place[1]} was not looked at")
        return all_faults(judge, found)

    return all_faults(of, (((source, name), one) for source, name, one in promised_of(logs, *keys)))


def _present(log: Log) -> Log:
    """The log, for judgements on what is in it: that there is one is another promise."""
    if log.absent:
        raise NotObserved(Reason.NOT_APPLICABLE, f"{log.label}: {log.absent}")
    return log


def missing(observed: LogsObservation, promised: Logs) -> list[str]:
    """Logs that are not there.

    Raises:
        NotObserved: the others are, and one could not be told.
    """

    def judge(log: Log, _: AnyLog) -> Iterable[str]:
        if log.absent:
            yield f"{log.label}: {log.absent}"

    return _judged(observed, promised, judge)


def silent(observed: LogsObservation, promised: Logs) -> list[str]:
    """Logs whose newest line is too old; of a file whose lines have no times, when it was changed.

    Raises:
        NotObserved: none is, and one could not be told.
    """

    def judge(log: Log, one: AnyLog) -> Iterable[str]:
        if _present(log).newest is None and log.written is None:
            yield f"{log.label}: nothing was ever written"
            return
        newest = log.written if log.newest is None else seen(log.newest, f"the newest line of {log.label}")
        assert newest is not None  # noqa: S101 - one of them is there
        assert one.written_within is not None  # noqa: S101 - such a promise is made
        if (age := observed.age_s(newest)) > one.written_within:
            yield f"{log.label}: last written {_age(age)} ago, promised within {show_duration(one.written_within)}"

    return _judged(observed, promised, judge, "written_within")


def too_large(observed: LogsObservation, promised: Logs) -> list[str]:
    """Logs that grew beyond their bound.

    Raises:
        NotObserved: as above.
    """

    def judge(log: Log, one: AnyLog) -> Iterable[str]:
        size = seen(_present(log).size, f"the size of {log.label}")
        if isinstance(one, FileLog) and one.below is not None and size > one.below:
            yield f"{log.label} has {size / 2**20:.1f} MiB, promised at most {show_size(one.below)}"

    return _judged(observed, promised, judge, "below")


def not_rotated(observed: LogsObservation, promised: Logs) -> list[str]:
    """Logs that Logrotate does not treat as promised, or of which files are too old.

    Raises:
        NotObserved: as above.
    """

    def judge(log: Log, one: AnyLog) -> Iterable[str]:
        _present(log)
        if not isinstance(one, FileLog):
            return
        if one.oldest is not None:
            oldest = seen(log.oldest, f"the files of {log.label}")
            if (age := observed.age_s(oldest.written)) > one.oldest:
                yield f"{oldest.path} is {_age(age)} old, promised at most {show_duration(one.oldest)}"
        if one.rotated is not None:
            yield from _unrotated(log.label, seen(log.rotations, f"the rotation of {log.label}"), one.rotated)

    return _judged(observed, promised, judge, "rotated", "oldest")


def _unrotated(label: str, found: tuple[Rotation, ...], promised: Rotated) -> Iterable[str]:
    if not found:
        yield f"{label}: Logrotate does not know it"
        return
    rotation = found[0]  # of several sections Logrotate takes the first, and complains of the others
    if promised.every is not None and (rotation.every is None or DAYS[rotation.every] > DAYS[promised.every]):
        told = f"every {rotation.every}" if rotation.every else "by its size alone"
        yield f"{label} is rotated {told} ({rotation.by}), promised every {promised.every}"
    if promised.keep is not None and rotation.keep < promised.keep:
        yield f"{label}: {rotation.keep} old ones are kept ({rotation.by}), promised {promised.keep}"


def with_errors(observed: LogsObservation, promised: Logs) -> list[str]:
    """Logs with more errors since the moment than they may have.

    Raises:
        NotObserved: as above; or there may be more, as not all since then was read or some have no time.
    """

    def judge(log: Log, one: AnyLog) -> Iterable[str]:
        found = seen(_present(log).errors, f"the errors of {log.label}")
        bound = one.errors
        assert bound is not None  # noqa: S101 - such a promise is made
        if found.count > bound.at_most:
            least = "at least " if found.short or found.undated else ""
            more = (
                f", and {rest} others" if (rest := found.count - sum(k.count for k in found.kinds[:SHOWN])) > 0 else ""
            )
            shown = ", ".join(_told(one_kind) for one_kind in found.kinds[:SHOWN]) + more
            errors = f"{least}{found.count} error{'s' * (found.count > 1)}"
            yield f"{log.label}: {errors} since {bound.since:%Y-%m-%d %H:%M:%S %Z}: {shown}"
        elif found.short:
            raise NotObserved(Reason.NO_ANSWER, f"{log.label}: {found.short}; {found.count} errors in what was read")
        elif found.count + found.undated > bound.at_most:
            text = f"{found.undated} errors have no time, such as {_told(found.kinds[0])}"
            raise NotObserved(Reason.NOT_APPLICABLE, f"{log.label}: {text}")

    return _judged(observed, promised, judge, "errors")


def _told(kind: ErrorKind) -> str:
    times = f"{kind.count} times " if kind.count > 1 else ""
    return f"{times}{kind.text!r}" + (f" (last {kind.last:%H:%M:%S})" if kind.last else "")


def _age(seconds: float) -> str:
    """An age for people: no more exact than is of use."""
    unit = next(unit for unit in (86400, 3600, 60, 1) if seconds >= unit * 2 or unit == 1)
    return show_duration(max(seconds // unit * unit, 0))
