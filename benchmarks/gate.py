"""What the gate costs, as ratios: `./run python benchmarks/gate.py [--rounds N] [--round-trip MS]`.

The target of 21 services against its own sandbox, on loopback alone. In every round, one after another:

    gate        `roadworthy gate`, whole: start-up, observing, judging, all reports
    one tcp     the same with a target of one TCP port: what a gate costs that has next to nothing to look at
    in turn     the asks of the gate's own evidence, each begun when the one before has ended, in an event loop of its
                own; no start-up, no judging, no report
    shell       curl for every health page, `openssl s_client` for every TLS name; first address only, judges less
    pytest      httpx, ssl and sslyze as people write it: each test looks for itself; first address only

Every way must find the deployment well, or the benchmark ends with an error: a fast failure is no result. At the end
one service is made to hang, to see the gate where one observation is far slower than all others. On loopback nothing
is ever waited for; `--round-trip 20` puts the servers 20 ms away (distance.py), as most are. Wall times of one
machine say little; the ratios of one round say more. Medians are shown with their least and most. A gate writes about
200 small files, which cost some disks more than all the rest: TMPDIR says where.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING

from plain import pytest_file, shell_script

from roadworthy.facts.base import Record, Seen
from roadworthy.facts.name import NameObservation
from roadworthy.observe.engine import Observatory
from roadworthy.observe.redaction import Scrubber
from roadworthy.observe.store import EvidenceStore
from roadworthy.sandbox import running
from roadworthy.target.loading import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "targets" / "elymica.yaml"
ROADWORTHY = (sys.executable, "-m", "roadworthy.cli", "gate")
MOST_S = 60.0
"""No round begins later than this."""
RUN_S = 30.0
"""No command may take longer."""
HANGING = ("service-hangs:grading", "network: {timeout: 2s, retries: 0}\n")
"""The fault of the last part, and an overlay that lets it cost two seconds and not ten."""
FACTOR, START_UP_S = 1.3, 1.0
"""The aim: wall <= FACTOR x the slowest observation + START_UP_S, and a start-up below START_UP_S."""

ONE_TCP = """\
schema: 1
name: one-tcp
environment: bench
components:
  port: {{address: "127.0.0.1:{port}", tcp: {{open: true}}}}
"""


@dataclass(frozen=True)
class Spent:
    """What one command took; its processor time holds its children's."""

    wall_s: float
    cpu_s: float
    output: str


@dataclass
class Way:
    """One way to verify, over all rounds."""

    looks: str = ""
    judges: str = ""
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Gated:
    """What a run of the gate left behind."""

    spent: Spent
    records: tuple[Record, ...]
    judged: int
    answers: int

    @property
    def slowest(self) -> Record:
        """The observation that took longest."""
        return max(self.records, key=lambda record: record.elapsed_s)

    @property
    def observing_s(self) -> float:
        """From the first observation's start to the last one's end."""
        ends = [record.started + timedelta(seconds=record.elapsed_s) for record in self.records]
        return (max(ends) - min(record.started for record in self.records)).total_seconds()


@dataclass(frozen=True)
class Round:
    """What a round tells beside its wall times."""

    gated: Gated
    in_turn_s: tuple[float, ...]
    """How long each observation took when nothing else was looked at."""
    steady_s: float
    """A computation that is always the same: what it varies by is the machine's doing."""


def spend(command: tuple[str, ...], folder: Path, expected: int = 0) -> Spent:
    """Runs a command; its exit code must be the expected one."""
    with (folder / "output").open("w+b") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT)
        try:
            cpu_s = _wait(process, started + RUN_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall_s = time.perf_counter() - started
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode != expected:
        sys.exit(f"{command[0]} ... ended with {process.returncode}, not {expected}:\n{text[-3000:]}")
    return Spent(wall_s, cpu_s, text)


def _wait(process: subprocess.Popen[bytes], until: float) -> float:
    """Waits for the process; its processor time and that of its children."""
    before = os.times()
    process.wait(timeout=max(0.1, until - time.perf_counter()))
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def gate(target: Path, overlays: tuple[Path, ...], folder: Path, expected: int = 0) -> Gated:
    """The gate as a pipeline runs it, with all its reports."""
    reports = folder / "reports"
    laid = [part for overlay in overlays for part in ("--overlay", str(overlay))]
    spent = spend((*ROADWORTHY, str(target), *laid, "--reports", str(reports)), folder, expected)
    (run,) = reports.iterdir()
    records = tuple(Record.from_json(file.read_bytes()) for file in sorted((run / "evidence").glob("*.json")))
    results = json.loads((run / "verdict.json").read_bytes())["results"]
    shutil.rmtree(reports)
    return Gated(spent, records, len(results), sum(len(result["looks"]) for result in results))


def in_turn(records: tuple[Record, ...], overlays: tuple[Path, ...], folder: Path) -> tuple[float, tuple[Record, ...]]:
    """The same asks, each begun when the one before has ended; its seconds, and what it saw."""
    loaded = load_target(TARGET, overlays=overlays)
    network = loaded.target.network.model_copy(update={"concurrency": 1, "per_host": 1})
    evidence = folder / "in-turn"
    asks = sorted(dict.fromkeys(record.ask for record in records), key=lambda ask: ask.per_address)  # names come first
    observatory = Observatory(network, EvidenceStore(evidence, Scrubber(loaded.secrets)))
    started = time.perf_counter()
    for ask in asks:
        observatory.observe([ask])
    wall_s = time.perf_counter() - started
    seen = tuple(Record.from_json(file.read_bytes()) for file in evidence.glob("*.json"))
    shutil.rmtree(evidence)
    if len(seen) != len(records) or not all(isinstance(record.result, Seen) for record in seen):
        sys.exit(f"one after another saw {len(seen)} of {len(records)}")
    return wall_s, seen


def endpoints(record: Record) -> list[tuple[str, int]]:
    """The addresses in a name's record."""
    if not isinstance(record.result, Seen) or not isinstance(seen := record.result.observation, NameObservation):
        sys.exit(f"{record.ask.host} is not resolved")
    parted = (endpoint.rpartition(":") for endpoint in seen.endpoints)
    return [(ip, int(port)) for ip, _, port in parted]


def first_addresses(records: tuple[Record, ...]) -> dict[tuple[str, int], tuple[str, int]]:
    """Where each name leads, so that curl and httpx need no resolver of ours: the first address alone."""
    names = (record for record in records if record.ask.kind == "name")
    return {(name.ask.host, name.ask.port): endpoints(name)[0] for name in names}


def rounds(
    sandbox: Sandbox, overlays: tuple[Path, ...], most: int, folder: Path, ways: dict[str, Way]
) -> Iterator[Round]:
    """All ways, interleaved."""
    pytest_way = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--disable-plugin-autoload")
    began = time.monotonic()
    with listening() as port:
        one_tcp = folder / "one-tcp.yaml"
        one_tcp.write_text(ONE_TCP.format(port=port))
        warm = gate(TARGET, overlays, folder)  # file caches and byte code are warm for every way
        in_turn(warm.records, overlays, folder)
        places = first_addresses(warm.records)
        asks = tuple(dict.fromkeys(record.ask for record in warm.records))
        script, tests = folder / "health.sh", folder / "test_deployment.py"
        script.write_text(shell_script(asks, places))
        tests.write_text(pytest_file(asks, places, sandbox.directory / "ca.pem"))
        (folder / "pytest.ini").write_text("[pytest]\n")  # none of this project's settings
        for _ in range(most):
            if time.monotonic() - began > MOST_S:
                return
            gated = gate(TARGET, overlays, folder)
            add(ways["gate"], gated.spent, str(len(gated.records)), f"{gated.judged} ({gated.answers} answers)")
            add(ways["one tcp"], gate(one_tcp, (), folder).spent, "2", "2")
            clock = time.process_time()
            wall_s, seen = in_turn(gated.records, overlays, folder)
            add(ways["in turn"], Spent(wall_s, time.process_time() - clock, ""), str(len(seen)), "0")
            spent = spend(("sh", str(script)), folder)
            done = spent.output.count("\n")
            add(ways["shell"], spent, str(done), str(done))
            spent = spend((*pytest_way, "--rootdir", str(folder), "-c", str(folder / "pytest.ini"), str(tests)), folder)
            passed = re.search(r"(\d+) passed", spent.output)
            add(ways["pytest"], spent, passed[1] if passed else "?", passed[1] if passed else "?")
            yield Round(gated, tuple(record.elapsed_s for record in seen), steady())


def steady() -> float:
    """Seconds of a fixed computation."""
    started = time.perf_counter()
    sum(number * number for number in range(1_000_000))
    return time.perf_counter() - started


def add(way: Way, spent: Spent, looks: str, judges: str) -> None:
    way.looks, way.judges = looks, judges
    way.wall_s.append(spent.wall_s)
    way.cpu_s.append(spent.cpu_s)


@contextmanager
def listening() -> Iterator[int]:
    """A port of our own that accepts connections: the kernel does, we need not."""
    with closing(create_server(("127.0.0.1", 0), backlog=512)) as server:
        yield server.getsockname()[1]


@contextmanager
def far(sandbox: Sandbox, trip_s: float, folder: Path) -> Iterator[tuple[Path, ...]]:
    """The overlays of a deployment that is a round trip away; names are still looked up next door."""
    if not trip_s:
        yield (sandbox.overlay,)
        return
    names = [record for record in gate(TARGET, (sandbox.overlay,), folder).records if record.ask.kind == "name"]
    ends = [(name.ask, *endpoint) for name in names for endpoint in endpoints(name)]
    command = (sys.executable, str(Path(__file__).with_name("distance.py")), str(trip_s))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forwarding:
        assert forwarding.stdin  # noqa: S101 - asked for
        assert forwarding.stdout  # noqa: S101 - asked for
        forwarding.stdin.write(json.dumps([(ip, port) for _, ip, port in ends]) + "\n")
        forwarding.stdin.flush()
        ports = json.loads(forwarding.stdout.readline())
        routes = [f"{ask.host}:{ask.port}:127.0.0.1:{port}" for (ask, *_), port in zip(ends, ports, strict=True)]
        overlay = folder / "far.yaml"
        overlay.write_text(json.dumps({"network": {"connect_to": routes}}))
        yield sandbox.overlay, overlay


def hanging(sandbox: Sandbox, overlays: tuple[Path, ...], folder: Path) -> list[tuple[float, float]]:
    """Wall time and slowest observation of the gate while one service accepts connections and never answers."""
    fault, patience = HANGING
    overlay = folder / "patience.yaml"
    overlay.write_text(patience)
    sandbox.break_(fault)
    runs = [gate(TARGET, (*overlays, overlay), folder, expected=1) for _ in range(3)]
    sandbox.mend(fault)
    return [(run.spent.wall_s, run.slowest.elapsed_s) for run in runs]


# --- telling ---------------------------------------------------------------------------------------------------------


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{statistics.median(values):7.3f}  {min(values):6.3f} - {max(values):6.3f}"


def tell(ways: dict[str, Way], told: list[Round]) -> None:
    """The table: each way, then parts of ours; ratios are of the gate's wall time."""
    walls = ways["gate"].wall_s
    print(f"\n{'':22} {'median':>7}  {'min':>6} - {'max':>6} s   CPU s   looks  judged             gate / it")
    for name, way in ways.items():
        ratio = ratios(walls, way.wall_s) if name != "gate" else ""
        cpu_s = statistics.median(way.cpu_s)
        print(f"{name:22} {spread(way.wall_s)} {cpu_s:9.3f} {way.looks:>7}  {way.judges:18} {ratio}")
    parts = {
        "slowest, in the gate": [each.gated.slowest.elapsed_s for each in told],
        "slowest, in turn": [max(each.in_turn_s) for each in told],
        "all in turn, summed": [sum(each.in_turn_s) for each in told],
        "observing, in the gate": [each.gated.observing_s for each in told],
    }
    for name, values in parts.items():
        print(f"{name:22} {spread(values)} {'':36} {ratios(walls, values)}")
    gated = told[-1].gated
    kinds = Counter(record.ask.kind for record in gated.records)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    slowest = gated.slowest
    print(f"\nthe gate looks at {counts}; slowest: {slowest.ask.kind} {slowest.ask.host}:{slowest.ask.port}")
    print(
        f"noise: the gate varies by {varies(walls)}; a fixed computation by {varies([each.steady_s for each in told])}"
    )


def varies(values: list[float]) -> str:
    """From the least to the most, as a part of the median."""
    return f"{(max(values) - min(values)) / statistics.median(values):.0%} of its median"


def ratios(ours: list[float], theirs: list[float]) -> str:
    """Round by round, so that a slow moment of the machine weighs on both sides."""
    each = [our / their for our, their in zip(ours, theirs, strict=True)]
    return f"{statistics.median(each):7.2f} ({min(each):.2f} - {max(each):.2f})"


def tell_aim(ways: dict[str, Way], told: list[Round], slow: list[tuple[float, float]]) -> None:
    """Whether the aim is met, for the slowest observation in each of its meanings."""
    print(f"\naim: start-up < {START_UP_S:.0f} s, and wall <= {FACTOR} x the slowest observation + {START_UP_S:.0f} s")
    start_up, walls = ways["one tcp"].wall_s, ways["gate"].wall_s
    hanging_s, hung = (list(values) for values in zip(*slow, strict=True))
    for when, wall_s, slowest_s in (
        ("start-up (one tcp)", start_up, [0.0]),
        ("all well, slowest as the gate saw it", walls, [each.gated.slowest.elapsed_s for each in told]),
        ("all well, slowest of those in turn", walls, [max(each.in_turn_s) for each in told]),
        ("one service hangs", hanging_s, hung),
    ):
        bound = FACTOR * statistics.median(slowest_s) + START_UP_S
        values = f"median {statistics.median(wall_s):.3f}, least {min(wall_s):.3f}, allowed {bound:.3f} s"
        print(f"  {when:36}  {values}: {met(statistics.median(wall_s), bound)}; at its least {met(min(wall_s), bound)}")


def met(value: float, bound: float) -> str:
    return "met" if value <= bound else "NOT met"


def tell_imports(folder: Path) -> None:
    """The ten imports that cost most of a gate that looks at one TCP port; each holds what it imports."""
    with listening() as port:
        target = folder / "one-tcp.yaml"
        target.write_text(ONE_TCP.format(port=port))
        command = (*ROADWORTHY, str(target), "--reports", str(folder / "reports"), "--capture=no")
        spent = spend((sys.executable, "-X", "importtime", *command[1:]), folder)
    found = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \|\s+(\S+)", spent.output, re.MULTILINE)
    print("\nimports of a gate that looks at one TCP port, ms with what they import:")
    for took, module in sorted(((int(took), module) for took, module in found), reverse=True)[:10]:
        print(f"  {took / 1000:7.1f}  {module}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 21), metavar="N", help="1 to 20 (5)")
    parser.add_argument("--round-trip", type=int, default=0, choices=range(101), metavar="MS", help="0 to 100 (0)")
    parser.add_argument("--imports", action="store_true", help="tell the ten slowest imports, too")
    args = parser.parse_args()
    missing = [tool for tool in ("curl", "openssl") if not shutil.which(tool)]
    if missing:
        sys.exit(f"{' and '.join(missing)} not found: the shell loop needs both")
    ways = {name: Way() for name in ("gate", "one tcp", "in turn", "shell", "pytest")}
    print(f"{os.cpu_count()} CPUs, load before: {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory(prefix="roadworthy-bench-") as place, running(TARGET) as sandbox:
        folder = Path(place)
        with far(sandbox, args.round_trip / 1000, folder) as overlays:
            told = list(rounds(sandbox, overlays, args.rounds, folder, ways))
            slow = hanging(sandbox, overlays, folder)
        print(f"{len(told)} rounds, load after: {os.getloadavg()[0]:.2f}")
        tell(ways, told)
        tell_aim(ways, told, slow)
        if args.imports:
            tell_imports(folder)


if __name__ == "__main__":
    main()
