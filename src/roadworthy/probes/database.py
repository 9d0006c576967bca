"""Databases: one conversation with one server, by its product's own driver, over a way of ours (`way`).

Each product's module has a coroutine `observe(ask, address, bench)` that makes the same observation. All of them hold
to this: a password goes out once, and only over verified TLS where the ask says so; a session is one read-only
transaction with time-outs set in it (nothing of a session is left behind in a pooler); a part that the server would not
show is `Unseen`, and the rest is still looked at; no row's value, hash or statement is in the observation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roadworthy.facts.database import DatabaseAsk, DatabaseObservation
    from roadworthy.probes.bench import Address, Bench

PROBES = {
    "postgresql": "roadworthy.probes.postgresql",
    "mysql": "roadworthy.probes.mysql",
    "mariadb": "roadworthy.probes.mysql",
    "mongodb": "roadworthy.probes.mongodb",
}

WRONG_PASSWORD = "not-the-password-of-anybody"  # noqa: S105 - it is wrong on purpose


async def observe(ask: DatabaseAsk, address: Address, bench: Bench) -> DatabaseObservation:
    """One conversation, as far as it goes.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    observation: DatabaseObservation = await import_module(PROBES[ask.engine]).observe(ask, address, bench)
    return observation
