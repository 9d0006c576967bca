"""A command whose standard input and output are a connection: `nc`, `docker exec -i db nc`, here or on a host.

Such a command tells little. What it does tell is taken at its word:

    it ends, and says `refused`            the server refused
    it ends, and says `timed out` or like  nobody replied
    it ends, and knows no such name        the name leads nowhere from there
    it ends with anything else             the vantage point failed
    it ends well without a byte            the server closed the connection
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.store import StoreEnd
from roadworthy.probes.streams import CHUNK, Ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REFUSED = re.compile(r"refused|errno 111\b", re.IGNORECASE)
NOBODY = re.compile(r"timed? ?out|no route|unreachable|errno (?:101|110|113)\b", re.IGNORECASE)
NO_NAME = re.compile(
    r"name or service not known|not known|no address associated|unknown host|bad address|could not resolve"
    r"|name does not resolve|getaddrinfo|errno -[25]\b",
    re.IGNORECASE,
)
CONNECTED = re.compile(rb"succeeded|connected to|\bopen\b|successfully connected", re.IGNORECASE)
"""What `nc -v`, `ncat -v` and `socat -dd` say."""

MOST_SAID = 4096
ENDING_S = 1.0
"""How long a command may take to end once its output has."""


def told(words: str, at: str, who: str, whom: str) -> Ended | NotObserved | None:
    """What the words of whoever tried to connect mean; None: nothing that is known."""
    if REFUSED.search(words):
        return Ended(StoreEnd.REFUSED, at, words)
    if NOBODY.search(words):
        return Ended(StoreEnd.SILENT, at, words)
    if NO_NAME.search(words):
        return NotObserved(Reason.NO_ADDRESS, f"{who} knows no {whom}: {words}"[:300])
    return None


@dataclass
class Command:
    """Bytes of a command."""

    who: str
    """Where it runs, and what it is."""
    whom: str
    """The host that it connects to."""
    stdin: Any
    stdout: Any
    stderr: Any
    wait: Callable[[], Awaitable[int | None]]
    """Waits for its end; its exit code, or None where it has none."""
    kill: Callable[[], None]
    check: Callable[[], None] = lambda: None
    """Raises where the way to the command itself is gone."""
    received: int = 0
    _said: bytes = b""
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _hearing: asyncio.Task[None] | None = None
    _ended: asyncio.Task[int | None] | None = None

    def __post_init__(self) -> None:
        self._hearing = asyncio.create_task(self._hear())
        self._ended = asyncio.create_task(self._wait())

    async def read(self) -> bytes:
        """Some bytes; none at the end.

        Raises:
            Ended: it could not connect.
            NotObserved: it failed.
        """
        try:
            data: bytes = await self.stdout.read(CHUNK)
        except Exception:
            self.check()
            raise
        self.received += len(data)
        if not data:
            self.check()
            await self._explain()
        return data

    async def write(self, data: bytes) -> None:
        """Returns when more may be written; that it has ended is told by reading."""
        with suppress(ConnectionError):
            self.stdin.write(data)
            await self.stdin.drain()

    async def finish(self) -> None:
        """Ends its input."""
        with suppress(OSError):
            self.stdin.write_eof()

    async def outcome(self) -> tuple[int | None, bytes]:
        """Its exit code, and the end of what it said beside, once it has ended."""
        assert self._ended is not None  # noqa: S101 - made with it
        assert self._hearing is not None  # noqa: S101 - as above
        await asyncio.wait((self._ended, self._hearing))
        return self._ended.result(), self._said

    def close(self) -> None:
        """Ends it at once."""
        if self._hearing is not None:
            self._hearing.cancel()
        self.kill()

    async def gone(self) -> None:
        """Returns when it has been ended and nothing of it is left."""
        self.close()
        tasks = [task for task in (self._hearing, self._ended) if task is not None]
        _, left = await asyncio.wait(tasks, timeout=ENDING_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settled(self, patience_s: float) -> None:
        """Returns when it has told, in one way or another, that it is connected.

        Raises:
            Ended: it could not connect.
            NotObserved: it failed, or does not tell.
        """
        reading, hearing = asyncio.create_task(self.read()), asyncio.create_task(self._connected.wait())
        try:
            done, _ = await asyncio.wait(
                (reading, hearing), timeout=patience_s / 2, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                await self.finish()  # most servers leave at this, and the command with them
                done, _ = await asyncio.wait(
                    (reading, hearing), timeout=patience_s / 2, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            for task in (reading, hearing):
                task.cancel()
            await asyncio.gather(reading, hearing, return_exceptions=True)
        if not done:
            raise NotObserved(Reason.VANTAGE, f"{self.who} does not tell whether it is connected; `nc -v` does")
        if reading in done:
            reading.result()

    async def _explain(self) -> None:
        """Why there is nothing to read."""
        assert self._ended is not None  # noqa: S101 - made with it
        await asyncio.wait((self._ended,), timeout=ENDING_S)
        if not self._ended.done() or self.received:
            return
        if self._hearing is not None:
            await asyncio.wait((self._hearing,), timeout=ENDING_S)
        self.check()
        if (code := self._ended.result()) != 0:
            raise self._failure(code)

    def _failure(self, code: int | None) -> Ended | NotObserved:
        lines = self._said.decode("utf-8", "replace").strip().splitlines()
        last = lines[-1].strip()[:200] if lines else ""
        if last and (known := told(last, "connecting", self.who, self.whom)):
            return known
        ending = "was killed" if code is None else f"ended with {code}"
        why = last or "and said nothing (`nc -v` says why)"
        return NotObserved(Reason.VANTAGE, f"{self.who} {ending}: {why}" if last else f"{self.who} {ending} {why}")

    async def _hear(self) -> None:
        """What it says beside; read to the end, so that it never waits for us."""
        while data := await self.stderr.read(CHUNK):
            self._said = (self._said + data)[-MOST_SAID:]
            if CONNECTED.search(self._said):
                self._connected.set()

    async def _wait(self) -> int | None:
        return await self.wait()


async def run_here(words: list[str], whom: str) -> Command:
    """Starts a command on this machine.

    Raises:
        NotObserved: it can't be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # what it starts itself ends with it
        )
    except OSError as error:
        raise NotObserved(Reason.VANTAGE, f"{words[0]}: {error.strerror}") from error

    def kill() -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - full pipes keep it open for ever

    return Command(os.path.basename(words[0]), whom, process.stdin, process.stdout, process.stderr, process.wait, kill)  # noqa: PTH119 - a word, no path of ours
