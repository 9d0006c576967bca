"""A probe with a bug."""

from roadworthy.facts.base import Ask, Observation
from roadworthy.probes.bench import Address, Bench


async def observe(ask: Ask, address: Address | None, bench: Bench) -> Observation:
    """Fails in a way that no probe foresees."""
    raise RuntimeError(f"a bug while looking at {ask.host} {address} {bench.patience_s}")
