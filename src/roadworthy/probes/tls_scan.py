"""What a scanner finds: every protocol version and cipher suite that is accepted, and known vulnerabilities (sslyze).

sslyze works with threads that can't be stopped and takes long to import, so it runs in one child process for a run
(`tls_scanner`), which is started ahead and killed at the end, or as soon as an ask is cancelled and no other waits.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.tls import NoHandshake, NoHandshakeKind, TlsScanObservation
from roadworthy.probes import tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.facts.tls import TlsScanAsk
    from roadworthy.probes.bench import Address, Bench

NOTHING_TO_SCAN = frozenset({NoHandshakeKind.REFUSED, NoHandshakeKind.TIMED_OUT, NoHandshakeKind.NOT_TLS})
"""After these, a scan would only meet the same again. Any other refusal may come from a server too old for us."""

LINE_BYTES = 1024 * 1024


async def prewarm(bench: Bench) -> None:
    """Starts the scanner's process, without waiting for it."""
    await bench.shared(_scanner)


async def observe(ask: TlsScanAsk, address: Address, bench: Bench) -> TlsScanObservation:
    """Knocks once, then scans.

    Raises:
        NotObserved: there is no route from here, or the scanner itself broke.
    """
    scanner = await bench.shared(_scanner)
    observed_at = datetime.now(UTC)
    met = await tls.shake(ask.host, address, bench)
    if isinstance(met, NoHandshake) and met.failure in NOTHING_TO_SCAN:
        why = f"{met.failure.value} ({met.detail})"
        return TlsScanObservation(observed_at=observed_at, reachable=False, gave_up=why)
    answer = await scanner.scan(
        {"host": ask.host, "ip": address.ip, "port": address.port, "timeout_s": math.ceil(bench.patience_s)}
    )
    return TlsScanObservation(observed_at=observed_at, **answer)


@asynccontextmanager
async def _scanner(_: Bench) -> AsyncIterator[_Scanner]:
    scanner = _Scanner()
    try:
        yield scanner
    finally:
        await scanner.close()


class _Scanner:
    """The child process, and who waits for which of its answers."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._begin()

    def _begin(self) -> None:
        self._abandoned = False
        self._started: asyncio.Future[asyncio.subprocess.Process] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(self._started))

    async def scan(self, order: dict[str, Any]) -> Any:
        """What the child found.

        Raises:
            NotObserved: the child broke.
        """
        if self._life.done():
            self._begin()
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            child = await asyncio.shield(self._started)
            if child.stdin is not None:
                child.stdin.write(json.dumps({"id": number, **order}).encode() + b"\n")
            return await answer
        except asyncio.CancelledError:
            self._abandoned = True
            raise
        finally:
            del self._waiting[number]
            if self._abandoned and not self._waiting:
                await self.close()  # its threads still ask a server that nobody wants to hear of any more

    async def close(self) -> None:
        """Kills the child, if it is there, and waits for its end."""
        self._life.cancel()
        with suppress(asyncio.CancelledError):
            await self._life

    async def _live(self, started: asyncio.Future[asyncio.subprocess.Process]) -> None:
        """One child's whole life: whoever ends this task ends the child."""
        last_words = ""
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "roadworthy.probes.tls_scanner"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=LINE_BYTES,
            )
        except OSError as error:
            started.set_exception(NotObserved(Reason.BROKEN, f"the TLS scanner does not start: {error}"))
            return
        started.set_result(child)
        try:
            while child.stdout is not None and (line := await child.stdout.readline()):
                last_words = self._hear(line) or last_words
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.communicate()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(NotObserved(Reason.BROKEN, f"the TLS scanner ended: {last_words}"))

    def _hear(self, line: bytes) -> str:
        """Passes an answer on to whom it is for; what is no answer is the child's trouble, and is returned."""
        try:
            heard = json.loads(line)
            answer = self._waiting.get(heard.pop("id"))
        except (ValueError, AttributeError, KeyError):
            return line.decode(errors="replace").strip()
        if answer is not None and not answer.done():
            if broken := heard.get("broken"):
                answer.set_exception(NotObserved(Reason.BROKEN, f"the TLS scanner failed: {broken}"))
            else:
                answer.set_result(heard)
        return ""
