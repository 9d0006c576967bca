"""The collector of Supervisor's programs: a real supervisord, and servers that are none."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.facts.store import Unseen
from roadworthy.facts.supervisor import Log, SupervisorObservation
from roadworthy.onhost import ground, sockets, supervisor
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONFIG = "/etc/supervisord.conf"
MAIN = """
[unix_http_server]
file=%(here)s/s.sock
username=look
password=only-in-this-test
[supervisord]
logfile=%(here)s/s.log
pidfile=%(here)s/s.pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[include]
files = conf.d/*.conf missing/*.conf
"""
WORKER = """
[program:worker]   ; as in the manual
process_name=%(program_name)s_%(process_num)02d
command=sh -c "exec %(ENV_SLEEP)s %(ENV_OWN)s30%(process_num)d"
environment=OWN="1",SECRET="only-for-the-worker"
numprocs=2
autorestart=true
stopasgroup=true
stopwaitsecs=3600
startsecs=0
exitcodes=0,2
[program:lone]
command=sleep 300
[program:grouped]
command=sleep 301
autostart=false
[group:together]
programs=grouped
[program:broken]
command=/nowhere/to/be/found
startretries=0
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's file system, in which we are `me`."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "etc/conf.d").mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text(f"me:x:{os.getuid()}:{os.getgid()}::/:/bin/sh\n")
    (tmp_path / "etc/supervisord.conf").write_text(MAIN)
    (tmp_path / "etc/conf.d/worker.conf").write_text(WORKER)
    return tmp_path


@contextmanager
def supervisord(root: Path, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", f"{root}{CONFIG}"],
        env={**os.environ, "SLEEP": "sleep", **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: settled(look()))
        yield process
    finally:
        process.terminate()
        process.wait(10)


def settled(seen: SupervisorObservation) -> bool:
    going = {"worker:worker_00", "worker:worker_01", "lone:lone"}
    now = states(seen)
    return {now.get(name) for name in going} == {"RUNNING"} and now["broken:broken"] == "FATAL"


def states(seen: SupervisorObservation) -> dict[str, str]:
    return {f"{one.group}:{one.name}": one.state for one in seen.processes}


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, look()
        time.sleep(0.05)


def look(*programs: str, back_s: float | None = None, config: str | None = None) -> SupervisorObservation:
    seen = supervisor.look({"config": config, "programs": list(programs), "back_s": back_s})
    assert "only-" not in str(seen)
    return SupervisorObservation(observed_at=NOW, now=NOW, **seen)


def drift() -> dict[str, tuple[str, ...]]:
    found = look().drift
    assert isinstance(found, tuple)
    return {one.name: one.what for one in found}


def control(root: Path, *words: str) -> None:
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-s", f"unix://{root}/etc/s.sock"]
    subprocess.run([*command, "-u", "look", "-p", "only-in-this-test", *words], check=True, capture_output=True)


def test_a_real_supervisord(root: Path) -> None:
    assert look().dead == "/etc/s.sock: No such file or directory"
    with supervisord(root) as process:
        seen = look("worker", "together:grouped", back_s=3600)
        assert states(seen)["together:grouped"] == "STOPPED"
        first = next(one for one in seen.processes if one.name == "worker_00")
        assert first.configured is not None
        assert first.configured.command == 'sh -c "exec sleep 1300"'
        assert (first.configured.user, first.configured.autostart, first.configured.autorestart) == (None, True, "true")
        assert (first.user, first.group, first.said[:4]) == ("me", "worker", "pid ")
        broken = next(one for one in seen.processes if one.name == "broken")
        assert "can't find command" in broken.said
        assert broken.configured is None
        grouped = next(one for one in seen.processes if one.name == "grouped")
        assert grouped.configured is not None
        assert not grouped.configured.autostart
        assert grouped.configured.autorestart == "unexpected"
        assert seen.drift == ()
        assert isinstance(seen.log, Log)
        assert seen.log.started
        assert seen.log.exits == ()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert look().dead == "/etc/s.sock: Connection refused"
        for one in seen.processes:
            if one.said.startswith("pid"):
                os.kill(int(one.said.split()[1].strip(",")), signal.SIGKILL)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/St_Johns"])
def test_what_ended_is_told_in_every_zone(root: Path, zone: str) -> None:
    with supervisord(root, TZ=zone):
        before = next(one for one in look().processes if one.name == "lone")
        os.kill(int(before.said.split()[1].strip(",")), signal.SIGKILL)

        def ends() -> tuple[Any, ...]:
            log = look(back_s=60).log
            return log.exits if isinstance(log, Log) else ()

        until(lambda: bool(ends()))
        (end,) = ends()
        assert (end.name, end.how) == ("lone", "terminated by SIGKILL; not expected")
        assert abs(end.at.timestamp() - time.time()) < 30
        until(lambda: settled(look()))
        control(root, "restart", "worker:*")
        assert len(ends()) == 1  # what an operator ends has not ended by itself


def test_files_that_say_other_than_what_runs(root: Path) -> None:
    file = root / "etc/conf.d/worker.conf"
    with supervisord(root):
        file.write_text("# a comment\n" + WORKER.replace("autostart=false", "autostart=off"))
        assert drift() == {}
        file.write_text(WORKER.replace("numprocs=2", "numprocs=1").replace("sleep 300", "sleep 200"))
        assert drift() == {"worker:worker_01": ("removed",), "lone:lone": ("command",)}
        file.write_text(WORKER.replace("stopwaitsecs=3600", "user=me\nstopsignal=INT") + "[program:new]\ncommand=x\n")
        workers = {f"worker:worker_0{n}": ("uid", "stopwaitsecs", "stopsignal") for n in (0, 1)}
        assert drift() == workers | {"new:new": ("added",)}
        (root / "etc/conf.d/torn.conf").write_text("only-a-password\n")
        assert drift()["/etc/conf.d/torn.conf"] == ("can't be parsed: MissingSectionHeaderError",)
        (root / "etc/conf.d/torn.conf").write_text("[program:odd]\ncommand=x %(nobody)s\n[program:none]\n")
        found = drift()
        assert found["[program:odd]"] == ("can't be parsed: KeyError",)
        assert found["[program:none]"] == ("can't be parsed: KeyError",)


def test_its_own_environment_and_links_that_lead_nowhere(root: Path) -> None:
    (root / "etc/supervisord.conf").write_text(
        MAIN.replace("[supervisord]", '[supervisord]\nenvironment=NAP="%(ENV_SLEEP)s",OTHER="2"')
    )
    (root / "etc/conf.d/worker.conf").write_text(WORKER.replace("sleep 300", "%(ENV_NAP)s 300"))
    (root / "etc/conf.d/gone.conf").symlink_to("nowhere")
    with supervisord(root):
        assert drift() == {}
        (root / "etc/supervisord.conf").write_text(MAIN.replace("[supervisord]", "[supervisord]\nenvironment=%(odd)s"))
        assert isinstance(look().drift, Unseen)


def test_a_log_of_warnings_tells_no_ends(root: Path) -> None:
    (root / "etc/supervisord.conf").write_text(MAIN.replace("[supervisord]", "[supervisord]\nloglevel = WARN"))
    with supervisord(root):
        unseen = look(back_s=60).log
        assert isinstance(unseen, Unseen)
        assert "warn alone" in unseen.detail


def test_a_place_that_is_told_by_variables(root: Path) -> None:
    (root / "etc/supervisord.conf").write_text(MAIN.replace("%(here)s/s.sock", "%(ENV_HOME)s/s.sock"))
    with pytest.raises(ground.Unseen, match="told by variables"):
        look()


def test_what_was_read_and_is_not_in_use(root: Path) -> None:
    file = root / "etc/conf.d/worker.conf"
    with supervisord(root):
        file.write_text(WORKER.replace("sleep 300", "sleep 200") + "[program:new]\ncommand=sleep 9\n")
        control(root, "reread")
        assert drift() == {"lone:lone": ("command of what runs",), "new:new": ("not in use",)}
        held = {one.name: one.configured for one in look("lone", "worker").processes if one.configured}
        assert {name: one.runs for name, one in held.items()} == {"lone": False, "worker_00": True, "worker_01": True}
        control(root, "update")
        assert drift() == {}


def test_a_password_that_is_refused(root: Path) -> None:
    with supervisord(root):
        (root / "etc/supervisord.conf").write_text(MAIN.replace("only-in-this-test", "only-the-new-one"))
        with pytest.raises(ground.Unseen, match="refuses the user and password") as raised:
            look()
        assert raised.value.why == ground.NOT_PERMITTED


@contextmanager
def answering(root: Path, answer: bytes | None) -> Iterator[None]:
    """A server that says this to whatever it is asked; None: nothing, ever."""
    ended = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{root}/etc/s.sock")
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked = b""
                while b"</methodCall>" not in asked:
                    asked += connection.recv(65536)
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


def test_one_that_says_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "ANSWERS_S", 0.2)
    with answering(root, None):
        assert look().dead == "/etc/s.sock: no answer within 0.2 s"


def test_one_that_hangs_up(root: Path) -> None:
    with answering(root, b""):
        assert look().dead == "/etc/s.sock: RemoteDisconnected"
    (root / "etc/s.sock").unlink()
    with answering(root, b"SSH-2.0-OpenSSH\r\n"):
        assert look().dead == "/etc/s.sock: BadStatusLine"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\xff\x00 no XML", "not understood"),
        (b"<methodResponse><params></params></methodResponse>", "not understood"),
        (b"<methodResponse><fault><value><int>7</int></value></fault></methodResponse>", "not understood"),
        (b"<x>" * 100000, "not understood"),
    ],
)
def test_answers_that_are_none(root: Path, body: bytes, words: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with answering(root, head + body), pytest.raises(ground.Unseen, match=words):
        look()


def test_another_status(root: Path) -> None:
    with answering(root, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), pytest.raises(ground.Unseen, match="500"):
        look()


def test_no_configuration(root: Path) -> None:
    (root / "etc/supervisord.conf").unlink()
    with pytest.raises(ground.Unseen, match=r"supervisor\.config says where it is") as raised:
        look()
    assert raised.value.why == ground.NOT_THERE
    with pytest.raises(ground.Unseen, match=r"there is no /opt/s\.conf"):
        look(config="/opt/s.conf")
    (root / "etc/supervisord.conf").write_text("[supervisord]\n")
    with pytest.raises(ground.Unseen, match="neither a socket nor a port"):
        look()
    (root / "etc/supervisord.conf").write_bytes(b"\x00\xff" * 100)
    with pytest.raises(ground.Unseen, match="MissingSectionHeaderError"):
        look()
    (root / "etc/supervisord.conf").unlink()
    (root / "etc/supervisord.conf").symlink_to("supervisord.conf")
    with pytest.raises(ground.Unseen):
        look(config=CONFIG)


def test_a_port(root: Path) -> None:
    config = MAIN.replace("[unix_http_server]\nfile=%(here)s/s.sock", "[inet_http_server]\nport=127.0.0.1:{}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (root / "etc/supervisord.conf").write_text(config.replace("{}", str(port)))
    assert look().dead == f"127.0.0.1:{port}: Connection refused"
    with supervisord(root):
        assert not look().dead


def test_a_socket_with_a_long_path(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root / ("x" * 100)
    folder.mkdir()
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.sock")
        server.listen()
        sockets.connect_to(f"/{folder.name}/s.sock", 1.0).close()
        with pytest.raises(FileNotFoundError):
            sockets.connect_to(f"/{folder.name}/other.sock", 1.0)


NAMES = st.sampled_from(
    ["command", "process_name", "numprocs", "environment", "user", "autorestart", "stopsignal", "x"]
)
VALUES = st.text(max_size=30) | st.sampled_from(["%(process_num)d", "%(ENV_A)s", "%", "2", 'A="1",B=', "true", "-1"])


@given(options=st.dictionaries(NAMES, VALUES, max_size=6), main=st.text(max_size=60))
def test_any_configuration_is_read_or_not_understood(options: dict[str, str], main: str) -> None:
    files = supervisor.Files.__new__(supervisor.Files)
    files.broken, files.sections = {}, {"program:x": options, main: {"programs": main}}
    try:
        found = files.programs(os.getpid)
    except ground.Unseen:
        return
    assert all("broken" in one or "command" in one for one in found.values())


@given(text=st.text(max_size=200))
def test_any_log_is_read(text: str) -> None:
    class Door:
        @staticmethod
        def call(*_: object) -> str:
            return text + "\n2026-11-28 07:00:00,000 INFO exited: x (exit status 0; expected)\n"

    said = supervisor._log(Door, [], 1e10, "info")  # type: ignore[arg-type]  # what it does to text alone
    assert said["exits"][-1]["name"] == "x"
