"""Real SSH servers on loopback, and all that logging into them takes: keys, known hosts, an agent's absence."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncssh

from roadworthy.probes.bench import Bench
from roadworthy.target.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "bastion.test"
PIPES: Any = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)


@dataclass
class Host:
    """A host with SSH, and what it has seen."""

    folder: Path
    port: int = 0
    forwards: bool = True
    known: dict[str, str] = field(default_factory=dict)
    """Its own names: name -> address."""
    logins: list[str] = field(default_factory=list)
    """Who got in."""
    tries: int = 0
    """Connections that came."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    sessions: set[Any] = field(default_factory=set)
    """Commands that were run."""

    @property
    def key(self) -> Path:
        return self.folder / "id"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def vantage(self, **more: Any) -> dict[str, Any]:
        return {"ssh": f"ops@{HOST}", "key_file": str(self.key), "known_hosts": str(self.known_hosts), **more}

    def network(self, *connect_to: str, **vantages: dict[str, Any]) -> Network:
        routes = connect_to or (f"{HOST}:22:127.0.0.1:{self.port}",)
        return Network.model_validate({"vantages": vantages, "connect_to": routes})


class _Door(asyncssh.SSHServer):
    def __init__(self, host: Host) -> None:
        self.host = host

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.host.tries += 1
        self.host.connections.append(conn)
        self.connection = conn

    def auth_completed(self) -> None:
        self.host.logins.append(str(self.connection.get_extra_info("username")))

    def connection_requested(self, dest_host: str, dest_port: int, *_: Any) -> Any:
        self.host.asked.append((dest_host, dest_port))
        if not self.host.forwards:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
        there = self.host.known.get(dest_host, dest_host)
        return self.connection.forward_connection(there, dest_port)


async def pump(reader: Any, writer: Any) -> None:
    """Passes bytes on."""
    with suppress(asyncssh.Error, OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def hear(process: asyncio.subprocess.Process, stdin: Any) -> None:
    """What a command is told, and the end of it."""
    await pump(stdin, process.stdin)
    if process.stdin is not None:
        process.stdin.close()


async def speak(process: asyncio.subprocess.Process, stdout: Any, stderr: Any) -> None:
    """What a command says, and how it ends."""
    await asyncio.gather(pump(process.stdout, stdout), pump(process.stderr, stderr))
    stdout.channel.exit(await process.wait())


async def end(process: asyncio.subprocess.Process) -> None:
    """Kills what still runs, and waits for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()


@asynccontextmanager
async def ssh_host(folder: Path, **fields: Any) -> AsyncIterator[Host]:
    """A host that lets the key in `folder/id` in, and runs commands."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - local
    host = Host(folder, **fields)
    ours, theirs = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    ours.write_private_key(host.key)
    host.key.chmod(0o600)
    ours.write_public_key(folder / "authorized")

    async def run(stdin: Any, stdout: Any, stderr: Any) -> None:
        host.sessions.add(asyncio.current_task())
        started = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", stdout.channel.get_command(), start_new_session=True, **PIPES
        )
        channel = stdout.channel
        tasks = [
            asyncio.create_task(work)
            for work in (hear(started, stdin), channel.wait_closed(), speak(started, stdout, stderr))
        ]
        try:
            await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)  # as sshd does: it ends with either
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await end(started)

    async with AsyncExitStack() as stack:
        server = await asyncssh.listen(
            "127.0.0.1",
            host.port,
            server_factory=lambda: _Door(host),
            server_host_keys=[theirs],
            authorized_client_keys=str(folder / "authorized"),
            session_factory=run,
            encoding=None,
        )
        stack.callback(server.close)
        host.port = server.get_port()
        public = theirs.export_public_key().decode().strip()
        host.known_hosts.write_text(f"{HOST} {public}\n[{HOST}]:{host.port} {public}\n")
        try:
            yield host
        finally:
            for connection in host.connections:
                connection.abort()
            for session in host.sessions:
                session.cancel()
            await asyncio.gather(*host.sessions, return_exceptions=True)
            await asyncio.gather(*(one.wait_closed() for one in host.connections))


@asynccontextmanager
async def bench_of(network: Network, patience_s: float = 1.0) -> AsyncIterator[Bench]:
    """What the probes of one run share, until its end."""
    bench = Bench(network=network, user_agent="roadworthy-tests", patience_s=patience_s)
    async with bench.exits:
        yield bench
