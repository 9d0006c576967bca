"""What looking at a host costs, as ratios: `./run python benchmarks/hosts.py [--rounds N] [--hosts N]`.

The same 40 facts of one machine (of 20 files, owner and mode), over the same SSH server on loopback. In every round,
one after another:

    program     the one program that is sent to a host: login, asking, answering; no judging, no report
    testinfra   pytest-testinfra's own modules over `ssh` with ControlPersist, its connection open already
    plain ssh   the same without ControlPersist: a login for each command
    gate        `roadworthy gate`, whole: start-up, looking, judging, all reports
    pytest      a test of testinfra's for each file, with ControlPersist, whole

At the end so many hosts at once (`--hosts`, 100), each an address of its own: one gate looks at all of them. Wall times
of one machine say little; the ratios of one round say more. Medians are shown with their least and most.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
import testinfra

from roadworthy.cases.host_files import files_ask
from roadworthy.facts.files import FilesObservation
from roadworthy.probes.bench import Bench
from roadworthy.probes.host import observe
from roadworthy.sandbox.ssh import AUTHORIZED, SshHost
from roadworthy.target.loading import load_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roadworthy.target.models import Target

PORT, FIRST = 22022, "127.77.0.1"
RUN_S = 120.0
READY_S = 20.0
FILES = 20

SERVER = """
import asyncio, sys
from pathlib import Path
from roadworthy.sandbox.ssh import SshHost, listen


async def main(folder, port, addresses):
    hosts = [SshHost("bench", port, (address, port), (), ()) for address in addresses]
    await asyncio.gather(*(listen(host, folder) for host in hosts))

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
"""
"""The sandbox's own SSH server, at each address."""

TESTS = """
import pytest


@pytest.mark.parametrize("path", {paths!r})
def test_file(host, path):
    file = host.file(path)
    assert file.user == {owner!r}
    assert file.mode == 0o644
"""


def _addresses(count: int) -> list[str]:
    return [f"127.77.{number // 250}.{number % 250 + 1}" for number in range(count)]


@contextmanager
def _server(folder: Path, addresses: list[str]) -> Iterator[None]:
    """An SSH server at all the addresses."""
    own, client = folder / SshHost("bench", PORT, (FIRST, PORT), (), ()).name, folder / "client"
    keys = {file: asyncssh.generate_private_key("ssh-ed25519") for file in (own, client)}
    for file, key in keys.items():
        key.write_private_key(file)
        file.chmod(0o600)
    keys[client].write_public_key(folder / AUTHORIZED)
    public = keys[own].export_public_key().decode().strip()
    (folder / "known").write_text("".join(f"[{address}]:{PORT} {public}\n" for address in addresses))
    plain = (
        f"Host *\n  Port {PORT}\n  IdentityFile {client}\n  IdentitiesOnly yes\n  BatchMode yes\n"
        f"  UserKnownHostsFile {folder}/known\n"
    )
    (folder / "plain").write_text(plain)
    (folder / "config").write_text(plain + f"  ControlPath {folder}/%h\n")
    with subprocess.Popen([sys.executable, "-c", SERVER, str(folder), str(PORT), *addresses]) as server:
        try:
            _await_all(addresses)
            yield
        finally:
            server.kill()


def _await_all(addresses: list[str]) -> None:
    until = time.monotonic() + READY_S
    for address in addresses:
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection((address, PORT), timeout=1):
                break
            time.sleep(0.02)  # nothing tells of it
        else:
            raise SystemExit("the SSH server did not start")


def _target(folder: Path, addresses: list[str], paths: list[str], owner: str) -> Path:
    login = {"key_file": str(folder / "client"), "known_hosts": str(folder / "known")}
    promised = {path: {"kind": "file", "owner": owner, "mode": "644"} for path in paths}
    file = folder / f"target-{len(addresses)}.yaml"
    target = {
        "schema": 1,
        "name": "hosts",
        "environment": "bench",
        "network": {"vantages": {f"h{n}": {"ssh": f"bench@{a}:{PORT}", **login} for n, a in enumerate(addresses)}},
        "components": {f"c{n}": {"host": f"h{n}", "files": {"paths": promised}} for n in range(len(addresses))},
    }
    file.write_text(json.dumps(target))  # which is YAML, too
    return file


def _look(target: Target) -> None:
    """What the gate does to see the files, without all else."""
    ask = files_ask(target, target.components["c0"])

    async def once() -> None:
        bench = Bench(target.network, "benchmark", target.network.patience_s)
        async with bench.exits:
            seen = await observe(ask, None, bench)
            if not isinstance(seen, FilesObservation):
                raise SystemExit("nothing was seen")

    asyncio.run(once())


def _testinfra(folder: Path, paths: list[str], owner: str, *, persists: bool) -> None:
    host = testinfra.get_host(
        f"ssh://bench@{FIRST}",
        ssh_config=str(folder / ("config" if persists else "plain")),
        controlpersist=60 if persists else 0,
    )
    for path in paths:
        file = host.file(path)
        if (file.user, file.mode) != (owner, 0o644):
            raise SystemExit(f"{path}: {file.user} {file.mode:o}")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[:4]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _gate(target: Path, folder: Path) -> Callable[[], None]:
    command = [sys.executable, "-m", "roadworthy.cli", "gate", str(target), "-q", "--reports", str(folder / "reports")]
    return lambda: _run(command)


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hosts", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [str(folder / f"file-{number}") for number in range(FILES)]
        for path in paths:
            Path(path).touch()
            Path(path).chmod(0o644)
        owner, addresses = Path(paths[0]).owner(), _addresses(given.hosts)
        (folder / "test_files.py").write_text(TESTS.format(paths=paths, owner=owner))
        with _server(folder, addresses):
            _compare(folder, paths, owner, given.rounds)
            _scale(folder, addresses, paths, owner)


def _compare(folder: Path, paths: list[str], owner: str, rounds: int) -> None:
    target = _target(folder, [FIRST], paths, owner)
    loaded = load_target(target).target
    config = str(folder / "config")
    pytest = [sys.executable, "-m", "pytest", "-q", str(folder / "test_files.py"), "-p", "no:cacheprovider"]
    pytest += [f"--hosts=ssh://bench@{FIRST}", f"--ssh-config={config}"]
    ways = {
        "program": lambda: _look(loaded),
        "testinfra": lambda: _testinfra(folder, paths, owner, persists=True),
        "plain ssh": lambda: _testinfra(folder, paths, owner, persists=False),
        "gate": _gate(target, folder),
        "pytest": lambda: _run(pytest),
    }
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        way()  # what is only slow the first time
    for _ in range(rounds):
        for way, work in ways.items():
            spent[way].append(_timed(work))
    for way, base in (("program", "program"), ("testinfra", "program"), ("plain ssh", "program")):
        _tell(way, spent[way], spent[base])
    for way in ("gate", "pytest"):
        _tell(way, spent[way], spent["gate"])


def _tell(way: str, spent: list[float], base: list[float]) -> None:
    ratio = statistics.median(one / other for one, other in zip(spent, base, strict=True))
    told = f"{statistics.median(spent) * 1000:7.0f} ms ({min(spent) * 1000:.0f} to {max(spent) * 1000:.0f})"
    print(f"{way:10} {told:32} x {ratio:.2f}")


def _scale(folder: Path, addresses: list[str], paths: list[str], owner: str) -> None:
    one = _timed(_gate(_target(folder, addresses[:1], paths, owner), folder))
    all_of = _timed(_gate(_target(folder, addresses, paths, owner), folder))
    print(f"{len(addresses)} hosts at once: {all_of:.2f} s, one: {one:.2f} s, x {all_of / one:.1f}")


if __name__ == "__main__":
    main()
