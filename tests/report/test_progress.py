"""Progress: a live line on a terminal, next to nothing in a log."""

from __future__ import annotations

import io
import os
import re
import threading
from datetime import UTC, datetime

import pytest
from rich.console import Console

from roadworthy.facts.base import NotSeen, Reason, Record
from roadworthy.facts.tcp import TcpAsk
from roadworthy.report.progress import Progress

ASKS = tuple(TcpAsk(host=f"{name}.example", port=443) for name in ("api", "www"))


def record(ask: TcpAsk, address: str = "127.0.0.1:443") -> Record:
    return Record(
        ask=ask,
        address=address,
        result=NotSeen(reason=Reason.NO_ANSWER, detail="refused"),
        started=datetime.now(UTC),
        elapsed_s=0.1,
    )


def console(encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    return Console(file=io.TextIOWrapper(raw, encoding=encoding, write_through=True)), raw


def read(terminal: int) -> str:
    """What is there; nothing once the other side is closed and all is read."""
    try:
        return os.read(terminal, 65536).decode()
    except OSError:
        return ""


def wait(progress: Progress, round_: int, *missing: str) -> None:
    progress.waiting(round_=round_, good_in_row=0, settle=3, waiting_for=missing, left_s=130.4)


def test_a_log_gets_one_line_at_the_start_and_one_at_the_end() -> None:
    out, raw = console()
    with Progress(out) as progress:
        progress.observing(2)
        for ask in ASKS:
            progress.observed(record(ask, "127.0.0.1:443"))
            progress.observed(record(ask, "127.0.0.2:443"))
    lines = raw.getvalue().decode().splitlines()
    assert lines[0] == "observing 2 ..."
    assert re.fullmatch(r"observed 2 of 2 in \d+ ms", lines[1])
    assert len(lines) == 2


def look_at_one_and_stop(progress: Progress) -> None:
    progress.observing(2)
    progress.observed(record(ASKS[0]))
    raise KeyboardInterrupt


def test_a_run_that_ends_early_says_how_far_it_came() -> None:
    out, raw = console()
    with pytest.raises(KeyboardInterrupt), Progress(out) as progress:
        look_at_one_and_stop(progress)
    assert "observed 1 of 2 in" in raw.getvalue().decode()


def test_waiting_is_told_again_only_when_what_is_waited_for_changes() -> None:
    out, raw = console()
    with Progress(out) as progress:
        wait(progress, 1, "api: refused", "orders: 503")
        wait(progress, 2, "api: refused after 12 ms", "orders: 503")
        wait(progress, 3, "orders: 503")
        wait(progress, 4)
    assert raw.getvalue().decode().splitlines() == [
        "round 1 · 0 of 3 good in a row · 2 min 10 s left · waiting for api: refused, orders: 503",
        "round 3 · 0 of 3 good in a row · 2 min 10 s left · waiting for orders: 503",
        "round 4 · 0 of 3 good in a row · 2 min 10 s left · settling",
    ]


def test_what_a_server_said_moves_no_cursor_and_breaks_no_line() -> None:
    out, raw = console("ascii")
    with Progress(out) as progress:
        wait(progress, 1, "api: \x1b[2J\n::error::é" + "x" * 1_000)
    text = raw.getvalue().decode()
    assert "\x1b" not in text
    assert text.count("\n") == 1
    assert len(text) < 250


def test_quiet_is_quiet() -> None:
    out, raw = console()
    with Progress(out, quiet=True) as progress:
        progress.observing(1)
        progress.observed(record(ASKS[0]))
        wait(progress, 1, "api: refused")
    assert raw.getvalue() == b""


def test_forced_colour_in_a_log_does_not_make_it_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    out, raw = console()
    with Progress(out) as progress:
        progress.observing(1)
    assert b"\x1b[?25l" not in raw.getvalue()


def test_a_terminal_gets_a_line_that_goes_away_and_its_cursor_back() -> None:
    controller, terminal = os.openpty()
    with open(terminal, "w", encoding="utf-8") as file, Progress(Console(file=file, width=80)) as progress:  # noqa: PTH123 - a descriptor has no path
        progress.observing(2)
        progress.begun(ASKS[0], "127.0.0.1:443")
        progress.observed(record(ASKS[0]))
        wait(progress, 1, "api: refused")
    shown = "".join(iter(lambda: read(controller), ""))
    os.close(controller)
    assert "observed 0 of 2" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("Thread") and not thread.daemon]
