"""Vantage points: hosts that are logged into by SSH, and commands, from where a store can be reached.

    stream = await reach(name, address, bench)

One SSH connection serves all who look from one vantage point, and is closed at the end of the run. A login that the
host refuses is made once in a run, and one that did not come about (no answer, refused, broken off) is made once more:
hosts lock out who keeps trying.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import StoreEnd
from roadworthy.probes.command import Command, run_here
from roadworthy.probes.ssh_login import Host, Login, PassingError, in_words
from roadworthy.probes.streams import CHUNK, Ended, Stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.probes.bench import Address, Bench

__all__ = ["Command", "reach"]

LOGINS = 2
"""At one vantage point in one run, at most."""

LOGINS_AT_ONCE = 8
"""A login costs this machine some 20 ms of its own: who waits for its turn must not be taken for a dead host."""

LEAVING_S = 1.0


async def reach(name: str, address: Address, bench: Bench) -> Stream:
    """A connection to an address, as a vantage point reaches it.

    Raises:
        Ended: the server there refused, or nobody replied.
        NotObserved: the vantage point failed, or knows no such name.
    """
    vantage = bench.network.vantages[name]
    outposts = await bench.shared(_outposts)
    host = await outposts.host(name) if vantage.ssh is not None else None
    try:
        async with asyncio.timeout(bench.patience_s):
            if vantage.command is None:
                assert host is not None  # noqa: S101 - the model has one of both
                return await _forwarded(host, address)
            words = [
                word.replace("{host}", address.ip).replace("{port}", str(address.port)) for word in vantage.command
            ]
            command = await (run_here(words, address.ip) if host is None else _run_there(host, words, address.ip))
            outposts.commands.append(command)
            return command
    except TimeoutError as error:
        if host is not None:
            host.check()
        raise Ended(StoreEnd.SILENT, "connecting") from error


async def start(name: str, words: list[str], bench: Bench) -> Command:
    """A command that runs on the host that a vantage point leads to.

    Raises:
        DeadError: nobody answers there.
        NotObserved: the vantage point failed.
    """
    vantage = bench.network.vantages[name]
    outposts = await bench.shared(_outposts)
    words = [*(vantage.exec or ()), *words]
    if vantage.ssh is None:
        command = await run_here(words, "")
    else:
        command = await _run_there(await outposts.host(name), words, "")
    outposts.commands.append(command)
    return command


@dataclass
class _Outposts:
    """The SSH connections and commands of a run."""

    bench: Bench
    commands: list[Command] = field(default_factory=list)
    _logins: dict[str, asyncio.Task[Host]] = field(default_factory=dict)
    _tried: Counter[str] = field(default_factory=Counter)
    _doors: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOGINS_AT_ONCE))

    async def host(self, name: str) -> Host:
        """The SSH connection to a vantage point.

        Raises:
            NotObserved: there is none, and why.
        """
        if name not in self._logins or self._may_be_tried_again(name):
            self._tried[name] += 1
            self._logins[name] = asyncio.create_task(self._log_in(name))
        host = await asyncio.shield(self._logins[name])
        host.check()
        return host

    def _may_be_tried_again(self, name: str) -> bool:
        task = self._logins[name]
        if not task.done() or self._tried[name] >= LOGINS:
            return False
        if task.cancelled():
            return True
        failure = task.exception()
        return isinstance(failure, PassingError) if failure else task.result().connection.is_closed()

    async def _log_in(self, name: str) -> Host:
        vantage = self.bench.network.vantages[name]
        through = await self.host(vantage.through) if vantage.through is not None else None
        async with self._doors:
            return await Login(vantage, through, self.bench).made()

    async def leave(self) -> None:
        """Ends all of them."""
        await asyncio.gather(*(command.gone() for command in self.commands))
        for login in self._logins.values():
            login.cancel()
        found = await asyncio.gather(*self._logins.values(), return_exceptions=True)
        hosts = [host for host in found if isinstance(host, Host)]
        for host in sorted(hosts, key=lambda host: -host.depth):
            host.connection.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVING_S):
                    await host.connection.wait_closed()
            host.connection.abort()


@asynccontextmanager
async def _outposts(bench: Bench) -> AsyncIterator[_Outposts]:
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)  # it tells users, hosts and commands to whoever logs
    outposts = _Outposts(bench)
    try:
        yield outposts
    finally:
        await outposts.leave()


async def _forwarded(host: Host, address: Address) -> Stream:
    import asyncssh  # noqa: PLC0415 - as above

    try:
        reader, writer = await host.connection.open_connection(address.ip, address.port, encoding=None)
    except asyncssh.ChannelOpenError as error:
        raise host.unopened(address.ip, error) from error
    except (asyncssh.Error, OSError) as error:
        host.check()
        raise NotObserved(Reason.VANTAGE, f"{host.label}: {in_words(error)}") from error
    return _Channel(host, reader, writer)


async def _run_there(host: Host, words: list[str], whom: str) -> Command:
    import shlex  # noqa: PLC0415 - of use to commands alone

    import asyncssh  # noqa: PLC0415 - as above

    try:
        stdin, stdout, stderr = await host.connection.open_session(shlex.join(words), encoding=None)
    except (asyncssh.Error, OSError) as error:
        host.check()
        raise NotObserved(Reason.VANTAGE, f"{host.label} runs no command: {in_words(error)}") from error
    channel: Any = stdin.channel

    async def ended() -> int | None:
        await channel.wait_closed()
        status: int | None = channel.get_exit_status()
        return status

    def kill() -> None:
        with suppress(OSError):
            channel.kill()
        channel.abort()

    who = f"{words[0]} on {host.label}"
    return Command(who, whom, stdin, stdout, stderr, ended, kill, host.check)


@dataclass
class _Channel:
    """Bytes of an SSH channel."""

    host: Host
    reader: Any
    writer: Any

    async def read(self) -> bytes:
        import asyncssh  # noqa: PLC0415 - as above

        try:
            data: bytes = await self.reader.read(CHUNK)
        except asyncssh.Error as error:
            self.host.check()
            raise ConnectionResetError(in_words(error)) from error
        if not data:
            self.host.check()
        return data

    async def write(self, data: bytes) -> None:
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            self.host.check()
            raise

    async def finish(self) -> None:
        with suppress(OSError):
            self.writer.write_eof()

    def close(self) -> None:
        self.writer.channel.abort()
