"""A whole run against one target, in a process of its own that is measured: what a user would meet, and what it cost.

The processes are forked from one that has everything imported, so that the growth of memory is that of the run alone.
"""

from __future__ import annotations

import io
import multiprocessing
import re
import resource
import time
import traceback
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from roadworthy.catalogue import entries
from roadworthy.check import Severity
from roadworthy.facts.base import Record
from roadworthy.observe.engine import PROBES
from roadworthy.opening import RunOptions
from roadworthy.report import print_verdict
from roadworthy.run import Run
from roadworthy.verdict.judging import Subject, looks_of
from roadworthy.verdict.models import Outcome, Result, Verdict

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MOST_MB = 200
"""By how much one run may grow, with its children."""

SLACK_S = 2.0
"""How much longer than its deadline one observation may take on a busy machine."""

PATIENCE_S = 60.0
"""After which a run is ended from outside: it hangs."""

FORKS = multiprocessing.get_context("forkserver")
STORES = tuple(f"roadworthy.probes.{name}" for name in ("postgresql", "mysql", "mongodb", "cache"))
LATE = (
    *PROBES.values(),
    *STORES,
    "dns.asyncresolver",
    "dns.dnssec",
    "roadworthy.report.terminal",
    "roadworthy.report.allure",
)
"""Modules that a run imports when it first needs them; here no look waits for that, nor is memory counted for it."""

FORKS.set_forkserver_preload([__name__, *LATE])


@dataclass(frozen=True)
class Meeting:
    """What came of a run."""

    verdict: Verdict
    records: tuple[Record, ...]
    terminal: str
    folder: Path
    elapsed_s: float
    grown_mb: float

    def of(self, component: str) -> list[Result]:
        return [result for result in self.verdict.results if result.component == component]

    @property
    def told(self) -> str:
        """Everything that is found, as one text."""
        return "\n".join(f"{one.check}[{one.component}] {one.seen}" for one in self.verdict.results if one.is_finding)


def meet(target: Path, reports: Path) -> Meeting:
    """Runs every check that applies to the target.

    Raises:
        AssertionError: the run crashed, or hangs.
    """
    ours, theirs = FORKS.Pipe(duplex=False)
    child = FORKS.Process(target=_run, args=(theirs, target, reports))
    child.start()
    theirs.close()
    try:
        assert ours.poll(PATIENCE_S), f"the run hangs: no end after {PATIENCE_S} s"
        said: Meeting | str = ours.recv()
    except EOFError:
        child.join(5)
        raise AssertionError(f"the run's process ended with {child.exitcode}") from None
    finally:
        child.kill()
        child.join()
        ours.close()
    assert isinstance(said, Meeting), f"the run crashed:\n{said}"
    return said


def _run(channel: Connection[Any, Any], target: Path, reports: Path) -> None:
    try:
        channel.send(_measured(target, reports))
    except BaseException:  # noqa: BLE001 - whatever ends the run is told to the test
        channel.send(traceback.format_exc())


def _measured(target: Path, reports: Path) -> Meeting:
    entries()
    before, clock = _resident_mb(), time.monotonic()
    run = Run.open(options(target, reports))
    checked = [
        (entry.function, subject)
        for entry in entries()
        for subject in (Subject(run.target, name) for name in run.target.components)
        if looks_of(entry.function, subject)
    ]
    run.observe(checked)
    for function, subject in checked:
        node_id = f"{function.__name__}[{subject.name}]"
        run.take(node_id, run.judge(function, subject, node_id, "").model_dump_json(), failed=False)
    verdict = run.finish(collected=len(checked), interrupted=False, failed=False)
    run.write_reports()
    screen = io.StringIO()
    print_verdict(verdict, run.folder, str, console=Console(file=screen, width=100, color_system=None))
    elapsed = time.monotonic() - clock
    peak = max(resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    records = [Record.from_json(file.read_bytes()) for file in sorted((run.folder / "evidence").glob("*.json"))]
    return Meeting(verdict, tuple(records), screen.getvalue(), run.folder, elapsed, peak - before)


def options(target: Path, reports: Path) -> RunOptions:
    """As the command makes them of nothing but a target and a folder; what they may hold besides is not given."""
    blank: dict[str, Any] = {field.name: False if field.type == "bool" else None for field in fields(RunOptions)}
    known = {
        "target": str(target),
        "overlays": (),
        "connect_to": (),
        "fail_on": Severity.LOW,
        "settle": 1,
        "reports": reports,
        "targets": target.parent,
        "quiet": True,
        "writes": True,
    }
    return RunOptions(**(blank | known))


def _resident_mb() -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def assert_survived(meeting: Meeting, *, told: str, hostile: str = "hostile", healthy: str = "well") -> None:
    """What holds of every meeting with a hostile server: in time, in bounds, named, never green, nobody else hurt."""
    assert meeting.grown_mb < MOST_MB, f"grew by {meeting.grown_mb:.0f} MB"
    assert not (late := overdue(meeting)), late
    assert "broken check" not in meeting.told, meeting.told
    findings = [result for result in meeting.of(hostile) if result.is_finding]
    assert findings, "green"
    assert meeting.verdict.decision.value in ("no-go", "inconclusive")
    assert any(re.search(told, result.seen) for result in findings), f"{told!r} is not told in:\n{meeting.told}"
    bystanders = meeting.of(healthy)
    assert bystanders
    assert {result.outcome for result in bystanders} == {Outcome.PASSED}, meeting.told


def overdue(meeting: Meeting) -> list[str]:
    """Observations that took longer than the target allows."""
    return [
        f"{record.ask.kind} at {record.address}: {record.elapsed_s:.1f} s"
        for record in meeting.records
        if record.elapsed_s > TIMES["scan_timeout" if record.ask.many_exchanges else "timeout"] + SLACK_S
    ]


TIMES = {"timeout": 2.5, "scan_timeout": 12.0, "deadline": 20.0}
"""Seconds, in every target of these tests."""
