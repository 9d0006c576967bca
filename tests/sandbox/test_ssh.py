"""Vantage points become hosts that are logged into, and what is behind them is reached through them alone."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
import pytest
import yaml

from roadworthy.opening import load_promises
from roadworthy.sandbox import running
from roadworthy.sandbox.control import BELOW_HOME
from roadworthy.sandbox.deriving import derive
from roadworthy.sandbox.faults import broken
from roadworthy.sandbox.ssh import SshHost, machine_folder
from roadworthy.sandbox.supervisor import overlay
from roadworthy.target.loading import load_target
from tests.hostile.looking import options

from .visitor import alive, left, part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.sandbox import Sandbox
    from roadworthy.target.models import Target

TEXT = """\
schema: 1
name: afar
environment: test
network:
  vantages:
    bastion: {ssh: ops@bastion.afar.test, key_file: keys/ops, known_hosts: ~/.ssh/known_hosts}
    app: {ssh: "10.0.0.7:2222", through: bastion, passphrase: "${env:NO_SUCH_PHRASE:-opens-the-key}"}
    shell: {ssh: ops@bastion.afar.test, command: [/usr/bin/nc, "{host}", "{port}"]}
    here: {command: [kubectl, exec, -i, db-0, "--", nc, "{host}", "{port}"]}
components:
  site: {url: http://site.afar.test:8080, health: {path: /}}
  db: {address: db.inside.test:902, via: bastion, tcp: {open: true}}
  cache: {address: 127.0.0.1:7379, via: app, tcp: {open: true}}
  queue: {address: queue.inside.test:7380, via: here, tcp: {open: true}}
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    file = tmp_path_factory.mktemp("afar") / "afar.yaml"
    file.write_text(TEXT)
    return load_target(file, environ={}).target


def test_each_host_has_a_server_and_knows_the_others(target: Target) -> None:
    deployment = derive(target, "127.64.0")
    assert [(host.host, host.address[1], host.vantages) for host in deployment.ssh] == [
        ("bastion.afar.test", 10022, ("bastion", "shell")),
        ("10.0.0.7", 2222, ("app",)),
    ]
    known = dict(deployment.ssh[0].names)
    assert {"db.inside.test", "127.0.0.1", "10.0.0.7", "bastion.afar.test"} <= known.keys()
    assert all(ip.startswith("127.64.0.") for ip in known.values())
    assert len({*known.values()}) == len(known)


def test_what_is_behind_a_host_is_in_no_public_name(target: Target) -> None:
    deployment = derive(target, "127.64.0")
    assert {"site.afar.test", "bastion.afar.test"} <= deployment.names.hosts
    assert not {"db.inside.test", "queue.inside.test"} & deployment.names.hosts
    network = yaml.safe_load(overlay(deployment, Path("/sandbox/ca.pem")))["network"]
    assert network["connect_to"][0] == ":22::10022"
    assert not any("inside.test" in entry or entry.startswith("127.") for entry in network["connect_to"])
    assert network["vantages"]["app"] == {
        "key_file": "/sandbox/vantages/client-app",
        "known_hosts": "/sandbox/vantages/known_hosts",
    }
    assert network["vantages"]["here"]["command"][:2] == ["/sandbox/vantages/bin/kubectl", "exec"]


def test_a_fault_is_in_the_host_that_a_component_is_looked_at_from(target: Target) -> None:
    deployment = derive(target, "127.64.0")
    assert [host.forwards for host in broken(deployment, ["vantage-forwards-nothing:cache"]).ssh] == [True, False]
    assert [host.shows_other_key for host in broken(deployment, ["vantage-key-changed"]).ssh] == [True, False]


def test_files_of_a_vantage_point_are_found_from_the_folder_of_the_target(tmp_path: Path) -> None:
    file = tmp_path / "afar.yaml"
    file.write_text(TEXT)
    vantages = load_promises(options(file, tmp_path), None).target.network.vantages
    assert vantages["bastion"].key_file == str(tmp_path / "keys" / "ops")
    assert vantages["bastion"].known_hosts == str(Path.home() / ".ssh" / "known_hosts")
    assert vantages["app"].key_file is None


@pytest.fixture(scope="module")
def sandbox(target: Target) -> Iterator[Sandbox]:
    with tempfile.TemporaryDirectory(prefix="rw") as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", place)
        with running(target) as up:
            yield up
        assert list((Path(place) / "roadworthy").iterdir()) == []


def bastion(sandbox: Sandbox) -> tuple[str, int]:
    """Where the first host really is."""
    ip, _, port = part(sandbox, "@ssh-bastion.afar.test-22")["addresses"][0].rpartition(":")
    return ip, int(port)


async def log_in(sandbox: Sandbox, key: str = "client-bastion") -> asyncssh.SSHClientConnection:
    folder = sandbox.directory / "vantages"
    ip, port = bastion(sandbox)
    known = asyncssh.read_known_hosts(str(folder / "known_hosts")).match("bastion.afar.test", "", None)
    return await asyncssh.connect(
        ip, port, username="ops", client_keys=[str(folder / key)], known_hosts=known, config=None, agent_path=None
    )


@pytest.mark.real
def test_commands_run_and_end_with_their_channel(sandbox: Sandbox) -> None:
    async def meet() -> int:
        async with await log_in(sandbox) as connection:
            done = await connection.run("echo to; echo beside >&2; exit 3", check=False)
            assert (done.stdout, done.stderr, done.exit_status) == ("to\n", "beside\n", 3)
            refused = await connection.run("nc db.inside.test 4", check=False)
            assert "Connection refused" in str(refused.stderr)
            unknown = await connection.run("/usr/bin/nc db.example 4", check=False)
            assert "Name or service not known" in str(unknown.stderr)
            _, stdout, _ = await connection.open_session("echo $$; sleep 60")
            pid = int(await stdout.readline())
            assert alive(pid)
        return pid

    pid = asyncio.run(meet())
    assert left([pid]) == []


@pytest.mark.real
def test_a_host_forwards_to_the_deployment_alone(sandbox: Sandbox) -> None:
    async def meet(host: str, port: int) -> str:
        connection = await log_in(sandbox)
        try:
            _, writer = await connection.open_connection(host, port)
            writer.close()
        except asyncssh.ChannelOpenError as error:
            return error.reason
        finally:
            connection.close()
            await connection.wait_closed()
        return "open"

    assert asyncio.run(meet("db.inside.test", 902)) == "open"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert "refused" in asyncio.run(meet("127.0.0.1", listener.getsockname()[1]))  # its own loopback, not ours
    assert "not known" in asyncio.run(meet("203.0.113.9", 443))


@pytest.mark.real
def test_nobody_gets_in_without_the_key(sandbox: Sandbox) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(log_in(sandbox, "@ssh-bastion.afar.test-22"))


def test_the_longest_socket_of_a_machine_has_room() -> None:
    host = SshHost("a-first-name-that-is-long.internal.shop.example", 22222, ("127.0.0.1", 22222), (), ())
    folder = machine_folder(host, Path("/a-target-of-24-letters--/vantages"))
    assert len(f"{folder}/root/run/nginx-10.sock") <= BELOW_HOME
    assert machine_folder(replace(host, port=22), Path("/x/vantages")).name != folder.name
