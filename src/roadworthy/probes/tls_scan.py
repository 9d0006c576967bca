"""A scan: every version, suite and group that is accepted (`tls_survey`), and known vulnerabilities (sslyze).

sslyze works with threads that can't be stopped and takes long to import, so it runs in one child process for a run
(`tls_scanner`), which is started ahead and killed at the end, or as soon as an ask is cancelled and no other waits.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import ssl
import sys
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.suites import named
from roadworthy.facts.tls import NoHandshake, NoHandshakeKind, TlsScanObservation
from roadworthy.probes import starttls, tls
from roadworthy.probes.tls_hello import Ssl2Hello
from roadworthy.probes.tls_survey import Door, survey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.facts.tls import Handshake, Suite, TlsScanAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.tls_survey import Survey

NOTHING_TO_SCAN = frozenset({NoHandshakeKind.REFUSED, NoHandshakeKind.NO_STARTTLS})
"""After these, a scan would only meet the same again."""

MAYBE_SSL2 = frozenset({NoHandshakeKind.TIMED_OUT, NoHandshakeKind.NOT_TLS})
"""So may a server answer that speaks SSL 2.0 alone. Any other refusal may come from one too old for our client."""

TOLD_BY_SCANNER = ("Heartbleed", "OpenSSL CCS injection", "ROBOT", "client-initiated renegotiation", "early data")

LINE_BYTES = 1024 * 1024


async def prewarm(bench: Bench) -> None:
    """Starts the scanner's process, without waiting for it."""
    await bench.shared(_scanner)


async def observe(ask: TlsScanAsk, address: Address, bench: Bench) -> TlsScanObservation:
    """Knocks once, then asks and scans.

    Raises:
        NotObserved: there is no route from here, or the scanner itself broke.
    """
    scanner = await bench.shared(_scanner)
    observed_at = datetime.now(UTC)
    way = tls.Way(ask.host, protocol=ask.starttls)
    door = Door(address, tls.sni(ask.host), bench.patience_s, ask.starttls)
    met = await tls.shake(way, address, bench)
    if isinstance(met, NoHandshake) and met.failure in NOTHING_TO_SCAN | MAYBE_SSL2:
        why = f"{met.failure.value} ({met.detail})"
        if met.failure in MAYBE_SSL2 and (suites := await _ssl2(door)):
            return TlsScanObservation(observed_at=observed_at, accepted={"SSL2": suites}, gave_up=why)
        return TlsScanObservation(observed_at=observed_at, reachable=False, gave_up=why)
    order = {"host": ask.host, "ip": address.ip, "port": address.port, "timeout_s": math.ceil(bench.patience_s)}
    weak = asyncio.create_task(_weaknesses(scanner, order, ask.starttls))
    try:
        asked = await survey(door, all_groups=ask.groups)
        told = await weak
    except starttls.NoStarttls as error:
        return TlsScanObservation(observed_at=observed_at, reachable=False, gave_up=str(error))
    finally:
        weak.cancel()
        await asyncio.wait([weak])
    if not asked.accepted and told.get("gave_up") is None and not asked.undetermined:
        told["gave_up"] = "; ".join(asked.broken) or None
    seen = TlsScanObservation(
        observed_at=observed_at,
        accepted=asked.accepted,
        vulnerabilities=(*told.get("vulnerabilities", ()), *_weaknesses_of(asked)),
        undetermined=(*asked.undetermined, *(one for one in told.get("undetermined", ()) if _can_have(one, asked))),
        gave_up=told.get("gave_up"),
        garbled=asked.broken,
        groups=asked.groups,
        preference=asked.preference,
        extended_master_secret=asked.extended_master_secret,
        fallback_refused=asked.fallback_refused,
        early_data=told.get("early_data") if "1.3" in asked.accepted else None,
        ciphers=expanded(ask.ciphers) if ask.ciphers is not None else None,
    )
    return seen.model_copy(update={"key_types": await _keys(ask, way, address, bench, met)})


async def _ssl2(door: Door) -> tuple[Suite, ...]:
    """The suites of a server that speaks SSL 2.0."""
    try:
        met = await door.ask_ssl2()
    except (OSError, starttls.NoStarttls):
        return ()
    return tuple(named(code) for code in met.suites) if isinstance(met, Ssl2Hello) else ()


async def _weaknesses(scanner: _Scanner, order: dict[str, Any], protocol: starttls.Protocol | None) -> Any:
    if protocol == "mysql":  # sslyze does not speak it
        return {"undetermined": TOLD_BY_SCANNER}
    return await scanner.scan({**order, "starttls": protocol})


def _can_have(what: str, asked: Survey) -> bool:
    return what != "early data" or "1.3" in asked.accepted


def _weaknesses_of(asked: Survey) -> tuple[str, ...]:
    """What the ServerHellos tell of weaknesses."""
    insecure = asked.renegotiates_securely is False
    return ("TLS compression (CRIME)",) * asked.compressed + ("insecure renegotiation",) * insecure


async def _keys(
    ask: TlsScanAsk, way: tls.Way, address: Address, bench: Bench, met: Handshake | NoHandshake
) -> tuple[tls.KeyKind, ...]:
    """The kinds of keys that the server has, as far as they were asked for."""
    if not ask.keys or isinstance(met, NoHandshake):
        return ()
    other = await tls.shake_other(way, address, bench, met)
    kinds = (tls.KIND_OF.get(one.leaf.key_type) for one in (met, other) if one is not None)
    return tuple(kind for kind in kinds if kind is not None)


def expanded(ciphers: str) -> tuple[str, ...]:
    """OpenSSL's names of the suites up to TLS 1.2 that a cipher string stands for; empty where it can't be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    except (ssl.SSLError, ValueError):
        return ()
    return tuple(one["name"] for one in context.get_ciphers() if one["protocol"] != "TLSv1.3")


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
