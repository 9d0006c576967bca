"""Looks at hosts from within: one Python program, sent over the vantage point, answers all that is asked of a host.

All asks that come while the host is being logged into are one order. It is answered line by line, each ask as soon as
it is known, so that a slow one (a backup that is read to its end) holds up nobody. Nothing is left on the host.
"""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from roadworthy.facts import OBSERVATIONS
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.host import HostReachObservation
from roadworthy.probes.ssh_login import DeadError
from roadworthy.probes.vantage import start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.facts.base import Observation
    from roadworthy.facts.host import HostAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.command import Command
    from roadworthy.target.network import Vantage

BOOT = (
    "import sys,base64,json,types,zlib;"
    "o=json.loads(zlib.decompress(base64.b64decode(sys.stdin.readline())).decode());"
    "m={};sys.modules['roadworthy']=types.ModuleType('roadworthy');"
    "sys.modules['roadworthy.onhost']=types.ModuleType('roadworthy.onhost')\n"
    "for n,s in o['modules']:\n"
    " x=types.ModuleType(n);sys.modules['roadworthy.onhost.'+n]=x;"
    "exec(compile(s,'onhost/'+n+'.py','exec'),x.__dict__);setattr(sys.modules['roadworthy.onhost'],n,x);m[n]=x\n"
    "m['ground'].main(o,m)"
)
"""All that stands in the host's list of processes: what is looked at comes on standard input."""

GROUND = "ground"
TIMES = ("took", "now")
MOST = 16 * 2**20
"""Bytes that a host may answer in all."""

REASONS = {
    "not permitted": Reason.NOT_PERMITTED,
    "not supported": Reason.NOT_APPLICABLE,
    "broken": Reason.BROKEN,
}
NO_PYTHON = "there must be a Python 3.7 or newer on the host, called as network.vantages.*.python says"


async def observe(ask: HostAsk, address: Address | None, bench: Bench) -> Observation:
    """One part of what a host shows.

    Raises:
        NotObserved: the host is not led to, nobody is let in, or this part can't be seen.
    """
    del address
    assert ask.via is not None  # noqa: S101 - every such ask has one
    desks = await bench.shared(_desks)
    try:
        said = await desks.of(ask.via).asked(ask)
    except DeadError as error:
        if ask.kind == "host":
            return HostReachObservation(observed_at=datetime.now(UTC), gone=error.detail)
        raise
    if "unseen" in said:
        raise NotObserved(REASONS.get(said["unseen"], Reason.NO_ANSWER), f"{said['unseen']}: {said['detail']}"[:400])
    try:
        return _observation(ask, said)
    except (ValueError, OverflowError) as error:
        raise NotObserved(Reason.VANTAGE, f"the host's answer is none: {error}"[:400]) from error


def _observation(ask: HostAsk, said: dict[str, Any]) -> Observation:
    """What was seen. Its clock was read between the time that it took after it was asked, and now."""
    ended, clock = datetime.now(UTC), datetime.fromtimestamp(said["now"], UTC)
    fields: dict[str, Any] = {**said["seen"], "kind": ask.kind, "observed_at": ended}
    if ask.kind == "host":
        began = said["sent"] + timedelta(seconds=said["took"])
        behind, ahead = (clock - ended).total_seconds(), (clock - began).total_seconds()
        fields["skew_s"] = 0.0 if behind <= 0 <= ahead else min(behind, ahead, key=abs)
    else:
        fields["now"] = clock
    return OBSERVATIONS[ask.kind].model_validate(fields)


@asynccontextmanager
async def _desks(bench: Bench) -> AsyncIterator[_Desks]:
    desks = _Desks(bench)
    try:
        yield desks
    finally:
        await desks.close()


@dataclass
class _Desks:
    """One for each host of a run."""

    bench: Bench
    _made: dict[str, _Desk] = field(default_factory=dict)

    def of(self, vantage: str) -> _Desk:
        """The one of a vantage point."""
        if vantage not in self._made:
            self._made[vantage] = _Desk(vantage, self.bench)
        return self._made[vantage]

    async def close(self) -> None:
        """Ends what is still under way."""
        tasks = [task for desk in self._made.values() for task in desk.orders]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class _Desk:
    """Where asks of one host wait until it can be asked."""

    name: str
    bench: Bench
    orders: set[asyncio.Task[None]] = field(default_factory=set)
    _waiting: list[tuple[HostAsk, asyncio.Future[dict[str, Any]]]] = field(default_factory=list)
    _opening: bool = False

    async def asked(self, ask: HostAsk) -> dict[str, Any]:
        """What the host says to one ask."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, answer))
        if not self._opening:
            self._opening = True
            order = asyncio.create_task(self._order())
            self.orders.add(order)
            order.add_done_callback(self.orders.discard)
        return await answer

    async def _order(self) -> None:
        """Asks the host for all that waits by the time it can be asked."""
        taken: list[tuple[HostAsk, asyncio.Future[dict[str, Any]]]] = []
        failure: Exception = NotObserved(Reason.VANTAGE, "the host ended without an answer")
        try:
            vantage = self.bench.network.vantages[self.name]
            try:
                command = await start(self.name, [vantage.python, "-c", BOOT], self.bench)
            finally:
                taken, self._waiting, self._opening = self._waiting, [], False
            try:
                await self._converse(command, vantage, taken)
            finally:
                await command.gone()
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            failure = _explained(error)
        finally:
            for _, answer in taken:
                if not answer.done():
                    answer.set_exception(failure)
                    with suppress(asyncio.CancelledError):
                        answer.exception()  # whoever asked may be gone

    async def _converse(
        self, command: Command, vantage: Vantage, taken: list[tuple[HostAsk, asyncio.Future[dict[str, Any]]]]
    ) -> None:
        await command.write(_sent([ask for ask, _ in taken], vantage))
        await command.finish()
        sent = datetime.now(UTC)
        held, received = b"", 0
        while data := await command.read():
            received += len(data)
            if received > MOST:
                raise NotObserved(Reason.VANTAGE, f"the host answers more than {MOST // 2**20} MiB")
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                said = _line(line, len(taken))
                answer = taken[said["number"]][1]
                if not answer.done():
                    answer.set_result({**said, "sent": sent})


def _line(line: bytes, asked: int) -> dict[str, Any]:
    """One answer.

    Raises:
        NotObserved: it is none.
    """
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if isinstance(said, dict) and said.get("number") in range(asked):
        if isinstance(said.get("seen"), dict) and all(isinstance(said.get(key), float) for key in TIMES):
            return said
        if isinstance(said.get("unseen"), str) and isinstance(said.get("detail"), str):
            return said
    shown = line[:120].decode("utf-8", "replace")
    raise NotObserved(Reason.VANTAGE, f"the host's login says something of its own: {shown!r}")


def _explained(error: Exception) -> Exception:
    if isinstance(error, NotObserved) and "ended with 127" in error.detail:
        return NotObserved(error.reason, f"{error.detail}; {NO_PYTHON}")
    return error


def _sent(asks: list[HostAsk], vantage: Vantage) -> bytes:
    """The order, on one line."""
    kinds = sorted({ask.kind for ask in asks})
    order = {
        "root": vantage.root,
        "sudo": vantage.sudo,
        "boot": BOOT,
        "modules": [(name, _source(name)) for name in _needed(kinds)],
        "asks": [{"number": n, "kind": ask.kind, "wanted": ask.wanted} for n, ask in enumerate(asks)],
    }
    return base64.b64encode(zlib.compress(json.dumps(order).encode(), 1)) + b"\n"


@cache
def _source(name: str) -> str:
    return (files("roadworthy.onhost") / f"{name}.py").read_text("utf-8")


def _needed(kinds: list[str]) -> list[str]:
    """The modules of kinds, each after those of its own that it imports."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for line in _source(name).splitlines():
            if line.startswith("from roadworthy.onhost."):
                add(line.split()[1].rpartition(".")[2])
        ordered.setdefault(name)

    for name in (GROUND, *kinds):
        add(name)
    return list(ordered)
