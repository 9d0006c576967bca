"""The sandbox's hosts: real SSH servers that let in whoever has the right key, forward connections, and run commands.

Each knows the other hosts of the deployment by name, as its hosts file would tell it, and reaches no others. A command
runs in a shell, with programs before it that connect as `nc` or `docker exec` would, whatever they are called.

`serve_ssh` is the whole life of one process: it never returns.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from roadworthy.sandbox.deployment import State, local_port
from roadworthy.sandbox.ending import die_with_parent
from roadworthy.sandbox.machines.standing import Running, put_up, root_of

if TYPE_CHECKING:
    import asyncssh

    from roadworthy.sandbox.deployment import Deployment
    from roadworthy.sandbox.machines.machine import Machine
    from roadworthy.target.network import Vantage

CONNECT = '''#!{python} -SE
"""Standard input and output as a connection to the host and port among the arguments."""
import itertools, os, re, socket, sys, threading

HOSTS = {hosts}
words = re.split("[ :,]+", " ".join(sys.argv[1:]))
found = [(host, int(port)) for host, port in itertools.pairwise(words) if host in HOSTS and port.isdigit()]
if not found:
    sys.exit("Name or service not known")
host, port = found[-1]
try:
    there = socket.create_connection((HOSTS[host], port if port >= 1024 else port + 10000))
except OSError as error:
    sys.exit(f"connect to {{host}} port {{port}} failed: {{error.strerror}}")
if "-v" in words:
    print(f"Connection to {{host}} {{port}} port succeeded!", file=sys.stderr, flush=True)


def up():
    while data := os.read(0, 65536):
        there.sendall(data)
    there.shutdown(socket.SHUT_WR)


threading.Thread(target=up, daemon=True).start()
while data := there.recv(65536):
    os.write(1, data)
os._exit(0)
'''
"""A program of a host; ports below 1024 are 10000 higher, as everywhere in a sandbox."""

CLIENT, KNOWN_HOSTS, AUTHORIZED, PROGRAMS = "client-{}", "known_hosts", "authorized_keys", "bin"


@dataclass(frozen=True)
class SshHost:
    """A host that is logged into by SSH."""

    host: str
    port: int
    address: tuple[str, int]
    vantages: tuple[str, ...]
    """The target's vantage points that lead to it."""
    names: tuple[tuple[str, str], ...]
    """Its hosts file: name, address."""
    forwards: bool = True
    shows_other_key: bool = False
    state: State = State.RUNNING
    machine: Machine | None = None
    """What is looked at on it; None: it only leads to others."""

    @property
    def name(self) -> str:
        """No component can be called so."""
        return f"@ssh-{self.host}-{self.port}"


def furnish(deployment: Deployment, folder: Path) -> None:
    """Makes what hosts and those who log into them need: keys, who is known to whom, programs."""
    vantages = deployment.target.network.vantages
    if not vantages:
        return
    (folder / PROGRAMS).mkdir(parents=True)
    hosts = {host: ips[0] for host, ips in deployment.hosts.items()}
    for vantage in vantages.values():
        if vantage.command is not None:
            program = folder / PROGRAMS / Path(vantage.command[0]).name
            program.write_text(CONNECT.format(python=sys.executable, hosts=json.dumps(hosts)))
            program.chmod(0o755)
    if deployment.ssh:
        _make_keys(deployment, folder)


def _make_keys(deployment: Deployment, folder: Path) -> None:
    import asyncssh  # noqa: PLC0415 - a sandbox without hosts needs none; here, so that its processes share it

    known, authorized = [], []
    for host in deployment.ssh:
        for name in (host.name, f"{host.name}-other"):
            key = asyncssh.generate_private_key("ssh-ed25519")
            key.write_private_key(folder / name)
            if name == host.name:
                place = host.host if host.port == 22 else f"[{host.host}]:{host.port}"  # noqa: PLR2004 - SSH's own port
                known.append(f"{place} {key.export_public_key().decode().strip()}\n")
        for vantage in host.vantages:
            key = asyncssh.generate_private_key("ssh-ed25519")
            file = folder / CLIENT.format(vantage)
            passphrase = deployment.target.network.vantages[vantage].passphrase
            key.write_private_key(file, **({"passphrase": passphrase} if passphrase else {}))
            file.chmod(0o600)
            authorized.append(key.export_public_key().decode())
    (folder / KNOWN_HOSTS).write_text("".join(known))
    (folder / AUTHORIZED).write_text("".join(authorized))


def leading(deployment: Deployment, folder: Path) -> dict[str, dict[str, Any]]:
    """What leads the target's vantage points here, as `network.vantages` says it."""
    furnished = {name: host for host in deployment.ssh if host.machine is not None for name in host.vantages}
    return {
        name: found
        for name, vantage in deployment.target.network.vantages.items()
        if (found := _leading(name, vantage, furnished.get(name), folder))
    }


def machine_folder(host: SshHost, folder: Path) -> Path:
    """Where a host's machine is put up: called by the host's first name, as its sockets' paths must be short."""
    return folder.with_name("machines") / f"{host.host.partition('.')[0][:12]}-{crc32(host.name.encode()):08x}"


def _leading(name: str, vantage: Vantage, host: SshHost | None, folder: Path) -> dict[str, Any]:
    if vantage.ssh is not None:
        led = {"key_file": str(folder / CLIENT.format(name)), "known_hosts": str(folder / KNOWN_HOSTS)}
        return led | ({"root": str(root_of(machine_folder(host, folder)))} if host is not None else {})
    program, *rest = vantage.command or ()
    return {"command": [str(folder / PROGRAMS / Path(program).name), *rest]}


def serve_ssh(job: SshHost, folder: Path) -> None:
    """Serves until it is ended."""
    asyncio.run(_serve(job, folder))


async def _serve(job: SshHost, folder: Path) -> None:
    serving = asyncio.current_task()
    assert serving is not None  # noqa: S101 - it is one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    with suppress(asyncio.CancelledError):
        await listen(job, folder)


async def listen(job: SshHost, folder: Path) -> None:
    """The same, until it is cancelled."""
    if job.machine is None:
        await _listen(job, folder, dict(os.environ))
        return
    place = machine_folder(job, folder)
    put_up(job.machine, place, job.names)
    running = Running(job.machine, place)
    try:
        await running.start()
        await _listen(job, folder, running.environ)
    finally:
        await running.stop()


async def _listen(job: SshHost, folder: Path, environ: dict[str, str]) -> None:
    import asyncssh  # noqa: PLC0415 - as above

    known = dict(job.names)
    network = job.address[0].rpartition(".")[0] + "."

    class Door(asyncssh.SSHServer):
        """Who may do what."""

        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            """Keeps the connection."""
            self.connection = conn

        def connection_requested(self, dest_host: str, dest_port: int, *_: Any) -> Any:
            """Forwards to the deployment's own hosts."""
            if not job.forwards:
                raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
            there = known.get(dest_host.lower().rstrip(".")) or (dest_host if dest_host.startswith(network) else None)
            if there is None:
                raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Name or service not known")
            return _forward(self.connection, there, local_port(dest_port))

    async def run(stdin: Any, stdout: Any, stderr: Any) -> None:
        await _run(stdout.channel.get_command(), folder, environ, (stdin, stdout, stderr))

    key = folder / (f"{job.name}-other" if job.shows_other_key else job.name)
    server = await asyncssh.listen(
        *job.address,
        server_factory=Door,
        server_host_keys=[str(key)],
        authorized_client_keys=str(folder / AUTHORIZED),
        session_factory=run,
        encoding=None,
        password_auth=False,
        kbdint_auth=False,
    )
    await server.wait_closed()


async def _forward(connection: asyncssh.SSHServerConnection, ip: str, port: int) -> Any:
    """A connection; where it fails, OpenSSH tells the error's words alone."""
    import asyncssh  # noqa: PLC0415 - as above

    try:
        return await connection.forward_connection(ip, port)
    except asyncssh.ChannelOpenError as error:
        number = re.search(r"Errno (\d+)", error.reason)
        reason = os.strerror(int(number[1])) if number else error.reason
        raise asyncssh.ChannelOpenError(error.code, reason) from None


async def _run(command: str | None, folder: Path, environ: dict[str, str], streams: tuple[Any, Any, Any]) -> None:
    """A command, as long as its channel is open and it runs."""
    stdin, stdout, stderr = streams
    words = ["/bin/sh", "-c", _own(command, folder)] if command is not None else ["/bin/sh", "-l"]
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environ, "PATH": f"{folder / PROGRAMS}:{environ.get('PATH', os.defpath)}"},
        preexec_fn=partial(_begin, os.getpid()),
    )

    async def hear() -> None:
        await _pump(stdin, process.stdin)
        if process.stdin is not None:
            process.stdin.close()

    async def speak() -> None:
        await asyncio.gather(_pump(process.stdout, stdout), _pump(process.stderr, stderr))  # one end for both: exit
        stdout.channel.exit(await process.wait())

    tasks = [asyncio.create_task(work) for work in (hear(), stdout.channel.wait_closed(), speak())]
    try:
        await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.gather(*tasks, return_exceptions=True)


def _begin(parent: int) -> None:
    """A command's own group, that ends with this process."""
    os.setpgrp()
    die_with_parent(parent=parent)


def _own(command: str, folder: Path) -> str:
    """The command; a program of the sandbox in place of one that is called the same, by its path or without."""
    first, _, rest = command.partition(" ")
    own = folder / PROGRAMS / Path(first).name
    return f"exec {shlex.quote(str(own))} {rest}" if own.exists() else command


async def _pump(reader: Any, writer: Any) -> None:
    """Passes bytes on."""
    import asyncssh  # noqa: PLC0415 - as above

    with suppress(asyncssh.Error, OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
