"""MongoDB: one conversation with one server, by PyMongo's asynchronous driver, over a way of ours.

The protocol has no wish for TLS: it is spoken from the first byte or not at all. So TLS is spoken where the target
promises it, and nowhere else. A driver watches its server over a connection beside the one that it works with; the
greeting is read from there, once, before anybody logs in.

    Ended         the conversation broke off: becomes `broke` in the observation
    NotObserved   there is no route from here, the vantage point failed, or the CA file can't be read
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.common import MIN_SUPPORTED_WIRE_VERSION
from pymongo.errors import (
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ProtocolError,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.monitoring import ServerHeartbeatListener

from roadworthy.facts.database import DatabaseAsk, DatabaseObservation, Server, Session
from roadworthy.facts.store import Broke, Purpose, Refusal, StoreEnd
from roadworthy.probes.database import WRONG_PASSWORD
from roadworthy.probes.mongodb_inside import NO_RIGHTS, Inside
from roadworthy.probes.reader import LoginRefused, Withheld
from roadworthy.probes.way import Ended, link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from pymongo.asynchronous.database import AsyncDatabase
    from pymongo.monitoring import (
        ServerHeartbeatFailedEvent,
        ServerHeartbeatStartedEvent,
        ServerHeartbeatSucceededEvent,
    )

    from roadworthy.facts.reading import ReadingAsk
    from roadworthy.probes.bench import Address, Bench
    from roadworthy.probes.way import Way

    Document = Mapping[str, Any]
    Client = AsyncMongoClient[dict[str, Any]]
    Database = AsyncDatabase[dict[str, Any]]

ADMIN = "admin"
PRODUCT = "MongoDB"
DEFAULT_DATABASE = "test"  # as the shell and every driver
FAREWELL_S = 1.0
MIDWAY_S = 0.05
"""The driver tells of a failure before it closes that connection, and forgets it where it is ended in between."""
THE_LOGIN = "the login"
TOO_OLD = "its protocol is older than any that the driver speaks"
NONSENSE = (BSONError, OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What an answer that is none of MongoDB's makes of the driver, and of who reads it."""
SELDOM_MS = 3_600_000
"""How often the driver looks after its server: not again within a conversation."""

VERSIONS = {6: "3.6", 7: "4.0", 8: "4.2", 9: "4.4", 13: "5.0", 17: "6.0", 21: "7.0", 25: "8.0"}
"""Of wire protocols; the server of a version says no more of itself where `buildInfo` needs a login.
https://github.com/mongodb/specifications/blob/master/source/wireversion-featurelist/wireversion-featurelist.md
"""

IMITATIONS = {"docdb.amazonaws.com": "Amazon DocumentDB", "cosmos.azure.com": "Azure Cosmos DB"}
"""Services that speak the protocol, by the ends of their servers' names."""


async def observe(ask: DatabaseAsk, address: Address, bench: Bench) -> DatabaseObservation:
    """One conversation, as far as it goes.

    Raises:
        NotObserved: there is no route from here, the vantage point failed, or the CA file can't be read.
    """
    talk = _Talk(ask, address, bench)
    broke = None
    try:
        async with asyncio.timeout_at(talk.until):
            await talk.hold()
    except Ended as ended:
        broke = ended.broke
    except TimeoutError:
        broke = Broke(end=StoreEnd.SILENT, at=talk.doing, detail=f"not done within {_longest_s(bench):g} s")
    return DatabaseObservation(observed_at=talk.observed_at, broke=broke, **talk.seen)


def _longest_s(bench: Bench) -> float:
    return min(bench.patience_s * 2, bench.network.timeout * 0.9)


@dataclass
class _Talk:
    """A conversation under way; `seen` is what it has come to."""

    ask: DatabaseAsk
    address: Address
    bench: Bench
    seen: dict[str, Any] = field(default_factory=dict)
    doing: str = "connecting"
    observed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    until: float = 0.0

    def __post_init__(self) -> None:
        self.until = asyncio.get_running_loop().time() + _longest_s(self.bench)

    async def hold(self) -> None:
        """From the first byte to the last."""
        tls = self.ask.secures and self.ask.purpose is not Purpose.PLAIN
        try:
            async with link(self.ask, self.address, self.bench, tls=tls) as way:
                if tls:
                    self.seen |= {"secured": way.secured, "offers_tls": True}
                await self._talk(way)
        except Ended as ended:
            if ended.broke.end is StoreEnd.NO_TLS:
                self.seen["offers_tls"] = False
            raise

    async def _talk(self, way: Way) -> None:
        login = self._login(way)
        try:
            async with greeted(way, self.bench, login) as (client, greeting):
                await self._converse(client, greeting, way, login)
        except LoginRefused as error:
            self.seen["refused"] = error.refused
        except (PyMongoError, *NONSENSE) as error:
            raise broken(error, way, self.doing, is_greeted=True) from error
        if login and "refused" in self.seen and self.ask.purpose is Purpose.SESSION:
            async with greeted(way, self.bench, {}) as (client, greeting):
                self.seen["server"] = await self._who_answers(client, greeting)

    async def _converse(self, client: Client, greeting: Document, way: Way, login: dict[str, Any]) -> None:
        self.seen["replica_set"] = _set_name(greeting)
        if _is_too_old(greeting):
            self.seen |= {"server": _server({}, greeting, self.ask.host), "withheld": TOO_OLD}
        elif login:  # first of all: whatever is asked logs in, and a wrong password goes out once
            status = await self._let_in(client, way, by_name=True)
            self.seen["server"] = await self._who_answers(client, greeting)
            await self._look_around(client, greeting, status)
        else:
            self.seen["server"] = await self._who_answers(client, greeting)
            if "withheld" not in self.seen and self.ask.purpose not in (Purpose.HELLO, Purpose.PLAIN):
                status = await self._let_in(client, way, by_name=False)
                await self._look_around(client, greeting, status)

    def _login(self, way: Way) -> dict[str, Any]:
        """What the driver logs in with, where that may be sent."""
        password = {
            Purpose.SESSION: self.ask.password,
            Purpose.WRONG_PASSWORD: WRONG_PASSWORD,
            Purpose.PUBLISHED: self.ask.published,
        }.get(self.ask.purpose)
        login = _login(self.ask.username, password, self.ask.auth_source)
        if login and self.ask.purpose is Purpose.SESSION and (why := _distrust(way)):  # the others are no secrets
            self.seen["withheld"] = why
            return {}
        return login

    async def _let_in(self, client: Client, way: Way, *, by_name: bool) -> Document:
        self.doing = THE_LOGIN
        self.seen["tried"] = True
        return await _enter(client, way, by_name=by_name)

    async def _look_around(self, client: Client, greeting: Document, status: Document) -> None:
        users = status.get("authenticatedUsers") or [{}]
        self.seen["session"] = _session(greeting, str(users[0].get("user", "")), self.ask.name)
        if self.ask.purpose is not Purpose.SESSION:
            return
        self.doing = "looking around"
        inside = Inside(client, self.ask, greeting, status, self.until, self.bench.patience_s)
        async for part, seen in inside.looks():
            self.seen[part] = seen
            self.doing = f"looking around, after {part}"

    async def _who_answers(self, client: Client, greeting: Document) -> Server:
        """`buildInfo` answers everybody up to MongoDB 8.0, and after it those who are logged in."""
        self.doing = "asking who answers"
        build: Document = {}
        try:
            build = await client[ADMIN].command("buildInfo")
        except OperationFailure as error:
            if error.code not in NO_RIGHTS:
                raise
        return _server(build, greeting, self.ask.host)


@asynccontextmanager
async def database(ask: ReadingAsk, address: Address, bench: Bench) -> AsyncIterator[Database]:
    """A database to read from, as the ask's login.

    Raises:
        Ended: the conversation broke off.
        LoginRefused: the server said no.
        Withheld: no login was sent.
        NotObserved: there is no route from here, or the vantage point failed.
    """
    login = _login(ask.username, ask.password, ask.auth_source)
    async with link(ask, address, bench, tls=ask.secures) as way:
        if login and (why := _distrust(way)):
            raise Withheld(why)
        async with greeted(way, bench, login) as (client, greeting):
            if _is_too_old(greeting):
                raise Ended(StoreEnd.GARBLED, "the greeting", TOO_OLD)
            await _enter(client, way, by_name=bool(login))
            yield client[ask.name or DEFAULT_DATABASE]


def _login(username: str, password: str | None, source: str | None) -> dict[str, Any]:
    """What the driver logs in with; nothing: it comes without a name. No user of MongoDB has an empty password."""
    if not username or not password:
        return {}
    return {"username": username, "password": password, "authSource": source or ADMIN}


def _distrust(way: Way) -> str:
    """Why no login is sent; empty: nothing is against it."""
    distrust = way.secured.distrust if way.secured is not None else ""
    return f"the certificate is not trusted: {distrust}" if distrust else ""


async def _enter(client: Client, way: Way, *, by_name: bool) -> Document:
    """Who is logged in (`authInfo` of connectionStatus).

    Without a login, something that needs one is asked: connectionStatus itself answers everybody.

    Raises:
        LoginRefused: the server said no.
        Ended: it did not answer, or not now.
    """
    try:
        if not by_name:
            await client[ADMIN].command("listDatabases", nameOnly=True)
        info: Document = (await client[ADMIN].command("connectionStatus")).get("authInfo") or {}
    except OperationFailure as error:
        raise LoginRefused(refusal(error)) from error
    except (PyMongoError, *NONSENSE) as error:
        raise broken(error, way, THE_LOGIN, is_greeted=True) from error
    return info


# --- the driver ------------------------------------------------------------------------------------------------------


class _Greeting(ServerHeartbeatListener):
    """The server's first answer to the driver's hello, or what came instead."""

    def __init__(self) -> None:
        self.first: asyncio.Future[Document] = asyncio.get_running_loop().create_future()

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        """Nothing is known yet."""

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """It is MongoDB."""
        if not self.first.done():
            self.first.set_result(event.reply.document)

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """The driver would try again until it is told to stop."""
        if not self.first.done():
            self.first.set_exception(event.reply)


@asynccontextmanager
async def greeted(way: Way, bench: Bench, login: dict[str, Any]) -> AsyncIterator[tuple[Client, Document]]:
    """A client, and what the server said to its hello; nobody is logged in before something is asked.

    Raises:
        Ended: it was no MongoDB that answered, or none that the driver can speak to.
    """
    greeting = _Greeting()
    wait_ms = int(bench.patience_s * 1000)
    client: Client = AsyncMongoClient(
        way.ip,
        way.port,
        directConnection=True,
        maxPoolSize=1,
        serverSelectionTimeoutMS=wait_ms,
        connectTimeoutMS=wait_ms,
        socketTimeoutMS=wait_ms,
        waitQueueTimeoutMS=wait_ms,
        heartbeatFrequencyMS=SELDOM_MS,
        serverMonitoringMode="poll",
        retryReads=False,
        retryWrites=False,
        tz_aware=True,
        appname="roadworthy",
        event_listeners=[greeting],
        **login,
    )
    try:
        await client.aconnect()
        first = await _first(greeting, way)
        yield client, first
    finally:
        await _leave(client)


async def _first(greeting: _Greeting, way: Way) -> Document:
    try:
        return await greeting.first
    except (PyMongoError, *NONSENSE) as error:
        await asyncio.sleep(MIDWAY_S)
        raise broken(error, way, "the greeting", is_greeted=False) from error


async def _leave(client: Client) -> None:
    """Says goodbye where somebody listens, and ends the driver's tasks in any case."""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await client.close()
    finally:
        await client.close()  # what was not said by now is not said again


def broken(error: Exception, way: Way, at: str, *, is_greeted: bool) -> Ended:
    """In which way the conversation broke off: the way knows better than the driver."""
    if way.ended is not None and way.ended.end is not StoreEnd.CLOSED:
        return Ended(way.ended.end, way.ended.at, way.ended.detail)
    if isinstance(error, NotPrimaryError):  # shutting down, changing its role, or neither primary nor secondary
        return Ended(StoreEnd.NOT_READY, at, refusal(error).told)
    if isinstance(error, OperationFailure):
        return Ended(StoreEnd.GARBLED, at, refusal(error).told)
    if not isinstance(error, PyMongoError) or isinstance(error, ProtocolError) or (way.received and not is_greeted):
        return Ended(StoreEnd.GARBLED, at, "what came is no answer of MongoDB's")
    if isinstance(error, NetworkTimeout) or (isinstance(error, ServerSelectionTimeoutError) and way.ended is None):
        return Ended(StoreEnd.SILENT, at)
    return Ended(StoreEnd.CLOSED, at)


def refusal(error: OperationFailure | NotPrimaryError) -> Refusal:
    """The server's own no."""
    details = error.details if isinstance(error.details, dict) else {}
    message = details.get("errmsg") or details.get("codeName") or ""
    return Refusal(code=str(details.get("code") or ""), message=str(message)[:200])


# --- who answers, and who is let in ----------------------------------------------------------------------------------


def _server(build: Document, greeting: Document, host: str) -> Server:
    return Server(
        product=PRODUCT,
        version=str(build.get("version") or _by_wire(greeting)),
        comment=", ".join(filter(None, (_imitation(build, greeting, host), *_kinds(build, greeting)))),
    )


def _by_wire(greeting: Document) -> str:
    """The version as far as the protocol tells it."""
    wire = int(greeting.get("maxWireVersion") or 0)
    return VERSIONS[max((known for known in VERSIONS if known <= wire), default=min(VERSIONS))]


def _is_too_old(greeting: Document) -> bool:
    return int(greeting.get("maxWireVersion") or 0) < MIN_SUPPORTED_WIRE_VERSION


def _set_name(greeting: Document) -> str | None:
    return str(greeting["setName"]) if "setName" in greeting else None


def _imitation(build: Document, greeting: Document, host: str) -> str:
    """Who speaks the protocol and is not MongoDB; empty: nothing tells of it."""
    if "ferretdb" in build or "ferretdbVersion" in build:
        return "FerretDB"
    names = [host, str(greeting.get("me", "")), *map(str, greeting.get("hosts") or ())]
    for end, service in IMITATIONS.items():
        if any(name.partition(":")[0].lower().endswith(end) for name in names):
            return service
    return "Azure Cosmos DB" if "_t" in build else ""


def _kinds(build: Document, greeting: Document) -> Iterator[str]:
    if greeting.get("msg") == "isdbgrid":
        yield "mongos"
    if "enterprise" in (build.get("modules") or ()):
        yield "Enterprise"


def _session(greeting: Document, user: str, name: str | None) -> Session:
    is_primary = bool(greeting.get("isWritablePrimary", greeting.get("ismaster")))
    copies = "setName" in greeting and not is_primary and not greeting.get("arbiterOnly")
    why = ""
    if not is_primary:
        known = {"secondary": "secondary", "arbiterOnly": "arbiter"}
        why = next((word for key, word in known.items() if greeting.get(key)), "neither primary nor secondary")
    elif greeting.get("readOnly"):
        why = "read-only mode"
    return Session(user=user, database=name, writable=not why, recovering=copies, why_read_only=why)
