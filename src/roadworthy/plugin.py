"""The only module that knows pytest: a check x component becomes an item, a verdict becomes an exit code.

Without `--target` the plugin is inert. With it: collect (nothing is sent), wait if asked to, observe what the selected
items need, let pytest run the items, judge, report. pytest's own outcomes are the verdict: passed = seen, as promised;
failed = seen, not as promised; error = not seen; xfailed = either, where it does not block. Nothing is skipped.

With `-n`, one worker observes while it holds the run's lock and the others read its records; nothing is seen twice.
"""

from __future__ import annotations

import fcntl
import signal
import sys
import threading
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.check import Severity, check_of
from roadworthy.facts.base import Lane, Moment
from roadworthy.observe.store import AmbiguousAskError
from roadworthy.opening import RunOptions, UsageError
from roadworthy.options import OPTIONS
from roadworthy.places import reports_folder, targets_folder
from roadworthy.report.findings import unblocking
from roadworthy.report.text import clipped, harmless
from roadworthy.run import Run
from roadworthy.verdict.judging import Subject, kind_of, looks_of
from roadworthy.verdict.models import ExitCode, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from roadworthy.facts.base import Ask
    from roadworthy.run import Checked

RUN = pytest.StashKey[Run]()
RESULT = pytest.StashKey[Result]()
COLLECTOR = pytest.StashKey["Collector"]()
REFUSAL = pytest.StashKey[str]()
REASON_LIMIT = 500
REPORT_KEY = "roadworthy"
REFUSAL_KEY = "roadworthy refusal"
MOMENT_KEY = "roadworthy moment"
ROUGH = frozenset({Lane.ROUGH, Lane.LIMITS})
"""What may make a server defend itself; `-m "not rough"` leaves out every check that needs any of it."""
TESTINFRA = "pytest11.testinfra"
NO_TARGET = "suites verify a deployment: say which with --target NAME"


class Finding(AssertionError):  # noqa: N818 - the deployment errs, not the program
    """A result that is not passed, as pytest sees it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a verification."""
    group = parser.getgroup("roadworthy", "deployment verification")
    for flag, settings in OPTIONS.items():
        group.addoption(flag, **settings)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A dry run collects and no more; whoever starts workers must know before they do."""
    if config.getoption("dry_run"):
        config.option.collectonly = True


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Loads the target; a mistake in it ends the run with exit code 4 before anything is sent."""
    for severity in Severity:
        config.addinivalue_line("markers", f"{severity.label}: checks of this severity")
    config.addinivalue_line("markers", f"{Lane.ROUGH.value}: checks that may make a server defend itself")
    if config.getoption("target") is None and config.getoption("replay") is None:
        if _asks_for_suites(config):
            raise pytest.UsageError(NO_TARGET)
        return
    try:
        run = Run.open(_options(config))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    for folder in sorted((config.rootpath / "suites").glob("*/")):
        config.addinivalue_line("markers", f"{folder.name}: the {folder.name} suite")
    config.stash[RUN] = run
    _end_on_sigterm()
    if config.pluginmanager.hasplugin(TESTINFRA) or config.pluginmanager.hasplugin("testinfra.plugin"):
        from roadworthy import testinfra_backend  # noqa: PLC0415 - for users' own tests alone

        testinfra_backend.register(run.target)
        config.add_cleanup(testinfra_backend.leave)
    config.stash[COLLECTOR] = Collector(run)
    config.pluginmanager.register(config.stash[COLLECTOR])
    if run.options.dry_run or (run.options.verdict_only and not config.getoption("collectonly")):
        config.pluginmanager.unregister(name="terminalreporter")
    elif config.option.tbstyle == "auto":
        config.option.tbstyle = "no"  # the verdict tells findings; a traceback of a check tells nothing more
        config.option.reportchars = ""


def _end_on_sigterm() -> None:
    """A run that is told to end does so as on Ctrl-C: with a verdict, and with its workers."""

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is understood; the verdict is being written
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def _asks_for_suites(config: pytest.Config) -> bool:
    here = config.invocation_params.dir
    return any(
        (here / argument.partition("::")[0]).is_relative_to(config.rootpath / "suites") for argument in config.args
    )


def _options(config: pytest.Config) -> RunOptions:
    get = config.getoption
    if get("reports") == "":
        raise UsageError("--reports is empty: name a folder, or leave it out")
    shared = getattr(config, "workerinput", {})
    if get("json") and not get("dry_run"):
        raise UsageError("--json goes with --dry-run; the verdict of a run is verdict.json in its folder")
    return RunOptions(
        target=get("target"),
        overlays=tuple(get("overlay")),
        connect_to=tuple(get("connect_to")),
        resolver=get("resolver"),
        expect_version=get("expect_version"),
        fail_on=Severity[get("fail_on").upper()],
        wait=get("wait"),
        settle=get("settle"),
        replay=get("replay"),
        reports=Path(get("reports") or reports_folder()),
        targets=targets_folder(),
        folder=Path(shared[REPORT_KEY]) if shared else None,
        verdict_only=get("verdict_only"),
        quiet=config.get_verbosity() < 0,
        writes=not config.getoption("collectonly"),
        selected=_is_partial(config),
        waivers=get("waivers"),
        no_waivers=get("no_waivers"),
        dry_run=get("dry_run"),
        json=get("json"),
        judged_at=datetime.fromisoformat(shared[MOMENT_KEY]) if shared else None,
    )


def _is_partial(config: pytest.Config) -> bool:
    """Whether the command asks for a part of the checks, in any of pytest's ways."""
    here, suites = config.invocation_params.dir, config.rootpath / "suites"
    narrowing = ("keyword", "markexpr", "lf", "stepwise", "deselect", "ignore", "ignore_glob")
    elsewhere = [argument for argument in config.args if (here / argument).resolve() != suites.resolve()]
    return bool(elsewhere) or any(config.getoption(option, default=None) for option in narrowing)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Every xdist worker shares the controller's run folder, and the moment that waivers hold at."""
    if run := node.config.stash.get(RUN, None):
        node.workerinput |= {REPORT_KEY: str(run.folder), MOMENT_KEY: run.waivers.now.isoformat()}


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[pytest.Item] | None:
    """A check that no component asks for is no item at all."""
    run = collector.config.stash.get(RUN, None)
    if run is None or not callable(obj) or check_of(obj) is None or _applicable(run, obj):
        return None
    return []


def _applicable(run: Run, function: Callable[..., None]) -> list[Subject]:
    subjects = (Subject(run.target, name) for name in run.target.components)
    return [subject for subject in subjects if looks_of(function, subject)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each component that promises what the check judges."""
    if check_of(metafunc.function) is None:
        return
    run = metafunc.config.stash.get(RUN, None)
    if run is None:
        raise pytest.UsageError(NO_TARGET)
    argument, _ = kind_of(metafunc.function)
    applicable = _applicable(run, metafunc.function)
    # The target is part of the id: pytest's cache (--lf) must not take one target's pass for another's.
    metafunc.parametrize(argument, applicable, ids=[f"{run.target.name}:{subject.name}" for subject in applicable])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks items by family, severity and roughness, and puts the last looks last."""
    if RUN not in config.stash:
        return
    for family in {item.path.parent.name for item in items}:  # checks may stand outside `suites`, too
        config.addinivalue_line("markers", f"{family}: the {family} suite")
    last: set[pytest.Item] = set()
    for item in items:
        if check := check_of(getattr(item, "function", None)):
            asks = _asks_of(item)
            item.add_marker(check.severity.label)
            item.add_marker(item.path.parent.name)
            if any(ask.lane in ROUGH for ask in asks):
                item.add_marker(Lane.ROUGH.value)
            if any(ask.moment is Moment.END for ask in asks):
                last.add(item)
    items.sort(key=last.__contains__)


def _subject(item: pytest.Item) -> Subject | None:
    if check_of(getattr(item, "function", None)) is None or not isinstance(item, pytest.Function):
        return None
    value = item.callspec.params.get(kind_of(item.function)[0]) if hasattr(item, "callspec") else None
    return value if isinstance(value, Subject) else None


def _asks_of(item: pytest.Item) -> tuple[Ask, ...]:
    subject = _subject(item)
    if subject is None or not isinstance(item, pytest.Function):
        return ()
    return tuple(ask for _, ask in looks_of(item.function, subject))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Waits, if asked to, and observes what the selected items need. `--collect-only` sends nothing."""
    run = session.config.stash.get(RUN, None)
    if run is None or not session.items:
        return
    checked = [
        (item.function, s) for item in session.items if isinstance(item, pytest.Function) and (s := _subject(item))
    ]
    if run.options.dry_run:
        _list(run, checked)
    if session.config.getoption("collectonly"):
        return
    try:
        with _one_at_a_time(run.folder):
            run.observe(checked)
    except (AmbiguousAskError, UsageError) as error:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[REFUSAL_KEY] = str(error)
            pytest.exit(str(error), returncode=ExitCode.USAGE)
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker that refused to start the run tells why."""
    del error
    if refusal := getattr(node, "workeroutput", {}).get(REFUSAL_KEY):
        node.config.stash[REFUSAL] = refusal


def _list(run: Run, checked: Iterable[Checked]) -> None:
    """Prints what would be sent.

    Raises:
        pytest.UsageError: the run would be refused.
    """
    told, refusal = run.dry(checked)
    sys.stdout.write(told)
    sys.stdout.flush()
    if refusal:
        raise pytest.UsageError(refusal)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """A lock that the kernel lets go when its holder dies."""
    with (folder / ".lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Asks a check of every page and address, instead of calling it once."""
    subject = _subject(pyfuncitem)
    if subject is None:
        return None
    run = pyfuncitem.config.stash[RUN]
    result = run.judge(pyfuncitem.function, subject, pyfuncitem.nodeid, _family(pyfuncitem))
    pyfuncitem.stash[RESULT] = result
    if result.outcome is not Outcome.PASSED:
        raise Finding(result.seen)
    return True


def _family(item: pytest.Item) -> str:
    return item.path.parent.name


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns what pytest saw into one of the three outcomes, and hands the result to the controller."""
    report = yield
    run = item.config.stash.get(RUN, None)
    if run is None or (call.when != "call" and report.passed):
        return report
    result = item.stash.get(RESULT, None) if call.when == "call" else None
    if result is None:
        result = run.plain_result(item.nodeid, _family(item), *_plain_outcome(report, call))
    _tell(report, result)
    return report


def _plain_outcome(report: pytest.TestReport, call: pytest.CallInfo[None]) -> tuple[Outcome, str]:
    """The outcome of a test that is no check, or that ended outside its body; a skipped one was not observed."""
    if report.passed:
        return Outcome.PASSED, ""
    seen = call.excinfo.exconly() if call.excinfo else "ended without a reason"
    judged = call.excinfo is not None and call.excinfo.errisinstance((AssertionError, pytest.fail.Exception))
    return (Outcome.FAILED if judged and call.when == "call" else Outcome.NOT_OBSERVED), seen


def _tell(report: pytest.TestReport, result: Result) -> None:
    """Failed = seen, not as promised; error = not seen (pytest calls an error what fails before the call).

    Both only where it blocks, so that pytest's own count never contradicts the exit code. What does not block is
    pytest's xfailed: known, told, and neither green nor red.
    """
    setattr(report, REPORT_KEY, result.model_dump_json())
    if result.outcome is Outcome.PASSED:
        return
    report.__dict__.pop("wasxfail", None)
    report.outcome = "failed" if result.blocking else "skipped"
    report.when = "setup" if result.blocking and result.weighs is Outcome.NOT_OBSERVED else "call"
    if not result.blocking:
        report.wasxfail = clipped(harmless(unblocking(result)), REASON_LIMIT)
    if result.looks:
        report.longrepr = f"{result.check} [{result.component}] promised {result.promised}; seen: {result.seen}"


class Collector:
    """Collects results; with `-n` they reach the controller from its workers."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.is_interrupted = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A suite that can't be read is a finding, told even where pytest's own terminal is off."""
        if report.failed:
            self._run.take_unread(report.nodeid, report.longreprtext)
            if self._run.options.speaks_alone:
                sys.stderr.write(f"{report.nodeid}: {report.longreprtext}\n")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C or SIGTERM; pytest ends in the same way after -x with workers, which is no interruption."""
        self.is_interrupted = type(excinfo.value) in (KeyboardInterrupt, pytest.exit.Exception)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one item is over, wherever it ran."""
        self._run.take(report.nodeid, getattr(report, REPORT_KEY, None), failed=report.failed)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Decides, writes the reports, and owns the exit code."""
    config = session.config
    run = config.stash.get(RUN, None)
    if run is None or hasattr(config, "workerinput"):
        return
    if exitstatus == ExitCode.NOTHING_SELECTED and run.options.speaks_alone:
        sys.stderr.write("nothing selected: no check of this target matches -k, -m or the paths given\n")
    if config.getoption("collectonly"):
        return
    if refusal := config.stash.get(REFUSAL, None):
        session.exitstatus = exitstatus = ExitCode.USAGE
        sys.stderr.write(f"ERROR: {refusal}\n")
    if exitstatus not in (ExitCode.GO, ExitCode.NO_GO, ExitCode.INTERRUPTED):
        run.discard()
        return
    verdict = run.finish(
        collected=session.testscollected,
        interrupted=config.stash[COLLECTOR].is_interrupted,
        failed=exitstatus == ExitCode.NO_GO,
    )
    session.exitstatus = int(verdict.exit_code)
    try:
        run.write_reports()
    except OSError as error:
        sys.stderr.write(f"reports can't be written: {error}\n")
        session.exitstatus = ExitCode.INTERNAL_ERROR
    if not config.pluginmanager.has_plugin("terminalreporter"):
        run.show()


def pytest_terminal_summary(config: pytest.Config) -> None:
    """The verdict, where pytest's own terminal is on."""
    run = config.stash.get(RUN, None)
    if run is not None and run.verdict is not None:
        run.show()
