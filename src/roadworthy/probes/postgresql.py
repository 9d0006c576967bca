"""PostgreSQL: one conversation with one server, by psycopg over a way of ours, or without a driver before a login.

TLS is asked for in PostgreSQL's own words and spoken by the way, so that its version and what a verifying client has
against the certificate are known before anything is sent. What happens inside a session is in `postgresql_session`,
what is looked at there in the other modules of this name.

    Ended         the conversation broke off: becomes `broke` in the observation
    Refused       the server's own no to a login: becomes `refused`
    NotObserved   there is no route from here, the vantage point failed, or the CA file can't be read
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from roadworthy.facts.database import DatabaseAsk, DatabaseObservation, Server
from roadworthy.facts.store import Broke, Purpose, Refusal, Secured, StoreEnd, Unseen
from roadworthy.probes.database import WRONG_PASSWORD
from roadworthy.probes.postgresql_advice import Advice
from roadworthy.probes.postgresql_inside import Inside
from roadworthy.probes.postgresql_rights import privileges
from roadworthy.probes.postgresql_session import Refused, logged_in, quoted, told, unseen
from roadworthy.probes.postgresql_tables import Tables
from roadworthy.probes.postgresql_wire import Wish, first_words, is_not_ready
from roadworthy.probes.reader import MOST_ROWS, CannotRead, LoginRefused, NoSuchTable, Withheld
from roadworthy.probes.way import Ended, link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.facts.reading import ReadingAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.postgresql_session import Talk
    from roadworthy.probes.reader import Reader
    from roadworthy.probes.way import Way
    from roadworthy.target.blocks.database import Engine

STRANGER = "roadworthy"
"""Who says hello, where the target names nobody."""
SHARE = 0.85
"""Of the time that a conversation has: then no further part is begun."""
NO_SUCH_TABLE = frozenset({"42P01", "3F000"})
WITHOUT_DRIVER = (Purpose.HELLO, Purpose.PLAIN)


async def observe(ask: DatabaseAsk, address: Address, bench: Bench) -> DatabaseObservation:
    """One conversation, as far as it goes.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    talk = _Conversation(ask, address, bench)
    broke = None
    longest_s = _longest_s(bench)
    try:
        async with asyncio.timeout_at(talk.started + longest_s):
            await talk.hold()
    except Ended as ended:
        broke = ended.broke
    except Refused as refused:
        talk.seen["refused"] = refused.refusal
    except TimeoutError:
        broke = Broke(end=StoreEnd.SILENT, at=talk.doing, detail=f"not done within {longest_s:g} s")
    return DatabaseObservation(observed_at=talk.observed_at, broke=broke, **talk.seen)


def _longest_s(bench: Bench) -> float:
    return min(bench.patience_s * 2, bench.network.timeout * 0.9)


@dataclass
class _Conversation:
    """A conversation under way; `seen` is what it has come to."""

    ask: DatabaseAsk
    address: Address
    bench: Bench
    seen: dict[str, Any] = field(default_factory=dict)
    observed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = 0.0
    _talk: Talk | None = None

    def __post_init__(self) -> None:
        self.started = asyncio.get_running_loop().time()

    @property
    def doing(self) -> str:
        """What is under way."""
        return self._talk.doing if self._talk is not None else "connecting"

    async def hold(self) -> None:
        """From the first byte to the last."""
        wish = None if self.ask.purpose is Purpose.PLAIN else Wish()
        try:
            async with link(self.ask, self.address, self.bench, wish=wish) as way:
                if wish is not None:
                    self.seen |= {"offers_tls": wish.granted, "secured": way.secured}
                await self._converse(way)
        except Ended as ended:
            if wish is not None and wish.granted is not None:
                self.seen["offers_tls"] = wish.granted and ended.broke.end is not StoreEnd.NO_TLS
            raise

    async def _converse(self, way: Way) -> None:
        ask = self.ask
        if ask.purpose in WITHOUT_DRIVER:
            await self._say_hello(way)
            return
        if why := withheld(ask.purpose is Purpose.SESSION and ask.secures, way.secured):
            self.seen["withheld"] = why
            return
        self.seen["tried"] = True
        async with logged_in(way, ask.username, _password(ask), ask.name, self.bench) as talk:
            self._talk = talk
            talk.until = self.started + _longest_s(self.bench) * SHARE
            await self._look_around(talk)

    async def _say_hello(self, way: Way) -> None:
        first = await first_words(way, self.ask.username or STRANGER, self.ask.name, self.bench.patience_s)
        if isinstance(first, Refusal):
            if is_not_ready(first):
                raise Ended(StoreEnd.NOT_READY, "the answer to the startup message", first.told)
            self.seen["refused"] = first
        elif version := first.parameters.get("server_version"):
            self.seen["server"] = Server(product="PostgreSQL", version=version.split(" ")[0])

    async def _look_around(self, talk: Talk) -> None:
        inside = Inside(talk)
        try:
            writable = await inside.is_writable()
            await talk.begin()
            self.seen["session"] = await inside.session(writable)
        except psycopg.Error as error:
            self.seen["refused"] = Refusal(code=error.sqlstate or "", message=told(error))
            return
        server = await talk.look("the version", inside.server)
        self.seen["server"] = None if isinstance(server, Unseen) else server
        if self.ask.purpose is Purpose.SESSION:
            await self._see(talk, inside)
        await talk.end()

    async def _see(self, talk: Talk, inside: Inside) -> None:
        """Each part that is wanted."""
        wants, seen = self.ask.wants, self.seen
        if wants.settings:
            seen["settings"] = await talk.look("the settings", lambda: inside.settings(wants.settings))
        looks = {
            "connections": inside.connections,
            "extensions": inside.extensions,
            "archive": inside.archive,
            "upstream": inside.upstream,
            "replicas": inside.replicas,
            "privileges": lambda: privileges(talk),
        }
        for name, look in looks.items():
            if name in wants.parts:
                seen[name] = await talk.look(name, look)
        tables = Tables(talk)
        if wants.tables:
            seen["tables"] = tuple([await tables.table(table.name) for table in wants.tables])
        if wants.rows:
            seen["rows"] = tuple([await tables.count(rows) for rows in wants.rows])
        if wants.passwords:
            seen["passwords"] = tuple([await tables.password(one) for one in wants.passwords])
        if "advice" in wants.parts:
            seen["advice"] = await Advice(talk, self.observed_at).all()


def _password(ask: DatabaseAsk) -> str:
    match ask.purpose:
        case Purpose.WRONG_PASSWORD:
            return WRONG_PASSWORD
        case Purpose.PUBLISHED:
            return ask.published or ""
        case Purpose.ANONYMOUS:
            return ""
        case _:
            return ask.password or ""


def withheld(secures: bool, secured: Secured | None) -> str:  # noqa: FBT001 - what is promised, beside what was seen
    """Why no password is sent; empty: it may be."""
    if not secures:
        return ""
    if secured is None:
        return "no login was sent: the server offers no TLS"
    return f"no login was sent: the certificate does not verify ({secured.distrust})" if secured.distrust else ""


# --- an application's own tables -------------------------------------------------------------------------------------


@asynccontextmanager
async def reader(ask: ReadingAsk, address: Address, bench: Bench) -> AsyncIterator[Reader]:
    """A session for others to read in (`probes/reader.py` says what it raises)."""
    async with session(ask, address, bench) as talk:
        try:
            await talk.begin()
        except psycopg.Error as error:
            raise LoginRefused(Refusal(code=error.sqlstate or "", message=told(error))) from error
        try:
            yield _Reader(talk)
        finally:
            if not talk.connection.closed:
                await talk.end()


@asynccontextmanager
async def session(ask: ReadingAsk | DatabaseAsk, address: Address, bench: Bench) -> AsyncIterator[Talk]:
    """A login as an ask has it, with no transaction open yet.

    Raises:
        Ended: the conversation broke off.
        LoginRefused: the server said no.
        Withheld: no login was sent.
        NotObserved: there is no route from here, or the vantage point failed.
    """
    async with link(ask, address, bench, wish=Wish()) as way:
        if why := withheld(ask.secures, way.secured):
            raise Withheld(why)
        entering = logged_in(way, ask.username, ask.password or "", ask.name, bench)
        try:
            talk = await entering.__aenter__()
        except Refused as refused:
            raise LoginRefused(refused.refusal) from refused
        try:
            yield talk
        finally:
            await entering.__aexit__(None, None, None)


@dataclass
class _Reader:
    """A session in one read-only transaction."""

    talk: Talk
    engine: Engine = "postgresql"

    def quote(self, name: str) -> str:
        """An identifier in quotes; `schema.table` is two."""
        return quoted(name)

    async def rows(self, sql: str, parameters: tuple[Any, ...] = (), most: int = MOST_ROWS) -> list[tuple[Any, ...]]:
        """The rows of one SELECT (`probes/reader.py` says what it raises)."""
        self.talk.doing = "reading"
        await self.talk.rows("SAVEPOINT roadworthy")
        try:
            rows = await self.talk.rows(sql, parameters, most)
        except (psycopg.Error, UnicodeDecodeError) as error:
            await self.talk.rows("ROLLBACK TO SAVEPOINT roadworthy")
            if isinstance(error, UnicodeDecodeError):
                raise CannotRead(Unseen(unseen="failed", detail="text in no known encoding came")) from error
            if error.sqlstate in NO_SUCH_TABLE:
                raise NoSuchTable(told(error)) from error
            raise CannotRead(unseen(error)) from error
        if len(rows) > most:
            raise CannotRead(Unseen(unseen="failed", detail=f"more than {most} rows"))
        return rows
