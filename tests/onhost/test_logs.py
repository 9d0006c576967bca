"""The collector of logs against real files, and programs that answer in the words of journalctl and docker."""

from __future__ import annotations

import gzip
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.logs import Errors, Log, LogsObservation
from roadworthy.facts.store import Unseen
from roadworthy.onhost import counting, ground, logs, logs_files, streams
from roadworthy.onhost.lines import Zones
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from pathlib import Path

HERE = time.time() // 1
SINCE = HERE - 3600
LARAVEL = "/var/log/laravel.log"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system, and its programs first in the path."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path / "root"))
    (tmp_path / "root/var/log").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "root"


def errors(since: float = SINCE, patterns: list[str] | None = None, without: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"since": since, "patterns": patterns, "without": list(without)}


def look(name: str, source: str = "files", **changes: Any) -> LogsObservation:
    wanted = {"source": source, "name": name, "services": None, "zone": None, "rotation": False} | changes
    seen = logs.look({"logs": [{"newest": True, "errors": errors()} | wanted]})
    return LogsObservation(observed_at=NOW, now=HERE, **seen)


def one(name: str, source: str = "files", **changes: Any) -> Log:
    (found,) = look(name, source, **changes).logs
    return found


def counted(log: Log) -> Errors:
    assert isinstance(log.errors, Errors), log.errors
    return log.errors


def line(ago_s: float, level: str, text: str) -> str:
    return f"[{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(HERE - ago_s))}] production.{level}: {text}\n"


def write(root: Path, name: str, *lines: str, ago_s: float = 0) -> Path:
    path = root / "var/log" / name
    path.write_text("".join(lines))
    os.utime(path, (HERE - ago_s, HERE - ago_s))
    return path


def program(root: Path, name: str, script: str) -> None:
    path = root.parent / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_errors_since_then(root: Path) -> None:
    write(
        root,
        "laravel.log",
        line(7200, "ERROR", "an old one"),
        line(3000, "ERROR", 'order 12 failed {"exception":"[object] (RuntimeException(code: 0): x'),
        "[stacktrace]\n#0 /var/www/error.php(12): error('fatal error')\n",
        "    at error (x)\n",
        line(2000, "ERROR", "order 345 failed"),
        line(1000, "INFO", "error is a word"),
        "PHP Fatal error:  Allowed memory size exhausted\n",
        line(60, "INFO", "fine"),
    )
    seen = one(LARAVEL)
    assert seen.newest is not None
    assert not isinstance(seen.newest, Unseen)
    assert seen.newest.timestamp() == HERE - 60
    found = counted(seen)
    assert (found.count, found.undated, found.short, found.lines > 5) == (3, 0, "", True)
    assert [kind.count for kind in found.kinds] == [1, 1, 1]
    assert found.kinds[1].text == "production.ERROR: order # failed"
    assert found.kinds[2].text.startswith("PHP Fatal error: Allowed")


def test_kinds_are_counted(root: Path) -> None:
    write(root, "laravel.log", *(line(50, "ERROR", f"order {number} failed") for number in range(5)))
    (kind,) = counted(one(LARAVEL)).kinds
    assert (kind.text, kind.count) == ("production.ERROR: order # failed", 5)


def test_patterns_and_exceptions(root: Path) -> None:
    write(root, "laravel.log", line(9, "ERROR", "a"), line(8, "ERROR", "b"), line(7, "INFO", "took too long"))
    assert counted(one(LARAVEL, errors=errors(without=("ERROR: a",)))).count == 1
    assert counted(one(LARAVEL, errors=errors(patterns=["too long"]))).count == 1
    assert counted(one(LARAVEL, errors=errors(patterns=["ERROR", "x"], without=("b$",)))).count == 1


def test_a_file_without_times(root: Path) -> None:
    write(root, "plain.log", "an error\n", "fine\n")
    seen = one("/var/log/plain.log")
    assert (seen.newest, counted(seen).count, counted(seen).undated) == (None, 0, 1)
    write(root, "plain.log", "an error\n", ago_s=4000)
    assert counted(one("/var/log/plain.log")).undated == 0
    write(root, "plain.log", "fine\n")
    assert counted(one("/var/log/plain.log")) == Errors(count=0, lines=2)


def test_the_newest_of_several(root: Path) -> None:
    write(root, "laravel-2026-11-26.log", line(2 * 86400, "ERROR", "x"), ago_s=2 * 86400)
    write(root, "laravel-2026-11-27.log", line(3000, "ERROR", "x"), ago_s=3000)
    write(root, "laravel-2026-11-28.log", line(100, "ERROR", "x"), ago_s=100)
    write(root, "other.log", line(1, "ERROR", "x"))
    seen = one("/var/log/laravel-*.log")
    assert seen.label == "/var/log/laravel-2026-11-28.log"
    assert counted(seen).count == 2
    assert seen.oldest is not None
    assert seen.oldest.path == "/var/log/laravel-2026-11-26.log"


def test_older_files_are_read_where_they_reach_into_the_time(root: Path) -> None:
    write(root, "laravel.log", line(100, "ERROR", "now"))
    write(root, "laravel.log.1", line(3000, "ERROR", "then"), ago_s=1000)
    packed = root / "var/log/laravel.log.2.gz"
    packed.write_bytes(gzip.compress((line(5000, "ERROR", "before") + line(3500, "ERROR", "just")).encode()))
    os.utime(packed, (HERE - 3400, HERE - 3400))
    write(root, "laravel.log.3.gz", "no gzip, and too old to be read", ago_s=9000)
    write(root, "laravel.log.swp", line(5, "ERROR", "an editor's"))
    assert counted(one(LARAVEL)).count == 3
    assert counted(one(LARAVEL)).short == ""
    packed.write_bytes(b"broken")
    os.utime(packed, (HERE - 3400, HERE - 3400))
    assert "laravel.log.2.gz can't be unpacked" in counted(one(LARAVEL)).short
    packed.rename(packed.with_suffix(".zst"))
    assert "nothing here unpacks" in counted(one(LARAVEL)).short


def test_a_log_that_was_just_rotated_is_as_new_as_the_one_before(root: Path) -> None:
    write(root, "laravel.log", ago_s=10)
    write(root, "laravel.log.1", line(200, "INFO", "x"), ago_s=200)
    seen = one(LARAVEL)
    assert not isinstance(seen.newest, Unseen)
    assert seen.newest is not None
    assert (seen.newest.timestamp(), seen.size) == (HERE - 200, 0)


def test_no_more_is_read_than_the_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_files, "WINDOWS", (500, 1000))
    write(root, "laravel.log", *(line(3600 + 500 - number, "ERROR", "x") for number in range(100)))
    assert counted(one(LARAVEL)) == Errors(count=0, lines=counted(one(LARAVEL)).lines)  # all of it is older
    write(root, "laravel.log", line(4000, "ERROR", "old"), *(line(100, "INFO", "x") for _ in range(100)))
    found = counted(one(LARAVEL))
    assert (found.count, found.short) == (0, "of /var/log/laravel.log the last 0 MiB were read, which begin later")
    write(root, "laravel.log", line(4000, "ERROR", "old"), *(line(100, "INFO", "x") for _ in range(5)))
    assert counted(one(LARAVEL)).short == ""


def test_time_ends_the_reading(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOOK_S", -1.0)
    monkeypatch.setattr(counting, "PER_LOOK", 2)
    write(root, "laravel.log", *(line(100, "ERROR", "x") for _ in range(9)))
    assert counted(one(LARAVEL)).short == "there was no time to read all of it"


def test_older_files_whose_ending_stays_last(root: Path) -> None:
    write(root, "app-error.log", line(100, "ERROR", "now"))
    write(root, "app-error__2026-11-28_00-00-00.log", line(3000, "ERROR", "put aside by pm2"), ago_s=3000)
    write(root, "app-error.1.log", line(3100, "ERROR", "put aside with `extension`"), ago_s=3100)
    packed = root / "var/log/app-error-20261127.log.gz"
    packed.write_bytes(gzip.compress(line(3200, "ERROR", "packed").encode()))
    os.utime(packed, (HERE - 3200, HERE - 3200))
    write(root, "app-error-2.log", line(3300, "ERROR", "another worker's"))
    write(root, "app.log", line(3300, "ERROR", "another log"))
    assert counted(one("/var/log/app-error.log")).count == 4


def test_an_archive_that_is_broken_within(root: Path) -> None:
    write(root, "laravel.log", line(100, "INFO", "now"))
    packed = root / "var/log/laravel.log.1.gz"
    packed.write_bytes(gzip.compress(b"x" * 50)[:10] + b"\xff" * 40)
    assert "laravel.log.1.gz can't be unpacked" in counted(one(LARAVEL)).short


def test_a_log_in_which_nothing_was_ever_written(root: Path) -> None:
    write(root, "laravel.log", ago_s=10)
    seen = one(LARAVEL)
    assert (seen.newest, seen.written, seen.absent) == (None, None, "")


@pytest.mark.parametrize(
    ("ahead_s", "is_told"), [(7200, False), (-7200, False), (-1800, False), (-1500, True), (30, True)]
)
def test_lines_of_another_clock_than_the_file(root: Path, ahead_s: int, is_told: bool) -> None:  # noqa: FBT001 - a case
    """Laravel writes UTC whatever the host's zone is: its errors of the last hour seem to be of two hours ago."""
    write(root, "laravel.log", line(-ahead_s, "ERROR", "x"))
    seen = one(LARAVEL)
    for told in (seen.newest, seen.errors):
        assert isinstance(told, Unseen) is not is_told
    if not is_told:
        assert isinstance(seen.errors, Unseen)
        assert "the clock of its lines is another" in seen.errors.detail


def test_a_clock_that_lines_or_the_target_tell_is_believed(root: Path) -> None:
    write(root, "laravel.log", line(7200, "ERROR", "x"))
    assert counted(one(LARAVEL, zone="UTC")).count == 0
    write(root, "laravel.log", time.strftime("%Y-%m-%dT%H:%M:%SZ ERROR x\n", time.gmtime(HERE - 7200)))
    assert counted(one(LARAVEL)).count == 0


def test_a_pattern_that_the_host_does_not_know(root: Path) -> None:
    write(root, "laravel.log", line(100, "INFO", "x"))
    errors_ = one(LARAVEL, errors=errors(patterns=["(?P<a>x)(?P<a>y)"])).errors
    assert isinstance(errors_, Unseen)
    assert errors_.unseen == "not supported"


def test_rotation_is_told_by_the_path_that_leads_there(root: Path) -> None:
    (root / "etc/logrotate.d").mkdir(parents=True)
    (root / "srv/app/shared/logs").mkdir(parents=True)
    (root / "srv/app/releases/7").mkdir(parents=True)
    (root / "srv/app/current").symlink_to("releases/7")
    (root / "srv/app/releases/7/logs").symlink_to("/srv/app/shared/logs")
    (root / "srv/app/shared/logs/app.log").write_text(line(100, "INFO", "x"))
    (root / "etc/logrotate.conf").write_text("/srv/app/current/logs/*.log {\n daily\n rotate 7\n}\n")
    (root / "etc/logrotate.conf").chmod(0o644)
    for path in ("/srv/app/current/logs/app.log", "/srv/app/current/logs/*.log"):
        (told,) = one(path, rotation=True).rotations or ()
        assert told.keep == 7  # type: ignore[union-attr]
    (root / "srv/app/current/logs").unlink()
    (root / "srv/app/releases/7/logs").mkdir()
    (root / "srv/app/releases/7/logs/app.log").symlink_to("/srv/app/shared/logs/app.log")
    assert one("/srv/app/current/logs/app.log", rotation=True).rotations == ()


def test_what_is_no_log(root: Path) -> None:
    assert one(LARAVEL).absent == "nothing is at /var/log/laravel.log"
    assert one("/var/log/laravel-*.log").absent == "no file is of that name"
    assert one("/gone/x.log").absent == "nothing is at /gone"
    os.mkfifo(root / "var/log/laravel.log")
    unseen = look(LARAVEL).unseen["files " + LARAVEL]
    assert "is no file, so nothing is kept in it" in unseen.detail
    (root / "var/log/link.log").symlink_to("/gone.log")
    assert one("/var/log/link.log").absent == "nothing is at /gone.log"


def test_binary_rubbish(root: Path) -> None:
    (root / "var/log/laravel.log").write_bytes(os.urandom(200_000) + b"\n" + line(5, "ERROR", "x").encode())
    assert counted(one(LARAVEL)).count == 1


def test_the_zone_of_the_lines(root: Path) -> None:
    offset = Zones("Asia/Tokyo", HERE).seconds(0, None)
    assert offset == -32400
    write(root, "laravel.log", line(-32400 + 100, "ERROR", "x"))
    seen = one(LARAVEL, zone="Asia/Tokyo")
    assert not isinstance(seen.newest, Unseen)
    assert seen.newest is not None
    assert (seen.newest.timestamp(), counted(seen).count) == (HERE - 100, 1)
    assert isinstance(one(LARAVEL, zone="No/Where").errors, Unseen)


# --- the journal -----------------------------------------------------------------------------------------------------


def entry(ago_s: float, priority: int, message: Any) -> str:
    stamp = str(int((HERE - ago_s) * 1e6))
    return json.dumps({"__REALTIME_TIMESTAMP": stamp, "PRIORITY": str(priority), "MESSAGE": message})


def journal(root: Path, *entries: str, began_s: float = 90_000, complains: str = "") -> None:
    """Like journalctl of systemd 252: entries of the unit, its newest, or the first one of all."""
    (root.parent / "entries").write_text("".join(one + "\n" for one in entries))
    (root.parent / "first").write_text(entry(began_s, 6, "booted") + "\n" + "{}\n" * 3)
    here = root.parent
    newest, every = f'*"-n 1 -u"*) tail -n 1 {here}/entries', f'*"-u "*) cat {here}/entries'
    program(root, "journalctl", f'{complains}\ncase "$*" in {newest};; {every};; *) cat {here}/first;; esac')


def test_a_unit(root: Path) -> None:
    journal(
        root,
        entry(3000, 3, "connect() failed"),
        entry(2000, 6, "2026/11/28 06:00:00 [error] upstream\n  at x"),
        entry(1500, 6, "an error by its word"),
        entry(1000, 6, list(b"\xff bytes")),
        entry(500, 6, None),
        entry(100, 6, "fine"),
    )
    seen = one("nginx.service", "units")
    assert not isinstance(seen.newest, Unseen)
    assert seen.newest is not None
    assert seen.newest.timestamp() == HERE - 100
    assert (counted(seen).count, counted(seen).short) == (3, "")
    journal(root, entry(3000, 3, '"web" exited'), entry(2000, 3, "- no space"), entry(1000, 6, "  at x (error)"))
    assert counted(one("nginx.service", "units")).count == 2
    journal(root, entry(3000, 3, "connect() failed"), entry(2000, 6, "2026/11/28 06:00:00 [error] upstream\n  at x"))
    assert counted(one("nginx.service", "units", errors=errors(patterns=["upstream"]))).count == 1
    assert counted(one("nginx.service", "units", errors=errors(without=("connect",)))).count == 1


def test_long_entries_are_asked_for(root: Path) -> None:
    """Without `--all` journalctl says `null` for a message of more than 4096 bytes."""
    journal(root, entry(3000, 6, "fine"))
    program(root, "journalctl", f'echo "$*" >> {root.parent}/asked\ncat {root.parent}/entries')
    one("nginx.service", "units")
    asked = (root.parent / "asked").read_text().splitlines()
    assert [("--all" in line_, "--system" in line_) for line_ in asked[1:]] == [(True, False), (False, True)]


def test_a_journal_that_does_not_tell(root: Path) -> None:
    journal(root)
    assert one("nignx.service", "units").absent == "the journal has nothing of it"
    journal(root, entry(100, 6, "fine"), began_s=1800)
    assert counted(one("nginx.service", "units")).short == "the journal begins later"
    journal(root, complains='echo "Hint: You are currently not seeing messages from other users" >&2')
    assert look("nginx.service", "units").unseen["units nginx.service"].unseen == "not permitted"
    journal(root, complains='echo "Failed to open: x" >&2; exit 1')
    assert look("nginx.service", "units").unseen["units nginx.service"].detail == "journalctl: Failed to open: x"
    journal(root, "no entry at all", entry(100, 6, "fine"))
    assert counted(one("nginx.service", "units")).count == 0


def test_a_host_without_a_journal(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    monkeypatch.setattr(streams, "search_path", lambda: str(root))
    monkeypatch.setattr(ground, "search_path", lambda: str(root))
    assert look("nginx.service", "units").unseen["units nginx.service"].detail == "there is no journalctl here"
    with pytest.raises(ground.Unseen, match="there is no journalctl here"):
        streams.stream(["journalctl"], 0, lambda _: False)


# --- containers ------------------------------------------------------------------------------------------------------


def stamped(ago_s: float, text: str) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z ", time.gmtime(HERE - ago_s)) + text


ONE = 'printf "a1\\tlone\\t\\t\\n"'
LISTED = "a1\tshop-api-1\tshop\tapi\nb2\tlone\t\t\n"


def docker(root: Path, out: str, err: str = "", kept: str = "json-file\\t\\t2026-11-01T00:00:00Z") -> None:
    """Like docker 28: `ps` and `inspect` as they were asked for, and the two streams of `logs`."""
    here = root.parent
    for name, text in {"out": out, "err": err, "ps": LISTED}.items():
        (here / name).write_text(text)
    newest, logs_ = f'*"--tail 1"*) tail -n 1 {here}/out', f"logs*) cat {here}/out; cat {here}/err >&2"
    inspected = f'inspect*) printf "{kept}\\n"'
    program(root, "docker", f'case "$*" in ps*) cat {here}/ps;; {inspected};; {newest};; {logs_};; esac')


def test_containers(root: Path) -> None:
    out = [
        stamped(900, "GET / 200"),
        stamped(800, '{"level":50,"msg":"refused"}'),
        stamped(100, "\x1b[31merror\x1b[0m"),
    ]
    docker(root, "\n".join(out) + "\n", stamped(700, "Error: x") + "\n" + stamped(700, "    at error (y)") + "\n")
    for name, source in (("lone", "containers"), ("shop", "projects")):
        seen = one(name, source)
        assert seen.newest is not None
        assert not isinstance(seen.newest, Unseen)
        assert HERE - 100 <= seen.newest.timestamp() < HERE - 99
        assert counted(seen).count == 3
    assert one("shop", "projects", services=["api"]).label == "shop-api-1"


def made(ago_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(HERE - ago_s))


@pytest.mark.parametrize(
    ("kept", "made_ago_s", "is_cut"),
    [
        ("json-file\\t", 9000, False),  # it grows for ever
        ("json-file\\t-1", 9000, False),
        ("json-file\\t10m", 9000, True),
        ("local\\t", 9000, True),
        ("local\\t", 3200, False),  # it was made after the moment, and spoke soon
        ("local\\t", 3400, True),
    ],
)
def test_what_the_runtime_has_thrown_away(root: Path, kept: str, made_ago_s: float, *, is_cut: bool) -> None:
    kept = f"{kept}\\t{made(made_ago_s)}"
    docker(root, stamped(3000, "GET / 200") + "\n" + stamped(100, "GET / 200") + "\n", kept=kept)
    short = counted(one("lone", "containers")).short
    assert short.startswith("what the runtime has kept of it begins later") is is_cut
    docker(root, stamped(3700, "listening") + "\n" + stamped(100, "GET / 200") + "\n", kept=kept)
    assert counted(one("lone", "containers")).short == ""


def test_containers_that_are_not_there(root: Path) -> None:
    docker(root, "")
    assert one("gone", "containers").absent == "there is no such container"
    assert one("gone", "projects").absent == "there is no container of this project"
    missing = one("shop", "projects", services=["worker"])
    assert (missing.label, missing.absent) == ("shop/worker", "there is no container of this service")
    assert one("lone", "containers").newest is None


def test_a_runtime_that_does_not_tell(root: Path) -> None:
    program(root, "docker", 'echo "permission denied while trying to connect to the Docker daemon socket" >&2; exit 1')
    assert look("lone", "containers").unseen["containers lone"].unseen == "not permitted"
    unreadable = "Error response from daemon: configured logging driver does not support reading"
    program(root, "docker", f'case "$*" in ps*) {ONE};; *) echo "{unreadable}" >&2; exit 1;; esac')
    seen = one("lone", "containers")
    assert seen.errors == seen.newest == Unseen(unseen="failed", detail=f"docker: {unreadable}")


def test_a_program_that_says_too_much_or_never_ends(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STREAMED", 100_000)
    program(root, "docker", f'case "$*" in ps*) {ONE};; *) yes "2026-11-28T06:00:00Z x";; esac')
    assert counted(one("lone", "containers", newest=False)).short == "the first 0 MiB of it were read"
    monkeypatch.setattr(logs, "LOOK_S", 0.3)
    program(root, "docker", f'case "$*" in ps*) {ONE};; *) sleep 60;; esac')
    began = time.monotonic()
    assert counted(one("lone", "containers", newest=False)).short == "there was no time to read all of it"
    assert time.monotonic() - began < 10
