"""Cases of logs: one look at all of them, for each kind of promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from roadworthy.cases.base import Case
from roadworthy.cases.host import there
from roadworthy.facts.logs import ErrorsWanted, LogsAsk, LogsObservation, LogWanted
from roadworthy.rules.logs import only, promised_of
from roadworthy.target.blocks.logs import Errors, FileLog, Logs, ProjectLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.facts.logs import Source
    from roadworthy.target.blocks.logs import AnyLog
    from roadworthy.target.models import Component, Target


def logs_ask(target: Target, component: Component) -> LogsAsk:
    """The one look."""
    promised = component.logs
    assert promised is not None  # noqa: S101 - the callers have looked
    return LogsAsk(**there(target, component), logs=tuple(_wanted(*named) for named in promised_of(promised)))


def _wanted(source: Source, name: str, one: AnyLog) -> LogWanted:
    return LogWanted(
        source=source,
        name=name,
        services=one.services if isinstance(one, ProjectLog) else None,
        zone=one.zone if isinstance(one, FileLog) else None,
        rotation=isinstance(one, FileLog) and one.rotated is not None,
        newest=one.written_within is not None,
        errors=_errors(one.errors),
    )


def _errors(promised: Errors | None) -> ErrorsWanted | None:
    if promised is None:
        return None
    return ErrorsWanted(since=promised.since.timestamp(), patterns=promised.patterns, without=promised.without)


class LogsCase(Case[Logs, LogsAsk, LogsObservation]):
    """All logs."""

    block = "logs"
    keys: ClassVar[tuple[str, ...]] = ()
    """One of these must be promised of a log; none: it need only be named."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterator[tuple[Logs, LogsAsk]]:
        """One look, where such a promise is made."""
        promised = component.logs
        if promised is not None and any(True for _ in promised_of(promised, *cls.keys)):
            yield only(promised, *cls.keys), logs_ask(target, component)


class WrittenCase(LogsCase):
    """The same, where it is promised how old the newest line is."""

    keys = ("written_within",)


class SizeCase(LogsCase):
    """The same, where a size is."""

    keys = ("below",)


class RotationCase(LogsCase):
    """The same, where it is promised that old ones are put aside, and thrown away."""

    keys = ("rotated", "oldest")


class ErrorsCase(LogsCase):
    """The same, where errors are bounded."""

    keys = ("errors",)
