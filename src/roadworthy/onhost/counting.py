"""On the host: the errors of a log since a moment, counted line by line."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

from roadworthy.onhost.ground import NOT_THERE, Unseen
from roadworthy.onhost.lines import COLOURS, ERROR, MATCHED, Line, Zones, kind, parse

KINDS = 400
KINDS_SHOWN = 8
PER_LOOK = 2000
"""Lines between two looks at the clock."""
CONTINUED = re.compile(r"\s|#\d|[\]})\"'|<>+=*&-]|\[(?:stacktrace|previous exception)\]|at |Caused by:|\.\.\.")
"""How a line begins that belongs to the one before it."""


class Counter:
    """The errors of a log since a moment."""

    def __init__(self, wanted: dict[str, Any], zones: Zones, until: float) -> None:
        self.since: float = wanted["since"]
        self.patterns = None if wanted["patterns"] is None else _compiled(wanted["patterns"])
        self.without = _compiled(wanted["without"])
        self.zones = zones
        self.until = until
        self.count = 0
        self.undated = 0
        self.lines = 0
        self.short = ""
        self.kinds: dict[str, dict[str, Any]] = {}
        self.last: float | None = None
        self.in_error = False

    def begin(self) -> None:
        """Another file: what comes first in it belongs to no line before."""
        self.last = None
        self.in_error = False

    def heed(self, raw: str, *, is_first: bool = True) -> None:
        """One line of a file.

        Args:
            raw: the line.
            is_first: whether an undated line at the beginning has no line before it that was not read.
        """
        text = COLOURS.sub("", raw).rstrip()
        if not text:
            return
        line = parse(text, self.zones)
        if line.at is not None:
            self.last = line.at
            self.in_error = self._is_error(text, line)
            if self.in_error:
                self._add(line, line.at)
        elif self.last is not None:
            if not self.in_error and _stands_alone(text, line) and self._is_error(text, line):
                self.in_error = True
                self._add(line, self.last)
        elif is_first and self._is_error(text, line):
            self._add(line, None)

    def heed_at(self, moment: float, raw: str, *, is_error: bool = False) -> None:
        """One line whose time is told apart from it."""
        text = COLOURS.sub("", raw).rstrip()
        if not text.strip():
            return
        line = parse(text, self.zones)
        if line.at is None and not is_error and not _stands_alone(text, line):
            return
        if self._is_error(text, line, is_told=is_error):
            self._add(line, moment)

    def _is_error(self, text: str, line: Line, *, is_told: bool = False) -> bool:
        shown = text[:MATCHED]
        if self.patterns is not None:
            is_told = any(pattern.search(shown) for pattern in self.patterns)
        elif not is_told:
            is_told = line.is_error
        return is_told and not any(pattern.search(shown) for pattern in self.without)

    def _add(self, line: Line, moment: float | None) -> None:
        if moment is not None and moment < self.since:
            return
        if moment is None:
            self.undated += 1
        else:
            self.count += 1
        text = kind(line.text)
        if text not in self.kinds and len(self.kinds) >= KINDS:
            return
        seen = self.kinds.setdefault(text, {"text": text, "count": 0, "first": moment, "last": moment})
        seen["count"] += 1
        seen["last"] = moment

    def late(self) -> bool:
        """Whether the time is over; one more line was read."""
        self.lines += 1
        if self.lines % PER_LOOK == 0 and time.monotonic() > self.until:
            self.short = "there was no time to read all of it"
            return True
        return False

    def said(self) -> dict[str, Any]:
        """As `facts.logs.Errors` holds it."""
        kinds = sorted(self.kinds.values(), key=lambda one: -one["count"])[:KINDS_SHOWN]
        return {
            "count": self.count,
            "undated": self.undated,
            "lines": self.lines,
            "short": self.short,
            "kinds": kinds,
        }


def _compiled(patterns: list[str]) -> list[Any]:
    try:
        return [re.compile(one) for one in patterns]
    except re.error as error:  # the host's Python may be older than the one that has read the target
        raise Unseen(
            NOT_THERE, "Python {}.{} here knows no such pattern: {}".format(*sys.version_info[:2], error)
        ) from error


def _stands_alone(text: str, line: Line) -> bool:
    """Whether an undated line is one of its own, and no part of a stack trace."""
    return line.level == ERROR or CONTINUED.match(text) is None
