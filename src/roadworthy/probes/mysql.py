"""MySQL and MariaDB: one conversation, bounded in time, bytes and rows.

TLS is wished for in the conversation itself. Where the target promises it, a password goes only to a server whose
certificate was verified; else, as the product's own client does it, over whatever TLS there is, and in plain where it
has none.

**Without TLS** nothing of the target's password is sent, not even scrambled. Somebody whom no server knows comes, and

- is refused for the lack of TLS (3159): whoever comes so is refused;
- is refused for the name. MariaDB says so even where it demands TLS, and accounts may demand it where the server does
  not; both can be read by whoever is logged in over TLS: `require_secure_transport`, and the account's own `REQUIRE`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.database import DatabaseObservation, Session
from roadworthy.facts.store import Broke, Purpose, Refusal, StoreEnd
from roadworthy.probes.database import WRONG_PASSWORD
from roadworthy.probes.mysql_desk import Desk
from roadworthy.probes.mysql_inside import look, session
from roadworthy.probes.mysql_link import Enough, Visit, entered
from roadworthy.probes.reader import CannotRead, LoginRefused, NoSuchTable, Withheld
from roadworthy.probes.way import Ended
from roadworthy.rules.grants import UnreadableError, demands

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from roadworthy.facts.database import DatabaseAsk
    from roadworthy.facts.reading import ReadingAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.reader import Reader

STRANGER = "roadworthy_stranger"
"""Whom no server knows: nobody's failed logins are counted."""

DEMANDS_TLS = "3159"
MUST_CHANGE = frozenset({"1820", "1862"})
"""The password was right, and has expired."""


async def observe(ask: DatabaseAsk, address: Address, bench: Bench) -> DatabaseObservation:
    """One conversation, as far as it goes.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    seen: dict[str, Any] = {}
    observed_at = datetime.now(UTC)
    longest_s = _longest_s(bench)
    until = asyncio.get_running_loop().time() + longest_s
    talk = _Talk(ask, address, bench, until, seen)
    try:
        async with asyncio.timeout_at(until):
            await _CONVERSATIONS[ask.purpose](talk)
    except Ended as ended:
        seen["broke"] = ended.broke
    except LoginRefused as refused:
        seen["refused"] = refused.refused
    except Withheld as withheld:
        seen["withheld"] = withheld.why
    except CannotRead as error:
        seen["broke"] = Broke(end=StoreEnd.CLOSED, at="looking around", detail=str(error))
    except TimeoutError:
        seen["broke"] = Broke(end=StoreEnd.SILENT, at="all of it", detail=f"not done within {longest_s:g} s")
    return DatabaseObservation(observed_at=observed_at, **seen)


def _longest_s(bench: Bench) -> float:
    return min(bench.patience_s * 2, bench.network.timeout * 0.9)


class _Talk:
    """What the conversations have in common."""

    def __init__(self, ask: DatabaseAsk, address: Address, bench: Bench, until: float, seen: dict[str, Any]) -> None:
        self.ask, self.address, self.bench, self.until, self.seen = ask, address, bench, until, seen

    def visit(self, user: str, password: str | None, **other: Any) -> Visit:
        """Somebody who comes."""
        return Visit(self.ask, self.until, user=user, password=password or "", **{"seen": self.seen, **other})

    async def hello(self) -> None:
        """As far as TLS."""
        try:
            async with entered(self.visit("", None, only_greets=True), self.address, self.bench):
                pass
        except Enough:
            pass

    async def session(self) -> None:
        """The promised login, and all that is wanted."""
        visit = self.visit(self.ask.username, self.ask.password, database=self.ask.name)
        async with entered(visit, self.address, self.bench) as driver:
            desk = Desk(driver, self.ask.engine)
            await desk.open()
            await look(desk, self.ask, self.seen)

    async def plain(self) -> None:
        """Without TLS, as the module says."""
        stranger = self.visit(STRANGER, WRONG_PASSWORD, is_secret=False, wants_tls=False)
        try:
            await self._let_in(stranger)
        except LoginRefused as refused:
            if refused.refused.code == DEMANDS_TLS or not self.seen.get("tried"):
                raise
            await self._judge_by_account()

    async def _judge_by_account(self) -> None:
        """The server takes logins without TLS: does the account that matters?"""
        if self.seen["offers_tls"] is False:
            raise Withheld("a login without TLS is answered: the server offers none")
        if not self.ask.password:
            why = "the server takes logins without TLS; whether the account may, only its own login can see"
            raise NotObserved(Reason.NOT_APPLICABLE, why)
        visit = self.visit(self.ask.username, self.ask.password, seen={}, guards=True)
        try:
            async with entered(visit, self.address, self.bench) as driver:
                desk = Desk(driver, self.ask.engine)
                await desk.open()
                if desk.is_on("require_secure_transport"):
                    self.seen["refused"] = Refusal(code="require_secure_transport", message="is on")
                    return
                (definition,) = await desk.one("SHOW CREATE USER CURRENT_USER()")
        except (LoginRefused, Withheld, CannotRead, NoSuchTable) as error:
            why = f"the server takes logins without TLS; whether the account may, can't be seen: {error}"
            raise NotObserved(Reason.NO_ANSWER, why) from error
        try:
            demanded = demands(str(definition))
        except UnreadableError as error:
            raise NotObserved(Reason.BROKEN, "the account's definition can't be read") from error
        if not demanded:
            raise Withheld("a login without TLS is answered, and the account need not come with TLS")
        self.seen["refused"] = Refusal(code=f"REQUIRE {demanded}", message="by the account's own definition")

    async def anonymous(self) -> None:
        """Without a password."""
        await self._let_in(self.visit(self.ask.username, None, is_secret=False))

    async def wrong_password(self) -> None:
        """With one that is nobody's."""
        await self._let_in(self.visit(self.ask.username, WRONG_PASSWORD, is_secret=False))

    async def published(self) -> None:
        """With one that everybody knows."""
        await self._let_in(self.visit(self.ask.username, self.ask.published, is_secret=False))

    async def _let_in(self, visit: Visit) -> None:
        """Who is let in, and no more."""
        nobody = Session(user=visit.user, database=None, writable=False, recovering=False)
        try:
            async with entered(visit, self.address, self.bench) as driver:
                self.seen["session"] = nobody
                desk = Desk(driver, self.ask.engine)
                await desk.open()
                self.seen["session"] = await session(desk, replicates=False)
        except LoginRefused as refused:
            if refused.refused.code not in MUST_CHANGE or self.ask.purpose is Purpose.WRONG_PASSWORD:
                raise
            self.seen["session"] = nobody.model_copy(update={"why_read_only": refused.refused.told})
        except (CannotRead, NoSuchTable):
            return  # whoever is let in, and may ask nothing, is let in


_CONVERSATIONS: dict[Purpose, Callable[[_Talk], Coroutine[Any, Any, None]]] = {
    Purpose.HELLO: _Talk.hello,
    Purpose.SESSION: _Talk.session,
    Purpose.PLAIN: _Talk.plain,
    Purpose.ANONYMOUS: _Talk.anonymous,
    Purpose.WRONG_PASSWORD: _Talk.wrong_password,
    Purpose.PUBLISHED: _Talk.published,
}


@asynccontextmanager
async def reader(ask: ReadingAsk, address: Address, bench: Bench) -> AsyncIterator[Reader]:
    """A session with the ask's database, as its login, in one read-only transaction.

    Raises:
        Ended, LoginRefused, Withheld, NotObserved: as `probes/reader.py` says.
    """
    assert ask.engine is not None  # noqa: S101 - caches have no tables
    until = asyncio.get_running_loop().time() + _longest_s(bench)
    visit = Visit(ask, until, user=ask.username, password=ask.password or "", database=ask.name)
    async with entered(visit, address, bench) as driver:
        desk = Desk(driver, ask.engine)
        try:
            await desk.open()
        except (CannotRead, NoSuchTable) as error:
            raise Ended(StoreEnd.CLOSED, "beginning a transaction", str(error)) from error
        yield desk
