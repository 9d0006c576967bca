"""What is going on, on stderr, while a run looks: one live line on a terminal, next to nothing in a log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from roadworthy.report import findings
from roadworthy.report.text import clipped, encodable, harmless

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from roadworthy.facts.base import Ask, Record

SLOW_S = 1.0
MISSING_LIMIT = 100


class Progress:
    """Shows how far observing is and what the gate waits for.

        with Progress() as progress:
            progress.observing(57)
            progress.begun(ask, address)  # as each exchange starts
            progress.observed(record)     # as each one ends

    On a terminal: one line that changes. Elsewhere: a line at the start, one at the end, and one whenever what is
    waited for changes.
    """

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        # FORCE_COLOR makes rich take a pipe for a terminal; a line that is drawn again and again needs a real one.
        self._is_live = self._console.is_interactive and self._console.file.isatty() and not quiet
        self._live: Live | None = None
        self._total = 0
        self._done: set[Ask] = set()  # several records of one ask are its addresses
        self._started = 0.0
        self._open: dict[tuple[Ask, str | None], float] = {}
        self._round = self._missing = ""
        self._ends = 0.0
        self._waited_for: tuple[str, ...] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()
        if self._live:
            self._live.stop()
            self._live = None

    def observing(self, total: int) -> None:
        """`total` asks are about to be observed, each at every address."""
        self._finish()
        self._total, self._started = total, time.monotonic()
        self._done.clear()
        self._round = ""
        self._tell(f"observing {total} ...")
        self._show()

    def begun(self, ask: Ask, address: str | None) -> None:
        """An exchange starts. The oldest one that has not ended is what the line calls slow."""
        self._open[ask, address] = time.monotonic()

    def observed(self, record: Record) -> None:
        """An exchange ended."""
        self._done.add(record.ask)
        self._open.pop((record.ask, record.address), None)
        self._show()

    def waiting(self, *, round_: int, good_in_row: int, settle: int, waiting_for: Sequence[str], left_s: float) -> None:
        """A round of waiting ended: who is still missing (`component: what was seen`), and for how long it may be."""
        missing = [clipped(who, MISSING_LIMIT) for who in waiting_for]
        self._round = f"round {round_} · {good_in_row} of {settle} good in a row"
        self._missing = f"waiting for {findings.named(missing, 3)}" if missing else "settling"
        self._ends = time.monotonic() + left_s
        names = tuple(who.partition(":")[0] for who in waiting_for)
        if names != self._waited_for:
            self._waited_for = names
            self._tell(self._waiting())
        self._show()

    def _finish(self) -> None:
        if self._total:
            self._tell(
                f"observed {self._seen()} of {self._total} in {findings.duration(time.monotonic() - self._started)}"
            )
        self._total = 0
        self._open.clear()

    def _tell(self, line: str) -> None:
        if not self._is_live and not self._quiet:
            self._console.print(self._text(line), soft_wrap=True, highlight=False)

    def _show(self) -> None:
        if self._is_live and self._live is None:
            self._live = Live(
                console=self._console,
                get_renderable=self._line,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _line(self) -> Text:
        parts = [self._waiting()] if self._round else []
        if self._total and not self._round:
            parts.append(f"observed {self._seen()} of {self._total}")
            parts.append(findings.duration(time.monotonic() - self._started))
        if slow := self._slow():
            parts.append(slow)
        line = self._text(" · ".join(parts))
        line.truncate(self._console.width, overflow="ellipsis" if self._console.encoding.startswith("utf") else "crop")
        return line

    def _seen(self) -> int:
        return min(len(self._done), self._total)  # looking up a name may be an ask that nobody counted

    def _waiting(self) -> str:
        left = findings.duration(max(0.0, self._ends - time.monotonic()))
        return f"{self._round} · {left} left · {self._missing}"

    def _slow(self) -> str:
        if not self._open:
            return ""
        (ask, address), since = min(tuple(self._open.items()), key=lambda entry: entry[1])
        elapsed = time.monotonic() - since
        where = address or ask.place
        return f"slow: {ask.kind} {ask.host} at {where} {findings.duration(elapsed)}" if elapsed > SLOW_S else ""

    def _text(self, line: str) -> Text:
        return Text(encodable(harmless(line).replace("\n", " "), self._console.encoding))
