"""The whole life of a store's process: set the server up, open its doors, end with it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from roadworthy.sandbox.ending import die_with_parent
from roadworthy.sandbox.stores import MODULES
from roadworthy.sandbox.stores.doors import context_of, open_doors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from roadworthy.sandbox.deployment import State, Store

SET_UP_S = 18.0
"""Within what the supervisor waits for."""

BEHIND = 20000
"""Real servers listen so much above their public port."""


@dataclass(frozen=True)
class StoreJob:
    """A store, and the files of its certificate, where it has one."""

    store: Store
    chain: Path | None = None
    key: Path | None = None
    behind: Store | None = None
    """The primary that it is a copy of: where that one is set up anew, so is this one."""

    @property
    def name(self) -> str:
        """The component's name."""
        return self.store.name

    @property
    def state(self) -> State:
        """What becomes of it."""
        return self.store.state


def private(address: tuple[str, int]) -> tuple[str, int]:
    """Where the real server of a public address listens."""
    ip, port = address
    return ip, port + BEHIND if port + BEHIND < 65536 else port - BEHIND  # noqa: PLR2004 - 16 bits


def start(command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a server that ends with this process; what it says goes to its own log."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - a fixed program
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC", **(environ or {})},
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
        )


def await_that(holds: Callable[[], bool], what: str, within_s: float = SET_UP_S) -> None:
    """Asks until it holds.

    Raises:
        TimeoutError: it never did.
    """
    until = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)  # another program's state: nothing tells of its change


def serve_store(job: StoreJob, directory: Path) -> None:
    """Serves until it is killed; ends when a server of its own ends.

    Raises:
        MissingError: the product can't be had on this machine.
    """
    directory.mkdir(parents=True, exist_ok=True)
    doors, servers = import_module(MODULES[job.store.product]).set_up(job, directory)
    tls = job.store.tls
    context = context_of(tls, job.chain, job.key) if tls and job.chain and job.key else None

    async def serve() -> None:
        opened = asyncio.create_task(open_doors(tuple(doors), context))
        while all(server.poll() is None for server in servers) and not opened.done():
            await asyncio.wait([opened], timeout=0.2)
        opened.cancel()
        await asyncio.gather(opened, return_exceptions=True)

    asyncio.run(serve())
