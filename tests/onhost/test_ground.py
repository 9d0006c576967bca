"""How modules of a host read files and run programs, whatever these are like."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.onhost import ground, host
from roadworthy.onhost.ground import FAILED, NOT_PERMITTED, NOT_THERE, TOO_LONG, Unseen, read, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Makes a program that is found before all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def make(name: str, script: str) -> None:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    return make


def why(*command: str, within_s: float = 5.0) -> tuple[str, str]:
    with pytest.raises(Unseen) as caught:
        run(list(command), within_s)
    return caught.value.why, caught.value.detail


def test_a_program_is_heard_to_its_end(program: Program) -> None:
    program("says", 'cat; echo "$1 in $LC_ALL, $TZ"; echo oops >&2; exit 3')
    done = run(["says", "hello"], given="first\n")
    assert (done.code, done.out, done.err, done.last_words) == (3, "first\nhello in C, UTC\n", "oops\n", "oops")


def test_a_program_that_listens_to_nothing_is_heard(program: Program) -> None:
    program("deaf", "exec <&-; echo well")
    assert run(["deaf"], given="x" * 10**6).out == "well\n"


def test_a_program_that_is_not_there() -> None:
    assert why("no-such-program") == (NOT_THERE, "there is no no-such-program here")


def test_as_much_as_is_read_is_all_there_is(program: Program) -> None:
    program("talks", f"head -c {ground.LARGEST} /dev/zero")
    assert len(run(["talks"]).out) == ground.LARGEST
    program("talks", f"head -c {ground.LARGEST + 1} /dev/zero")
    assert why("talks") == (FAILED, "talks says more than 4 MiB")


def test_a_program_that_floods_is_ended_and_not_kept(program: Program) -> None:
    program("floods", "exec cat /dev/zero")
    began = time.monotonic()
    assert why("floods", within_s=0.5)[1] == "floods says more than 4 MiB"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60 & exit 0", "exec >&- 2>&-; sleep 60"])
def test_a_program_that_hangs_is_ended_with_all_that_it_started(program: Program, script: str) -> None:
    program("hangs", script)
    began = time.monotonic()
    assert why("hangs", within_s=0.3) == (TOO_LONG, "hangs did not end within 0.3 s")
    assert time.monotonic() - began < 5


def test_what_a_complaint_has_too_much_of_is_left_out(program: Program) -> None:
    program("complains", f"head -c {2 * ground.LARGEST} /dev/zero >&2; echo well")
    assert run(["complains"]).out == "well\n"


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    assert read("/pipe") == ""
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    assert read("/pipe") == ""
    os.close(writer)


@pytest.mark.parametrize(("place", "reason"), [("nothing", FAILED), (".", FAILED)])
def test_what_can_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, reason: str) -> None:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    with pytest.raises(Unseen) as caught:
        read(f"/{place}")
    assert caught.value.why == reason


def test_users_have_the_names_of_the_host_s_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("deploy:x:1000:1000::/:/bin/sh\nother:x:1000:1::/:/bin/sh\n\nodd\n")
    names = ground.users()
    assert [ground.name_of(number, names) for number in (1000, 0)] == ["deploy", "0"]


def test_users_that_no_file_names_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ground.users()
    names.clear()
    assert [ground.name_of(number, names) for number in (0, 4_000_000)] == ["root", "4000000"]
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))  # somebody else's machine
    names.clear()
    assert ground.name_of(0, names) == "0"


# As root


BOOT = (
    "import base64, json, sys, zlib\n"
    "from roadworthy.onhost import ground, host\n"
    "host.look = lambda wanted: {'answer': wanted['ask']}\n"
    "ground.main(json.loads(zlib.decompress(base64.b64decode(sys.stdin.readline()))), {'host': host})"
)


def answers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[str, Any]]:
    """What two asks come to, that both want root."""
    monkeypatch.setattr(host, "NEEDS_ROOT", True, raising=False)
    asks = [{"number": number, "kind": "host", "wanted": {"ask": number}} for number in (0, 1)]
    ground.main({"root": "/", "sudo": True, "boot": BOOT, "asks": asks}, {"host": host})
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {one["number"]: one for one in said}


def test_what_needs_root_is_asked_by_sudo(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program("sudo", '[ "$1" = -n ] || exit 1; shift; echo welcome; head -c 300000 /dev/zero >&2; exec "$@"')
    said = answers(capsys, monkeypatch)
    assert [said[number]["seen"] for number in (0, 1)] == [{"answer": 0}, {"answer": 1}]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'sudo: a password is required' >&2; exit 1", (NOT_PERMITTED, "sudo: a password is required")),
        ("exit 1", (NOT_PERMITTED, "it said nothing")),
        ('echo \'{"number": 0, "seen": {}, "now": 1.0}\'; echo died >&2; exit 1', (FAILED, "died")),
    ],
    ids=["refuses", "silent", "dies"],
)
def test_what_sudo_does_not_answer_is_told(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, script: str, told: Any
) -> None:
    program("sudo", script)
    said = answers(capsys, monkeypatch)[1]
    assert (said["unseen"], said["detail"]) == told


def test_asks_are_answered_side_by_side(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(2, timeout=5)

    def look(_: dict[str, Any]) -> dict[str, Any]:
        meeting.wait()
        return {}

    monkeypatch.setattr(host, "look", look)
    asks = [{"number": number, "kind": "host", "wanted": {}} for number in (0, 1)]
    ground.main({"root": "/", "sudo": False, "boot": "", "asks": asks}, {"host": host})
    assert all("seen" in json.loads(line) for line in capsys.readouterr().out.splitlines())


def test_a_broken_module_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "look", lambda _: {}["gone"])
    ask = {"number": 0, "kind": "host", "wanted": {}}
    ground.main({"root": "/", "sudo": False, "boot": "", "asks": [ask]}, {"host": host})
    assert json.loads(capsys.readouterr().out) == {"number": 0, "unseen": "broken", "detail": "KeyError: 'gone'"}
