"""Queues: one session that counts. It adds nothing, takes nothing away, and searches for no keys.

In Redis keys are asked for by name alone (LLEN, ZCARD, ZCOUNT, HLEN, EXISTS, SISMEMBER), and the oldest job's own words
for when it came; in tables nothing is counted further than a promise goes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roadworthy.facts.queues import QueueObservation
from roadworthy.probes.queues_redis import count_all, entered
from roadworthy.probes.queues_tables import look_at_tables
from roadworthy.probes.reader import Reader, hold, open_reader

if TYPE_CHECKING:
    from roadworthy.facts.queues import QueueAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.cache_talk import Talk


async def observe(ask: QueueAsk, address: Address, bench: Bench) -> QueueObservation:
    """How full the queues are.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    now = datetime.now(UTC)
    if ask.engine is None:

        async def ask_redis(talk: Talk, seen: dict[str, Any]) -> None:
            await count_all(ask, talk, now, seen)

        return QueueObservation(observed_at=now, **await hold(entered(ask, address, bench), ask_redis, bench))

    async def ask_tables(reader: Reader, seen: dict[str, Any]) -> None:
        await look_at_tables(ask, reader, now, seen)

    return QueueObservation(observed_at=now, **await hold(open_reader(ask, address, bench), ask_tables, bench))
