"""What whoever is logged in sees inside MongoDB: commands that only read, each with a time of its own.

A command that the server refuses is an `Unseen` part, and the rest is still looked at; a server that shuts down or
breaks off ends the look, with the driver's own error.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bson import ObjectId
from pymongo.errors import ExecutionTimeout, OperationFailure

from roadworthy.facts.database import (
    Connections,
    IndexSeen,
    PasswordSeen,
    Privileges,
    Replica,
    Setting,
    TableSeen,
    Unwell,
    Upstream,
)
from roadworthy.facts.store import Unseen
from roadworthy.probes.hashes import compare_aside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping

    from pymongo import AsyncMongoClient

    from roadworthy.facts.database import DatabaseAsk, PasswordWanted, RowsWanted, Scalar

    Document = Mapping[str, Any]

T = TypeVar("T")

ADMIN = "admin"

# Error codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
NO_RIGHTS = frozenset({13, 8000})
"""Unauthorized; AtlasError, what a shared cluster answers to commands that are its operator's."""
TOO_LONG = frozenset({50, 262})  # MaxTimeMSExpired, ExceededTimeLimit
NO_SUCH_COMMAND = frozenset({59, 115, 238, 303})  # CommandNotFound, CommandNotSupported, NotImplemented; DocumentDB's
NAMESPACE_NOT_FOUND, NOT_ON_VIEWS, NO_SUCH_OPTION, NO_REPLICATION = 26, 166, 72, 76
UNKNOWN_FIELD = 40415

PRIMARY, SECONDARY, ARBITER = 1, 2, 7
"""States of members. https://www.mongodb.com/docs/manual/reference/replica-states/"""

ENDS = {
    "3.6": date(2021, 4, 30),
    "4.0": date(2022, 4, 30),
    "4.2": date(2023, 4, 30),
    "4.4": date(2024, 2, 29),
    "5.0": date(2024, 10, 31),
    "6.0": date(2025, 7, 31),
    "7.0": date(2027, 8, 31),
    "8.0": date(2029, 10, 31),
}
"""When a series gets its last update. https://www.mongodb.com/legal/support-policy/lifecycles"""

LEAST_MS = 50
SHARE = 0.6
"""Of the time that is left: what one command may take, so that one slow answer leaves time for the next."""

NEWS_S = 2.1
"""Members hear of each other every two seconds; a lag that lasts shorter may be nothing but old news."""

OBJECT_ID_DIGITS = 24


@dataclass
class Inside:
    """One look around."""

    client: AsyncMongoClient[dict[str, Any]]
    ask: DatabaseAsk
    greeting: Document
    login: Document
    """`authInfo` of connectionStatus."""
    until: float
    patience_s: float
    doing: str = ""

    async def looks(self) -> AsyncIterator[tuple[str, Any]]:
        """Each part that is wanted, by its name in the observation.

        Raises:
            PyMongoError: the server broke off.
        """
        wants, parts = self.ask.wants, set(self.ask.wants.parts)
        of_the_server: dict[str, Callable[[], Awaitable[Any]]] = {
            "privileges": self._privileges,
            "connections": self._connections,
            "advice": self._advice,
        }
        for name, look in of_the_server.items():
            if name in parts:
                yield name, await self._seen(look)
        if wants.settings:
            yield "settings", await self._seen(self._settings)
        if wants.tables:
            yield "tables", await self._tables()
        if wants.rows:
            yield "rows", tuple([await self._seen(partial(self._count, rows)) for rows in wants.rows])
        if wants.passwords:
            yield "passwords", tuple([await self._seen(partial(self._password, one)) for one in wants.passwords])
        if of_the_set := parts & _OF_THE_SET.keys():
            members = await self._seen(self._members)
            for name in of_the_set:
                yield name, members if isinstance(members, Unseen) else _OF_THE_SET[name](members)

    # --- commands ----------------------------------------------------------------------------------------------------

    async def _command(self, database: str, name: str, value: Any = 1, **options: Any) -> dict[str, Any]:
        self.doing = name
        answer: dict[str, Any] = await self.client[database].command(name, value, maxTimeMS=self._time_ms(), **options)
        return answer

    def _time_ms(self) -> int:
        left = min(self.until - asyncio.get_running_loop().time(), self.patience_s)
        return max(int(left * SHARE * 1000), LEAST_MS)

    async def _seen(self, look: Callable[[], Awaitable[T]]) -> T | Unseen:
        """What a look comes to, or why it came to nothing."""
        try:
            return await look()
        except OperationFailure as error:
            return unseen(error, self.doing)

    def _database(self) -> str:
        return self.ask.name or "test"  # as the shell and every driver

    # --- the server --------------------------------------------------------------------------------------------------

    async def _privileges(self) -> Privileges:
        """The roles that were granted; `connectionStatus` has those that they contain, too."""
        users = self.login.get("authenticatedUsers") or ()
        roles = self.login.get("authenticatedUserRoles") or ()
        try:
            known = [await self._command(ADMIN, "usersInfo", {"user": u["user"], "db": u["db"]}) for u in users]
            roles = [role for answer in known for user in answer["users"] for role in user["roles"]] or roles
        except OperationFailure:
            pass  # what connectionStatus told is all there is
        return Privileges(roles=tuple(sorted({f"{role['role']}@{role['db']}" for role in roles})))

    async def _settings(self) -> dict[str, Setting]:
        names = self.ask.wants.settings
        try:
            values = await self._command(ADMIN, "getParameter", 1, **dict.fromkeys(names, 1))
        except OperationFailure as error:
            if error.code != NO_SUCH_OPTION:
                raise
            return {}  # it has none of them
        return {name: _setting(name, values[name]) for name in names if name in values}

    async def _advice(self) -> tuple[Unwell, ...]:
        version = str((await self._command(ADMIN, "buildInfo"))["version"])
        series = ".".join(version.split(".")[:2])
        end = ENDS.get(series)
        if end is None or datetime.now(UTC).date() <= end:
            return ()
        return (Unwell(kind="old", what=f"MongoDB {series} had its last update from its maker by {end:%d %b %Y}"),)

    async def _connections(self) -> Connections:
        left_out = dict.fromkeys(("repl", "metrics", "locks", "wiredTiger", "tcmalloc", "opcounters"), 0)
        seen = (await self._command(ADMIN, "serverStatus", 1, **left_out))["connections"]
        return Connections(used=seen["current"], limit=seen["current"] + seen["available"])

    # --- the replica set ---------------------------------------------------------------------------------------------

    async def _members(self) -> _Members:
        """Who is in the replica set, looked at again where somebody seems to be behind."""
        if "setName" not in self.greeting:
            return _Members((), {})
        delays = await self._delays()
        looks = [await self._command(ADMIN, "replSetGetStatus")]
        if any(lag for lag in _lags(looks[0], delays).values()):
            left = self.until - asyncio.get_running_loop().time()
            await asyncio.sleep(min(NEWS_S, left / 3))
            looks.append(await self._command(ADMIN, "replSetGetStatus"))
        return _Members(tuple(looks), delays)

    async def _delays(self) -> dict[str, float]:
        """How far members are behind on purpose, in seconds, by their names."""
        try:
            config = (await self._command(ADMIN, "replSetGetConfig"))["config"]
        except OperationFailure:
            return {}
        return {
            member["host"]: float(member.get("secondaryDelaySecs", member.get("slaveDelay", 0)))
            for member in config["members"]
        }

    # --- collections -------------------------------------------------------------------------------------------------

    async def _tables(self) -> tuple[TableSeen | Unseen, ...]:
        names = [table.name for table in self.ask.wants.tables]
        kinds = await self._seen(partial(self._kinds, names))
        if isinstance(kinds, Unseen):
            return tuple(kinds for _ in names)
        return tuple([await self._seen(partial(self._table, name, kinds[name])) for name in names])

    async def _kinds(self, names: list[str]) -> dict[str, str | Unseen]:
        """What each name is: a collection, a view, nothing, or hidden from this user."""
        listed = partial(
            self._command, self._database(), "listCollections", filter={"name": {"$in": names}}, nameOnly=True
        )
        missing: str | Unseen = ""
        try:
            answer = await listed()
        except OperationFailure as error:
            if error.code not in NO_RIGHTS:
                raise
            missing = unseen(error, "listCollections")
            answer = await listed(authorizedCollections=True)
        found = {one["name"]: str(one["type"]) for one in answer["cursor"]["firstBatch"]}
        return {name: found.get(name, missing) for name in names}

    async def _table(self, name: str, kind: str | Unseen) -> TableSeen | Unseen:
        if isinstance(kind, Unseen):
            return kind
        if not kind:
            return TableSeen(name=name, exists=False)
        if kind == "view":
            return TableSeen(name=name)
        try:
            answer = await self._indexes(name)
        except OperationFailure as error:
            if error.code == NAMESPACE_NOT_FOUND:
                return TableSeen(name=name, exists=False)
            raise
        return TableSeen(name=name, indexes=tuple(map(_index, answer["cursor"]["firstBatch"])))

    async def _indexes(self, name: str) -> Document:
        batch = {"batchSize": 1000}  # a collection has 64 at most
        try:
            return await self._command(self._database(), "listIndexes", name, cursor=batch, includeBuildUUIDs=True)
        except OperationFailure as error:
            if error.code in {*NO_RIGHTS, NAMESPACE_NOT_FOUND}:
                raise
        return await self._command(self._database(), "listIndexes", name, cursor=batch)  # knows nothing of builds

    # --- documents ---------------------------------------------------------------------------------------------------

    async def _count(self, rows: RowsWanted) -> int:
        answer = await self._command(
            self._database(), "count", rows.table, query=_conditions(rows.where), limit=rows.up_to
        )
        return int(answer["n"])

    async def _password(self, wanted: PasswordWanted) -> PasswordSeen:
        answer = await self._command(
            self._database(),
            "find",
            wanted.table,
            filter=_conditions(wanted.where),
            projection={wanted.column: 1, "_id": 0},
            limit=2,
            singleBatch=True,
        )
        found: list[Document] = answer["cursor"]["firstBatch"]
        stored = _at(found[0], wanted.column) if found else None
        if not isinstance(stored, str):
            return PasswordSeen(found=len(found))
        compared = await compare_aside(stored, wanted.published)
        return PasswordSeen(
            found=len(found), scheme=compared.scheme, matches=compared.matched, compared=compared.compared
        )


# --- what answers mean -----------------------------------------------------------------------------------------------


def unseen(error: OperationFailure, command: str) -> Unseen:
    """Why a command came to nothing: the name of the error alone, for its message may repeat what was asked."""
    detail = f"{command}: {(error.details or {}).get('codeName') or f'error {error.code}'}"
    if error.code in NO_RIGHTS:
        return Unseen(unseen="not permitted", detail=detail)
    if error.code in TOO_LONG or isinstance(error, ExecutionTimeout):
        return Unseen(unseen="took too long", detail=detail)
    if error.code in NO_SUCH_COMMAND:
        return Unseen(unseen="not supported", detail=detail)
    return Unseen(unseen="failed", detail=detail)


def _conditions(where: Iterable[tuple[str, Scalar]]) -> dict[str, Any]:
    """Values are values: none of them is taken for an operator."""
    return {key: {"$in": [value, *_object_id(value)]} for key, value in where}


def _object_id(value: Scalar) -> Iterator[ObjectId]:
    """What a text of 24 hexadecimal digits stands for as well."""
    if isinstance(value, str) and len(value) == OBJECT_ID_DIGITS and ObjectId.is_valid(value):
        yield ObjectId(value)


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _setting(name: str, value: Any) -> Setting:
    if isinstance(value, bool):
        return Setting(value="true" if value else "false")
    if isinstance(value, dict) and "version" in value:  # featureCompatibilityVersion
        value = value["version"]
    lower = name.lower()
    unit: Any = "bytes" if lower.endswith("bytes") else "seconds" if lower.endswith(("secs", "seconds")) else None
    if lower.endswith(("kilobytes", "megabytes", "gigabytes", "millisecs", "milliseconds", "microseconds")):
        unit = None  # a number of those, as it is written
    return Setting(value=str(value), unit=unit)


def _index(answer: Document) -> IndexSeen:
    spec = answer.get("spec", answer)
    keys: dict[str, Any] = dict(spec["key"])
    columns = [_column(key, kind) for key, kind in keys.items() if key != "_ftsx"]
    if "_fts" in keys:
        at = columns.index("_fts:text")
        columns[at : at + 1] = [f"{name}:text" for name in spec.get("weights") or ()]
    return IndexSeen(
        name=str(spec["name"]),
        columns=tuple(columns),
        unique=bool(spec.get("unique")) or keys == {"_id": 1},
        valid=not spec.get("hidden") and "buildUUID" not in answer,
    )


def _column(key: str, kind: Any) -> str:
    if isinstance(kind, str):
        return f"{key}:{kind}"
    return f"{key}:-1" if kind < 0 else key


@dataclass(frozen=True)
class _Members:
    """A replica set, looked at once or twice; not at all: there is none."""

    looks: tuple[Document, ...]
    delays: dict[str, float]

    @property
    def last(self) -> list[Document]:
        """The members as they were seen last."""
        members: list[Document] = self.looks[-1]["members"] if self.looks else []
        return members

    def lag_s(self, name: str) -> float | None:
        """The shortest that was seen: a longer one was not there all the time."""
        seen = [lag for look in self.looks if (lag := _lags(look, self.delays).get(name)) is not None]
        return min(seen, default=None)


def _primary(members: Iterable[Document]) -> Document | None:
    return next((member for member in members if member.get("state") == PRIMARY), None)


def _lags(status: Document, delays: Mapping[str, float]) -> dict[str, float]:
    """Seconds behind the primary, by members' names; none where no primary is known, or a member never applied any."""
    primary = _primary(status["members"])
    if primary is None:
        return {}
    newest = primary["optimeDate"]
    return {
        member["name"]: max((newest - member["optimeDate"]).total_seconds() - delays.get(member["name"], 0.0), 0.0)
        for member in status["members"]
        if isinstance(member.get("optimeDate"), datetime) and member.get("state") != ARBITER and member.get("health")
    }


def _replicas(members: _Members) -> tuple[Replica, ...]:
    """All who copy the primary, whichever member tells of them: a set has the same ones from each side."""
    return tuple(_replica(member, members) for member in members.last if member.get("state") not in (PRIMARY, ARBITER))


def _replica(member: Document, members: _Members) -> Replica:
    healthy = bool(member.get("health")) and member.get("state") == SECONDARY
    delay_s = members.delays.get(member["name"])
    late = f", {delay_s:g} s late on purpose" if delay_s else ""  # of use against mistakes, not to readers
    return Replica(
        name=str(member["name"]),
        state=f"{member.get('stateStr', '')}{late}",
        streams=healthy and not late and _primary(members.last) is not None,
        lag_s=members.lag_s(member["name"]),
    )


def _upstream(members: _Members) -> Upstream | None:
    itself = next((member for member in members.last if member.get("self")), None)
    if itself is None or itself.get("state") in (PRIMARY, ARBITER):
        return None
    source = str(itself.get("syncSourceHost") or members.looks[-1].get("syncSourceHost") or "")
    return Upstream(
        name=source,
        state=str(itself.get("stateStr", "")),
        streams=itself.get("state") == SECONDARY and bool(source),
        lag_s=members.lag_s(itself["name"]),
    )


_OF_THE_SET: dict[str, Callable[[_Members], Any]] = {"replicas": _replicas, "upstream": _upstream}
