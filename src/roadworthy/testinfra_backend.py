"""Lets users' own tests look at the hosts of a target with pytest-testinfra's `host`.

    testinfra_hosts = ["roadworthy://app"]        # a vantage point of the target, or a component with `host`

    def test_the_extension_is_loaded(host):
        assert "redis" in host.check_output("php -m")

Commands go over the same kind of login as all else: its key, its known hosts, its jump hosts, one connection. They are
bounded in time (`network.scan_timeout`); a host that can't be reached is not observed, never failed.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from testinfra.backend import BACKENDS
from testinfra.backend.base import BaseBackend, CommandResult

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.probes.bench import Bench
from roadworthy.probes.vantage import start

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from roadworthy.target.models import Target

T = TypeVar("T")
NAME = "roadworthy"
MOST = 16 * 2**20
"""Bytes of one command's output."""


class _Link:
    """A loop of its own thread, where the connections of a run live."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.loop = asyncio.new_event_loop()
        self.exits = AsyncExitStack()
        network = target.network
        self.bench = Bench(network, network.user_agent, network.patience_s, self.exits)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What it gives, waited for."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def vantage_of(self, name: str) -> str:
        """The vantage point of that name, or the one that a component of that name is led to by.

        Raises:
            NotObserved: there is none.
        """
        if (component := self.target.components.get(name)) is not None and component.host is not None:
            return component.host
        if name in self.target.network.vantages and self.target.network.vantages[name].is_host:
            return name
        known = [other for other, one in self.target.network.vantages.items() if one.is_host]
        raise NotObserved(Reason.VANTAGE, f"the target has no host {name}; there are {', '.join(known) or 'none'}")

    def close(self) -> None:
        """Ends the connections and the thread."""
        self.do(self.exits.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class _Current:
    target: Target | None = None
    link: _Link | None = None


def register(target: Target) -> None:
    """Makes `roadworthy://NAME` known to testinfra."""
    _Current.target = target
    BACKENDS[NAME] = f"{__name__}.{VantageBackend.__name__}"


def leave() -> None:
    """Ends what was connected."""
    link, _Current.link, _Current.target = _Current.link, None, None
    BACKENDS.pop(NAME, None)
    if link is not None:
        link.close()


class VantageBackend(BaseBackend):  # type: ignore[misc]  # testinfra tells no types
    """Runs commands on a host of the target."""

    NAME = NAME

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """A shell command; its arguments replace `%s`, quoted.

        Raises:
            NotObserved: the host is not led to, or the command took too long.
        """
        if _Current.link is None:
            assert _Current.target is not None  # noqa: S101 - registered with it
            _Current.link = _Link(_Current.target)
        line = self.get_command(command, *args)
        code, out, err = _Current.link.do(_run(_Current.link, self.hostname, line))
        return self.result(code, self.encode(line), out, err)

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:
        """As testinfra's, and never waiting for a password."""
        user = [] if sudo_user is None else ["-u", sudo_user]
        quoted: str = self.quote(" ".join(["sudo", "-n", *("%s" for _ in user), "/bin/sh", "-c", "%s"]), *user, command)
        return quoted


async def _run(link: _Link, name: str, line: str) -> tuple[int, bytes, bytes]:
    limit = link.target.network.scan_timeout
    process = await start(link.vantage_of(name), ["/bin/sh", "-c", line], link.bench)
    try:
        async with asyncio.timeout(limit):
            await process.finish()
            out, (code, err) = await asyncio.gather(_read(process.stdout), process.outcome())
    except TimeoutError as error:
        raise NotObserved(Reason.DEADLINE, f"{name}: not finished after {limit:g} s: {line[:200]}") from error
    finally:
        await process.gone()
    process.check()
    if code is None:
        raise NotObserved(Reason.VANTAGE, f"{name}: the command was killed: {line[:200]}")
    return code, out, err


async def _read(stream: Any) -> bytes:
    """All of it.

    Raises:
        NotObserved: it is too much.
    """
    read = bytearray()
    while data := await stream.read(65536):
        read += data
        if len(read) > MOST:
            raise NotObserved(Reason.VANTAGE, f"a command says more than {MOST // 2**20} MiB")
    return bytes(read)
