"""The collector of who listens, against real sockets of this machine and hostile tables."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from roadworthy.facts.listening import ListeningObservation, Socket
from roadworthy.facts.store import Unseen
from roadworthy.onhost import ground, listening
from tests.suites.healthy import NOW

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
SSH = (
    "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 901 1 0 100 0 0 10 0\n"
    "   1: 0501000A:0016 0100000A:C350 01 00000000:00000000 00:00000000 00000000     0        0 902 1 0 20 4 30 10 -1\n"
)
SSH_6 = (
    "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 "
    "00:00000000 00000000     0        0 903 1 0 100 0 0 10 0\n"
    "   1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 "
    "00:00000000 00000000     0        0 904 1 0 100 0 0 10 0\n"
)
DNS = "  99: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 905 2 0 0\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host on which sshd listens, a JVM at a mapped loopback, and a resolver."""
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    tables = {"tcp": SSH, "tcp6": SSH_6, "udp": DNS, "udp6": ""}
    for name, rows in tables.items():
        write(tmp_path, f"proc/net/{name}", HEAD + rows)
    write(tmp_path, "proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
    process(tmp_path, 700, "sshd", "/usr/sbin/sshd (deleted)", 901, 903)
    process(tmp_path, 701, "MainThread", "/usr/bin/node", 904)
    return tmp_path


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def process(root: Path, number: int, name: str, file: str, *inodes: int) -> None:
    write(root, f"proc/{number}/comm", f"{name}\n")
    (root / f"proc/{number}/exe").symlink_to(file)
    (root / f"proc/{number}/fd").mkdir()
    for place, inode in enumerate(inodes):
        (root / f"proc/{number}/fd/{place}").symlink_to(f"socket:[{inode}]")


def look() -> ListeningObservation:
    return ListeningObservation(observed_at=NOW, now=NOW, **listening.look({}))


@pytest.mark.usefixtures("root")
def test_a_host() -> None:
    seen = look()
    assert seen.given_out == (32768, 60999)
    assert set(seen.sockets) == {
        Socket(protocol="tcp", address="0.0.0.0", port=22, programs=("sshd",)),  # noqa: S104 - what it says
        Socket(protocol="tcp", address="::", port=22, programs=("sshd",)),
        Socket(protocol="tcp", address="127.0.0.1", port=8080, programs=("MainThread", "node")),
        Socket(protocol="udp", address="127.0.0.53", port=53, programs=()),
    }
    assert {one.is_local for one in seen.sockets if one.port != 22} == {True}


def test_a_root_that_is_mounted_elsewhere(root: Path) -> None:
    write(root, "proc/1/net/tcp", HEAD + SSH.replace(":0016", ":1F90"))
    assert {one.port for one in look().sockets if one.address == "0.0.0.0"} == {8080}  # noqa: S104 - what it says


def test_one_port_of_two_programs(root: Path) -> None:
    write(root, "proc/net/tcp", HEAD + SSH + SSH.splitlines(keepends=True)[0].replace(" 901 ", " 905 "))
    process(root, 702, "stranger", "/opt/stranger", 905)
    write(root, "proc/net/tcp6", HEAD)
    found = [one.programs for one in look().sockets if one.port == 22]
    assert found == [("sshd",), ("stranger",)]


def test_hidden_processes_are_not_the_kernel(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "proc", lambda path: str(root / "proc" / path))
    assert {one.port: one.programs for one in look().sockets}[22] == ("sshd",)
    assert isinstance({one.port: one.programs for one in look().sockets}[53], Unseen)


def test_a_table_that_may_not_be_read_is_not_absent(root: Path) -> None:
    (root / "proc/net/tcp6").unlink()
    (root / "proc/net/tcp6").mkdir()
    with pytest.raises(ground.Unseen, match="tcp6"):
        look()


def test_this_machine_itself() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        found = {(one.protocol, one.port): one for one in look().sockets}
        mine = found["tcp", server.getsockname()[1]]
        assert ("udp", datagrams.getsockname()[1]) in found
    assert mine.address == "127.0.0.1"
    assert isinstance(mine.programs, tuple)
    assert Path("/proc/self/exe").readlink().name in mine.programs


def test_whose_it_is_only_root_sees(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.listdir

    def refused(path: str) -> list[str]:
        if str(path).endswith("701/fd"):
            raise PermissionError(13, "Permission denied", path)
        return own(path)

    monkeypatch.setattr(os, "listdir", refused)
    programs = {one.port: one.programs for one in look().sockets}
    assert programs[22] == ("sshd",)
    assert isinstance(programs[8080], Unseen)
    assert isinstance(programs[53], Unseen)
    assert (root / "proc").exists()


def test_a_kernel_without_ipv6(root: Path) -> None:
    real = root / "proc/net"
    (real / "tcp6").write_text("")
    assert {one.address for one in look().sockets} == {"0.0.0.0", "127.0.0.53"}  # noqa: S104 - what it says


def test_processes_that_end_meanwhile(root: Path) -> None:
    (root / "proc/702").mkdir()
    (root / "proc/701/comm").unlink()
    (root / "proc/701/exe").unlink()
    assert {one.port: one.programs for one in look().sockets}[8080] == ()


@pytest.mark.parametrize("rows", ["garbage\n", "0: zz:0016 0:0 0A 0 0 0 0 0 901\n", "0: 00:00:00 0:0 0A 0 0 0 0 0 9\n"])
def test_tables_that_cannot_be_read(root: Path, rows: str) -> None:
    write(root, "proc/net/tcp", HEAD + rows)
    with pytest.raises(ground.Unseen, match="has a line"):
        look()


def test_tables_without_an_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_SOCKETS", 2)
    with pytest.raises(ground.Unseen, match="4 sockets"):
        look()
    monkeypatch.setattr(listening, "MOST", 100)
    with pytest.raises(ground.Unseen, match="is larger than"):
        look()
    assert (root / "proc").exists()


def test_too_many_links_are_not_told_to_be_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_LINKS", 0)
    assert all(isinstance(one.programs, Unseen) for one in look().sockets)
    assert (root / "proc").exists()
