"""Bursts: as many requests at once as meet a limit that is as promised, and no more than twice as many.

Over HTTP/2 they share a connection, else each has its own, opened before the first request is sent: the time in which a
bucket takes on more is then a round trip, and what was taken says how large it is.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from roadworthy.facts.burst import ENDS_S, LIMIT_FIELDS, BurstObservation, Shot
from roadworthy.facts.http import HttpVersion
from roadworthy.probes.http import Place
from roadworthy.probes.session import LONGEST, Lost, Session

if TYPE_CHECKING:
    from roadworthy.facts.burst import BurstAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.session import Reply

STREAMS = 100
"""Requests under way at once on one HTTP/2 connection (RFC 9113 section 6.5.2 advises no fewer to be allowed)."""

OPENING = 16
"""Connections that are opened at once."""

INVENTED = "{invented}"


async def observe(ask: BurstAsk, address: Address, bench: Bench) -> BurstObservation:
    """Meets the limit once, and looks whether it lets go.

    Raises:
        NotObserved: there is no route from here.
    """
    observed_at = datetime.now(UTC)
    async with AsyncExitStack() as exits:
        burst = _Burst(ask, address, bench, exits)
        await (burst.together() if ask.together else burst.one_by_one())
    return BurstObservation(
        observed_at=observed_at,
        scout=burst.scout,
        waited_s=burst.waited_s,
        rounds=tuple(burst.rounds),
        recovery=burst.recovery,
        recovered_after_s=burst.recovered_after_s,
    )


class _Burst:
    """One burst, and what is known of it so far."""

    def __init__(self, ask: BurstAsk, address: Address, bench: Bench, exits: AsyncExitStack) -> None:
        self._ask = ask
        self._place = Place.of(ask.url)
        self._address = address
        self._bench = bench
        self._exits = exits
        self._began = time.perf_counter()
        word = f"roadworthy-{secrets.token_hex(6)}"
        form = ask.media_type == "application/x-www-form-urlencoded"
        self._content = ask.content.replace(quote(INVENTED, safe="{}") if form else INVENTED, word).encode()
        self.scout: Shot | None = None
        self.waited_s = 0.0
        self.rounds: list[tuple[Shot, ...]] = []
        self.recovery: Shot | None = None
        self.recovered_after_s: float | None = None

    async def together(self) -> None:
        """One request, a pause in which the limit becomes as unused, then all others at once."""
        first = await self._session()
        self.scout = await self._first_shot(first)
        if self.scout.status is None or self.scout.status in self._ask.refuses:
            return
        await asyncio.sleep(self._ask.settles_s)
        for _ in range(2):
            self.rounds.append(await self._round(first))
            if any(shot.status is None or shot.status in self._ask.refuses for shot in self.rounds[-1]):
                break
        last_s = self._now_s
        await self._recover()
        await asyncio.sleep(max(0.0, last_s + self._ask.settles_s - self._now_s))

    async def one_by_one(self) -> None:
        """Attempts, until one is refused."""
        session = await self._session()
        shots = [await self._first_shot(session)]
        while len(shots) < self._ask.first and shots[-1].status not in (None, *self._ask.refuses):
            shots.append(await self._shot(session))
        self.rounds = [tuple(shots)]
        await self._recover()

    async def _recover(self) -> None:
        refused = [shot for shots in self.rounds for shot in shots if shot.status in self._ask.refuses]
        if self._ask.recovers_s is None or not refused:
            return
        last_s = max(shot.answered_s for shot in refused)
        await asyncio.sleep(max(0.0, last_s + self._ask.recovers_s - self._now_s))
        self.recovered_after_s = round(self._now_s - last_s, 6)
        self.recovery = await self._shot(await self._session())

    async def _first_shot(self, session: Session) -> Shot:
        """The first request; where an earlier run is still locked out, and the lock says for how long, after that."""
        shot = await self._shot(session)
        pause_s = seconds_of(shot.retry_after, datetime.now(UTC))
        if shot.status in self._ask.refuses and pause_s is not None and pause_s <= ENDS_S:
            await asyncio.sleep(pause_s)
            self.waited_s = pause_s
            shot = await self._shot(session)
        return shot

    async def _round(self, first: Session) -> tuple[Shot, ...]:
        """As many requests at once as the ask says."""
        left = self._ask.first
        if first.is_multiplexed:
            sessions = await self._opened(-(-left // STREAMS), HttpVersion.H2)
        else:
            sessions = await self._opened(left, HttpVersion.HTTP_1_1)
        shots = (self._shot(sessions[number % len(sessions)]) for number in range(left))
        return tuple(await asyncio.gather(*shots))

    async def _opened(self, count: int, offers: HttpVersion) -> list[Session]:
        gate = asyncio.Semaphore(OPENING)
        sessions = [await self._session(offers) for _ in range(count)]

        async def opened(session: Session) -> None:
            async with gate:
                await session.connect()

        await asyncio.gather(*map(opened, sessions))
        return sessions

    async def _session(self, offers: HttpVersion = HttpVersion.BEST) -> Session:
        return await self._exits.enter_async_context(Session(self._place, self._address, self._bench, offers))

    async def _shot(self, session: Session) -> Shot:
        sent_s = self._now_s
        headers = (("content-type", self._ask.media_type),) if self._ask.media_type else ()
        reply = await session.ask(
            self._place.target, method=self._ask.method, headers=headers, content=self._content, shared=True
        )
        return _shot_of(reply, sent_s, self._now_s)

    @property
    def _now_s(self) -> float:
        return round(time.perf_counter() - self._began, 6)


def _shot_of(reply: Reply | Lost, sent_s: float, answered_s: float) -> Shot:
    if isinstance(reply, Lost):
        return Shot(sent_s=sent_s, answered_s=answered_s, silence=reply.silence)
    return Shot(
        sent_s=sent_s,
        answered_s=answered_s,
        status=reply.status,
        retry_after=reply.header("retry-after"),
        fields=tuple((name, value[:LONGEST]) for name, value in reply.headers if name in LIMIT_FIELDS),
    )


def seconds_of(retry_after: str | None, now: datetime) -> float | None:
    """How long Retry-After says to wait: seconds or a date (RFC 9110 section 10.2.3); None where it says neither."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
