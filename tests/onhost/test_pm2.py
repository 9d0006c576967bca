"""The collector of PM2's applications: recorded words of a real daemon, servers that are none, and PM2 itself."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.pm2 import Pm2Observation
from roadworthy.facts.store import Unseen
from roadworthy.onhost import ground, pm2
from roadworthy.sandbox.machines.pm2 import UNIT
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = "/home/me/.pm2"
RECORDED = Path(__file__).parent / "recorded" / "pm2_7.0.4_jlist.json"
WANTS = "etc/systemd/system/multi-user.target.wants"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system, in which we are `me`, who has used PM2."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / WANTS).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text(f"me:x:{os.getuid()}:{os.getgid()}::/home/me:/bin/sh\n")
    (tmp_path / HOME.lstrip("/")).mkdir(parents=True)
    return tmp_path


def look(*apps: str, home: str | None = None, user: str | None = "me") -> Pm2Observation:
    seen = pm2.look({"user": user, "home": home, "apps": list(apps)})
    assert "hunter2" not in str(seen)
    return Pm2Observation(observed_at=NOW, now=NOW, **seen)


@contextmanager
def daemon(root: Path, found: list[dict[str, Any]]) -> Iterator[None]:
    """The sandbox's own, which says this."""
    home = root / HOME.lstrip("/")
    (home / "instances.json").write_text(json.dumps(found))
    command = [sys.executable, "-m", "roadworthy.sandbox.machines.pm2_daemon", str(home)]
    with subprocess.Popen(command) as process:
        try:
            while not (home / "rpc.sock").exists():  # the kernel tells of no bind
                assert process.poll() is None
            yield
        finally:
            process.kill()


def test_recorded_words(root: Path) -> None:
    recorded = json.loads(RECORDED.read_text())
    saved = [one["pm2_env"] for one in recorded]
    saved[0] |= {"args": ["--old"]}
    (root / HOME.lstrip("/") / "dump.pm2").write_text(json.dumps(saved))
    with daemon(root, json.loads(RECORDED.read_text())):
        seen = look("web", "bitflow-admin")
    assert (seen.home, seen.dead) == (HOME, "")
    assert [one.name for one in seen.instances] == ["web", "web", "bitflow-admin", "fork-one"]
    first, second, admin, stopped = seen.instances
    assert (first.status, first.restarts, first.unstable, first.user) == ("online", 0, 0, "me")
    assert first.started is not None
    assert f"{first.started:%Y-%m-%d}" == "2026-11-28"
    assert first.start is not None
    assert (first.start.mode, first.start.script) == ("cluster", "/var/www/app/server.js")
    assert admin.start is not None
    assert (admin.start.mode, admin.start.script) == ("fork", "/usr/bin/npm")
    assert (stopped.status, stopped.user, stopped.start, stopped.unstable) == ("stopped", None, None, 1)
    assert isinstance(seen.saved, tuple)
    assert [one.name for one in seen.saved] == ["web", "web", "bitflow-admin"]
    assert seen.saved[0].start != first.start  # other words
    assert seen.saved[1].start == second.start


def test_no_daemon(root: Path) -> None:
    assert look().dead == f"{HOME}/rpc.sock: No such file or directory"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{root}{HOME}/rpc.sock")
    assert look().dead == f"{HOME}/rpc.sock: Connection refused"
    assert look(home="/opt/pm2").dead == "/opt/pm2/rpc.sock: No such file or directory"
    with pytest.raises(ground.Unseen, match="there is no user nobody here"):
        look(user="nobody")


@contextmanager
def answering(root: Path, answer: bytes | None) -> Iterator[None]:
    """A server that says this to whatever it is asked; None: nothing, ever."""
    ended = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{root}{HOME}/rpc.sock")
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                if answer is None:
                    ended.wait()
                else:
                    connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield
        finally:
            ended.set()
            serving.join()


def said(value: Any) -> bytes:
    return pm2._message("j:" + json.dumps(value), "s:roadworthy:0")  # as the daemon would


def test_one_that_says_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pm2, "ANSWERS_S", 0.2)
    with answering(root, None):
        assert "no answer within" in look().dead


@pytest.mark.parametrize("answer", [b"", b"\x12\x00\x00", said({"args": [[]]})[:-3]])
def test_one_that_hangs_up(root: Path, answer: bytes) -> None:
    with answering(root, answer):
        assert look().dead == "its daemon: it closed the connection"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "another protocol"),
        (b"\x12\xff\xff\xff\xff", "more than 32 MiB"),
        (b"\x10", "not understood"),
        (pm2._message("no JSON"), "not understood"),
        (said({"args": []}), "not understood"),
        (said([]), "not understood"),
        (said({"error": "method does not exist"}), "method does not exist"),
        (said({"args": [[{"name": "x"}]]}), "PM2's daemon"),
        (said({"args": [[7]]}), "PM2's daemon"),
    ],
)
def test_answers_that_are_none(root: Path, answer: bytes, words: str) -> None:
    with answering(root, answer), pytest.raises(ground.Unseen, match=words):
        look()


def test_what_was_saved_and_is_none(root: Path) -> None:
    with daemon(root, []):
        assert look("x").saved is None
        dump = root / HOME.lstrip("/") / "dump.pm2"
        for torn in (b"", b"{", b"\xff\x00", b"7", b'[{"no": 1}]'):
            dump.write_bytes(torn)
            assert isinstance(look("x").saved, Unseen), torn
        dump.unlink()
        dump.symlink_to("dump.pm2")
        assert isinstance(look("x").saved, Unseen)


def test_units(root: Path) -> None:
    def enable(name: str, text: str | None) -> None:
        (root / WANTS / name).symlink_to(f"/etc/systemd/system/{name}")
        if text is not None:
            (root / "etc/systemd/system" / name).write_text(text)

    assert look().units == ()
    enable("nginx.service", "[Service]\nExecStart=/usr/sbin/nginx\n")
    enable("pm2-gone.service", None)
    assert look().units == ()
    enable("pm2-me.service", UNIT.format(user="me", home=HOME))
    enable("web.service", "[Service]\nExecStart=/usr/bin/pm2 start web\nEnvironment='A=1 PM2_HOME=/srv/pm2'\n")
    units = look().units
    assert isinstance(units, tuple)
    told = [(one.name, one.user, one.home, one.resurrects) for one in units]
    assert told == [("pm2-me.service", "me", HOME, True), ("web.service", "", "/srv/pm2", False)]
    shutil.rmtree(root / "etc/systemd")
    assert isinstance(look().units, Unseen)


@given(
    answer=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["args", "error", "pm2_env", "name"]), inner)
        ),
    ).map(said)
)
def test_any_answer_is_told_or_not_understood(answer: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(answer)
        there.shutdown(socket.SHUT_WR)
        try:
            found = pm2._list_of(pm2._parts(here))
        except (pm2.Dead, ground.Unseen):
            return
        for one in found:
            assert pm2._instance(one, ["x"], b"", {})["name"]


@pytest.mark.full
def test_pm2_itself(root: Path) -> None:
    program = shutil.which("pm2")
    if program is None:
        pytest.skip("no PM2 here: npm install -g pm2")
    home = root / HOME.lstrip("/")
    (root / "web.js").write_text("require('http').createServer((q, r) => r.end()).listen(0)")
    environ = {**os.environ, "PM2_HOME": str(home)}

    def command(*words: str) -> None:
        subprocess.run([program, *words], env=environ, cwd=root, check=True, capture_output=True, timeout=60)

    try:
        command("start", "web.js", "--name", "web", "-i", "2")
        command("start", "web.js", "--name", "lone")
        command("save")
        command("stop", "lone")
        seen = look("web", "lone")
    finally:
        command("kill")
    assert [(one.name, one.status) for one in seen.instances] == [("web", "online")] * 2 + [("lone", "stopped")]
    assert isinstance(seen.saved, tuple)
    assert [one.start for one in seen.saved] == [one.start for one in seen.instances]
    assert look().dead
