"""The same page again: what a cache on the way keeps of it, and whether its validators hold.

Observed at all addresses together, as an ETag that is another at each of them is of no use to anybody.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import Answer, HttpAgainObservation, HttpAsk, Silence, Visit
from roadworthy.facts.name import NameState
from roadworthy.probes.http import Place, exchange
from roadworthy.probes.name import addresses_of

if TYPE_CHECKING:
    from roadworthy.facts.http import HttpAgainAsk
    from roadworthy.probes.bench import Address, Bench

MOST_ADDRESSES = 16
"""CloudFront has twelve for a name."""
KEPT_BYTES = 32 * 1024
"""Of each answer: enough to see whether two are the same."""


async def observe(ask: HttpAgainAsk, address: None, bench: Bench) -> HttpAgainObservation:  # noqa: ARG001 - a probe's signature
    """Asks twice at each address, and a third time only if the page has changed.

    Raises:
        NotObserved: there is no address, or no route from here.
    """
    observed_at = datetime.now(UTC)
    addresses, _ = await addresses_of(ask.host, ask.port, bench)
    if isinstance(addresses, NameState):
        raise NotObserved(Reason.NO_ADDRESS, f"{ask.host}: {addresses.value}")
    asked = addresses[:MOST_ADDRESSES]
    visits = [await _visit(ask, one, bench) for one in asked] if len(asked) == 1 else await _visits(ask, asked, bench)
    return HttpAgainObservation(observed_at=observed_at, visits=tuple(visits), more=len(addresses) - len(asked))


async def _visits(ask: HttpAgainAsk, addresses: list[Address], bench: Bench) -> list[Visit]:
    return list(await asyncio.gather(*(_visit(ask, address, bench) for address in addresses)))


async def _visit(ask: HttpAgainAsk, address: Address, bench: Bench) -> Visit:
    until = asyncio.get_running_loop().time() + bench.patience_s
    request = HttpAsk.of(ask.url).model_copy(update={"body_limit": KEPT_BYTES})

    async def answer(request: HttpAsk) -> Answer | Silence:
        return await exchange(request, Place.of(ask.url), address, bench, until)

    first = await answer(request)
    second = first if isinstance(first, Silence) else await answer(request)
    conditions = _conditions(first) if ask.revalidates and isinstance(first, Answer) else ()
    conditional = await answer(request.model_copy(update={"headers": conditions})) if conditions else None
    return Visit(address=str(address), first=first, second=second, conditional=conditional)


def _conditions(answer: Answer) -> tuple[tuple[str, str], ...]:
    """The ETag goes before the date (RFC 9110 section 13.2.2); only a visible one can be sent back."""
    if (etag := answer.one("etag")) and etag.isascii() and etag.isprintable():
        return (("if-none-match", etag),)
    if (date := answer.one("last-modified")) and date.isascii() and date.isprintable():
        return (("if-modified-since", date),)
    return ()
