"""Reading an application's own tables, whatever the product: what a driver gives to probes that know no driver.

    async with open_reader(ask, address, bench) as reader:
        rows = await reader.rows(f"SELECT version FROM {reader.quote('public.releases')} WHERE name = %s", ("shop",))

The modules of PostgreSQL and of MySQL have an async context manager `reader(ask, address, bench)` that yields a Reader
inside one read-only transaction, with time-outs set in it. That of MongoDB has `database(ask, address, bench)`, which
yields a `pymongo.asynchronous.database.AsyncDatabase` of `ask.name`. Both raise, when they are entered:

    Ended         the conversation broke off (way.py)
    LoginRefused  the server said no
    Withheld      no login was sent, because the certificate does not verify
    NotObserved   there is no route from here, or the vantage point failed

and `rows` raises, leaving the transaction fit for the next question (a savepoint):

    CannotRead    it could not be told: no right, too slow, a column that is not there
    NoSuchTable   the table, or its schema, is not there
    Ended         the conversation broke off
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from roadworthy.facts.store import Broke, StoreEnd
from roadworthy.probes.database import PROBES
from roadworthy.probes.way import Ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from roadworthy.facts.reading import ReadingAsk
    from roadworthy.facts.store import Refusal, Unseen
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.target.blocks.database import Engine

S = TypeVar("S")

MOST_ROWS = 10_000


class CannotRead(Exception):  # noqa: N818 - a state of the server, not an error of ours
    """The server did not show what was asked for."""

    def __init__(self, unseen: Unseen) -> None:
        super().__init__(unseen.detail or unseen.unseen)
        self.unseen = unseen


class NoSuchTable(Exception):  # noqa: N818 - as above
    """The table, or its schema, is not there."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class LoginRefused(Exception):  # noqa: N818 - as above
    """The server let nobody in."""

    def __init__(self, refused: Refusal) -> None:
        super().__init__(refused.told)
        self.refused = refused


class Withheld(Exception):  # noqa: N818 - as above
    """No login was sent."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Reader(Protocol):
    """A session in one read-only transaction. The placeholder is `%s` everywhere; `%` itself is written `%%`."""

    @property
    def engine(self) -> Engine:
        """As the ask has it: postgresql, mysql, mariadb."""

    def quote(self, name: str) -> str:
        """An identifier in the product's quotes; `schema.table` is two, each of them quoted."""

    async def rows(self, sql: str, parameters: tuple[Any, ...] = (), most: int = MOST_ROWS) -> list[tuple[Any, ...]]:
        """The rows of one SELECT, at most so many; more than that is CannotRead, never a part of the truth.

        Raises:
            CannotRead: no right, too slow (`took too long`), too many rows, a column that is not there, ...
            NoSuchTable: the table, or its schema, is not there.
            Ended: the conversation broke off.
        """


@asynccontextmanager
async def open_reader(ask: ReadingAsk, address: Address, bench: Bench) -> AsyncIterator[Reader]:
    """A session with the ask's database, as its login.

    Raises:
        Ended: the conversation broke off.
        LoginRefused: the server said no.
        Withheld: no login was sent.
        NotObserved: there is no route from here, or the vantage point failed.
    """
    assert ask.engine is not None  # noqa: S101 - caches have no tables
    entered: AbstractAsyncContextManager[Reader] = import_module(PROBES[ask.engine]).reader(ask, address, bench)
    async with entered as reader:
        yield reader


async def hold(
    entering: AbstractAsyncContextManager[S], look: Callable[[S, dict[str, Any]], Awaitable[None]], bench: Bench
) -> dict[str, Any]:
    """A whole session: what it came to, as the fields of a ReadingObservation, and what `look` adds to them.

    Raises:
        NotObserved: there is no route from here, or the vantage point failed.
    """
    seen: dict[str, Any] = {}
    try:
        async with asyncio.timeout(longest_s(bench)), entering as session:
            seen["let_in"] = True
            await look(session, seen)
    except Ended as ended:
        seen["broke"] = ended.broke
    except LoginRefused as error:
        seen["refused"] = error.refused
    except Withheld as error:
        seen["withheld"] = error.why
    except TimeoutError:
        at = "looking" if seen else "the login"
        seen["broke"] = Broke(end=StoreEnd.SILENT, at=at, detail=f"not done within {longest_s(bench):g} s")
    return seen


def longest_s(bench: Bench) -> float:
    """Many short silences are no reason to wait for ever."""
    return min(bench.patience_s * 2, bench.network.timeout * 0.9)
