"""One run, from the target to the verdict: opens its folder, observes, judges, decides, reports."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from roadworthy import __version__
from roadworthy.check import Severity, check_of
from roadworthy.facts.base import Ask, Moment, NotSeen, Reason, Record, Seen
from roadworthy.observe.redaction import Scrubber
from roadworthy.observe.store import EvidenceStore, name_of
from roadworthy.opening import (
    RunOptions,
    UsageError,
    find_recording,
    find_waivers,
    load_promises,
    new_folder,
    recorded_moment,
)
from roadworthy.report import print_verdict, write_reports
from roadworthy.report.progress import Progress
from roadworthy.verdict.causes import behind_waived, explain
from roadworthy.verdict.deciding import EXIT_CODES, decide, headline
from roadworthy.verdict.judging import Place, Subject, judge, looks_of
from roadworthy.verdict.models import Decision, Outcome, Result, Round, Verdict
from roadworthy.verdict.plan import Plan, plan
from roadworthy.waiting import PAUSE_S, Settling, good_in_row, wait_until_settled

if TYPE_CHECKING:
    from roadworthy.observe.engine import Observatory
    from roadworthy.opening import Promises
    from roadworthy.target.models import Target
    from roadworthy.verdict.waivers import Waivers

Checked = tuple[Callable[..., None], Subject]
_ROUNDS = TypeAdapter(tuple[Round, ...])


class Run:
    """One run over one target."""

    def __init__(self, options: RunOptions, promises: Promises, folder: Path, waivers: Waivers) -> None:
        self.options = options
        self.waivers = waivers
        self.target = promises.target
        self.folder = folder
        self.verdict: Verdict | None = None
        self._promises = promises
        self._scrub = Scrubber(promises.secrets, frozenset(_promised_words(promises.target)))
        self._sealed = self._scrub.sealed(promises.target)
        self._store = EvidenceStore(folder / "evidence", self._scrub)
        self._observatory = None if options.replay is not None else _observatory(self.target, self._store)
        self._results: dict[str, Result] = {}
        self._started = datetime.now(UTC)
        self._clock = time.monotonic()

    @classmethod
    def open(cls, options: RunOptions) -> Run:
        """Loads the target and makes the run's folder.

        Raises:
            UsageError: the target, an option or the recording to replay is not usable.
        """
        recording = find_recording(options, options.replay) if options.replay is not None else None
        promises = load_promises(options, recording)
        wait = options.wait_s
        if options.settle < 1 or (options.settle > 1 and wait is None):
            raise UsageError("--settle N needs --wait TIME, and N of at least 1")
        if wait is not None and (options.settle - 1) * PAUSE_S > wait:
            raise UsageError(f"--settle {options.settle} takes longer than --wait {options.wait} allows")
        recorded = recorded_moment(recording) if recording else None
        waivers = find_waivers(options, promises.target, options.judged_at or recorded or datetime.now(UTC))
        name = promises.target.name
        folder = options.folder or (new_folder(options.reports, name) if options.writes else options.reports)
        run = cls(options, promises, folder, waivers)
        if options.writes and not options.folder:
            try:
                run.write_snapshot()
                if recording:
                    shutil.copytree(recording / "evidence", folder / "evidence")  # a replay is a whole run, too
            except OSError as error:
                raise UsageError(f"--reports {options.reports}: {error.strerror}") from error
        return run

    def write_snapshot(self) -> None:
        """Keeps the target as it was judged, without secrets, for a replay."""
        dump = self.target.model_dump(mode="json", by_alias=True, exclude_none=True)
        keys = [
            ".".join(filter(None, ("components", name, block, leaf)))
            for name, component in dump["components"].items()
            for block, value in {"": None, **component}.items()
            for leaf in ["", *_leaves(value)]
        ]
        positions = {key: place for key in keys if (place := self._promises.where(key))}
        started = self.waivers.now.isoformat()
        snapshot = {"schema_version": 1, "started": started, "target": self._scrub.tree(dump), "positions": positions}
        (self.folder / "target.json").write_text(json.dumps(snapshot, indent=1) + "\n", encoding="utf-8")

    # --- observing -------------------------------------------------------------------------------------------------

    def observe(self, checked: Iterable[Checked]) -> None:
        """Waits if asked to, then makes all records that the checks need.

        Raises:
            AmbiguousAskError: two asks can't be told apart in evidence.
            UsageError: it would ask a host more often than its budget allows.
        """
        if self._observatory is None:
            return
        checked = tuple(checked)
        planned = self._plan(checked)
        if refusal := self._refusal(planned):
            raise UsageError(refusal)
        for ask in _asks(checked):
            self._store.file_name(ask, None)  # refuses asks that evidence could not tell apart, before any is sent
        self._observatory.plan(one.ask for one in planned.asks)
        with Progress(quiet=self.options.quiet) as progress:
            rounds = self.folder / "rounds.json"
            if (patience := self.options.wait_s) is not None and not rounds.exists():
                settled = self._wait(checked, self._observatory, patience, progress)
                rounds.write_bytes(_ROUNDS.dump_json(settled, indent=1) + b"\n")
                self._store.forget()
            self._observatory.start_clock()  # whoever waited: this process, or another one while this waited for it
            self._observatory.observe(_asks(checked), progress)

    def _plan(self, checked: Iterable[Checked]) -> Plan:
        return plan(checked, self.target.network, is_blocker=_is_blocker)

    def dry(self, checked: Iterable[Checked]) -> tuple[str, str | None]:
        """What the run would send, as text or JSON, and why it would be refused, if it would be."""
        from roadworthy.report import dry_run  # noqa: PLC0415 - of use to no other run

        planned = self._plan(() if self._observatory is None else checked)  # a replay sends nothing
        render = dry_run.as_json if self.options.json else dry_run.as_text
        told = render(planned, self.target, self._scrub, waits=self.options.wait)
        return told, self._refusal(planned)

    def _refusal(self, planned: Plan) -> str | None:
        """Why the run can't be made as it is planned."""
        if planned.excess is None:
            return None
        place = self._promises.where("network.budget")
        return ": ".join(filter(None, (place, "network.budget", planned.excess)))

    def _wait(
        self, checked: tuple[Checked, ...], observatory: Observatory, patience_s: float, progress: Progress
    ) -> tuple[Round, ...]:
        blockers = tuple((function, subject) for function, subject in checked if _is_blocker(function))

        def look() -> Iterable[Result]:
            self._store.forget()
            observatory.start_clock()
            observatory.observe(_asks(blockers))
            return [self.judge(function, subject, "", "") for function, subject in blockers]

        return wait_until_settled(
            look,
            wait_s=patience_s,
            settling=Settling(self.options.settle),
            is_transient=self._is_transient,
            watcher=progress,
        )

    def _is_transient(self, result: Result) -> bool:
        """Whether what is wrong may pass by itself: the old release still answers, or nothing does."""
        wrong = (
            self.folder / look.evidence for look in result.looks if look.outcome is not Outcome.PASSED and look.evidence
        )
        return result.family == "release" or any(
            not file.exists() or _may_pass(Record.from_json(file.read_bytes())) for file in wrong
        )

    # --- judging ---------------------------------------------------------------------------------------------------

    def judge(self, function: Callable[..., None], subject: Subject, node_id: str, family: str) -> Result:
        """One check of one component."""
        check = check_of(function)
        key = f"components.{subject.name}" + (f".{check.expects}" if check and check.expects else "")
        place = Place(
            sealed=Subject(self._sealed, subject.name),
            node_id=node_id,
            family=family or Path(function.__code__.co_filename).parent.name,
            promised_at=self._promises.where(key),
            evidence=self._evidence_of,
            blocks_from=self.options.fail_on,
        )
        return self.waivers.applied(self._scrub.sealed(judge(function, subject, self._records_of, place)))

    def _evidence_of(self, ask: Ask, address: str | None) -> str:
        """The file of a record; where a name leads nowhere, that of the name."""
        told = name_of(ask) if address is None and ask.per_address else ask
        return f"evidence/{self._store.file_name(told, address)}"

    def _records_of(self, ask: Ask) -> tuple[Record, ...]:
        records = self._store.records(ask)
        if records is None and self._observatory is not None:
            self._observatory.observe([ask])
            records = self._store.records(ask)
        if records is not None:
            return records
        reason, detail = (
            (Reason.NOT_RECORDED, "the recorded run did not look at this")
            if self._observatory is None
            else (Reason.DEADLINE, "the run's time was over before this was looked at")
        )
        now = datetime.now(UTC)
        return (Record(ask=ask, address=None, result=NotSeen(reason=reason, detail=detail), started=now, elapsed_s=0),)

    def plain_result(self, node_id: str, family: str, outcome: Outcome, seen: str) -> Result:
        """The result of a test that is no check, or of a check that pytest ended before it was asked.

        What was not judged always blocks: nobody knows what it would have said.
        """
        name = node_id.rpartition("::")[2]
        unjudged = outcome is Outcome.NOT_OBSERVED
        result = Result(
            node_id=node_id,
            check=name.partition("[")[0],
            title=name,
            family=family or Path(node_id.partition("::")[0]).parent.name,
            component=name.partition("[")[2].rstrip("]").rpartition(":")[2] or "-",
            severity=Severity.CRITICAL if unjudged else Severity.HIGH,
            outcome=outcome,
            blocking=unjudged or self.options.fail_on <= Severity.HIGH,
            promised="the test passes",
            seen=seen,
            why="a test of this project's own",
            source=node_id.partition("::")[0],
            repair="see the test",
            looks=(),
        )
        return self._scrub.sealed(result)

    def take(self, node_id: str, told: str | None, *, failed: bool) -> None:
        """A result that pytest reports; the last word on an item wins, but a finding is never replaced by a pass."""
        if told is not None:
            result = Result.model_validate_json(told)
        elif failed:
            result = self.plain_result(node_id, "", Outcome.NOT_OBSERVED, "ended without a result (a worker crashed?)")
        else:
            return
        known = self._results.get(node_id)
        if known is None or result.is_finding:
            self._results[node_id] = result

    def take_unread(self, node_id: str, told: str) -> None:
        """A suite that could not be read: all its checks are missing, and nobody knows which."""
        seen = next((line for line in reversed(told.splitlines()) if line.strip()), "can't be read")
        self._results[node_id] = self.plain_result(node_id, "", Outcome.NOT_OBSERVED, seen)

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self, *, collected: int, interrupted: bool, failed: bool) -> Verdict:
        """Decides.

        Args:
            collected: items that pytest was to run.
            interrupted: somebody ended the run.
            failed: pytest counts something as failed, which must then be among the findings.
        """
        causes, results = explain(self._results.values(), self.target)
        blockers = [result for result in results if result.is_finding and result.blocking]
        unjudged = collected - len(results)
        rounds = self._rounds()
        decision = Decision.INTERRUPTED if interrupted else decide(results, self.options.fail_on)
        if decision is Decision.GO and (unjudged > 0 or (failed and not blockers) or not self._has_settled(rounds)):
            decision = Decision.INCONCLUSIVE
        part = self._part(len(results))
        whole = not (self.options.selected or unjudged > 0)
        waivers = self.waivers.uses(results, behind_waived(results, self.target), whole=whole)
        self.verdict = Verdict(
            roadworthy=__version__,
            decision=decision,
            exit_code=EXIT_CODES[decision],
            headline=headline(decision, self.target.name, causes, _limits(decision, results, part)),
            target=self.target.name,
            environment=self.target.environment,
            release=self.target.release.version if self.target.release else None,
            run=self.folder.name,
            replay_of=Path(self.options.replay).resolve().name if self.options.replay is not None else None,
            fail_on=self.options.fail_on,
            started=self._started,
            elapsed_s=round(time.monotonic() - self._clock, 3),
            observations=sum(1 for _ in self._store.folder.glob("*.json")),
            rounds=rounds,
            causes=causes,
            results=results,
            waivers=self._scrub.sealed(waivers),
            part=part,
            notes=tuple(self._notes(results, rounds, unjudged)),
        )
        return self.verdict

    def write_reports(self) -> None:
        """Writes every report into the run's folder.

        Raises:
            OSError: they can't be written.
        """
        if self.verdict is not None:
            write_reports(self.verdict, self.folder, self._scrub)

    def _has_settled(self, rounds: tuple[Round, ...]) -> bool:
        return not rounds or good_in_row(rounds) >= self.options.settle

    def _part(self, judged: int) -> str | None:
        """How much was judged, where the command asked for a part."""
        if not self.options.selected:
            return None
        from roadworthy.catalogue import entries  # noqa: PLC0415 - imports every suite, which a whole run did already

        subjects = [Subject(self.target, name) for name in self.target.components]
        everything = sum(bool(looks_of(entry.function, subject)) for entry in entries() for subject in subjects)
        return f"{judged} of {everything} checks"

    def _rounds(self) -> tuple[Round, ...]:
        file = self.folder / "rounds.json"
        return _ROUNDS.validate_json(file.read_bytes()) if file.exists() else ()

    def _notes(self, results: tuple[Result, ...], rounds: tuple[Round, ...], unjudged: int) -> Iterable[str]:
        if self.options.selected:
            yield "only a part of the checks was selected: this says nothing about the rest"
        if not self._has_settled(rounds):
            good = f"{good_in_row(rounds)} of {self.options.settle} good rounds in a row"
            yield f"did not settle: {good} within {self.options.wait}"
        if self.options.no_waivers:
            yield "no waivers in this run (--no-waivers)"
        if unjudged > 0:
            yield f"{unjudged} selected checks were not judged"
        flaky = [result for result in results if result.flaky and result.outcome is Outcome.PASSED]
        if flaky:
            names = ", ".join(dict.fromkeys(f"{result.check} [{result.component}]" for result in flaky))
            yield f"passed only after a retry: {names}"

    def show(self) -> None:
        """The verdict on the terminal."""
        if self.verdict is not None:
            print_verdict(self.verdict, folder=self.folder, scrub=self._scrub, quiet=self.options.quiet)

    def discard(self) -> None:
        """Removes the folder of a run that judged nothing."""
        if self.options.writes and not self.options.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def _limits(decision: Decision, results: Iterable[Result], part: str | None) -> Iterable[str]:
    """What a decision is not about."""
    if part:
        yield part
    waived = sum(result.is_waived for result in results)
    if decision is Decision.GO and waived:
        yield f"{waived} waived"


def _leaves(block: object) -> Iterable[str]:
    """The keys of a block, or of each block of a list."""
    blocks = block if isinstance(block, list) else [block]
    return dict.fromkeys(key for one in blocks if isinstance(one, dict) for key in one)


def _promised_words(target: Target) -> Iterable[str]:
    """Plain words that health answers are promised to hold; a member's name may look like that of a secret."""
    for component in target.components.values():
        for health in component.health or ():
            yield from _strings((health.json_subset, health.json_equals, health.json_path))


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _observatory(target: Target, store: EvidenceStore) -> Observatory:
    from roadworthy.observe.engine import Observatory  # noqa: PLC0415 - a replay imports nothing that could look
    from roadworthy.observe.pacing import Pace  # noqa: PLC0415 - as above

    paces = {host: Pace(*pace) for host, pace in target.limited_hosts.items()}
    return Observatory(target.network, store, paces)


def _asks(checked: Iterable[Checked]) -> Iterable[Ask]:
    """What is observed ahead: everything but the last looks."""
    for function, subject in checked:
        for _, ask in looks_of(function, subject):
            if ask.moment is not Moment.END:
                yield ask


def _is_blocker(function: Callable[..., None]) -> bool:
    """What is waited for: that components are there, run the release, and are known by their names everywhere."""
    check = check_of(function)
    return check is not None and (check.availability or check.awaited or check.id == "RELEASE-VERSION")


def _may_pass(record: Record) -> bool:
    if isinstance(record.result, Seen):
        return record.result.observation.transient
    return record.result.reason in (
        Reason.NO_ADDRESS,
        Reason.NO_ANSWER,
        Reason.RESOLVER,
        Reason.UNREACHABLE,
        Reason.VANTAGE,
    )
